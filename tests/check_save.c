/* SPDX-License-Identifier: Apache-2.0 */
/* PREFIX_save and PREFIX_load.  In: one spec by several rules, saved in the middle of learning.  Out: test
   cases: what goes on from the bytes is what was never interrupted, bit for bit; the runtime writes the same
   bytes from the model's table; whatever is damaged, cut or of another model is refused, and nothing has
   changed then.  */
#define _POSIX_C_SOURCE 200809L
#include "suites.h"

#include "etrace_snapshot.h"
#include "model.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 5, STEP = 77, TIMEOUT = 240 };

static const char spec[] = "etrace: 1\nmodel: m\ndtype: %s\nbatch: %d\n"
                           "inputs: {x: [3]}\ntargets: {y: [2]}\nparams: {W: [3, 2], A: [2, 2]}\n"
                           "hidden: {h: {shape: [2], init: 0.5}, v: [2]}\n"
                           "state: {count: {shape: [], type: index, init: 3}, timer: {shape: [], type: index}}\n"
                           "step:\n  - count' = count + 1\n  - timer' = max(timer - 1, 0)\n"
                           "  - v' = 0.9 * v + tanh(x @ W + h @ A)\n"
                           "  - h' = 0.5 * h + sigmoid(v') / count\n"
                           "outputs: [h']\nloss: 0.5 * sum(square(h' - y))\nlearning: {rule: d_rtrl}\n";

static const struct {
    const char *dtype;
    int batch;
    const char *rule;
} models[] = {{"float32", 1, "window=1"},     {"float32", 2, "window=3"}, {"float64", 1, "vjp_time=t"},
              {"float32", 2, "rule=pp_prop"}, {"float32", 1, "rule=bptt"}, {"float64", 2, "rule=rtrl"}};

enum { N_MODELS = sizeof models / sizeof models[0], NO_TRACE = 4 };

static void write_spec(const char *folder, char *path, const char *dtype, int batch)
{
    char text[1024];

    folder_path(path, folder, "spec.yaml");
    snprintf(text, sizeof text, spec, dtype, batch);
    ck_assert_int_eq(file_put(path, text), 0);
}

static model open_model(int i)
{
    const char *option[] = {"-L", models[i].rule, NULL};
    char folder[COMMAND_PATH], path[COMMAND_PATH];
    model m;

    ck_assert_int_eq(folder_make(folder), 0);
    write_spec(folder, path, models[i].dtype, models[i].batch);
    ck_assert_int_eq(model_open(&m, &(model_source){.spec = path, .option = option, .cflags = "-O1", .n_steps = STEPS}), 0);
    folder_remove(folder);
    model_randomise(&m, 5);
    model_init_state(&m);
    model_reset(&m);
    return m;
}

/* --- the two functions ----------------------------------------------------------------------- */

static void (*symbol(const model *m, const char *what))(void)
{
    char name[64];
    void (*f)(void);
    void *found;

    snprintf(name, sizeof name, "%s_%s", m->info->name, what);
    found = dlsym(m->library, name);
    ck_assert_msg(found != NULL, "there is no %s", name);
    memcpy(&f, &found, sizeof f);
    return f;
}

static void save(const model *m, uint64_t step, void *bytes)
{
    void (*f)(void) = symbol(m, "save");

    if (m->info->trace_bytes)
        ((void (*)(const void *, const void *, const void *, uint64_t, void *))f)(m->params, m->state, m->trace,
                                                                                 step, bytes);
    else
        ((void (*)(const void *, const void *, uint64_t, void *))f)(m->params, m->state, step, bytes);
}

static int load(model *m, uint64_t *step, const void *bytes, size_t size)
{
    void (*f)(void) = symbol(m, "load");

    if (m->info->trace_bytes)
        return ((int (*)(void *, void *, void *, uint64_t *, const void *, size_t))f)(m->params, m->state, m->trace,
                                                                                     step, bytes, size);
    return ((int (*)(void *, void *, uint64_t *, const void *, size_t))f)(m->params, m->state, step, bytes, size);
}

/* What PREFIX_SAVE_BYTES is.  */
static size_t save_bytes(const model *m)
{
    return (m->info->trace_bytes ? 3 : 2) * (size_t)ETR_SNAPSHOT_MORE + m->info->params_bytes + m->info->state_bytes
           + m->info->trace_bytes;
}

/* The saved model, in memory of exactly its size.  */
static unsigned char *saved(const model *m)
{
    unsigned char *bytes = malloc(save_bytes(m));

    ck_assert_ptr_nonnull(bytes);
    save(m, STEP, bytes);
    return bytes;
}

/* --- what it is for -------------------------------------------------------------------------- */

