/* SPDX-License-Identifier: MIT-0 */
/* .npz files.  In: a block of memory and its table, or a path.  Out: a file that numpy reads, or
   the block filled.  What holds afterwards: a file or a block is changed wholly or not at all, and
   no size that a file claims was believed before it was compared with the file.  */
#include "etrace_npz.h"
#include "etrace_half.h"
#include "etrace_npy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>

/* Arrays may inflate to this many bytes for each byte in the file, and this many besides: weights
   hardly compress at all, a bomb does by 1,000.  */
enum { RATIO_MAX = 200, SLACK = 16 << 20 };
enum { HEADER_MAX = 65535, PREFIX = 10, PREFIX_V2 = 12, CHUNK = 1 << 13 };

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
static _Thread_local char error_text[256];
#else
static char error_text[256];
#endif

const char *etr_npz_error(void)
{
    return error_text;
}

/* Keep the message.  Returns STATUS.  */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static int fail(int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error_text, sizeof error_text, format, args);
    va_end(args);
    return status;
}

/* --- writing ----------------------------------------------------------------------------- */

/* The type of VAR's elements as numpy says it, and their size.  It has no bfloat16: these are their
   bits.  */
static size_t element(const etr_info *info, const etr_var *var, char type[3])
{
    static const char letter[] = {'f', 'i', 'u', 'f'};
    static const size_t sizes[] = {0, 4, 2, 2};
    const size_t size = var->element == ETR_REAL ? (size_t)info->real_bytes : sizes[var->element];

    type[0] = letter[var->element];
    type[1] = (char)('0' + size);
    type[2] = '\0';
    return size;
}

static size_t n_elements(const etr_var *var)
{
    size_t n = 1;

    for (int k = 0; k < var->rank; k++)
        n *= (size_t)var->shape[k];
    return n;
}

/* VAR as the bytes of a .npy file, for free(); LEN of them.  NULL: no memory.  */
static char *npy_bytes(const char *block, const etr_info *info, const etr_var *var, size_t *len)
{
    char type[3], head[ETR_NPY_HEAD];
    const size_t size = element(info, var, type), n = n_elements(var);
    const size_t start = etr_npy_head(type, var->rank, var->shape, head);
    const float constant = (float)var->constant;
    char *bytes = malloc(start + n * size);

    if (!bytes)
        return NULL;
    memcpy(bytes, head, start);
    if (var->stored && n > 0)
        memcpy(bytes + start, block + var->offset, n * size);
    for (size_t i = 0; !var->stored && i < n; i++)
        memcpy(bytes + start + i * size, size == 8 ? (const void *)&var->constant : &constant,
               size);
    *len = start + n * size;
    return bytes;
}

/* Add VAR to the archive.  The entry's date is fixed: equal values give equal files.  */
static int add_var(zip_t *zip, const char *block, const etr_info *info, const etr_var *var)
{
    char name[512];
    size_t len;
    zip_int64_t index;
    zip_source_t *source;
    char *bytes;

    if (!var->path[0] || strlen(var->path) + sizeof ".npy" > sizeof name)
        return fail(ETR_NPZ_MISMATCH, "arrays of this kind have no names to be saved under");
    bytes = npy_bytes(block, info, var, &len);
    if (!bytes)
        return fail(ETR_NPZ_MEMORY, "out of memory");
    source = zip_source_buffer(zip, bytes, len, 1);
    if (!source) {
        free(bytes);
        return fail(ETR_NPZ_MEMORY, "out of memory");
    }
    snprintf(name, sizeof name, "%s.npy", var->path);
    index = zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
        zip_source_free(source);
        return fail(ETR_NPZ_IO, "%s: %s", name, zip_strerror(zip));
    }
    if (zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(zip, (zip_uint64_t)index, 0, 1 << 5 | 1, 0) != 0)
        return fail(ETR_NPZ_IO, "%s: %s", name, zip_strerror(zip));
    return ETR_NPZ_OK;
}

