/* SPDX-License-Identifier: Apache-2.0 */
/* etrace-convert.  tests/data/convert has networks that the `nir` package wrote and state_dicts, the specs that
   they become, and what they put out: by PyTorch itself (torch_expected.py), and by the formulas of NIR in double by
   other programs; bad/ has files that are to be refused.  Skipped where the program was not built.  */
#define _XOPEN_SOURCE 700
#include "cli.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EDITS = 150, TIMEOUT = 600 };

/* For the shell: $C the program, $D the data.  False: it was not built.  */
static bool there(void)
{
    const char *folder = getenv("ETRACE_BUILDDIR");
    buf path = {NULL, 0, 0};
    ck_assert_ptr_nonnull(folder);
    buf_printf(&path, "%s/etrace-convert", folder);
    ck_assert_int_eq(setenv("C", buf_text(&path), 1), 0);
    ck_assert_int_eq(setenv("D", run_source_path("tests/data/convert"), 1), 0);
    bool built = access(buf_text(&path), X_OK) == 0;
    buf_free(&path);
    if (!built)
        puts("convert: etrace-convert was not built, and is not asked");
    return built;
}

static void says(const char *text)
{
    ck_assert_msg(strstr(buf_text(&cli_result.err), text), "wanted '%s' in: %s", text,
                  buf_text(&cli_result.err));
}

static void shell(const char *format, const char *name)
{
    buf line = {NULL, 0, 0};
    for (const char *p = format; *p; p++)
        if (*p == '%')
            buf_puts(&line, name);
        else
            buf_bytes(&line, p, 1);
    cli_shell(buf_text(&line), 0);
    buf_free(&line);
}

/* --- what becomes of good files ------------------------------------------------------------------- */

static const char *const networks[] = {"recurrent", "conv", "nested"};
static const char *const dicts[] = {"torch_rnn", "torch_gru", "torch_lstm"};

enum { N_NETWORKS = sizeof networks / sizeof networks[0], N_DICTS = sizeof dicts / sizeof dicts[0] };

/* The emitted C, with the weights, does what is expected.  */
static const char drive[] =
    "$E -w -p m -o m.c %.yaml && $CC -std=c99 -I. -I\"$srcdir/runtime\" -o drive \"$D/drive.c\" m.c"
    " \"$ETRACE_BUILDDIR/libetrace.a\" -lzip -lm && ./drive %.npz \"$D/%.expected.npz\" ";

START_TEST(nir_becomes_a_spec)
{
    if (!there())
        return;
    shell("$C \"$D/%.nir\" %.yaml && cmp %.yaml \"$D/%.yaml\"", networks[_i]);
    ck_assert_str_eq(buf_text(&cli_result.err), "");
    shell("$E --check -Wno-weight-to-weight -Werror %.yaml", networks[_i]);
}
END_TEST

START_TEST(spec_does_what_nir_says)
{
    buf line = {NULL, 0, 0};
    if (!there())
        return;
    buf_printf(&line, "$C \"$D/%%.nir\" %%.yaml && %s 1e-4", drive);
    shell(buf_text(&line), networks[_i]);
    buf_free(&line);
}
END_TEST

/* Once more through NIR: the same spec, the same bytes of weights.  The `nir` package, if it is there, says so,
   too.  */
/* A Python that may have the package nir: `./setup extras` makes one.  */
#define PYTHON "py=$ETRACE_BUILDDIR/nir-venv/bin/python3; [ -x \"$py\" ] || py=python3; "

START_TEST(nir_comes_back)
{
    if (!there())
        return;
    shell("$C \"$D/%.nir\" %.yaml && $C %.yaml back.nir", networks[_i]);
    shell("mkdir again && $C -m % back.nir again/%.yaml && cmp %.npz again/%.npz &&"
          " sed 1d %.yaml >one && sed 1d again/%.yaml >two && cmp one two", networks[_i]);
    cli_shell(PYTHON "\"$py\" -c 'import nir' 2>/dev/null || echo none", 0);
    if (strcmp(buf_text(&cli_result.out), "none\n") == 0)
        puts("convert: python3 has no package nir, and is not asked");
    else
        shell(PYTHON "\"$py\" \"$D/same.py\" \"$D/%.nir\" back.nir", networks[_i]);
}
END_TEST

