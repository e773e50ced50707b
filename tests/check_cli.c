/* SPDX-License-Identifier: Apache-2.0 */
/* The program from outside: options, exit codes, which files come about, and that none does when
   something fails.  */
#define _XOPEN_SOURCE 700
#include "cli.h"
#include "suites.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- what comes out -------------------------------------------------------------------------- */

START_TEST(default_outputs)
{
    ck_assert_int_eq(mkdir(run_path(cli_folder, "sub"), 0777), 0);
    cli_write("sub/deep.yaml", cli_model);
    cli_run("sub/deep.yaml", 0, NULL);
    ck_assert_str_eq(buf_text(&cli_result.out), ""); /* silent */
    cli_holds("deep.c", "#include \"deep.h\"");
    cli_holds("deep.h", "net_step(");
    ck_assert(!cli_exists("sub/deep.c"));
    cli_nothing_but(3);
}
END_TEST

START_TEST(output_options)
{
    ck_assert_int_eq(mkdir(run_path(cli_folder, "out"), 0777), 0);
    cli_run("-o out/a.c model.yaml", 0, NULL);
    cli_holds("out/a.c", "#include \"a.h\"");
    cli_holds("out/a.h", "net_step(");
    cli_run("-o b.c -H c.h model.yaml", 0, NULL);
    cli_holds("b.c", "#include \"c.h\"");
    ck_assert(cli_exists("c.h") && !cli_exists("b.h"));
    cli_run("-d out model.yaml", 0, NULL);
    ck_assert(cli_exists("out/model.c") && cli_exists("out/model.h") && !cli_exists("model.c"));
    cli_run("--output=d.c --header=d.h model.yaml", 0, NULL);
    ck_assert(cli_exists("d.c") && cli_exists("d.h"));
    cli_run("model.yaml -o e.c", 0, NULL); /* options may follow */
    ck_assert(cli_exists("e.c"));
}
END_TEST

START_TEST(output_to_stdout)
{
    cli_run("-o - -H n.h model.yaml", 0, NULL);
    ck_assert_ptr_nonnull(strstr(buf_text(&cli_result.out), "#include \"n.h\""));
    cli_nothing_but(1);
    cli_run("-o f.c -H n.h model.yaml", 0, NULL);
    buf text = {0};
    run_read_file(run_path(cli_folder, "f.c"), &text);
    char *head = strdup(text.text);
    buf_free(&text);
    cli_run("-o - -H n.h model.yaml", 0, NULL);
    /* But for the file's own name in its first line, the same.  */
    ck_assert_str_eq(strchr(buf_text(&cli_result.out), '\n'), strchr(head, '\n'));
    free(head);
    cli_run("-o - -H - model.yaml", 2, "one");
}
END_TEST

START_TEST(prefix)
{
    cli_run("-p other model.yaml", 0, NULL);
    cli_holds("model.h", "other_step(");
    cli_run("-p while model.yaml", 2, "belongs to C");
    cli_run("-p m4_x model.yaml", 2, "belong to the generator");
    cli_run("-p 3x model.yaml", 2, "a name is");
}
END_TEST

START_TEST(define)
{
    cli_run("-D n=7 model.yaml", 0, NULL);
    cli_holds("model.h", "h[7]");
    cli_run("-D k=7 -n model.yaml", 1, "no dim or constant 'k'");
    cli_run("-D n=0 -n model.yaml", 1, "E0310");
    cli_run("-D n -n model.yaml", 2, "--define is NAME=VALUE, not 'n'");
}
END_TEST

START_TEST(list_outputs)
{
    cli_run("--list-outputs -d out model.yaml", 0, NULL);
    ck_assert_str_eq(buf_text(&cli_result.out), "out/model.c\nout/model.h\n");
    cli_run("--list-outputs missing.yaml", 0, NULL); /* a build asks before the spec is there */
    ck_assert_str_eq(buf_text(&cli_result.out), "missing.c\nmissing.h\n");
    cli_nothing_but(0);
}
END_TEST

START_TEST(check_only)
{
    cli_run("-n model.yaml", 0, NULL);
    cli_run("--check wrong.yaml", 1, "wrong.yaml:4:14: error: 'hh' is not known");
    ck_assert_str_eq(buf_text(&cli_result.out), "");
    cli_nothing_but(0);
}
END_TEST

