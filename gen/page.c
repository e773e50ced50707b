/* SPDX-License-Identifier: Apache-2.0 */
/* In: the plan, its costs, the emitted text and where its lines come from.  Out: the values of templates/page.html.m4,
   and the page that m4 prints from them.  Afterwards every text on it went through quote_html.  */
#include "page.h"

#include "explain.h"
#include "origin.h"
#include "quote.h"
#include "values.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *html(arena *a, const char *text)
{
    buf b = {0};
    quote_html(&b, text);
    const char *res = arena_strdup(a, buf_text(&b));
    buf_free(&b);
    return res;
}

static const char *count(arena *a, int64_t n)
{
    return arena_printf(a, "%lld", (long long)n);
}

/* --- tables ----------------------------------------------------------------------------------------- */

static const char *init_text(arena *a, const var *v)
{
    switch (v->init) {
    case INIT_UNIFORM: return arena_printf(a, "uniform from %.4g to %.4g", v->init_a, v->init_b);
    case INIT_NORMAL: return arena_printf(a, "normal, mean %.4g, std %.4g", v->init_a, v->init_b);
    case INIT_ORTHOGONAL: return arena_printf(a, "orthogonal, gain %.4g", v->init_a);
    case INIT_CONSTANT: break;
    }
    return arena_printf(a, "%.6g", v->init_a);
}

static int group_of(const graph *gr, int v)
{
    for (int s = 0; s < gr->n_hidden; s++)
        if (gr->hidden[s] == v)
            return gr->group_of[s];
    return -1;
}

static void set_states(const graph *gr, buf *v)
{
    const ir *g = gr->ir;
    arena *a = g->arena;
    values_open(v, "state_row");
    for (int i = 0; i < g->n_vars; i++) {
        const var *x = &g->var[i];
        int k = group_of(gr, i);
        if (x->kind != VAR_HIDDEN && x->kind != VAR_STATE)
            continue;
        const char *field[] = {html(a, x->path), shape_text(a, x->shape),
                               x->kind == VAR_HIDDEN ? "hidden" : "state", init_text(a, x),
                               k >= 0 ? count(a, k) : "", k >= 0 ? arena_printf(a, "g%d", k % 8) : ""};
        values_row(v, 6, field);
    }
    values_close(v);
}

/* Of all traces that are of parameter P.  */
static int64_t trace_bytes(const graph *gr, const report *r, int p)
{
    int64_t sum = 0;
    for (int i = 0; i < gr->n_relations; i++)
        for (int k = 0; k < gr->relation[i].n_params; k++)
            if (gr->relation[i].param[k] == p)
                sum += r->relation[i].trace_bytes;
    return sum;
}

static void set_params(const graph *gr, const report *r, buf *v)
{
    const ir *g = gr->ir;
    arena *a = g->arena;
    values_open(v, "param_row");
    for (int i = 0; i < g->n_vars; i++) {
        const var *x = &g->var[i];
        bool own = x->kind == VAR_PARAM && x->now < gr->n_base; /* else it is the rule's */
        if (x->kind != VAR_PARAM)
            continue;
        const char *field[] = {html(a, x->path), shape_text(a, x->shape), init_text(a, x),
                               own ? graph_fate_text(gr->fate[i]) : "of the learning rule",
                               count(a, trace_bytes(gr, r, i))};
        values_row(v, 5, field);
    }
    values_close(v);
}

static void memory_row(const report *r, const char *name, int64_t bytes, buf *v)
{
    values_row(v, 2, (const char *[]){name, count(r->ir->arena, bytes)});
}

static void set_costs(const report *r, buf *v)
{
    arena *a = r->ir->arena;
    values_open(v, "memory");
    for (int k = 0; k < N_BLOCKS; k++)
        memory_row(r, report_block_name((report_block)k), r->bytes[k], v);
    memory_row(r, "states of a window", r->tape_bytes, v);
    memory_row(r, "stack, at most about", r->stack_bytes, v);
    memory_row(r, "RAM to learn", r->ram_bytes, v);
    values_close(v);
    values_open(v, "function");
    for (int i = 0; i < r->n_functions; i++) {
        const report_function *f = &r->function[i];
        const char *field[] = {html(a, f->name), count(a, f->array_bytes), count(a, f->stack_bytes),
                               f->flops > 0 ? count(a, f->flops) : ""};
        values_row(v, 4, field);
    }
    values_close(v);
}

static void set_rules(const report *r, buf *v)
{
    static const report_block block[] = {BLOCK_PARAMS, BLOCK_STATE, BLOCK_TRACE, BLOCK_GRADIENT, BLOCK_SCRATCH};
    arena *a = r->ir->arena;
    values_open(v, "candidate");
    for (int i = 0; i < r->n_rules; i++) {
        const report_rule *rule = &r->rules[i];
        const report *c = rule->report;
        const char *field[11] = {rule->chosen ? "1" : "0", html(a, rule->rule), rule->refused ? "1" : "0",
                                 html(a, rule->refused ? rule->refused : "")};
        for (int k = 0; k < 5; k++)
            field[4 + k] = c ? count(a, c->bytes[block[k]]) : "";
        field[9] = c ? count(a, c->stack_bytes) : "";
        field[10] = c ? count(a, c->learn_flops) : "";
        values_row(v, 11, field);
    }
    values_close(v);
}

