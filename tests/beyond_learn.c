/* SPDX-License-Identifier: Apache-2.0 */
/* In: a model and an evaluator of the same spec.  Out: Check's verdict on what the model learns: in
   one step, and over several steps by the definition of d_rtrl with window 1,

       e_t = D_t e_(t-1) + what comes by the weights of step t
       gradient = sum_t  d loss_t / d theta  +  d loss_t / d h_(t-1)  e_(t-1)

   with every derivative of a step from the evaluator.  */
#include "beyond.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STATES_MAX = 32 };

static const ev_seed nothing = {.kind = SEED_NOTHING, .var = -1};

/* --- gradients -------------------------------------------------------------------------------- */

static void compare_gradient(const beyond *b, double *const *gradient)
{
    for (int i = 0; i < evaluate_n_vars(b->ev); i++) {
        const ev_var *v = evaluate_var(b->ev, i);
        double largest = 1;
        if (!gradient[i])
            continue;
        const etr_var *ours = model_find(b->m, ETR_PARAM, v->path);
        ck_assert_msg(ours != NULL, "%s\nno parameter %s", b->what, v->path);
        for (size_t k = 0; k < v->n; k++)
            largest = fmax(largest, fabs(gradient[i][k]));
        for (size_t k = 0; k < v->n; k++)
            beyond_same(b, model_get(b->m, ours, b->m->grad, k) / largest,
                        gradient[i][k] / largest, v->path, "gradient", k);
    }
}

/* d loss / d theta with the old states fixed, added to GRADIENT.  */
static void add_inside(const beyond *b, double *const *gradient)
{
    for (int i = 0; i < evaluate_n_vars(b->ev); i++)
        for (size_t k = 0; gradient[i] && k < evaluate_var(b->ev, i)->n; k++) {
            evaluate_run(b->ev, (ev_seed){.kind = SEED_ELEMENT, .var = i, .element = k});
            gradient[i][k] += evaluate_loss_tangent(b->ev);
        }
}

/* Zeros for every parameter that is trained.  */
static double **new_gradient(const beyond *b)
{
    double **g = beyond_alloc(EV_VARS, sizeof *g);
    for (int i = 0; i < evaluate_n_vars(b->ev); i++) {
        const ev_var *v = evaluate_var(b->ev, i);
        if (v->kind == EV_PARAM && v->trainable)
            g[i] = beyond_alloc(v->n, sizeof **g);
    }
    return g;
}

static void free_gradient(double **g)
{
    for (int i = 0; i < EV_VARS; i++)
        free(g[i]);
    free(g);
}

void beyond_gradient(const beyond *b, uint64_t seed)
{
    double *store = beyond_alloc(beyond_size(b), sizeof *store), **g = NULL;
    const int n_steps = b->m->n_steps;
    b->m->n_steps = 1;
    beyond_randomise(b, seed);
    char *before = beyond_copy_state(b);
    for (int s = 0; s < b->m->info->batch; s++) {
        beyond_bind(b, before, 0, s, store);
        evaluate_run(b->ev, nothing);
        g = g ? g : new_gradient(b);
        add_inside(b, g);
    }
    model_learn_all(b->m);
    compare_gradient(b, g);
    b->m->n_steps = n_steps;
    free_gradient(g);
    free(before);
    free(store);
}

/* --- several steps ---------------------------------------------------------------------------- */

/* The states of one sample in a row, and the trace of every element of every traced parameter over
   them.  */
typedef struct {
    int n_states, state[STATES_MAX], group[STATES_MAX];
    size_t start[STATES_MAX + 1];
    double *trace[EV_VARS]; /* [element][place in the row of states] */
    double *D[STATES_MAX][STATES_MAX];
    double *entry;          /* d loss / d old states */
} sample_trace;

static size_t width(const sample_trace *e)
{
    return e->start[e->n_states];
}

static size_t size_of(const sample_trace *e, int state)
{
    return e->start[state + 1] - e->start[state];
}

static void begin_trace(const beyond *b, sample_trace *e)
{
    for (int i = 0; i < evaluate_n_vars(b->ev); i++)
        if (evaluate_var(b->ev, i)->kind == EV_HIDDEN) {
            const etr_var *ours = model_find(b->m, ETR_HIDDEN, evaluate_var(b->ev, i)->path);
            ck_assert_int_lt(e->n_states, STATES_MAX);
            e->group[e->n_states] = ours ? ours->group : -1;
            e->state[e->n_states] = i;
            e->start[e->n_states + 1] = e->start[e->n_states] + evaluate_var(b->ev, i)->n;
            e->n_states++;
        }
    e->entry = beyond_alloc(width(e), sizeof *e->entry);
    for (int i = 0; i < evaluate_n_vars(b->ev); i++)
        if (evaluate_var(b->ev, i)->traced)
            e->trace[i] = beyond_alloc(evaluate_var(b->ev, i)->n * width(e), sizeof **e->trace);
    for (int r = 0; r < e->n_states; r++)
        for (int c = 0; c < e->n_states; c++)
            e->D[r][c] = beyond_alloc(size_of(e, r), sizeof *e->D[r][c]);
}

