/* SPDX-License-Identifier: Apache-2.0 */
/* In: a model and an evaluator of the same spec.  Out: Check's verdict on one step.  Samples of a
   batch are evaluated one by one, derivatives one seed at a time.  */
#include "beyond.h"

#include "etrace_random.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_SIZE = 3 };

/* --- what the parts share --------------------------------------------------------------------- */

bool beyond_differs(const beyond *b, double x, double y)
{
    return !(fabs(x - y) <= b->tolerance * fmax(1, fabs(y)));
}

void beyond_same(const beyond *b, double got, double want, const char *name, const char *what,
                 size_t k)
{
    ck_assert_msg(!beyond_differs(b, got, want), "%s\n%s of %s [%zu] is %.17g, not %.17g (by %g)",
                  b->what, what, name, k, got, want, got - want);
}

double beyond_part(const double *x, size_t k)
{
    return x ? x[k] : 0;
}

void *beyond_alloc(size_t n, size_t size)
{
    void *p = calloc(n + 1, size);
    ck_assert_ptr_nonnull(p);
    return p;
}

static int ev_kind_of(etr_kind kind)
{
    static const int of[] = {[ETR_PARAM] = EV_PARAM, [ETR_HIDDEN] = EV_HIDDEN,
                             [ETR_STATE] = EV_STATE, [ETR_INPUT] = EV_INPUT,
                             [ETR_TARGET] = EV_TARGET};
    return kind <= ETR_TARGET ? of[kind] : -1;
}

size_t beyond_size(const beyond *b)
{
    size_t n = 1;
    for (int i = 0; i < b->m->info->n_vars; i++)
        n += model_numel(&b->m->info->vars[i]);
    return n;
}

void beyond_bind(const beyond *b, const char *state, int t, int s, double *store)
{
    evaluate_sample(b->ev, s);
    for (int i = 0; i < b->m->info->n_vars; i++) {
        const etr_var *v = &b->m->info->vars[i];
        const int kind = ev_kind_of(v->kind);
        if (kind < 0)
            continue;
        const bool shared = v->kind == ETR_PARAM;
        const bool of_state = v->kind == ETR_HIDDEN || v->kind == ETR_STATE;
        const size_t n = model_numel(v) / (size_t)(shared ? 1 : b->m->info->batch);
        const char *block = of_state ? state : model_block(b->m, v->kind, t);
        for (size_t k = 0; k < n; k++)
            store[k] = model_get(b->m, v, block, k + (shared ? 0 : (size_t)s * n));
        evaluate_bind(b->ev, (ev_kind)kind, v->path, store, n);
        store += n;
    }
}

char *beyond_copy_state(const beyond *b)
{
    char *copy = beyond_alloc(b->m->info->state_bytes, 1);
    memcpy(copy, b->m->state, b->m->info->state_bytes);
    return copy;
}

/* What model_randomise leaves alone: indices, and states that are not differentiated.  */
static void randomise_rest(const beyond *b, const etr_var *v, uint32_t stream, uint64_t seed)
{
    const bool per_step = v->kind == ETR_INPUT || v->kind == ETR_TARGET;
    const size_t n = model_numel(v);
    if (!(per_step && v->element == ETR_INT32) && v->kind != ETR_STATE)
        return;
    for (int t = 0; t < (per_step ? b->m->n_steps : 1); t++)
        for (size_t k = 0; k < n; k++) {
            const double x = etr_uniform_f64(seed, stream, (size_t)t * n + k);
            model_put(b->m, v, model_block(b->m, v->kind, t), k,
                      v->element == ETR_INT32 ? floor(INDEX_SIZE * x) : 2 * x - 1);
        }
}

/* Random numbers everywhere; those of hidden states are near where they begin.  */
void beyond_randomise(const beyond *b, uint64_t seed)
{
    model_init_state(b->m);
    char *initial = beyond_copy_state(b);
    model_randomise(b->m, seed);
    for (int i = 0; i < b->m->info->n_vars; i++) {
        const etr_var *v = &b->m->info->vars[i];
        randomise_rest(b, v, (uint32_t)i, seed);
        for (size_t k = 0; v->kind == ETR_HIDDEN && k < model_numel(v); k++)
            model_put(b->m, v, b->m->state, k,
                      model_get(b->m, v, b->m->state, k) + model_get(b->m, v, initial, k));
    }
    free(initial);
}

/* --- one step --------------------------------------------------------------------------------- */

