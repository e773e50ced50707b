/* SPDX-License-Identifier: Apache-2.0 */
/* Generated models against the independent evaluator: random ones over the whole language, and one
   at least for every operator, cell, surrogate and form of control flow.  $ETRACE_BEYOND is the
   seed of the first random model.  */
#define _POSIX_C_SOURCE 200809L
#include "suites.h"

#include "beyond.h"
#include "beyond_cases.h"
#include "grammar.h"
#include "pack.h"

#include <stdlib.h>
#include <string.h>

enum { TIMEOUT = 600, N_RANDOM = 300, IN_PACK = 20, SEED = 41000, N_STEPS = 3 };

/* In turn: written out or in loops, signals of both kinds.  */
static const char *const online[][3] = {{NULL},
                                        {"--signal=total", "--unroll=1"},
                                        {"--unroll=1"},
                                        {"--unroll=2", "--signal=total"}};
static const char *const vjp_time_t[] = {"--vjp-time=t", NULL};

static const char *cells(void)
{
    static char path[COMMAND_PATH];
    const char *data = getenv("ETRACE_DATADIR");
    folder_path(path, data ? data : ".", "templates/cells");
    return path;
}

static char *random_text(int seed, int batch)
{
    char *text = grammar_text((uint64_t)seed, batch);
    ck_assert_ptr_nonnull(text);
    return text;
}

/* One model of a pack: with window 1, and some with vjp_time t, too, where no path is mixed.  */
typedef struct {
    char *text, *what;
    bool total;
    model *online, *at_t;
} packed;

static void add(pack *p, packed *one, const char *name, char *text, int i)
{
    const size_t size = strlen(text) + strlen(name) + 2;
    one->text = text;
    one->what = malloc(size);
    ck_assert_ptr_nonnull(one->what);
    snprintf(one->what, size, "%s\n%s", name, text);
    one->total = i % 2;
    one->online = pack_add(p, text, online[i % 4]);
    ck_assert_msg(one->online != NULL, "refused: %s", one->what);
    one->at_t = NULL;
    const bool both = i % 4 == 0 || strcmp(name, "once wrong") == 0;
    if (both && strstr(one->online->messages, "[-Wmixed-path]") == NULL)
        one->at_t = pack_add(p, text, vjp_time_t);
}

static void compare(packed *one, uint64_t seed)
{
    evaluator *ev = evaluate_open(one->text, cells());
    ck_assert_msg(ev != NULL, "%s", one->what);
    beyond b = {.m = one->online, .ev = ev, .what = one->what, .tolerance = 1e-12};
    beyond_step(&b, one->total, seed);
    beyond_gradient(&b, seed + 1);
    beyond_steps(&b, seed + 2);
    b.m = one->at_t;
    if (b.m)
        beyond_gradient(&b, seed + 3);
    evaluate_close(ev);
    free(one->text);
    free(one->what);
}

/* Clang sees what gcc does not, and the other way round.  */
static const char *other_compiler(int i)
{
    return i == 0 && command_exists("clang") ? "clang" : NULL;
}

START_TEST(random_models)
{
    packed one[IN_PACK];
    static pack p;
    const char *asked = getenv("ETRACE_BEYOND");
    const int first = (asked ? (int)strtol(asked, NULL, 10) : SEED) + _i * IN_PACK;
    pack_begin(&p);
    for (int i = 0; i < IN_PACK; i++) {
        char name[64];
        const int seed = first + i;
        snprintf(name, sizeof name, "random model of seed %d", seed);
        add(&p, &one[i], name, random_text(seed, seed % 4 ? 1 : 3), seed);
    }
    ck_assert_msg(pack_load(&p, other_compiler(_i), N_STEPS) == 0, "models of seeds from %d on",
                  first);
    for (int i = 0; i < IN_PACK; i++)
        compare(&one[i], (uint64_t)(first + i));
    pack_end(&p);
}
END_TEST

START_TEST(every_form)
{
    packed one[IN_PACK];
    static pack p;
    int n = 0;
    pack_begin(&p);
    for (int i = _i * IN_PACK; n < IN_PACK && i < beyond_n_cases(); i++, n++)
        add(&p, &one[n], beyond_case_name(i), beyond_case_text(i), i);
    ck_assert_int_eq(pack_load(&p, other_compiler(_i), N_STEPS), 0);
    for (int i = 0; i < n; i++)
        compare(&one[i], (uint64_t)i);
    pack_end(&p);
}
END_TEST

Suite *beyond_suite(void)
{
    const int n_forms = (beyond_n_cases() + IN_PACK - 1) / IN_PACK;
    Suite *suite = suite_create("beyond");
    TCase *forms = tcase_create("forms"), *random = tcase_create("random");
    tcase_set_timeout(forms, TIMEOUT);
    tcase_set_timeout(random, TIMEOUT);
    tcase_add_loop_test(forms, every_form, 0, n_forms);
    tcase_add_loop_test(random, random_models, 0, N_RANDOM / IN_PACK);
    suite_add_tcase(suite, forms);
    suite_add_tcase(suite, random);
    return suite;
}