START_TEST(dict_becomes_a_spec)
{
    buf line = {NULL, 0, 0};
    if (!there())
        return;
    shell("$C --from=torch \"$D/%.safetensors\" %.yaml && cmp %.yaml \"$D/%.yaml\"", dicts[_i]);
    shell("$E --check -Werror %.yaml", dicts[_i]);
    buf_printf(&line, "%s 1e-5", drive);
    shell(buf_text(&line), dicts[_i]);
    buf_free(&line);
}
END_TEST

START_TEST(options_count)
{
    if (!there())
        return;
    cli_shell("$C --dt=0.002 --real=float64 -m net -w w.npz \"$D/recurrent.nir\" a.yaml", 0);
    cli_holds("a.yaml", "model: net\ndtype: float64\nconsts: {dt: 0.002}");
    ck_assert(cli_exists("w.npz"));
    cli_shell("$C --activation=relu \"$D/torch_rnn.safetensors\" b.yaml", 0);
    cli_holds("b.yaml", "activation: relu");
    cli_shell("$C --version", 0);
}
END_TEST

/* --- what is refused ------------------------------------------------------------------------------ */

static const struct {
    const char *file, *says;
} bad[] = {
    {"delay", "'fc' is a Delay: a model keeps the outputs of one step, not of many [E0705]"},
    {"type", "'fc' is of a type that is not known: 'Sigmoid' [E0705]"},
    {"cycle", "'fc' depends on itself within a step [E0713]"},
    {"twice", "the edge from 'input' to 'fc' stands twice [E0712]"},
    {"shape", "'fc' (Linear) has the weight [2, 3] and reads [2] [E0714]"},
    {"sizes", "'fc' (LI) has r of the shape [3] and reads [2] [E0714]"},
    {"nan", "'fc': 'weight' has a NaN in it [E0704]"},
    {"record", "'fc': 'weight' is no array of numbers [E0704]"},
    {"huge", "'fc': 'weight' says sizes that cannot be, or is stored in a way that is not read [E0704]"},
    {"outside", "[E0704]"},
    {"external", "'fc': 'weight' says sizes that cannot be, or is stored in a way that is not read [E0704]"},
    {"loop", "lies in too many graphs [E0705]"},
    {"orphan", "'b' (Linear) reads nothing [E0714]"},
    {"nowhere", "'gone' is at the end of an edge, and is no node [E0705]"},
    {"noinput", "the graph has no Input [E0706]"},
    {"long", "cannot have this name in a spec [E0716]"},
    {"pool", "'fc' pools with a padding, which is not supported [E0705]"},
    {"stride", "'fc' has a 'stride' that cannot be: 0 [E0705]"},
};

enum { N_BAD = sizeof bad / sizeof bad[0] };

START_TEST(bad_files_are_refused)
{
    buf line = {NULL, 0, 0};
    if (!there())
        return;
    buf_printf(&line, "$C \"$D/bad/%s.nir\" out.yaml", bad[_i].file);
    cli_shell(buf_text(&line), 1);
    says("etrace-convert: error: ");
    says(bad[_i].says);
    cli_nothing_but(0);
    buf_free(&line);
}
END_TEST

/* Bytes of a good file changed: it is read or refused, and nothing else happens.  */
START_TEST(damaged_files_are_survived)
{
    buf whole = {NULL, 0, 0};
    unsigned long seed = 1;
    if (!there())
        return;
    ck_assert(run_read_file(run_source_path("tests/data/convert/recurrent.nir"), &whole));
    for (int i = 0; i < EDITS; i++) {
        buf copy = {NULL, 0, 0};
        buf_bytes(&copy, whole.text, whole.len);
        for (int k = 0; k < 8; k++) {
            seed = (seed * 1103515245UL + 12345UL) & 0x7fffffffUL;
            copy.text[seed % (k < 4 ? 4096 : copy.len)] = (char)(seed >> 16);
        }
        memcpy(copy.text, whole.text, 8); /* else it is none at once */
        run_write_file(run_path(cli_folder, "edit.nir"), copy.text,
                       i % 10 ? copy.len : copy.len * (size_t)(i % 100) / 100);
        cli_shell("rm -f out.*; $C edit.nir out.yaml; s=$?; test $s = 0 || { test $s = 1 && ! ls out.* .etrace-*"
                  " 2>/dev/null; }", 0);
        buf_free(&copy);
    }
    buf_free(&whole);
}
END_TEST

