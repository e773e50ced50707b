/* SPDX-License-Identifier: Apache-2.0 */
/* In: bytes that say what to put into an HDF5 file, group by group, so that what is read is the network's and
   not the container's; files whose bytes are damaged are for the suite `convert`, because the library that
   reads them is in a process of its own.  */
#include "fuzz.h"

#include "convert.h"
#include "hdf5_file.h"

#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 6, EDGES_MAX = 10, DEPTH_MAX = 3, DIM_MAX = 5, ELEMENTS_MAX = 4096 };

typedef struct {
    const uint8_t *at, *end;
} stream;

/* The next byte, below N; 0 once they are used up.  */
static unsigned next(stream *s, unsigned n)
{
    return s->at < s->end ? *s->at++ % n : 0;
}

static const char *const names[] = {"a", "b", "input", "output", "a_b", "1", "x.y", "int", "\xc3\xa9"};
static const char *const odd_types[] = {"NIRGraph", "NIRGraph", "Delay", "Odd", "", "Input", "Output"};

enum { N_NAMES = sizeof names / sizeof names[0], N_ODD = sizeof odd_types / sizeof odd_types[0] };

static const char *name_of(stream *s)
{
    return names[next(s, N_NAMES)];
}

static void write_texts(hid_t group, const char *name, int rank, const hsize_t *dim, const char *const *text)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = rank ? H5Screate_simple(rank, dim, NULL) : H5Screate(H5S_SCALAR);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    hid_t set = H5Dcreate2(group, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (set >= 0) {
        H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text);
        H5Dclose(set);
    }
    H5Sclose(space);
    H5Tclose(type);
}

/* Mostly whole numbers that could be sizes; now and then none.  */
static double number(stream *s)
{
    static const double odd[] = {-1, 0.5, 1e300, -1e300, 1.0 / 3, 2147483647, -2147483648.0, 0};
    const unsigned byte = next(s, 256);
    return byte < 200 ? (double)(byte % 8) : odd[byte % 8];
}

/* An array of any rank and type, or none at all.  */
static void write_array(stream *s, hid_t group, const char *name)
{
    const hid_t types[] = {H5T_NATIVE_DOUBLE, H5T_NATIVE_FLOAT, H5T_STD_I64LE, H5T_STD_I8BE};
    const unsigned form = next(s, 16);
    const int rank = (int)next(s, 6);
    hsize_t dim[6] = {0}, n = 1;
    if (form == 0)
        return;
    for (int k = 0; k < rank; k++) {
        dim[k] = next(s, DIM_MAX);
        n *= dim[k];
    }
    if (form == 1) {
        const char *word = next(s, 2) ? "same" : "odd";
        write_texts(group, name, 0, NULL, &word);
        return;
    }
    double *value = calloc((size_t)n + 1, sizeof *value);
    FUZZ_CHECK(value && n < ELEMENTS_MAX);
    for (hsize_t i = 0; i < n; i++)
        value[i] = number(s);
    hid_t space = rank ? H5Screate_simple(rank, dim, NULL) : H5Screate(H5S_SCALAR);
    hid_t set = H5Dcreate2(group, name, types[form % 4], space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (set >= 0) {
        H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value);
        H5Dclose(set);
    }
    H5Sclose(space);
    free(value);
}

static void write_edges(stream *s, hid_t group)
{
    const char *end[2 * EDGES_MAX];
    const hsize_t dim[2] = {next(s, EDGES_MAX), 2};
    for (hsize_t i = 0; i < 2 * dim[0]; i++)
        end[i] = name_of(s);
    write_texts(group, "edges", 2, dim, end);
}

static void write_graph(stream *s, hid_t group, int depth);

static void write_node(stream *s, hid_t nodes, int depth)
{
    int n_types = 0;
    hid_t group = H5Gcreate2(nodes, name_of(s), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (group < 0)
        return;
    while (net_types[n_types].name)
        n_types++;
    const unsigned pick = next(s, (unsigned)n_types + N_ODD);
    const net_type *type = pick < (unsigned)n_types ? &net_types[pick] : NULL;
    const char *word = type ? type->name : odd_types[pick - (unsigned)n_types];
    write_texts(group, "type", 0, NULL, &word);
    for (int i = 0; type && type->array[i].name; i++)
        write_array(s, group, type->array[i].name);
    for (int i = 0; type && type->number[i].name; i++)
        write_array(s, group, type->number[i].name);
    if (!type && strcmp(word, "NIRGraph") == 0 && depth < DEPTH_MAX)
        write_graph(s, group, depth + 1);
    write_array(s, group, "shape");
    write_array(s, group, "padding");
    H5Gclose(group);
}

static void write_graph(stream *s, hid_t group, int depth)
{
    hid_t nodes = H5Gcreate2(group, "nodes", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const unsigned n = next(s, NODES_MAX);
    for (unsigned i = 0; nodes >= 0 && i < n; i++)
        write_node(s, nodes, depth);
    if (nodes >= 0)
        H5Gclose(nodes);
    write_edges(s, group);
}

static void write_file(stream *s, const char *path)
{
    const char *word = "NIRGraph";
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t group = H5Gcreate2(file, "node", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    FUZZ_CHECK(file >= 0 && group >= 0);
    write_texts(group, "type", 0, NULL, &word);
    write_graph(s, group, 0);
    H5Gclose(group);
    H5Fclose(file);
}

/* Read; what can be read becomes a spec, and a file again.  */
void fuzz_nir(const uint8_t *data, size_t size)
{
    static const char name[] = "fuzz.nir";
    stream s = {data, data + size};
    arena *a = arena_new();
    diag *d = diag_new(a, 20);
    net *n = net_new(a, d);
    outputs out = {.arena = a};
    buf again = {NULL, 0, 0};
    const convert_options o = {.from = FORMAT_NIR, .to = FORMAT_SPEC, .in = name, .out = "fuzz.yaml",
                               .weights = "fuzz-weights.npz", .model = "m", .activation = "tanh", .dt = 0.0001};
    h5_quiet();
    write_file(&s, name);
    const int status = nir_read(name, n);
    FUZZ_CHECK((status == 0) == (diag_errors(d) == 0));
    if (status == 0) {
        FUZZ_CHECK((spec_write(n, &o, &out) == 0) == (diag_errors(d) == 0));
        FUZZ_CHECK(nir_write(n, &again));
    }
    outputs_free(&out);
    buf_free(&again);
    arena_free(a);
    H5close(); /* what the library keeps would look like a leak */
}
