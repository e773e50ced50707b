/* SPDX-License-Identifier: Apache-2.0 */
/* gen/skel.c, gen/child.c and templates/prelude.m4: the decoder, an m4 that fails in every way, and
   what m4 cannot do (S6).  */
#define _XOPEN_SOURCE 700
#include "run.h"
#include "skel.h"
#include "suites.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *folder;
static arena *memory;
static diag *messages;
static buf said, outputs[2];

static void set_up(void)
{
    folder = run_make_folder();
    memory = arena_new();
    messages = diag_new(memory, 0);
}

static void tear_down(void)
{
    buf_free(&said);
    buf_free(&outputs[0]);
    buf_free(&outputs[1]);
    arena_free(memory);
    run_remove_folder(folder);
}

/* --- the decoder ----------------------------------------------------------------------------- */

static const char *decode(const char *text)
{
    const char *why = NULL;
    outputs[0].len = outputs[1].len = 0;
    bool ok = skel_decode(text, strlen(text), outputs, NULL, 2, &why);
    ck_assert((why == NULL) == ok);
    return why;
}

/* LINES in the first file come out as WANTED.  */
static void gives(const char *lines, const char *wanted)
{
    buf text = {0};
    buf_printf(&text, "@{file:0@}\n%s@{end@}\n", lines);
    const char *why = decode(text.text);
    ck_assert_msg(why == NULL, "%s", why);
    ck_assert_str_eq(outputs[0].len ? outputs[0].text : "", wanted);
    buf_free(&text);
}

static void fails(const char *text, const char *wanted)
{
    const char *why = decode(text);
    ck_assert_msg(why && strstr(why, wanted), "wanted '%s', got '%s' for: %s", wanted,
                  why ? why : "nothing", text);
}

START_TEST(text_and_bytes)
{
    gives("a@40b @4d4@5fx\n", "a@b M4_x\n");
    gives("a@0ab\n", "a\nb\n");
    gives("xm4_y get_z m4 et\n", "xm4_y get_z m4 et\n");
    gives("", "");
}
END_TEST

START_TEST(files)
{
    ck_assert_ptr_null(decode("\n\n@{file:1@}\none\n@{file:0@}\nzero\n@{end@}\n"));
    ck_assert_str_eq(outputs[0].text, "zero\n");
    ck_assert_str_eq(outputs[1].text, "one\n");
}
END_TEST

/* Marks go; what they say of each line is in the map.  */
START_TEST(marks)
{
    static const char text[] = "@{file:0:a.m4@}\nplain\n@{7@}for {\n@+\n@{8@}x@{9@} = @{8@}1@0ay@0a@0az\nw\n@-\n}\n"
                               "end\n@{end@}\n";
    static const int wanted[] = {0, 7, 8, 8, 8, 8, 0, 7, 0};
    skel_map map = {0};
    const char *why = NULL;
    buf_free(&outputs[0]);
    ck_assert(skel_decode(text, strlen(text), outputs, &map, 1, &why));
    ck_assert_str_eq(buf_text(&outputs[0]), "plain\nfor {\n    x = 1\n    y\n\n    z\n    w\n}\nend\n");
    ck_assert_uint_eq(map.n, sizeof wanted / sizeof wanted[0]);
    for (size_t i = 0; i < map.n; i++)
        ck_assert_int_eq(map.line[i].from, wanted[i]);
    ck_assert_str_eq(map.template[map.line[0].template], "a.m4");
    skel_map_free(&map);
    ck_assert(!skel_decode("@{file:0@}\n@{7@+\n", 17, outputs, NULL, 1, &why));
    ck_assert_str_eq(why, "a mark without an end");
}
END_TEST

/* A page is no C: nothing is broken, indented or left out.  */
START_TEST(pages)
{
    static const char text[] = "@{text:0@}\n\n\n  a  \n@{end@}\n";
    const char *why = NULL;
    ck_assert(skel_decode(text, strlen(text), outputs, NULL, 1, &why));
    ck_assert_str_eq(buf_text(&outputs[0]), "\n\n  a  \n");
}
END_TEST

START_TEST(blank_lines)
{
    gives("\n\na  \n \t\n\n\nb\n\n\n", "a\n\nb\n");
}
END_TEST

