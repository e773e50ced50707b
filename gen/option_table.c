/* SPDX-License-Identifier: Apache-2.0 */
/* In: one option and its value.  Out: the field of options that it is about.  */
#include "option_table.h"

#include "datadir.h"
#include "elementary.h"
#include "option_docs.h"
#include "options.h"
#include "picture.h"
#include "rule.h"
#include "schema.h"
#include "size.h"
#include "target.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNROLL_MAX = 64, TILE_MAX = 64, WINDOW_MAX = 1 << 20 };

/* --- words ----------------------------------------------------------------------------------- */

static const char *const *inits(void)
{
    static const char *const word[] = {"minimal", "gru", "lif", "cell", NULL};
    return word;
}

static const char *const *reals(void)
{
    static const char *const word[] = {"float", "double", NULL};
    return word;
}

static const char *const *formats(void)
{
    static const char *const word[] = {"text", "json", NULL};
    return word;
}

/* When colours and progress are shown.  */
static const char *const *whens(void)
{
    static const char *const word[] = {"auto", "always", "never", NULL};
    return word;
}

static const char *const *traces(void)
{
    static const char *const word[] = {"m4", "graph", "time", NULL};
    return word;
}

static const char *const *dumps(void)
{
    static const char *const word[] = {"ir", "diff", "json", NULL};
    return word;
}

static const char *const *graphs(void)
{
    return picture_forms;
}

static const char *const *vjp_times(void)
{
    return rule_words(LEARN_VJP_TIME);
}

static const char *const *signals(void)
{
    return rule_words(LEARN_SIGNAL);
}

static const char *const *plains(void)
{
    return rule_words(LEARN_PLAIN);
}

static const char *const *denses(void)
{
    return rule_words(LEARN_DENSE);
}

static const char *const *trace_reals(void)
{
    return rule_words(LEARN_TRACE_DTYPE);
}

/* --- what needs more than being kept --------------------------------------------------------- */

static int keep(const char **field, const char *value)
{
    *field = value;
    return OPTIONS_GO_ON;
}

static int read_prefix(const option_row *row, const char *value, const option_reader *r)
{
    options *o = r->into;
    const char *fault = spec_name_fault(value);
    (void)row;
    return fault ? option_usage(r->style, fault, value) : keep(&o->prefix, value);
}

/* NAME=VALUE or OLD=NEW onto a list.  */
static int read_pair(const option_row *row, const char *value, const option_reader *r)
{
    arena *a = r->arena;
    option_list *list = (void *)((char *)r->into + row->field);
    if (!strchr(value, '='))
        return option_usage(
            r->style, arena_printf(a, "%s is %s, not", option_spelling(row, a), row->argument),
            value);
    ARENA_PUSH(a, list->item, list->n, list->cap, value);
    return OPTIONS_GO_ON;
}

static int read_init(const option_row *row, const char *value, const option_reader *r)
{
    options *o = r->into;
    return value ? option_read_word(row, value, r, &o->init) : keep(&o->init, row->words()[0]);
}

/* -MMD, -M and -MM.  */
static int read_deps(const option_row *row, const char *value, const option_reader *r)
{
    options *o = r->into;
    const char *tail = row->tail ? row->tail : "";
    (void)value;
    o->deps = o->deps || strcmp(tail, "MD") == 0;
    o->deps_only = o->deps_only || strcmp(tail, "MD") != 0;
    o->deps_user = o->deps_user || *tail == 'M';
    return OPTIONS_GO_ON;
}

static int read_target(const option_row *row, const char *value, const option_reader *r)
{
    options *o = r->into;
    arena *a = r->arena;
    ARENA_PUSH(a, o->target.item, o->target.n, o->target.cap,
               arena_printf(a, "%s%s", row->tail, value));
    return OPTIONS_GO_ON;
}

