/* SPDX-License-Identifier: Apache-2.0 */
/* T16: the same spec gives the same bytes, whatever the folder, the locale, the time zone, the umask, the home, the date,
   where memory lies, how many processors there are and the way the outputs are named.  */
#define _XOPEN_SOURCE 700
#include "cli.h"
#include "grammar.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS = 4, RANDOM = 164, SEED = 91000, WANTED = 50 };

/* Specs of all kinds of operators.  */
static void write_random(void)
{
    for (int i = 0; i < RANDOM; i++) {
        char name[32];
        snprintf(name, sizeof name, "one/random%d.yaml", i);
        FILE *f = fopen(run_path(cli_folder, name), "w");
        ck_assert_ptr_nonnull(f);
        grammar_spec(f, (uint64_t)(SEED + i), i % 3 ? 1 : 4);
        ck_assert_int_eq(fclose(f), 0);
    }
}

/* Two folders with a copy of all specs, and what they need.  */
static void copy_specs(void)
{
    cli_shell("mkdir one 'two  #x'", 0);
    write_random();
    cli_shell("for f in \"$srcdir\"/examples/*/model.yaml; do "
              "d=${f%/model.yaml}; cp \"$f\" one/ex_${d##*/}.yaml; done && "
              "cp \"$srcdir\"/tests/lang/*.yaml \"$srcdir\"/tests/lang/*.npz "
              "\"$srcdir\"/tests/golden/*.yaml "
              "one && for f in \"$srcdir\"/tests/lang/*/; do cp -R \"$f\" one; done 2>/dev/null; "
              "cp -R one/. 'two  #x'",
              0);
}

START_TEST(the_same_bytes)
{
    static const char script[] =
        "n=0; for f in one/*.yaml; do\n"
        "n=$((n + 1)); test $((n %% %d)) -eq %d || continue\n"
        "b=${f#one/}; b=${b%%.yaml}\n"
        "(cd one && grep -q '^cell:' $b.yaml && exit 9\n"
        " TZ=UTC LC_ALL=C \"$E\" -w -o $b.c $b.yaml) || continue\n"
        "(cd 'two  #x' && umask 077 && HOME=/nonexistent TZ=Asia/Kathmandu LC_ALL=de_DE.UTF-8 "
        "LANG=tr_TR.UTF-8 SOURCE_DATE_EPOCH=1 COLUMNS=40 PATH=$PATH:/nowhere \"$E\" -w -o $b.c "
        "$b.yaml)\n"
        "cmp one/$b.c \"two  #x/$b.c\"; cmp one/$b.h \"two  #x/$b.h\"\n"
        "(cd one && mkdir -p x && LC_ALL=tr_TR.UTF-8 \"$E\" -w -o - -H x/$b.h $b.yaml >$b.out)\n"
        "cmp one/$b.c one/$b.out; cmp one/$b.h one/x/$b.h\n"
        "(cd one && mkdir -p y && $elsewhere \"$E\" -w -o y/$b.c $b.yaml)\n"
        "cmp one/$b.c one/y/$b.c; cmp one/$b.h one/y/$b.h\n"
        "echo $b >>done; done; test $(wc -l <done) -ge %d";
    /* What of these there is: memory laid out as it comes, one processor, ten years later.  */
    static const char how[] =
        "elsewhere=; for w in 'setarch -R' 'taskset 1' 'faketime +10years'; do"
        " $w true 2>/dev/null && elsewhere=\"$elsewhere $w\"; done; export elsewhere\n";
    buf line = {0};
    copy_specs();
    buf_puts(&line, how);
    buf_printf(&line, script, PARTS, _i, WANTED);
    cli_shell(line.text, 0);
    ck_assert_str_eq(buf_text(&cli_result.out), "");
    buf_free(&line);
}
END_TEST

/* A library of another locale's numbers: the program never asks for one, and m4 has none.  */
START_TEST(locales_that_are_installed)
{
    cli_shell("locale -a 2>/dev/null | grep -iE '^(de_DE|tr_TR|fr_FR|ar_EG|hi_IN)' || :", 0);
    char *all = strdup(buf_text(&cli_result.out));
    cli_run("-o a.c model.yaml", 0, NULL);
    for (char *name = strtok(all, "\n"); name; name = strtok(NULL, "\n")) {
        ck_assert_int_eq(setenv("LC_ALL", name, 1), 0);
        cli_shell("cp a.c before.c; \"$E\" -o a.c model.yaml && cmp a.c before.c", 0);
    }
    free(all);
}
END_TEST

Suite *same_suite(void)
{
    Suite *s = suite_create("same");
    TCase *t = tcase_create("same");
    tcase_add_checked_fixture(t, cli_set_up, cli_tear_down);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, the_same_bytes, 0, PARTS);
    tcase_add_test(t, locales_that_are_installed);
    suite_add_tcase(s, t);
    return s;
}
