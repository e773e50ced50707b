/* SPDX-License-Identifier: Apache-2.0 */
/* In: a case, and a model that was made from its spec.  Out: for each array of the reference the
   worst difference.  Arrays are found by name, and are compared element by element in C order; axes
   of length 1 may be there or not (a batch of one).  */
#include "golden_fill.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- opening ---------------------------------------------------------------------------------- */

static void read_groups(golden_case *c, const char *path)
{
    char json[COMMAND_PATH];
    size_t n = strlen(path);

    if (n >= 4 && strcmp(path + n - 4, ".npz") == 0)
        n -= 4;
    snprintf(json, sizeof json, "%.*s.json", (int)n, path);
    char *text = file_text(json);
    c->has_groups = text && name_groups_read(&c->groups, text) == 0;
    free(text);
}

/* The first axis of the first array that has one a step.  */
static int count_steps(golden_case *c)
{
    static const char *const per_step[] = {"loss", "input/", "hidden/", "output/"};

    for (size_t k = 0; k < sizeof per_step / sizeof per_step[0]; k++)
        for (int i = 0; i < etr_npz_count(c->npz); i++) {
            const char *name = etr_npz_name(c->npz, i);
            int rank, shape[ETR_RANK_MAX];
            if (strncmp(name, per_step[k], strlen(per_step[k])) == 0
                && etr_npz_get(c->npz, name, &rank, shape) && rank > 0)
                return shape[0];
        }
    return 0;
}

int case_open(golden_case *c, const char *path)
{
    memset(c, 0, sizeof *c);
    c->npz = etr_npz_open(path);
    if (!c->npz) {
        fprintf(stderr, "golden-check: %s\n", etr_npz_error());
        return -1;
    }
    c->n_steps = count_steps(c);
    if (c->n_steps < 1) {
        fprintf(stderr, "%s: no loss, input, hidden or output tells the number of steps\n", path);
        case_close(c);
        return -1;
    }
    c->probe = calloc((size_t)etr_npz_count(c->npz) + NAMES_MAX + 1, sizeof *c->probe);
    read_groups(c, path);
    return c->probe ? 0 : -1;
}

void case_close(golden_case *c)
{
    for (int i = 0; i < c->n_probes; i++)
        free(c->probe[i].part);
    free(c->probe);
    etr_npz_close(c->npz);
    c->npz = NULL;
    c->probe = NULL;
    c->n_probes = 0;
}

/* --- binding ---------------------------------------------------------------------------------- */

static void add_part(golden_probe *p, const etr_var *v, size_t n, size_t stride, size_t offset)
{
    p->part[p->n_parts++] = (golden_part){v, n, stride, offset};
}

/* A probe for the array NAME, whose axes from LEAD to the last but TAIL are those of V; the tail
   has room for TAIL_SIZE parts.  NULL: it was added as one that cannot be compared.  */
static golden_probe *bind(golden_case *c, const char *name, const etr_var *v, int lead, int tail,
                          size_t tail_size)
{
    int rank, shape[ETR_RANK_MAX];
    size_t numel = 1, found = 1;
    const double *want = etr_npz_get(c->npz, name, &rank, shape);

    if (!want) {
        case_add_probe(c, name, PROBE_UNREAD, "cannot be read");
        return NULL;
    }
    for (int k = 0; k < rank; k++)
        numel *= (size_t)shape[k];
    for (int k = rank - tail; k >= 0 && k < rank; k++)
        found *= (size_t)shape[k];
    if (rank < lead + tail || (lead && shape[0] != c->n_steps) || found != tail_size
        || !case_same_axes(v, shape, lead, rank - tail)) {
        case_add_probe(c, name, PROBE_SHAPE, "its shape is another one than ours");
        return NULL;
    }
    golden_probe *p = case_add_probe(c, name, PROBE_COMPARED, NULL);
    p->part = calloc(tail_size, sizeof *p->part);
    p->kind = v->kind;
    p->want = want;
    p->numel = numel;
    p->per_step = lead ? numel / (size_t)c->n_steps : numel;
    for (size_t i = 0; i < numel; i++)
        p->largest = fmax(p->largest, fabs(want[i]));
    if (!p->part) {
        p->state = PROBE_UNREAD;
        return NULL;
    }
    return p;
}

static void bind_plain(golden_case *c, const char *name, const etr_var *v, int lead)
{
    if (!v) {
        case_add_probe(c, name, PROBE_MISSING, "missing: nothing of ours has this name (--map)");
        return;
    }
    golden_probe *p = bind(c, name, v, lead, 0, 1);
    if (p)
        add_part(p, v, model_numel(v), 1, 0);
}

/* The row of a table: of KIND, about the states ROW and COL (or -1), of the relation PATH (or
   NULL).  */
static const etr_var *find_entry(const golden_case *c, etr_kind kind, const etr_var *row,
                                 const etr_var *col, const char *path)
{
    const etr_info *info = c->m->info;
    for (int i = 0; i < info->n_vars; i++) {
        const etr_var *v = &info->vars[i];
        if (v->kind == kind && v->group == row->group && v->row == row->row
            && (!col || (v->group == col->group && v->col == col->row))
            && (!path || strcmp(v->path, path) == 0))
            return v;
    }
    return NULL;
}

