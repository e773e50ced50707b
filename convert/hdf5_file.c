/* SPDX-License-Identifier: Apache-2.0 */
/* In: an HDF5 file that may be hostile.  Out: names, numbers and texts.  Afterwards nothing was allocated
   that the file is too small for, no link left the file, no filter but the library's own was run.  */
#include "hdf5_file.h"

#include "etrace_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Deflate makes at most 1032 bytes of one; what is smaller is allowed anyway.  */
enum { RATIO_MAX = 1040, SLACK = 1 << 16, LINKS_MAX = 20000, TEXT_MAX = 4096 };

#define FILE_MAX ((size_t)1 << 31)

void h5_quiet(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0);
}

static bool fault(h5_reader *r, const char *where, const char *name, const char *why)
{
    diag_error(r->n->diag, (loc){0}, "E0704", "'%s': '%s' %s", where, name, why);
    return false;
}

hid_t h5_open(const char *path, net *n, int64_t *size)
{
    size_t bytes = 0;
    void *image = etr_file_read(path, FILE_MAX, &bytes);
    if (!image) {
        diag_error(n->diag, (loc){0}, "E0703", "%s: %s", path, strerror(errno));
        return -1;
    }
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(access, 1 << 16, 0);
    hid_t file = H5Pset_file_image(access, image, bytes) < 0 ? -1 : H5Fopen(H5_NO_FILE, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    free(image);
    *size = (int64_t)bytes;
    if (file < 0)
        diag_error(n->diag, (loc){0}, "E0704", "%s: this is no HDF5 file, or it is damaged", path);
    return file;
}

/* Is there a hard link NAME in GROUP?  Others may lead out of the file.  */
bool h5_exists(hid_t group, const char *name)
{
    H5L_info_t info;
    return H5Lexists(group, name, H5P_DEFAULT) > 0
           && H5Lget_info(group, name, &info, H5P_DEFAULT) >= 0 && info.type == H5L_TYPE_HARD;
}

static hid_t open_object(h5_reader *r, hid_t group, const char *name, const char *where, H5I_type_t type)
{
    hid_t object = h5_exists(group, name) ? H5Oopen(group, name, H5P_DEFAULT) : -1;
    if (object >= 0 && H5Iget_type(object) == type)
        return object;
    if (object >= 0)
        H5Oclose(object);
    fault(r, where, name, object >= 0 ? "is of another kind than expected"
                          : H5Lexists(group, name, H5P_DEFAULT) > 0 ? "is a link, or damaged" : "is not there");
    return -1;
}

hid_t h5_group(h5_reader *r, hid_t group, const char *name, const char *where)
{
    return open_object(r, group, name, where, H5I_GROUP);
}

typedef struct {
    h5_reader *reader;
    const char **name;
    size_t n, cap;
} name_list;

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    name_list *list = context;
    arena *a = list->reader->n->arena;
    (void)group;
    if (info->type != H5L_TYPE_HARD || list->n >= LINKS_MAX)
        return -1;
    ARENA_PUSH(a, list->name, list->n, list->cap, arena_strdup(a, name));
    return 0;
}

const char **h5_names(h5_reader *r, hid_t group, const char *where, size_t *count)
{
    name_list list = {.reader = r, .name = ARENA_ARRAY(r->n->arena, const char *, 1), .n = 0, .cap = 1};
    if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, add_name, &list) < 0) {
        fault(r, where, "nodes", "has links that are not its own, too many of them, or is damaged");
        return NULL;
    }
    *count = list.n;
    return list.name;
}

/* --- datasets ----------------------------------------------------------------------------------------- */

/* Only filters that the library has in itself.  */
static bool plain_filters(hid_t plist)
{
    const int n = H5Pget_nfilters(plist);
    for (int i = 0; i < n; i++) {
        unsigned flags, config;
        size_t values = 0;
        H5Z_filter_t filter = H5Pget_filter2(plist, (unsigned)i, &flags, &values, NULL, 0, NULL, &config);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE
            && filter != H5Z_FILTER_FLETCHER32)
            return false;
    }
    return n >= 0;
}

/* Is what the dataset says of its size possible, and does all of it lie in this file?  */
static bool sizes_fit(h5_reader *r, hid_t set, int64_t n, size_t element)
{
    hid_t plist = H5Dget_create_plist(set);
    const H5D_layout_t layout = H5Pget_layout(plist);
    const int64_t stored = (int64_t)H5Dget_storage_size(set);
    bool fits = (layout == H5D_COMPACT || layout == H5D_CONTIGUOUS || layout == H5D_CHUNKED)
                && H5Pget_external_count(plist) == 0 && plain_filters(plist);
    const int64_t most = H5Pget_nfilters(plist) > 0 ? stored * RATIO_MAX + SLACK : stored;
    fits = fits && stored >= 0 && stored <= r->size && n * (int64_t)element <= most;
    if (layout == H5D_CHUNKED && fits) { /* a chunk is unpacked as a whole */
        hsize_t chunk[H5S_MAX_RANK];
        int64_t bytes = (int64_t)element;
        const int rank = H5Pget_chunk(plist, H5S_MAX_RANK, chunk);
        for (int k = 0; k < rank && fits; k++)
            fits = !__builtin_mul_overflow(bytes, (int64_t)chunk[k], &bytes)
                   && bytes <= r->size * RATIO_MAX + SLACK;
        fits = fits && rank > 0;
    }
    H5Pclose(plist);
    return fits;
}

