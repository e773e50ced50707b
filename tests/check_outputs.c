/* SPDX-License-Identifier: Apache-2.0 */
/* Which files there are and what is in them: depfiles that make reads, --standalone and
   --single-file that a compiler takes with nothing else, several models in one call, and what the
   command line says against the spec.  */
#define _XOPEN_SOURCE 700
#include "cli.h"
#include "suites.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char other[] =
    "etrace: 1\nmodel: other\ninputs: {x: [2]}\nhidden: {h: [2]}\nconsts: {k: 0.5, v: [1, 2]}\n"
    "params: {W: [2, 2]}\nstep: [\"h' = k * h + tanh(x @ W) + v\"]\noutputs: {y: h'}\n"
    "loss: sum(h')\n";

/* What was printed is WANTED; DATA in it is the folder of data.  Where a depfile's lines end
   depends on how long that one's name is: they are one here.  */
static void printed(const char *wanted)
{
    const char *data = getenv("ETRACE_DATADIR");
    buf text = {0};
    for (const char *p = buf_text(&cli_result.out); *p;) {
        size_t n = data ? strlen(data) : 0;
        if (n > 0 && strncmp(p, data, n) == 0) {
            buf_puts(&text, "DATA");
            p += n;
        } else if (strncmp(p, " \\\n", 3) == 0) {
            p += 3;
        } else {
            buf_bytes(&text, p++, 1);
        }
    }
    ck_assert_str_eq(buf_text(&text), wanted);
    buf_free(&text);
}

/* --- depfiles -------------------------------------------------------------------------------- */

START_TEST(depfile_names_the_outputs)
{
    cli_run("-MMD model.yaml", 0, NULL);
    cli_is_as_before("model.d", "model.c model.h: model.yaml\n");
    cli_run("-MMD -d sub/../ model.yaml", 3, "sub/../");
    cli_run("-MMD -MF x.dep -o a.c -H b.h model.yaml", 0, NULL);
    cli_is_as_before("x.dep", "a.c b.h: model.yaml\n");
    cli_run("-MMD -o - -H b.h model.yaml", 0, NULL);
    cli_is_as_before("model.d", "b.h: model.yaml\n");
    cli_run("-MMD --single-file model.yaml", 0, NULL);
    cli_is_as_before("model.d", "model.c: model.yaml\n");
    cli_run("model.yaml -MF rest -MMD", 0, NULL); /* a value apart, behind the model */
    cli_is_as_before("rest", "model.c model.h: model.yaml\n");
    cli_run("-MFrest -MMD -n model.yaml", 0, NULL);
}
END_TEST

START_TEST(depfile_has_other_targets)
{
    cli_run("-MMD -MT $(obj)/a.o model.yaml", 0, NULL);
    cli_is_as_before("model.d", "$(obj)/a.o: model.yaml\n");
    cli_run("-MMD -MQ a$b -MT c model.yaml", 0, NULL);
    cli_is_as_before("model.d", "a$$b c: model.yaml\n");
}
END_TEST

/* With everything that belongs to the generator, which is as good as the compiler's headers.  */
START_TEST(depfile_has_the_templates)
{
    cli_run("-M model.yaml", 0, NULL);
    ck_assert_ptr_nonnull(strstr(buf_text(&cli_result.out), "model.c model.h: "));
    ck_assert_ptr_nonnull(strstr(buf_text(&cli_result.out), "/runtime/etrace_info.h"));
    cli_shell("\"$E\" -M -MF deps model.yaml; for f in \"$ETRACE_DATADIR\"/templates/*.m4; do "
              "case $f in */page.html.m4) continue; esac; " /* only with a page: the suite page */
              "grep -q -F \"${f#\"$ETRACE_DATADIR\"}\" deps || echo \"$f\"; done",
              0);
    printed("");
    cli_nothing_but(1);
}
END_TEST