START_TEST(indent)
{
    gives("f {\n@+\na\n@+\nb\n@-\n@-\n}\n", "f {\n    a\n        b\n}\n");
    gives("@+\n#if x\na\n#endif\n@-\n", "#if x\n    a\n#endif\n");
}
END_TEST

static void check_width(const char *text)
{
    for (const char *p = text; *p; p += strcspn(p, "\n") + 1)
        ck_assert_msg(strcspn(p, "\n") <= 100, "too long: %.*s", (int)strcspn(p, "\n"), p);
}

START_TEST(long_lines)
{
    buf text = {0};
    for (int i = 0; i < 30; i++)
        buf_printf(&text, "%sf(a%d, b)", i ? " + " : "x = ", i);
    buf_puts(&text, ";\n");
    buf whole = {0};
    buf_printf(&whole, "@{file:0@}\n%s@{end@}\n", text.text);
    ck_assert_ptr_null(decode(whole.text));
    check_width(outputs[0].text);
    ck_assert_ptr_nonnull(
        strstr(outputs[0].text, " +\n        f(")); /* between calls, behind the operator */
    ck_assert_ptr_null(strstr(outputs[0].text, ",\n"));
    buf_free(&text);
    buf_free(&whole);
}
END_TEST

START_TEST(long_comments)
{
    buf text = {0};
    buf_puts(&text, "@{file:0@}\n/* ");
    for (int i = 0; i < 60; i++)
        buf_printf(&text, "word%d ", i);
    buf_puts(&text, "*/\n@{end@}\n");
    ck_assert_ptr_null(decode(text.text));
    check_width(outputs[0].text);
    ck_assert_ptr_nonnull(strstr(outputs[0].text, "\n * word"));
    ck_assert_ptr_nonnull(strstr(outputs[0].text, "word59 */\n"));
    buf_free(&text);
}
END_TEST

/* A break inside of a string or of a # line would change what is compiled.  */
START_TEST(what_is_not_broken)
{
    static const char *const begins[] = {"\"", "#define X ", "// ", "'"};
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        buf text = {0};
        buf_puts(&text, begins[i]);
        for (int k = 0; k < 60; k++)
            buf_puts(&text, "a b ");
        buf_puts(&text, begins[i][0] == '"' ? "\";\n" : "c\n");
        gives(text.text, text.text);
        buf_free(&text);
    }
}
END_TEST

START_TEST(leftovers)
{
    fails("@{file:0@}\na m4_define b\n@{end@}\n", "not expanded");
    fails("@{file:0@}\net_value(x)\n@{end@}\n", "not expanded");
    fails("@{file:0@}\n(m4_x)\n@{end@}\n", "not expanded");
    fails("@{file:0@}\na@@b\n@{end@}\n", "directive");
    fails("@{file:0@}\na@4Xb\n@{end@}\n", "directive");
    fails("@{file:0@}\na@4Db\n@{end@}\n", "directive"); /* capitals are none of ours */
    fails("@{file:0@}\n@*\n@{end@}\n", "unknown directive");
    fails("@{file:2@}\nx\n@{end@}\n", "unknown directive");
    fails("@{file:0@} x\n@{end@}\n", "unknown directive");
    fails("@{file:0@}\nx @+\n@-\n@{end@}\n", "behind other text");
    fails("x\n@{end@}\n", "outside of any file");
    fails("@{file:0@}\n@-\n@{end@}\n", "not begun");
    fails("@{file:0@}\n@+\nx\n@{end@}\n", "not ended");
    fails("@{file:0@}\nx", "the end is missing");
    fails("@{file:0@}\nx\n@", "unknown directive");
    fails("@{file:0@}\nx\n@4", "directive");
    fails("", "the end is missing");
    fails("@{file:0@}\nx\n@{end@}\nmore\n", "behind the end");
    fails("@{file:0@}\nx\n@{end@}", "unknown directive");
}
END_TEST

/* --- m4 that fails --------------------------------------------------------------------------- */

/* A program that does as SCRIPT says.  */
static const char *fake_m4(const char *script)
{
    const char *path = run_path(folder, "m4");
    buf text = {0};
    buf_printf(&text, "#!/bin/sh\n%s\n", script);
    run_write_file(path, text.text, text.len);
    ck_assert_int_eq(chmod(path, 0755), 0);
    buf_free(&text);
    return path;
}

