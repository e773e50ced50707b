/* SPDX-License-Identifier: Apache-2.0 */
/* In: a network.  Out: the bytes of a .nir file, laid out as NIR 1.0.8 writes it, and depending on the
   network alone.  */
#include "convert.h"
#include "hdf5_file.h"

#include <string.h>

static const char nir_version[] = "1.0.8";

typedef struct {
    const net *n;
    hid_t no_times, number; /* how objects are made; the type of arrays */
    hid_t text;
    bool good;
} writer;

static void write_set(writer *w, hid_t group, const char *name, hid_t type, hid_t memory, int rank,
                      const int64_t *dim, const void *data)
{
    hsize_t size[H5S_MAX_RANK];
    for (int k = 0; k < rank; k++)
        size[k] = (hsize_t)dim[k];
    hid_t space = rank ? H5Screate_simple(rank, size, NULL) : H5Screate(H5S_SCALAR);
    hid_t set = H5Dcreate2(group, name, type, space, H5P_DEFAULT, w->no_times, H5P_DEFAULT);
    w->good = w->good && set >= 0 && H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
    if (set >= 0)
        H5Dclose(set);
    H5Sclose(space);
}

static void write_word(writer *w, hid_t group, const char *name, const char *word)
{
    write_set(w, group, name, w->text, w->text, 0, NULL, &word);
}

/* A single number, or one for each of COUNT axes.  */
static void write_whole(writer *w, hid_t group, const char *name, int count, const int64_t *value)
{
    const int64_t dim = count;
    write_set(w, group, name, H5T_STD_I64LE, H5T_NATIVE_INT64, count > 1, &dim, value);
}

static void write_shape(writer *w, hid_t group, const char *name, const net_shape *s)
{
    const int64_t rank = s->rank;
    write_set(w, group, name, H5T_STD_I64LE, H5T_NATIVE_INT64, 1, &rank, s->dim);
}

/* What is not among the numbers of a convolution or pool.  */
static void write_window(writer *w, hid_t group, const net_node *node)
{
    static const int64_t one[] = {1, 1}, none[] = {0, 0};
    const int count = node->type->axes - 1;
    if (node->type->kind == NET_CONV)
        write_whole(w, group, "input_shape", count, node->in.dim + 1);
    if (net_pads_same(node->type)) {
        write_whole(w, group, "stride", count, one);
        write_word(w, group, "padding", "same");
    } else if (node->type->kind == NET_POOL) {
        write_whole(w, group, "padding", count, none);
    }
}

static void write_node(writer *w, hid_t nodes, const net_node *node)
{
    hid_t group = H5Gcreate2(nodes, node->name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const net_type *type = node->type;
    w->good = w->good && group >= 0;
    if (group < 0)
        return;
    write_word(w, group, "type", type->name);
    for (int i = 0; type->array[i].name; i++)
        write_set(w, group, type->array[i].name, w->number, H5T_NATIVE_DOUBLE, node->array[i].shape.rank,
                  node->array[i].shape.dim, node->array[i].value);
    for (int i = 0; type->number[i].name; i++)
        write_whole(w, group, type->number[i].name, type->number[i].count, node->number[i]);
    if (type->kind == NET_CONV || type->kind == NET_POOL)
        write_window(w, group, node);
    else if (type->kind == NET_FLATTEN)
        write_shape(w, group, "input_type", &node->in);
    else if (type->kind == NET_INPUT || type->kind == NET_OUTPUT)
        write_shape(w, group, "shape", &node->in);
    H5Gclose(group);
}

static void write_edges(writer *w, hid_t group)
{
    const net *n = w->n;
    const int64_t dim[] = {(int64_t)n->n_edges, 2};
    const char **end = ARENA_ARRAY(n->arena, const char *, 2 * n->n_edges + 1);
    for (size_t e = 0; e < n->n_edges; e++) {
        end[2 * e] = n->node[n->edge[e].from].name;
        end[2 * e + 1] = n->node[n->edge[e].to].name;
    }
    write_set(w, group, "edges", w->text, w->text, 2, dim, end);
}

static void write_graph(writer *w, hid_t file)
{
    hid_t root = H5Gcreate2(file, "node", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t nodes = H5Gcreate2(root, "nodes", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    write_word(w, file, "version", nir_version);
    write_word(w, root, "type", "NIRGraph");
    for (size_t i = 0; i < w->n->n_nodes; i++)
        write_node(w, nodes, &w->n->node[i]);
    write_edges(w, root);
    H5Gclose(nodes);
    H5Gclose(root);
}

/* The file's bytes.  */
static bool take_image(hid_t file, arena *a, buf *res)
{
    ssize_t size = H5Fflush(file, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(file, NULL, 0);
    if (size <= 0)
        return false;
    char *image = arena_alloc(a, (size_t)size);
    if (H5Fget_file_image(file, image, (size_t)size) != size)
        return false;
    buf_bytes(res, image, (size_t)size);
    return true;
}

bool nir_write(const net *n, buf *res)
{
    h5_quiet();
    writer w = {n, H5Pcreate(H5P_DATASET_CREATE), n->single ? H5T_IEEE_F32LE : H5T_IEEE_F64LE,
                H5Tcopy(H5T_C_S1), true};
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_obj_track_times(w.no_times, 0);
    H5Tset_size(w.text, H5T_VARIABLE);
    H5Tset_cset(w.text, H5T_CSET_UTF8);
    H5Pset_fapl_core(access, 1 << 16, 0);
    hid_t file = H5Fcreate(H5_NO_FILE, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    w.good = file >= 0;
    if (w.good)
        write_graph(&w, file);
    w.good = w.good && take_image(file, n->arena, res);
    if (file >= 0)
        H5Fclose(file);
    H5Pclose(access);
    H5Pclose(w.no_times);
    H5Tclose(w.text);
    if (!w.good)
        diag_error(n->diag, (loc){0}, "E0707", "the HDF5 library cannot write this network");
    return w.good;
}
