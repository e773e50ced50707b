/* SPDX-License-Identifier: Apache-2.0 */
/* In: argv and the environment.  Out: options with every default filled in.  The options themselves
   are a table: option_table.c.  */
#define _POSIX_C_SOURCE 200809L
#include "options.h"

#include "datadir.h"
#include "elementary.h"
#include "option_table.h"
#include "picture.h"
#include "rule.h"
#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ERRORS_DEFAULT = 20 };

/* --- what follows from the command line ------------------------------------------------------ */

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
        return option_usage(&o->style, "this names no file:",
                            names_no_file(o->c_path) ? o->c_path : o->h_path);
    if (strcmp(o->h_path, o->c_path) == 0)
        return option_usage(&o->style, "the C file and the header are one:", o->c_path);
    for (const char *p = o->h_path; *p; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
            return option_usage(&o->style, "an #include cannot name the header", o->h_path);
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
        {"--dense", o->dense}, {"-L", o->learning.n > 0}, {"--trace-real", o->trace_real},
        {"--graph", o->graph}, {"--dump", o->dump}, {"--explain", o->explain},
        {"--report", o->report}, {"--list-outputs", o->list_outputs},
        {"--standalone", o->standalone}, {"--single-file", o->single_file},
        {"--with-test", o->with_test},
        {"a depfile", o->deps || o->deps_only}};
    for (size_t i = 0; o->compare && i < sizeof unused / sizeof unused[0]; i++)
        if (unused[i].given)
            return option_usage(&o->style, "--compare has no use for", unused[i].name);
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
            return option_usage(&o->style, rule[i].text, rule[i].word);
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

/* Messages about the command line itself are as it asks for them, wherever in it that stands.  */
static bool wants_json(int argc, char **argv)
{
    static const char option[] = "--diagnostics-format";
    bool json = false;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        size_t n = strcspn(argv[i], "=");
        const char *value = argv[i][n] ? argv[i] + n + 1 : i + 1 < argc ? argv[i + 1] : "";
        if (n > strlen("--di") && strncmp(argv[i], option, n) == 0)
            json = strcmp(value, "json") == 0;
    }
    return json;
}

int options_read(int argc, char **argv, arena *a, options *res)
{
    const char *m4 = getenv("M4");
    *res = (options){.unroll = -1, .machine = target_names()[0], .max_errors = ERRORS_DEFAULT,
                     .math = math_words()[MATH_ETRACE],
                     .m4 = m4 && *m4 ? m4 : M4_PROGRAM};
    for (int i = 0; i < N_SOURCE_LIMITS; i++)
        res->limit[i] = source_limit_rows[i].standard;
    res->style.json = wants_json(argc, argv);
    const option_reader r = {&option_table, a, &res->style, res};
    int status = option_parse(&r, argc, argv, &res->models);
    if (status != OPTIONS_GO_ON)
        return status;
    if (res->unroll < 0)
        res->unroll = target_named(res->machine)->unroll;
    if (res->tile == 0)
        res->tile = target_named(res->machine)->tile;
    if (res->dump && strcmp(res->dump, "json") == 0) {
        res->graph = picture_form_of(".json");
        res->dump = NULL;
    }
    res->data_dir = datadir_find(a);
    set_style(res);
    if (res->models.n == 0 && !res->init)
        return option_usage(&res->style, "no model is given", NULL);
    if (res->models.n > 0 && res->init)
        return option_usage(&res->style, "--init writes a spec and reads none:", res->models.item[0]);
    return check_together(res);
}

const char *options_said(const options *o, arena *a)
{
    const char *text = arena_printf(a, "target %s, math %s, unroll %d", o->machine, o->math, o->unroll);
    if (o->tile > 0)
        text = arena_printf(a, "%s, tile %d", text, o->tile);
    for (size_t i = 0; i < o->define.n; i++)
        text = arena_printf(a, "%s, -D %s", text, o->define.item[i]);
    return text;
}

emit_options options_emit(const options *o, const char *h_path, const report *r, arena *a)
{
    const target_spec *t = target_named(o->machine);
    return (emit_options){.h_path = h_path, .said = options_said(o, a), .data_dir = o->data_dir, .m4 = o->m4,
                          .unroll = o->unroll, .clones = t->clones, .calls = t->calls,
                          .math = elementary_math(o->math), .openmp = o->openmp,
                          .largest_count = r->largest_count, .largest_bytes = report_largest_bytes(r)};
}

/* --- the learning rule ----------------------------------------------------------------------- */

bool options_learning(const options *o, const spec *s, arena *a, diag *d, learning *res)
{
    const struct { const char *key, *value; } given[] = {
        {"rule", o->rule}, {"vjp_time", o->vjp_time}, {"signal", o->signal},
        {"plain", o->plain}, {"dense", o->dense}, {"trace_dtype", o->trace_real},
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
