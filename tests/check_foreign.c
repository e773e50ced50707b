/* SPDX-License-Identifier: Apache-2.0 */
/* Projects of others, built from an installed prefix.  tests/foreign has them; its scripts try/NAME.sh
   build and run them, and end with 77 and a word where a tool is not there.  What stands in their
   build files is what the documents show.  */
#define _XOPEN_SOURCE 700
#include "arena.h"
#include "datadir.h"
#include "run.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT = 1800, SKIPPED = 77, GLUE_LINES = 10 };

/* With the prefix, and the folder that it was built in.  */
static char *installed;

static void install(void)
{
    const char *script = run_source_path("tests/foreign/install.sh");
    installed = run_make_folder();
    const char *argv[] = {"/bin/sh", script, installed, NULL};
    run_result r = run_program(installed, argv);
    ck_assert_msg(r.status == 0, "%s: %d\n%s%s", script, r.status, buf_text(&r.out), buf_text(&r.err));
    run_free(&r);
}

/* The source was made unwritable.  */
static void remove_installed(void)
{
    const char *argv[] = {"chmod", "-R", "u+w", installed, NULL};
    run_result r = run_program(".", argv);
    run_free(&r);
    run_remove_folder(installed);
}

static const char *const tries[] = {"make",  "cmake", "meson",     "cpp",  "autotools", "tarball",
                                    "cross", "zephyr", "moved", "uninstall", "dist", "files",     "deb"};

START_TEST(projects)
{
    buf script = {0};
    char *folder = run_make_folder();
    buf_printf(&script, "tests/foreign/try/%s.sh", tries[_i]);
    const char *argv[] = {"/bin/sh", run_source_path(script.text), run_path(installed, "prefix"),
                          folder, NULL};
    run_result r = run_program(folder, argv);
    if (r.status == SKIPPED)
        printf("foreign: %s is %s", tries[_i], buf_text(&r.out));
    else
        ck_assert_msg(r.status == 0, "%s: %d\n%s%s", script.text, r.status, buf_text(&r.out),
                      buf_text(&r.err));
    run_free(&r);
    run_remove_folder(folder);
    buf_free(&script);
}
END_TEST

/* --- what a build file needs ------------------------------------------------------------------- */

/* The build files of each project.  */
static const char *const glue[][2] = {
    {"tests/foreign/make/Makefile"},
    {"tests/foreign/cmake/CMakeLists.txt"},
    {"tests/foreign/meson/meson.build"},
    {"tests/foreign/cpp/CMakeLists.txt"},
    {"tests/foreign/zephyr/CMakeLists.txt"},
    {"tests/foreign/autotools/configure.ac", "tests/foreign/autotools/Makefile.am"},
};

enum { N_GLUE = sizeof glue / sizeof glue[0] };

/* The text of PATH without the licence in its first line.  */
static void read_glue(const char *path, buf *text)
{
    buf whole = {0};
    ck_assert_msg(run_read_file(run_source_path(path), &whole), "%s cannot be read", path);
    const char *body = strchr(buf_text(&whole), '\n');
    ck_assert_ptr_nonnull(body);
    buf_printf(text, "%s", body + 1);
    buf_free(&whole);
}

/* How many of the lines of TEXT a project without a model would not have: those that name etrace or
   a model.  A file that is short enough counts whole.  */
static int glue_lines(const char *text)
{
    static const char *const words[] = {"etrace", "ETRACE", "follower", "counter", "leaky"};
    int n = 0;
    for (const char *p = text; *p; p += strcspn(p, "\n") + 1) {
        char line[200];
        bool names = false;
        snprintf(line, sizeof line, "%.*s", (int)strcspn(p, "\n"), p);
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            names = names || strstr(line, words[i]);
        n += names;
    }
    return n;
}

START_TEST(glue_is_short)
{
    int n = 0;
    for (int i = 0; i < 2 && glue[_i][i]; i++) {
        buf text = {0};
        read_glue(glue[_i][i], &text);
        n += glue_lines(buf_text(&text));
        buf_free(&text);
    }
    ck_assert_int_gt(n, 0);
    ck_assert_msg(n <= GLUE_LINES, "%s: %d lines", glue[_i][0], n);
}
END_TEST

