/* SPDX-License-Identifier: Apache-2.0 */
/* --report against what the C compiler makes of the emitted code: the blocks against sizeof, the
   stack against -fstack-usage, operations against counts by hand.  And the limits: a model that
   breaks one leaves no file.  */
#define _POSIX_C_SOURCE 200809L
#include "model.h"
#include "run.h"
#include "suites.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *options, *spec;
} report_case;

/* Reals beside indices, batches, each rule, a sparse weight, and arrays large enough to be seen on
   the stack.  */
static const report_case cases[] = {
    {"--window=1",
     "etrace: 1\nmodel: m\ninputs: {x: [5]}\ntargets: {y: [37]}\n"
     "modules: {rnn: {cell: gru, in: x, size: 37}}\n"
     "step: [out = rnn]\noutputs: [out]\nloss: sum((out - y) * (out - y))\n"},
    {"--vjp-time=t",
     "etrace: 1\nmodel: m\ndtype: float64\nbatch: 3\n"
     "inputs: {i: {shape: [], type: index, size: 7}, x: [5],"
     " k: {shape: [], type: index, size: 5}}\n"
     "targets: {l: {shape: [], type: index, size: 3}, y: [3]}\n"
     "params: {E: [7, 5], U: {shape: [5, 3], init: 0.1}}\n"
     "modules: {rnn: {cell: lstm, in: e, size: 3}}\n"
     "step: ['e = embedding(i, E) * x', 'out = rnn + matmul(x, U)']\n"
     "outputs: [out]\nloss: sum((out - y) * (out - y)) + softmax_cross_entropy(out, l)\n"},
    {"--window=4",
     "etrace: 1\nmodel: m\nbatch: 2\ninputs: {x: [60]}\ntargets: {y: [60]}\n"
     "params: {W: {shape: [60, 60], sparse: {random: {p: 0.2, seed: 1}}, init: 0.1}}\n"
     "hidden: {h: [60]}\nstep: [\"h' = 0.9 * h + tanh(sparse_matmul(h, W) + x)\"]\n"
     "outputs: {out: \"h'\"}\nloss: sum((h' - y) * (h' - y))\n"},
    {"--rule=bptt",
     "etrace: 1\nmodel: m\ninputs: {x: [600]}\ntargets: {y: [600]}\n"
     "modules: {rnn: {cell: lstm, in: x, size: 600}}\n"
     "step: [out = rnn]\noutputs: [out]\nloss: sum((out - y) * (out - y))\n"},
    {"-Ltrace_dtype=bfloat16",
     "etrace: 1\nmodel: m\nbatch: 3\ninputs: {x: [5]}\ntargets: {y: [3]}\n"
     "modules: {rnn: {cell: lstm, in: x, size: 3}}\n"
     "step: [out = rnn]\noutputs: [out]\nloss: sum((out - y) * (out - y))\n"},
    {"--window=1",
     "etrace: 1\nmodel: m\nbatch: 8\ninputs: {x: [5]}\ntargets: {y: [64]}\n"
     "modules: {rnn: {cell: gru, in: x, size: 64}}\n"
     "step: [out = rnn]\noutputs: [out]\nloss: mse(out, y)\n"},
    {"--window=1",
     "etrace: 1\nmodel: m\ninputs: {x: [900]}\n"
     "modules: {a: {cell: gru, in: x, size: 900}}\nstep: [out = a]\noutputs: [out]\n"},
};

enum { N_CASES = sizeof cases / sizeof cases[0] };

/* --- reading ---------------------------------------------------------------------------------- */

/* The number behind "NAME": in JSON, from the first FROM on.  */
static long long number_in(const char *json, const char *from, const char *name)
{
    char key[80];
    snprintf(key, sizeof key, "\"%s\": ", name);
    const char *at = strstr(json, from);
    ck_assert_msg(at, "no %s", from);
    at = strstr(at, key);
    ck_assert_msg(at, "no %s behind %s", name, from);
    return atoll(at + strlen(key));
}

typedef struct {
    model m;
    char *folder;
    char *json;
} report_run;