static int read_warning(const option_row *row, const char *value, const option_reader *r)
{
    options *o = r->into;
    arena *a = r->arena;
    const char *flag = arena_printf(a, "%s%s", row->tail ? row->tail : "", value ? value : "");
    const char *unknown = warning_flag(&o->style.warnings, flag);
    const char *const *name = warning_names();
    size_t n = 0;
    if (!unknown)
        return OPTIONS_GO_ON;
    while (name[n])
        n++;
    const char *near = diag_nearest(unknown, name, n);
    return option_usage(r->style,
                        near ? arena_printf(a, "there is no warning '%s'; did you mean", unknown)
                             : "there is no warning",
                        near ? near : unknown);
}

/* NAME=N */
static int read_limit(const option_row *row, const char *value, const option_reader *r)
{
    options *o = r->into;
    arena *a = r->arena;
    const char *names = "";
    int64_t n;
    (void)row;
    for (int i = 0; i < N_SOURCE_LIMITS; i++) {
        const source_limit_row *l = &source_limit_rows[i];
        size_t length = strlen(l->name);
        names = arena_printf(a, "%s%s%s", names, i > 0 ? ", " : "", l->name);
        if (strncmp(value, l->name, length) != 0 || value[length] != '=')
            continue;
        if (!size_read(value + length + 1, &n) || n < 1 || n > l->most)
            return option_usage(r->style,
                                arena_printf(a, "--limit=%s is a number from 1 to %d, not", l->name,
                                             l->most), value + length + 1);
        o->limit[i] = (int)n;
        return OPTIONS_GO_ON;
    }
    return option_usage(r->style, arena_printf(a, "--limit is NAME=N with one of %s, not", names),
                        value);
}

static int read_graph(const option_row *row, const char *value, const option_reader *r)
{
    options *o = r->into;
    (void)row;
    o->graph_file = true;
    if (value && !picture_form_of(value))
        return option_usage(r->style, "-g writes a file .gv, .svg, .pdf, .json or .txt, not", value);
    return keep(&o->given_graph, value);
}

/* There is no fixed point, and who asks for it should not have to guess what else helps.  */
static int read_real(const option_row *row, const char *value, const option_reader *r)
{
    options *o = r->into;
    if (*value == 'q' && value[1] >= '0' && value[1] <= '9')
        return option_usage(r->style, "there is no fixed point; --real=float --target=cortex-m needs "
                                      "no unit for doubles, and --trace-real stores traces in 16 bits; "
                                      "--real is not", value);
    return option_read_word(row, value, r, &o->real);
}

/* A list of what to tell.  */
static int read_trace(const option_row *row, const char *value, const option_reader *r)
{
    options *o = r->into;
    bool *const field[] = {&o->trace_m4, &o->trace_graph, &o->trace_time};
    const char *const *word = row->words();
    for (const char *p = value; ; p++) {
        size_t n = strcspn(p, ","), i = 0;
        while (word[i] && (strlen(word[i]) != n || strncmp(p, word[i], n) != 0))
            i++;
        if (!word[i])
            return option_usage(r->style, "--trace is a list of m4, graph and time, not", value);
        *field[i] = true;
        p += n;
        if (!*p)
            return OPTIONS_GO_ON;
    }
}

/* LINE, FILE:LINE or all.  */
static int read_explain(const option_row *row, const char *value, const option_reader *r)
{
    options *o = r->into;
    const char *colon = strrchr(value, ':'), *line = colon ? colon + 1 : value;
    (void)row;
    bool number = *line && strspn(line, "0123456789") == strlen(line) && strlen(line) < 10;
    if (!number && strcmp(value, "all") != 0)
        return option_usage(r->style, "--explain is LINE, FILE:LINE or all, not", value);
    return keep(&o->explain, value);
}

static int read_report(const option_row *row, const char *value, const option_reader *r)
{
    options *o = r->into;
    const char *end = value ? strrchr(value, '.') : ".txt";
    (void)row;
    o->report_json = end && strcmp(end, ".json") == 0;
    o->report_html = end && strcmp(end, ".html") == 0;
    if (!o->report_json && !o->report_html && (!end || strcmp(end, ".txt") != 0))
        return option_usage(r->style, "--report writes a file .txt, .json or .html, not", value);
    return keep(&o->report, value ? value : "-");
}

