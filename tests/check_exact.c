/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that are exact by theory, against bptt, to rounding.  In: all models of the reference, one
   for every form of the language, and random ones.  Out: test cases; a failure prints the seed and
   the spec.  $ETRACE_EXACT is the seed of the first random model.  */
#define _POSIX_C_SOURCE 200809L
#include "beyond_cases.h"
#include "golden_cases.h"
#include "grammar.h"
#include "pack.h"
#include "random_diagonal.h"
#include "suites.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT = 600, N_RANDOM = 200, N_DIAGONAL = 40, IN_PACK = 20, SEED = 73000, N_STEPS = 4 };

static const char *const bptt[] = {"--rule=bptt", NULL}, *const rtrl[] = {"--rule=rtrl", NULL};

/* A model by two rules.  */
typedef struct {
    char *text, *what;
    model *exact, *tried;
} pair;

static double largest_of(const model *m, const etr_var *v)
{
    double most = 1;
    for (size_t i = 0; i < model_numel(v); i++)
        most = fmax(most, fabs(model_get(m, v, m->grad, i)));
    return most;
}

/* The largest difference of all gradients, by the largest element of its array (or 1); the array's
   PATH.  */
static double worst_of(const pair *p, const char **path)
{
    const etr_info *info = p->exact->info;
    double worst = 0;
    for (int i = 0; i < info->n_vars; i++) {
        const etr_var *v = &info->vars[i];
        const etr_var *w = v->kind == ETR_PARAM ? model_find(p->tried, ETR_PARAM, v->path) : NULL;
        const double largest = w ? largest_of(p->exact, v) : 1;
        for (size_t k = 0; w && k < model_numel(v); k++) {
            const double x = model_get(p->exact, v, p->exact->grad, k);
            const double y = model_get(p->tried, w, p->tried->grad, k);
            const double off = fabs(x - y) / largest;
            if (!(off <= worst)) { /* or not a number */
                worst = isfinite(off) ? off : HUGE_VAL;
                *path = v->path;
            }
        }
    }
    return worst;
}

/* From a random state, or (INITIAL) from the one that the spec says: of a neuron in millivolts any
   other is far away.  */
static void run(pair *p, bool initial, uint64_t seed)
{
    model *m[] = {p->exact, p->tried};
    double loss[2];
    for (int i = 0; i < 2; i++) {
        model_randomise(m[i], seed);
        if (initial)
            model_init_state(m[i]);
        loss[i] = model_learn_all(m[i]);
    }
    ck_assert_msg(fabs(loss[0] - loss[1]) <= 1e-12 * fmax(1, fabs(loss[0])),
                  "loss %.17g by %s, %.17g by bptt: %s", loss[1], p->tried->info->rule, loss[0],
                  p->what);
}

static void same(pair *p, bool initial, uint64_t seed)
{
    const char *path = "";
    run(p, initial, seed);
    const double worst = worst_of(p, &path);
    ck_assert_msg(worst <= 1e-12, "%s is off by %g of its largest element by %s: %s", path, worst,
                  p->tried->info->rule, p->what);
}

/* P by RULE in the place of its spec's; TEXT is taken over.  */
static void add(pack *all, pair *p, const char *name, char *text, const char *const *rule)
{
    const size_t size = strlen(text) + strlen(name) + 2;
    p->text = text;
    p->what = malloc(size);
    ck_assert_ptr_nonnull(p->what);
    snprintf(p->what, size, "%s\n%s", name, text);
    p->exact = pack_add(all, text, bptt);
    p->tried = pack_add(all, text, rule);
    ck_assert_msg(p->exact && p->tried, "refused: %s", p->what);
}

/* A compiler that does not optimise takes a tenth of the time.  */
static const char *fast_compiler(void)
{
    return command_exists("tcc") ? "tcc" : NULL;
}

static void compare(pack *all, pair *p, int n, bool initial, int seed)
{
    ck_assert_int_eq(pack_load(all, fast_compiler(), N_STEPS), 0);
    for (int i = 0; i < n; i++) {
        same(&p[i], initial, (uint64_t)(seed + i));
        free(p[i].text);
        free(p[i].what);
    }
    pack_end(all);
}

/* --- rtrl ------------------------------------------------------------------------------------- */

/* What draws a model.  */
typedef enum { ANY_MODEL, POSITION_BY_POSITION, MIXED_BY_WEIGHTS } random_kind;

static char *random_text(random_kind kind, int seed)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    const int batch = seed % 4 ? 1 : 2;
    ck_assert_ptr_nonnull(f);
    if (kind == ANY_MODEL)
        grammar_spec(f, (uint64_t)seed, batch);
    else
        random_diagonal_spec(f, (uint64_t)seed, batch, kind == MIXED_BY_WEIGHTS);
    fclose(f);
    return text;
}

/* Pack number I of random models by RULE.  */
static void random_models(random_kind kind, int i, const char *const *rule)
{
    static pack all;
    pair p[IN_PACK];
    const char *asked = getenv("ETRACE_EXACT");
    const int first = (asked ? (int)strtol(asked, NULL, 10) : SEED) + i * IN_PACK;
    pack_begin(&all);
    for (int k = 0; k < IN_PACK; k++) {
        char name[64];
        snprintf(name, sizeof name, "random model of seed %d", first + k);
        add(&all, &p[k], name, random_text(kind, first + k), rule);
    }
    compare(&all, p, IN_PACK, false, first);
}

START_TEST(rtrl_is_bptt_on_random_models)
{
    random_models(ANY_MODEL, _i, rtrl);
}
END_TEST

