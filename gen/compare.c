/* SPDX-License-Identifier: Apache-2.0 */
/* In: a spec and a list of rules.  Out: a folder with a model for each rule, a program that runs
   all of them on the same data, and a Makefile.  The rules that do not apply are in the program,
   too: it says why.

   RULES is RULE[:KEY=VALUE]..., ... or all; a comma inside of brackets belongs to a value.  The
   models are in double, so that what is seen is the rule; `dtype=float32` makes one float.  */
#include "compare.h"

#include "bundle.h"
#include "candidate.h"
#include "quote.h"
#include "rule.h"
#include "values.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { RULES_MAX = 56 };

/* One rule of the list.  */
typedef struct {
    const char *label; /* as it was written */
    const char *name;  /* of its model: the spec's and the label's */
    spec_learning learning;
    int real_bits;
    candidate model;   /* in REAL_BITS */
    const report *figures; /* in the spec's dtype, or the one that was asked for */
} entrant;

typedef struct {
    const options *options;
    const spec *spec;
    arena *arena;
    diag *diag;
    outputs *outputs;
    drawn_patterns *drawn;
    const char *folder;
    int n;
    entrant entrant[RULES_MAX];
} comparison;

static const loc nowhere = {NULL, 0, 0, 0};

/* --- the list --------------------------------------------------------------------------------- */

/* Where TEXT goes on behind its first part, which ends before END outside of brackets.  */
static size_t part_length(const char *text, char end)
{
    size_t n = 0;
    for (int depth = 0; text[n] && (depth > 0 || text[n] != end); n++)
        depth += (text[n] == '[') - (text[n] == ']');
    return n;
}

/* The model's name and LABEL, what is no letter or digit as one underscore.  */
static const char *model_name(const comparison *c, const char *label)
{
    const char *base = c->options->prefix ? c->options->prefix : c->spec->name;
    char *res = arena_printf(c->arena, "%s_%s", base, label), *to = res;
    for (const char *p = res; *p; p++) {
        if (isalnum((unsigned char)*p))
            *to++ = *p;
        else if (to[-1] != '_')
            *to++ = '_';
    }
    while (to[-1] == '_')
        to--;
    *to = '\0';
    for (int i = 0; i < c->n; i++)
        if (strcmp(c->entrant[i].name, res) == 0)
            return arena_printf(c->arena, "%s_%d", res, c->n + 1);
    return res;
}

static bool read_setting(comparison *c, entrant *e, const char *text)
{
    if (strcmp(text, "dtype=float32") == 0)
        e->real_bits = 32;
    else if (strcmp(text, "dtype=float64") == 0)
        e->real_bits = 64;
    else
        return rule_override(&e->learning, text, c->arena, c->diag);
    return true;
}

static bool add(comparison *c, const char *rule, const char *label)
{
    entrant *e = &c->entrant[c->n];
    for (int i = 0; i < c->n; i++)
        if (strcmp(c->entrant[i].label, label) == 0)
            return true;
    if (c->n == RULES_MAX) {
        diag_error(c->diag, nowhere, "E0560", "--compare takes at most %d rules", RULES_MAX);
        return false;
    }
    *e = (entrant){.label = label, .name = model_name(c, label),
                   .learning = rule_alone(&c->spec->learning, rule)};
    for (const char *p = label + strlen(rule); *p == ':';) {
        size_t n = part_length(++p, ':');
        if (!read_setting(c, e, arena_strndup(c->arena, p, n)))
            return false;
        p += n;
    }
    c->n++;
    return true;
}

