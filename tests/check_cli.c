/* SPDX-License-Identifier: Apache-2.0 */
/* The program from outside: options, exit codes, which files come about, and that none does when
   something fails.  */
#define _XOPEN_SOURCE 700
#include "run.h"
#include "suites.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char model[] =
    "etrace: 1\nmodel: net\ndims: {n: 3}\ninputs: {x: [2]}\nhidden: {h: [n]}\n"
    "params: {W: [2, n], b: {shape: [n], init: 0}}\nstep: [\"h' = tanh(x @ W + b) + 0.5 * h\"]\n"
    "outputs: {y: h'}\nloss: sum(h' * h')\n";

static const char wrong[] = "etrace: 1\nmodel: net\nhidden: {h: [3]}\nstep: [\"h' = hh\"]\n";

static char *folder;
static run_result r;

static void write_text(const char *name, const char *text)
{
    run_write_file(run_path(folder, name), text, strlen(text));
}

static void set_up(void)
{
    folder = run_make_folder();
    r = (run_result){0};
    write_text("model.yaml", model);
    write_text("wrong.yaml", wrong);
}

static void tear_down(void)
{
    run_free(&r);
    run_remove_folder(folder);
}

/* Run etrace-gen with WORDS in the test's folder: it exits with STATUS, and what it says has SAID
   in it (NULL: it says nothing).  */
static void run(const char *words, int status, const char *said)
{
    run_free(&r);
    r = run_etrace(folder, words);
    const char *err = buf_text(&r.err);
    ck_assert_msg(r.status == status, "etrace-gen %s: status %d, not %d: %s", words, r.status,
                  status, err);
    if (said)
        ck_assert_msg(strstr(err, said), "etrace-gen %s: wanted '%s' in: %s", words, said, err);
    else
        ck_assert_str_eq(err, "");
}

static bool exists(const char *name)
{
    struct stat st;
    return lstat(run_path(folder, name), &st) == 0;
}

static void holds(const char *name, const char *text)
{
    buf all = {0};
    ck_assert_msg(run_read_file(run_path(folder, name), &all), "%s is missing", name);
    ck_assert_msg(strstr(buf_text(&all), text), "no '%s' in %s", text, name);
    buf_free(&all);
}

static void is_as_before(const char *name, const char *text)
{
    buf all = {0};
    ck_assert(run_read_file(run_path(folder, name), &all));
    ck_assert_str_eq(buf_text(&all), text);
    buf_free(&all);
}

/* Only the two specs and MORE files are there: no output, no temporary file.  */
static void nothing_but(int more)
{
    ck_assert_int_eq(run_count_files(folder), 2 + more);
}

/* --- what comes out -------------------------------------------------------------------------- */

START_TEST(default_outputs)
{
    ck_assert_int_eq(mkdir(run_path(folder, "sub"), 0777), 0);
    write_text("sub/deep.yaml", model);
    run("sub/deep.yaml", 0, NULL);
    ck_assert_str_eq(buf_text(&r.out), ""); /* silent */
    holds("deep.c", "#include \"deep.h\"");
    holds("deep.h", "net_step(");
    ck_assert(!exists("sub/deep.c"));
    nothing_but(3);
}
END_TEST

START_TEST(output_options)
{
    ck_assert_int_eq(mkdir(run_path(folder, "out"), 0777), 0);
    run("-o out/a.c model.yaml", 0, NULL);
    holds("out/a.c", "#include \"a.h\"");
    holds("out/a.h", "net_step(");
    run("-o b.c -H c.h model.yaml", 0, NULL);
    holds("b.c", "#include \"c.h\"");
    ck_assert(exists("c.h") && !exists("b.h"));
    run("-d out model.yaml", 0, NULL);
    ck_assert(exists("out/model.c") && exists("out/model.h") && !exists("model.c"));
    run("--output=d.c --header=d.h model.yaml", 0, NULL);
    ck_assert(exists("d.c") && exists("d.h"));
    run("model.yaml -o e.c", 0, NULL); /* options may follow */
    ck_assert(exists("e.c"));
}
END_TEST

