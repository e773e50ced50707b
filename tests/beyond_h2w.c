/* SPDX-License-Identifier: Apache-2.0 */
/* In: a model whose Jacobian block is filled, and an evaluator at the same place.  Out: Check's
   verdict on the relations.  They have names of our own making (W#2), so what is compared is the
   set: each relation is one of the evaluator's uses of weights, and each of these a relation.  */
#include "beyond.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { STATES_MAX = 32, CANDIDATES_MAX = EV_USES + EV_VARS };

static const ev_seed nothing = {.kind = SEED_NOTHING, .var = -1};

/* What a relation may be: one use of weights, or the element-wise uses of one parameter.  */
typedef struct {
    unsigned long long params;
    size_t n_x;
    double *x;
    double *df[STATES_MAX]; /* of the evaluator's hidden states, in their order; NULL: zero */
    bool matched;
} candidate;

static double *copy_numbers(const double *x, size_t n)
{
    double *copy = beyond_alloc(n, sizeof *copy);
    memcpy(copy, x, n * sizeof *copy);
    return copy;
}

/* Whether something reaches a state.  */
static bool read_df(const beyond *b, candidate *c, ev_seed seed)
{
    bool any = false;
    evaluate_run(b->ev, seed);
    for (int i = 0, h = 0; i < evaluate_n_vars(b->ev); i++) {
        const ev_var *v = evaluate_var(b->ev, i);
        if (v->kind != EV_HIDDEN)
            continue;
        ck_assert_int_lt(h, STATES_MAX);
        c->df[h] = v->next->t ? copy_numbers(v->next->t, v->n) : NULL;
        for (size_t k = 0; c->df[h] && k < v->n; k++)
            any = any || c->df[h][k] < 0 || c->df[h][k] > 0;
        h++;
    }
    return any;
}

static void forget(candidate *c)
{
    free(c->x);
    for (int h = 0; h < STATES_MAX; h++)
        free(c->df[h]);
    memset(c, 0, sizeof *c);
}

/* In a branch that is not taken a weight op reads zeros.  */
static void read_use(candidate *c, const ev_use *use)
{
    memset(c, 0, sizeof *c);
    c->params = use->w->traced;
    c->n_x = use->x ? use->x->n : 0;
    c->x = use->x ? copy_numbers(use->x->v, use->x->n) : NULL;
    if (use->dead && use->x && !use->x->is_index)
        memset(c->x, 0, c->n_x * sizeof *c->x);
}

/* The candidates that reach a state, into C.  Returns how many.  */
static int find_candidates(const beyond *b, candidate *c)
{
    int n = 0;
    evaluate_run(b->ev, nothing);
    const int n_uses = evaluate_n_uses(b->ev);
    for (int i = 0; i < n_uses; i++) {
        evaluate_run(b->ev, nothing);
        const ev_use *use = evaluate_use(b->ev, i);
        const bool alone = use->x == NULL;
        read_use(&c[n], use);
        if (read_df(b, &c[n], (ev_seed){.kind = SEED_USE, .var = i, .element = alone,
                                        .mode = MODE_HOLD}))
            n++;
        else
            forget(&c[n]);
    }
    for (int i = 0; i < evaluate_n_vars(b->ev); i++) {
        memset(&c[n], 0, sizeof c[n]);
        c[n].params = 1ull << i;
        if (!evaluate_var(b->ev, i)->traced)
            continue;
        if (read_df(b, &c[n], (ev_seed){.kind = SEED_ALL, .var = i, .mode = MODE_HOLD}))
            n++;
        else
            forget(&c[n]);
    }
    return n;
}

static int hidden_number(const beyond *b, int var)
{
    int h = 0;
    for (int i = 0; i < var; i++)
        h += evaluate_var(b->ev, i)->kind == EV_HIDDEN;
    return h;
}

/* How many turns of a loop the relation PATH is about: its df has so many rows for a state.  */
static size_t turns_of(const beyond *b, const char *path)
{
    size_t most = 1;
    for (int i = 0; i < b->m->info->n_vars; i++) {
        const etr_var *v = &b->m->info->vars[i];
        if (v->kind != ETR_H2W || strcmp(v->path, path) != 0)
            continue;
        const size_t n = evaluate_var(b->ev, beyond_state_of(b, v->group, v->row))->n;
        const size_t turns = model_numel(v) / (size_t)b->m->info->batch / n;
        most = turns > most ? turns : most;
    }
    return most;
}

/* Is what the model says of turn TURN of TURNS of the relation PATH, for sample S, that candidate?  X does not count
   where nothing reaches a state.  */
static bool is_candidate(const beyond *b, const char *path, int s, size_t turn, size_t turns, const candidate *c)
{
    for (int i = 0; i < b->m->info->n_vars; i++) {
        const etr_var *v = &b->m->info->vars[i];
        const bool is_x = v->kind == ETR_H2W_X;
        if ((v->kind != ETR_H2W && !is_x) || strcmp(v->path, path) != 0 || (is_x && !c->params))
            continue;
        const int state = is_x ? -1 : beyond_state_of(b, v->group, v->row);
        const size_t whole = model_numel(v) / (size_t)b->m->info->batch;
        const size_t n = is_x ? whole / turns : evaluate_var(b->ev, state)->n; /* zero in all turns has no rows */
        if (is_x && (!c->x || n != c->n_x))
            return false;
        const double *want = is_x ? c->x : c->df[hidden_number(b, state)];
        for (size_t k = 0; k < n; k++)
            if (beyond_differs(b, model_get(b->m, v, b->m->jacobian,
                                            k + (whole > n ? turn * n : 0) + (size_t)s * whole),
                               beyond_part(want, k)))
                return false;
    }
    return true;
}

/* The parameter that the relation PATH is named after.  */
static unsigned long long param_bit(const beyond *b, const char *path)
{
    const size_t len = strcspn(path, "#");
    for (int i = 0; i < evaluate_n_vars(b->ev); i++) {
        const ev_var *v = evaluate_var(b->ev, i);
        if (v->kind == EV_PARAM && strlen(v->path) == len && strncmp(v->path, path, len) == 0)
            return 1ull << i;
    }
    return 0;
}

void beyond_h2w(const beyond *b, int s)
{
    static candidate c[CANDIDATES_MAX + 1];
    const candidate none = {.params = 0};
    const int n = find_candidates(b, c);
    for (int i = 0; i < b->m->info->n_vars; i++) {
        const etr_var *v = &b->m->info->vars[i];
        const size_t turns = v->kind == ETR_H2W ? turns_of(b, v->path) : 0;
        for (size_t turn = 0; turn < turns; turn++) {
            bool found = is_candidate(b, v->path, s, turn, turns, &none);
            for (int k = 0; k < n; k++)
                if (c[k].params & param_bit(b, v->path) && is_candidate(b, v->path, s, turn, turns, &c[k]))
                    c[k].matched = found = true;
            ck_assert_msg(found, "%s\nno use of weights is turn %zu of the relation %s", b->what, turn, v->path);
        }
    }
    for (int k = 0; k < n; k++) {
        ck_assert_msg(c[k].matched, "%s\nuse %d of weights (%llx) is no relation", b->what, k,
                      c[k].params);
        forget(&c[k]);
    }
}