static const char head[] = "etrace: 1\nmodel: m\ninputs: {x: [3]}\n";

static const struct {
    const char *text, *says;
} specs[] = {
    {"modules: {a: {cell: gru, in: x, size: 3}}\noutputs: [a]\n",
     "s.yaml:4:21: error: NIR cannot say this: the cell 'gru' [E0720]"},
    {"modules: {a: {cell: linear, in: 2 * x, size: 3}}\noutputs: [a]\n",
     "s.yaml:4:35: error: NIR cannot say this: what this module reads [E0720]"},
    {"hidden: {h: [3]}\nstep: [h' = x]\noutputs: {y: h}\n",
     "NIR cannot say this: equations of its own [E0720]"},
    {"modules: {a: {cell: nir_li, in: x, size: 3}}\noutputs: {y: a.v}\n",
     "s.yaml:5:14: error: NIR cannot say this: 'a.v' [E0720]"},
    {"modules: {a: {cell: nir_li, in: flatten(x), size: 3}}\noutputs: {y: a}\n",
     "NIR cannot say this: 'flatten(x)' [E0720]"},
    {"modules: {a: {cell: linear, in: x, size: 3}}\noutputs: [a]\n",
     "the weights have no fitting 'a.W'"}, /* [E0721] */
    {"modules: {a: [{cell: rnn, in: x, size: 3}]}\noutputs: [a]\n", "NIR cannot say this: a stack"},
    {"modules: {a: {cell: nir_linear, in: x + b, size: 3}, b: {cell: nir_linear, in: a, size: 3}}\n"
     "outputs: [b]\n", "s.yaml:4:41: error: 'a' depends on itself within a step [E0713]"},
};

enum { N_SPECS = sizeof specs / sizeof specs[0] };

/* Their weights are those of one that fits.  */
START_TEST(specs_are_refused)
{
    buf text = {NULL, 0, 0};
    if (!there())
        return;
    buf_printf(&text, "%s%s", head, specs[_i].text);
    cli_write("s.yaml", buf_text(&text));
    cli_shell("cp \"$D/recurrent.nir\" r.nir && $C r.nir r.yaml", 0);
    cli_shell(strstr(specs[_i].text, "nir_li,") ? "cp \"$D/units.npz\" s.npz" : "cp r.npz s.npz", 0);
    cli_shell("$C s.yaml s.nir", 1);
    says(specs[_i].says);
    ck_assert(!cli_exists("s.nir"));
    buf_free(&text);
}
END_TEST

static const struct {
    const char *line;
    int status;
    const char *says;
} lines[] = {
    {"$C", 2, "etrace-convert: error: two files are wanted, IN and OUT"},
    {"$C a.nir b.yaml c", 2, "this is a file too many: 'c'"},
    {"$C a.onnx b.yaml", 2, "the name does not say what this is; --from does: 'a.onnx'"},
    {"$C a.nir b.nir", 2, "this becomes a spec, a .yaml file, not 'b.nir'"},
    {"$C a.yaml b.yaml", 2, "a spec becomes a .nir file, not 'b.yaml'"},
    {"$C --dt=0 a.nir b.yaml", 2, "--dt is a number of seconds above 0, not '0'"},
    {"$C --from=onnx a b.yaml", 2, "--from is one of nir, torch, yaml, not 'onnx'"},
    {"$C --activation=relu6 a b.yaml", 2, "--activation is one of tanh, relu, not 'relu6'"},
    {"$C --real=q15 a b.yaml", 2, "--real is one of float32, float64, not 'q15'"},
    {"$C --odd a b.yaml", 2, "there is no option '--odd'"},
    {"$C a.nir 1.yaml", 2, "no model can be called this; --model=NAME gives another name: '1'"},
    {"$C -m int a.nir b.yaml", 2, "this cannot be a model's name: 'int'"},
    {"$C none.nir b.yaml", 3, "none.nir: No such file or directory [E0703]"},
    {"$C none.safetensors b.yaml", 3, "none.safetensors"},
    {"$C model.yaml b.nir", 1, "[E0720]"},
    {"$C --from=nir model.yaml b.yaml", 1, "this is no HDF5 file, or it is damaged [E0704]"},
    {"$C --from=torch model.yaml b.yaml", 1, "[E0703]"},
    {"$C \"$D/recurrent.nir\" nowhere/b.yaml", 3, "nowhere/b.yaml: No such file or directory [E0410]"},
    {"TMPDIR=/nowhere $C \"$D/recurrent.nir\" b.yaml", 3, "cannot make a folder in /nowhere: No such file or directory [E0701]"},
    {"trap '' XFSZ; ulimit -f 1; $C \"$D/recurrent.nir\" b.yaml", 3, "cannot write weights: "}, /* [E0702] */
};

