/* SPDX-License-Identifier: Apache-2.0 */
/* In: the compiled graph.  Out: text for people, JSON for programs, a picture for Graphviz.
   Paths and names hold only letters, digits, and _ . # so nothing here needs to be escaped.  */
#include "graph.h"

#include <string.h>

static const char *hidden_path(const graph *gr, int s)
{
    return gr->ir->var[gr->hidden[s]].path;
}

/* NODE for a reader: a name, the parts of a concatenation, or dots.  */
static const char *node_text(const graph *gr, int node)
{
    const ir *g = gr->ir;
    const ir_node *x = &g->node[node];
    const char *text = "";
    if (x->op == OP_var)
        return g->var[x->var].path;
    if (node < gr->n_base && gr->state_at[node] >= 0)
        return arena_printf(g->arena, "%s'", hidden_path(gr, gr->state_at[node]));
    if (x->name || x->op != OP_concat)
        return x->name ? x->name : "...";
    for (int i = 0; i < x->n_args; i++)
        text = arena_printf(g->arena, "%s%s%s", text, i ? ", " : "", node_text(gr, x->arg[i]));
    return arena_printf(g->arena, "[%s]", text);
}

/* LISTED, a column of ops.def, with X for its $.  */
static const char *with_input(arena *a, const char *listed, const char *x)
{
    const char *at = strchr(listed, '$');
    return arena_printf(a, "%.*s%s%s", (int)(at - listed), listed, x, at + 1);
}

static const char *op_name(arena *a, const relation *r)
{
    const char *listed = op_table[r->op].listed;
    return r->op == OP_weight ? "element-wise" : listed ? with_input(a, listed, "x") : op_table[r->op].name;
}

const char *show_use(const graph *gr, const relation *r)
{
    arena *a = gr->ir->arena;
    const char *x = r->x == NO_NODE ? NULL : node_text(gr, r->source);
    const char *listed = op_table[r->op].listed;
    const char *use = !x       ? "element-wise"
                      : listed ? with_input(a, listed, x)
                               : arena_printf(a, "%s(%s, W)", op_table[r->op].name, x);
    return r->bias >= 0 ? arena_printf(a, "%s + %s", use, gr->ir->var[r->bias].path) : use;
}

/* A parameter that no relation is about.  */
static bool is_plain(const graph *gr, int v)
{
    return gr->ir->var[v].kind == VAR_PARAM && gr->fate[v] != FATE_RELATION
           && gr->fate[v] != FATE_MIXED;
}

/* --- text ----------------------------------------------------------------------------------------- */

static void text_groups(const graph *gr, buf *out)
{
    buf_puts(out, "The hidden groups are:\n\n");
    for (int k = 0; k < gr->n_groups; k++) {
        const hidden_group *group = &gr->group[k];
        buf_printf(out, "   Group %d %s:", k, shape_text(gr->ir->arena, group->varshape));
        for (int s = 0; s < group->n_states; s++)
            buf_printf(out, "%s %s", s ? "," : "", hidden_path(gr, group->state[s]));
        buf_puts(out, "\n");
    }
    if (gr->n_groups == 0)
        buf_puts(out, "   none\n");
}

static void text_relation(const graph *gr, const relation *r, int i, buf *out)
{
    ir *g = gr->ir;
    buf_printf(out, "   Weight %d: %s %s, %s", i, r->name,
               shape_text(g->arena, g->var[r->param[0]].shape), op_name(g->arena, r));
    if (r->bias >= 0)
        buf_printf(out, " + %s", g->var[r->bias].path);
    if (r->turns.rank > 0)
        buf_printf(out, ", %lld turns", (long long)shape_numel(r->turns));
    buf_puts(out, r->n_groups == 1 ? ", group" : ", groups");
    for (int k = 0; k < r->n_groups; k++)
        buf_printf(out, "%s %d", k ? "," : "", r->group[k]);
    buf_puts(out, r->mixed ? " (and partly through another weight op)\n" : "\n");
}