static bool add_word(comparison *c, const char *word)
{
    const char *rule = arena_strndup(c->arena, word, part_length(word, ':'));
    const char *const *name = rule_names();
    size_t n = 0;
    if (strcmp(word, "all") == 0) {
        for (; *name; name++)
            if (!rule_is_second_name(*name) && !add(c, *name, *name))
                return false;
        return true;
    }
    for (; name[n]; n++)
        if (strcmp(name[n], rule) == 0)
            return add(c, name[n], word);
    const char *near = diag_nearest(rule, name, n);
    diag_error(c->diag, nowhere, "E0561", "--compare: there is no rule '%s'%s%s%s", rule,
               near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    diag_note(c->diag, nowhere, "write RULE or RULE:KEY=VALUE, separated by commas; or all");
    return false;
}

static bool read_list(comparison *c)
{
    bool ok = add(c, "bptt", "bptt");
    for (const char *p = c->options->compare; ok; p++) {
        size_t n = part_length(p, ',');
        ok = add_word(c, arena_strndup(c->arena, p, n));
        p += n;
        if (!*p)
            break;
    }
    return ok;
}

/* --- models ----------------------------------------------------------------------------------- */

/* The rule on the spec with reals of BITS.  */
static candidate try_bits(const comparison *c, const entrant *e, int bits)
{
    const options *o = c->options;
    const lower_options lo = {o->data_dir, e->name, false, o->no_lines,
                              target_named(o->machine), c->drawn};
    spec s = *c->spec;
    s.real_bits = bits;
    return candidate_try(&s, &lo, &e->learning, &o->limits, c->arena);
}

static void plan(comparison *c)
{
    for (int i = 0; i < c->n; i++) {
        entrant *e = &c->entrant[i];
        int bits = e->real_bits ? e->real_bits : 64, own = e->real_bits ? bits : c->spec->real_bits;
        e->model = try_bits(c, e, bits);
        e->figures = own == bits ? e->model.report : try_bits(c, e, own).report;
    }
}

static skel_status emit(const comparison *c, const entrant *e, emit_text *res)
{
    const char *h_path = arena_printf(c->arena, "%s.h", e->name);
    const emit_options eo = options_emit(c->options, h_path, e->model.report, c->arena);
    e->model.plan->ir->diag = c->diag; /* from here on messages are for the user */
    return emit_run(e->model.plan, c->spec, &eo, res);
}

/* --- the program around them ------------------------------------------------------------------ */

static const char *c_string(arena *a, const char *text)
{
    buf quoted = {0};
    quote_string(&quoted, text);
    const char *res = arena_strdup(a, buf_text(&quoted));
    buf_free(&quoted);
    return res;
}

static const char *number(arena *a, int64_t n)
{
    return arena_printf(a, "%lld", (long long)n);
}

static void set_rules(const comparison *c, buf *v)
{
    arena *a = c->arena;
    values_open(v, "rule");
    for (int i = 0; i < c->n; i++) {
        const entrant *e = &c->entrant[i];
        const report *r = e->figures;
        if (e->model.refused)
            continue;
        const model_plan *p = e->model.plan;
        bool window = p->learn.n == 0 && p->set.trace != TRACE_NONE;
        const char *field[] = {
            e->name, c_string(a, e->label), p->learn.n > 0 ? "1" : "0", window ? "1" : "0",
            number(a, window ? p->set.window : 0), number(a, r->bytes[BLOCK_STATE]),
            number(a, r->bytes[BLOCK_TRACE]), number(a, r->bytes[BLOCK_GRADIENT]),
            number(a, r->bytes[BLOCK_SCRATCH]), number(a, r->learn_flops)};
        values_row(v, sizeof field / sizeof field[0], field);
    }
    values_close(v);
}

static void set_refusals(const comparison *c, buf *v)
{
    values_open(v, "refusal");
    for (int i = 0; i < c->n; i++) {
        const entrant *e = &c->entrant[i];
        if (e->model.refused)
            values_row(v, 2, (const char *[]){c_string(c->arena, e->label),
                                              c_string(c->arena, e->model.refused)});
    }
    values_row(v, 2, (const char *[]){"NULL", "NULL"});
    values_close(v);
}

static void set_indices(const comparison *c, const ir *g, buf *v)
{
    values_open(v, "index");
    for (int i = 0; i < g->n_vars; i++) {
        const var *x = &g->var[i];
        if (x->type == TYPE_INDEX && (x->kind == VAR_INPUT || x->kind == VAR_TARGET))
            values_row(
                v, 2,
                (const char *[]){c_string(c->arena, x->path), number(c->arena, x->index_size)});
    }
    values_row(v, 2, (const char *[]){"NULL", "0"});
    values_close(v);
}

/* rules.c and the Makefile.  */
static skel_status emit_frame(const comparison *c, const ir *g, buf out[2])
{
    static const char *const templates[] = {"compare/rules.c.m4", "compare/Makefile.m4"};
    buf v = {0}, file = {0};
    quote_comment(&file, c->spec->base_name);
    values_set(&v, "version", PACKAGE_VERSION);
    values_set(&v, "file", buf_text(&file));
    values_set(&v, "model", c_string(c->arena, c->spec->name));
    values_set(&v, "figures", c->spec->real_bits == 32 ? "\"float\"" : "\"double\"");
    set_rules(c, &v);
    set_refusals(c, &v);
    set_indices(c, g, &v);
    skel_status status =
        skel_run(c->options->m4, c->options->data_dir, templates, 2, &v, out, NULL, 2, c->diag);
    buf_free(&v);
    buf_free(&file);
    return status;
}

/* --- files ------------------------------------------------------------------------------------ */

/* Those that are as they stand in the installation.  */
static const char *const copied[] = {"templates/compare/compare.h", "templates/compare/main.c",
                                     "templates/compare/picture.c", "runtime/etrace_info.h",
                                     "runtime/etrace_random.h"};
enum { N_COPIED = sizeof copied / sizeof copied[0] };

/* TEXT as the file NAME of the program.  It is taken over.  */
static void add_file(const comparison *c, const char *name, buf *text)
{
    outputs_add(c->outputs, arena_printf(c->arena, "%s/%s", c->folder, name), text);
}

static bool add_copied(const comparison *c)
{
    bool ok = true;
    for (int i = 0; i < N_COPIED && ok; i++) {
        buf text = {0};
        ok = bundle_read(c->options, copied[i], &text, c->arena, c->diag);
        add_file(c, strrchr(copied[i], '/') + 1, &text);
    }
    return ok;
}

static skel_status add_models(const comparison *c)
{
    skel_status status = SKEL_OK;
    for (int i = 0; i < c->n && status == SKEL_OK; i++) {
        const entrant *e = &c->entrant[i];
        emit_text text = {0};
        if (e->model.refused)
            continue;
        status = emit(c, e, &text);
        add_file(c, arena_printf(c->arena, "%s.h", e->name), &text.header);
        add_file(c, arena_printf(c->arena, "%s.c", e->name), &text.source);
        emit_text_free(&text);
    }
    return status;
}

static int add_program(const comparison *c, const ir *g)
{
    buf frame[2] = {{0}, {0}};
    outputs_folder(c->outputs, c->folder);
    if (!add_copied(c))
        return EXIT_ENVIRONMENT;
    skel_status status = add_models(c);
    if (status == SKEL_OK)
        status = emit_frame(c, g, frame);
    add_file(c, "rules.c", &frame[0]);
    add_file(c, "Makefile", &frame[1]);
    return (int)status;
}

/* --- all of it -------------------------------------------------------------------------------- */

int compare_run(const options *o, const spec *s, arena *a, diag *d, outputs *out)
{
    comparison *c = ARENA_NEW(a, comparison);
    drawn_patterns drawn = {NULL};
    *c = (comparison){.options = o, .spec = s, .arena = a, .diag = d, .outputs = out, .drawn = &drawn,
                      .folder = o->directory ? o->directory : arena_printf(a, "%s-compare", o->stem)};
    const lower_options lo = {o->data_dir, o->prefix, false, o->no_lines,
                              target_named(o->machine), &drawn};
    if (!read_list(c) || !lower_spec(s, &lo, a, d))
        return SPEC_WRONG;
    plan(c);
    const candidate *exact = &c->entrant[0].model;
    if (exact->refused) {
        diag_error(d, nowhere, "E0563", "there is nothing to compare with: bptt does not apply: %s",
                   exact->refused);
        return SPEC_WRONG;
    }
    return o->check_only ? EXIT_SUCCESS : add_program(c, exact->plan->ir);
}
