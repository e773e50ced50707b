/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of all rules in --report.  In: specs.  Out: each line is what the rule's own report
   says, and what sizeof says of the structs emitted with it; and how traces grow with the
   network.  */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include "pack.h"
#include "run.h"
#include "suites.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 32, RULES_MAX = 32 };

/* Every rule applies to each: there is a modulator.  */
static const char *const specs[] = {
    "etrace: 1\nmodel: m\ninputs: {x: [5], reward: []}\ntargets: {y: [7]}\n"
    "modules: {rnn: {cell: gru, in: x, size: 7}}\n"
    "outputs: {y: rnn}\nloss: mse(rnn, y)\nlearning: {modulator: reward, rule: three_factor}\n",
    "etrace: 1\nmodel: m\ndtype: float64\nbatch: 3\n"
    "inputs: {x: [5], i: {shape: [], type: index, size: 7}, reward: [3]}\n"
    "targets: {l: {shape: [], type: index, size: 3}}\nparams: {E: [7, 5]}\n"
    "modules: {com: {cell: linear, in: e, size: 3}, net: {cell: alif, in: com, size: 3}}\n"
    "step: ['e = embedding(i, E) * x']\noutputs: [net]\nloss: softmax_cross_entropy(net, l)\n"
    "learning: {modulator: reward, rule: three_factor}\n",
};

enum { N_SPECS = sizeof specs / sizeof specs[0] };

/* The number behind "KEY": in JSON.  */
static long long number_of(const char *json, const char *key)
{
    char quoted[NAME + 8];
    snprintf(quoted, sizeof quoted, "\"%s\": ", key);
    const char *at = strstr(json, quoted);
    ck_assert_msg(at != NULL, "no %s in %.300s", key, json);
    return atoll(at + strlen(quoted));
}

/* The report of TEXT with further OPTIONS, for free().  */
static char *report_of(const char *text, const char *options)
{
    char *folder = run_make_folder();
    buf words = {0}, json = {0};
    run_write_file(run_path(folder, "m.yaml"), text, strlen(text));
    buf_printf(&words, "-n --report=r.json %s m.yaml", options);
    run_result r = run_etrace(folder, buf_text(&words));
    ck_assert_msg(r.status == 0, "%s: %s", options, buf_text(&r.err));
    ck_assert(run_read_file(run_path(folder, "r.json"), &json));
    buf_free(&words);
    run_free(&r);
    run_remove_folder(folder);
    return json.text;
}

/* The first line of all rules in JSON, the next one, and the name in it.  */
static const char *next_line(const char *at)
{
    static const char key[] = "\n    {\"rule\": \"";
    const char *line = strstr(at, key);
    return line ? line + strlen(key) : NULL;
}

static void name_of(const char *line, char name[NAME])
{
    snprintf(name, NAME, "%.*s", (int)strcspn(line, ",\""), line);
}

/* The options with which NAME becomes what its line stands for.  */
static const char *const *options_of(const char *name)
{
    static char rule[NAME + 8];
    static const char *const words[] = {rule, NULL}, *const seeded[] = {rule, "-L", "seed=1", NULL},
                             *const modulated[] = {rule, "-L", "modulator=reward", NULL};
    snprintf(rule, sizeof rule, "--rule=%s", name);
    return strcmp(name, "uoro") == 0           ? seeded
           : strcmp(name, "three_factor") == 0 ? modulated
                                               : words;
}

static void same_as_structs(const char *line, const model *m)
{
    char name[NAME];
    name_of(line, name);
    ck_assert_msg(number_of(line, "parameters") == (long long)m->info->params_bytes
                      && number_of(line, "gradient") == (long long)m->info->params_bytes
                      && number_of(line, "state") == (long long)m->info->state_bytes
                      && number_of(line, "trace") == (long long)m->info->trace_bytes,
                  "sizes of %s: %zu, %zu, %zu, but %.300s", name, m->info->params_bytes,
                  m->info->state_bytes, m->info->trace_bytes, line);
}

/* Parameters, gradient, state and trace of every rule, against sizeof.  */
START_TEST(lines_have_the_sizes_of_structs)
{
    static pack p;
    char *json = report_of(specs[_i], ""), name[NAME];
    const char *line[RULES_MAX];
    model *m[RULES_MAX];
    int n = 0;

    pack_begin(&p);
    for (const char *at = next_line(json); at; at = next_line(at), n++) {
        name_of(at, name);
        line[n] = at;
        m[n] = pack_add(&p, specs[_i], options_of(name));
        ck_assert_msg(m[n] != NULL, "%s", name);
    }
    ck_assert_int_ge(n, 13);
    ck_assert_int_eq(pack_load(&p, NULL, 1), 0);
    for (int i = 0; i < n; i++)
        same_as_structs(line[i], m[i]);
    pack_end(&p);
    free(json);
}
END_TEST

/* A rule's line is the same, whichever rule was chosen.  */
START_TEST(lines_do_not_depend_on_the_choice)
{
    char *json = report_of(specs[_i], ""), name[NAME];
    for (const char *line = next_line(json); line; line = next_line(line)) {
        buf words = {0};
        name_of(line, name);
        for (const char *const *word = options_of(name); *word; word++)
            buf_printf(&words, "%s ", *word);
        char *own = report_of(specs[_i], buf_text(&words));
        const char *figures = strstr(line, "\"parameters\""),
                   *chosen = strstr(own, "\"chosen\": true, ");
        ck_assert_msg(
            chosen && strncmp(strchr(chosen, ',') + 2, figures, strcspn(figures, "}") + 1) == 0,
            "%s: %.300s\n%.300s", name, chosen, figures);
        ck_assert_int_eq(number_of(figures, "scratch"),
                         number_of(strstr(own, "\"bytes\""), "scratch"));
        ck_assert_int_eq(number_of(figures, "stack"), number_of(strstr(own, "\"bytes\""), "stack"));
        ck_assert_int_eq(number_of(figures, "flops"), number_of(own, "learn_flops"));
        buf_free(&words);
        free(own);
    }
    free(json);
}
END_TEST