/* NULL after a message; STATUS then says more.  */
static zip_t *open_zip(const char *path, int flags, int *status)
{
    int code = 0;
    zip_t *zip = zip_open(path, flags, &code);
    zip_error_t error;

    if (!zip) {
        zip_error_init_with_code(&error, code);
        *status = fail(code == ZIP_ER_NOZIP || code == ZIP_ER_INCONS ? ETR_NPZ_FORMAT : ETR_NPZ_IO,
                       "%s: %s", path, zip_error_strerror(&error));
        zip_error_fini(&error);
    }
    return zip;
}

int etr_npz_save(const char *path, const void *block, const etr_info *info, etr_kind kind)
{
    int status = ETR_NPZ_OK, n = 0;
    zip_t *zip = open_zip(path, ZIP_CREATE | ZIP_TRUNCATE, &status);

    if (!zip)
        return status;
    for (int i = 0; i < info->n_vars && status == ETR_NPZ_OK; i++) {
        if (info->vars[i].kind == kind) {
            status = add_var(zip, block, info, &info->vars[i]);
            n++;
        }
    }
    if (status == ETR_NPZ_OK && n == 0)
        status = fail(ETR_NPZ_MISMATCH, "%s has no arrays of this kind", info->name);
    /* zip_close writes a temporary file beside PATH and renames it.  */
    if (status == ETR_NPZ_OK && zip_close(zip) == 0)
        return ETR_NPZ_OK;
    if (status == ETR_NPZ_OK)
        status = fail(ETR_NPZ_IO, "%s: %s", path, zip_strerror(zip));
    zip_discard(zip);
    return status;
}

/* --- reading ----------------------------------------------------------------------------- */

typedef struct {
    char *name; /* without .npy */
    zip_uint64_t index;
    etr_npy npy;
    double *data; /* NULL: not read yet */
} array;

struct etr_npz {
    zip_t *zip;
    int count;
    array *array;
};

static int read_all(zip_file_t *file, void *p, size_t n)
{
    return zip_fread(file, p, n) == (zip_int64_t)n;
}

/* Read and parse the head of array A.  Returns its length, 0 when it is wrong.  */
static size_t read_head(zip_file_t *file, etr_npy *a)
{
    unsigned char prefix[PREFIX_V2];
    size_t start = PREFIX, len;
    char *text;
    int good;

    if (!read_all(file, prefix, PREFIX) || memcmp(prefix, "\x93NUMPY", 6) != 0)
        return 0;
    len = prefix[8] | (size_t)prefix[9] << 8;
    if (prefix[6] == 2 || prefix[6] == 3) {
        start = PREFIX_V2;
        if (!read_all(file, prefix + PREFIX, 2))
            return 0;
        len |= (size_t)prefix[10] << 16 | (size_t)prefix[11] << 24;
    } else if (prefix[6] != 1) {
        return 0;
    }
    if (len > HEADER_MAX)
        return 0;
    text = malloc(len + 1);
    if (!text)
        return 0;
    good = read_all(file, text, len) && etr_npy_parse(text, len, a);
    free(text);
    return good ? start + len : 0;
}

static int read_data(zip_file_t *file, array *a)
{
    const size_t size = (size_t)(a->npy.type[1] - '0');
    unsigned char chunk[CHUNK];

    for (size_t done = 0; done < a->npy.n;) {
        const size_t n = a->npy.n - done < CHUNK / size ? a->npy.n - done : CHUNK / size;
        if (!read_all(file, chunk, n * size))
            return 0;
        for (size_t i = 0; i < n; i++)
            a->data[etr_npy_place(&a->npy, done + i)] = etr_npy_convert(&a->npy, chunk + i * size);
        done += n;
    }
    /* The end of the entry: here libzip compares the checksum.  */
    return zip_fread(file, chunk, 1) == 0;
}