START_TEST(depfile_has_cells_and_arrays)
{
    static const char cell[] = "cell: mine\ninputs: {x: [k]}\noutputs: {y: x}\n";
    ck_assert_int_eq(mkdir(run_path(cli_folder, "deep"), 0777), 0);
    cli_write("mine.yaml", cell);
    cli_write("deep/more.yaml", "cell: more\ninputs: {x: [k]}\noutputs: {y: x}\n");
    cli_write("model.yaml",
              "etrace: 1\nmodel: net\nimport: [deep/more.yaml]\ninputs: {x: [3]}\n"
              "modules: {a: {cell: mine, in: x}, b: {cell: more, in: a}}\nhidden: {h: [3]}\n"
              "consts: {m: {npz: deep/arrays.npz, name: M}}\nstep: [\"h' = b + sum(m)\"]\n");
    cli_shell("cp \"$srcdir/tests/lang/arrays.npz\" deep", 0);
    cli_run("-MM -MP model.yaml", 0, NULL);
    printed("model.c model.h: deep/arrays.npz deep/more.yaml mine.yaml model.yaml\n"
            "deep/arrays.npz:\ndeep/more.yaml:\nmine.yaml:\n");
    cli_run("-o deep/arrays.npz -H h.h model.yaml", 3, "is a file that was read");
    cli_run("-o c.c -H deep/more.yaml model.yaml", 3, "is a file that was read");
}
END_TEST

/* make builds once, then nothing, then again when any file is touched; and it goes on where a file
   that was needed is no longer there and no longer needed.  */
START_TEST(make_reads_the_depfile)
{
    static const char cell[] = "cell: mine\ninputs: {x: [k]}\noutputs: {y: x}\n";
    cli_shell("command -v make >/dev/null || exit 77", access("/usr/bin/make", X_OK) == 0 ? 0 : 77);
    if (cli_result.status)
        return;
    ck_assert_int_eq(mkdir(run_path(cli_folder, "a b#c$d"), 0777), 0);
    cli_write("mine.yaml", cell);
    cli_write("a b#c$d/mine.yaml", cell);
    cli_write("a b#c$d/net.yaml", "etrace: 1\nmodel: net\ninputs: {x: [2]}\nhidden: {h: [2]}\n"
                                  "modules: {a: {cell: mine, in: x}}\nstep: [\"h' = a\"]\n");
    cli_write("Makefile",
              "net.c:\n\t@\"$$E\" -MD -MP -MF net.d -MT net.c -o net.c 'a b#c$$d/net.yaml'\n"
              "\t@echo made\n-include net.d\n");
    cli_shell("unset MAKEFLAGS MFLAGS; make -s net.c", 0);
    ck_assert_str_eq(buf_text(&cli_result.out), "made\n");
    cli_shell("unset MAKEFLAGS MFLAGS; make -s net.c", 0);
    ck_assert_str_eq(buf_text(&cli_result.out), "");
    cli_shell("unset MAKEFLAGS MFLAGS; touch -d '1 hour' 'a b#c$d/mine.yaml'; make -s net.c", 0);
    ck_assert_str_eq(buf_text(&cli_result.out), "made\n");
    cli_write("a b#c$d/net.yaml", "etrace: 1\nmodel: net\ninputs: {x: [2]}\nhidden: {h: [2]}\n"
                                  "step: [\"h' = x\"]\n");
    cli_shell("unset MAKEFLAGS MFLAGS; rm 'a b#c$d/mine.yaml'; make -s net.c", 0);
    ck_assert_str_eq(buf_text(&cli_result.out), "made\n");
}
END_TEST

START_TEST(depfile_usage)
{
    cli_run("-MP model.yaml", 2, "go with -MD");
    cli_run("-MF a model.yaml", 2, "go with -MD");
    cli_run("-MD -MT", 2, "needs a value: '-MT'");
    cli_run("-MX model.yaml", 2, "there is no option '-MX'");
    cli_run("-MDx model.yaml", 2, "there is no option '-MDx'");
    cli_run("-MMD -MF model.yaml model.yaml", 3, "is a file that was read");
    cli_run("-MMD wrong.yaml", 1, "E03");
    cli_nothing_but(0);
}
END_TEST

/* --- the files of a model -------------------------------------------------------------------- */

/* Every C file of FOLDER compiles, and nothing from outside is included with quotes.  */
static void compiles(const char *flags, const char *files)
{
    buf line = {0};
    buf_printf(&line, "cd out && ${CC:-cc} -std=c99 -Wall -Wextra -Wpedantic -Werror %s %s", flags,
               files);
    cli_shell(line.text, 0);
    ck_assert_str_eq(buf_text(&cli_result.err), "");
    buf_free(&line);
}

