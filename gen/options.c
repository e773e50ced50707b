/* SPDX-License-Identifier: Apache-2.0 */
/* In: argv and the environment.  Out: options with every default filled in.  */
#define _POSIX_C_SOURCE 200809L
#include "options.h"

#include "rule.h"
#include "size.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UNROLL_DEFAULT = 8, UNROLL_MAX = 64, ERRORS_DEFAULT = 20 };

/* Long options without a letter.  */
enum { OPT_RULE = 256, OPT_WINDOW, OPT_VJP_TIME, OPT_SIGNAL, OPT_PLAIN, OPT_DENSE, OPT_GRAPH,
       OPT_DUMP, OPT_M4, OPT_UNROLL, OPT_LIST, OPT_ERRORS, OPT_REPORT, OPT_RAM, OPT_ROM,
       OPT_STACK };

typedef struct {
    int code;
    const char *name, *argument, *help; /* an argument that begins with [ may be left out */
} option_row;

static const option_row rows[] = {
    {'o', "output", "FILE", "write the C to FILE, or - (default: the spec's name with .c, here)"},
    {'H', "header", "FILE", "write the header to FILE (default: the C file's name with .h)"},
    {'d', "directory", "DIR", "write both into DIR"},
    {'p', "prefix", "NAME", "begin emitted names with NAME (default: the model's name)"},
    {'D', "define", "NAME=N", "give the dim NAME the size N"},
    {OPT_RULE, "rule", "RULE",
     "d_rtrl, pp_prop, bptt, ...; this and the next ones override the spec's learning:"},
    {OPT_WINDOW, "window", "K", "steps of exact differentiation behind the trace (default: 1)"},
    {OPT_VJP_TIME, "vjp-time", "T", "t_minus_1 (window 1) or t"},
    {OPT_SIGNAL, "signal", "S", "direct, or total as the reference's"},
    {OPT_PLAIN, "plain", "P", "exact, or none as the reference's"},
    {OPT_DENSE, "dense", "D", "states mixed by no weight: error, diagonal or drop"},
    {'L', "learning", "KEY=VALUE", "any key of learning: decay=0.9"},
    {OPT_GRAPH, "graph", "FORM",
     "print the eligibility-trace graph: text, json or gv; write nothing"},
    {OPT_DUMP, "dump", "PASS", "print the nodes after a pass, ir or diff; write nothing"},
    {OPT_REPORT, "report", "[FILE]",
     "print bytes and operations (or into FILE: .txt, or .json), too"},
    {OPT_RAM, "max-ram", "N", "refuse a model that needs more RAM to learn (64K, 1.5M, 2G)"},
    {OPT_ROM, "max-rom", "N", "refuse one with more bytes of constant tables"},
    {OPT_STACK, "max-stack", "N", "refuse one that needs more stack"},
    {OPT_UNROLL, "unroll", "N", "write out loops of at most N turns (default: 8)"},
    {OPT_M4, "m4", "PATH", "run this GNU m4"},
    {'n', "check", NULL, "check the spec; write nothing"},
    {OPT_LIST, "list-outputs", NULL, "print the names of the files that would be written"},
    {OPT_ERRORS, "max-errors", "N", "stop after N errors (default: 20; 0: never)"},
    {'h', "help", NULL, "print this"},
    {'V', "version", NULL, "print the version"},
};

enum { N_ROWS = sizeof rows / sizeof rows[0] };

static void print_help(void)
{
    puts("Usage: etrace-gen [OPTION]... MODEL.yaml\n"
         "Write the C of a recurrent network and of its online learning rule.\n");
    for (int i = 0; i < N_ROWS; i++) {
        char left[64];
        const char *argument = rows[i].argument ? rows[i].argument : "";
        bool may = *argument == '[';
        snprintf(left, sizeof left, "%c%c%s--%s%s%s", rows[i].code < 256 ? '-' : ' ',
                 rows[i].code < 256 ? rows[i].code : ' ', rows[i].code < 256 ? ", " : "  ",
                 rows[i].name,
                 may ? "[=" : *argument ? "=" : "", argument + may);
        printf("  %-26s %s\n", left, rows[i].help);
    }
    puts("\nExit status: 0, or 1 the spec is wrong, 2 the command line, 3 a file could not be\n"
         "read or written, 4 m4 or the templates, 63 the spec is too new, 70 a bug.\n"
         "Environment: ETRACE_DATADIR (the folder with templates/ and runtime/), M4.");
}