START_TEST(output_to_stdout)
{
    run("-o - -H n.h model.yaml", 0, NULL);
    ck_assert_ptr_nonnull(strstr(buf_text(&r.out), "#include \"n.h\""));
    nothing_but(1);
    run("-o f.c -H n.h model.yaml", 0, NULL);
    buf text = {0};
    run_read_file(run_path(folder, "f.c"), &text);
    char *head = strdup(text.text);
    buf_free(&text);
    run("-o - -H n.h model.yaml", 0, NULL);
    /* But for the file's own name in its first line, the same.  */
    ck_assert_str_eq(strchr(buf_text(&r.out), '\n'), strchr(head, '\n'));
    free(head);
    run("-o - -H - model.yaml", 2, "one");
}
END_TEST

START_TEST(prefix)
{
    run("-p other model.yaml", 0, NULL);
    holds("model.h", "other_step(");
    run("-p while model.yaml", 2, "belongs to C");
    run("-p m4_x model.yaml", 2, "belong to the generator");
    run("-p 3x model.yaml", 2, "a name is");
}
END_TEST

START_TEST(define)
{
    run("-D n=7 model.yaml", 0, NULL);
    holds("model.h", "h[7]");
    run("-D k=7 -n model.yaml", 1, "no dim 'k'");
    run("-D n=0 -n model.yaml", 1, "E0310");
    run("-D n -n model.yaml", 2, "NAME=N");
}
END_TEST

START_TEST(list_outputs)
{
    run("--list-outputs -d out model.yaml", 0, NULL);
    ck_assert_str_eq(buf_text(&r.out), "out/model.c\nout/model.h\n");
    run("--list-outputs missing.yaml", 0, NULL); /* a build asks before the spec is there */
    ck_assert_str_eq(buf_text(&r.out), "missing.c\nmissing.h\n");
    nothing_but(0);
}
END_TEST

START_TEST(check_only)
{
    run("-n model.yaml", 0, NULL);
    run("--check wrong.yaml", 1, "wrong.yaml:4:14: error: 'hh' is not known");
    ck_assert_str_eq(buf_text(&r.out), "");
    nothing_but(0);
}
END_TEST

START_TEST(shows)
{
    run("--graph=json model.yaml", 0, NULL);
    ck_assert_uint_gt(r.out.len, 0);
    run("--dump=ir model.yaml", 0, NULL);
    ck_assert_uint_gt(r.out.len, 0);
    nothing_but(0);
}
END_TEST

START_TEST(help_and_version)
{
    run("--help", 0, NULL);
    ck_assert(strncmp(r.out.text, "Usage: etrace-gen ", 18) == 0);
    run("-V", 0, NULL);
    ck_assert(strncmp(r.out.text, "etrace-gen " PACKAGE_VERSION "\n",
                      strlen("etrace-gen " PACKAGE_VERSION "\n"))
              == 0);
    run("--version --nonsense", 0, NULL);
    run("-h -V", 0, NULL);
    ck_assert(strncmp(r.out.text, "Usage", 5) == 0);
}
END_TEST

START_TEST(the_same_twice)
{
    buf first = {0}, second = {0};
    run("-o a.c -H x.h model.yaml", 0, NULL);
    run_read_file(run_path(folder, "x.h"), &first);
    ck_assert_int_eq(setenv("LC_ALL", "de_DE.UTF-8", 1), 0);
    run("-o a.c -H x.h model.yaml", 0, NULL);
    run_read_file(run_path(folder, "x.h"), &second);
    ck_assert_str_eq(first.text, second.text);
    buf_free(&first);
    buf_free(&second);
}
END_TEST