static void end_trace(sample_trace *e)
{
    for (int i = 0; i < EV_VARS; i++)
        free(e->trace[i]);
    for (int r = 0; r < e->n_states; r++)
        for (int c = 0; c < e->n_states; c++)
            free(e->D[r][c]);
    free(e->entry);
}

/* d loss / d each old state, and what it brings from the traces.  */
static void meet_entry(const beyond *b, sample_trace *e, double *const *gradient)
{
    const size_t w = width(e);
    for (int s = 0; s < e->n_states; s++)
        for (size_t k = 0; k < size_of(e, s); k++) {
            evaluate_run(b->ev, (ev_seed){.kind = SEED_ELEMENT, .var = e->state[s], .element = k});
            e->entry[e->start[s] + k] = evaluate_loss_tangent(b->ev);
        }
    for (int i = 0; i < evaluate_n_vars(b->ev); i++)
        for (size_t k = 0; e->trace[i] && k < evaluate_var(b->ev, i)->n * w; k++)
            gradient[i][k / w] += e->entry[k % w] * e->trace[i][k];
}

/* D, inside of groups: the diagonal of a dense product (dense: diagonal) joins no groups.  */
static void find_jacobians(const beyond *b, sample_trace *e)
{
    for (int c = 0; c < e->n_states; c++) {
        evaluate_run(b->ev, (ev_seed){.kind = SEED_ALL, .var = e->state[c], .mode = MODE_HOLD});
        for (int r = 0; r < e->n_states; r++)
            for (size_t k = 0; e->group[r] == e->group[c] && k < size_of(e, r); k++)
                e->D[r][c][k] = beyond_part(evaluate_var(b->ev, e->state[r])->next->t, k);
    }
}

/* ROW, the trace of element K of parameter I, is brought over this step.  */
static void advance_row(const beyond *b, const sample_trace *e, int i, size_t k, double *row,
                        double *old)
{
    memcpy(old, row, width(e) * sizeof *old);
    memset(row, 0, width(e) * sizeof *row);
    for (int r = 0; r < e->n_states; r++)
        for (int c = 0; c < e->n_states; c++)
            for (size_t p = 0; size_of(e, r) == size_of(e, c) && p < size_of(e, r); p++)
                row[e->start[r] + p] += e->D[r][c][p] * old[e->start[c] + p];
    for (int mode = MODE_WEIGHTS; mode <= MODE_ELEMENTS; mode++) {
        evaluate_run(b->ev, (ev_seed){.kind = SEED_ELEMENT, .var = i, .element = k,
                                      .mode = (flow_mode)mode});
        for (int r = 0; r < e->n_states; r++)
            for (size_t p = 0; p < size_of(e, r); p++)
                row[e->start[r] + p] += beyond_part(evaluate_var(b->ev, e->state[r])->next->t, p);
    }
}

static void advance(const beyond *b, sample_trace *e)
{
    double *old = beyond_alloc(width(e), sizeof *old);
    find_jacobians(b, e);
    for (int i = 0; i < evaluate_n_vars(b->ev); i++)
        for (size_t k = 0; e->trace[i] && k < evaluate_var(b->ev, i)->n; k++)
            advance_row(b, e, i, k, e->trace[i] + k * width(e), old);
    free(old);
}

void beyond_steps(const beyond *b, uint64_t seed)
{
    const int batch = b->m->info->batch;
    double *store = beyond_alloc(beyond_size(b), sizeof *store), **g = NULL;
    sample_trace *e = beyond_alloc((size_t)batch, sizeof *e);
    beyond_randomise(b, seed);
    char *start = beyond_copy_state(b);
    for (int t = 0; t < b->m->n_steps; t++) {
        for (int s = 0; s < batch; s++) {
            beyond_bind(b, b->m->state, t, s, store);
            evaluate_run(b->ev, nothing);
            g = g ? g : new_gradient(b);
            if (t == 0)
                begin_trace(b, &e[s]);
            add_inside(b, g);
            meet_entry(b, &e[s], g);
            advance(b, &e[s]);
        }
        model_step(b->m, t);
    }
    memcpy(b->m->state, start, b->m->info->state_bytes);
    model_learn_all(b->m);
    compare_gradient(b, g);
    for (int s = 0; s < batch; s++)
        end_trace(&e[s]);
    free_gradient(g);
    free(e);
    free(start);
    free(store);
}