static void compare_values(const beyond *b, int s)
{
    for (int i = 0; i < evaluate_n_vars(b->ev); i++) {
        const ev_var *v = evaluate_var(b->ev, i);
        if (v->kind != EV_HIDDEN && v->kind != EV_STATE)
            continue;
        const etr_kind kind = v->kind == EV_HIDDEN ? ETR_HIDDEN : ETR_STATE;
        const etr_var *ours = model_find(b->m, kind, v->path);
        ck_assert_msg(ours != NULL, "%s\nno state %s", b->what, v->path);
        for (size_t k = 0; k < v->n; k++)
            beyond_same(b, model_get(b->m, ours, b->m->state, k + (size_t)s * v->n), v->next->v[k],
                        v->path, "value", k);
    }
    for (int i = 0; i < evaluate_n_outputs(b->ev); i++) {
        const ev_output *o = evaluate_output(b->ev, i);
        const etr_var *ours = model_find(b->m, ETR_OUTPUT, o->name);
        ck_assert_msg(ours != NULL, "%s\nno output %s", b->what, o->name);
        for (size_t k = 0; k < o->value->n; k++)
            beyond_same(b, model_get(b->m, ours, b->m->output, k + (size_t)s * o->value->n),
                        o->value->v[k], o->name, "value", k);
    }
}

int beyond_state_of(const beyond *b, int group, int row)
{
    for (int i = 0; i < b->m->info->n_vars; i++) {
        const etr_var *v = &b->m->info->vars[i];
        if (v->kind != ETR_HIDDEN || v->group != group || v->row != row)
            continue;
        for (int k = 0; k < evaluate_n_vars(b->ev); k++)
            if (evaluate_var(b->ev, k)->kind == EV_HIDDEN
                && strcmp(evaluate_var(b->ev, k)->path, v->path) == 0)
                return k;
    }
    ck_abort_msg("%s\nno state in row %d of group %d", b->what, row, group);
    return -1;
}

static void compare_h2h(const beyond *b, int s)
{
    for (int i = 0; i < b->m->info->n_vars; i++) {
        const etr_var *D = &b->m->info->vars[i];
        if (D->kind != ETR_H2H)
            continue;
        const int row = beyond_state_of(b, D->group, D->row);
        const int col = beyond_state_of(b, D->group, D->col);
        evaluate_run(b->ev, (ev_seed){.kind = SEED_ALL, .var = col, .mode = MODE_HOLD});
        const ev_var *to = evaluate_var(b->ev, row);
        for (size_t k = 0; k < to->n; k++)
            beyond_same(b, model_get(b->m, D, b->m->jacobian, k + (size_t)s * to->n),
                        beyond_part(to->next->t, k), to->path, "h2h", k);
    }
}

static void compare_signals(const beyond *b, int s, bool of_all)
{
    for (int i = 0; i < b->m->info->n_vars; i++) {
        const etr_var *signal = &b->m->info->vars[i];
        if (signal->kind != ETR_SIGNAL)
            continue;
        const int var = beyond_state_of(b, signal->group, signal->row);
        const size_t n = evaluate_var(b->ev, var)->n;
        evaluate_run(b->ev, (ev_seed){.kind = SEED_NOTHING, .var = -1});
        if (evaluate_var(b->ev, var)->next->of_params)
            continue; /* the loss may read parameters alone, which are differentiated elsewhere */
        for (size_t k = 0; k < n; k++) {
            evaluate_run(b->ev, (ev_seed){.kind = SEED_NEW, .var = var, .element = k,
                                          .direct = !of_all});
            beyond_same(b, model_get(b->m, signal, b->m->signal, k + (size_t)s * n),
                        evaluate_loss_tangent(b->ev), evaluate_var(b->ev, var)->path, "signal", k);
        }
    }
}

void beyond_step(const beyond *b, bool of_all, uint64_t seed)
{
    double loss = 0, *store = beyond_alloc(beyond_size(b), sizeof *store);
    beyond_randomise(b, seed);
    char *before = beyond_copy_state(b);
    const double ours = model_solve_signal(b->m, 0);
    for (int s = 0; s < b->m->info->batch; s++) {
        beyond_bind(b, before, 0, s, store);
        evaluate_run(b->ev, (ev_seed){.kind = SEED_NOTHING, .var = -1});
        loss += evaluate_loss(b->ev);
        compare_values(b, s);
        compare_h2h(b, s);
        beyond_h2w(b, s);
        compare_signals(b, s, of_all);
    }
    beyond_same(b, ours, loss, "the step", "loss", 0);
    free(before);
    free(store);
}
