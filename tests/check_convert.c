/* SPDX-License-Identifier: Apache-2.0 */
/* etrace-convert.  tests/data/convert has networks that the `nir` package wrote and state_dicts, the specs that
   they become, and what they put out by the formulas of NIR's and torch's documents, computed in double by
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
START_TEST(nir_comes_back)
{
    if (!there())
        return;
    shell("$C \"$D/%.nir\" %.yaml && $C %.yaml back.nir", networks[_i]);
    shell("mkdir again && $C -m % back.nir again/%.yaml && cmp %.npz again/%.npz &&"
          " sed 1d %.yaml >one && sed 1d again/%.yaml >two && cmp one two", networks[_i]);
    cli_shell("python3 -c 'import nir' 2>/dev/null || echo none", 0);
    if (strcmp(buf_text(&cli_result.out), "none\n") == 0)
        puts("convert: python3 has no package nir, and is not asked");
    else
        shell("python3 \"$D/same.py\" \"$D/%.nir\" back.nir", networks[_i]);
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
    cli_shell("$C --version && $C --help | while read -r word rest; do case $word in --*|-[a-z],)"
              " grep -q -e \"${word#-}\" \"$srcdir/doc/etrace-convert.1\" || echo \"$word\"; esac; done", 0);
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
     "the weights have no fitting 'a.W'"},
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
    {"$C --from=onnx a b.yaml", 2, "--from is nir, torch or yaml, not 'onnx'"},
    {"$C --activation=relu6 a b.yaml", 2, "--activation is tanh or relu, not 'relu6'"},
    {"$C --real=q15 a b.yaml", 2, "--real is float32 or float64, not 'q15'"},
    {"$C --odd a b.yaml", 2, "there is no option '--odd'"},
    {"$C a.nir 1.yaml", 2, "no model can be called this; --model=NAME gives another name: '1'"},
    {"$C -m int a.nir b.yaml", 2, "this cannot be a model's name: 'int'"},
    {"$C none.nir b.yaml", 3, "none.nir: No such file or directory [E0703]"},
    {"$C none.safetensors b.yaml", 3, "none.safetensors"},
    {"$C model.yaml b.nir", 1, "[E0720]"},
    {"$C --from=nir model.yaml b.yaml", 1, "this is no HDF5 file, or it is damaged [E0704]"},
    {"$C --from=torch model.yaml b.yaml", 1, "[E0703]"},
    {"$C \"$D/recurrent.nir\" nowhere/b.yaml", 3, "nowhere/b.yaml: No such file or directory [E0410]"},
    {"TMPDIR=/nowhere $C \"$D/recurrent.nir\" b.yaml", 3, "cannot make a folder in /nowhere"},
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

Suite *convert_suite(void)
{
    const struct {
        const TTest *test;
        int n;
    } row[] = {{nir_becomes_a_spec, N_NETWORKS}, {spec_does_what_nir_says, N_NETWORKS},
               {nir_comes_back, N_NETWORKS}, {dict_becomes_a_spec, N_DICTS}, {options_count, 1},
               {bad_files_are_refused, N_BAD}, {damaged_files_are_survived, 1},
               {specs_are_refused, N_SPECS}, {command_lines_are_refused, N_LINES}};
    Suite *s = suite_create("convert");
    TCase *t = tcase_create("convert");
    tcase_add_checked_fixture(t, cli_set_up, cli_tear_down);
    tcase_set_timeout(t, TIMEOUT);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        tcase_add_loop_test(t, row[i].test, 0, row[i].n);
    suite_add_tcase(s, t);
    return s;
}
