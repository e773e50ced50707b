/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of learning rules, two at a time.  In: every rule, every pair of settings.  Out: the pair is refused with
   a message about settings, or the model is made; and then one step from a fresh trace is what theory says: exact,
   unless a setting gives that up.  And the defaults.  */
#define _XOPEN_SOURCE 700
#include "arena.h"
#include "cli.h"
#include "diag.h"
#include "learn.h"
#include "lower.h"
#include "pack.h"
#include "rule.h"
#include "run.h"
#include "suites.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "etrace: 1\nmodel: m\ndtype: float64\nbatch: 2\ninputs: {x: [2], r: []}\ntargets: {y: [2]}\n"
                           "modules:\n  rnn: {cell: gru, in: x, size: 3}\n  out: {cell: linear, in: rnn, size: 2}\n"
                           "outputs: [out]\nloss: 0.5 * sum(square(out - y)) + 0 * r\n";

static const char *const settings[] = {
    "", "window=3", "vjp_time=t", "vjp_time=t_minus_1", "signal=total", "plain=none", "dense=drop", "kappa=0.5",
    "decay=[0.9,0.5]", "rank=3", "bias_correction=call", "leak=0.5", "scope=diagonal", "scope=coupled",
    "scope=sparse_n", "order=2", "feedback=symmetric", "feedback=random", "feedback=adaptive", "feedback_from=signal",
    "feedback_from=error", "modulator=r", "seed=3", "noise=input", "estimate=batch", "factored=[rnn.Wz]", "below=10",
};

enum { N_SETTINGS = sizeof settings / sizeof settings[0], ACCEPTED_MAX = 400 };

/* What a rule cannot do without is said with it.  */
static const struct {
    const char *rule, *with;
} needs[] = {{"uoro", "seed=3"}, {"three_factor", "modulator=r"}};

/* A pair that was accepted.  */
typedef struct {
    int a, b;
    learning set;
} accepted_pair;

static const char *need_of(const char *rule, int a, int b)
{
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
        if (strcmp(needs[i].rule, rule) == 0 && strcmp(settings[a], "noise=input") != 0
            && strcmp(settings[b], "noise=input") != 0 && strcmp(settings[a], needs[i].with) != 0
            && strcmp(settings[b], needs[i].with) != 0)
            return needs[i].with;
    return "";
}

static void key_of(const char *setting, char key[32])
{
    snprintf(key, 32, "%.*s", (int)strcspn(setting, "="), setting);
}

static bool same_key(int a, int b)
{
    char x[32], y[32];
    key_of(settings[a], x);
    key_of(settings[b], y);
    return strcmp(x, y) == 0;
}

static void say(spec_learning *l, const char *setting, arena *a, diag *d)
{
    if (*setting)
        ck_assert_msg(rule_override(l, setting, a, d), "%s cannot be read", setting);
}

/* Is RULE with the pair accepted?  If not, an error about settings says so.  */
static bool is_accepted(const char *rule, int x, int y, learning *set)
{
    arena *a = arena_new();
    diag *d = diag_new(a, 0);
    spec_status status;
    char word[64];
    spec *s = spec_parse("m.yaml", text, strlen(text), false, a, d, &status);
    ck_assert_ptr_nonnull(s);
    spec_learning l = s->learning;
    snprintf(word, sizeof word, "rule=%s", rule);
    say(&l, word, a, d);
    say(&l, need_of(rule, x, y), a, d);
    say(&l, settings[x], a, d);
    say(&l, settings[y], a, d);
    bool res = rule_settings(s, &l, d, set);
    if (res) {
        const lower_options options = {.data_dir = run_source_path(".")};
        ir *g = lower_spec(s, &options, a, d);
        graph *gr = g ? learn_graph(g, set) : NULL;
        ck_assert_ptr_nonnull(gr);
        learn_plan(gr, set);
        ck_assert_msg(diag_errors(d) == 0, "%s %s %s: accepted, and then an error", rule, settings[x], settings[y]);
    }
    ck_assert_msg(res == (diag_errors(d) == 0), "%s %s %s: refused without an error", rule, settings[x], settings[y]);
    set->rule = rule;
    set->factored = NULL;
    set->modulator = NULL;
    set->at = (loc){0};
    arena_free(a);
    return res;
}

/* In one step from a fresh trace a window is exact; without one every signal has to be whole, and every parameter.  */
static bool is_exact(const learning *set)
{
    bool whole = set->feedback == FEEDBACK_SYMMETRIC && !set->signal_total && !set->plain_none
                 && set->trace != TRACE_RANDOM;
    return set->window > 0 || set->trace == TRACE_EXACT || set->trace == TRACE_NONE || whole;
}