static int usage(const char *text, const char *word)
{
    fprintf(stderr, "etrace-gen: error: %s%s%s%s\n", text, word ? " '" : "", word ? word : "",
            word ? "'" : "");
    fputs("etrace-gen: note: 'etrace-gen --help' lists the options\n", stderr);
    return EXIT_USAGE;
}

static bool read_number(const char *text, int min, int max, int *res)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    *res = (int)n;
    return *text && *end == '\0' && errno == 0 && n >= min && n <= max;
}

static const char *option_name(int code)
{
    int i = 0;
    while (rows[i].code != code)
        i++;
    return rows[i].name;
}

/* The word of CHOICE that TEXT is, the value of the option CODE, into RES.  */
static int read_choice(arena *a, int code, const char *text, const char *const *choice,
                       const char **res)
{
    const char *all = "";
    for (; *choice; choice++) {
        if (strcmp(text, *choice) == 0) {
            *res = *choice;
            return OPTIONS_GO_ON;
        }
        all = arena_printf(a, "%s%s%s", all, *all ? ", " : "", *choice);
    }
    return usage(arena_printf(a, "--%s is one of %s, not", option_name(code), all), text);
}

const char *const options_dumps[] = {"ir", "diff", NULL};

static int read_form(arena *a, const char *text, options *o)
{
    static const char *const form[] = {"text", "json", "gv", NULL};
    const char *word = NULL;
    int status = read_choice(a, OPT_GRAPH, text, form, &word);
    for (int i = 0; word && i < 3; i++)
        if (word == form[i])
            o->show = (show_form)(SHOW_TEXT + i);
    return status;
}

static int read_size(arena *a, int code, const char *text, int64_t *res)
{
    if (size_read(text, res) && *res > 0)
        return OPTIONS_GO_ON;
    return usage(arena_printf(a, "--%s is a number of bytes like 4096, 64K, 1.5M or 2G, not",
                              option_name(code)), text);
}

static int read_report(const char *path, options *o)
{
    const char *end = path ? strrchr(path, '.') : ".txt";
    o->report = path ? path : "-";
    o->report_json = end && strcmp(end, ".json") == 0;
    return o->report_json || (end && strcmp(end, ".txt") == 0)
               ? OPTIONS_GO_ON
               : usage("--report writes a file .txt or .json, not", path);
}

