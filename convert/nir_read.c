/* SPDX-License-Identifier: Apache-2.0 */
/* In: a .nir file: /node is a graph, with `nodes` and `edges`; each node has a `type` and arrays.
   Out: a network, its graphs in the graph written out, its nodes by name.  */
#include "convert.h"
#include "hdf5_file.h"

#include <string.h>

enum { NESTED_MAX = 16 };

static bool fault(h5_reader *r, const char *where, const char *why)
{
    diag_error(r->n->diag, (loc){0}, "E0705", "'%s' %s", where, why);
    return false;
}

static const char *read_word(h5_reader *r, hid_t group, const char *name, const char *where)
{
    size_t n = 0;
    const char **text = h5_texts(r, group, name, where, &n);
    if (text && n != 1)
        fault(r, where, arena_printf(r->n->arena, "has a '%s' that is not one word", name));
    return text && n == 1 ? text[0] : NULL;
}

static bool read_shape(h5_reader *r, hid_t group, const char *name, const char *where, net_shape *res)
{
    int rank;
    int64_t dim[H5S_MAX_RANK];
    const double *value = h5_numbers(r, group, name, where, &rank, dim);
    if (!value)
        return false;
    res->rank = rank == 1 && dim[0] <= 3 ? (int)dim[0] : 0;
    for (int k = 0; k < res->rank; k++) {
        if (!(value[k] >= 1 && value[k] <= (double)NET_ELEMENTS_MAX))
            return fault(r, where, "has a shape with an axis that cannot be");
        res->dim[k] = (int64_t)value[k];
    }
    return res->rank > 0 || fault(r, where, "has not one, two or three axes");
}

static bool read_array(h5_reader *r, hid_t group, const char *name, const char *where, net_array *res)
{
    int64_t dim[H5S_MAX_RANK];
    int rank;
    res->value = h5_numbers(r, group, name, where, &rank, dim);
    if (!res->value)
        return false;
    if (rank < 1 || rank > NET_AXES)
        return fault(r, where, arena_printf(r->n->arena, "has a '%s' that is a single number, or has "
                                                         "more than %d axes", name, NET_AXES));
    res->shape.rank = rank;
    for (int k = 0; k < rank; k++) {
        res->shape.dim[k] = dim[k];
        if (dim[k] < 1)
            return fault(r, where, arena_printf(r->n->arena, "has a '%s' without elements", name));
    }
    return true;
}

static bool read_numbers(h5_reader *r, hid_t group, const net_number_row *row, const char *where,
                         int64_t res[2])
{
    int rank;
    int64_t dim[H5S_MAX_RANK], n = 1;
    const double *value = h5_numbers(r, group, row->name, where, &rank, dim);
    if (!value)
        return false;
    for (int k = 0; k < rank; k++)
        n *= dim[k];
    if (rank > 1 || (n != 1 && n != row->count))
        return fault(r, where, arena_printf(r->n->arena, "has a '%s' of another length than %d", row->name,
                                            row->count));
    for (int k = 0; k < row->count; k++) {
        const double x = value[n > 1 ? k : 0];
        if (!(x > -INT32_MAX && x < INT32_MAX && x >= (double)row->least) || (double)(int64_t)x < x)
            return fault(r, where, arena_printf(r->n->arena, "has a '%s' that cannot be: %g", row->name, x));
        res[k] = (int64_t)x;
    }
    return true;
}

/* What pools over a margin would count is said nowhere.  */
static bool no_padding(h5_reader *r, hid_t group, const char *where)
{
    int64_t pad[2] = {0, 0};
    const net_number_row row = {"padding", 2, 0};
    return read_numbers(r, group, &row, where, pad)
           && ((pad[0] == 0 && pad[1] == 0) || fault(r, where, "pools with a padding, which is not supported"));
}

/* `same` has a type of its own; `valid` is 0.  */
static bool read_padding(h5_reader *r, hid_t group, net_node *node, const char *where)
{
    const char *word = h5_is_text(group, "padding") ? read_word(r, group, "padding", where) : "";
    int64_t stride[2] = {1, 1};
    if (!word)
        return false;
    if (strcmp(word, "same") == 0) {
        node->type = net_same_padding(node->type);
        const net_number_row row = {"stride", node->type->axes - 1, 1};
        return read_numbers(r, group, &row, where, stride)
               && ((stride[0] == 1 && stride[1] == 1) || fault(r, where, "has the padding 'same' with a stride"));
    }
    return strcmp(word, "") == 0 || strcmp(word, "valid") == 0
           || fault(r, where, "has a padding that is neither numbers nor 'same' nor 'valid'");
}

