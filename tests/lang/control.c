/* SPDX-License-Identifier: Apache-2.0 */
/* The step against the same written as a C program with loops and branches, the gradient against
   differences.  */
#define MODEL control
#define LANG_GRADIENT
#include "model.h"

#include "lang.h"

enum { N = 4 };

static control_params p;

static void product(const double *x, const double *w, int rows, double *y)
{
    for (int o = 0; o < N; o++) {
        y[o] = 0;
        for (int i = 0; i < rows; i++)
            y[o] += x[i] * w[i * N + o];
    }
}

static double largest(const double *x)
{
    return fmax(fmax(x[0], x[1]), fmax(x[2], x[3]));
}

static void expected(const control_input *in, control_state *s, double *turns)
{
    double a[N], u[N], t[N], last[N] = {0}, w[N], z[N], root[N], sum = 0;
    int i = 0;
    product(in->x, p.W[0], 3, a);
    for (int o = 0; o < N; o++)
        u[o] = 0.5 * s->h[o];
    for (int k = 0; k < 3; k++) {
        product(u, p.U[0], N, t);
        int calm = largest(last) > 0.2;
        for (int o = 0; o < N; o++) {
            u[o] = calm ? 0.25 * u[o] : 0.5 * u[o] + tanh(t[o]) * p.k[o];
            last[o] = fabs(tanh(t[o]));
        }
    }
    for (int o = 0; o < N; o++)
        w[o] = fabs(a[o]);
    for (; i < 4 && largest(w) > 0.1; i++)
        for (int o = 0; o < N; o++)
            w[o] = 0.5 * w[o] * w[o];
    for (int o = 0; o < N; o++) {
        root[o] = sqrt(s->v[o]);
        sum += sqrt(s->h[o] * p.k[o]);
    }
    product(root, p.U[0], N, z);
    for (int o = 0; o < N; o++) {
        z[o] = in->g > 0 ? sqrt(s->h[o]) * log(p.k[o]) + z[o] + sum : a[o];
        s->v[o] = in->g > 0 ? 0.9 * s->v[o] + a[o] : 0.5 * s->v[o];
        s->h[o] = tanh(u[o] + a[o] + z[o] + w[o]);
    }
    *turns = i;
}

int main(void)
{
    static control_state s, mine;
    static control_input in;
    static control_target target;
    static control_output out;
    for (int trial = 0; trial < 20; trial++) {
        fill(&p, sizeof p, 1);
        fill(&s, sizeof s, 1);
        fill(&in, sizeof in, 1);
        fill(&target, sizeof target, 1);
        in.g = trial % 2 ? 1 : -1;
        for (int o = 0; o < N && in.g > 0; o++) {
            s.h[o] = fabs(s.h[o]) + 0.1;
            s.v[o] = fabs(s.v[o]) + 0.1;
            p.k[o] = fabs(p.k[o]) + 0.1;
        }
        gradient_by_differences(&p, &s, &in, &target, 1e-6);
        double turns;
        mine = s;
        expected(&in, &mine, &turns);
        control_step(&p, &s, &in, &out);
        NEAR(out.i, turns, 0);
        for (int o = 0; o < N; o++) {
            NEAR(s.h[o], mine.h[o], 1e-14);
            NEAR(s.v[o], mine.v[o], 1e-14);
        }
    }
    return verdict();
}
