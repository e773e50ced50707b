/* SPDX-License-Identifier: Apache-2.0 */
/* In: a spec and its rule.  Out: a program, and in it what the model has to compute on data that both
   can make: outputs of each step, states and gradients behind the last one, the loss.
   The numbers come from the interpreter, in double, so that they are not made by what they test.  An array is
   one number, a weighted sum; how far off it may be is found by moving the parameters a little.  */
#include "self_test.h"

#include "bundle.h"
#include "etrace_random.h"
#include "interpret.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 4, SEEDS = 8 };

/* What the program calls.  */
typedef enum { FORM_STEP, FORM_LEARN, FORM_SEQUENCE } test_form;

typedef struct {
    int step;
    const char *kind, *path;
    double sum, scale;
} row;

typedef struct {
    const model_plan *plan;
    ir *ir;
    arena *arena, *step; /* for the whole trial, and for one call of the interpreter */
    test_form form;
    int n_steps;
    double **x;      /* of a variable: its value, all samples */
    double **out;    /* of an output */
    double **grad;   /* of a parameter */
    double loss;
    uint32_t random; /* of the data */
    int n_rows;
    size_t cap_rows;
    row *row;
} trial;

/* --- what both sides draw ---------------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static int64_t numel(const trial *t, int v)
{
    const var *x = &t->ir->var[v];
    return shape_numel(x->shape) * (ir_is_batched(x) ? t->ir->batch : 1);
}

static void draw(trial *t, var_kind kind)
{
    int *v = ARENA_ARRAY(t->arena, int, t->ir->n_vars + 1);
    int n = ir_vars_in_order(t->ir, 1u << kind, v);
    for (int k = 0; k < n; k++) {
        const var *x = &t->ir->var[v[k]];
        for (int64_t i = 0; i < numel(t, v[k]); i++) {
            uint32_t u = next_random(&t->random);
            t->x[v[k]][i] = x->type != TYPE_INDEX  ? ((double)(u % 257) - 128) / 128
                            : x->index_size > 0 ? (double)(u % (uint32_t)x->index_size)
                                                : 0;
        }
    }
}

static void fill_f32(const var *x, int64_t n, uint64_t seed, uint32_t stream, double *to)
{
    float *p = calloc((size_t)n + 1, sizeof *p);
    float a = (float)x->init_a, b = (float)x->init_b;
    size_t size = (size_t)n;
    switch (x->init) {
    case INIT_CONSTANT: etr_fill_constant_f32(p, size, a); break;
    case INIT_UNIFORM: etr_fill_uniform_f32(p, size, seed, stream, a, b); break;
    case INIT_NORMAL: etr_fill_normal_f32(p, size, seed, stream, a, b); break;
    case INIT_ORTHOGONAL:
        etr_fill_orthogonal_f32(p, (size_t)x->shape.dim[0], (size_t)x->shape.dim[1], seed, stream, a);
    }
    for (int64_t i = 0; i < n; i++)
        to[i] = (double)p[i];
    free(p);
}

static void fill_f64(const var *x, int64_t n, uint64_t seed, uint32_t stream, double *to)
{
    size_t size = (size_t)n;
    switch (x->init) {
    case INIT_CONSTANT: etr_fill_constant_f64(to, size, x->init_a); break;
    case INIT_UNIFORM: etr_fill_uniform_f64(to, size, seed, stream, x->init_a, x->init_b); break;
    case INIT_NORMAL: etr_fill_normal_f64(to, size, seed, stream, x->init_a, x->init_b); break;
    case INIT_ORTHOGONAL:
        etr_fill_orthogonal_f64(to, (size_t)x->shape.dim[0], (size_t)x->shape.dim[1], seed, stream,
                                x->init_a);
    }
}

/* As the emitted _init_params and _init_state do; then parameters are moved by EPSILON, one part of
   themselves.  */