/* --print-WHAT: one line for a makefile.  */
static int print_place(const option_row *row, const char *value, const option_reader *r)
{
    arena *a = r->arena;
    const char *data = datadir_find(a), *what = row->name + strlen("print-");
    (void)value;
    if (strcmp(what, "datadir") == 0)
        puts(data);
    else if (strcmp(what, "runtime") == 0)
        printf("%s/runtime\n", data);
    else if (strcmp(what, "cflags") == 0)
        printf("-I%s/etrace\n", datadir_relative(a, data, INCLUDEDIR));
    else
        printf("-L%s -letrace -lm\n", datadir_relative(a, data, LIBDIR));
    return EXIT_SUCCESS;
}

static int print_schema(const option_row *row, const char *value, const option_reader *r)
{
    buf text = {0};
    (void)row, (void)value, (void)r;
    schema_write(&text);
    fputs(buf_text(&text), stdout);
    buf_free(&text);
    return EXIT_SUCCESS;
}

static int print_version(const option_row *row, const char *value, const option_reader *r)
{
    (void)row, (void)value, (void)r;
    puts("etrace-gen " PACKAGE_VERSION "\n"
         "License Apache-2.0; what it writes is under MIT-0.  There is no warranty.");
    return EXIT_SUCCESS;
}

/* --- the table ------------------------------------------------------------------------------- */

#define FIELD(name) .field = offsetof(options, name)