static bool read_rows(h5_reader *r, hid_t group, net_node *node, const char *where)
{
    const net_type *type = node->type;
    for (int i = 0; type->array[i].name; i++) {
        net_array *array = &node->array[i];
        if (!type->array[i].optional || h5_exists(group, type->array[i].name)) {
            if (!read_array(r, group, type->array[i].name, where, array))
                return false;
        } else { /* zeros, as the reference reads it; a row before it has the shape */
            array->shape = node->array[0].shape;
            array->value = ARENA_ARRAY(r->n->arena, double, net_count(&array->shape));
        }
    }
    for (int i = 0; type->number[i].name; i++)
        if ((strcmp(type->number[i].name, "padding") != 0 || !h5_is_text(group, "padding"))
            && !read_numbers(r, group, &type->number[i], where, node->number[i]))
            return false;
    return true;
}

static bool read_node(h5_reader *r, hid_t group, const char *type_name, const char *name, bool top)
{
    const net_type *type = net_type_of(type_name);
    if (strcmp(type_name, "Delay") == 0)
        return fault(r, name, "is a Delay: a model keeps the outputs of one step, not of many");
    if (!type)
        return fault(r, name, arena_printf(r->n->arena, "is of a type that is not known: '%s'", type_name));
    const bool end = type->kind == NET_INPUT || type->kind == NET_OUTPUT;
    net_node *node = net_add_node(r->n, end && !top ? &net_pass : type, name);
    if (end)
        return read_shape(r, group, "shape", name, &node->in);
    return (type->kind != NET_CONV || read_padding(r, group, node, name))
           && (type->kind != NET_POOL || no_padding(r, group, name)) && read_rows(r, group, node, name);
}

static bool read_graph(h5_reader *r, hid_t group, const char *name, int depth);

static bool read_one(h5_reader *r, hid_t nodes, const char *link, const char *prefix, int depth)
{
    const char *name = arena_printf(r->n->arena, "%s%s%s", prefix, *prefix ? "_" : "", link);
    hid_t group = h5_group(r, nodes, link, name);
    const char *type = group < 0 ? NULL : read_word(r, group, "type", name);
    bool good = type != NULL;
    if (good && (net_find(r->n, name) >= 0 || r->n->n_nodes >= NET_NODES_MAX))
        good = fault(r, name, r->n->n_nodes >= NET_NODES_MAX ? "is one node too many"
                                                             : "stands twice, once graphs are written out");
    if (good)
        good = strcmp(type, "NIRGraph") == 0 ? read_graph(r, group, name, depth + 1)
                                             : read_node(r, group, type, name, depth == 0);
    if (group >= 0)
        H5Gclose(group);
    return good;
}

/* The node that END of an edge means.  A graph is its one input, or its one output: WANTED.  Negative after
   an error.  */
static int end_of_edge(h5_reader *r, const char *prefix, const char *end, hid_t nodes, const char *wanted)
{
    const char *name = arena_printf(r->n->arena, "%s%s%s", prefix, *prefix ? "_" : "", end);
    int found = net_find(r->n, name);
    if (found >= 0 && h5_exists(nodes, end))
        return found;
    hid_t group = h5_exists(nodes, end) ? h5_group(r, nodes, end, name) : -1;
    hid_t inside = group < 0 ? -1 : h5_group(r, group, "nodes", name);
    size_t n = 0, hits = 0;
    const char **link = inside < 0 ? NULL : h5_names(r, inside, name, &n);
    for (size_t i = 0; link && i < n; i++) {
        hid_t node = h5_group(r, inside, link[i], name);
        const char *type = node < 0 ? NULL : read_word(r, node, "type", name);
        if (type && strcmp(type, wanted) == 0) {
            found = net_find(r->n, arena_printf(r->n->arena, "%s_%s", name, link[i]));
            hits++;
        }
        if (node >= 0)
            H5Gclose(node);
    }
    if (inside >= 0)
        H5Gclose(inside);
    if (group >= 0)
        H5Gclose(group);
    if (hits != 1)
        fault(r, name, group < 0 ? "is at the end of an edge, and is no node"
                                 : arena_printf(r->n->arena, "is a graph with an edge, and has not exactly one %s",
                                                wanted));
    return hits == 1 ? found : -1;
}