static const child_limits quick = {
    .cpu_seconds = 5, .memory_bytes = (size_t)1 << 30, .wall_ms = 300};

static const char *const templates[] = {"kernels.m4"};

static skel_status run_m4(const child_limits *limits, const char *m4)
{
    buf values = {0};
    for (int i = 0; i < 20000; i++) /* more than a pipe holds */
        buf_puts(&values, "m4_dnl and on\n");
    skel_status status = skel_run_within(limits, m4, run_source_path("."), templates, 1, &values,
                                         outputs, NULL, 2, messages);
    diag_print(messages, &said);
    buf_free(&values);
    return status;
}

static void breaks(const char *m4, const char *code)
{
    ck_assert_int_eq(run_m4(&quick, m4), SKEL_ENVIRONMENT);
    ck_assert_msg(strstr(buf_text(&said), code), "wanted %s in: %s", code, buf_text(&said));
    ck_assert(strncmp(said.text, "etrace-gen: error: ", 19) == 0);
}

START_TEST(m4_is_missing)
{
    breaks(run_path(folder, "none"), "E0405");
    ck_assert_ptr_nonnull(strstr(said.text, "--m4=PATH"));
}
END_TEST

START_TEST(m4_is_no_program)
{
    run_write_file(run_path(folder, "m4"), "x", 1);
    breaks(run_path(folder, "m4"), "E0405");
}
END_TEST

START_TEST(m4_returns_1)
{
    breaks(fake_m4("echo 'm4: bad\033[31m' >&2; exit 1"), "E0402");
    ck_assert_ptr_nonnull(strstr(said.text, "note: it said: m4: bad\\x1b[31m"));
}
END_TEST

START_TEST(m4_is_killed)
{
    breaks(fake_m4("kill -9 $$"), "signal 9 [E0403]");
}
END_TEST

START_TEST(m4_hangs)
{
    breaks(fake_m4("while :; do :; done"), "E0404");
}
END_TEST

/* It closes what it has, and goes on.  */
START_TEST(m4_hangs_in_silence)
{
    breaks(fake_m4("exec >&- 2>&- <&-; while :; do :; done"), "E0404");
}
END_TEST

START_TEST(m4_floods)
{
    breaks(fake_m4("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx >&2; done"), "E0404");
    ck_assert_uint_lt(said.len, 2000);
}
END_TEST

START_TEST(m4_warns)
{
    breaks(fake_m4("echo warning >&2"), "E0409");
}
END_TEST

START_TEST(m4_prints_garbage)
{
    breaks(fake_m4("echo garbage"), "outside of any file [E0407]");
    said.len = 0;
    breaks(fake_m4("printf '@{file:0@}\\nint x;\\n'"), "the end is missing [E0407]");
    said.len = 0;
    breaks(fake_m4("printf '\\001\\377\\000@'"), "E0407");
    said.len = 0;
    breaks(fake_m4(":"), "the end is missing [E0407]"); /* M4=true */
}
END_TEST

START_TEST(m4_reads_nothing)
{
    breaks(fake_m4("exec <&-; echo '@{end@}'; exit 3"), "E0402"); /* no SIGPIPE for us */
}
END_TEST

START_TEST(templates_are_missing)
{
    buf values = {0};
    ck_assert_int_eq(skel_run(M4_PROGRAM, folder, templates, 1, &values, outputs, NULL, 2, messages),
                     SKEL_ENVIRONMENT);
    diag_print(messages, &said);
    ck_assert_ptr_nonnull(strstr(said.text, "prelude.m4: No such file or directory [E0408]"));
    ck_assert_ptr_nonnull(strstr(said.text, "ETRACE_DATADIR"));
}
END_TEST

START_TEST(m4_works)
{
    ck_assert_msg(run_m4(&skel_limits, M4_PROGRAM) == SKEL_OK, "%s", buf_text(&said));
}
END_TEST

/* --- S6: what m4 cannot do ------------------------------------------------------------------- */

static const char *child_says(const char *const *argv)
{
    static buf out;
    buf errors = {0}, input = {0};
    int detail = 0;
    buf_free(&out);
    ck_assert_int_eq(child_run(argv, &input, &skel_limits, &out, &errors, &detail), CHILD_EXITED);
    buf_free(&errors);
    return buf_text(&out);
}