/* Learn from all steps, and go down the gradient.  */
static void advance(model *m)
{
    model_learn_sequence(m);
    for (int i = 0; i < m->info->n_vars; i++) {
        const etr_var *v = &m->info->vars[i];
        for (size_t k = 0; v->kind == ETR_PARAM && k < model_numel(v); k++)
            model_put(m, v, m->params, k,
                      model_get(m, v, m->params, k) - 0.1 * model_get(m, v, m->grad, k));
    }
    memset(m->grad, 0, m->info->params_bytes);
}

START_TEST(resumed_is_uninterrupted)
{
    model whole = open_model(_i), resumed = open_model(_i);
    unsigned char *bytes;
    uint64_t step = 0;

    advance(&whole);
    advance(&whole);
    bytes = saved(&whole);
    memset(resumed.params, 0xff, resumed.info->params_bytes);
    memset(resumed.state, 0xff, resumed.info->state_bytes);
    memset(resumed.trace, 0xff, resumed.info->trace_bytes);
    ck_assert_int_eq(load(&resumed, &step, bytes, save_bytes(&whole)), ETR_SNAPSHOT_OK);
    ck_assert_uint_eq(step, STEP);
    for (int k = 0; k < 3; k++) {
        advance(&whole);
        advance(&resumed);
    }
    ck_assert_mem_eq(whole.params, resumed.params, whole.info->params_bytes);
    ck_assert_mem_eq(whole.state, resumed.state, whole.info->state_bytes);
    if (_i != NO_TRACE)
        ck_assert_mem_eq(whole.trace, resumed.trace, whole.info->trace_bytes);
    ck_assert_int_eq(load(&whole, NULL, bytes, save_bytes(&whole)), ETR_SNAPSHOT_OK);
    ck_assert_mem_ne(whole.params, resumed.params, whole.info->params_bytes);
    free(bytes);
    model_close(&whole);
    model_close(&resumed);
}
END_TEST

/* The generator has the layout from its variables, the runtime from the model's table.  */
START_TEST(the_runtime_writes_the_same_bytes)
{
    static const etr_block_kind kind[] = {ETR_BLOCK_PARAMS, ETR_BLOCK_STATE, ETR_BLOCK_TRACE};
    model m = open_model(_i);
    const void *block[] = {m.params, m.state, m.trace};
    unsigned char *bytes = saved(&m), *other = malloc(save_bytes(&m)), *p = other;

    ck_assert_ptr_nonnull(other);
    for (int k = 0; k < (_i == NO_TRACE ? 2 : 3); k++) {
        etr_snapshot_write(m.info, kind[k], block[k], STEP, p);
        p += etr_snapshot_size(m.info, kind[k]);
    }
    ck_assert_uint_eq((size_t)(p - other), save_bytes(&m));
    ck_assert_mem_eq(bytes, other, save_bytes(&m));
    free(other);
    free(bytes);
    model_close(&m);
}
END_TEST

/* --- what is refused ------------------------------------------------------------------------- */

/* The same model with other numbers; is it as it was when SIZE bytes are refused, and why?  */
static int refused(model *m, const void *bytes, size_t size)
{
    static unsigned char before[4096];
    uint64_t step = 5;
    const size_t n = save_bytes(m);
    unsigned char *after;
    int status;

    ck_assert_uint_le(n, sizeof before);
    save(m, STEP, before);
    status = load(m, &step, bytes, size);
    after = saved(m);
    ck_assert_int_ne(status, ETR_SNAPSHOT_OK);
    ck_assert_uint_eq(step, 5);
    ck_assert_mem_eq(before, after, n);
    free(after);
    return status;
}

/* Every byte, every other value that it can have: three blocks in a row.  */
START_TEST(every_damaged_byte_is_refused)
{
    model from = open_model(0), to = open_model(0);
    unsigned char *bytes = saved(&from);
    const size_t n = save_bytes(&from);

    model_randomise(&to, 9);
    for (size_t at = 0; at < n; at++) {
        for (unsigned flip = 1; flip < 256; flip++) {
            bytes[at] ^= (unsigned char)flip;
            const int status = refused(&to, bytes, n);
            ck_assert_msg(status == ETR_SNAPSHOT_CRC || status == ETR_SNAPSHOT_MAGIC, "byte %zu: status %d", at,
                          status);
            bytes[at] ^= (unsigned char)flip;
        }
    }
    ck_assert_int_eq(load(&to, NULL, bytes, n), ETR_SNAPSHOT_OK);
    free(bytes);
    model_close(&from);
    model_close(&to);
}
END_TEST

/* In memory of exactly that many bytes, so that a byte too many would be seen.  */
START_TEST(every_other_length_is_refused)
{
    model m = open_model(0);
    const size_t n = save_bytes(&m);
    unsigned char *bytes = saved(&m);

    for (size_t cut = 0; cut < n + 20; cut++) {
        unsigned char *part = calloc(cut ? cut : 1, 1);
        ck_assert_ptr_nonnull(part);
        memcpy(part, bytes, cut < n ? cut : n);
        if (cut != n)
            ck_assert_int_eq(refused(&m, part, cut), ETR_SNAPSHOT_LENGTH);
        free(part);
    }
    free(bytes);
    model_close(&m);
}
END_TEST