void show_text(const graph *gr, buf *out)
{
    const ir *g = gr->ir;
    int n = 0;
    text_groups(gr, out);
    buf_puts(out, "\nThe dynamic states (carried, not differentiated) are:\n\n");
    for (int v = 0; v < g->n_vars; v++)
        if (g->var[v].kind == VAR_STATE)
            buf_printf(out, "   State %d: %s %s\n", n++, g->var[v].path,
                       shape_text(g->arena, g->var[v].shape));
    buf_puts(out, n ? "" : "   none\n");
    buf_puts(out, "\nThe weights associated with hidden states are:\n\n");
    for (int r = 0; r < gr->n_relations; r++)
        text_relation(gr, &gr->relation[r], r, out);
    buf_puts(out, gr->n_relations ? "" : "   none\n");
    buf_puts(out, "\nThe weights without an eligibility trace are:\n\n");
    n = 0;
    for (int v = 0; v < g->n_vars; v++)
        if (is_plain(gr, v))
            buf_printf(out, "   Weight %d: %s %s, %s\n", n++, g->var[v].path,
                       shape_text(g->arena, g->var[v].shape), graph_fate_text(gr->fate[v]));
    buf_puts(out, n ? "" : "   none\n");
}

/* --- JSON ----------------------------------------------------------------------------------------- */

static const char *comma(int i)
{
    return i ? "," : "";
}

static void json_shape(const graph *gr, const char *key, shape s, buf *out)
{
    buf_printf(out, "\"%s\": %s", key, shape_text(gr->ir->arena, s));
}

static void json_groups(const graph *gr, buf *out)
{
    buf_puts(out, "  \"groups\": [");
    for (int k = 0; k < gr->n_groups; k++) {
        const hidden_group *group = &gr->group[k];
        buf_printf(out, "%s\n    {\"index\": %d, ", comma(k), k);
        json_shape(gr, "shape", group->varshape, out);
        buf_puts(out, ", \"hidden\": [");
        for (int s = 0; s < group->n_states; s++)
            buf_printf(out, "%s\"%s\"", s ? ", " : "", hidden_path(gr, group->state[s]));
        buf_puts(out, "]}");
    }
    buf_puts(out, "\n  ],\n");
}

static void json_relation(const graph *gr, const relation *r, buf *out)
{
    const ir *g = gr->ir;
    buf_printf(out, "\n    {\"name\": \"%s\", \"parameter\": \"%s\", \"op\": \"%s\", ", r->name,
               g->var[r->param[0]].path, op_name(g->arena, r));
    json_shape(gr, "shape", g->var[r->param[0]].shape, out);
    if (r->x != NO_NODE) {
        buf_puts(out, ", ");
        json_shape(gr, "x", g->node[r->source].shape, out);
    }
    buf_puts(out, ", ");
    json_shape(gr, "y", g->node[r->y].shape, out);
    if (r->bias >= 0)
        buf_printf(out, ", \"bias\": \"%s\"", g->var[r->bias].path);
    if (r->turns.rank > 0)
        buf_printf(out, ", \"turns\": %lld", (long long)shape_numel(r->turns));
    buf_puts(out, ", \"groups\": [");
    for (int k = 0; k < r->n_groups; k++)
        buf_printf(out, "%s%d", k ? ", " : "", r->group[k]);
    buf_puts(out, "], \"hidden\": [");
    for (int k = 0; k < r->n_reached; k++)
        buf_printf(out, "%s\"%s\"", k ? ", " : "", hidden_path(gr, r->reached[k]));
    buf_printf(out, "], \"mixed\": %s}", r->mixed ? "true" : "false");
}

void show_json(const graph *gr, buf *out)
{
    const ir *g = gr->ir;
    int n = 0;
    buf_printf(out, "{\n  \"model\": \"%s\",\n", g->name);
    json_groups(gr, out);
    buf_puts(out, "  \"states\": [");
    for (int v = 0; v < g->n_vars; v++)
        if (g->var[v].kind == VAR_STATE) {
            buf_printf(out, "%s\n    {\"path\": \"%s\", ", comma(n++), g->var[v].path);
            json_shape(gr, "shape", g->var[v].shape, out);
            buf_puts(out, "}");
        }
    buf_puts(out, "\n  ],\n  \"relations\": [");
    for (int r = 0; r < gr->n_relations; r++) {
        buf_puts(out, comma(r));
        json_relation(gr, &gr->relation[r], out);
    }
    buf_puts(out, "\n  ],\n  \"plain\": [");
    n = 0;
    for (int v = 0; v < g->n_vars; v++)
        if (is_plain(gr, v)) {
            buf_printf(out, "%s\n    {\"path\": \"%s\", ", comma(n++), g->var[v].path);
            json_shape(gr, "shape", g->var[v].shape, out);
            buf_printf(out, ", \"why\": \"%s\"}", graph_fate_text(gr->fate[v]));
        }
    buf_puts(out, "\n  ]\n}\n");
}

