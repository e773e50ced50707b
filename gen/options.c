/* SPDX-License-Identifier: Apache-2.0 */
/* In: argv and the environment.  Out: options with every default filled in.  The options themselves
   are a table: option_table.c.  */
#define _POSIX_C_SOURCE 200809L
#include "option_table.h"

#include "datadir.h"
#include "elementary.h"
#include "rule.h"
#include "target.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ERRORS_DEFAULT = 20 };

/* --- the words of the command line ----------------------------------------------------------- */

/* getopt_long's code for the row ROW, above all letters.  */
static int code_of(int row)
{
    return 256 + row;
}

/* What getopt_long did not take: ARG is the word of the command line.  CODE: its letter, the code
   of a long option, or 0; MISSING: it is known, but its value is not there.  */
static int bad_option(arena *a, int code, const char *arg, bool missing)
{
    const char **names = ARENA_ARRAY(a, const char *, n_option_rows);
    bool letter = code > 0 && code < 256 && strncmp(arg, "--", 2) != 0;
    const char *shown =
        letter ? arena_printf(a, "-%c", code) : arena_strndup(a, arg, strcspn(arg, "="));
    const char *begun = NULL;
    size_t n = 0, n_begun = 0;
    if (missing)
        return option_usage("this option needs a value:", shown);
    if (code > 0 && !letter)
        return option_usage("this option takes no value:", shown);
    for (int i = 0; i < n_option_rows; i++) {
        const char *name = option_rows[i].name;
        if (!name)
            continue;
        names[n++] = name;
        if (!letter && strncmp(name, shown + 2, strlen(shown + 2)) == 0)
            begun = n_begun++ == 0 ? name : begun;
    }
    if (n_begun > 1)
        return option_usage(arena_printf(a, "several options begin with this, --%s is one:", begun),
                            shown);
    const char *near = letter ? NULL : diag_nearest(shown + 2, names, n);
    return option_usage(near ? arena_printf(a, "there is no option '%s'; did you mean", shown)
                             : "there is no option",
                        near ? arena_printf(a, "--%s", near) : shown);
}

/* Do words of LETTER go on, as -MD does?  Then getopt hands over what follows.  */
static bool goes_on(int letter)
{
    for (int i = 0; i < n_option_rows; i++)
        if (option_rows[i].letter == letter && option_rows[i].tail)
            return true;
    return false;
}

/* The first row of LETTER.  */
static int row_of_letter(int letter)
{
    int i = 0;
    while (option_rows[i].letter != letter)
        i++;
    return i;
}

static void fill_getopt(struct option *longs, char *shorts)
{
    *shorts++ = ':'; /* a value that is missing has a message of its own */
    for (int i = 0, n = 0; i < n_option_rows; i++) {
        const option_row *row = &option_rows[i];
        int value = !row->argument                ? no_argument
                    : option_may_lack_value(row) ? optional_argument
                                                 : required_argument;
        if (row->name)
            longs[n++] = (struct option){row->name, value, NULL, code_of(i)};
        if (!row->letter || row_of_letter(row->letter) < i)
            continue;
        *shorts++ = row->letter;
        for (int k = goes_on(row->letter) ? optional_argument : value; k > no_argument; k--)
            *shorts++ = ':';
    }
    *shorts = '\0';
}

/* The row of a word like -MFout.d: the longest tail that TEXT, what follows LETTER, begins with. */
static const option_row *row_of_word(char letter, const char *text)
{
    const option_row *best = NULL;
    size_t length = 0;
    for (int i = 0; i < n_option_rows; i++) {
        const option_row *row = &option_rows[i];
        size_t n = row->tail ? strlen(row->tail) : 0;
        if (row->letter != letter || strncmp(text, row->tail ? row->tail : "", n) != 0
            || (!row->argument && text[n] != '\0') || (best && n <= length))
            continue;
        best = row;
        length = n;
    }
    return best;
}

