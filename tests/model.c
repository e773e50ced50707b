/* SPDX-License-Identifier: Apache-2.0 */
/* In: a spec and options.  Out: the model, loaded.  Afterwards every number of it can be read and
   written by the path it has in the model's table.  */
#define _POSIX_C_SOURCE 200809L
#include "model.h"

#include "etrace_half.h"
#include "etrace_random.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const function_name[MODEL_FUNCTIONS] = {
    "init_params",
    "init_state",
    "reset_trace",
    "step",
    "solve_h2w_h2h_jacobian",
    "solve_h2w_h2h_l2h_jacobian",
    "learn",
    "learn_sequence",
    "evolve_sequence",
};

/* --- building --------------------------------------------------------------------------------- */

static int fail(const model *m, const char *spec, const char *what, const char *log)
{
    char path[COMMAND_PATH];
    folder_path(path, m->folder, log);
    char *text = file_text(path);
    fprintf(stderr, "%s: %s\n%s", spec, what, text ? text : "");
    free(text);
    return -1;
}

int model_generate(model *m, const model_source *source, const char *prefix)
{
    const char *program = getenv("ETRACE_GEN");
    char path[COMMAND_PATH], log[COMMAND_PATH], name[64];
    command c = {.n = 0};

    snprintf(name, sizeof name, "%s.c", prefix);
    folder_path(path, m->folder, name);
    folder_path(log, m->folder, "generate.log");
    command_add(&c, program && *program ? program : "etrace-gen");
    command_add(&c, "-p");
    command_add(&c, prefix);
    command_add(&c, "-o");
    command_add(&c, path);
    for (const char *const *o = source->option; o && *o; o++)
        command_add(&c, *o);
    command_add(&c, source->spec);
    if (command_run(&c, log) != 0)
        return fail(m, source->spec, "the generator failed", "generate.log");
    m->messages = file_text(log);
    return m->messages ? 0 : -1;
}

static int compile(const model *m, const model_source *source)
{
    const char *cc = getenv("CC");
    char from[COMMAND_PATH], to[COMMAND_PATH], log[COMMAND_PATH];
    command c = {.n = 0};

    folder_path(from, m->folder, "model.c");
    folder_path(to, m->folder, "model.so");
    folder_path(log, m->folder, "compile.log");
    command_add_words(&c, cc && *cc ? cc : "cc");
    command_add_words(&c, "-shared -fPIC -std=c99 -O0 " MODEL_WARNINGS);
    command_add_words(&c, source->cflags ? source->cflags : "");
    command_add(&c, "-o");
    command_add(&c, to);
    command_add(&c, from);
    command_add(&c, "-lm");
    if (command_run(&c, log) == 0)
        return 0;
    return fail(m, source->spec, "its C does not compile", "compile.log");
}

static int load(model *m, const model_source *source)
{
    char path[COMMAND_PATH];

    folder_path(path, m->folder, "model.so");
    m->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (m->library)
        return 0;
    fprintf(stderr, "%s: %s\n", source->spec, dlerror());
    return -1;
}

static int make_blocks(model *m)
{
    const etr_info *info = m->info;
    const size_t n = (size_t)m->n_steps;
    const struct {
        char **block;
        size_t size, count;
    } blocks[] = {
        {&m->params, info->params_bytes, 1},     {&m->grad, info->params_bytes, 1},
        {&m->state, info->state_bytes, 1},       {&m->trace, info->trace_bytes, 1},
        {&m->jacobian, info->jacobian_bytes, 1}, {&m->signal, info->signal_bytes, 1},
        {&m->input, info->input_bytes, n},       {&m->target, info->target_bytes, n},
        {&m->output, info->output_bytes, n},     {&m->tape, info->state_bytes, n},
    };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        *blocks[i].block = calloc(blocks[i].count + 1, blocks[i].size + 1);
        if (!*blocks[i].block)
            return -1;
    }
    return 0;
}

/* The functions of a model take pointers to its own structs and return its real type.  To the
   machine that is what these and the types further down say.  */
typedef void (*init_params_function)(void *params, uint64_t seed);
typedef void (*init_function)(void *block);

void model_init_state(model *m)
{
    ((init_function)m->function[MODEL_INIT_STATE])(m->state);
}

static void initialise(model *m)
{
    ((init_params_function)m->function[MODEL_INIT_PARAMS])(m->params, 1);
    model_init_state(m);
}

int model_bind(model *m, void *library, const char *prefix, int n_steps)
{
    char name[128];

    snprintf(name, sizeof name, "%s_info", prefix);
    m->n_steps = n_steps;
    m->info = dlsym(library, name);
    if (!m->info || m->info->abi != ETR_ABI) {
        fprintf(stderr, "%s: %s\n", prefix, m->info ? "another ABI" : dlerror());
        return -1;
    }
    for (int f = 0; f < MODEL_FUNCTIONS; f++) {
        snprintf(name, sizeof name, "%s_%s", prefix, function_name[f]);
        void *symbol = dlsym(library, name);
        memcpy(&m->function[f], &symbol, sizeof symbol);
    }
    if (make_blocks(m) != 0)
        return -1;
    initialise(m);
    return 0;
}