/* --- Graphviz ------------------------------------------------------------------------------------- */

/* A group: its states in a frame, and an edge D from the old state to the new.  */
static void gv_group(const graph *gr, int k, buf *out)
{
    const hidden_group *group = &gr->group[k];
    buf_printf(out, "  subgraph cluster_%d {\n"
                    "    label=\"hidden group %d  %s\"; style=\"rounded,filled\";\n"
                    "    color=\"#7a9cc6\"; fillcolor=\"#eaf1fa\";\n",
               k, k, shape_text(gr->ir->arena, group->varshape));
    buf_puts(out, "    {rank=same;\n");
    for (int s = 0; s < group->n_states; s++)
        buf_printf(out, "    s%d [label=\"%s\", shape=ellipse, fillcolor=white];\n",
                   group->state[s], hidden_path(gr, group->state[s]));
    buf_puts(out, "    }\n  }\n");
    for (int a = 0; a < group->n_states; a++)
        for (int b = 0; group->D && b < group->n_states; b++)
            if (!ir_is_zero(gr->ir, group->D[a * group->n_states + b]))
                buf_printf(out, "  s%d -> s%d [label=\"D\", color=\"#7a9cc6\", "
                                "fontcolor=\"#40628c\", penwidth=1.5];\n",
                           group->state[b], group->state[a]);
}

/* A use of a parameter, with its bias, and an edge df to every state that it reaches.  */
static void gv_relation(const graph *gr, const relation *r, int i, buf *out)
{
    const ir *g = gr->ir;
    buf_printf(out, "  w%d [fillcolor=\"#fdf3d8\", label=\"%s  %s\\n%s\"];\n", i, r->name,
               shape_text(g->arena, g->var[r->param[0]].shape), show_use(gr, r));
    for (int k = 0; k < r->n_reached; k++)
        buf_printf(out, "  w%d -> s%d [label=\"df\"%s];\n", i, r->reached[k], r->mixed ? ", style=dashed" : "");
}

/* The parameters without a trace that share the fate F, in one frame.  */
static void gv_plain(const graph *gr, fate f, buf *out)
{
    const ir *g = gr->ir;
    int n = 0;
    for (int v = 0; v < g->n_vars; v++)
        if (is_plain(gr, v) && gr->fate[v] == f) {
            if (n++ == 0)
                buf_printf(out, "  p%d [style=\"rounded,dashed\", label=\"no trace: %s\\n", (int)f,
                           graph_fate_text(f));
            buf_printf(out, "%s  %s\\n", g->var[v].path, shape_text(g->arena, g->var[v].shape));
        }
    buf_puts(out, n ? "\"];\n" : "");
}

void show_gv(const graph *gr, buf *out)
{
    const ir *g = gr->ir;
    buf_printf(out, "digraph %s {\n"
                    "  rankdir=LR; ranksep=0.6; nodesep=0.2;\n"
                    "  fontname=\"sans-serif\"; fontsize=11;\n"
                    "  node [fontname=\"sans-serif\", fontsize=11, shape=box, fillcolor=white, "
                    "style=\"rounded,filled\"];\n"
                    "  edge [fontname=\"sans-serif\", fontsize=10, arrowsize=0.7];\n",
               g->name);
    for (int f = FATE_CONSTANT; f >= 0; f--)
        gv_plain(gr, (fate)f, out);
    for (int v = 0; v < g->n_vars; v++)
        if (g->var[v].kind == VAR_STATE)
            buf_printf(out, "  v%d [shape=ellipse, style=dashed, label=\"%s  %s\\nstate\"];\n", v,
                       g->var[v].path, shape_text(g->arena, g->var[v].shape));
    for (int k = 0; k < gr->n_groups; k++)
        gv_group(gr, k, out);
    for (int r = 0; r < gr->n_relations; r++)
        if (!gr->relation[r].is_bias)
            gv_relation(gr, &gr->relation[r], r, out);
    buf_puts(out, "}\n");
}