static void add_golden(pack *all, pair *p, int i, const char *const *rule)
{
    char path[COMMAND_PATH];
    golden_path(path, golden_cases[i], "yaml");
    char *text = file_text(path);
    ck_assert_ptr_nonnull(text);
    add(all, p, golden_cases[i], text, rule);
}

START_TEST(rtrl_is_bptt_on_models_of_the_reference)
{
    static pack all;
    pair p[IN_PACK];
    int n = 0;
    pack_begin(&all);
    for (int i = _i * IN_PACK; n < IN_PACK && i < n_golden_cases; i++, n++)
        add_golden(&all, &p[n], i, rtrl);
    compare(&all, p, n, true, _i);
}
END_TEST

START_TEST(rtrl_is_bptt_on_every_form)
{
    static pack all;
    pair p[IN_PACK];
    int n = 0;
    pack_begin(&all);
    for (int i = _i * IN_PACK; n < IN_PACK && i < beyond_n_cases(); i++, n++)
        add(&all, &p[n], beyond_case_name(i), beyond_case_text(i), rtrl);
    compare(&all, p, n, true, _i);
}
END_TEST

/* --- rules that are exact for some models ----------------------------------------------------- */

/* Where no weight reads a state, D says all of how a state goes on; and where one does, J does once
   it has reached all positions.  In windows, and at t.  */
static const struct {
    random_kind kind;
    const char *const option[6];
} exact_somewhere[] = {
    {POSITION_BY_POSITION, {"--rule=d_rtrl", NULL}},
    {POSITION_BY_POSITION, {"--rule=d_rtrl", "--vjp-time=t", NULL}},
    {POSITION_BY_POSITION, {"--rule=d_rtrl", "--window=3", NULL}},
    {POSITION_BY_POSITION, {"--rule=ostl_recurrent", NULL}},
    {POSITION_BY_POSITION, {"--rule=snap", "--vjp-time=t", NULL}},
    {MIXED_BY_WEIGHTS, {"--rule=snap", "-L", "order=9", NULL}},
    {MIXED_BY_WEIGHTS, {"--rule=snap", "-L", "order=9", "--vjp-time=t", NULL}},
    {MIXED_BY_WEIGHTS, {"--rule=snap", "-L", "order=9", "--window=3", NULL}},
};

enum {
    N_SOMEWHERE = sizeof exact_somewhere / sizeof exact_somewhere[0],
    PACKS = N_DIAGONAL / IN_PACK
};

START_TEST(exact_where_theory_says)
{
    random_models(exact_somewhere[_i / PACKS].kind, _i % PACKS, exact_somewhere[_i / PACKS].option);
}
END_TEST

/* One group, and no weight reaches it through another weight within a step: then snap leaves
   nothing out.  */
static bool snap_is_complete(const model *m)
{
    return m->info->n_groups == 1 && !strstr(m->messages, "[-Wweight-to-weight]")
           && !strstr(m->messages, "[-Wmixed-path]");
}

START_TEST(saturated_snap_is_bptt_on_models_of_the_reference)
{
    static const char *const snap[] = {"--rule=snap", "-L", "order=64", NULL};
    static pack all;
    pair p[PACK_MAX / 2];
    int n = 0, complete = 0;
    pack_begin(&all);
    for (; n < n_golden_cases && n < PACK_MAX / 2; n++)
        add_golden(&all, &p[n], n, snap);
    ck_assert_int_eq(pack_load(&all, fast_compiler(), N_STEPS), 0);
    for (int i = 0; i < n; i++) {
        if (snap_is_complete(p[i].tried)) {
            complete++;
            same(&p[i], true, (uint64_t)i);
        }
        free(p[i].text);
        free(p[i].what);
    }
    ck_assert_int_ge(complete, 10);
    pack_end(&all);
}
END_TEST

/* And not elsewhere: else the test above says nothing.  */
START_TEST(not_exact_elsewhere)
{
    static const char *const first_order[] = {"--rule=snap", NULL}, *const diagonal[] = {
                                                                        "--rule=d_rtrl", NULL};
    const char *const *rule[] = {first_order, diagonal};
    static pack all;
    pair p;
    pack_begin(&all);
    add(&all, &p, "mixed", random_text(MIXED_BY_WEIGHTS, SEED), rule[_i]);
    ck_assert_int_eq(pack_load(&all, fast_compiler(), N_STEPS), 0);
    run(&p, false, 1);
    const char *path = "";
    ck_assert_double_gt(worst_of(&p, &path), 1e-6);
    free(p.text);
    free(p.what);
    pack_end(&all);
}
END_TEST

static int packs(int n)
{
    return (n + IN_PACK - 1) / IN_PACK;
}

Suite *exact_suite(void)
{
    Suite *suite = suite_create("exact");
    TCase *cases = tcase_create("rtrl"), *some = tcase_create("somewhere");
    tcase_set_timeout(cases, TIMEOUT);
    tcase_set_timeout(some, TIMEOUT);
    tcase_add_loop_test(cases, rtrl_is_bptt_on_random_models, 0, packs(N_RANDOM));
    tcase_add_loop_test(cases, rtrl_is_bptt_on_models_of_the_reference, 0, packs(n_golden_cases));
    tcase_add_loop_test(cases, rtrl_is_bptt_on_every_form, 0, packs(beyond_n_cases()));
    tcase_add_loop_test(some, exact_where_theory_says, 0, N_SOMEWHERE * PACKS);
    tcase_add_test(some, saturated_snap_is_bptt_on_models_of_the_reference);
    tcase_add_loop_test(some, not_exact_elsewhere, 0, 2);
    suite_add_tcase(suite, cases);
    suite_add_tcase(suite, some);
    return suite;
}