/* Two models by turns: all that is whole, but not this one's.  */
START_TEST(of_another_model)
{
    model m = open_model(0);

    for (int k = 1; k < N_MODELS; k++) {
        model other = open_model(k);
        unsigned char *bytes = saved(&other);
        const int status = refused(&m, bytes, save_bytes(&other));
        /* the spec says type and batch; the rule is of the command line */
        ck_assert_int_eq(status, k == NO_TRACE ? ETR_SNAPSHOT_LENGTH : ETR_SNAPSHOT_SPEC);
        free(bytes);
        model_close(&other);
    }
    model_close(&m);
}
END_TEST

START_TEST(of_two_moments)
{
    model m = open_model(0);
    const size_t n = save_bytes(&m), first = m.info->params_bytes + ETR_SNAPSHOT_MORE;
    unsigned char *bytes = saved(&m), *later = malloc(n);

    ck_assert_ptr_nonnull(later);
    save(&m, STEP + 1, later);
    memcpy(later, bytes, first);
    ck_assert_int_eq(refused(&m, later, n), ETR_SNAPSHOT_STEP);
    free(later);
    free(bytes);
    model_close(&m);
}
END_TEST

/* --- by itself ------------------------------------------------------------------------------- */

static const char program[] =
    "#include \"m.h\"\n#include <string.h>\n"
    "int main(void)\n{\n"
    "    static m_params p, q;\n    static m_state s, t;\n    static m_trace e, f;\n"
    "    static unsigned char bytes[M_SAVE_BYTES];\n    uint64_t step;\n"
    "    m_init_params(&p, 1);\n    m_init_state(&s);\n    memset(&e, 1, sizeof e);\n"
    "    m_save(&p, &s, &e, 3, bytes);\n"
    "    return m_load(&q, &t, &f, &step, bytes, sizeof bytes) != ETR_SNAPSHOT_OK || step != 3\n"
    "           || memcmp(&p, &q, sizeof p) != 0 || memcmp(&s, &t, sizeof s) != 0 || memcmp(&e, &f, sizeof e) != 0;\n"
    "}\n";

static void run_line(const char *folder, const char *format)
{
    const char *cc = getenv("CC");
    char line[4 * COMMAND_PATH];
    command c = {.n = 0};
    char log[COMMAND_PATH];

    folder_path(log, folder, "log");
    snprintf(line, sizeof line, format, folder, cc ? cc : "cc");
    command_add(&c, "sh");
    command_add(&c, "-c");
    command_add(&c, line);
    ck_assert_msg(command_run(&c, log) == 0, "%s", line);
}

/* Tables are not needed to save, and who does not save pays nothing for it.  */
START_TEST(without_tables_and_without_it)
{
    char folder[COMMAND_PATH], path[COMMAND_PATH];
    model m = {.n_steps = 1};

    ck_assert_int_eq(folder_make(folder), 0);
    write_spec(folder, path, "float32", 1);
    strcpy(m.folder, folder);
    ck_assert_int_eq(model_generate(&m, &(model_source){.spec = path}, "m"), 0);
    folder_path(path, folder, "main.c");
    ck_assert_int_eq(file_put(path, program), 0);
    run_line(folder, "cd '%s' && %s -std=c99 " MODEL_WARNINGS " -DM_NO_INFO m.c main.c -o run -lm && ./run");
    run_line(folder, "cd '%s' && %s -std=c99 " MODEL_WARNINGS " -DM_NO_SAVE -DM_NO_INFO -c m.c && ! grep -q ETRS m.o");
    folder_remove(folder);
}
END_TEST

Suite *save_suite(void)
{
    Suite *s = suite_create("save");
    TCase *going_on = tcase_create("going_on"), *refusing = tcase_create("refusing"), *alone = tcase_create("alone");

    tcase_set_timeout(going_on, TIMEOUT);
    tcase_add_loop_test(going_on, resumed_is_uninterrupted, 0, N_MODELS);
    tcase_add_loop_test(going_on, the_runtime_writes_the_same_bytes, 0, N_MODELS);
    suite_add_tcase(s, going_on);
    tcase_set_timeout(refusing, TIMEOUT);
    tcase_add_test(refusing, every_damaged_byte_is_refused);
    tcase_add_test(refusing, every_other_length_is_refused);
    tcase_add_test(refusing, of_another_model);
    tcase_add_test(refusing, of_two_moments);
    suite_add_tcase(s, refusing);
    tcase_set_timeout(alone, TIMEOUT);
    tcase_add_test(alone, without_tables_and_without_it);
    suite_add_tcase(s, alone);
    return s;
}
