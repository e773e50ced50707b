/* SPDX-License-Identifier: Apache-2.0 */
/* In: argv.  Out: what to convert, from what and to what.  */
#include "convert_options.h"

#include "option_docs.h"
#include "spec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- formats --------------------------------------------------------------------------------------- */

static const struct {
    const char *word, *tail;
    format is;
} formats[] = {{"nir", ".nir", FORMAT_NIR},
               {"torch", ".safetensors", FORMAT_TORCH},
               {"yaml", ".yaml", FORMAT_SPEC},
               {NULL, ".h5", FORMAT_NIR},
               {NULL, ".hdf5", FORMAT_NIR},
               {NULL, ".yml", FORMAT_SPEC}};

enum { N_FORMATS = sizeof formats / sizeof formats[0] };

static format by_word(const char *word)
{
    int i = 0;
    while (strcmp(formats[i].word, word) != 0)
        i++;
    return formats[i].is;
}

static format by_name(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (int i = 0; i < N_FORMATS && dot; i++)
        if (strcmp(formats[i].tail, dot) == 0)
            return formats[i].is;
    return FORMAT_UNKNOWN;
}

/* --- the table ------------------------------------------------------------------------------------- */

static const char *const *words(void)
{
    static const char *const word[] = {"nir", "torch", "yaml", NULL};
    return word;
}

static const char *const *activations(void)
{
    static const char *const word[] = {"tanh", "relu", NULL};
    return word;
}

static const char *const *reals(void)
{
    static const char *const word[] = {"float32", "float64", NULL};
    return word;
}

static int print_version(const option_row *row, const char *value, const option_reader *r)
{
    (void)row, (void)value, (void)r;
    puts("etrace-convert (etrace-gen) " PACKAGE_VERSION);
    return EXIT_SUCCESS;
}

#define FIELD(name) .field = offsetof(convert_options, name)

static const option_row rows[] = {
    {OPTION_HEADING, .help = "Options"},
    {OPTION_WORD, '\0', NULL, "from", "FORMAT", "what IN is (default: as its name says)",
     ".nir, .h5 and .hdf5 are nir, .safetensors is torch, .yaml is yaml.", FIELD(given_from),
     .words = words},
    {OPTION_TEXT, 'w', NULL, "weights", "FILE", "the weights of the spec (default: MODEL.npz)", NULL,
     FIELD(weights), .offer = OFFER_FILES},
    {OPTION_TEXT, 'm', NULL, "model", "NAME", "the model's name in the spec (default: that of OUT)", NULL,
     FIELD(model)},
    {OPTION_TEXT, '\0', NULL, "dt", "SECONDS", "the step of forward Euler (default: 0.0001)",
     "By it NIR's neurons are integrated; NIR says nothing of it.", FIELD(given_dt)},
    {OPTION_WORD, '\0', NULL, "activation", "NAME", "that of a torch.nn.RNN (default: tanh)",
     "A state_dict does not say which one it is.", FIELD(activation), .words = activations},
    {OPTION_WORD, '\0', NULL, "real", "TYPE", "the numbers of the spec (default: those of IN)",
     "Unless it is given no number changes.", FIELD(given_bits), .words = reals},
    {OPTION_OTHER, 'h', NULL, "help", NULL, "print this", .read = option_print_help},
    {OPTION_OTHER, 'V', NULL, "version", NULL, "print the version", .read = print_version},
};

const option_set convert_table = {
    .program = "etrace-convert",
    .usage = "Usage: etrace-convert [OPTION]... IN OUT\n"
             "Convert between NIR, PyTorch and the specs of etrace-gen.\n"
             "\n"
             "  IN                 OUT\n"
             "  NET.nir            MODEL.yaml, and its weights in MODEL.npz\n"
             "  STATE.safetensors  the same: a state_dict of an RNN, GRU or LSTM\n"
             "  MODEL.yaml         NET.nir\n",
    .end = "\nExit status:\n"
           "  0  all is well\n"
           "  1  IN is damaged, or says what the other format cannot\n"
           "  2  the command line is wrong\n"
           "  3  a file could not be read or written\n"
           "  4  no process could be started\n"
           "\nEnvironment:\n"
           "  TMPDIR  where weights are put together; /tmp otherwise\n",
    .files = "nir|h5|hdf5|safetensors|yaml|yml",
    .row = rows,
    .n = sizeof rows / sizeof rows[0],
};

/* --- what follows from them ------------------------------------------------------------------------ */

static int usage(const convert_options *o, const char *text, const char *word)
{
    return option_usage(&o->style, text, word);
}

/* The values that are more than a word.  */
static int read_values(convert_options *o)
{
    char *end = NULL;
    if (o->given_from)
        o->from = by_word(o->given_from);
    if (o->given_bits)
        o->bits = strcmp(o->given_bits, "float32") == 0 ? 32 : 64;
    if (o->given_dt)
        o->dt = strtod(o->given_dt, &end);
    if (o->given_dt && !(*o->given_dt && !*end && o->dt > 0 && isfinite(o->dt)))
        return usage(o, "--dt is a number of seconds above 0, not", o->given_dt);
    if (o->model && spec_name_fault(o->model))
        return usage(o, "this cannot be a model's name:", o->model);
    return OPTIONS_GO_ON;
}

/* The base of PATH without folders and its last suffix.  */
static const char *base_of(arena *a, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    return arena_strndup(a, base, strcspn(base, "."));
}

/* What the two files say about the rest.  */
static int complete(convert_options *o, arena *a)
{
    o->from = o->from ? o->from : by_name(o->in);
    o->to = by_name(o->out);
    if (!o->from)
        return usage(o, "the name does not say what this is; --from does:", o->in);
    if (o->from == FORMAT_SPEC ? o->to != FORMAT_NIR : o->to != FORMAT_SPEC)
        return usage(o, o->from == FORMAT_SPEC ? "a spec becomes a .nir file, not"
                                               : "this becomes a spec, a .yaml file, not", o->out);
    const char *yaml = o->from == FORMAT_SPEC ? o->in : o->out;
    if (!o->weights)
        o->weights = arena_printf(a, "%.*s.npz", (int)(strrchr(yaml, '.') - yaml), yaml);
    if (!o->model && o->to == FORMAT_SPEC) {
        o->model = base_of(a, o->out);
        if (spec_name_fault(o->model))
            return usage(o, "no model can be called this; --model=NAME gives another name:", o->model);
    }
    return OPTIONS_GO_ON;
}

int convert_read_options(int argc, char **argv, convert_options *o, arena *a)
{
    option_list files = {0};
    *o = (convert_options){.style = {.program = convert_table.program}, .dt = 0.0001,
                           .activation = "tanh"};
    const option_reader r = {&convert_table, a, &o->style, o};
    int status = option_parse(&r, argc, argv, &files);
    if (status == OPTIONS_GO_ON)
        status = read_values(o);
    if (status != OPTIONS_GO_ON)
        return status;
    if (files.n < 2)
        return usage(o, "two files are wanted, IN and OUT", NULL);
    if (files.n > 2)
        return usage(o, "this is a file too many:", files.item[2]);
    o->in = files.item[0];
    o->out = files.item[1];
    return complete(o, a);
}