START_TEST(standalone)
{
    ck_assert_int_eq(mkdir(run_path(cli_folder, "out"), 0777), 0);
    cli_run("--list-outputs --standalone -d out model.yaml", 0, NULL);
    printed("out/model.c\nout/model.h\nout/etrace.c\nout/etrace_snapshot.c\nout/etrace.h\n"
            "out/etrace_info.h\nout/etrace_label.h\nout/etrace_layout.h\n"
            "out/etrace_random.h\nout/etrace_snapshot.h\n");
    cli_run("--standalone -d out model.yaml", 0, NULL);
    cli_shell("ls out/*.? | wc -l | tr -d ' '", 0);
    printed("10\n");
    cli_write("out/main.c", "#include \"etrace.h\"\n#include \"model.h\"\nint main(void)\n{\n"
                            "    net_params p;\n    net_init_params(&p, 1);\n"
                            "    return p.b[0] != 0;\n}\n");
    compiles("-o main", "*.c -lm && ./main");
}
END_TEST

START_TEST(single_file)
{
    ck_assert_int_eq(mkdir(run_path(cli_folder, "out"), 0777), 0);
    cli_run("--list-outputs --single-file -d out model.yaml", 0, NULL);
    printed("out/model.c\n");
    cli_run("--single-file -d out model.yaml", 0, NULL);
    ck_assert(!cli_exists("out/model.h"));
    compiles("-c", "model.c");
    cli_run("--single-file --standalone -d out model.yaml", 0, NULL);
    cli_holds("out/model.c", "etr_adam");
    cli_write("out/main.c", "#include \"model.c\"\nint main(void)\n{\n    net_params p;\n"
                            "    net_init_params(&p, 1);\n    return p.b[0] != 0;\n}\n");
    compiles("-o main", "main.c -lm && ./main");
    cli_run("--single-file -H a.h model.yaml", 2, "--single-file has none");
}
END_TEST

START_TEST(graphs)
{
    cli_run("-g -MMD -o a.c model.yaml", 0, NULL);
    cli_holds("a.gv", "digraph");
    cli_run("-gb.json model.yaml", 0, NULL);
    cli_holds("b.json", "\"groups\"");
    cli_run("-gb.txt model.yaml", 0, NULL);
    cli_holds("b.txt", "Group 0");
    cli_run("--list-outputs -g model.yaml", 0, NULL);
    printed("model.c\nmodel.h\nmodel.gv\n");
    cli_run("-gb.png model.yaml", 2,
            "-g writes a file .gv, .svg, .pdf, .json or .txt, not 'b.png'");
    cli_run("-gb.gv model.yaml wrong.yaml", 2, "-g names one file");
    cli_shell("PATH=/nowhere \"$E\" -gc.svg -o c.c model.yaml", 4);
    ck_assert_ptr_nonnull(
        strstr(buf_text(&cli_result.err), "cannot run dot: No such file or directory [E0423]"));
    cli_shell(
        "mkdir bin; printf '#!/bin/sh\\necho broken >&2\\nexit 1\\n' >bin/dot; chmod +x bin/dot; "
        "PATH=$PWD/bin:$PATH \"$E\" -gc.svg -o c.c model.yaml",
        4);
    ck_assert_ptr_nonnull(strstr(buf_text(&cli_result.err), "it said: broken"));
    ck_assert(!cli_exists("c.c") && !cli_exists("c.svg"));
}
END_TEST

START_TEST(pictures)
{
    cli_shell("command -v dot >/dev/null || echo none", 0);
    if (cli_result.out.len > 0)
        return;
    cli_run("--graph=svg model.yaml", 0, NULL);
    ck_assert_ptr_nonnull(strstr(buf_text(&cli_result.out), "<svg"));
    cli_run("-gb.pdf model.yaml", 0, NULL);
    cli_holds("b.pdf", "%PDF");
}
END_TEST

