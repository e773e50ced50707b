/* SPDX-License-Identifier: Apache-2.0 */
/* In: an OP_repeat of a loop over positions.  Out: its own loop inside of that: a scalar for each
   carry, and one for each value of an iteration.  Afterwards every output that the surrounding loop
   wants is in a scalar.  */
#include "cgen_part.h"
#include "region.h"

#include <string.h>

static bool same_loop(const ir *g, int a, int b)
{
    const ir_node *v = &g->node[a], *w = &g->node[b];
    return w->op == OP_repeat && v->pattern == w->pattern
           && memcmp(v->arg, w->arg, sizeof *v->arg * (size_t)v->n_args) == 0;
}

bool cgen_leads(const ir *g, const int *item, int n_items, int n)
{
    for (int i = 0; i < n_items && item[i] != n; i++)
        if (same_loop(g, n, item[i]))
            return false;
    return true;
}

static const char *type_of(const cgen *c, int n)
{
    return c->ir->node[n].type == TYPE_REAL ? cgen_real(c) : "int";
}

static const char *scalar_name(cgen *c, int n)
{
    const char *name = c->ir->node[n].name;
    return cgen_free_name(c, name ? name : "v");
}

/* The arguments, in scalars.  One that the wanted outputs do without is named, so that no compiler
   warns of it.  */
static void begin(cgen *c, const ir_node *v, const bool *wanted, const bool *body,
                  const subscript *at)
{
    const ir_region *r = &c->ir->region[v->pattern];
    const char **name = ARENA_ARRAY(c->arena, const char *, r->n_args);
    int prec;
    for (int k = 0; k < r->n_reads; k++) {
        int b = r->bound[k];
        const char *value = cgen_value(c, v->arg[k], at, &prec);
        bool carried = k < r->n_carry;
        if (c->ir->node[b].type == TYPE_BOOL) /* in an array it is a real */
            value = arena_printf(c->arena, prec > 6 ? "(%s) != 0" : "%s != 0", value);
        if (carried ? wanted[k] : body[b]) {
            name[k] = scalar_name(c, b);
            cgen_line(c, arena_printf(c->arena, "%s%s %s = %s;", carried ? "" : "const ",
                                      type_of(c, b), name[k], value));
        } else if (c->ir->node[v->arg[k]].op != OP_const && c->ir->node[v->arg[k]].op != OP_var) {
            cgen_line(c, arena_printf(c->arena, "(void)(%s);", value));
        }
    }
    for (int k = 0; k < r->n_args; k++)
        c->scalar[r->bound[k]] = name[k];
}

/* The body's values, in the order of the nodes.  */
static void body_values(cgen *c, const bool *body, const subscript *at)
{
    const ir *g = c->ir;
    int *item = ARENA_ARRAY(c->arena, int, g->n_nodes), n = 0, prec;
    for (int m = 0; m < g->n_nodes; m++)
        if (body[m] && g->node[m].op != OP_const && g->node[m].op != OP_bound)
            item[n++] = m;
    for (int i = 0; i < n; i++) {
        int m = item[i];
        if (g->node[m].op == OP_repeat) {
            if (cgen_leads(g, item, n, m))
                cgen_region(c, item, n, m, at);
            c->scalar[m] = c->carried[m];
            continue;
        }
        const char *text = cgen_expression(c, m, at, &prec);
        c->scalar[m] = text;
        if (strcmp(op_table[g->node[m].op].form, "$1") == 0) /* the same value */
            continue;
        c->scalar[m] = scalar_name(c, m);
        cgen_line(c,
                  arena_printf(c->arena, "const %s %s = %s;", type_of(c, m), c->scalar[m], text));
    }
}

/* All carries change at once: one that takes another's old value needs it kept.  */
static void advance(cgen *c, const ir_region *r, const bool *wanted, const subscript *at)
{
    const char **value = ARENA_ARRAY(c->arena, const char *, r->n_carry);
    int prec;
    for (int k = 0; k < r->n_carry; k++) {
        if (!wanted[k] || r->next[k] == r->bound[k])
            continue;
        value[k] = cgen_value(c, r->next[k], at, &prec);
        if (c->ir->node[r->next[k]].op == OP_bound) {
            const char *kept = cgen_free_name(c, "kept");
            cgen_line(c, arena_printf(c->arena, "const %s %s = %s;", cgen_real(c), kept, value[k]));
            value[k] = kept;
        }
    }
    for (int k = 0; k < r->n_carry; k++)
        if (value[k])
            cgen_line(c, arena_printf(c->arena, "%s = %s;", c->scalar[r->bound[k]], value[k]));
}

void cgen_region(cgen *c, const int *item, int n_items, int n, const subscript *at)
{
    const ir *g = c->ir;
    const ir_node *v = &g->node[n];
    const ir_region *r = &g->region[v->pattern];
    bool *wanted = ARENA_ARRAY(c->arena, bool, r->n_carry);
    for (int i = 0; i < n_items; i++)
        if (same_loop(g, n, item[i]))
            wanted[g->node[item[i]].start] = true;
    const bool *body = region_body(g, r, wanted, false);
    begin(c, v, wanted, body, at);
    cgen_for(c, cgen_free_name(c, "turn"), r->count);
    body_values(c, body, at);
    advance(c, r, wanted, at);
    cgen_end(c);
    for (int i = 0; i < n_items; i++)
        if (same_loop(g, n, item[i]))
            c->carried[item[i]] = c->scalar[r->bound[g->node[item[i]].start]];
}