static bool read_edges(h5_reader *r, hid_t group, hid_t nodes, const char *prefix)
{
    size_t n = 0;
    const char **text = h5_texts(r, group, "edges", *prefix ? prefix : "/node", &n);
    if (!text)
        return false;
    if (n % 2 != 0 || n / 2 + r->n->n_edges > NET_EDGES_MAX)
        return fault(r, *prefix ? prefix : "/node", "has edges that are no pairs, or too many");
    for (size_t i = 0; i < n; i += 2) {
        int from = end_of_edge(r, prefix, text[i], nodes, "Output");
        int to = from < 0 ? -1 : end_of_edge(r, prefix, text[i + 1], nodes, "Input");
        if (to < 0)
            return false;
        net_add_edge(r->n, from, to);
    }
    return true;
}

static bool read_graph(h5_reader *r, hid_t group, const char *name, int depth)
{
    size_t n = 0;
    if (depth > NESTED_MAX)
        return fault(r, name, "lies in too many graphs");
    hid_t nodes = h5_group(r, group, "nodes", *name ? name : "/node");
    const char **link = nodes < 0 ? NULL : h5_names(r, nodes, name, &n);
    bool good = link != NULL;
    for (size_t i = 0; good && i < n; i++)
        good = read_one(r, nodes, link[i], name, depth);
    good = good && read_edges(r, group, nodes, name);
    if (nodes >= 0)
        H5Gclose(nodes);
    return good;
}

/* The nodes that only pass on: what comes in goes to where it would go out.  */
static bool join_passes(net *n)
{
    for (size_t p = 0; p < n->n_nodes; p++) {
        if (n->node[p].type != &net_pass)
            continue;
        const size_t before = n->n_edges;
        size_t kept = 0;
        for (size_t i = 0; i < before; i++)
            for (size_t k = 0; k < before && n->edge[i].to == (int)p; k++)
                if (n->edge[k].from == (int)p) {
                    net_add_edge(n, n->edge[i].from, n->edge[k].to);
                    if (n->n_edges > 2 * (size_t)NET_EDGES_MAX)
                        return false;
                }
        for (size_t i = 0; i < n->n_edges; i++)
            if (n->edge[i].to != (int)p && n->edge[i].from != (int)p)
                n->edge[kept++] = n->edge[i];
        n->n_edges = kept;
    }
    return true;
}

/* Passes have no edges any more.  */
static void drop_passes(net *n)
{
    int *place = ARENA_ARRAY(n->arena, int, n->n_nodes + 1);
    size_t kept = 0;
    for (size_t i = 0; i < n->n_nodes; i++) {
        place[i] = (int)kept;
        if (n->node[i].type != &net_pass)
            n->node[kept++] = n->node[i];
    }
    n->n_nodes = kept;
    for (size_t i = 0; i < n->n_edges; i++) {
        n->edge[i].from = place[n->edge[i].from];
        n->edge[i].to = place[n->edge[i].to];
    }
}

static bool read_root(h5_reader *r, hid_t file)
{
    hid_t group = h5_group(r, file, "node", "the file");
    const char *type = group < 0 ? NULL : read_word(r, group, "type", "/node");
    bool good = type && (strcmp(type, "NIRGraph") == 0 || fault(r, "/node", "is no NIRGraph"));
    good = good && read_graph(r, group, "", 0);
    if (group >= 0)
        H5Gclose(group);
    return good;
}

static bool has_input(net *n)
{
    for (size_t i = 0; i < n->n_nodes; i++)
        if (n->node[i].type->kind == NET_INPUT)
            return true;
    diag_error(n->diag, (loc){0}, "E0706", "the graph has no Input");
    return false;
}

int nir_read(const char *path, net *n)
{
    h5_reader r = {n, -1, 0};
    h5_quiet();
    hid_t file = h5_open(path, n, &r.size);
    if (file < 0)
        return r.size >= 0 ? 1 : EXIT_FILES;
    bool good = read_root(&r, file) && (join_passes(n) || fault(&r, path, "has too many edges"));
    H5Fclose(file);
    if (!good)
        return 1;
    drop_passes(n);
    return has_input(n) && net_sort(n) && net_delay(n) && net_shapes(n, NULL, NULL) ? 0 : 1;
}