START_TEST(shows)
{
    cli_run("--graph=json model.yaml", 0, NULL);
    ck_assert_uint_gt(cli_result.out.len, 0);
    cli_run("--dump=ir model.yaml", 0, NULL);
    ck_assert_uint_gt(cli_result.out.len, 0);
    cli_shell("\"$E\" --graph=json model.yaml >a && \"$E\" --dump=json model.yaml >b && cmp a b && rm a b", 0);
    cli_nothing_but(0);
}
END_TEST

START_TEST(help_and_version)
{
    cli_run("--help", 0, NULL);
    ck_assert(strncmp(cli_result.out.text, "Usage: etrace-gen ", 18) == 0);
    cli_run("-V", 0, NULL);
    ck_assert(strncmp(cli_result.out.text, "etrace-gen " PACKAGE_VERSION "\n",
                      strlen("etrace-gen " PACKAGE_VERSION "\n"))
              == 0);
    cli_run("--version --nonsense", 0, NULL);
    cli_run("-h -V", 0, NULL);
    ck_assert(strncmp(cli_result.out.text, "Usage", 5) == 0);
}
END_TEST

START_TEST(the_same_twice)
{
    buf first = {0}, second = {0};
    cli_run("-o a.c -H x.h model.yaml", 0, NULL);
    run_read_file(run_path(cli_folder, "x.h"), &first);
    ck_assert_int_eq(setenv("LC_ALL", "de_DE.UTF-8", 1), 0);
    cli_run("-o a.c -H x.h model.yaml", 0, NULL);
    run_read_file(run_path(cli_folder, "x.h"), &second);
    ck_assert_str_eq(first.text, second.text);
    buf_free(&first);
    buf_free(&second);
}
END_TEST