int model_open(model *m, const model_source *source)
{
    memset(m, 0, sizeof *m);
    if (folder_make(m->folder) != 0)
        return -1;
    if (model_generate(m, source, "model") == 0 && compile(m, source) == 0
        && load(m, source) == 0 && model_bind(m, m->library, "model", source->n_steps) == 0)
        return 0;
    model_close(m);
    return -1;
}

void model_close(model *m)
{
    char **block[] = {&m->params, &m->grad,  &m->state,  &m->trace,  &m->jacobian, &m->signal,
                      &m->input,  &m->target, &m->output, &m->tape,  &m->messages};
    for (size_t i = 0; i < sizeof block / sizeof block[0]; i++) {
        free(*block[i]);
        *block[i] = NULL;
    }
    if (m->library)
        dlclose(m->library);
    m->library = NULL;
    folder_remove(m->folder);
}

/* --- variables -------------------------------------------------------------------------------- */

int model_has(const model *m, model_function f)
{
    return m->function[f] != NULL;
}

const etr_var *model_find(const model *m, etr_kind kind, const char *path)
{
    for (int i = 0; i < m->info->n_vars; i++) {
        const etr_var *v = &m->info->vars[i];
        if (v->kind == kind && strcmp(v->path, path) == 0)
            return v;
    }
    return NULL;
}

size_t model_numel(const etr_var *v)
{
    size_t n = 1;
    for (int k = 0; k < v->rank; k++)
        n *= (size_t)v->shape[k];
    return n;
}

char *model_block(const model *m, etr_kind kind, int t)
{
    const size_t step = (size_t)t;
    switch (kind) {
    case ETR_PARAM: return m->params;
    case ETR_HIDDEN:
    case ETR_STATE: return m->state;
    case ETR_INPUT: return m->input + step * m->info->input_bytes;
    case ETR_TARGET: return m->target + step * m->info->target_bytes;
    case ETR_OUTPUT: return m->output + step * m->info->output_bytes;
    case ETR_TRACE: return m->trace;
    case ETR_H2H:
    case ETR_H2W:
    case ETR_H2W_X: return m->jacobian;
    case ETR_SIGNAL: return m->signal;
    }
    return NULL;
}

double model_get(const model *m, const etr_var *v, const char *block, size_t i)
{
    double x;
    float f;
    int32_t k;

    if (!v->stored)
        return v->constant;
    if (v->element == ETR_INT32) {
        memcpy(&k, block + v->offset + i * sizeof k, sizeof k);
        return k;
    }
    if (v->element != ETR_REAL) {
        uint16_t half;
        memcpy(&half, block + v->offset + i * sizeof half, sizeof half);
        return (double)(v->element == ETR_BFLOAT16 ? etr_f32_from_bf16(half) : etr_f32_from_f16(half));
    }
    if (m->info->real_bytes == 4) {
        memcpy(&f, block + v->offset + i * sizeof f, sizeof f);
        return (double)f;
    }
    memcpy(&x, block + v->offset + i * sizeof x, sizeof x);
    return x;
}

void model_put(const model *m, const etr_var *v, char *block, size_t i, double x)
{
    const float f = (float)x;
    const int32_t k = v->element == ETR_INT32 ? (int32_t)x : 0;

    if (!v->stored)
        return;
    if (v->element == ETR_INT32)
        memcpy(block + v->offset + i * sizeof k, &k, sizeof k);
    else if (m->info->real_bytes == 4)
        memcpy(block + v->offset + i * sizeof f, &f, sizeof f);
    else
        memcpy(block + v->offset + i * sizeof x, &x, sizeof x);
}

static int per_step(etr_kind kind)
{
    return kind == ETR_INPUT || kind == ETR_TARGET;
}

void model_randomise(model *m, uint64_t seed)
{
    for (int i = 0; i < m->info->n_vars; i++) {
        const etr_var *v = &m->info->vars[i];
        const size_t n = model_numel(v);
        const int steps = per_step(v->kind) ? m->n_steps : 1;
        if (v->element == ETR_INT32 || v->kind == ETR_STATE
            || !(per_step(v->kind) || v->kind == ETR_PARAM || v->kind == ETR_HIDDEN))
            continue;
        for (int t = 0; t < steps; t++)
            for (size_t k = 0; k < n; k++)
                model_put(m, v, model_block(m, v->kind, t), k,
                          2 * etr_uniform_f64(seed, (uint32_t)i, (size_t)t * n + k) - 1);
    }
}

void model_copy(model *to, const model *from)
{
    for (int i = 0; i < from->info->n_vars; i++) {
        const etr_var *v = &from->info->vars[i], *w = model_find(to, v->kind, v->path);
        const int steps = per_step(v->kind) ? from->n_steps : 1;
        const int wanted = per_step(v->kind) || v->kind == ETR_PARAM || v->kind == ETR_HIDDEN
                           || v->kind == ETR_STATE;
        for (int t = 0; w && wanted && t < steps; t++)
            for (size_t k = 0; k < model_numel(v); k++)
                model_put(to, w, model_block(to, v->kind, t), k,
                          model_get(from, v, model_block(from, v->kind, t), k));
    }
}