static bool document_has(const char *document, const char *text)
{
    buf whole = {0};
    ck_assert(run_read_file(run_source_path(document), &whole));
    bool res = strstr(buf_text(&whole), text) != NULL;
    buf_free(&whole);
    return res;
}

/* doc/building.md shows each file whole.  */
START_TEST(documents_show_the_files)
{
    for (int i = 0; i < 2 && glue[_i][i]; i++) {
        buf block = {0};
        buf_printf(&block, "\n");
        read_glue(glue[_i][i], &block);
        buf_printf(&block, "```\n");
        ck_assert_msg(document_has("doc/building.md", block.text), "doc/building.md shows another %s",
                      glue[_i][i]);
        buf_free(&block);
    }
}
END_TEST

/* What README.md shows of build files is in doc/building.md, and so is what is tried.  */
START_TEST(readme_shows_the_same)
{
    static const char *const fences[] = {"```make\n", "```cmake\n", "```meson\n", "```m4\n"};
    buf readme = {0};
    int n = 0;
    ck_assert(run_read_file(run_source_path("README.md"), &readme));
    for (size_t i = 0; i < sizeof fences / sizeof fences[0]; i++)
        for (char *p = strstr(readme.text, fences[i]); p; p = strstr(p, fences[i])) {
            char *end = strstr(p + 3, "```\n");
            ck_assert_ptr_nonnull(end);
            char *block = strndup(p, (size_t)(end + 4 - p));
            ck_assert_msg(document_has("doc/building.md", block), "only in README.md:\n%s", block);
            free(block);
            p = end + 4;
            n++;
        }
    ck_assert_int_gt(n, 0);
    buf_free(&readme);
}
END_TEST

/* --- where the data are ------------------------------------------------------------------------ */

START_TEST(data_are_found_beside_the_program)
{
    static const struct { const char *bin, *data, *made, *exe; bool found; } rows[] = {
        {"/usr/bin", "/usr/share/etrace", "usr/share/etrace", "usr/bin/etrace-gen", true},
        {"/usr/local/bin", "/usr/local/share/etrace", "a/b/share/etrace", "a/b/bin/etrace-gen", true},
        {"/opt/e/bin", "/opt/e/bin/data", "x/bin/data", "x/bin/etrace-gen", true},
        {"/opt/e/bin", "/opt/data/etrace", "x/data/etrace", "x/e/bin/etrace-gen", true},
        {"/usr/bin", "/usr/share/etrace", "usr/share/etrace", "usr/libexec/etrace-gen", false},
        {"/usr/bin", "/usr/share/etrace", "usr/share/other", "usr/bin/etrace-gen", false},
        {"/usr/bin", "/usr/share/etrace", "tree", "tree/build/etrace-gen", true}, /* not installed */
    };
    arena *a = arena_new();
    char *folder = run_make_folder();
    const char *exe = arena_printf(a, "%s/%s", folder, rows[_i].exe);
    const char *argv[] = {"mkdir", "-p", arena_printf(a, "%s/templates", rows[_i].made), rows[_i].exe,
                          NULL};
    run_result r = run_program(folder, argv);
    const char *made = arena_printf(a, "%s/%s", folder, rows[_i].made);
    run_write_file(arena_printf(a, "%s/templates/prelude.m4", made), "", 0);
    const char *found = datadir_beside(a, exe, rows[_i].bin, rows[_i].data);
    ck_assert_msg((found != NULL) == rows[_i].found, "%s: %s", rows[_i].exe, found ? found : "nothing");
    if (found && _i < 6)
        ck_assert_str_eq(found, made);
    run_free(&r);
    run_remove_folder(folder);
    arena_free(a);
}
END_TEST

Suite *foreign_suite(void)
{
    Suite *s = suite_create("foreign");
    TCase *files = tcase_create("files");
    tcase_add_loop_test(files, glue_is_short, 0, N_GLUE);
    tcase_add_loop_test(files, documents_show_the_files, 0, N_GLUE);
    tcase_add_test(files, readme_shows_the_same);
    tcase_add_loop_test(files, data_are_found_beside_the_program, 0, 7);
    suite_add_tcase(s, files);

    TCase *built = tcase_create("projects");
    tcase_set_timeout(built, TIMEOUT);
    tcase_add_unchecked_fixture(built, install, remove_installed);
    tcase_add_loop_test(built, projects, 0, sizeof tries / sizeof tries[0]);
    suite_add_tcase(s, built);
    return s;
}