/* --- the spec beside the C -------------------------------------------------------------------------- */

static const char *spec_id(arena *a, loc at)
{
    return at.src ? arena_printf(a, "s%d-%d", at.src->index, at.line) : "";
}

/* The lines of TEXT as the list NAME, with ids that begin with LETTER.  */
static void set_code(const ir *g, const buf *text, const skel_map *map, const char *name, char letter, buf *v)
{
    arena *a = g->arena;
    size_t line = 1;
    values_open(v, name);
    for (const char *p = buf_text(text); *p; p += strcspn(p, "\n") + 1, line++) {
        int from = line <= map->n ? map->line[line - 1].from : 0;
        const char *to = from ? spec_id(a, g->origin[from].at) : "";
        buf said = {0};
        explain_line(g, map, line, true, &said);
        const char *field[] = {arena_printf(a, "%c%zu", letter, line), arena_printf(a, "%zu", line),
                               from ? origin_pass_word(g->origin[from].pass) : "template", to,
                               html(a, buf_text(&said)), html(a, arena_strndup(a, p, strcspn(p, "\n"))),
                               *to ? "1" : "0"};
        values_row(v, 7, field);
        buf_free(&said);
    }
    values_close(v);
}

/* The first line of the C file that comes from line LINE of SRC; 0: none does.  */
static size_t first_line(const ir *g, const skel_map *map, const source *src, int line)
{
    for (size_t i = 0; i < map->n; i++) {
        const loc at = g->origin[map->line[i].from].at;
        if (map->line[i].from && at.src == src && at.line == line)
            return i + 1;
    }
    return 0;
}

static void spec_lines(const ir *g, const skel_map *map, const source *src, buf *v)
{
    arena *a = g->arena;
    values_row(v, 6, (const char *[]){"", "", "", html(a, origin_short_name(src)), "0", "1"});
    size_t at = 0;
    for (int line = 1; at < src->len; line++) {
        loc here = {.src = src, .line = line};
        const char *text = diag_line_text(a, here);
        size_t to = first_line(g, map, src, line);
        const char *field[] = {spec_id(a, here), arena_printf(a, "%d", line), arena_printf(a, "c%zu", to),
                               html(a, text), to ? "1" : "0", "0"};
        values_row(v, 6, field);
        at += strlen(text) + 1;
    }
}

/* All files that lines come from, the model first.  */
static void set_specs(const ir *g, const spec *s, const skel_map *map, buf *v)
{
    const source *last = s->root->at.src;
    values_open(v, "spec_line");
    spec_lines(g, map, last, v);
    for (int more = 1; more;) {
        const source *next = NULL;
        for (int i = 1; i < g->n_origins; i++) {
            const source *src = g->origin[i].at.src;
            if (src && src->index > last->index && (!next || src->index < next->index))
                next = src;
        }
        if (next)
            spec_lines(g, map, next, v);
        more = next != NULL;
        last = next ? next : last;
    }
    values_close(v);
}

/* --- all of it -------------------------------------------------------------------------------------- */

/* The day of SOURCE_DATE_EPOCH; without it a page has no date.  */
static const char *date(arena *a)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    char *end = NULL;
    long long seconds = text ? strtoll(text, &end, 10) : 0;
    time_t t = (time_t)seconds;
    struct tm *day = text && *text && !*end ? gmtime(&t) : NULL;
    return day ? arena_printf(a, "%04d-%02d-%02d", day->tm_year + 1900, day->tm_mon + 1, day->tm_mday) : "";
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *const templates[] = {"page.html.m4"};

void page_files(const char *data_dir, arena *a, diag *d)
{
    diag_read(d, arena_printf(a, "%s/templates/%s", data_dir, templates[0]));
}

skel_status page_write(const options *o, const spec *s, const model_plan *plan, const report *r,
                       const emit_text *text, buf *out)
{
    const ir *g = plan->ir;
    arena *a = g->arena;
    buf v = {0};
    const char *day = date(a);
    values_set(&v, "version", PACKAGE_VERSION);
    values_set(&v, "model", html(a, s->name));
    values_set(&v, "file", html(a, s->base_name));
    values_set(&v, "rule", html(a, r->rule));
    values_set(&v, "real", emit_real_type(g));
    values_set(&v, "batch", count(a, g->batch));
    values_set(&v, "has_date", *day ? "1" : "0");
    values_set(&v, "date", day);
    values_set(&v, "c_file", html(a, arena_printf(a, "%s.c", last_part(o->stem))));
    values_set(&v, "h_file", html(a, last_part(o->h_path)));
    page_graph(plan->graph, &v);
    set_states(plan->graph, &v);
    set_params(plan->graph, r, &v);
    set_costs(r, &v);
    set_rules(r, &v);
    set_specs(g, s, &text->source_map, &v);
    set_code(g, &text->source, &text->source_map, "source_line", 'c', &v);
    set_code(g, &text->header, &text->header_map, "header_line", 'h', &v);
    skel_status status = skel_run(o->m4, o->data_dir, templates, 1, &v, out, NULL, 1, g->diag);
    buf_free(&v);
    return status;
}