/* --- running ---------------------------------------------------------------------------------- */

typedef void (*step_function)(const void *p, void *s, const void *in, void *out);
typedef void (*solve_function)(const void *p, void *s, const void *in, void *out, void *jac);
typedef double (*signal_f64)(const void *p, void *s, const void *in, const void *target, void *out,
                             void *jac, void *sig);
typedef float (*signal_f32)(const void *p, void *s, const void *in, const void *target, void *out,
                            void *jac, void *sig);
typedef double (*learn_f64)(const void *p, void *s, void *e, const void *in, const void *target,
                            void *out, void *grad);
typedef float (*learn_f32)(const void *p, void *s, void *e, const void *in, const void *target,
                           void *out, void *grad);
/* _learn_sequence without and with a trace.  */
typedef etr_update_status (*learn_sequence)(const void *p, void *s, const model_sequence *q, void *grad,
                                            void *loss);
typedef etr_update_status (*trace_sequence)(const void *p, void *s, void *e, const model_sequence *q,
                                            void *grad, void *loss);
typedef etr_update_status (*evolve_sequence)(const void *p, void *s, const model_sequence *q);
typedef etr_update_status (*evolve_trace_sequence)(const void *p, void *s, void *e,
                                                   const model_sequence *q);

void model_step(model *m, int t)
{
    ((step_function)m->function[MODEL_STEP])(m->params, m->state, model_block(m, ETR_INPUT, t),
                                             model_block(m, ETR_OUTPUT, t));
}

void model_solve(model *m, int t)
{
    ((solve_function)m->function[MODEL_SOLVE])(m->params, m->state, model_block(m, ETR_INPUT, t),
                                               model_block(m, ETR_OUTPUT, t), m->jacobian);
}

double model_solve_signal(model *m, int t)
{
    const void *in = model_block(m, ETR_INPUT, t), *target = model_block(m, ETR_TARGET, t);
    void *out = model_block(m, ETR_OUTPUT, t);
    void (*f)(void) = m->function[MODEL_SOLVE_SIGNAL];

    if (m->info->real_bytes == 4)
        return (double)((signal_f32)f)(m->params, m->state, in, target, out, m->jacobian,
                                       m->signal);
    return ((signal_f64)f)(m->params, m->state, in, target, out, m->jacobian, m->signal);
}

double model_learn(model *m, int t)
{
    const void *in = model_block(m, ETR_INPUT, t), *target = model_block(m, ETR_TARGET, t);
    void *out = model_block(m, ETR_OUTPUT, t);
    void (*f)(void) = m->function[MODEL_LEARN];

    if (m->info->real_bytes == 4)
        return (double)((learn_f32)f)(m->params, m->state, m->trace, in, target, out, m->grad);
    return ((learn_f64)f)(m->params, m->state, m->trace, in, target, out, m->grad);
}

model_sequence model_whole_sequence(const model *m)
{
    return (model_sequence){.n_steps = (size_t)m->n_steps, .in = m->input, .target = m->target,
                            .out = m->output, .tape = m->tape};
}

etr_update_status model_learn_from(model *m, const model_sequence *q, double *loss)
{
    void (*f)(void) = m->function[MODEL_LEARN_SEQUENCE];
    float narrow = 0;
    void *to = m->info->real_bytes == 4 ? (void *)&narrow : loss;
    const etr_update_status status =
        model_has(m, MODEL_RESET_TRACE)
            ? ((trace_sequence)f)(m->params, m->state, m->trace, q, m->grad, to)
            : ((learn_sequence)f)(m->params, m->state, q, m->grad, to);

    if (to != loss)
        *loss = (double)narrow;
    return status;
}

etr_update_status model_evolve(model *m, const model_sequence *q)
{
    void (*f)(void) = m->function[MODEL_EVOLVE_SEQUENCE];

    return model_has(m, MODEL_RESET_TRACE)
               ? ((evolve_trace_sequence)f)(m->params, m->state, m->trace, q)
               : ((evolve_sequence)f)(m->params, m->state, q);
}

double model_learn_sequence(model *m)
{
    const model_sequence q = model_whole_sequence(m);
    double loss = 0;
    const etr_update_status status = model_learn_from(m, &q, &loss);

    if (status != ETR_UPDATE_OK)
        fprintf(stderr, "learn_sequence: status %d\n", (int)status);
    return loss;
}

void model_reset(model *m)
{
    memset(m->grad, 0, m->info->params_bytes);
    if (model_has(m, MODEL_RESET_TRACE))
        ((init_function)m->function[MODEL_RESET_TRACE])(m->trace);
}

double model_learn_all(model *m)
{
    double total = 0;

    model_reset(m);
    if (!model_has(m, MODEL_LEARN))
        return model_learn_sequence(m);
    for (int t = 0; t < m->n_steps; t++)
        total += model_learn(m, t);
    return total;
}