/* h2h and signal of the group K: one part a pair of states, or one a state.  States of the
   reference's group that stand in different groups of ours do not depend on one another: their part
   is zero.  */
static void bind_group(golden_case *c, const char *name, int k, etr_kind kind)
{
    const etr_var *state[NAMES_MAX];
    const int n = case_states(c, k, state), tail = kind == ETR_H2H ? 2 : 1;
    const int cols = kind == ETR_H2H ? n : 1;

    if (n < 1) {
        case_add_probe(c, name, PROBE_MISSING, "missing: its hidden states are not all ours (--map)");
        return;
    }
    golden_probe *p = bind(c, name, state[0], 1, tail, (size_t)(n * cols));
    for (int a = 0; p && a < n; a++)
        for (int b = 0; b < cols; b++)
            add_part(p, find_entry(c, kind, state[a], kind == ETR_H2H ? state[b] : NULL, NULL),
                     model_numel(state[0]), (size_t)(n * cols), (size_t)(a * cols + b));
    if (p)
        p->kind = kind;
}

/* The group that the reference's relation is about, if only one of ours has rows for PATH; else
   -1.  */
static int only_group(const golden_case *c, const char *path)
{
    const etr_info *info = c->m->info;
    int group = -1;

    for (int i = 0; i < info->n_vars; i++) {
        const etr_var *v = &info->vars[i];
        if (v->kind != ETR_H2W || strcmp(v->path, path) != 0)
            continue;
        if (group >= 0 && v->group != group)
            return -1;
        group = v->group;
    }
    return group;
}

/* The reference's group that our GROUP is.  */
static int their_group(const golden_case *c, int group)
{
    const etr_var *state[NAMES_MAX];
    for (int k = 0; k < NAMES_MAX; k++) {
        const int n = case_states(c, k, state);
        if (n == 0)
            break;
        for (int i = 0; i < n; i++)
            if (state[i]->group == group)
                return k;
    }
    return -1;
}

/* h2w/RELATION, or h2w/RELATION.gK of one that reaches several groups.  */
static void bind_h2w(golden_case *c, const char *name, const char *relation)
{
    const etr_var *v = case_find(c, ETR_H2W, "h2w", relation), *state[NAMES_MAX];
    char cut[NAME_LENGTH];
    int k = -1;

    snprintf(cut, sizeof cut, "%s", relation);
    char *dot = strrchr(cut, '.');
    if (v) {
        k = their_group(c, only_group(c, v->path));
    } else if (dot && sscanf(dot, ".g%d", &k) == 1) {
        *dot = '\0';
        v = case_find(c, ETR_H2W, "h2w", cut);
    }
    const int n = v && k >= 0 ? case_states(c, k, state) : 0;
    if (n < 1) {
        case_add_probe(c, name, PROBE_MISSING, v ? "missing: it reaches other groups than ours"
                                            : "missing: no relation of ours has this name (--map)");
        return;
    }
    golden_probe *p = bind(c, name, state[0], 1, 1, (size_t)n);
    for (int a = 0; p && a < n; a++)
        add_part(p, find_entry(c, ETR_H2W, state[a], NULL, v->path), model_numel(state[0]),
                 (size_t)n, (size_t)a);
    if (p)
        p->kind = ETR_H2W;
}

static void bind_gradient(golden_case *c, const char *name, const char *parameter)
{
    const int before = c->n_probes;
    bind_plain(c, name, case_find(c, ETR_PARAM, "param", parameter), 0);
    c->probe[before].is_gradient = 1;
}

static void bind_loss(golden_case *c)
{
    int rank, shape[ETR_RANK_MAX];
    golden_probe *p = case_add_probe(c, "loss", PROBE_COMPARED, NULL);

    p->want = etr_npz_get(c->npz, "loss", &rank, shape);
    p->is_loss = 1;
    for (int t = 0; p->want && t < c->n_steps; t++)
        p->largest = fmax(p->largest, fabs(p->want[t]));
    if (!p->want)
        p->state = PROBE_UNREAD;
    else if (!model_has(c->m, MODEL_SOLVE_SIGNAL))
        p->state = PROBE_MISSING;
    p->note = "missing: the spec has no loss";
}

/* Probes for the array NAME, if it is one to be compared.  */
static void bind_array(golden_case *c, const char *name)
{
    const char *rest;
    char grad[NAME_LENGTH + 8];

    snprintf(grad, sizeof grad, "grad/%s/", c->grad);
    if ((rest = case_after(name, "hidden/")))
        bind_plain(c, name, case_find_state(c, rest), 1);
    else if ((rest = case_after(name, "output/")))
        bind_plain(c, name, case_find(c, ETR_OUTPUT, "output", rest), 1);
    else if ((rest = case_after(name, "h2h/group")))
        bind_group(c, name, atoi(rest), ETR_H2H);
    else if ((rest = case_after(name, "signal/group")) && c->signals)
        bind_group(c, name, atoi(rest), ETR_SIGNAL);
    else if ((rest = case_after(name, "h2w/")))
        bind_h2w(c, name, rest);
    else if ((rest = case_after(name, "h2w_x/")))
        bind_plain(c, name, case_find(c, ETR_H2W_X, "h2w", rest), 1);
    else if (strcmp(name, "loss") == 0)
        bind_loss(c);
    else if ((rest = case_after(name, grad)))
        bind_gradient(c, name, rest);
}