static int read_one(int code, char *value, arena *a, options *o, const char **dir)
{
    switch (code) {
    case 'o': o->c_path = value; break;
    case 'H': o->h_path = value; break;
    case 'd': *dir = value; break;
    case 'p':
        o->prefix = value;
        return spec_name_fault(value) ? usage(spec_name_fault(value), value) : OPTIONS_GO_ON;
    case 'D':
        if (!strchr(value, '='))
            return usage("-D is NAME=N, not", value);
        ARENA_PUSH(a, o->define, o->n_defines, o->cap_defines, value);
        break;
    case 'L': ARENA_PUSH(a, o->learning, o->n_learning, o->cap_learning, value); break;
    case OPT_RULE: return read_choice(a, code, value, rule_names(), &o->rule);
    case OPT_VJP_TIME: return read_choice(a, code, value, rule_words(LEARN_VJP_TIME), &o->vjp_time);
    case OPT_SIGNAL: return read_choice(a, code, value, rule_words(LEARN_SIGNAL), &o->signal);
    case OPT_PLAIN: return read_choice(a, code, value, rule_words(LEARN_PLAIN), &o->plain);
    case OPT_DENSE: return read_choice(a, code, value, rule_words(LEARN_DENSE), &o->dense);
    case OPT_GRAPH: return read_form(a, value, o);
    case OPT_DUMP: return read_choice(a, code, value, options_dumps, &o->dump);
    case OPT_WINDOW:
        return read_number(value, 1, 1 << 20, &o->window)
                   ? OPTIONS_GO_ON
                   : usage("--window is a number of steps, not", value);
    case OPT_UNROLL:
        return read_number(value, 0, UNROLL_MAX, &o->unroll)
                   ? OPTIONS_GO_ON
                   : usage("--unroll is a number from 0 to 64, not", value);
    case OPT_ERRORS:
        return read_number(value, 0, INT_MAX, &o->max_errors)
                   ? OPTIONS_GO_ON
                   : usage("--max-errors is a number of errors, not", value);
    case OPT_REPORT: return read_report(value, o);
    case OPT_RAM: return read_size(a, code, value, &o->limits.ram);
    case OPT_ROM: return read_size(a, code, value, &o->limits.rom);
    case OPT_STACK: return read_size(a, code, value, &o->limits.stack);
    case OPT_M4: o->m4 = value; break;
    case 'n': o->check_only = true; break;
    case OPT_LIST: o->list_outputs = true; break;
    case 'h': print_help(); return EXIT_SUCCESS;
    case 'V':
        puts("etrace-gen " PACKAGE_VERSION "\n"
             "License Apache-2.0; what it writes is under MIT-0.  There is no warranty.");
        return EXIT_SUCCESS;
    }
    return OPTIONS_GO_ON;
}

/* What getopt_long did not take: ARG is the word of the command line.  CODE: its letter, the code
   of a long option, or 0; MISSING: it is known, but its value is not there.  */
static int bad_option(arena *a, int code, const char *arg, bool missing)
{
    const char *names[N_ROWS];
    bool letter = code > 0 && code < 256 && strncmp(arg, "--", 2) != 0;
    const char *shown =
        letter ? arena_printf(a, "-%c", code) : arena_strndup(a, arg, strcspn(arg, "="));
    if (missing)
        return usage("this option needs a value:", shown);
    if (code > 0 && !letter)
        return usage("this option takes no value:", shown);
    for (int i = 0; i < N_ROWS; i++)
        names[i] = rows[i].name;
    const char *near = letter ? NULL : diag_nearest(shown + 2, names, N_ROWS);
    return usage(near ? arena_printf(a, "there is no option '%s'; did you mean", shown)
                      : "there is no option",
                 near ? arena_printf(a, "--%s", near) : shown);
}

/* PATH's last part without the ending .yaml, .yml or (HEADER) .c.  */
static const char *stem(arena *a, const char *path, const char *const *endings)
{
    size_t len = strlen(path);
    for (; *endings; endings++) {
        size_t n = strlen(*endings);
        if (len > n && strcmp(path + len - n, *endings) == 0)
            return arena_strndup(a, path, len - n);
    }
    return path;
}

static bool names_no_file(const char *path)
{
    size_t len = strlen(path);
    return len == 0 || path[len - 1] == '/';
}