enum { N_LINES = sizeof lines / sizeof lines[0] };

START_TEST(command_lines_are_refused)
{
    if (!there())
        return;
    cli_shell(lines[_i].line, lines[_i].status);
    says(lines[_i].says);
    cli_nothing_but(0);
}
END_TEST

static const struct {
    const char *head; /* of the file; 400 bytes follow */
    const char *says;
} odd_dicts[] = {
    {"{\"weight_ih_l0\":{\"dtype\":\"F32\",\"shape\":[10,10],\"data_offsets\":[0,400]}}",
     "no array is named weight_hh_l0 [E0730]"},
    {"{\"weight_x\":{\"dtype\":\"F32\",\"shape\":[10,10],\"data_offsets\":[0,400]}}",
     "s.safetensors has no 'weight_ih_l0': it is no state_dict of an RNN, GRU or LSTM [E0730]"},
    {"{\"weight_ih_l0_reverse\":{\"dtype\":\"F32\",\"shape\":[10,10],\"data_offsets\":[0,400]}}",
     "'weight_ih_l0_reverse' runs backwards in time, which no online model can [E0730]"},
    {"{\"weight_hh_l0\":{\"dtype\":\"F32\",\"shape\":[5,5],\"data_offsets\":[0,100]},"
     "\"weight_ih_l0\":{\"dtype\":\"F32\",\"shape\":[5,15],\"data_offsets\":[100,400]},"
     "\"weight_hr_l0\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[400,400]}}",
     "'weight_hr_l0' is a projection of an LSTM, which is not supported [E0730]"},
    {"{\"weight_hh_l0\":{\"dtype\":\"F32\",\"shape\":[10,5],\"data_offsets\":[0,200]},"
     "\"weight_ih_l0\":{\"dtype\":\"F32\",\"shape\":[10,5],\"data_offsets\":[200,400]}}",
     "has not one, three or four blocks of rows [E0730]"},
    {"{\"weight_hh_l0\":{\"dtype\":\"F32\",\"shape\":[5,5],\"data_offsets\":[0,100]},"
     "\"weight_ih_l0\":{\"dtype\":\"F32\",\"shape\":[5,10],\"data_offsets\":[100,300]},"
     "\"odd\":{\"dtype\":\"F32\",\"shape\":[25],\"data_offsets\":[300,400]}}",
     "s.safetensors has arrays that belong to no RNN, GRU, LSTM or Linear [E0730]"},
};

enum { N_ODD_DICTS = sizeof odd_dicts / sizeof odd_dicts[0] };

START_TEST(dicts_are_refused)
{
    const char *text = odd_dicts[_i].head;
    size_t n = strlen(text);
    buf file = {NULL, 0, 0};
    if (!there())
        return;
    for (int k = 0; k < 8; k++)
        buf_bytes(&file, &(char){(char)(k < 2 ? n >> 8 * k & 255 : 0)}, 1);
    buf_puts(&file, text);
    buf_bytes(&file, (char[400]){0}, 400);
    run_write_file(run_path(cli_folder, "s.safetensors"), file.text, file.len);
    cli_shell("$C s.safetensors s.yaml", 1);
    says(odd_dicts[_i].says);
    ck_assert(!cli_exists("s.yaml"));
    buf_free(&file);
}
END_TEST