static report_run open_case(const report_case *c, const char *cflags)
{
    report_run r = {.folder = run_make_folder()};
    char option[COMMAND_PATH + 20], spec[COMMAND_PATH];
    buf json = {0};
    snprintf(spec, sizeof spec, "%s/m.yaml", r.folder);
    snprintf(option, sizeof option, "--report=%s/r.json", r.folder);
    run_write_file(spec, c->spec, strlen(c->spec));
    const char *const options[] = {c->options, option, NULL};
    ck_assert_int_eq(model_open(&r.m, &(model_source){spec, options, cflags, 1}), 0);
    ck_assert(run_read_file(run_path(r.folder, "r.json"), &json));
    r.json = json.text;
    return r;
}

static void close_case(report_run *r)
{
    model_close(&r->m);
    run_remove_folder(r->folder);
    free(r->json);
}

/* --- bytes ------------------------------------------------------------------------------------ */

START_TEST(blocks_have_the_size_of_their_structs)
{
    report_run r = open_case(&cases[_i], NULL);
    const etr_info *info = r.m.info;
    const struct {
        const char *name;
        size_t bytes;
    } block[] = {
        {"parameters", info->params_bytes}, {"state", info->state_bytes},
        {"trace", info->trace_bytes},       {"input", info->input_bytes},
        {"target", info->target_bytes},     {"output", info->output_bytes},
        {"jacobian", info->jacobian_bytes}, {"signal", info->signal_bytes},
    };
    for (size_t i = 0; i < sizeof block / sizeof block[0]; i++)
        ck_assert_msg(number_in(r.json, "\"bytes\"", block[i].name) == (long long)block[i].bytes,
                      "%s: %lld, but sizeof is %zu", block[i].name,
                      number_in(r.json, "\"bytes\"", block[i].name), block[i].bytes);
    bool learns = number_in(r.json, "{", "learn_flops") > 0;
    ck_assert_int_eq(number_in(r.json, "\"bytes\"", "gradient"),
                     learns ? (long long)info->params_bytes : 0);
    close_case(&r);
}
END_TEST

/* Traces of relations and what the last step left are the whole struct, but for padding.  */
START_TEST(relations_make_up_the_trace)
{
    report_run r = open_case(&cases[_i], NULL);
    long long sum = number_in(r.json, "{", "last_step_trace_bytes");
    for (const char *p = strstr(r.json, "\"trace_bytes\""); p; p = strstr(p + 1, "\"trace_bytes\""))
        sum += number_in(p, "\"trace_bytes\"", "trace_bytes");
    long long whole = number_in(r.json, "\"bytes\"", "trace");
    if (sum == 0)
        ck_assert_int_le(whole, 1); /* the char of an empty struct */
    else
        ck_assert_msg(whole >= sum && whole < sum + 16, "%lld of %lld", sum, whole);
    if (_i == 0)
        ck_assert_int_eq(number_in(r.json, "\"rnn.Wz\"", "trace_bytes"), 4 * (5 + 37) * 37);
    close_case(&r);
}
END_TEST

/* --- the stack -------------------------------------------------------------------------------- */

/* The frame of the function NAME, or model_NAME, in the text of a .su file; -1: it was inlined.  */
static long long frame_of(const char *su, const char *name)
{
    static const char *const head[] = {":", ":model_"};
    for (int i = 0; i < 2; i++) {
        char key[80];
        snprintf(key, sizeof key, "%s%s\t", head[i], name);
        const char *at = strstr(su, key);
        if (at)
            return atoll(at + strlen(key));
    }
    return -1;
}

/* The largest frame of the products that are functions of their own.  */
static long long frame_of_products(const char *su)
{
    static const char head[] = ":etr_product";
    long long most = 0;
    for (const char *p = strstr(su, head); p; p = strstr(p + 1, head)) {
        long long bytes = atoll(p + strcspn(p, "\t"));
        most = bytes > most ? bytes : most;
    }
    return most;
}

static void read_stack_usage(const model *m, buf *su)
{
    char pattern[COMMAND_PATH + 8];
    glob_t found = {0};
    snprintf(pattern, sizeof pattern, "%s/*.su", m->folder);
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    ck_assert(run_read_file(found.gl_pathv[0], su));
    globfree(&found);
}

static const char *const optimisation[] = {"-O0 -fstack-usage", "-Os -fstack-usage",
                                           "-O2 -fstack-usage"};