static int set_paths(arena *a, options *o, const char *dir)
{
    static const char *const yaml[] = {".yaml", ".yml", NULL}, *const c[] = {".c", NULL};
    const char *slash = strrchr(o->model, '/');
    if (dir && o->c_path)
        return usage("-o and -d exclude one another", NULL);
    const char *name = stem(a, slash ? slash + 1 : o->model, yaml);
    if (!o->c_path)
        o->c_path = arena_printf(a, "%s%s%s.c", dir ? dir : "", dir ? "/" : "", name);
    if (!o->h_path && strcmp(o->c_path, "-") == 0)
        o->h_path = arena_printf(a, "%s.h", name);
    else if (!o->h_path)
        o->h_path = arena_printf(a, "%s.h", stem(a, o->c_path, c));
    if (dir && !*dir)
        return usage("this names no folder:", dir);
    if (names_no_file(o->c_path) || names_no_file(o->h_path))
        return usage("this names no file:", names_no_file(o->c_path) ? o->c_path : o->h_path);
    if (strcmp(o->h_path, o->c_path) == 0)
        return usage("the C file and the header are one:", o->c_path);
    if (o->report && strcmp(o->report, "-") == 0 && strcmp(o->c_path, "-") == 0)
        return usage("the C and the report would both be printed: give --report a file", NULL);
    for (const char *p = o->h_path; *p; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
            return usage("an #include cannot name the header", o->h_path);
    return OPTIONS_GO_ON;
}

/* Installed files, or those of the source tree beside the build folder that the program was built
   in.  */
static const char *find_data(arena *a)
{
    const char *given = getenv("ETRACE_DATADIR");
    char exe[4096];
    if (given && *given)
        return given;
    if (access(DATADIR "/templates/prelude.m4", R_OK) == 0)
        return DATADIR;
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    while (n > 0 && exe[n - 1] != '/')
        n--;
    const char *tree = n > 0 ? arena_printf(a, "%.*s..", (int)n, exe) : DATADIR;
    return access(arena_printf(a, "%s/templates/prelude.m4", tree), R_OK) == 0 ? tree : DATADIR;
}

int options_read(int argc, char **argv, arena *a, options *res)
{
    struct option longs[N_ROWS + 1] = {{0}};
    char shorts[2 * N_ROWS + 2] = ":"; /* a value that is missing has a message of its own */
    size_t n = 1;
    int code;
    const char *dir = NULL, *m4 = getenv("M4");
    for (int i = 0; i < N_ROWS; i++) {
        int value = !rows[i].argument            ? no_argument
                    : rows[i].argument[0] == '[' ? optional_argument
                                                 : required_argument;
        longs[i] = (struct option){rows[i].name, value, NULL, rows[i].code};
        if (rows[i].code < 256)
            shorts[n++] = (char)rows[i].code;
        if (rows[i].code < 256 && rows[i].argument)
            shorts[n++] = ':';
    }
    shorts[n] = '\0';
    *res = (options){.unroll = UNROLL_DEFAULT, .max_errors = ERRORS_DEFAULT,
                     .m4 = m4 && *m4 ? m4 : M4_PROGRAM};
    opterr = 0;
    while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        int status = code == '?' || code == ':'
                         ? bad_option(a, optopt, argv[optind - 1], code == ':')
                         : read_one(code, optarg, a, res, &dir);
        if (status != OPTIONS_GO_ON)
            return status;
    }
    if (optind >= argc)
        return usage("no model is given", NULL);
    if (optind + 1 < argc)
        return usage("one model at a time; this is a second:", argv[optind + 1]);
    res->model = argv[optind];
    res->data_dir = find_data(a);
    return set_paths(a, res, dir);
}

/* --- the learning rule ----------------------------------------------------------------------- */

bool options_learning(const options *o, const spec *s, arena *a, diag *d, learning *res)
{
    const struct { const char *key, *value; } given[] = {
        {"rule", o->rule}, {"vjp_time", o->vjp_time}, {"signal", o->signal},
        {"plain", o->plain}, {"dense", o->dense},
        {"window", o->window ? arena_printf(a, "%d", o->window) : NULL}};
    spec_learning l = s->learning;
    bool ok = true;
    /* A rule of the command line stands for itself; a time or window overrides both of the
       spec's.  */
    if (o->rule)
        l = (spec_learning){.value[LEARN_DENSE] = l.value[LEARN_DENSE]};
    if (o->window || o->vjp_time)
        l.value[LEARN_WINDOW].said = l.value[LEARN_VJP_TIME].said = false;
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        if (given[i].value)
            ok = rule_override(&l, arena_printf(a, "%s=%s", given[i].key, given[i].value), a, d)
                 && ok;
    for (size_t i = 0; i < o->n_learning; i++)
        ok = rule_override(&l, o->learning[i], a, d) && ok;
    return rule_settings(s, &l, d, res) && ok;
}