START_TEST(mode_follows_umask)
{
    struct stat st;
    mode_t before = umask(027);
    run("model.yaml", 0, NULL);
    umask(before);
    ck_assert_int_eq(stat(run_path(folder, "model.c"), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0640);
}
END_TEST

/* --- 1: the spec is wrong -------------------------------------------------------------------- */

START_TEST(wrong_spec_changes_nothing)
{
    write_text("wrong.c", "old\n");
    run("wrong.yaml", 1, "error");
    is_as_before("wrong.c", "old\n");
    nothing_but(1);
}
END_TEST

START_TEST(max_errors)
{
    write_text("wrong.yaml", "etrace: 1\nmodel: net\na: 1\nb: 2\nc: 3\n");
    run("--max-errors=2 wrong.yaml", 1, "more than 2 errors");
    ck_assert_ptr_null(strstr(r.err.text, "wrong.yaml:5"));
    run("--max-errors=0 wrong.yaml", 1, "wrong.yaml:5:1");
    run("--learning=decay model.yaml", 1, "--learning takes KEY=VALUE, not 'decay'");
    run("-L decay=2 model.yaml", 1, "--learning:1:8: error: decay is a number");
}
END_TEST

/* --- 2: the command line is wrong ------------------------------------------------------------ */

START_TEST(usage)
{
    run("", 2, "no model is given");
    run("model.yaml wrong.yaml", 2, "'wrong.yaml'");
    run("--nonsense model.yaml", 2, "there is no option '--nonsense'");
    run("--prefx=a model.yaml", 2, "there is no option '--prefx'; did you mean '--prefix'");
    run("-q model.yaml", 2, "there is no option '-q'");
    run("-nq model.yaml", 2, "there is no option '-q'");
    run("model.yaml -o", 2, "needs a value: '-o'");
    run("model.yaml --output", 2, "needs a value: '--output'");
    run("--check=yes model.yaml", 2, "takes no value: '--check'");
    run("--rule=rtrll model.yaml", 2, ", bptt, not 'rtrll'");
    ck_assert(strncmp(r.err.text, "etrace-gen: error: --rule is one of d_rtrl, ", 44) == 0);
    run("--vjp-time=2 model.yaml", 2, "--vjp-time is one of t, t_minus_1, not '2'");
    run("--graph=png model.yaml", 2, "--graph is one of text, json, gv, not 'png'");
    run("--dump=x model.yaml", 2, "--dump is one of ir, diff, not 'x'");
    run("--window=0 model.yaml", 2, "--window is a whole number from 1 to 1048576, not '0'");
    run("--window=1x model.yaml", 2, "not '1x'");
    run("--window=99999999999999999999 model.yaml", 2, "--window");
    run("--unroll=65 model.yaml", 2, "--unroll");
    run("--max-errors=-1 model.yaml", 2, "--max-errors");
    run("-o a.c -d b model.yaml", 2, "exclude one another");
    run("-o a.h -H a.h model.yaml", 2, "one");
    run("-H a\"b.h model.yaml", 2, "#include");
    ck_assert_ptr_nonnull(strstr(r.err.text, "note: 'etrace-gen --help' lists the options"));
    nothing_but(0);
}
END_TEST

START_TEST(no_empty_names)
{
    static const char *const flags[] = {"-o", "-H", "-d"};
    for (size_t i = 0; i < 3; i++) {
        const char *argv[] = {run_etrace_path(), flags[i], "", "model.yaml", NULL};
        run_free(&r);
        r = run_program(folder, argv);
        ck_assert_int_eq(r.status, 2);
        ck_assert_ptr_nonnull(strstr(r.err.text, "names no "));
    }
    run("-o sub/ model.yaml", 2, "names no file: 'sub/'");
    nothing_but(0);
}
END_TEST

/* --- 3: files -------------------------------------------------------------------------------- */

START_TEST(unreadable_spec)
{
    run("missing.yaml", 3, "missing.yaml: No such file or directory [E0119]");
    run(".", 3, ".: Is a directory [E0119]");
    run("-n /dev/null", 1, "the file is empty"); /* a device can be read */
    nothing_but(0);
}
END_TEST

START_TEST(output_over_an_input)
{
    run("-o model.yaml model.yaml", 3,
        "model.yaml: is a file that was read and will not be replaced [E0410]");
    run("-o ./model.yaml model.yaml", 3, "E0410");
    run("-o a.c -H model.yaml model.yaml", 3, "E0410");
    ck_assert_int_eq(symlink("model.yaml", run_path(folder, "link.c")), 0);
    ck_assert_int_eq(link(run_path(folder, "model.yaml"), run_path(folder, "hard.c")), 0);
    run("-o link.c model.yaml", 3, "E0410");
    run("-o hard.c model.yaml", 3, "E0410");
    is_as_before("model.yaml", model);
    nothing_but(2);
}
END_TEST

/* A cell beside the model is an input as well.  */
START_TEST(output_over_a_cell)
{
    static const char cell[] = "cell: mine\ninputs: {x: [k]}\noutputs: {y: x}\n";
    write_text("mine.yaml", cell);
    write_text("model.yaml", "etrace: 1\nmodel: net\ninputs: {x: [2]}\nhidden: {h: [2]}\n"
                             "modules: {a: {cell: mine, in: x}}\nstep: [\"h' = a\"]\n");
    run("-o a.c -H mine.yaml model.yaml", 3, "mine.yaml: is a file that was read");
    is_as_before("mine.yaml", cell);
    nothing_but(1);
}
END_TEST

/* S9: a link in the spec's folder leads nowhere.  */
START_TEST(pattern_is_a_link)
{
    write_text("model.yaml",
               "etrace: 1\nmodel: net\nparams: {w: {shape: [3, 3], sparse: {npz: p.npz}}}\n"
               "hidden: {h: [3]}\nstep: [\"h' = sparse_matmul(h, w)\"]\n");
    ck_assert_int_eq(symlink("/etc/passwd", run_path(folder, "p.npz")), 0);
    run("-n model.yaml", 1, "links are not followed [E0639]");
    nothing_but(1);
}
END_TEST

START_TEST(outputs_over_one_another)
{
    run("-o a.c -H ./a.c model.yaml", 3, "a.c: would be two files at once");
    nothing_but(0);
}
END_TEST

START_TEST(output_is_a_directory)
{
    ck_assert_int_eq(mkdir(run_path(folder, "dir.c"), 0777), 0);
    run("-o dir.c model.yaml", 3, "dir.c: is a directory [E0410]");
    ck_assert_int_eq(mkdir(run_path(folder, "dir.h"), 0777), 0);
    run("-o a.c -H dir.h model.yaml", 3, "dir.h: is a directory");
    nothing_but(2);
}
END_TEST

START_TEST(output_is_a_fifo)
{
    ck_assert_int_eq(mkfifo(run_path(folder, "pipe.c"), 0666), 0);
    run("-o pipe.c model.yaml", 3, "pipe.c: is not a regular file and will not be replaced");
    run("-o /dev/null -H a.h model.yaml", 3, "/dev/null: is not a regular file");
    nothing_but(1);
}
END_TEST

/* The link is replaced; what it pointed to stays.  */
START_TEST(output_is_a_link)
{
    struct stat st;
    write_text("target", "old\n");
    ck_assert_int_eq(symlink("target", run_path(folder, "link.c")), 0);
    ck_assert_int_eq(symlink("nowhere", run_path(folder, "link.h")), 0);
    run("-o link.c model.yaml", 0, NULL);
    is_as_before("target", "old\n");
    ck_assert_int_eq(lstat(run_path(folder, "link.c"), &st), 0);
    ck_assert(S_ISREG(st.st_mode));
    ck_assert(!exists("nowhere"));
    nothing_but(3);
}
END_TEST

START_TEST(no_such_folder)
{
    run("-d nowhere model.yaml", 3, "nowhere/model.h: No such file or directory");
    run("-o model.yaml/a.c -H a.h model.yaml", 3, "Not a directory");
    nothing_but(0);
}
END_TEST

START_TEST(read_only_folder)
{
    if (geteuid() == 0) /* nothing is read-only for root: a mount that is, is */
        run("-o /proc/a.c -H a.h model.yaml", 3, "/proc/a.c: ");
    ck_assert_int_eq(mkdir(run_path(folder, "ro"), 0555), 0);
    if (geteuid() != 0)
        run("-o ro/a.c -H a.h model.yaml", 3, "ro/a.c: Permission denied");
    nothing_but(1);
}
END_TEST

/* Run LINE in a shell in which $E is the program.  */
static void run_shell(const char *line, int status)
{
    const char *argv[] = {"sh", "-c", line, NULL};
    ck_assert_int_eq(setenv("E", run_etrace_path(), 1), 0);
    run_free(&r);
    r = run_program(folder, argv);
    ck_assert_msg(r.status == status, "%s: status %d: %s", line, r.status, buf_text(&r.err));
}

START_TEST(full_disk)
{
    if (access("/dev/full", W_OK) != 0)
        return;
    run_shell("\"$E\" --help >/dev/full", 3);
    ck_assert_str_eq(buf_text(&r.err),
                     "etrace-gen: error: standard output: No space left on device\n");
    run_shell("\"$E\" --version >/dev/full", 3);
    run_shell("\"$E\" --list-outputs model.yaml >/dev/full", 3);
    run_shell("\"$E\" --graph=text model.yaml >/dev/full", 3);
    run_shell("\"$E\" --dump=ir model.yaml >/dev/full", 3);
    run_shell("\"$E\" -o - -H a.h model.yaml >/dev/full", 3);
    run_shell("\"$E\" -n wrong.yaml >/dev/full", 1);
    nothing_but(0);
}
END_TEST

/* A file that may not grow is as a disk that is full.  */
START_TEST(outputs_do_not_fit)
{
    write_text("model.c", "old\n");
    run_shell("trap '' XFSZ; ulimit -f 1; \"$E\" model.yaml", 3);
    ck_assert_ptr_nonnull(strstr(r.err.text, "File too large"));
    is_as_before("model.c", "old\n");
    nothing_but(1);
}
END_TEST

START_TEST(closed_streams)
{
    run_shell("\"$E\" model.yaml <&- >&- 2>&-", 0);
    holds("model.c", "net_step(");
    holds("model.h", "net_step(");
    run_shell("\"$E\" --help >&-", 3);
    run_shell("\"$E\" wrong.yaml 2>&-", 1);
    nothing_but(2);
}
END_TEST

/* --- 4: m4 and the templates ----------------------------------------------------------------- */

static void fake_m4(const char *script)
{
    buf text = {0};
    buf_printf(&text, "#!/bin/sh\n%s\n", script);
    write_text("m4", text.text);
    ck_assert_int_eq(chmod(run_path(folder, "m4"), 0755), 0);
    buf_free(&text);
}

/* Outputs from an earlier run stay as they are.  */
static void breaks(const char *words, const char *said)
{
    write_text("model.c", "old c\n");
    write_text("model.h", "old h\n");
    int before = run_count_files(folder);
    run(words, 4, said);
    ck_assert_str_eq(buf_text(&r.out), "");
    is_as_before("model.c", "old c\n");
    is_as_before("model.h", "old h\n");
    ck_assert_int_eq(run_count_files(folder), before);
}

START_TEST(m4_fails)
{
    breaks("--m4=./none model.yaml", "cannot run m4 (./none): No such file or directory");
    breaks("--m4=no-such-m4 model.yaml", "cannot run m4 (no-such-m4)");
    fake_m4("exit 1");
    breaks("--m4=./m4 model.yaml", "failed with status 1");
    fake_m4("kill -KILL $$");
    breaks("--m4=./m4 model.yaml", "killed by signal 9");
    fake_m4("echo garbage");
    breaks("--m4=./m4 model.yaml", "outside of any file");
    fake_m4("echo '@{file:0@}'; echo 'int x;'");
    breaks("--m4=./m4 model.yaml", "the end is missing");
    breaks("--m4=true model.yaml", "the end is missing");
    breaks("--m4=cat model.yaml", "m4 (cat)");
}
END_TEST

START_TEST(m4_from_the_environment)
{
    ck_assert_int_eq(setenv("M4", "./none", 1), 0);
    breaks("model.yaml", "cannot run m4 (./none)");
    run("-n model.yaml", 0, NULL); /* no m4 is needed to check */
    ck_assert_int_eq(setenv("M4", "", 1), 0);
    run("model.yaml", 0, NULL);
}
END_TEST

START_TEST(templates_are_missing)
{
    ck_assert_int_eq(setenv("ETRACE_DATADIR", folder, 1), 0);
    breaks("model.yaml", "the installation is not complete");
    ck_assert_int_eq(mkdir(run_path(folder, "runtime"), 0777), 0);
    const char *names[] = {"etrace_info.h", "etrace_random.h"};
    for (size_t i = 0; i < 2; i++) {
        buf path = {0};
        buf_printf(&path, "runtime/%s", names[i]);
        write_text(path.text, "#ifndef X\n#endif\n");
        buf_free(&path);
    }
    breaks("model.yaml", "templates/prelude.m4: No such file or directory [E0408]");
}
END_TEST

START_TEST(templates_are_broken)
{
    run_shell("cp -R \"$ETRACE_DATADIR/templates\" \"$ETRACE_DATADIR/runtime\" . && "
              "echo 'et_nothing(1)' >>templates/model.c.m4", 0);
    ck_assert_int_eq(setenv("ETRACE_DATADIR", folder, 1), 0);
    breaks("model.yaml", "a macro was not expanded [E0407]");
}
END_TEST

/* --- 63 -------------------------------------------------------------------------------------- */

START_TEST(spec_is_too_new)
{
    write_text("model.yaml", "etrace: 7\nmodel: net\n");
    run("model.yaml", 63, "version 7");
    nothing_but(0);
}
END_TEST

/* --- several at once ------------------------------------------------------------------------- */

/* Two generators with one target: each output is whole, from one of them.  */
START_TEST(races)
{
    buf wanted[2] = {{0}, {0}};
    run("-p aaaa model.yaml", 0, NULL);
    run_read_file(run_path(folder, "model.c"), &wanted[0]);
    run("-p bbbb model.yaml", 0, NULL);
    run_read_file(run_path(folder, "model.c"), &wanted[1]);
    for (int round = 0; round < 20; round++) {
        buf text = {0};
        run_shell("\"$E\" -p aaaa model.yaml & \"$E\" -p bbbb model.yaml & wait", 0);
        ck_assert(run_read_file(run_path(folder, "model.c"), &text));
        ck_assert(strcmp(text.text, wanted[0].text) == 0 || strcmp(text.text, wanted[1].text) == 0);
        nothing_but(2);
        buf_free(&text);
    }
    buf_free(&wanted[0]);
    buf_free(&wanted[1]);
}
END_TEST

/* A signal while m4 runs leaves nothing behind.  */
START_TEST(interrupted)
{
    fake_m4("kill -TERM $PPID");
    run("--m4=./m4 model.yaml", -SIGTERM, NULL);
    nothing_but(1);
}
END_TEST

static void add_tests(Suite *s, const char *name, const TTest *const *test, size_t n)
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 60);
    for (size_t i = 0; i < n; i++)
        tcase_add_test(t, test[i]);
    suite_add_tcase(s, t);
}

#define ADD(s, name, list) add_tests(s, name, list, sizeof list / sizeof list[0])

Suite *cli_suite(void)
{
    const TTest *const good[] = {default_outputs, output_options, output_to_stdout, prefix, define,
                                 list_outputs, check_only, shows, help_and_version, the_same_twice,
                                 mode_follows_umask};
    const TTest *const bad[] = {wrong_spec_changes_nothing, max_errors, usage, no_empty_names,
                                spec_is_too_new};
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