START_TEST(child_environment)
{
    const char *argv[] = {"env", NULL};
    ck_assert_int_eq(setenv("M4PATH", "/tmp", 1), 0);
    ck_assert_str_eq(child_says(argv), "LC_ALL=C\n");
}
END_TEST

START_TEST(child_resources)
{
    const char *argv[] = {"sh", "-c", "ulimit -t; ulimit -v; ulimit -f; ulimit -c", NULL};
    ck_assert_str_eq(child_says(argv), "30\n2097152\n0\n0\n");
}
END_TEST

START_TEST(child_writes_no_file)
{
    buf line = {0};
    buf_printf(&line, "(echo x > %s/written) 2>/dev/null; echo done", folder);
    const char *argv[] = {"sh", "-c", line.text, NULL};
    child_says(argv);
    buf text = {0};
    ck_assert(!run_read_file(run_path(folder, "written"), &text) || text.len == 0);
    buf_free(&line);
    buf_free(&text);
}
END_TEST

/* What m4 prints of TEXT behind our prelude.  */
static const char *behind_prelude(const char *text)
{
    static buf out;
    buf input = {0}, errors = {0};
    int detail;
    const char *argv[] = {M4_PROGRAM, "-P", run_source_path("templates/prelude.m4"), "-", NULL};
    buf_free(&out);
    buf_puts(&input, text);
    child_run(argv, &input, &skel_limits, &out, &errors, &detail);
    buf_free(&input);
    buf_free(&errors);
    return buf_text(&out);
}

/* Of all builtins that this m4 has, no more are left than these: none reaches a file or a
   program.  */
START_TEST(builtins_left)
{
    static const char harmless[] = " __gnu__ __unix__ m4___file__ m4___line__ m4___program__ "
                                   "m4_changecom m4_changequote m4_decr m4_define "
                                   "m4_defn m4_divnum m4_dnl m4_errprint m4_eval m4_format "
                                   "m4_ifdef m4_ifelse m4_incr m4_index m4_len "
                                   "m4_m4exit m4_patsubst m4_popdef m4_pushdef m4_regexp m4_shift "
                                   "m4_substr m4_translit m4_undefine ";
    const char *argv[] = {M4_PROGRAM, "-P", NULL};
    buf input = {0}, out = {0}, all = {0}, query = {0};
    int detail, n = 0;
    buf_puts(&input, "m4_dumpdef\n");
    ck_assert_int_eq(child_run(argv, &input, &skel_limits, &out, &all, &detail), CHILD_EXITED);
    for (char *line = all.text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, n++) {
        int len = (int)strcspn(line, ":");
        buf_printf(&query, "m4_ifdef(«%.*s», ««%.*s» »)m4_dnl\n", len, line, len, line);
    }
    ck_assert_int_gt(n, 40);
    char *left = strdup(behind_prelude(query.text)), *rest = NULL;
    for (char *name = strtok_r(left, " \n", &rest); name; name = strtok_r(NULL, " \n", &rest)) {
        buf word = {0};
        buf_printf(&word, " %s ", name);
        ck_assert_msg(strstr(harmless, word.text) || strcmp(name, "@{end@}") == 0, "%s is left",
                      name);
        buf_free(&word);
    }
    free(left);
    buf_free(&input);
    buf_free(&out);
    buf_free(&all);
    buf_free(&query);
}
END_TEST

/* What would bring a builtin back, or get at it by another way, is text.  */
START_TEST(no_way_back)
{
    static const char *const ways[] = {
        "m4_esyscmd(«echo PWNED»)", "esyscmd(«echo PWNED»)", "m4_builtin(«esyscmd», «echo PWNED»)",
        "m4_indir(«m4_esyscmd», «echo PWNED»)",
        "m4_define(«e», m4_defn(«m4_esyscmd»))e(«echo PWNED»)",
        "m4_pushdef(«m4_esyscmd», «x»)m4_popdef(«m4_esyscmd»)m4_esyscmd(«echo PWNED»)",
        "m4_define(«e», m4_builtin(«defn», «esyscmd»))e(«echo PWNED»)",
        "m4_include(«/etc/passwd»)", "m4_sinclude(«/etc/passwd»)", "m4_undivert(«/etc/passwd»)",
        "m4_changequote([,])m4_esyscmd([echo PWNED])", "m4_format(«%s», m4_esyscmd(«echo PWNED»))",
        "m4_patsubst(«x», «x», «m4_esyscmd(echo PWNED)»)"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        const char *out = behind_prelude(ways[i]);
        const char *pwned = strstr(out, "PWNED");
        ck_assert_msg(!strstr(out, "root:"), "%s", ways[i]);
        /* As text it may come out, with "echo" before it; run, it would stand alone.  */
        ck_assert_msg(!pwned || (pwned - out >= 5 && strncmp(pwned - 5, "echo ", 5) == 0), "%s: %s",
                      ways[i], out);
    }
}
END_TEST