/* No function takes a quarter and 512 bytes more than we say, those that learn with the products that they call;
   and none without optimisation less than its arrays.  */
START_TEST(stack_is_as_the_compiler_says)
{
    int level = _i % 3;
    report_run r = open_case(&cases[_i / 3], optimisation[level]);
    buf su = {0};
    read_stack_usage(&r.m, &su);
    int seen = 0;
    for (const char *p = strstr(r.json, "\"name\": \""); p && p < strstr(r.json, "\"relations\"");
         p = strstr(p + 1, "\"name\": \"")) {
        char name[80] = "";
        memcpy(name, p + 9, strcspn(p + 9, "\""));
        long long used = frame_of(buf_text(&su), name);
        long long arrays = number_in(p, "name", "array_bytes");
        if (used < 0)
            continue;
        seen++;
        long long said = number_in(p, "name", "stack_bytes");
        if (strncmp(name, "learn", 5) == 0)
            used += frame_of_products(buf_text(&su));
        ck_assert_msg(used <= said + said / 4 + 512,
                      "%s takes %lld, we say %lld (%s)", name, used, said, optimisation[level]);
        if (level == 0)
            ck_assert_msg(used >= arrays, "%s takes %lld, we count %lld in arrays", name, used,
                          arrays);
    }
    ck_assert_int_ge(seen, 2);
    buf_free(&su);
    close_case(&r);
}
END_TEST

/* --- operations ------------------------------------------------------------------------------- */

/* Per step, by ops.def: a product 2 * 3 * 4, a sum 4, tanh 4 * 10; for two samples.  And a sparse
   product of 2 non-zeros: 4.  */
static const struct {
    const char *step;
    int flops;
} counted[] = {
    {"params: {W: [3, 4], b: [4]}\nhidden: {h: [4]}\nstep: [\"h' = tanh(matmul(x, W) + b)\"]\n",
     2 * (2 * 3 * 4 + 4 + 40)},
    {"params: {W: {shape: [3, 4], sparse: {rows: [0, 2], cols: [1, 3]}}}\nhidden: {h: [4]}\n"
     "step: [\"h' = sparse_matmul(x, W)\"]\n",
     2 * 2 * 2},
    {"params: {W: [3, 4]}\nhidden: {h: [4]}\nstep:\n"
     "  - h' = einsum(\"i,ij->j\", x * x, W) + sum(x)\n",
     2 * (3 + 2 * 3 * 4 + 3 + 4)},
    {"hidden: {h: [3], g: [3]}\nstep:\n  - {repeat: 50, carry: {u: h, w: g}, "
     "do: [\"u' = tanh(u) + x\", \"w' = w * u\"]}\n  - h' = u\n  - g' = w\n",
     2 * 50 * 3 * (10 + 1 + 1)},
    {"params: {A: [3, 1], B: [1, 4]}\nhidden: {h: [4]}\nstep: [\"h' = lora(x, A, B)\"]\n",
     2 * 2 * (3 + 4)},
};

START_TEST(operations_are_counted)
{
    char *folder = run_make_folder();
    buf spec = {0};
    buf_printf(&spec, "etrace: 1\nmodel: m\nbatch: 2\ninputs: {x: [3]}\n%s", counted[_i].step);
    run_write_file(run_path(folder, "m.yaml"), spec.text, spec.len);
    run_result r = run_etrace(folder, "-n --report=r.json m.yaml");
    buf json = {0};
    ck_assert_msg(r.status == 0, "%s", buf_text(&r.err));
    ck_assert(run_read_file(run_path(folder, "r.json"), &json));
    ck_assert_int_eq(number_in(json.text, "\"step\"", "flops"), counted[_i].flops);
    ck_assert_int_eq(run_count_files(folder), 2); /* -n writes no C */
    buf_free(&spec);
    buf_free(&json);
    run_free(&r);
    run_remove_folder(folder);
}
END_TEST

