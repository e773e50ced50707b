/* SPDX-License-Identifier: Apache-2.0 */
/* In: a case, and a model that was made from its spec.  Out: the model's parameters, states, inputs and targets
   filled with the reference's; what has no counterpart is a probe that says so.  */
#include "golden_fill.h"

#include <stdlib.h>
#include <string.h>

/* --- arrays and variables --------------------------------------------------------------------- */

/* What follows PREFIX in NAME, or NULL.  */
const char *case_after(const char *name, const char *prefix)
{
    const size_t n = strlen(prefix);
    return strncmp(name, prefix, n) == 0 ? name + n : NULL;
}

/* Our variable of the kind that the reference calls NAME.  */
const etr_var *case_find(const golden_case *c, etr_kind kind, const char *word,
                                const char *name)
{
    const etr_info *info = c->m->info;
    for (int i = 0; i < info->n_vars; i++)
        if (info->vars[i].kind == kind && name_map_match(&c->map, word, info->vars[i].path, name))
            return &info->vars[i];
    return NULL;
}

const etr_var *case_find_state(const golden_case *c, const char *name)
{
    const etr_var *v = case_find(c, ETR_HIDDEN, "hidden", name);
    return v ? v : case_find(c, ETR_STATE, "hidden", name);
}

/* Are the axes from FROM to TO of SHAPE those of V, not counting axes of length 1?  */
int case_same_axes(const etr_var *v, const int *shape, int from, int to)
{
    int k = 0;
    for (int i = from; i < to; i++) {
        if (shape[i] == 1)
            continue;
        while (k < v->rank && v->shape[k] == 1)
            k++;
        if (k == v->rank || v->shape[k++] != shape[i])
            return 0;
    }
    while (k < v->rank && v->shape[k] == 1)
        k++;
    return k == v->rank;
}

/* --- filling ---------------------------------------------------------------------------------- */

golden_probe *case_add_probe(golden_case *c, const char *name, probe_state state,
                               const char *note)
{
    golden_probe *p = &c->probe[c->n_probes++];
    snprintf(p->name, sizeof p->name, "%s", name);
    p->state = state;
    p->note = note;
    return p;
}

/* Fill V at every step with the array NAME; STEPS is 1 for what has no axis of steps.  */
static void fill(golden_case *c, const etr_var *v, const char *name, int steps)
{
    const int lead = v->kind == ETR_INPUT || v->kind == ETR_TARGET;
    int rank, shape[ETR_RANK_MAX];
    const double *x = etr_npz_get(c->npz, name, &rank, shape);
    const size_t n = model_numel(v);

    if (!x) {
        case_add_probe(c, name, PROBE_UNREAD, "cannot be read");
    } else if (rank < lead || (lead && shape[0] != steps) || !case_same_axes(v, shape, lead, rank)) {
        case_add_probe(c, name, PROBE_SHAPE, "its shape is another one than ours");
    } else {
        for (int t = 0; t < steps; t++)
            for (size_t i = 0; i < n; i++)
                model_put(c->m, v, model_block(c->m, v->kind, t), i, x[(size_t)t * n + i]);
    }
}

/* The number of each step that NAME holds, for all samples of V.  */
static void fill_samples(golden_case *c, const etr_var *v, const char *name)
{
    int rank, shape[ETR_RANK_MAX];
    const double *x = etr_npz_get(c->npz, name, &rank, shape);
    const size_t n = model_numel(v);

    if (!x || rank != 1 || shape[0] != c->n_steps) {
        case_add_probe(c, name, PROBE_SHAPE, "it has not one number a step");
        return;
    }
    for (int t = 0; t < c->n_steps; t++)
        for (size_t i = 0; i < n; i++)
            model_put(c->m, v, model_block(c->m, v->kind, t), i, x[t]);
}

/* Our states of the reference's group K in its order, as variables of the state block.  Returns how
   many, or -1: one of them is none of ours.  */
int case_states(const golden_case *c, int k, const etr_var **state)
{
    const etr_info *info = c->m->info;
    int n = 0;

    for (int i = 0; c->has_groups && i < c->groups.n; i++) {
        if (c->groups.group[i] != k)
            continue;
        state[n] = case_find(c, ETR_HIDDEN, "hidden", c->groups.state[i]);
        if (!state[n++])
            return -1;
    }
    for (int row = 0; !c->has_groups && row >= 0; row++) {
        int found = 0;
        for (int i = 0; i < info->n_vars; i++) {
            const etr_var *v = &info->vars[i];
            if (v->kind != ETR_HIDDEN || v->group != k || v->row != row)
                continue;
            state[n++] = v;
            found = 1;
        }
        if (!found)
            break;
    }
    return n;
}

/* Where element I of the reference's vector of all states of group K, [position, state], stands in ours.  */
static size_t in_our_order(const etr_var *const *state, int n, size_t i)
{
    return i - i % (size_t)n + (size_t)state[i % (size_t)n]->row;
}