int case_bind(golden_case *c)
{
    char *filled = calloc((size_t)c->m->info->n_vars + 1, 1);
    int gradients = 0;

    if (!filled)
        return -1;
    for (int i = 0; i < etr_npz_count(c->npz); i++)
        case_fill(c, etr_npz_name(c->npz, i), filled);
    case_report_unfilled(c, filled);
    free(filled);
    for (int i = 0; i < etr_npz_count(c->npz); i++)
        bind_array(c, etr_npz_name(c->npz, i));
    for (int i = 0; i < c->n_probes; i++)
        gradients += c->probe[i].is_gradient;
    if (gradients == 0) {
        char name[NAME_LENGTH];
        snprintf(name, sizeof name, "grad/%.100s", c->grad);
        case_add_probe(c, name, PROBE_MISSING, "missing: the reference has no such gradient (--grad)");
    }
    return 0;
}

/* --- comparing -------------------------------------------------------------------------------- */

static void note_difference(golden_probe *p, double got, double want)
{
    const double d = fabs(got - want);
    if (!isnan(p->worst) && !(d <= p->worst)) /* a NaN is the worst of all */
        p->worst = d;
    p->n_looked++;
}

static void look(golden_case *c, golden_probe *p, const char *block, int t)
{
    const double *want = p->want + (size_t)t * p->per_step;
    for (int i = 0; i < p->n_parts; i++) {
        const golden_part *part = &p->part[i];
        for (size_t k = 0; k < part->n; k++)
            note_difference(p, part->var ? model_get(c->m, part->var, block, k) : 0,
                            want[k * part->stride + part->offset]);
    }
}

void case_look(golden_case *c, unsigned kinds, int t)
{
    for (int i = 0; i < c->n_probes; i++) {
        golden_probe *p = &c->probe[i];
        if (p->state == PROBE_COMPARED && !p->is_gradient && !p->is_loss && (kinds & 1u << p->kind))
            look(c, p, model_block(c->m, p->kind, t), t);
    }
}

/* Add the squares of PROBE's differences and of what is wanted.  */
static void add_squares(const golden_case *c, const golden_probe *p, double *off, double *all)
{
    for (int i = 0; i < p->n_parts; i++)
        for (size_t k = 0; k < p->part[i].n; k++) {
            const double want = p->want[k * p->part[i].stride + p->part[i].offset];
            const double got = p->part[i].var ? model_get(c->m, p->part[i].var, c->m->grad, k) : 0;
            *off += (got - want) * (got - want);
            *all += want * want;
        }
}

void case_look_gradient(golden_case *c)
{
    double off = 0, all = 0;

    for (int i = 0; i < c->n_probes; i++)
        if (c->probe[i].is_gradient && c->probe[i].state == PROBE_COMPARED)
            add_squares(c, &c->probe[i], &off, &all);
    c->distance = all > 0 ? sqrt(off / all) : off;
    for (int i = 0; i < c->n_probes; i++)
        if (c->probe[i].is_gradient && c->probe[i].state == PROBE_COMPARED)
            look(c, &c->probe[i], c->m->grad, 0);
}

void case_look_loss(golden_case *c, double loss, int t)
{
    for (int i = 0; i < c->n_probes; i++)
        if (c->probe[i].is_loss && c->probe[i].state == PROBE_COMPARED)
            note_difference(&c->probe[i], loss, c->probe[i].want[t]);
}

/* The mean, so that the difference is one of a step's loss.  */
void case_look_total(golden_case *c, double total)
{
    for (int i = 0; i < c->n_probes; i++) {
        golden_probe *p = &c->probe[i];
        double want = 0;
        if (!p->is_loss || p->state != PROBE_COMPARED)
            continue;
        for (int t = 0; t < c->n_steps; t++)
            want += p->want[t];
        note_difference(p, total / c->n_steps, want / c->n_steps);
    }
}

int case_report(const golden_case *c, double tol, FILE *f)
{
    int failed = 0;

    for (int i = 0; i < c->n_probes; i++) {
        const golden_probe *p = &c->probe[i];
        const double rel = p->worst > 0 ? p->worst / p->largest : p->worst;
        if (p->state != PROBE_COMPARED || p->n_looked == 0) {
            fprintf(f, "%-36s %s  FAIL\n", p->name, p->note ? p->note : "was not compared");
            failed++;
            continue;
        }
        const int ok = p->worst <= tol || rel <= tol;
        fprintf(f, "%-36s abs %.1e  rel %.1e  %s\n", p->name, p->worst, rel, ok ? "ok" : "FAIL");
        failed += !ok;
    }
    return failed;
}