/* What costs less than a visit of the matrix: learning from a row of a table, and by two thin factors.  */
static const struct {
    const char *options, *step;
    long long elements;
} thin[] = {
    {"", "h' = tanh(embedding(i, E))", 5000 * 4},
    {"-L vjp_time=t", "h' = tanh(embedding(i, E))", 5000 * 4},
    {"--rule=bptt", "h' = 0.5 * h + tanh(embedding(i, E))", 5000 * 4},
    {"", "h' = tanh(lora(x, A, B, alpha=3)[0:4])", 100 * 100},
    {"-L vjp_time=t", "h' = tanh(lora(x, A, B, alpha=3)[0:4])", 100 * 100},
    {"--rule=bptt", "h' = 0.5 * h + tanh(lora(x, A, B, alpha=3)[0:4])", 100 * 100},
    {"--rule=bptt", "h' = 0.5 * h + tanh(x @ (0.1 * (A @ B)))[0:4]", 100 * 100},
    {"--rule=bptt", "h' = 0.5 * h + tanh(x @ (s * (A @ B)))[0:4]", 100 * 100},
    {"-L vjp_time=t", "h' = tanh(x @ (s * (A @ B)))[0:4]", 100 * 100},
};

START_TEST(a_large_matrix_is_not_visited)
{
    char *folder = run_make_folder(), options[64];
    buf spec = {0}, json = {0};
    buf_printf(&spec, "etrace: 1\nmodel: m\ninputs: {x: [100], i: {shape: [], type: index, size: 5000}}\n"
                      "targets: {y: [4]}\nparams: {E: [5000, 4], A: [100, 2], B: [2, 100], s: []}\nhidden: {h: [4]}\n"
                      "step: [\"%s\"]\nloss: sum(square(h' - y))\n", thin[_i].step);
    run_write_file(run_path(folder, "m.yaml"), spec.text, spec.len);
    snprintf(options, sizeof options, "-n --report=r.json %s m.yaml", thin[_i].options);
    run_result r = run_etrace(folder, options);
    ck_assert_msg(r.status == 0, "%s", buf_text(&r.err));
    ck_assert(run_read_file(run_path(folder, "r.json"), &json));
    const char *at = strstr(json.text, "\"learn_flops\": ");
    ck_assert(at != NULL);
    ck_assert_int_lt(atoll(at + strlen("\"learn_flops\": ")), thin[_i].elements);
    buf_free(&spec);
    buf_free(&json);
    run_free(&r);
    run_remove_folder(folder);
}
END_TEST

/* Several steps at once kept the inputs of all steps for every non-zero: more than the trace, on the stack.  */
START_TEST(a_sparse_network_needs_no_array_of_its_trace)
{
    static const char spec[] =
        "etrace: 1\nmodel: m\ninputs: {x: [200]}\ntargets: {y: [200]}\n"
        "params: {W: {shape: [200, 200], sparse: {random: {p: 0.25, seed: 1}}}}\nhidden: {h: [200]}\n"
        "step: [\"h' = 0.9 * h + tanh(sparse_matmul(x, W))\"]\nloss: mse(h', y)\n";
    char *folder = run_make_folder();
    buf json = {0};
    run_write_file(run_path(folder, "m.yaml"), spec, strlen(spec));
    run_result r = run_etrace(folder, "-n --report=r.json m.yaml");
    ck_assert_msg(r.status == 0, "%s", buf_text(&r.err));
    ck_assert(run_read_file(run_path(folder, "r.json"), &json));
    const long long trace = number_in(json.text, "\"bytes\"", "trace");
    ck_assert_int_gt(trace, 200 * 200 * 4 / 5);
    ck_assert_int_lt(number_in(json.text, "\"bytes\"", "scratch"), trace / 4);
    buf_free(&json);
    run_free(&r);
    run_remove_folder(folder);
}
END_TEST

/* --- the command line ------------------------------------------------------------------------- */

/* A model over its limit leaves nothing, its report neither; one that keeps it is printed as a
   table.  */
START_TEST(over_the_limit_nothing_is_written)
{
    char *folder = run_make_folder();
    const char *spec = cases[0].spec;
    run_write_file(run_path(folder, "m.yaml"), spec, strlen(spec));
    run_result over = run_etrace(folder, "--max-ram=1K --report=r.txt m.yaml");
    ck_assert_int_eq(over.status, 1);
    ck_assert(strstr(buf_text(&over.err), "[E0510]") != NULL);
    ck_assert_int_eq(run_count_files(folder), 1);
    run_result under = run_etrace(folder, "--max-ram=1M --report m.yaml");
    ck_assert_int_eq(under.status, 0);
    ck_assert(strstr(buf_text(&under.out), "RAM to learn") != NULL);
    ck_assert_int_eq(run_count_files(folder), 3);
    run_free(&over);
    run_free(&under);
    run_remove_folder(folder);
}
END_TEST