static void check_gradient(const model *m, const model *exact, const accepted_pair *p)
{
    double size = 0;
    for (int i = 0; i < exact->info->n_vars; i++) {
        const etr_var *w = &exact->info->vars[i], *v = model_find(m, ETR_PARAM, w->path);
        for (size_t k = 0; w->kind == ETR_PARAM && k < model_numel(w); k++) {
            const double x = model_get(m, v, m->grad, k), y = model_get(exact, w, exact->grad, k);
            ck_assert_msg(isfinite(x) && (!is_exact(&p->set) || fabs(x - y) < 1e-12), "%s %s %s: %s is %g, not %g",
                          p->set.rule, settings[p->a], settings[p->b], w->path, x, y);
            size += fabs(x);
        }
    }
    ck_assert_msg(size > 0.01, "%s %s %s: no gradient", p->set.rule, settings[p->a], settings[p->b]);
}

static int no_arrays_of_its_own(const etr_var *v)
{
    return strncmp(v->path, "dni_", 4) != 0;
}

static void run_some(const accepted_pair *pair, int n)
{
    static pack p;
    model *m[PACK_MAX], *exact;
    static const char *const bptt[] = {"--rule=bptt", NULL};

    pack_begin(&p);
    exact = pack_add(&p, text, bptt);
    for (int i = 0; i < n; i++) {
        char word[4][64];
        const char *option[5] = {0};
        const char *const said[] = {need_of(pair[i].set.rule, pair[i].a, pair[i].b), settings[pair[i].a],
                                    settings[pair[i].b]};
        int k = 1;
        snprintf(word[0], sizeof word[0], "--rule=%s", pair[i].set.rule);
        option[0] = word[0];
        for (int j = 0; j < 3; j++)
            if (*said[j]) {
                snprintf(word[k], sizeof word[k], "-L%s", said[j]);
                option[k] = word[k];
                k++;
            }
        m[i] = pack_add(&p, text, option);
        ck_assert_msg(m[i] != NULL, "%s %s %s", option[0], settings[pair[i].a], settings[pair[i].b]);
    }
    ck_assert_int_eq(pack_load(&p, NULL, 1), 0);
    model_randomise(exact, 5);
    char *start = malloc(exact->info->state_bytes);
    ck_assert_ptr_nonnull(start);
    memcpy(start, exact->state, exact->info->state_bytes);
    model_learn_all(exact);
    memcpy(exact->state, start, exact->info->state_bytes);
    free(start);
    for (int i = 0; i < n; i++) {
        model_randomise(m[i], 6);
        model_copy(m[i], exact);
        for (int k = 0; k < m[i]->info->n_vars; k++) {
            const etr_var *v = &m[i]->info->vars[k];
            for (size_t j = 0; !no_arrays_of_its_own(v) && j < model_numel(v); j++)
                model_put(m[i], v, m[i]->params, j, 0);
        }
        model_learn_all(m[i]);
        check_gradient(m[i], exact, &pair[i]);
    }
    pack_end(&p);
}

static int n_rules(void)
{
    int n = 0;
    while (rule_names()[n])
        n++;
    return n;
}

START_TEST(every_pair_works_or_is_refused)
{
    static accepted_pair accepted[ACCEPTED_MAX];
    const char *rule = rule_names()[_i];
    int n = 0, refused = 0;

    for (int a = 0; a < N_SETTINGS; a++)
        for (int b = a + (a > 0); b < N_SETTINGS; b++) {
            learning set;
            bool known = false;
            if ((a || b) && same_key(a, b))
                continue;
            if (!is_accepted(rule, a, b, &set)) {
                refused++;
                continue;
            }
            for (int i = 0; i < n; i++)
                known = known || memcmp(&accepted[i].set, &set, sizeof set) == 0;
            ck_assert_int_lt(n, ACCEPTED_MAX);
            if (!known)
                accepted[n++] = (accepted_pair){a, b, set};
        }
    ck_assert_int_gt(n, 0);
    ck_assert_int_gt(refused, 0);
    for (int i = 0; i < n; i += PACK_MAX - 1)
        run_some(&accepted[i], n - i < PACK_MAX - 1 ? n - i : PACK_MAX - 1);
}
END_TEST

/* --- pairs that contradict each other -------------------------------------------------------------------- */