static void init(trial *t, unsigned mask, uint64_t seed, double epsilon)
{
    int *v = ARENA_ARRAY(t->arena, int, t->ir->n_vars + 1);
    int n = ir_vars_in_order(t->ir, mask, v);
    uint32_t state = 7;
    for (int k = 0; k < n; k++) {
        const var *x = &t->ir->var[v[k]];
        (t->ir->real_bits == 32 ? fill_f32 : fill_f64)(x, numel(t, v[k]), seed, (uint32_t)k + 1, t->x[v[k]]);
        for (int64_t i = 0; mask & 1u << VAR_PARAM && i < numel(t, v[k]); i++)
            t->x[v[k]][i] *= 1 + epsilon * ((double)(next_random(&state) % 257) / 128 - 1);
    }
}

/* --- one call of a function --------------------------------------------------------------------------- */

static int find_param(const trial *t, const char *c_name, var_kind kind)
{
    int v = 0;
    while (t->ir->var[v].kind != kind || strcmp(t->ir->var[v].c_name, c_name) != 0)
        v++;
    return v;
}

/* Where the value of ST goes for SAMPLE.  */
static double *target(trial *t, const store *st, int sample, int64_t n)
{
    const char *name = strpbrk(st->place, ">.");
    int k = 0;
    if (strcmp(st->place, "total") == 0)
        return &t->loss;
    if (strncmp(st->place, "grad->", 6) == 0)
        return t->grad[find_param(t, name + 1, VAR_PARAM)];
    if (strncmp(st->place, "sum.", 4) == 0)
        return t->x[find_param(t, name + 1, VAR_SUM)];
    if (strncmp(st->place, "out->", 5) != 0)
        return t->x[st->var] + (ir_is_batched(&t->ir->var[st->var]) ? sample * n : 0);
    while (strcmp(t->ir->output[k].c_name, name + 1) != 0)
        k++;
    return t->out[k] + sample * n;
}

static void call(trial *t, const function_plan *f, int sample)
{
    t->step = arena_new();
    interpreter it = interpret_new(t->ir, t->step);
    int *root = ARENA_ARRAY(t->step, int, f->n + 1);
    it.sample = sample;
    for (int v = 0; v < t->ir->n_vars; v++) {
        const var *x = &t->ir->var[v];
        it.bind[v] = t->x[v] ? t->x[v] + (ir_is_batched(x) ? sample * shape_numel(x->shape) : 0) : NULL;
    }
    for (int i = 0; i < f->n; i++)
        root[i] = f->store[i].node;
    interpret_run(&it, root, f->n);
    for (int i = 0; i < f->n; i++) {
        const store *st = &f->store[i];
        int64_t n = shape_numel(t->ir->node[st->node].shape);
        double *to = target(t, st, sample, n);
        for (int64_t k = 0; k < n; k++)
            to[k] = (st->add ? to[k] : 0) + it.value[st->node][k];
    }
    arena_free(t->step);
}

/* F for all samples, and then what it does once.  */
static void call_all(trial *t, const function_plan *f)
{
    for (int i = 0; i < f->n_sums; i++)
        memset(t->x[f->sum[i]], 0, (size_t)numel(t, f->sum[i]) * sizeof(double));
    for (int b = 0; b < t->ir->batch; b++)
        call(t, f, b);
    if (f->once)
        call(t, f->once, 0);
}

/* --- a trial ------------------------------------------------------------------------------------------ */

/* X as one number: the weights are in [0.5, 1.5].  */
static void add_row(trial *t, int step, const char *kind, const char *path, const double *x, int64_t n)
{
    row r = {.step = step, .kind = kind, .path = path};
    uint32_t state = 1;
    for (int64_t i = 0; i < n; i++) {
        double w = 0.5 + (double)next_random(&state) / 16777216;
        r.sum += w * x[i];
        r.scale += w * fabs(x[i]);
    }
    ARENA_PUSH(t->arena, t->row, t->n_rows, t->cap_rows, r);
}

static void add_outputs(trial *t, int step)
{
    for (int k = 0; k < t->ir->n_outputs; k++)
        add_row(t, step, "ETR_OUTPUT", t->ir->output[k].name, t->out[k],
                shape_numel(t->ir->node[t->ir->output[k].node].shape) * t->ir->batch);
}

/* Are traces rounded to 16 bits, which the interpreter does not do?  */
static bool is_rounded(const ir *g)
{
    for (int v = 0; v < g->n_vars; v++)
        if (g->var[v].half != HALF_NONE)
            return true;
    return false;
}

