/* SPDX-License-Identifier: Apache-2.0 */
/* etrace-convert: networks and weights of others, in and out.  The work is done in a child with limits, so
   that a file that breaks the HDF5 library ends in a message.  */
#define _XOPEN_SOURCE 700
#include "convert.h"

#include "spec.h"

#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GO_ON = -1, SECONDS_MAX = 600 };

#define MEMORY_MAX ((rlim_t)16 << 30)

static const char help[] =
    "Usage: etrace-convert [OPTION]... IN OUT\n"
    "Convert between NIR, PyTorch and the specs of etrace-gen.\n"
    "\n"
    "  IN                 OUT\n"
    "  NET.nir            MODEL.yaml, and its weights in MODEL.npz\n"
    "  STATE.safetensors  the same: a state_dict of an RNN, GRU or LSTM\n"
    "  MODEL.yaml         NET.nir\n"
    "\n"
    "      --from=FORMAT      IN is nir, torch or yaml; by its name otherwise\n"
    "  -w, --weights=FILE     the .npz; MODEL.npz otherwise\n"
    "  -m, --model=NAME       the model's name in the spec; by that of OUT otherwise\n"
    "      --dt=SECONDS       the step of forward Euler; 0.0001 otherwise\n"
    "      --activation=NAME  tanh (unless given) or relu, for torch.nn.RNN\n"
    "      --real=TYPE        float32 or float64; as in IN otherwise\n"
    "  -h, --help             print this and exit\n"
    "  -V, --version          print the version and exit\n";

enum { OPT_FROM = 256, OPT_DT, OPT_ACTIVATION, OPT_REAL };

static const struct option long_options[] = {
    {"from", required_argument, NULL, OPT_FROM}, {"weights", required_argument, NULL, 'w'},
    {"model", required_argument, NULL, 'm'},     {"dt", required_argument, NULL, OPT_DT},
    {"activation", required_argument, NULL, OPT_ACTIVATION},
    {"real", required_argument, NULL, OPT_REAL}, {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},         {NULL, 0, NULL, 0}};

static int usage(const char *text, const char *word)
{
    fprintf(stderr, "etrace-convert: error: %s%s%s%s\n", text, word ? " '" : "", word ? word : "",
            word ? "'" : "");
    fputs("etrace-convert: note: 'etrace-convert --help' lists the options\n", stderr);
    return EXIT_USAGE;
}

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
    for (int i = 0; i < N_FORMATS; i++)
        if (formats[i].word && strcmp(formats[i].word, word) == 0)
            return formats[i].is;
    return FORMAT_UNKNOWN;
}

static format by_name(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (int i = 0; i < N_FORMATS && dot; i++)
        if (strcmp(formats[i].tail, dot) == 0)
            return formats[i].is;
    return FORMAT_UNKNOWN;
}

static int read_option(convert_options *o, int c, const char *value)
{
    char *end;
    switch (c) {
    case OPT_FROM:
        o->from = by_word(value);
        return o->from ? GO_ON : usage("--from is nir, torch or yaml, not", value);
    case 'w': o->weights = value; return GO_ON;
    case 'm':
        o->model = value;
        return spec_name_fault(value) ? usage("this cannot be a model's name:", value) : GO_ON;
    case OPT_DT:
        o->dt = strtod(value, &end);
        return *value && !*end && o->dt > 0 && isfinite(o->dt)
                   ? GO_ON : usage("--dt is a number of seconds above 0, not", value);
    case OPT_ACTIVATION:
        o->activation = value;
        return strcmp(value, "tanh") == 0 || strcmp(value, "relu") == 0
                   ? GO_ON : usage("--activation is tanh or relu, not", value);
    case OPT_REAL:
        o->bits = strcmp(value, "float32") == 0 ? 32 : strcmp(value, "float64") == 0 ? 64 : 0;
        return o->bits ? GO_ON : usage("--real is float32 or float64, not", value);
    case 'h': fputs(help, stdout); return EXIT_SUCCESS;
    case 'V': puts("etrace-convert (etrace-gen) " CONVERT_VERSION); return EXIT_SUCCESS;
    case ':': return usage("this option needs a value:", value);
    default: return usage("there is no option", value);
    }
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
        return usage("the name does not say what this is; --from does:", o->in);
    if (o->from == FORMAT_SPEC ? o->to != FORMAT_NIR : o->to != FORMAT_SPEC)
        return usage(o->from == FORMAT_SPEC ? "a spec becomes a .nir file, not"
                                            : "this becomes a spec, a .yaml file, not", o->out);
    const char *yaml = o->from == FORMAT_SPEC ? o->in : o->out;
    if (!o->weights)
        o->weights = arena_printf(a, "%.*s.npz", (int)(strrchr(yaml, '.') - yaml), yaml);
    if (!o->model && o->to == FORMAT_SPEC) {
        o->model = base_of(a, o->out);
        if (spec_name_fault(o->model))
            return usage("no model can be called this; --model=NAME gives another name:", o->model);
    }
    return GO_ON;
}

