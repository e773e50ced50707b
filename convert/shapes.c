/* SPDX-License-Identifier: Apache-2.0 */
/* In: a network with its delays.  Out: the shape of what each node reads and gives, in NIR's layout.  */
#include "net.h"

#include <string.h>

static bool misfit(net *n, const net_node *node, const char *why)
{
    diag_error(n->diag, node->at, "E0714", "'%s' (%s) %s", node->name, node->type->name, why);
    return false;
}

/* Where K numbers NAME of NODE are; NULL: its type has none.  */
static const int64_t *numbers(const net_node *node, const char *name)
{
    for (int i = 0; node->type->number[i].name; i++)
        if (strcmp(node->type->number[i].name, name) == 0)
            return node->number[i];
    return NULL;
}

/* Elements that a window of REACH finds places for.  */
static bool places(int64_t n, int64_t pad, int64_t reach, int64_t stride, int64_t *res)
{
    *res = n + 2 * pad < reach ? 0 : (n + 2 * pad - reach) / stride + 1;
    return *res > 0;
}

static bool fit_conv(net *n, net_node *node)
{
    const net_shape *w = &node->array[0].shape;
    const int64_t *stride = numbers(node, "stride"), *pad = numbers(node, "padding");
    const int64_t *dilation = numbers(node, "dilation"), groups = numbers(node, "groups")[0];
    if (w->rank != node->type->axes + 1)
        return misfit(n, node, "has a weight with another number of axes");
    if (node->in.rank != node->type->axes || node->in.dim[0] != w->dim[1] * groups
        || w->dim[0] % groups != 0)
        return misfit(n, node, arena_printf(n->arena, "has the weight %s and reads %s",
                                            net_shape_text(n->arena, w),
                                            net_shape_text(n->arena, &node->in)));
    node->out = node->in;
    node->out.dim[0] = w->dim[0];
    for (int k = 0; stride && k + 1 < node->in.rank; k++)
        if (!places(node->in.dim[k + 1], pad[k], dilation[k] * (w->dim[k + 2] - 1) + 1, stride[k],
                    &node->out.dim[k + 1]))
            return misfit(n, node, "has a kernel that is larger than what it reads");
    return true;
}

static bool fit_pool(net *n, net_node *node)
{
    const int64_t *size = numbers(node, "kernel_size"), *stride = numbers(node, "stride");
    if (node->in.rank != 3)
        return misfit(n, node, "reads something that has not three axes");
    node->out = node->in;
    for (int k = 0; k < 2; k++)
        if (!places(node->in.dim[k + 1], 0, size[k], stride[k], &node->out.dim[k + 1]))
            return misfit(n, node, "has a window that is larger than what it reads");
    return true;
}

/* All axes become one.  */
static bool fit_flatten(net *n, net_node *node)
{
    const int64_t first = node->number[0][0], last = node->number[1][0], rank = node->in.rank;
    if (rank != 2 && rank != 3)
        return misfit(n, node, "reads something that has not two or three axes");
    if ((first != 0 && first != -rank) || (last != -1 && last != rank - 1))
        return misfit(n, node, "leaves axes as they are: only all of them can become one");
    node->type = rank == 3 ? net_type_of("Flatten") : net_type_of("Flatten") + 1;
    node->out = (net_shape){1, {net_count(&node->in)}};
    return true;
}

static bool fit_matrix(net *n, net_node *node)
{
    const net_shape *w = &node->array[0].shape;
    if (w->rank != 2)
        return misfit(n, node, "has a weight that is no matrix");
    if (node->in.rank != 1 || node->in.dim[0] != w->dim[1])
        return misfit(n, node, arena_printf(n->arena, "has the weight %s and reads %s",
                                            net_shape_text(n->arena, w),
                                            net_shape_text(n->arena, &node->in)));
    node->out = (net_shape){1, {w->dim[0]}};
    return true;
}

static bool fit_units(net *n, net_node *node)
{
    for (int i = 0; node->type->array[i].name; i++)
        if (!net_same(&node->array[i].shape, &node->in))
            return misfit(n, node, arena_printf(n->arena, "has %s of the shape %s and reads %s",
                                                node->type->array[i].name,
                                                net_shape_text(n->arena, &node->array[i].shape),
                                                net_shape_text(n->arena, &node->in)));
    node->out = node->in;
    return true;
}

