/* SPDX-License-Identifier: Apache-2.0 */
/* The cells against their equations, written down once more with branches in place of where and spike.  */
#define MODEL neurons
#include "model.h"

#include "lang.h"

enum { N = 4, T = 200 };

static int n_spikes[6];

static void fired(int which, double y, int spike)
{
    NEAR(y, spike, 0);
    n_spikes[which] += spike;
}

static double phi(double r)
{
    return fabs(r) < 1e-4 ? 1 + r / 2 : (exp(r) - 1) / r;
}

/* S and OUT are what the step made of OLD.  */
static void check_lif(const neurons_state *old, const neurons_state *s, const neurons_output *out,
                      const neurons_input *in)
{
    for (int i = 0; i < N; i++) {
        double V = old->hard_V[i] >= 0.8 ? -0.1 : old->hard_V[i], k = exp(-1 / 4.0);
        NEAR(s->hard_V[i], k * V + (1 - k) * (0.05 + 1.5 * in->x[i]), 1e-14);
        fired(0, out->hard[i], s->hard_V[i] >= 0.8);
        V = old->ref_V[i] - (old->ref_V[i] >= 0.8 ? 0.8 : 0);
        NEAR(s->ref_V[i], old->ref_wait[i] > 0 ? V : k * V + (1 - k) * in->x[i], 1e-14);
        NEAR(s->ref_wait[i], s->ref_V[i] >= 0.8 ? 2 : fmax(old->ref_wait[i] - 1, 0), 0);
        fired(1, out->ref[i], s->ref_V[i] >= 0.8);
        int spike = old->adapt_V[i] >= 1 + 0.3 * old->adapt_a[i];
        NEAR(s->adapt_V[i], k * (spike ? 0 : old->adapt_V[i]) + (1 - k) * in->x[i], 1e-14);
        NEAR(s->adapt_a[i], exp(-0.1) * (old->adapt_a[i] + spike), 1e-14);
        fired(2, out->adapt[i], s->adapt_V[i] >= 1 + 0.3 * s->adapt_a[i]);
        V = old->plain_V[i] - (old->plain_V[i] >= 1);
        NEAR(s->plain_V[i], V + in->x[i] / 2, 1e-14);
        fired(3, out->plain[i], s->plain_V[i] >= 1);
    }
}

static void check_izhikevich(const neurons_state *old, const neurons_state *s, const neurons_output *out,
                             const neurons_input *in)
{
    for (int i = 0; i < N; i++) {
        int spike = old->izh_V[i] >= 30;
        double V = spike ? -65 : old->izh_V[i], u = old->izh_u[i] + 8 * spike;
        double slope = 0.04 * V * V + 5 * V + 140 - u + in->big[i];
        NEAR(s->izh_V[i], V + slope * phi(0.08 * V + 5), 1e-12);
        NEAR(s->izh_u[i], exp(-0.02) * u + (1 - exp(-0.02)) * 0.2 * s->izh_V[i], 1e-13);
        fired(4, out->izh[i], s->izh_V[i] >= 30);
    }
}

static void check_adex(const neurons_state *old, const neurons_state *s, const neurons_output *out,
                       const neurons_input *in)
{
    for (int i = 0; i < N; i++) {
        int spike = old->exp_V[i] >= -55;
        double V = old->exp_V[i] - (spike ? 13 : 0), w = old->exp_w[i] + spike;
        double r = (V + 59.9) / 3.48, e = exp(fmin(r, 20));
        double slope = (-65 - V + 3.48 * e - w + in->big[i]) / 10;
        NEAR(s->exp_V[i], V + slope * phi(((r < 20 ? e : 0) - 1) / 10), 1e-12);
        NEAR(s->exp_w[i], exp(-1 / 30.0) * w + (1 - exp(-1 / 30.0)) * (s->exp_V[i] + 65), 1e-12);
        fired(5, out->exp[i], s->exp_V[i] >= -55);
    }
}

static void check_synapses(const neurons_state *old, const neurons_state *s, const neurons_output *out,
                           const neurons_input *in)
{
    for (int i = 0; i < N; i++) {
        double x = in->pre[i], k = exp(-1 / 5.0);
        NEAR(s->alpha_g[i], k * old->alpha_g[i] + (1 - k) * old->alpha_h[i], 1e-14);
        NEAR(s->alpha_h[i], k * old->alpha_h[i] + x, 1e-14);
        NEAR(out->drive[i], s->alpha_g[i] * (2 - old->hard_V[i]), 1e-14);
        NEAR(s->dual_rise[i], exp(-1 / 2.0) * old->dual_rise[i] + x, 1e-14);
        NEAR(s->dual_decay[i], exp(-1 / 7.0) * old->dual_decay[i] + x, 1e-14);
        double peak = 2 * 7 / 5.0 * log(7 / 2.0); /* when one pulse is at its largest */
        double scale = 3 / (exp(-peak / 7) - exp(-peak / 2));
        NEAR(out->dual[i], scale * (s->dual_decay[i] - s->dual_rise[i]), 1e-13);
        NEAR(out->current[i], 2 * out->dual[i], 1e-15);
        double u = exp(-1 / 50.0) * old->plastic_u[i] + x * 0.2 * (1 - old->plastic_u[i]);
        double r = 1 + (old->plastic_r[i] - 1) * exp(-1 / 20.0);
        NEAR(s->plastic_u[i], u, 1e-14);
        NEAR(s->plastic_r[i], r - x * u * old->plastic_r[i], 1e-14);
        NEAR(out->plastic[i], x * u * r, 1e-14);
    }
}

static void check_layers(const neurons_output *out, const neurons_input *in, const neurons_params *p)
{
    double mean = 0, variance = 0, square = 0;
    for (int i = 0; i < N; i++) {
        mean += in->x[i] / N;
        square += in->x[i] * in->x[i] / N;
    }
    for (int i = 0; i < N; i++)
        variance += (in->x[i] - mean) * (in->x[i] - mean) / N;
    for (int i = 0; i < N; i++) {
        double y = (in->x[i] - mean) / sqrt(variance + 1e-5);
        NEAR(out->layer[i], p->layer_gain[i] * y + p->layer_bias[i], 1e-14);
        NEAR(out->rms[i], p->rms_gain[i] * in->x[i] / sqrt(square + 1e-5), 1e-14);
    }
}

int main(void)
{
    static neurons_params p;
    static neurons_state s;
    static neurons_input in;
    static neurons_output out;
    fill(&p, sizeof p, 1);
    neurons_init_state(&s);
    CHECK(s.hard_V[3] == 0.05 && s.exp_V[0] == -65 && s.izh_V[0] == -65 && s.plastic_u[1] == 0.2
          && s.plastic_r[2] == 1);
    for (int t = 0; t < T; t++) {
        neurons_state old = s;
        for (int i = 0; i < N; i++) {
            in.x[i] = 1 + draw();
            in.big[i] = 20 + 15 * draw();
            in.pre[i] = draw() > 0.6;
        }
        neurons_step(&p, &s, &in, &out);
        check_lif(&old, &s, &out, &in);
        check_izhikevich(&old, &s, &out, &in);
        check_adex(&old, &s, &out, &in);
        check_synapses(&old, &s, &out, &in);
        check_layers(&out, &in, &p);
    }
    for (int k = 0; k < 6; k++)
        CHECK(n_spikes[k] > 10 && n_spikes[k] < N * T - 10);
    return verdict();
}
