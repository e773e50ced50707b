/* SPDX-License-Identifier: Apache-2.0 */
/* In: a network with delays and shapes.  Out: the spec that says the same, one module a node, and its
   parameters by their paths.  Neurons are flat, convolutions have their channels last.  */
#include "convert.h"

#include "quote.h"
#include "spec.h"

#include <string.h>

/* Does NODE give its channels along an axis of their own?  */
static bool spatial(const net_node *node)
{
    return node->out.rank > 1 && node->type->kind != NET_UNITS;
}

static bool wants_axes(const net_node *node)
{
    return node->type->axes > 0 || node->type->kind == NET_OUTPUT;
}

/* [c, h, w] as "[h, w, c]".  */
static const char *last_text(arena *a, const net_shape *s)
{
    net_shape turned = {s->rank, {0}};
    for (int k = 0; k < s->rank; k++)
        turned.dim[k] = s->dim[(k + 1) % s->rank];
    return net_shape_text(a, &turned);
}

const char *spec_term(arena *a, const net *n, const net_edge *e)
{
    const net_node *from = &n->node[e->from], *to = &n->node[e->to];
    const char *name = name_to_ours(a, from->name);
    if (e->delayed)
        name = arena_printf(a, "%s.%s", name, from->type->state);
    if (spatial(from) && !wants_axes(to))
        return arena_printf(a, "flatten(%s)", name);
    if (!spatial(from) && from->out.rank > 1 && wants_axes(to))
        return arena_printf(a, "reshape(%s, %s)", name, last_text(a, &from->out));
    return name;
}

/* What NODE reads: its edges add up.  */
static const char *sources(arena *a, const net *n, int node)
{
    const char *text = "";
    for (size_t e = 0; e < n->n_edges; e++)
        if (n->edge[e].to == node)
            text = arena_printf(a, "%s%s%s", text, *text ? " + " : "", spec_term(a, n, &n->edge[e]));
    return strpbrk(text, " ,[") ? arena_printf(a, "\"%s\"", text) : text;
}

static void write_numbers(const net_node *node, buf *text)
{
    static const char *const axis[] = {"_h", "_w"};
    for (int i = 0; node->type->number[i].name; i++)
        for (int k = 0; k < node->type->number[i].count; k++)
            buf_printf(text, ", %s%s: %lld", node->type->number[i].name,
                       node->type->number[i].count > 1 ? axis[k] : "", (long long)node->number[i][k]);
}

static void write_module(arena *a, const net *n, int i, buf *text)
{
    const net_node *node = &n->node[i];
    const net_shape *w = &node->array[0].shape;
    buf_printf(text, "  %s: {cell: %s, in: %s", name_to_ours(a, node->name), node->type->cell,
               sources(a, n, i));
    if (node->type->array[0].name)
        buf_printf(text, ", size: %lld",
                   (long long)(node->type->kind == NET_UNITS ? net_count(&node->out) : w->dim[0]));
    if (node->type->kind == NET_CONV && w->rank == 3)
        buf_printf(text, ", kernel: %lld", (long long)w->dim[2]);
    else if (node->type->kind == NET_CONV)
        buf_printf(text, ", kernel_h: %lld, kernel_w: %lld", (long long)w->dim[2],
                   (long long)w->dim[3]);
    write_numbers(node, text);
    buf_puts(text, node->type->timed ? ", dt: dt}\n" : "}\n");
}

static void write_inputs(arena *a, const net *n, buf *text)
{
    buf_puts(text, "inputs:\n");
    for (size_t i = 0; i < n->n_nodes; i++)
        if (n->node[i].type->kind == NET_INPUT)
            buf_printf(text, "  %s: %s\n", name_to_ours(a, n->node[i].name),
                       last_text(a, &n->node[i].out));
}

static void write_outputs(arena *a, const net *n, buf *text)
{
    const char *head = "outputs:\n";
    for (size_t i = 0; i < n->n_nodes; i++)
        if (n->node[i].type->kind == NET_OUTPUT) {
            buf_printf(text, "%s  %s: %s\n", head, name_to_ours(a, n->node[i].name),
                       sources(a, n, (int)i));
            head = "";
        }
}

static void write_modules(arena *a, const net *n, buf *text)
{
    const int *order = net_order(n);
    const char *head = "modules:\n";
    for (size_t k = 0; k < n->n_nodes; k++)
        if (n->node[order[k]].type->cell) {
            buf_puts(text, head);
            write_module(a, n, order[k], text);
            head = "";
        }
}

static bool any_timed(const net *n)
{
    for (size_t i = 0; i < n->n_nodes; i++)
        if (n->node[i].type->timed)
            return true;
    return false;
}

static void gather(const net *n, weights *w)
{
    for (size_t i = 0; i < n->n_nodes; i++)
        for (int k = 0; n->node[i].type->array[k].name; k++) {
            const net_array_row *row = &n->node[i].type->array[k];
            const net_array *array = &n->node[i].array[k];
            const net_shape shape = layout_shape(row->layout, &array->shape);
            const char *path = arena_printf(w->arena, "%s.%s", name_to_ours(w->arena, n->node[i].name),
                                            row->param);
            weights_add(w, path, &shape,
                        layout_turn(w->arena, row->layout, &array->shape, array->value, true));
        }
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A name that no C or language knows would be taken for something else.  */
static bool names_fit(const net *n)
{
    for (size_t i = 0; i < n->n_nodes; i++) {
        const char *name = name_to_ours(n->arena, n->node[i].name);
        if (!spec_name_fault(name) && strcmp(name, "dt") != 0)
            continue;
        diag_error(n->diag, (loc){0}, "E0716", "the node '%s' cannot have this name in a spec",
                   n->node[i].name);
        diag_note(n->diag, (loc){0}, "as '%s' it is too long, or means something else there", name);
        return false;
    }
    return true;
}

int spec_write(const net *n, const convert_options *o, outputs *out)
{
    arena *a = n->arena;
    const int bits = o->bits ? o->bits : n->single ? 32 : 64;
    buf text = {NULL, 0, 0}, file = {NULL, 0, 0};
    weights w = {.arena = a};
    if (!names_fit(n))
        return 1;
    buf_puts(&text, "# From ");
    quote_comment(&text, file_name(o->in));
    buf_puts(&text, " by etrace-convert; its weights are in ");
    quote_comment(&text, file_name(o->weights));
    buf_printf(&text, ".\netrace: 1\nmodel: %s\ndtype: float%d\n", o->model, bits);
    if (any_timed(n))
        buf_printf(&text, "consts: {dt: %s}\n", number_text(a, o->dt));
    write_inputs(a, n, &text);
    write_modules(a, n, &text);
    write_outputs(a, n, &text);
    gather(n, &w);
    outputs_add(out, o->out, &text);
    if (w.n == 0)
        return 0;
    bool good = weights_write(&w, bits, &file, n->diag);
    outputs_add(out, o->weights, &file);
    return good ? 0 : EXIT_FILES;
}
