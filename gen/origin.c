/* SPDX-License-Identifier: Apache-2.0 */
/* In: the equation that is being lowered or differentiated, and the pass that does it.  Out: a number for both, which
   every node carries.  Afterwards number 0 is nowhere, and one place has one number a pass.  */
#include "origin.h"

#include <string.h>

static const struct {
    const char *word, *text;
} passes[N_PASSES] = {
    [PASS_STEP] = {"step", "forward step"},
    [PASS_JACOBIAN] = {"jacobian", "Jacobian"},
    [PASS_SIGNAL] = {"signal", "learning signal"},
    [PASS_TRACE] = {"trace", "eligibility trace"},
    [PASS_GRADIENT] = {"gradient", "gradient"},
    [PASS_DECLARATION] = {"declaration", "declaration"},
    [PASS_INIT] = {"init", "initial value"},
    [PASS_CHECK] = {"check", "check of what is read"},
    [PASS_TABLE] = {"table", "table"},
    [PASS_SOURCE] = {"source", "runtime"},
};

const char *origin_pass_text(origin_pass pass)
{
    return passes[pass].text;
}

const char *origin_pass_word(origin_pass pass)
{
    return passes[pass].word;
}

static int push(ir *g, ir_origin o)
{
    if (g->n_origins == 0) /* nowhere */
        ARENA_PUSH(g->arena, g->origin, g->n_origins, g->cap_origins, ((ir_origin){.text = "", .module = ""}));
    ARENA_PUSH(g->arena, g->origin, g->n_origins, g->cap_origins, o);
    return g->n_origins - 1;
}

enum { BUCKETS = 4096 };

/* The bucket of places in the line of AT.  */
static int *bucket_of(ir *g, loc at)
{
    const unsigned file = at.src ? (unsigned)at.src->index : 0;
    if (!g->origin_bucket)
        g->origin_bucket = ARENA_ARRAY(g->arena, int, BUCKETS);
    return &g->origin_bucket[((unsigned)at.line + file * 31) % BUCKETS];
}

static bool is_place(const ir_origin *o, loc at, const char *text, const char *module)
{
    return o->at.src == at.src && o->at.line == at.line && strcmp(o->text, text) == 0
           && strcmp(o->module, module) == 0;
}

int origin_place(ir *g, loc at, const char *text, const char *module, origin_pass pass)
{
    int *bucket = bucket_of(g, at);
    for (int i = *bucket; i; i = g->origin[i].next)
        if (is_place(&g->origin[i], at, text, module))
            return origin_by(g, i, pass);
    int n = push(g, (ir_origin){.pass = pass, .at = at, .text = text, .module = module, .next = *bucket});
    *bucket = n;
    g->origin[n].place = n;
    g->origin[n].of_pass[pass] = n;
    return n;
}

int origin_by(ir *g, int from, origin_pass pass)
{
    if (from == 0)
        return origin_place(g, (loc){0}, "", "", pass);
    int place = g->origin[from].place, known = g->origin[place].of_pass[pass];
    if (known)
        return known;
    ir_origin o = g->origin[place];
    o.pass = pass;
    int n = push(g, o);
    g->origin[place].of_pass[pass] = n;
    return n;
}

/* The line of the declaration of V, without the white space around it.  */
static const char *declared(const ir *g, const var *v)
{
    const char *text = diag_line_text(g->arena, v->at);
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    return arena_strndup(g->arena, text, n);
}

int origin_of_var(ir *g, const var *v, origin_pass pass)
{
    const char *dot = strrchr(v->path, '.');
    if (v->at.src)
        return origin_place(g, v->at, declared(g, v),
                            dot ? arena_strndup(g->arena, v->path, (size_t)(dot - v->path) + 1) : "", pass);
    if (v->next != NO_NODE && g->node[v->next].from)
        return origin_by(g, g->node[v->next].from, PASS_TRACE);
    return origin_place(g, (loc){0}, v->note ? v->note : v->path, "",
                        v->kind == VAR_TRACE ? PASS_TRACE : PASS_GRADIENT);
}

origin_pass origin_enter(ir *g, origin_pass pass)
{
    origin_pass before = g->pass;
    g->pass = pass;
    return before;
}

int origin_begin(ir *g, int from)
{
    int before = g->here;
    g->here = from;
    return before;
}

void origin_as(ir *g, int n)
{
    g->here = g->node[n].from;
    g->pass = g->origin[g->here].pass;
}

/* Leaves are no one's: they have the place of who asked for them first.  */
static bool is_leaf(const ir_node *v)
{
    return v->n_args == 0;
}

int origin_of_node(ir *g, const ir_node *n)
{
    int from = g->here, last = NO_NODE;
    for (int i = 0; from == 0 && i < n->n_args; i++)
        if (!is_leaf(&g->node[n->arg[i]]) && n->arg[i] > last)
            last = n->arg[i];
    if (last != NO_NODE)
        from = g->node[last].from;
    from = from && g->origin[from].at.src ? from : g->otherwise;
    return origin_by(g, from, g->pass);
}

void origin_mark(int from, buf *out)
{
    if (from > 0)
        buf_printf(out, "@{%d@}", from);
}

const char *origin_short_name(const source *src)
{
    const char *slash = strrchr(src->name, '/');
    return slash ? slash + 1 : src->name;
}

void origin_say(const ir *g, int from, bool short_names, buf *out)
{
    const ir_origin *o = &g->origin[from];
    buf_puts(out, passes[o->pass].text);
    if (o->at.src) {
        buf_puts(out, ", from ");
        if (short_names)
            buf_printf(out, "%s:%d", origin_short_name(o->at.src), o->at.line);
        else
            diag_put_place(out, g->diag, o->at);
    }
    if (*o->module)
        buf_printf(out, " (%.*s)", (int)strlen(o->module) - 1, o->module);
    if (*o->text)
        buf_puts(out, ": ");
    diag_put_safe(out, o->text);
}