static int read_array(zip_t *zip, array *a)
{
    zip_stat_t stat;
    zip_file_t *file;
    size_t head;
    int status = ETR_NPZ_OK;

    if (zip_stat_index(zip, a->index, 0, &stat) != 0 || !(stat.valid & ZIP_STAT_SIZE) ||
        !(stat.valid & ZIP_STAT_COMP_SIZE) ||
        stat.size / RATIO_MAX > stat.comp_size + SLACK / RATIO_MAX)
        return fail(ETR_NPZ_FORMAT, "%s: sizes that cannot be", a->name);
    file = zip_fopen_index(zip, a->index, 0);
    if (!file)
        return fail(ETR_NPZ_FORMAT, "%s: %s", a->name, zip_strerror(zip));
    head = read_head(file, &a->npy);
    if (!head)
        status = fail(ETR_NPZ_FORMAT, "%s: not an array of f2, f4, f8, i1, i2, i4, i8, u1, u2 or b1 "
                      "with at most %d axes", a->name, (int)ETR_RANK_MAX);
    else if (!etr_npy_size_fits(&a->npy, head, stat.size))
        status = fail(ETR_NPZ_FORMAT, "%s: shape and size disagree", a->name);
    else if (!(a->data = calloc(a->npy.n ? a->npy.n : 1, sizeof *a->data)))
        status = fail(ETR_NPZ_MEMORY, "%s: out of memory", a->name);
    else if (!read_data(file, a)) {
        free(a->data);
        a->data = NULL;
        status = fail(ETR_NPZ_FORMAT, "%s: damaged or cut short", a->name);
    }
    zip_fclose(file);
    return status;
}

/* Add entry number INDEX of the archive unless it is something else than a .npy.  */
static int add_entry(etr_npz *npz, zip_uint64_t index)
{
    const char *name = zip_get_name(npz->zip, index, ZIP_FL_ENC_GUESS);
    const size_t len = name ? strlen(name) : 0;
    array *a = &npz->array[npz->count];

    if (len < 5 || strcmp(name + len - 4, ".npy") != 0)
        return 1;
    a->index = index;
    a->name = malloc(len + 1);
    if (!a->name)
        return 0;
    memcpy(a->name, name, len - 4);
    a->name[len - 4] = '\0';
    npz->count++;
    return 1;
}

/* NULL after a message; STATUS then says more.  */
static etr_npz *open_npz(const char *path, int *status)
{
    zip_t *zip = open_zip(path, ZIP_RDONLY | ZIP_CHECKCONS, status);
    const zip_int64_t n = zip ? zip_get_num_entries(zip, 0) : 0;
    etr_npz *npz;
    int good;

    if (!zip)
        return NULL;
    npz = calloc(1, sizeof *npz);
    if (!npz) {
        zip_discard(zip);
        *status = fail(ETR_NPZ_MEMORY, "out of memory");
        return NULL;
    }
    npz->zip = zip;
    npz->array = calloc((size_t)n + 1, sizeof *npz->array);
    good = npz->array != NULL;
    for (zip_int64_t i = 0; good && i < n; i++)
        good = add_entry(npz, (zip_uint64_t)i);
    if (!good) {
        etr_npz_close(npz);
        *status = fail(ETR_NPZ_MEMORY, "out of memory");
        return NULL;
    }
    return npz;
}

etr_npz *etr_npz_open(const char *path)
{
    int status;

    return open_npz(path, &status);
}

int etr_npz_count(const etr_npz *npz)
{
    return npz->count;
}

const char *etr_npz_name(const etr_npz *npz, int i)
{
    return i >= 0 && i < npz->count ? npz->array[i].name : NULL;
}