/* One option with a tail: its value may be the rest of the word, or the next one.  */
static int read_word(int letter, const char *text, int argc, char **argv, arena *a, options *res)
{
    const option_row *row = row_of_word((char)letter, text ? text : "");
    const char *word = arena_printf(a, "-%c%s", letter, text ? text : "");
    if (!row)
        return option_usage("there is no option", word);
    const char *value = (text ? text : "") + (row->tail ? strlen(row->tail) : 0);
    if (*value || !row->argument || option_may_lack_value(row))
        return option_read(row, *value ? value : NULL, a, res);
    if (optind >= argc)
        return option_usage("this option needs a value:", word);
    return option_read(row, argv[optind++], a, res);
}

static int read_one(int code, int argc, char **argv, arena *a, options *res)
{
    if (code < code_of(0) && goes_on(code))
        return read_word(code, optarg, argc, argv, a, res);
    int row = code >= code_of(0) ? code - code_of(0) : row_of_letter(code);
    return option_read(&option_rows[row], optarg, a, res);
}

/* --- what follows from them ------------------------------------------------------------------ */

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

static int check_paths(const options *o)
{
    if (names_no_file(o->c_path) || names_no_file(o->h_path))
        return option_usage("this names no file:",
                            names_no_file(o->c_path) ? o->c_path : o->h_path);
    if (strcmp(o->h_path, o->c_path) == 0)
        return option_usage("the C file and the header are one:", o->c_path);
    for (const char *p = o->h_path; *p; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
            return option_usage("an #include cannot name the header", o->h_path);
    return OPTIONS_GO_ON;
}

int options_model(options *o, size_t i, arena *a)
{
    static const char *const yaml[] = {".yaml", ".yml", ".etrace", NULL}, *const c[] = {".c", NULL};
    const char *dir = o->directory;
    o->model = o->models.item[i];
    const char *slash = strrchr(o->model, '/');
    const char *name = stem(a, slash ? slash + 1 : o->model, yaml);
    if (o->given_c && strcmp(o->given_c, "-") != 0)
        o->stem = stem(a, o->given_c, c);
    else
        o->stem = arena_printf(a, "%s%s%s", dir ? dir : "", dir ? "/" : "", name);
    o->c_path = o->given_c ? o->given_c : arena_printf(a, "%s.c", o->stem);
    o->h_path = o->given_h ? o->given_h : arena_printf(a, "%s.h", o->stem);
    o->graph_path = o->given_graph ? o->given_graph : arena_printf(a, "%s.gv", o->stem);
    return check_paths(o);
}

/* --compare writes a folder with rules of its own: what is about one file or rule has no use.  */
static int check_compare(const options *o)
{
    const struct {
        const char *name;
        bool given;
    } unused[] = {
        {"-o", o->given_c}, {"-H", o->given_h}, {"--rule", o->rule}, {"--window", o->window > 0},
        {"--vjp-time", o->vjp_time}, {"--signal", o->signal}, {"--plain", o->plain},
        {"--dense", o->dense}, {"-L", o->learning.n > 0}, {"--graph", o->graph},
        {"--dump", o->dump}, {"--explain", o->explain}, {"--report", o->report}, {"--list-outputs", o->list_outputs},
        {"--standalone", o->standalone}, {"--single-file", o->single_file},
        {"a depfile", o->deps || o->deps_only}};
    for (size_t i = 0; o->compare && i < sizeof unused / sizeof unused[0]; i++)
        if (unused[i].given)
            return option_usage("--compare has no use for", unused[i].name);
    return OPTIONS_GO_ON;
}

/* Options that do not go together.  */
static int check_together(const options *o)
{
    bool several = o->models.n > 1, printed = o->given_c && strcmp(o->given_c, "-") == 0;
    bool shown = o->report && strcmp(o->report, "-") == 0;
    const struct { bool wrong; const char *text, *word; } rule[] = {
        {o->given_c && o->directory, "-o and -d exclude one another", NULL},
        {o->directory && !*o->directory, "this names no folder:", ""},
        {several && (o->given_c || o->given_h),
         "-o and -H name one file, but there are several models; -d names a folder", NULL},
        {several && o->given_graph, "-g names one file, but there are several models", NULL},
        {several && o->explain, "--explain is about one model, but there are several", NULL},
        {several && o->prefix, "-p is the prefix of one model, but there are several", NULL},
        {several && o->depfile, "-MF names one file, but there are several models", NULL},
        {several && o->report && !shown, "--report names one file, but there are several models",
         NULL},
        {shown && printed, "the C and the report would both be printed: give --report a file",
         NULL},
        {o->single_file && o->given_h, "-H names a header, and --single-file has none", NULL},
        {!o->deps && !o->deps_only && (o->depfile || o->target.n || o->phony),
         "-MF, -MT, -MQ and -MP go with -MD, -MMD, -M or -MM", NULL},
    };
    for (size_t i = 0; i < sizeof rule / sizeof rule[0]; i++)
        if (rule[i].wrong)
            return option_usage(rule[i].text, rule[i].word);
    return check_compare(o);
}

static void set_style(options *o)
{
    const char *no_color = getenv("NO_COLOR"), *color = o->color ? o->color : "auto";
    bool wanted = strcmp(color, "always") == 0
               || (strcmp(color, "auto") == 0 && !(no_color && *no_color) && isatty(STDERR_FILENO));
    o->style.json = o->format && strcmp(o->format, "json") == 0;
    o->style.color = wanted && !o->style.json;
}

int options_read(int argc, char **argv, arena *a, options *res)
{
    struct option *longs = ARENA_ARRAY(a, struct option, n_option_rows + 1);
    char *shorts = ARENA_ARRAY(a, char, 3 * n_option_rows + 2);
    const char *m4 = getenv("M4");
    int code;
    fill_getopt(longs, shorts);
    *res = (options){.unroll = -1, .machine = target_names()[0], .max_errors = ERRORS_DEFAULT,
                     .math = math_words()[MATH_ETRACE],
                     .m4 = m4 && *m4 ? m4 : M4_PROGRAM};
    for (int i = 0; i < N_SOURCE_LIMITS; i++)
        res->limit[i] = source_limit_rows[i].standard;
    opterr = 0;
    while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        int status = code == '?' || code == ':'
                         ? bad_option(a, optopt, argv[optind - 1], code == ':')
                         : read_one(code, argc, argv, a, res);
        if (status != OPTIONS_GO_ON)
            return status;
    }
    for (; optind < argc; optind++)
        ARENA_PUSH(a, res->models.item, res->models.n, res->models.cap, argv[optind]);
    if (res->unroll < 0)
        res->unroll = target_named(res->machine)->unroll;
    if (res->tile == 0)
        res->tile = target_named(res->machine)->tile;
    res->data_dir = datadir_find(a);
    set_style(res);
    if (res->models.n == 0 && !res->init)
        return option_usage("no model is given", NULL);
    if (res->models.n > 0 && res->init)
        return option_usage("--init writes a spec and reads none:", res->models.item[0]);
    return check_together(res);
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
        l = (spec_learning){.value[LEARN_DENSE] = l.value[LEARN_DENSE],
                            .value[LEARN_REDUCTION] = l.value[LEARN_REDUCTION]};
    if (o->window || o->vjp_time)
        l.value[LEARN_WINDOW].said = l.value[LEARN_VJP_TIME].said = false;
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        if (given[i].value)
            ok = rule_override(&l, arena_printf(a, "%s=%s", given[i].key, given[i].value), a, d)
                 && ok;
    for (size_t i = 0; i < o->learning.n; i++)
        ok = rule_override(&l, o->learning.item[i], a, d) && ok;
    ok = rule_settings(s, &l, d, res) && ok;
    res->tile = o->tile;
    return ok;
}