static int read_options(int argc, char **argv, convert_options *o, arena *a)
{
    int c;
    *o = (convert_options){.dt = 0.0001, .activation = "tanh"};
    opterr = 0;
    while ((c = getopt_long(argc, argv, ":w:m:hV", long_options, NULL)) != -1) {
        int status = read_option(o, c, c == '?' || c == ':' ? argv[optind - 1] : optarg);
        if (status != GO_ON)
            return status;
    }
    if (argc - optind != 2)
        return usage(argc - optind < 2 ? "two files are wanted, IN and OUT" : "this is a file too many:",
                     argc - optind < 2 ? NULL : argv[optind + 2]);
    o->in = argv[optind];
    o->out = argv[optind + 1];
    return complete(o, a);
}

static int convert(const convert_options *o, arena *a, diag *d, outputs *out)
{
    if (o->from == FORMAT_TORCH)
        return torch_convert(o, a, d, out);
    net *n = net_new(a, d);
    buf file = {NULL, 0, 0};
    int status = o->from == FORMAT_NIR ? nir_read(o->in, n) : spec_to_net(o, n);
    diag_read(d, o->in);
    if (status)
        return status;
    if (o->to == FORMAT_SPEC)
        return spec_write(n, o, out);
    if (!nir_write(n, &file))
        return EXIT_FILES;
    outputs_add(out, o->out, &file);
    return 0;
}

static int run(const convert_options *o, arena *a)
{
    outputs out = {.arena = a};
    diag *d = diag_new(a, 20);
    diag_set_style(d, &(diag_style){.program = "etrace-convert"});
    int status = convert(o, a, d, &out);
    outputs_protect(&out, d);
    if (status == 0 && !outputs_commit(&out, d))
        status = EXIT_FILES;
    diag_flush(d);
    outputs_free(&out);
    return status;
}

static void limit(int what, rlim_t most)
{
    struct rlimit now;
    if (getrlimit(what, &now) == 0 && (now.rlim_cur == RLIM_INFINITY || now.rlim_cur > most)) {
        now.rlim_cur = most;
        setrlimit(what, &now);
    }
}

/* The child, for signals that end the program.  */
static volatile pid_t child;

static void pass_on(int number)
{
    kill(child, number);
}

/* As run, in a child: its status, or 1 after a message where a signal ended it.  */
static int run_apart(const convert_options *o, arena *a)
{
    int state = 0;
    child = fork();
    if (child < 0) {
        perror("etrace-convert: error: cannot start a process");
        return EXIT_ENVIRONMENT;
    }
    if (child == 0) {
#if !defined(__SANITIZE_ADDRESS__)
        limit(RLIMIT_AS, MEMORY_MAX);
#endif
        limit(RLIMIT_CPU, SECONDS_MAX);
        limit(RLIMIT_CORE, 0);
        exit(run(o, a));
    }
    signal(SIGTERM, pass_on);
    signal(SIGHUP, pass_on);
    signal(SIGINT, pass_on);
    while (waitpid(child, &state, 0) < 0)
        ;
    if (WIFEXITED(state))
        return WEXITSTATUS(state);
    fprintf(stderr, "etrace-convert: error: %s: reading it ended with signal %d: it is damaged, or too large "
                    "[E0708]\n", o->in, WTERMSIG(state));
    return 1;
}

int main(int argc, char **argv)
{
    arena *a = arena_new();
    convert_options o;
    int status = read_options(argc, argv, &o, a);
    if (status == GO_ON)
        status = run_apart(&o, a);
    arena_free(a);
    return fflush(stdout) == 0 ? status : EXIT_FILES;
}