static void add_last(trial *t)
{
    const ir *g = t->ir;
    for (int v = 0; v < g->n_vars; v++)
        if (g->var[v].kind == VAR_HIDDEN || g->var[v].kind == VAR_STATE)
            add_row(t, t->n_steps, g->var[v].kind == VAR_HIDDEN ? "ETR_HIDDEN" : "ETR_STATE",
                    g->var[v].path, t->x[v], numel(t, v));
    for (int v = 0; t->form != FORM_STEP && !is_rounded(g) && v < g->n_vars; v++)
        if (g->var[v].kind == VAR_PARAM)
            add_row(t, t->n_steps, "ETR_PARAM", g->var[v].path, t->grad[v], numel(t, v));
    if (t->form != FORM_STEP)
        add_row(t, t->n_steps, "LOSS", "", &t->loss, 1);
}

/* What one step weighs.  */
static double weight_of(const trial *t)
{
    double samples = t->ir->batch;
    if (!t->plan->set.mean)
        return 1;
    return t->form == FORM_SEQUENCE ? 1 / (samples * t->n_steps) : 1 / samples;
}

/* All steps forward, the state before each of them kept; then backwards.  */
static void run_sequence(trial *t)
{
    const ir *g = t->ir;
    double ***kept = ARENA_ARRAY(t->arena, double **, t->n_steps + 1);
    for (int i = 0; i < t->n_steps; i++) {
        draw(t, VAR_INPUT);
        draw(t, VAR_TARGET);
        kept[i] = ARENA_ARRAY(t->arena, double *, g->n_vars + 1);
        for (int v = 0; v < g->n_vars; v++) {
            kept[i][v] = ARENA_ARRAY(t->arena, double, numel(t, v) + 1);
            memcpy(kept[i][v], t->x[v], (size_t)numel(t, v) * sizeof(double));
        }
        call_all(t, &t->plan->step);
        add_outputs(t, i);
    }
    double **last = t->x;
    for (int i = t->n_steps - 1; i >= 0; i--) {
        for (int v = 0; v < g->n_vars; v++)
            if (g->var[v].kind == VAR_COTANGENT)
                kept[i][v] = last[v];
        t->x = kept[i];
        call_all(t, &t->plan->back);
    }
    t->x = last;
}

static void run_steps(trial *t)
{
    for (int i = 0; i < t->n_steps; i++) {
        draw(t, VAR_INPUT);
        draw(t, VAR_TARGET);
        call_all(t, t->form == FORM_LEARN ? &t->plan->learn : &t->plan->step);
        add_outputs(t, i);
    }
}

static trial *run(const model_plan *plan, uint64_t seed, double epsilon, arena *a)
{
    const ir *g = plan->ir;
    trial *t = ARENA_NEW(a, trial);
    *t = (trial){.plan = plan, .ir = plan->ir, .arena = a, .random = (uint32_t)seed, .n_steps = STEPS};
    t->form = plan->learn.n > 0 ? FORM_LEARN
              : g->loss == NO_NODE || plan->set.synthesiser ? FORM_STEP : FORM_SEQUENCE;
    if (t->form == FORM_SEQUENCE && plan->set.trace != TRACE_NONE && plan->set.window < STEPS)
        t->n_steps = plan->set.window;
    t->x = ARENA_ARRAY(a, double *, g->n_vars + 1);
    t->grad = ARENA_ARRAY(a, double *, g->n_vars + 1);
    t->out = ARENA_ARRAY(a, double *, g->n_outputs + 1);
    for (int v = 0; v < g->n_vars; v++) {
        t->x[v] = ARENA_ARRAY(a, double, numel(t, v) + 1);
        t->grad[v] = ARENA_ARRAY(a, double, numel(t, v) + 1);
    }
    for (int k = 0; k < g->n_outputs; k++)
        t->out[k] = ARENA_ARRAY(a, double, shape_numel(g->node[g->output[k].node].shape) * g->batch + 1);
    init(t, 1u << VAR_PARAM, seed, epsilon);
    init(t, 1u << VAR_HIDDEN | 1u << VAR_STATE, 0, 0);
    for (int v = 0; v < g->n_vars; v++)
        for (int64_t i = 0; g->var[v].kind == VAR_WEIGHT && i < numel(t, v); i++)
            t->x[v][i] = weight_of(t);
    (t->form == FORM_SEQUENCE ? run_sequence : run_steps)(t);
    add_last(t);
    return t;
}