/* A rule that does not apply has its reason in its line, and the others their figures.  */
START_TEST(a_rule_that_does_not_apply_is_a_line)
{
    static const char text[] =
        "etrace: 1\nmodel: m\ninputs: {x: [2]}\nparams: {W: [2, 3]}\nhidden: {h: [3]}\n"
        "step: [\"h' = tanh(x @ W) * h\"]\nloss: sum(h')\n";
    char *json = report_of(text, "");
    const char *line = strstr(json, "{\"rule\": \"three_factor\"");
    ck_assert_ptr_nonnull(line);
    ck_assert(strncmp(line, "{\"rule\": \"three_factor\", \"chosen\": false, \"refused\": \"rule: "
                            "three_factor needs a modulator\"}", 88) == 0);
    ck_assert_int_eq(number_of(strstr(json, "{\"rule\": \"d_rtrl"), "trace"), 4 * (6 + 2 + 3 + 3));
    ck_assert_ptr_null(strstr(json, "es_d_rtrl")); /* pp_prop by another name */
    free(json);
}
END_TEST

/* PREFIX_RAM_BYTES and the bound of the stack are the report's RAM.  */
START_TEST(ram_bytes_are_those_of_the_report)
{
    static const char *const words[] = {"", "--window=3", "--rule=bptt", "--rule=pp_prop --batch=4", "-D n=9"};
    static const char with_loss[] =
        "etrace: 1\nmodel: m\ndims: {n: 3}\ninputs: {x: [2]}\nparams: {W: [2, n]}\nhidden: {h: [n]}\n"
        "step: [\"h' = tanh(x @ W) * h\"]\nloss: sum(h')\n";
    char *text = strdup(with_loss);
    if (_i == 4)
        *strstr(text, "loss:") = '\0';
    char *json = report_of(text, words[_i]);
    const char *bytes = strstr(json, "\"bytes\"");
    cli_write("m.yaml", text);
    cli_write("ram.c", "#include \"m.h\"\n#include <stdio.h>\n"
                       "int main(void) { return printf(\"%lu\\n\", (unsigned long)M_RAM_BYTES) < 0; }\n");
    buf line = {0};
    buf_printf(&line, "$E -w %s m.yaml && ${CC:-cc} -Wall -Wextra -Wpedantic -Werror -o ram ram.c && ./ram", words[_i]);
    cli_shell(line.text, 0);
    ck_assert_int_eq(atoll(buf_text(&cli_result.out)), number_of(bytes, "ram") - number_of(bytes, "stack"));
    buf_free(&line);
    free(json);
    free(text);
}
END_TEST

/* --- how traces grow -------------------------------------------------------------------------- */

/* The slope of log bytes of RULE's trace over log n, by least squares, for a layer of n neurons on
   n inputs with all their connections.  */
static double slope_of(const char *rule)
{
    static const char spec[] =
        "etrace: 1\nmodel: m\ndims: {n: 64}\ninputs: {x: [n]}\ntargets: {y: [n]}\n"
        "modules:\n  com: {cell: linear, in: \"concat(x, net.V)\", size: n}\n"
        "  net: {cell: lif, in: com, size: n}\n"
        "outputs: {y: net}\nloss: mse(net, y)\n";
    double sx = 0, sy = 0, sxx = 0, sxy = 0, count = 0;
    for (int n = 64; n <= 4096; n *= 2, count++) {
        char options[80];
        snprintf(options, sizeof options, "--rule=%s -D n=%d", rule, n);
        char *json = report_of(spec, options);
        double x = log(n), y = log((double)number_of(strstr(json, "\"bytes\""), "trace"));
        sx += x, sy += y, sxx += x * x, sxy += x * y;
        free(json);
    }
    return (count * sxy - sx * sy) / (count * sxx - sx * sx);
}

/* pp_prop carries a vector for the inputs and one for the neurons; d_rtrl an element for each
 * weight.  */
START_TEST(traces_of_pp_prop_grow_with_neurons_not_with_weights)
{
    const double factors = slope_of("pp_prop"), weights = slope_of("d_rtrl");
    ck_assert_msg(fabs(factors - 1) < 0.02, "pp_prop: n^%g", factors);
    ck_assert_msg(fabs(weights - 2) < 0.02, "d_rtrl: n^%g", weights);
}
END_TEST

Suite *memory_suite(void)
{
    Suite *suite = suite_create("memory");
    TCase *lines = tcase_create("lines"), *growth = tcase_create("growth"), *structs = tcase_create("structs");
    tcase_add_checked_fixture(structs, cli_set_up, cli_tear_down);
    tcase_set_timeout(structs, 60);
    tcase_add_loop_test(structs, ram_bytes_are_those_of_the_report, 0, 5);
    tcase_set_timeout(lines, 120);
    tcase_set_timeout(growth, 60);
    tcase_add_loop_test(lines, lines_have_the_sizes_of_structs, 0, N_SPECS);
    tcase_add_loop_test(lines, lines_do_not_depend_on_the_choice, 0, N_SPECS);
    tcase_add_test(lines, a_rule_that_does_not_apply_is_a_line);
    tcase_add_test(growth, traces_of_pp_prop_grow_with_neurons_not_with_weights);
    suite_add_tcase(suite, lines);
    suite_add_tcase(suite, structs);
    suite_add_tcase(suite, growth);
    return suite;
}