/* h' = h / 2 + x and an index: what the program prints is known.  */
START_TEST(program_around_a_model)
{
    static const char net[] =
        "etrace: 1\nmodel: net\ninputs: {x: [2], i: {shape: [], type: index, size: 3}}\n"
        "hidden: {h: [2]}\nconsts: {c: [10, 20, 30]}\nstep: [\"h' = 0.5 * h + x\"]\n"
        "outputs: {y: h', z: \"c[i]\"}\n";
    static const char *const words[] = {"", "--real=double --single-file"};
    cli_write("net.yaml", net);
    cli_run("--list-outputs --with-main net.yaml", 0, NULL);
    printed("net.c\nnet.h\nnet_main.c\n");
    for (int i = 0; i < 2; i++) {
        buf line = {0};
        buf_printf(&line, "-d out --with-main %s net.yaml", words[i]);
        cli_shell("rm -rf out; mkdir out", 0);
        cli_run(line.text, 0, NULL);
        compiles("-o net", i == 0 ? "net_main.c net.c -lm" : "net_main.c -lm");
        cli_shell("printf '1 2 0\n3 4 2\n-1 0.5 1\n7' | out/net", 0);
        printed("1 2 10\n3.5 5 30\n0.75 3 20\n");
        buf_free(&line);
    }
}
END_TEST

START_TEST(runtime_is_missing)
{
    cli_shell("cp -R \"$ETRACE_DATADIR/templates\" \"$ETRACE_DATADIR/runtime\" . && "
              "rm runtime/etrace_snapshot.c", 0);
    ck_assert_int_eq(setenv("ETRACE_DATADIR", cli_folder, 1), 0);
    cli_breaks("--standalone model.yaml", "etrace_snapshot.c: No such file or directory [E0411]");
    cli_breaks("--standalone --single-file model.yaml", "[E0411]");
}
END_TEST

START_TEST(temporary_files_are_kept)
{
    cli_run("--keep-temps -d . model.yaml", 0, NULL);
    cli_holds("./model.m4", "m4_define(«et_value_NAME», «NET»)");
    cli_nothing_but(3);
}
END_TEST

START_TEST(comments_say_where)
{
    cli_run("--unroll=0 -o a.c model.yaml", 0, NULL);
    cli_holds("a.c", "/* model.yaml:7: h' = ");
    cli_run("--no-lines -o a.c model.yaml", 0, NULL);
    cli_holds("a.c", "/* h' = tanh(x @ W + b) + 0.5 * h */");
    ck_assert_int_eq(mkdir(run_path(cli_folder, "src"), 0777), 0);
    cli_write("src/deep.yaml", cli_model);
    cli_run("--file-prefix-map=src=lib -o a.c src/deep.yaml", 0, NULL);
    cli_holds("a.c", "/* lib/deep.yaml:7: h' = ");
    cli_run("--file-prefix-map=src/=", 2, "no model");
    cli_run("--file-prefix-map=src model.yaml", 2, "--file-prefix-map is OLD=NEW, not 'src'");
}
END_TEST

/* --- several models -------------------------------------------------------------------------- */

START_TEST(several_models)
{
    cli_write("other.yaml", other);
    cli_run("model.yaml other.yaml", 0, NULL);
    cli_holds("model.c", "net_step(");
    cli_holds("other.c", "other_step(");
    cli_run("--list-outputs --standalone -MD model.yaml other.yaml", 0, NULL);
    printed("model.c\nmodel.h\netrace.c\netrace_snapshot.c\netrace.h\netrace_info.h\n"
            "etrace_label.h\netrace_layout.h\netrace_random.h\netrace_snapshot.h\nmodel.d\nother.c\nother.h\nother.d\n");
    cli_run("--graph=json model.yaml other.yaml", 0, NULL);
    cli_run("-o a.c model.yaml other.yaml", 2, "-o and -H name one file");
    cli_run("-p a model.yaml other.yaml", 2, "-p is the prefix");
    cli_run("-MD -MF a model.yaml other.yaml", 2, "-MF names one file");
    cli_run("--report=a.txt model.yaml other.yaml", 2, "--report names one file");
    cli_run("--report model.yaml other.yaml", 0, NULL);
}
END_TEST