static bool bias_fits(net *n, const net_node *node)
{
    for (int i = 0; node->type->array[i].name; i++) {
        const net_shape *s = &node->array[i].shape;
        if (node->type->array[i].layout == LAYOUT_AS_IS
            && (s->rank != 1 || s->dim[0] != node->array[0].shape.dim[0]))
            return misfit(n, node, "has a bias that does not belong to its weight");
    }
    return true;
}

/* The shape that NODE makes of node->in, into node->out; what its arrays and numbers say has to fit.  False
   after an error.  */
static bool fit(net *n, net_node *node)
{
    switch (node->type->kind) {
    case NET_CONV: return bias_fits(n, node) && fit_conv(n, node);
    case NET_MATRIX: return bias_fits(n, node) && fit_matrix(n, node);
    case NET_POOL: return fit_pool(n, node);
    case NET_FLATTEN: return fit_flatten(n, node);
    case NET_UNITS: return fit_units(n, node);
    case NET_INPUT:
    case NET_OUTPUT:
    case NET_PASS: break;
    }
    node->out = node->in;
    return true;
}

/* Every edge brings what its end reads.  */
static bool edges_fit(net *n)
{
    for (size_t e = 0; e < n->n_edges; e++) {
        const net_node *from = &n->node[n->edge[e].from], *to = &n->node[n->edge[e].to];
        if (net_same(&to->in, &from->out))
            continue;
        diag_error(n->diag, n->edge[e].at, "E0715", "'%s' reads %s, and '%s' gives %s", to->name,
                   net_shape_text(n->arena, &to->in), from->name, net_shape_text(n->arena, &from->out));
        return false;
    }
    return true;
}

static bool all_read(net *n)
{
    char *reads = ARENA_ARRAY(n->arena, char, n->n_nodes + 1);
    for (size_t e = 0; e < n->n_edges; e++)
        reads[n->edge[e].to] = 1;
    for (size_t i = 0; i < n->n_nodes; i++)
        if (!reads[i] != (n->node[i].type->kind == NET_INPUT))
            return misfit(n, &n->node[i], reads[i] ? "is an input and reads something" : "reads nothing");
    return true;
}

/* What comes into NODE is known, or (units that no input reaches) is as its arrays say.  */
static bool settle(net *n, net_node *node, net_load *load, void *context)
{
    if (load && !load(n, node, context))
        return false;
    if (node->in.rank == 0 && node->type->kind == NET_UNITS)
        node->in = node->array[0].shape;
    if (node->in.rank == 0)
        return misfit(n, node, "is reached by no input");
    return fit(n, node)
           && (net_count(&node->out) <= NET_ELEMENTS_MAX || misfit(n, node, "gives too much"));
}

/* Along all edges, also delayed ones, from what is known.  */
static bool spread(net *n, net_load *load, void *context)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t e = 0; e < n->n_edges; e++) {
            const net_node *from = &n->node[n->edge[e].from];
            net_node *to = &n->node[n->edge[e].to];
            if (from->out.rank == 0 || to->out.rank > 0)
                continue;
            if (to->in.rank == 0)
                to->in = from->out;
            if (!settle(n, to, load, context))
                return false;
            changed = true;
        }
    }
    return true;
}

bool net_shapes(net *n, net_load *load, void *context)
{
    if (!all_read(n))
        return false;
    for (size_t i = 0; i < n->n_nodes; i++)
        if (n->node[i].type->kind == NET_INPUT)
            n->node[i].out = n->node[i].in;
    for (int round = 0; round < 2; round++) {
        if (!spread(n, load, context))
            return false;
        for (size_t i = 0; i < n->n_nodes; i++) {
            const bool units = n->node[i].type->kind == NET_UNITS;
            if (n->node[i].out.rank == 0 && (units || round == 1)
                && !settle(n, &n->node[i], load, context))
                return false;
        }
    }
    return edges_fit(n);
}