/* The array NAME, read.  NULL after a message; STATUS then says more.  */
static const array *get_array(etr_npz *npz, const char *name, int *status)
{
    for (int i = 0; i < npz->count; i++) {
        array *a = &npz->array[i];
        if (strcmp(a->name, name) == 0) {
            *status = a->data ? ETR_NPZ_OK : read_array(npz->zip, a);
            return *status == ETR_NPZ_OK ? a : NULL;
        }
    }
    *status = fail(ETR_NPZ_MISMATCH, "no array is named %s", name);
    return NULL;
}

const double *etr_npz_get(etr_npz *npz, const char *name, int *rank, int shape[ETR_RANK_MAX])
{
    int status;
    const array *a = get_array(npz, name, &status);

    if (!a)
        return NULL;
    *rank = a->npy.rank;
    memcpy(shape, a->npy.shape, sizeof a->npy.shape);
    return a->data;
}

void etr_npz_close(etr_npz *npz)
{
    if (!npz)
        return;
    for (int i = 0; i < npz->count; i++) {
        free(npz->array[i].name);
        free(npz->array[i].data);
    }
    zip_discard(npz->zip);
    free(npz->array);
    free(npz);
}

/* --- loading a block --------------------------------------------------------------------- */

/* Is there an array for VAR, of its shape and type?  */
static int var_fits(etr_npz *npz, const etr_info *info, const etr_var *var)
{
    char type[3];
    int status;
    const array *a = get_array(npz, var->path, &status);

    if (!a)
        return status;
    element(info, var, type);
    if (memcmp(a->npy.type, type, 2) != 0)
        return fail(ETR_NPZ_MISMATCH, "%s: elements are %.2s in the file, %s in %s", var->path,
                    a->npy.type, type, info->name);
    if (a->npy.rank != var->rank)
        return fail(ETR_NPZ_MISMATCH, "%s: %d axes in the file, %d in %s", var->path, a->npy.rank,
                    var->rank, info->name);
    for (int k = 0; k < a->npy.rank; k++) {
        if (a->npy.shape[k] != var->shape[k])
            return fail(ETR_NPZ_MISMATCH, "%s: axis %d is %d long in the file, %d in %s",
                        var->path, k, a->npy.shape[k], var->shape[k], info->name);
    }
    return ETR_NPZ_OK;
}

/* Copy the elements of VAR, which fits, into BLOCK.  */
static void fill_var(etr_npz *npz, char *block, const etr_info *info, const etr_var *var)
{
    char type[3];
    int status;
    const size_t size = element(info, var, type), n = n_elements(var);
    const array *a = get_array(npz, var->path, &status);

    for (size_t i = 0; i < n; i++) {
        const double x = a->data[i];
        const float f4 = (float)x;
        const int32_t i4 = type[0] == 'i' ? (int32_t)x : 0;
        const uint16_t u2 = type[0] == 'u' ? (uint16_t)x : etr_f16_from_f32(f4);
        const void *const element_of[] = {size == 8 ? (const void *)&x : &f4, &i4, &u2, &u2};
        memcpy(block + var->offset + i * size, element_of[var->element], size);
    }
}

int etr_npz_load(const char *path, void *block, const etr_info *info, etr_kind kind)
{
    int status = ETR_NPZ_OK, n = 0;
    etr_npz *npz = open_npz(path, &status);

    if (!npz)
        return status;
    for (int i = 0; i < info->n_vars && status == ETR_NPZ_OK; i++) {
        if (info->vars[i].kind == kind) {
            status = var_fits(npz, info, &info->vars[i]);
            n++;
        }
    }
    if (status == ETR_NPZ_OK && n != npz->count)
        status = fail(ETR_NPZ_MISMATCH, "%s has %d arrays, %s has %d", path, npz->count,
                      info->name, n);
    for (int i = 0; i < info->n_vars && status == ETR_NPZ_OK; i++) {
        if (info->vars[i].kind == kind && info->vars[i].stored)
            fill_var(npz, block, info, &info->vars[i]);
    }
    etr_npz_close(npz);
    return status;
}