/* One that is wrong, and none is written; all that are wrong are reported.  */
START_TEST(all_or_none)
{
    cli_write("other.yaml", "etrace: 1\nmodel: other\nhidde: {h: [2]}\n");
    cli_write("model.c", "old\n");
    cli_run("model.yaml wrong.yaml other.yaml", 1, "wrong.yaml:4:14: error");
    ck_assert_ptr_nonnull(strstr(buf_text(&cli_result.err), "other.yaml:3:1: error"));
    cli_is_as_before("model.c", "old\n");
    cli_nothing_but(2);
    cli_run("wrong.yaml missing.yaml", 1, "missing.yaml: No such file");
    cli_run("missing.yaml wrong.yaml", 3, "wrong.yaml:4:14");
    cli_write("out.c", "x\n");
    cli_run("-o model.c -H h.h --report=nowhere/r.txt model.yaml", 3, "nowhere/r.txt");
    cli_is_as_before("model.c", "old\n");
    ck_assert(!cli_exists("h.h"));
    ck_assert_int_eq(mkdir(run_path(cli_folder, "sub"), 0777), 0);
    cli_write("sub/model.yaml", other);
    cli_run("model.yaml sub/model.yaml", 3, "model.c: would be two files at once [E0410]");
}
END_TEST

/* --- against the spec ------------------------------------------------------------------------ */

START_TEST(constants_are_defined)
{
    cli_write("other.yaml", other);
    cli_run("-D k=-0.25 --unroll=0 other.yaml", 0, NULL);
    cli_holds("other.c", "-0.25f * s->h");
    cli_run("-D v=3 -n other.yaml", 1, "the constant 'v' is no single number [E0319]");
    cli_run("-D k=x -n other.yaml", 1, "the value of a constant is a number [E0392]");
    cli_run("-D k= -n other.yaml", 1, "E0392");
    cli_run("-D kk=1 -n other.yaml", 1, "no dim or constant 'kk' (did you mean 'k'?) [E0309]");
    cli_run("-D n=x -n model.yaml", 1, "a size is a whole number of at least 1 [E0310]");
}
END_TEST

START_TEST(types_and_batch)
{
    cli_run("--real=double --batch=4 model.yaml", 0, NULL);
    cli_holds("model.h", "double h[4][3]");
    cli_run("--real=half model.yaml", 2, "--real is one of float, double, not 'half'");
    cli_run("--batch=0 model.yaml", 2, "--batch is a whole number from 1");
}
END_TEST

START_TEST(places_for_makefiles)
{
    const char *data = getenv("ETRACE_DATADIR");
    cli_run("--print-datadir", 0, NULL);
    ck_assert_int_eq(strncmp(buf_text(&cli_result.out), data, strlen(data)), 0);
    cli_shell("test -r \"$(\"$E\" --print-runtime)/etrace.c\"", 0);
    ck_assert_int_eq(setenv("ETRACE_DATADIR", "/opt/x" DATADIR, 1), 0);
    cli_run("--print-cflags", 0, NULL);
    ck_assert_str_eq(buf_text(&cli_result.out), "-I/opt/x" INCLUDEDIR "/etrace\n");
    cli_run("--print-ldflags", 0, NULL);
    ck_assert_str_eq(buf_text(&cli_result.out), "-L/opt/x" LIBDIR " -letrace -lm\n");
    ck_assert_int_eq(setenv("ETRACE_DATADIR", "/other", 1), 0);
    cli_run("--print-ldflags", 0, NULL);
    ck_assert_str_eq(buf_text(&cli_result.out), "-L" LIBDIR " -letrace -lm\n");
}
END_TEST

Suite *outputs_suite(void)
{
    const struct { const char *name; const TTest *test[9]; } cases[] = {
        {"depfile",
         {depfile_names_the_outputs, depfile_has_other_targets, depfile_has_the_templates,
          depfile_has_cells_and_arrays, make_reads_the_depfile, depfile_usage}},
        {"files",
         {standalone, single_file, runtime_is_missing, temporary_files_are_kept, comments_say_where,
          graphs, pictures, program_around_a_model}},
        {"several", {several_models, all_or_none}},
        {"override", {constants_are_defined, types_and_batch, places_for_makefiles}},
    };
    Suite *s = suite_create("outputs");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TCase *t = tcase_create(cases[i].name);
        tcase_add_checked_fixture(t, cli_set_up, cli_tear_down);
        tcase_set_timeout(t, 60);
        for (size_t k = 0; k < 9 && cases[i].test[k]; k++)
            tcase_add_test(t, cases[i].test[k]);
        suite_add_tcase(s, t);
    }
    return s;
}