static const char *const refused[] = {
    "--max-ram=0", "--max-ram=K", "--max-ram=1KB", "--max-stack=-5", "--max-rom=1.2.3M",
    "--max-ram=9999999999999G", "--report=x.pdf", "--report -o -", "--max-ram= ",
};

START_TEST(options_are_checked)
{
    buf words = {0};
    buf_printf(&words, "%s m.yaml", refused[_i]);
    run_result r = run_etrace("/", buf_text(&words));
    ck_assert_int_eq(r.status, 2);
    buf_free(&words);
    run_free(&r);
}
END_TEST

/* --- the sizes of the user's machine ---------------------------------------------------------- */

/* Does FOLDER/m.c compile where INT_MAX is IN_INT and a size_t a SIZE_TYPE?  */
static bool compiles(const char *folder, long long in_int, const char *size_type)
{
    const char *cc = getenv("CC");
    command c = {.n = 0};
    buf text = {0};
    char path[COMMAND_PATH], log[COMMAND_PATH];
    buf_printf(&text,
               "#include <limits.h>\n#include <math.h>\n#include <stddef.h>\n#include <stdint.h>\n"
               "#include <string.h>\n#undef INT_MAX\n#define INT_MAX %lld\n#define size_t %s\n"
               "#include \"m.c\"\n",
               in_int, size_type);
    run_write_file(run_path(folder, "try.c"), text.text, text.len);
    folder_path(path, folder, "try.c");
    folder_path(log, folder, "log");
    command_add_words(&c, cc ? cc : "cc");
    command_add_words(&c, "-std=c99 -fsyntax-only");
    command_add(&c, path);
    buf_free(&text);
    return command_run(&c, log) == 0;
}

/* 70000 elements want an int of more than 16 bits, their 280000 bytes a size_t of more.  */
START_TEST(emitted_code_refuses_a_machine_that_is_too_small)
{
    static const char spec[] =
        "etrace: 1\nmodel: m\ninputs: {x: [7]}\nhidden: {h: [10000, 7]}\n"
        "step: [\"h' = 0.5 * h + x\"]\n";
    char *folder = run_make_folder();
    run_write_file(run_path(folder, "m.yaml"), spec, strlen(spec));
    run_result r = run_etrace(folder, "m.yaml");
    ck_assert_int_eq(r.status, 0);
    ck_assert(compiles(folder, 70000, "uint32_t"));
    ck_assert(!compiles(folder, 69999, "uint32_t"));
    ck_assert(!compiles(folder, 70000, "uint16_t"));
    run_free(&r);
    run_remove_folder(folder);
}
END_TEST

Suite *report_suite(void)
{
    Suite *s = suite_create("report");
    TCase *figures = tcase_create("figures"), *limits = tcase_create("limits");
    tcase_set_timeout(figures, 60);
    tcase_add_loop_test(figures, blocks_have_the_size_of_their_structs, 0, N_CASES);
    tcase_add_loop_test(figures, relations_make_up_the_trace, 0, N_CASES);
    tcase_add_loop_test(figures, stack_is_as_the_compiler_says, 0, 3 * N_CASES);
    tcase_add_loop_test(figures, operations_are_counted, 0,
                        (int)(sizeof counted / sizeof counted[0]));
    tcase_add_test(figures, a_sparse_network_needs_no_array_of_its_trace);
    tcase_add_loop_test(figures, a_large_matrix_is_not_visited, 0, (int)(sizeof thin / sizeof thin[0]));
    tcase_add_test(limits, over_the_limit_nothing_is_written);
    tcase_add_test(limits, emitted_code_refuses_a_machine_that_is_too_small);
    tcase_add_loop_test(limits, options_are_checked, 0, (int)(sizeof refused / sizeof refused[0]));
    suite_add_tcase(s, figures);
    suite_add_tcase(s, limits);
    return s;
}