/* What an edge brings and what its end reads.  */
START_TEST(edges_do_not_fit)
{
    if (!there())
        return;
    cli_shell("$C \"$D/recurrent.nir\" r.yaml && sed 's/output: li$/output: \"li + lif\"/' r.yaml >s.yaml"
              " && cp r.npz s.npz", 0);
    cli_shell("$C s.yaml s.nir", 1);
    says("s.yaml:15:12: error: 'output' reads [4], and 'li' gives [2] [E0715]");
}
END_TEST

/* Each code has a message above that was seen.  */
START_TEST(every_code_is_tested)
{
    cli_shell("cd \"$srcdir\"; for c in $(grep -oh 'E07[0-9][0-9]' convert/*.c | sort -u); do"
              " grep -q $c tests/check_convert.c || echo $c; done", 0);
    ck_assert_str_eq(buf_text(&cli_result.out), "");
}
END_TEST

/* A child that reads from a pipe in which nothing comes, and what becomes of both.  */
static void stop(const char *command, int status)
{
    buf line = {NULL, 0, 0};
    buf_printf(&line,
               "mkfifo p.yaml; $C p.yaml out.nir & p=$!; c=; until [ \"$c\" ]; do "
               "c=$(awk -v p=$p '$2 == \"(etrace-convert)\" && $4 == p { print $1 }' /proc/[0-9]*/stat "
               "2>/dev/null); done; %s; wait $p; s=$?; rm p.yaml; exit $s", command);
    cli_shell(buf_text(&line), status);
    buf_free(&line);
}

START_TEST(reader_may_die)
{
    if (!there() || access("/proc/self/stat", R_OK) != 0)
        return;
    stop("kill -SEGV $c", 1);
    says("etrace-convert: error: p.yaml: reading it ended with signal 11: it is damaged, or too large [E0708]\n");
    stop("kill -TERM $p", 128 + 15);
    ck_assert_ptr_null(strstr(buf_text(&cli_result.err), "E0708"));
    cli_nothing_but(0);
}
END_TEST

/* One allocation fails: the same file comes out, or none, and a message says why.  One that the HDF5
   library needs to write is among them.  */
START_TEST(memory_may_end)
{
    if (!there())
        return;
    cli_shell("nm \"$E\" 2>/dev/null | grep -q __asan_init && echo sanitizers; :", 0);
    if (cli_result.out.len > 0)
        return;
    cli_shell("${CC:-cc} -shared -fPIC \"$srcdir/tests/fail_malloc.c\" -o fail.so -ldl && "
              "$C \"$D/recurrent.nir\" r.yaml && $C r.yaml good.nir && "
              "FAIL_COUNT=$PWD/count LD_PRELOAD=$PWD/fail.so $C r.yaml good.nir && "
              "first=$(cat count) && for i in $(seq $((first + 600)) 29 $((first + 2400))); do "
              "  rm -f out.nir; FAIL_ONCE=1 FAIL_AT=$i LD_PRELOAD=$PWD/fail.so $C r.yaml out.nir 2>said; s=$?; "
              "  if [ $s = 0 ]; then cmp good.nir out.nir || exit 1; "
              "  else [ -s said ] && [ ! -e out.nir ] || exit 2; fi; cat said >>all; done; grep -q E0707 all", 0);
}
END_TEST

Suite *convert_suite(void)
{
    const struct {
        const TTest *test;
        int n;
    } row[] = {{nir_becomes_a_spec, N_NETWORKS}, {spec_does_what_nir_says, N_NETWORKS},
               {nir_comes_back, N_NETWORKS}, {dict_becomes_a_spec, N_DICTS}, {options_count, 1},
               {bad_files_are_refused, N_BAD}, {damaged_files_are_survived, 1},
               {specs_are_refused, N_SPECS}, {command_lines_are_refused, N_LINES},
               {dicts_are_refused, N_ODD_DICTS}, {edges_do_not_fit, 1}, {every_code_is_tested, 1},
               {reader_may_die, 1}, {memory_may_end, 1}};
    Suite *s = suite_create("convert");
    TCase *t = tcase_create("convert");
    tcase_add_checked_fixture(t, cli_set_up, cli_tear_down);
    tcase_set_timeout(t, TIMEOUT);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        tcase_add_loop_test(t, row[i].test, 0, row[i].n);
    suite_add_tcase(s, t);
    return s;
}