START_TEST(no_file_by_m4)
{
    buf text = {0};
    buf_printf(&text, "m4_mkstemp(«%s/aXXXXXX»)m4_maketemp(«%s/bXXXXXX»)m4_debugfile(«%s/c»)"
                      "m4_syscmd(«: > %s/d»)\n", folder, folder, folder, folder);
    behind_prelude(text.text);
    ck_assert_int_eq(run_count_files(folder), 0);
    buf_free(&text);
}
END_TEST

/* A macro that calls itself stops at the nesting limit, not at the end of the memory.  */
START_TEST(recursion_ends)
{
    buf values = {0};
    buf_puts(&values, "m4_define(«r», «m4_len(r)»)r\n");
    ck_assert_int_eq(
        skel_run(M4_PROGRAM, run_source_path("."), templates, 1, &values, outputs, NULL, 2, messages),
        SKEL_ENVIRONMENT);
    diag_print(messages, &said);
    ck_assert_ptr_nonnull(strstr(said.text, "recursion limit of 100"));
    buf_free(&values);
}
END_TEST

START_TEST(unknown_value)
{
    buf values = {0};
    buf_puts(&values, "et_value(«nothing»)\n");
    ck_assert_int_eq(
        skel_run(M4_PROGRAM, run_source_path("."), templates, 1, &values, outputs, NULL, 2, messages),
        SKEL_ENVIRONMENT);
    diag_print(messages, &said);
    ck_assert_ptr_nonnull(strstr(said.text, "no value 'nothing'"));
    buf_free(&values);
}
END_TEST

Suite *skel_suite(void)
{
    Suite *s = suite_create("skel");
    TCase *t = tcase_create("decoder"), *m4 = tcase_create("m4"), *locked = tcase_create("locked");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_checked_fixture(m4, set_up, tear_down);
    tcase_add_checked_fixture(locked, set_up, tear_down);
    tcase_set_timeout(m4, 60);
    tcase_set_timeout(locked, 60);
    tcase_add_test(t, text_and_bytes);
    tcase_add_test(t, files);
    tcase_add_test(t, marks);
    tcase_add_test(t, pages);
    tcase_add_test(t, blank_lines);
    tcase_add_test(t, indent);
    tcase_add_test(t, long_lines);
    tcase_add_test(t, long_comments);
    tcase_add_test(t, what_is_not_broken);
    tcase_add_test(t, leftovers);
    tcase_add_test(m4, m4_is_missing);
    tcase_add_test(m4, m4_is_no_program);
    tcase_add_test(m4, m4_returns_1);
    tcase_add_test(m4, m4_is_killed);
    tcase_add_test(m4, m4_hangs);
    tcase_add_test(m4, m4_hangs_in_silence);
    tcase_add_test(m4, m4_floods);
    tcase_add_test(m4, m4_warns);
    tcase_add_test(m4, m4_prints_garbage);
    tcase_add_test(m4, m4_reads_nothing);
    tcase_add_test(m4, templates_are_missing);
    tcase_add_test(m4, m4_works);
    tcase_add_test(locked, child_environment);
    tcase_add_test(locked, child_resources);
    tcase_add_test(locked, child_writes_no_file);
    tcase_add_test(locked, builtins_left);
    tcase_add_test(locked, no_way_back);
    tcase_add_test(locked, no_file_by_m4);
    tcase_add_test(locked, recursion_ends);
    tcase_add_test(locked, unknown_value);
    suite_add_tcase(s, t);
    suite_add_tcase(s, m4);
    suite_add_tcase(s, locked);
    return s;
}