static const struct {
    const char *rule, *a, *b;
    bool fits;
} pairs[] = {
    {"d_rtrl", "window=3", "vjp_time=t", false},
    {"d_rtrl", "window=3", "vjp_time=t_minus_1", true},
    {"d_rtrl", "scope=coupled", "order=2", false},
    {"d_rtrl", "scope=sparse_n", "", false},
    {"d_rtrl", "scope=sparse_n", "order=2", true},
    {"d_rtrl", "order=2", "", false},
    {"d_rtrl", "decay=[0.9,0.5]", "", false},
    {"pp_prop", "scope=sparse_n", "", false},
    {"pp_prop", "decay=[0.9,0.5]", "rank=3", false},
    {"pp_prop", "kappa=0.5", "", false},
    {"hybrid", "factored=[rnn.Wz]", "below=10", false},
    {"eprop", "feedback=symmetric", "feedback_from=error", false},
    {"eprop", "feedback=adaptive", "feedback_from=signal", false},
    {"eprop", "feedback=adaptive", "window=3", false},
    {"eprop", "feedback=random", "window=3", true},
    {"eprop", "feedback=random", "feedback_from=error", true},
    {"snap", "order=2", "kappa=0.5", true},
    {"snap", "scope=coupled", "", false},
    {"uoro", "seed=3", "noise=input", false},
    {"uoro", "noise=input", "estimate=batch", true},
    {"three_factor", "window=3", "", false},
    {"three_factor", "scope=sparse_n", "order=2", true},
    {"dni", "vjp_time=t", "", false},
    {"bptt", "window=3", "", false},
};

static int number_of(const char *setting)
{
    int i = 0;
    while (strcmp(settings[i], setting) != 0)
        i++;
    return i;
}

START_TEST(a_pair_that_contradicts_is_refused)
{
    learning set;
    const bool fits = is_accepted(pairs[_i].rule, number_of(pairs[_i].a), number_of(pairs[_i].b), &set);
    ck_assert_msg(fits == pairs[_i].fits, "%s %s %s", pairs[_i].rule, pairs[_i].a, pairs[_i].b);
}
END_TEST

/* --- the defaults ------------------------------------------------------------------------------------------ */

static const char defaults[] = "rule: d_rtrl, window: 1, vjp_time: t_minus_1, signal: direct, plain: exact, dense: error, "
                               "reduction: sum, kappa: 0, scope: diagonal, feedback: symmetric, trace_dtype: real";

/* All that is emitted, but for the sum over the spec's own text, which says more.  */
static char *emitted(const char *said, const char *options)
{
    buf whole = {0}, line = {0};
    buf_printf(&whole, "%s%s", cli_model, said);
    cli_write("model.yaml", buf_text(&whole));
    buf_printf(&line, "\"$E\" -w -o m.c %s model.yaml && cat m.h m.c | sed 's/[0-9a-f]\\{64\\}/SUM/'", options);
    cli_shell(buf_text(&line), 0);
    buf_free(&whole);
    buf_free(&line);
    ck_assert_ptr_nonnull(strstr(buf_text(&cli_result.out), "_learn_sequence"));
    return strdup(buf_text(&cli_result.out));
}

/* d_rtrl with window 1 is what a model without `learning:` learns by.  */
START_TEST(the_default_is_d_rtrl_with_window_1)
{
    static const char *const same[][2] = {
        {"learning: {rule: d_rtrl, window: 1}\n", ""}, {"learning: {rule: d_rtrl}\n", ""}, {"learning: {window: 1}\n", ""},
        {"", "--rule=d_rtrl --window=1"}, {"", "-Lvjp_time=t_minus_1"}, {"learning: {rule: pp_prop}\n", "--rule=d_rtrl"}};
    static const char *const other[][2] = {{"learning: {window: 2}\n", ""}, {"", "--vjp-time=t"}, {"", "--rule=eprop"}};
    char whole[400];
    char *wanted = emitted("", "");
    ck_assert_ptr_null(strstr(cli_model, "learning:"));
    snprintf(whole, sizeof whole, "learning: {%s}\n", defaults);
    char *got = emitted(whole, "");
    ck_assert_msg(strcmp(got, wanted) == 0, "all spelled out");
    free(got);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        got = emitted(same[i][0], same[i][1]);
        ck_assert_msg(strcmp(got, wanted) == 0, "%s%s", same[i][0], same[i][1]);
        free(got);
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        got = emitted(other[i][0], other[i][1]);
        ck_assert_msg(strcmp(got, wanted) != 0, "%s%s", other[i][0], other[i][1]);
        free(got);
    }
    free(wanted);
}
END_TEST

Suite *settings_suite(void)
{
    Suite *suite = suite_create("settings");
    TCase *all = tcase_create("pairs"), *table = tcase_create("table"), *none = tcase_create("defaults");
    tcase_add_checked_fixture(none, cli_set_up, cli_tear_down);
    tcase_set_timeout(none, 60);
    tcase_add_test(none, the_default_is_d_rtrl_with_window_1);
    suite_add_tcase(suite, none);
    tcase_set_timeout(all, 600);
    tcase_add_loop_test(all, every_pair_works_or_is_refused, 0, n_rules());
    tcase_add_loop_test(table, a_pair_that_contradicts_is_refused, 0, (int)(sizeof pairs / sizeof pairs[0]));
    suite_add_tcase(suite, all);
    suite_add_tcase(suite, table);
    return suite;
}