/* --- the program -------------------------------------------------------------------------------------- */

static double tolerance(const trial *t, const trial *moved, int i)
{
    double part = t->ir->real_bits == 32 ? 2e-5 : 1e-11;
    return part * t->row[i].scale + 64 * fabs(t->row[i].sum - moved->row[i].sum);
}

/* Are all numbers finite, and none of them a matter of the last bit?  */
static bool is_fit(const trial *t, const trial *moved)
{
    for (int i = 0; i < t->n_rows; i++)
        if (!isfinite(t->row[i].sum) || !isfinite(moved->row[i].sum)
            || tolerance(t, moved, i) > 0.01 * t->row[i].scale + 1e-300)
            return false;
    return true;
}

static void put_rows(const trial *t, const trial *moved, buf *out)
{
    for (int i = 0; i < t->n_rows; i++)
        buf_printf(out, "    {%d, %s, \"%s\", %.17g, %.3g},\n", t->row[i].step, t->row[i].kind,
                   t->row[i].path, t->row[i].sum, tolerance(t, moved, i));
}

static void put_indices(const ir *g, buf *out)
{
    for (int v = 0; v < g->n_vars; v++)
        if ((g->var[v].kind == VAR_INPUT || g->var[v].kind == VAR_TARGET) && g->var[v].index_size > 0)
            buf_printf(out, "    {\"%s\", %lld},\n", g->var[v].path, (long long)g->var[v].index_size);
}

static bool put_program(const options *o, const trial *t, const trial *moved, int seed, arena *a, diag *d,
                        buf *out)
{
    static const char *const forms[] = {"STEP", "LEARN", "SEQUENCE"};
    buf rows = {0}, indices = {0};
    bool trace = t->form != FORM_STEP && t->plan->set.trace != TRACE_NONE;
    put_rows(t, moved, &rows);
    put_indices(t->ir, &indices);
    const char *const pair[][2] = {
        {"@NAME@", t->ir->name}, {"@HEADER@", bundle_header(o)}, {"@FORM@", forms[t->form]},
        {"@SEED@", arena_printf(a, "%d", seed)}, {"@STEPS@", arena_printf(a, "%d", t->n_steps)},
        {"@TRACE@", trace ? "1" : "0"}, {"@LOSS@", t->ir->loss != NO_NODE ? "1" : "0"},
        {"@ROWS@\n", buf_text(&rows)}, {"@INDICES@\n", buf_text(&indices)}, {NULL, NULL}};
    bool ok = bundle_fill(o, "templates/test.c", pair, out, a, d);
    buf_free(&rows);
    buf_free(&indices);
    return ok;
}

bool self_test_write(const options *o, const spec *s, const lower_options *lo, const learning *set,
                     arena *a, diag *d, buf *out)
{
    diag *quiet = diag_new(a, 0); /* what there is to say was said */
    ir *g = lower_spec(s, lo, a, quiet);
    graph *gr = g ? learn_graph(g, set) : NULL;
    const model_plan *plan = gr ? learn_plan(gr, set) : NULL;
    double epsilon = g && g->real_bits == 32 ? 0x1p-23 : 0x1p-51;
    bool fits = false, ok = true;
    for (int seed = 1; plan && !fits && seed <= SEEDS; seed++) {
        arena *own = arena_new();
        const trial *t = run(plan, (uint64_t)seed, 0, own), *moved = run(plan, (uint64_t)seed, epsilon, own);
        fits = is_fit(t, moved);
        if (fits)
            ok = put_program(o, t, moved, seed, a, d, out);
        arena_free(own);
    }
    if (fits)
        return ok;
    diag_error(d, (loc){0}, "E0430", "--with-test: on random data this model has no numbers to compare with");
    diag_note(d, (loc){0}, "they are not finite, or hang on the last bit of a parameter, with each of %d seeds",
              (int)SEEDS);
    return false;
}