/* Its shape and number of elements; false after an error.  */
static bool measure(h5_reader *r, hid_t set, const char *name, const char *where, int *rank,
                    int64_t dim[H5S_MAX_RANK], int64_t *n)
{
    hid_t space = H5Dget_space(set), type = H5Dget_type(set);
    hsize_t size[H5S_MAX_RANK] = {0};
    const bool simple = space >= 0 && H5Sget_simple_extent_type(space) != H5S_NULL;
    *rank = simple ? H5Sget_simple_extent_dims(space, size, NULL) : -1;
    *n = 1;
    bool good = *rank >= 0 && *rank <= NET_AXES + 1 && type >= 0;
    for (int k = 0; good && k < *rank; k++) {
        good = size[k] <= (hsize_t)NET_ELEMENTS_MAX;
        dim[k] = (int64_t)size[k];
        good = good && !__builtin_mul_overflow(*n, dim[k], n) && *n <= NET_ELEMENTS_MAX;
    }
    good = good && sizes_fit(r, set, *n, H5Tget_size(type));
    r->elements += good ? *n : 0;
    good = good && r->elements <= NET_ELEMENTS_MAX;
    H5Tclose(type);
    H5Sclose(space);
    return good || fault(r, where, name, "says sizes that cannot be, or is stored in a way that is not read");
}

static bool is_class(hid_t set, bool text)
{
    hid_t type = H5Dget_type(set);
    const H5T_class_t class = H5Tget_class(type);
    H5Tclose(type);
    return text ? class == H5T_STRING : class == H5T_FLOAT || class == H5T_INTEGER;
}

bool h5_is_text(hid_t group, const char *name)
{
    hid_t set = h5_exists(group, name) ? H5Oopen(group, name, H5P_DEFAULT) : -1;
    bool res = set >= 0 && H5Iget_type(set) == H5I_DATASET && is_class(set, true);
    if (set >= 0)
        H5Oclose(set);
    return res;
}

/* A dataset of doubles makes the model one of doubles, and so does a whole number that no float is.  */
static void note_precision(h5_reader *r, hid_t set, const double *value, int64_t n)
{
    hid_t type = H5Dget_type(set);
    if (H5Tget_class(type) == H5T_FLOAT && H5Tget_size(type) > sizeof(float))
        r->n->single = false;
    H5Tclose(type);
    for (int64_t i = 0; i < n && r->n->single; i++)
        r->n->single = !((double)(float)value[i] < value[i] || (double)(float)value[i] > value[i]);
}

double *h5_numbers(h5_reader *r, hid_t group, const char *name, const char *where, int *rank,
                   int64_t dim[H5S_MAX_RANK])
{
    int64_t n = 0;
    double *value = NULL;
    hid_t set = open_object(r, group, name, where, H5I_DATASET);
    if (set < 0)
        return NULL;
    if (!is_class(set, false)) {
        fault(r, where, name, "is no array of numbers");
    } else if (measure(r, set, name, where, rank, dim, &n)) {
        value = ARENA_ARRAY(r->n->arena, double, n + 1);
        if (H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) < 0) {
            fault(r, where, name, "cannot be read");
            value = NULL;
        }
    }
    for (int64_t i = 0; value && i < n; i++)
        if (value[i] != value[i]) {
            fault(r, where, name, "has a NaN in it");
            value = NULL;
        }
    if (value)
        note_precision(r, set, value, n);
    H5Dclose(set);
    return value;
}

/* N texts of a fixed or a varying length.  False: it cannot be read.  */
static bool read_texts(hid_t set, int64_t n, arena *a, const char **text)
{
    hid_t type = H5Dget_type(set), memory = H5Tcopy(H5T_C_S1), space = H5Dget_space(set);
    const bool varying = H5Tis_variable_str(type) > 0;
    const size_t size = varying ? sizeof(char *) : H5Tget_size(type) + 1;
    bool good = size <= TEXT_MAX;
    H5Tset_size(memory, varying ? H5T_VARIABLE : size);
    H5Tset_cset(memory, H5Tget_cset(type));
    char *raw = good ? arena_alloc(a, (size_t)n * size + sizeof(char *)) : NULL;
    good = good && H5Dread(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw) >= 0;
    for (int64_t i = 0; good && i < n; i++) {
        const char *one = varying ? ((char **)(void *)raw)[i] : raw + (size_t)i * size;
        text[i] = arena_strdup(a, one ? one : "");
    }
    if (good && varying)
        H5Dvlen_reclaim(memory, space, H5P_DEFAULT, raw);
    H5Sclose(space);
    H5Tclose(memory);
    H5Tclose(type);
    return good;
}

const char **h5_texts(h5_reader *r, hid_t group, const char *name, const char *where, size_t *count)
{
    int rank;
    int64_t dim[H5S_MAX_RANK], n = 0;
    const char **text = NULL;
    hid_t set = open_object(r, group, name, where, H5I_DATASET);
    if (set < 0)
        return NULL;
    if (measure(r, set, name, where, &rank, dim, &n)) {
        text = ARENA_ARRAY(r->n->arena, const char *, n + 1);
        if (n > 0 && (!is_class(set, true) || !read_texts(set, n, r->n->arena, text))) {
            fault(r, where, name, "has no texts that can be read");
            text = NULL;
        }
    }
    H5Dclose(set);
    *count = (size_t)n;
    return text;
}