static const option_row rows[] = {
    {OPTION_HEADING, .help = "Output"},
    {OPTION_TEXT, 'o', NULL, "output", "FILE",
     "write the C to FILE, or to standard output if it is -",
     "Without it the name is that of the spec with the ending .c, in the current folder. "
     "A symbolic link is replaced, not followed; what is no regular file is refused.",
     FIELD(given_c), .offer = OFFER_FILES},
    {OPTION_TEXT, 'H', NULL, "header", "FILE",
     "write the header to FILE (default: the name of the C file with .h)", FIELD(given_h),
     .offer = OFFER_FILES},
    {OPTION_TEXT, 'd', NULL, "directory", "DIR", "write all into DIR", FIELD(directory),
     .offer = OFFER_FOLDERS},
    {OPTION_OTHER, 'p', NULL, "prefix", "NAME",
     "begin emitted names with NAME (default: the model's name)", .read = read_prefix},
    {OPTION_NUMBER, '\0', NULL, "tile", "K",
     "learn K steps of a sequence at once, 1 each by itself (default: by the sizes, 8 or 1; cortex-m: 1)",
     "While the weights stand still a trace is met once for all K steps. A window is learned whole, or step by step (1).",
     FIELD(tile), .min = 1,
     .max = TILE_MAX},
    {OPTION_NUMBER, '\0', NULL, "unroll", "N",
     "write out loops of at most N turns, from 0 to 64 (default: 8; cortex-m: 0)", FIELD(unroll),
     .max = UNROLL_MAX},
    {OPTION_FLAG, '\0', NULL, "standalone", NULL,
     "write the runtime's sources beside the model, too",
     "These are the parts that allocate nothing: random numbers, optimisers and snapshots. "
     "Nothing that is installed is needed then.",
     FIELD(standalone)},
    {OPTION_FLAG, '\0', NULL, "single-file", NULL,
     "put the header into the C file, and write no header",
     "With --standalone the runtime goes in there as well.", FIELD(single_file)},
    {OPTION_FLAG, '\0', NULL, "with-main", NULL,
     "write a program around the model, too: NAME_main.c",
     "It draws parameters, reads the inputs of one step after the other as numbers from standard "
     "input, and prints the outputs of each step as a line.",
     FIELD(with_main)},
    {OPTION_FLAG, '\0', NULL, "with-test", NULL,
     "write a program that checks the compiled model, too: NAME_test.c",
     "It runs the model on fixed data and compares outputs, states, losses and gradients with numbers "
     "that etrace-gen has computed by itself, without the C. See doc/embedded.md.",
     FIELD(with_test)},
    {OPTION_FLAG, '\0', NULL, "python", NULL, "write a Python module of the model, too",
     "NAME.py has NumPy arrays over the memory of the C, which it calls in NAME.so.", FIELD(python)},
    {OPTION_FLAG, '\0', NULL, "no-lines", NULL,
     "do not say in comments where an equation was written", FIELD(no_lines)},
    {OPTION_OTHER, '\0', NULL, "file-prefix-map", "OLD=NEW",
     "name a spec whose path begins with OLD by NEW and the rest", FIELD(prefix_map),
     .read = read_pair},
    {OPTION_WORD, '\0', NULL, "target", "T",
     "write C for T: c99 (default), any machine; host, this kind; or cortex-m",
     "host compiles every function for several processors, where the compiler can; cortex-m writes "
     "small code without doubles.  See doc/targets.md.",
     FIELD(machine), .words = target_names},
    {OPTION_WORD, '\0', NULL, "math", "M",
     "elementary functions: etrace (default), our own, or libm, the C library's",
     "Ours become vector code and give the same bits on every machine; see doc/targets.md.",
     FIELD(math), .words = math_words},
    {OPTION_FLAG, '\0', NULL, "openmp", NULL, "write C whose large loops threads share, if compiled with -fopenmp",
     "Results do not depend on the number of threads.  Without -fopenmp it is C99 as ever; see doc/scaling.md.",
     FIELD(openmp)},
    {OPTION_FLAG, '\0', NULL, "list-outputs", NULL, "print the names of what would be written",
     "The spec need not be there yet.", FIELD(list_outputs)},

    {OPTION_HEADING, .help = "Dependencies, as a C compiler writes them"},
    {OPTION_FLAG, 'M', "D", NULL, NULL,
     "write a depfile, too: the outputs need all files that were read",
     "Its name is that of the C file with the ending .d.", FIELD(deps)},
    {OPTION_OTHER, 'M', "MD", NULL, NULL, "the same without the files that belong to etrace-gen",
     .read = read_deps},
    {OPTION_TEXT, 'M', "F", NULL, "FILE", "write the depfile to FILE", FIELD(depfile),
     .offer = OFFER_FILES, .apart = true},
    {OPTION_OTHER, 'M', "T", NULL, "TARGET", "TARGET needs these files, not the outputs",
     "Several make a list. TARGET is written as it is.", .read = read_target, .apart = true},
    {OPTION_OTHER, 'M', "Q", NULL, "TARGET", "the same, with what make would misread escaped",
     .read = read_target, .apart = true},
    {OPTION_FLAG, 'M', "P", NULL, NULL, "add an empty rule for each file but the model",
     "make then does not stop where one of them has gone.", FIELD(phony)},
    {OPTION_OTHER, 'M', NULL, NULL, NULL, "print the rule, and write nothing else",
     .read = read_deps},
    {OPTION_OTHER, 'M', "M", NULL, NULL, "the same without the files that belong to etrace-gen",
     .read = read_deps},

    {OPTION_HEADING, .help = "The model"},
    {OPTION_OTHER, 'D', NULL, "define", "NAME=VALUE",
     "give the dim or the constant NAME another value",
     "A name that the spec does not declare is an error.", FIELD(define), .read = read_pair},
    {OPTION_OTHER, '\0', NULL, "real", "TYPE", "compute in float or double", .read = read_real,
     .words = reals},
    {OPTION_WORD, '\0', NULL, "trace-real", "TYPE",
     "store traces of weights as real (as computed), bfloat16 or float16", FIELD(trace_real),
     .words = trace_reals},
    {OPTION_NUMBER, '\0', NULL, "batch", "N", "work on N samples at a time", FIELD(batch), .min = 1,
     .max = SPEC_BATCH_MAX},
    {OPTION_WORD, '\0', NULL, "rule", "RULE", "learn by RULE instead of the spec's",
     "The settings of the spec then do not count, but for dense.", FIELD(rule),
     .words = rule_names},
    {OPTION_WORD, '\0', NULL, "algorithm", "RULE", "the same as --rule", FIELD(rule),
     .words = rule_names},
    {OPTION_NUMBER, '\0', NULL, "window", "K", "differentiate K steps exactly, behind the trace",
     FIELD(window), .min = 1, .max = WINDOW_MAX},
    {OPTION_WORD, '\0', NULL, "vjp-time", "T", "when the signal meets the trace: t_minus_1 or t",
     FIELD(vjp_time), .words = vjp_times},
    {OPTION_WORD, '\0', NULL, "signal", "S", "direct, or total as the reference's", FIELD(signal),
     .words = signals},
    {OPTION_WORD, '\0', NULL, "plain", "P",
     "gradient of parameters without trace: exact, or none as the reference's", FIELD(plain),
     .words = plains},
    {OPTION_WORD, '\0', NULL, "dense", "D", "states mixed by no weight: error, diagonal or drop",
     FIELD(dense), .words = denses},
    {OPTION_LIST, 'L', NULL, "learning", "KEY=VALUE", "any key of learning: decay=0.9",
     FIELD(learning)},

    {OPTION_HEADING, .help = "Looking at it"},
    {OPTION_FLAG, 'n', NULL, "check", NULL, "check the spec; write nothing",
     "Derivatives that the spec states are compared with differences, too.", FIELD(check_only)},
    {OPTION_OTHER, 'g', NULL, NULL, "[FILE]",
     "write the graph, too, to FILE (.gv, .svg, .pdf, .json or .txt)",
     "Without FILE it is NAME.gv.", .read = read_graph, .offer = OFFER_FILES},
    {OPTION_WORD, '\0', NULL, "graph", "FORM", "print the eligibility-trace graph; write nothing",
     FIELD(graph), .words = graphs},
    {OPTION_WORD, '\0', NULL, "dump", "PASS", "print the nodes after PASS; write nothing",
     "json is the graph, as --graph=json.", FIELD(dump), .words = dumps},
    {OPTION_OTHER, '\0', NULL, "explain", "LINE",
     "print the equation and the pass that made LINE of the C; write nothing",
     "FILE:LINE is a line of the header, too, and all means every line of both. What no equation "
     "made is a template's or the runtime's.",
     .read = read_explain},
    {OPTION_OTHER, '\0', NULL, "report", "[FILE]",
     "print bytes and operations, too, or write them to FILE (.txt, .json or .html)",
     "The page has the graph as a picture, and the spec beside the C that it became, too; it needs "
     "no network.",
     .read = read_report,
     .offer = OFFER_FILES},
    {OPTION_TEXT, '\0', NULL, "compare", "RULES",
     "write a program that compares RULES (a list, or all) on random data",
     "A rule may have settings: --compare=all,d_rtrl:window=4. The program, a model for each rule "
     "and a Makefile go into the folder of -d, or one named after the spec; 'make run' there "
     "prints how near gradients are to bptt's, and draws a picture of it.",
     FIELD(compare)},
    {OPTION_BYTES, '\0', NULL, "max-ram", "N",
     "refuse a model that needs more RAM to learn (64K, 1.5M, 2G)", FIELD(limits.ram)},
    {OPTION_BYTES, '\0', NULL, "max-rom", "N", "refuse one with more bytes of constant tables",
     FIELD(limits.rom)},
    {OPTION_BYTES, '\0', NULL, "max-stack", "N", "refuse one that needs more stack",
     FIELD(limits.stack)},

    {OPTION_HEADING, .help = "Writing a spec"},
    {OPTION_OTHER, '\0', NULL, "init", "[KIND]",
     "print a spec to start from, or write it to -o's FILE",
     "Without KIND it is a small one with nothing hidden behind cells.", .read = read_init,
     .words = inits},
    {OPTION_OTHER, '\0', NULL, "schema", NULL, "print the JSON schema of specs, for editors",
     .read = print_schema},

    {OPTION_HEADING, .help = "Messages"},
    {OPTION_OTHER, 'W', "no-", NULL, "NAME", "do not warn of NAME, or of all", .read = read_warning,
     .words = warning_names},
    {OPTION_OTHER, 'W', "error", NULL, "[=NAME]", "warnings are errors, or those of NAME are",
     "-Wno-error and -Wno-error=NAME take it back.", .read = read_warning},
    {OPTION_OTHER, 'W', NULL, NULL, "NAME", "warn of NAME, as without options of all",
     .read = read_warning},
    {OPTION_FLAG, 'w', NULL, "no-warnings", NULL, "do not warn", FIELD(style.no_warnings)},
    {OPTION_FLAG, 'q', NULL, "quiet", NULL, "print errors only, without notes",
     FIELD(style.errors_only)},
    {OPTION_FLAG, 'v', NULL, "verbose", NULL, "say which files were read and written",
     FIELD(verbose)},
    {OPTION_OTHER, '\0', NULL, "trace", "LIST", "say on standard error what happens inside",
     "m4: what m4 was given and has printed. graph: groups and relations. time: how long each pass took.",
     .read = read_trace, .words = traces},
    {OPTION_WORD, '\0', NULL, "progress", "WHEN", "say which pass is under way: auto, always or never",
     "auto: on a terminal, in a line that goes away. always: a line a pass.", FIELD(progress),
     .words = whens},
    {OPTION_WORD, '\0', NULL, "diagnostics-format", "FORM", "print messages as text or as json",
     "json is an object a line with file, line, column, endLine, endColumn (behind the last one), "
     "severity, code, message and fix (what to write in that place). "
     "What is not known is null.",
     FIELD(format), .words = formats},
    {OPTION_WORD, '\0', NULL, "color", "WHEN", "colour messages: auto, always or never",
     "auto: on a terminal, unless NO_COLOR is set.", FIELD(color), .words = whens},
    {OPTION_NUMBER, '\0', NULL, "max-errors", "N", "stop after N errors (default: 20; 0: never)",
     FIELD(max_errors), .max = INT_MAX},

    {OPTION_HEADING, .help = "For makefiles; each is printed, and nothing else is done"},
    {OPTION_OTHER, '\0', NULL, "print-datadir", NULL, "the folder of templates and runtime",
     .read = print_place},
    {OPTION_OTHER, '\0', NULL, "print-runtime", NULL, "the folder of the runtime's sources",
     .read = print_place},
    {OPTION_OTHER, '\0', NULL, "print-cflags", NULL, "what a compiler needs to find its headers",
     .read = print_place},
    {OPTION_OTHER, '\0', NULL, "print-ldflags", NULL, "what a linker needs to find its library",
     .read = print_place},

    {OPTION_HEADING, .help = "Other"},
    {OPTION_OTHER, '\0', NULL, "limit", "NAME=N", "let a spec hold more than usual",
     "NAME is depth (64 unless said otherwise), aliases (1000), anchors (1000), values (100000), "
     "text (64K) or file (16M). The limits guard against specs made to exhaust the machine.",
     .read = read_limit},
    {OPTION_FLAG, '\0', NULL, "keep-temps", NULL, "keep what m4 was given, as NAME.m4",
     FIELD(keep_temps)},
    {OPTION_TEXT, '\0', NULL, "m4", "PATH", "run this GNU m4", FIELD(m4), .offer = OFFER_FILES},
    {OPTION_OTHER, 'h', NULL, "help", NULL, "print this", .read = option_print_help},
    {OPTION_OTHER, 'V', NULL, "version", NULL, "print the version", .read = print_version},
};

const option_set option_table = {
    .program = "etrace-gen",
    .usage = "Usage: etrace-gen [OPTION]... MODEL.yaml...\n"
             "Write the C of a recurrent network and of its online learning rule.\n",
    .end = "\nExit status:\n"
           "  0   all is well; there may have been warnings\n"
           "  1   the model is wrong\n"
           "  2   the command line is wrong\n"
           "  3   a file could not be read or written\n"
           "  4   m4 or the templates are missing or failed\n"
           "  63  the spec is of a newer version of the language\n"
           "  70  a bug of etrace-gen\n"
           "\nEnvironment:\n"
           "  ETRACE_DATADIR     the folder with templates and runtime\n"
           "  M4                 the GNU m4 to run\n"
           "  NO_COLOR           if set, messages have no colour\n"
           "  SOURCE_DATE_EPOCH  if set, the date on a report's page\n",
    .files = "yaml|yml|etrace",
    .row = rows,
    .n = sizeof rows / sizeof rows[0],
};