/* The signs of group K, whose states may stand in another order with us.  */
static void fill_signs(golden_case *c, const char *name, int k, char *filled)
{
    const etr_var *state[NAMES_MAX], *v = NULL;
    const int n = case_states(c, k, state);
    int rank, shape[ETR_RANK_MAX];
    const double *x = etr_npz_get(c->npz, name, &rank, shape);
    char path[NAME_LENGTH];

    if (n <= 0 || !x)
        return;
    snprintf(path, sizeof path, "uoro_nu.group%d", state[0]->group);
    for (int i = 0; i < c->m->info->n_vars; i++)
        if (strcmp(c->m->info->vars[i].path, path) == 0)
            v = &c->m->info->vars[i];
    if (!v || shape[0] != c->n_steps)
        return;
    const size_t size = model_numel(v);
    for (size_t i = 0; i < (size_t)c->n_steps * size; i++) {
        model_put(c->m, v, model_block(c->m, v->kind, (int)(i / size)),
                  in_our_order(state, n, i % size), x[i]);
    }
    filled[v - c->m->info->vars] = 1;
}

/* The synthesiser of group K: a matrix between vectors of all states, or a bias.  */
static void fill_synthesiser(golden_case *c, const char *name, char *filled)
{
    const etr_var *state[NAMES_MAX], *v = NULL;
    const int n = case_states(c, atoi(strstr(name, "/group") + strlen("/group")), state);
    int rank, shape[ETR_RANK_MAX];
    const double *x = etr_npz_get(c->npz, name, &rank, shape);
    char path[NAME_LENGTH];

    if (n <= 0 || !x)
        return;
    snprintf(path, sizeof path, "%.5s.group%d", name, state[0]->group);
    v = model_find(c->m, ETR_PARAM, path);
    if (!v)
        return;
    const size_t cols = (size_t)shape[rank - 1], rows = rank > 1 ? (size_t)shape[0] : 1;
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < cols; k++)
            model_put(c->m, v, c->m->params,
                      (rows > 1 ? in_our_order(state, n, i) * cols : 0) + in_our_order(state, n, k),
                      x[i * cols + k]);
    filled[v - c->m->info->vars] = 1;
}

/* The variable of ours that a rule's own array is for: feedback/group0 is feedback.group0, and the modulator
   is an input of that name.  */
static const etr_var *find_path(const golden_case *c, etr_kind kind, const char *name)
{
    const char *slash = strchr(name, '/');
    char path[NAME_LENGTH];

    if (strncmp(name, "three_factor/", 13) == 0)
        snprintf(path, sizeof path, "%s", slash + 1);
    else
        snprintf(path, sizeof path, "%.*s.%s", (int)(slash - name), name, slash + 1);
    for (int i = 0; i < c->m->info->n_vars; i++)
        if (c->m->info->vars[i].kind == kind && strcmp(c->m->info->vars[i].path, path) == 0)
            return &c->m->info->vars[i];
    return NULL;
}

/* Fill what the array NAME stands for, if it stands for something of ours.  FILLED[i] is set for
   our variable I.  */
void case_fill(golden_case *c, const char *name, char *filled)
{
    const etr_var *v = NULL;
    const char *rest = case_after(name, "param/");
    int steps = 1;

    if (rest) {
        v = case_find(c, ETR_PARAM, "param", rest);
    } else if ((rest = case_after(name, "const/"))) {
        v = case_find(c, ETR_PARAM, "const", rest);
        if (!v) /* part of the spec: then the numbers behind it tell if it is the right one */
            return;
    } else if (case_after(name, "feedback/")) { /* of the rules that have it: feedback.group0 */
        v = find_path(c, ETR_PARAM, name);
        if (!v)
            return;
    } else if ((rest = case_after(name, "uoro_nu/group"))) {
        fill_signs(c, name, atoi(rest), filled);
        return;
    } else if (case_after(name, "dni_W/group") || case_after(name, "dni_b/group")) {
        fill_synthesiser(c, name, filled);
        return;
    } else if (case_after(name, "three_factor/")) {
        v = find_path(c, ETR_INPUT, name);
        if (v) {
            filled[v - c->m->info->vars] = 1;
            fill_samples(c, v, name);
        }
        return;
    } else if ((rest = case_after(name, "hidden0/"))) {
        v = case_find_state(c, rest);
    } else if ((rest = case_after(name, "input/"))) {
        v = case_find(c, ETR_INPUT, "input", rest);
        steps = c->n_steps;
    } else if ((rest = case_after(name, "target/"))) {
        v = case_find(c, ETR_TARGET, "target", rest);
        steps = c->n_steps;
    } else {
        return;
    }
    if (!v) {
        case_add_probe(c, name, PROBE_MISSING, "missing: nothing of ours has this name (--map)");
        return;
    }
    filled[v - c->m->info->vars] = 1;
    fill(c, v, name, steps);
}

/* Whatever of ours the reference gave no value: the comparison would mean nothing.  */
void case_report_unfilled(golden_case *c, const char *filled)
{
    static const char *const word[] = {[ETR_PARAM] = "our param/", [ETR_HIDDEN] = "our hidden/",
                                       [ETR_INPUT] = "our input/", [ETR_TARGET] = "our target/"};
    const etr_info *info = c->m->info;
    char name[NAME_LENGTH];

    for (int i = 0; i < info->n_vars && c->n_probes < NAMES_MAX; i++) {
        const etr_var *v = &info->vars[i];
        if (filled[i] || (v->kind != ETR_PARAM && v->kind != ETR_HIDDEN && v->kind != ETR_INPUT
                          && v->kind != ETR_TARGET))
            continue;
        snprintf(name, sizeof name, "%s%s", word[v->kind], v->path);
        case_add_probe(c, name, PROBE_MISSING, "missing: the reference has no such name (--map)");
    }
}