START_TEST(mode_follows_umask)
{
    struct stat st;
    mode_t before = umask(027);
    cli_run("model.yaml", 0, NULL);
    umask(before);
    ck_assert_int_eq(stat(run_path(cli_folder, "model.c"), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0640);
}
END_TEST

/* Names for what has another one.  */
START_TEST(second_names)
{
    cli_shell("\"$E\" --algorithm=bptt -o - -H a.h model.yaml >a && \"$E\" --rule=bptt -o - -H a.h model.yaml >b &&"
              " cmp a b && \"$E\" --trace-real=bfloat16 -o - -H a.h model.yaml >a &&"
              " \"$E\" -L trace_dtype=bfloat16 -o - -H a.h model.yaml >b && cmp a b", 0);
}
END_TEST

/* --- 1: the spec is wrong -------------------------------------------------------------------- */

START_TEST(wrong_spec_changes_nothing)
{
    cli_write("wrong.c", "old\n");
    cli_run("wrong.yaml", 1, "error");
    cli_is_as_before("wrong.c", "old\n");
    cli_nothing_but(1);
}
END_TEST

START_TEST(max_errors)
{
    cli_write("wrong.yaml", "etrace: 1\nmodel: net\na: 1\nb: 2\nc: 3\n");
    cli_run("--max-errors=2 wrong.yaml", 1, "more than 2 errors");
    ck_assert_ptr_null(strstr(cli_result.err.text, "wrong.yaml:5"));
    cli_run("--max-errors=0 wrong.yaml", 1, "wrong.yaml:5:1");
    cli_run("--learning=decay model.yaml", 1, "--learning takes KEY=VALUE, not 'decay'");
    cli_run("-L decay=2 model.yaml", 1, "--learning:1:8: error: decay is a number");
}
END_TEST

/* --- 2: the command line is wrong ------------------------------------------------------------ */

START_TEST(usage)
{
    cli_run("", 2, "no model is given");
    cli_run("--nonsense model.yaml", 2, "there is no option '--nonsense'");
    cli_run("--prefx=a model.yaml", 2, "there is no option '--prefx'; did you mean '--prefix'");
    cli_run("-z model.yaml", 2, "there is no option '-z'");
    cli_run("-nz model.yaml", 2, "there is no option '-z'");
    cli_run("model.yaml -o", 2, "needs a value: '-o'");
    cli_run("model.yaml --output", 2, "needs a value: '--output'");
    cli_run("--check=yes model.yaml", 2, "takes no value: '--check'");
    cli_run("--rule=rtrll model.yaml", 2, ", bptt, not 'rtrll'");
    ck_assert(strncmp(cli_result.err.text, "etrace-gen: error: --rule is one of d_rtrl, ", 44)
              == 0);
    cli_run("--vjp-time=2 model.yaml", 2, "--vjp-time is one of t, t_minus_1, not '2'");
    cli_run("--graph=png model.yaml", 2, "--graph is one of text, json, gv, svg, pdf, not 'png'");
    cli_run("--dump=x model.yaml", 2, "--dump is one of ir, diff, json, not 'x'");
    cli_run("--real=q15 model.yaml", 2, "there is no fixed point");
    cli_run("--real=half model.yaml", 2, "--real is one of float, double, not 'half'");
    cli_run("--trace=m4,all model.yaml", 2, "--trace is a list of m4, graph and time, not 'm4,all'");
    cli_run("--trace= model.yaml", 2, "--trace is a list");
    cli_run("--window=0 model.yaml", 2, "--window is a whole number from 1 to 1048576, not '0'");
    cli_run("--window=1x model.yaml", 2, "not '1x'");
    cli_run("--window=99999999999999999999 model.yaml", 2, "--window");
    cli_run("--unroll=65 model.yaml", 2, "--unroll");
    cli_run("--max-errors=-1 model.yaml", 2, "--max-errors");
    cli_run("-o a.c -d b model.yaml", 2, "exclude one another");
    cli_run("-o a.h -H a.h model.yaml", 2, "one");
    cli_run("-H a\"b.h model.yaml", 2, "#include");
    ck_assert_ptr_nonnull(
        strstr(cli_result.err.text, "note: 'etrace-gen --help' lists the options"));
    cli_nothing_but(0);
}
END_TEST

/* As messages about a spec: every line is an object, wherever the option stands.  */
START_TEST(usage_in_json)
{
    static const char *const lines[] = {
        "--diagnostics-format=json --nonsense model.yaml", "-z --diagnostics-format json model.yaml",
        "--diag=json -o a.c -d b model.yaml", "--diagnostics-format=json", "--rule=x --diagnostics=json",
        "--explain=99999 --diagnostics-format=json model.yaml"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        cli_run(lines[i], 2, "{\"file\": null, \"line\": null,");
        const char *text = cli_result.err.text;
        ck_assert_ptr_nonnull(strstr(text, "\"severity\": \"error\", \"code\": null, \"message\": \""));
        for (const char *p = text; *p; p += strcspn(p, "\n") + 1)
            ck_assert_msg(*p == '{', "no object: %s", p);
    }
    cli_run("--diagnostics-format=text --diagnostics-format=jso -z", 2, "etrace-gen: error: ");
    cli_run("-- --diagnostics-format=json", 3, "etrace-gen: error: ");
}
END_TEST

START_TEST(no_empty_names)
{
    static const char *const flags[] = {"-o", "-H", "-d"};
    for (size_t i = 0; i < 3; i++) {
        const char *argv[] = {run_etrace_path(), flags[i], "", "model.yaml", NULL};
        run_free(&cli_result);
        cli_result = run_program(cli_folder, argv);
        ck_assert_int_eq(cli_result.status, 2);
        ck_assert_ptr_nonnull(strstr(cli_result.err.text, "names no "));
    }
    cli_run("-o sub/ model.yaml", 2, "names no file: 'sub/'");
    cli_nothing_but(0);
}
END_TEST

/* --- 3: files -------------------------------------------------------------------------------- */

START_TEST(unreadable_spec)
{
    cli_run("missing.yaml", 3, "missing.yaml: No such file or directory [E0119]");
    cli_run(".", 3, ".: Is a directory [E0119]");
    cli_run("-n /dev/null", 1, "the file is empty"); /* a device can be read */
    cli_nothing_but(0);
}
END_TEST

START_TEST(output_over_an_input)
{
    cli_run("-o model.yaml model.yaml", 3,
        "model.yaml: is a file that was read and will not be replaced [E0410]");
    cli_run("-o ./model.yaml model.yaml", 3, "E0410");
    cli_run("-o a.c -H model.yaml model.yaml", 3, "E0410");
    ck_assert_int_eq(symlink("model.yaml", run_path(cli_folder, "link.c")), 0);
    ck_assert_int_eq(link(run_path(cli_folder, "model.yaml"), run_path(cli_folder, "hard.c")), 0);
    cli_run("-o link.c model.yaml", 3, "E0410");
    cli_run("-o hard.c model.yaml", 3, "E0410");
    cli_is_as_before("model.yaml", cli_model);
    cli_nothing_but(2);
}
END_TEST

/* A cell beside the model is an input as well.  */
START_TEST(output_over_a_cell)
{
    static const char cell[] = "cell: mine\ninputs: {x: [k]}\noutputs: {y: x}\n";
    cli_write("mine.yaml", cell);
    cli_write("model.yaml", "etrace: 1\nmodel: net\ninputs: {x: [2]}\nhidden: {h: [2]}\n"
                             "modules: {a: {cell: mine, in: x}}\nstep: [\"h' = a\"]\n");
    cli_run("-o a.c -H mine.yaml model.yaml", 3, "mine.yaml: is a file that was read");
    cli_is_as_before("mine.yaml", cell);
    cli_nothing_but(1);
}
END_TEST

/* S9: a link in the spec's folder leads nowhere.  */
START_TEST(pattern_is_a_link)
{
    cli_write("model.yaml",
               "etrace: 1\nmodel: net\nparams: {w: {shape: [3, 3], sparse: {npz: p.npz}}}\n"
               "hidden: {h: [3]}\nstep: [\"h' = sparse_matmul(h, w)\"]\n");
    ck_assert_int_eq(symlink("/etc/passwd", run_path(cli_folder, "p.npz")), 0);
    cli_run("-n model.yaml", 1, "links are not followed [E0639]");
    cli_nothing_but(1);
}
END_TEST

START_TEST(outputs_over_one_another)
{
    cli_run("-o a.c -H ./a.c model.yaml", 3, "a.c: would be two files at once");
    cli_nothing_but(0);
}
END_TEST

START_TEST(output_is_a_directory)
{
    ck_assert_int_eq(mkdir(run_path(cli_folder, "dir.c"), 0777), 0);
    cli_run("-o dir.c model.yaml", 3, "dir.c: is a directory [E0410]");
    ck_assert_int_eq(mkdir(run_path(cli_folder, "dir.h"), 0777), 0);
    cli_run("-o a.c -H dir.h model.yaml", 3, "dir.h: is a directory");
    cli_nothing_but(2);
}
END_TEST

START_TEST(output_is_a_fifo)
{
    ck_assert_int_eq(mkfifo(run_path(cli_folder, "pipe.c"), 0666), 0);
    cli_run("-o pipe.c model.yaml", 3, "pipe.c: is not a regular file and will not be replaced");
    cli_run("-o /dev/null -H a.h model.yaml", 3, "/dev/null: is not a regular file");
    cli_nothing_but(1);
}
END_TEST

/* The link is replaced; what it pointed to stays.  */
START_TEST(output_is_a_link)
{
    struct stat st;
    cli_write("target", "old\n");
    ck_assert_int_eq(symlink("target", run_path(cli_folder, "link.c")), 0);
    ck_assert_int_eq(symlink("nowhere", run_path(cli_folder, "link.h")), 0);
    cli_run("-o link.c model.yaml", 0, NULL);
    cli_is_as_before("target", "old\n");
    ck_assert_int_eq(lstat(run_path(cli_folder, "link.c"), &st), 0);
    ck_assert(S_ISREG(st.st_mode));
    ck_assert(!cli_exists("nowhere"));
    cli_nothing_but(3);
}
END_TEST

START_TEST(no_such_folder)
{
    cli_run("-d nowhere model.yaml", 3, "nowhere/model.c: No such file or directory");
    cli_run("-o model.yaml/a.c -H a.h model.yaml", 3, "Not a directory");
    cli_nothing_but(0);
}
END_TEST

START_TEST(read_only_folder)
{
    if (geteuid() == 0) /* nothing is read-only for root: a mount that is, is */
        cli_run("-o /proc/a.c -H a.h model.yaml", 3, "/proc/a.c: ");
    ck_assert_int_eq(mkdir(run_path(cli_folder, "ro"), 0555), 0);
    if (geteuid() != 0)
        cli_run("-o ro/a.c -H a.h model.yaml", 3, "ro/a.c: Permission denied");
    cli_nothing_but(1);
}
END_TEST

START_TEST(full_disk)
{
    if (access("/dev/full", W_OK) != 0)
        return;
    cli_shell("\"$E\" --help >/dev/full", 3);
    ck_assert_str_eq(buf_text(&cli_result.err),
                     "etrace-gen: error: standard output: No space left on device\n");
    cli_shell("\"$E\" --version >/dev/full", 3);
    cli_shell("\"$E\" --list-outputs model.yaml >/dev/full", 3);
    cli_shell("\"$E\" --graph=text model.yaml >/dev/full", 3);
    cli_shell("\"$E\" --dump=ir model.yaml >/dev/full", 3);
    cli_shell("\"$E\" -o - -H a.h model.yaml >/dev/full", 3);
    cli_shell("\"$E\" -n wrong.yaml >/dev/full", 1);
    cli_nothing_but(0);
}
END_TEST

/* A file that may not grow is as a disk that is full.  */
START_TEST(outputs_do_not_fit)
{
    cli_write("model.c", "old\n");
    cli_shell("trap '' XFSZ; ulimit -f 1; \"$E\" model.yaml", 3);
    ck_assert_ptr_nonnull(strstr(cli_result.err.text, "File too large"));
    cli_is_as_before("model.c", "old\n");
    cli_nothing_but(1);
}
END_TEST

START_TEST(closed_streams)
{
    cli_shell("\"$E\" model.yaml <&- >&- 2>&-", 0);
    cli_holds("model.c", "net_step(");
    cli_holds("model.h", "net_step(");
    cli_shell("\"$E\" --help >&-", 3);
    cli_shell("\"$E\" wrong.yaml 2>&-", 1);
    cli_nothing_but(2);
}
END_TEST

/* --- 4: m4 and the templates ----------------------------------------------------------------- */

START_TEST(m4_fails)
{
    cli_breaks("--m4=./none model.yaml", "cannot run m4 (./none): No such file or directory");
    cli_breaks("--m4=no-such-m4 model.yaml", "cannot run m4 (no-such-m4)");
    cli_fake_m4("exit 1");
    cli_breaks("--m4=./m4 model.yaml", "failed with status 1");
    cli_fake_m4("kill -KILL $$");
    cli_breaks("--m4=./m4 model.yaml", "killed by signal 9");
    cli_fake_m4("echo garbage");
    cli_breaks("--m4=./m4 model.yaml", "outside of any file");
    cli_fake_m4("echo '@{file:0@}'; echo 'int x;'");
    cli_breaks("--m4=./m4 model.yaml", "the end is missing");
    cli_breaks("--m4=true model.yaml", "the end is missing");
    cli_breaks("--m4=cat model.yaml", "m4 (cat)");
}
END_TEST

START_TEST(m4_from_the_environment)
{
    ck_assert_int_eq(setenv("M4", "./none", 1), 0);
    cli_breaks("model.yaml", "cannot run m4 (./none)");
    cli_run("-n model.yaml", 0, NULL); /* no m4 is needed to check */
    ck_assert_int_eq(setenv("M4", "", 1), 0);
    cli_run("model.yaml", 0, NULL);
}
END_TEST

START_TEST(templates_are_missing)
{
    ck_assert_int_eq(setenv("ETRACE_DATADIR", cli_folder, 1), 0);
    cli_breaks("model.yaml", "the installation is not complete");
    ck_assert_int_eq(mkdir(run_path(cli_folder, "runtime"), 0777), 0);
    const char *names[] = {"etrace_half.h", "etrace_info.h", "etrace_label.h", "etrace_math.h", "etrace_random.h"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        buf path = {0};
        buf_printf(&path, "runtime/%s", names[i]);
        cli_write(path.text, "#ifndef X\n#endif\n");
        buf_free(&path);
    }
    cli_breaks("model.yaml", "templates/prelude.m4: No such file or directory [E0408]");
}
END_TEST

START_TEST(templates_are_broken)
{
    cli_shell("cp -R \"$ETRACE_DATADIR/templates\" \"$ETRACE_DATADIR/runtime\" . && "
              "echo 'et_nothing(1)' >>templates/model.c.m4", 0);
    ck_assert_int_eq(setenv("ETRACE_DATADIR", cli_folder, 1), 0);
    cli_breaks("model.yaml", "a macro was not expanded [E0407]");
}
END_TEST

/* --- 63 -------------------------------------------------------------------------------------- */

START_TEST(spec_is_too_new)
{
    cli_write("model.yaml", "etrace: 7\nmodel: net\n");
    cli_run("model.yaml", 63, "version 7");
    cli_nothing_but(0);
}
END_TEST

/* --- 70 -------------------------------------------------------------------------------------- */

START_TEST(bug)
{
    cli_shell("nm \"$E\" 2>/dev/null | grep -q __asan_init && echo sanitizers; :", 0);
    if (cli_result.out.len > 0)
        return;
    cli_fake_m4("kill -ABRT $PPID; sleep 1");
    cli_run("--m4=./m4 model.yaml", 70, "etrace-gen: internal error; please report it");
    cli_fake_m4("kill -SEGV $PPID; sleep 1");
    cli_run("--m4=./m4 model.yaml", 70, "etrace-gen: internal error; please report it");
}
END_TEST

START_TEST(limits)
{
    cli_write("model.yaml", "etrace: 1\nmodel: net\ninputs: {x: [2]}\nhidden: {h: [2]}\n"
                            "step: [\"h' = x\"]\noutputs: {y: h'}\n");
    cli_run("--limit=depth=2 -n model.yaml", 1, "nested too deep: the limit is 2 [E0113]");
    ck_assert_ptr_nonnull(
        strstr(cli_result.err.text, "note: if that is meant, --limit=depth=N allows more"));
    cli_run("--limit=values=5 -n model.yaml", 1, "E0114");
    cli_run("--limit=text=3 -n model.yaml", 1, "E0107");
    cli_run("--limit=file=16 -n model.yaml", 1, "the limit is 16 bytes [E0117]");
    cli_run("--limit=file=1K --limit=values=1000 -n model.yaml", 0, NULL);
    cli_run("--limit=size=3 -n model.yaml", 2, "--limit is NAME=N with one of depth, aliases, ");
    cli_run("--limit=depth=1001 -n model.yaml", 2,
            "--limit=depth is a number from 1 to 1000, not '1001'");
}
END_TEST

/* --- several at once ------------------------------------------------------------------------- */

/* Two generators with one target: each output is whole, from one of them.  */
START_TEST(races)
{
    buf wanted[2] = {{0}, {0}};
    cli_run("-p aaaa model.yaml", 0, NULL);
    run_read_file(run_path(cli_folder, "model.c"), &wanted[0]);
    cli_run("-p bbbb model.yaml", 0, NULL);
    run_read_file(run_path(cli_folder, "model.c"), &wanted[1]);
    for (int round = 0; round < 20; round++) {
        buf text = {0};
        cli_shell("\"$E\" -p aaaa model.yaml & \"$E\" -p bbbb model.yaml & wait", 0);
        ck_assert(run_read_file(run_path(cli_folder, "model.c"), &text));
        ck_assert(strcmp(text.text, wanted[0].text) == 0 || strcmp(text.text, wanted[1].text) == 0);
        cli_nothing_but(2);
        buf_free(&text);
    }
    buf_free(&wanted[0]);
    buf_free(&wanted[1]);
}
END_TEST

/* A signal while m4 runs leaves nothing behind.  */
START_TEST(interrupted)
{
    cli_fake_m4("kill -TERM $PPID");
    cli_run("--m4=./m4 model.yaml", -SIGTERM, NULL);
    cli_nothing_but(1);
}
END_TEST

static void add_tests(Suite *s, const char *name, const TTest *const *test, size_t n)
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, cli_set_up, cli_tear_down);
    tcase_set_timeout(t, 60);
    for (size_t i = 0; i < n; i++)
        tcase_add_test(t, test[i]);
    suite_add_tcase(s, t);
}

#define ADD(s, name, list) add_tests(s, name, list, sizeof list / sizeof list[0])

Suite *cli_suite(void)
{
    const TTest *const good[] = {default_outputs, output_options, output_to_stdout, prefix, define,
                                 list_outputs, check_only, shows, second_names, help_and_version,
                                 the_same_twice, mode_follows_umask};
    const TTest *const bad[] = {wrong_spec_changes_nothing, max_errors, usage, usage_in_json, no_empty_names,
                                spec_is_too_new, bug, limits};
    const TTest *const files[] = {unreadable_spec, output_over_an_input, output_over_a_cell,
                                  pattern_is_a_link, outputs_over_one_another,
                                  output_is_a_directory, output_is_a_fifo, output_is_a_link,
                                  no_such_folder, read_only_folder, full_disk, outputs_do_not_fit,
                                  closed_streams};
    const TTest *const m4[] = {m4_fails, m4_from_the_environment, templates_are_missing,
                               templates_are_broken};
    const TTest *const several[] = {races, interrupted};
    Suite *s = suite_create("cli");
    ADD(s, "good", good);
    ADD(s, "bad", bad);
    ADD(s, "files", files);
    ADD(s, "m4", m4);
    ADD(s, "several", several);
    return s;
}
