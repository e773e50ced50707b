/* SPDX-License-Identifier: MIT-0 */
/* .safetensors files.  In: a block of memory and its table, or a path.  Out: a file that the
   library of that name reads, or the block filled.  What holds afterwards: a file or a block is
   changed wholly or not at all.  */
#define _POSIX_C_SOURCE 200809L

#include "etrace_safetensors.h"
#include "etrace_file.h"
#include "etrace_safetensors_head.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum { PREFIX = 8, HEAD_MAX = 16 << 20, CHUNK = 1 << 13 };

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
static _Thread_local char error_text[256];
#else
static char error_text[256];
#endif

const char *etr_safetensors_error(void)
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

static const char *type_name(const etr_info *info, const etr_var *var)
{
    static const char *const name[] = {NULL, "I32", "BF16", "F16"};

    if (var->element != ETR_REAL)
        return name[var->element];
    return info->real_bytes == 8 ? "F64" : "F32";
}

static size_t element_size(const etr_info *info, const etr_var *var)
{
    static const size_t size[] = {0, 4, 2, 2};

    return var->element == ETR_REAL ? (size_t)info->real_bytes : size[var->element];
}

static size_t n_elements(const etr_var *var)
{
    size_t n = 1;

    for (int k = 0; k < var->rank; k++)
        n *= (size_t)var->shape[k];
    return n;
}

/* Copy N elements of SIZE bytes between this machine's order and the file's.  */
static void copy_elements(char *to, const char *from, size_t n, size_t size)
{
    const uint16_t one = 1;
    unsigned char little;

    memcpy(&little, &one, 1);
    if (n > 0)
        memcpy(to, from, n * size);
    for (size_t i = 0; !little && i < n * size; i++)
        to[i] = from[i / size * size + size - 1 - i % size];
}

/* --- writing ------------------------------------------------------------------------------- */

/* A text that grows; NULL when there was no memory.  */
typedef struct {
    char *bytes;
    size_t n, room;
} text;

static int add_bytes(text *t, size_t n)
{
    if (t->n + n > t->room) {
        const size_t room = 2 * (t->n + n);
        char *bytes = realloc(t->bytes, room);
        if (!bytes)
            return 0;
        t->bytes = bytes;
        t->room = room;
    }
    t->n += n;
    return 1;
}

static int add_text(text *t, const char *s)
{
    const size_t n = strlen(s);

    if (!add_bytes(t, n))
        return 0;
    memcpy(t->bytes + t->n - n, s, n);
    return 1;
}

static int name_is_plain(const char *name)
{
    for (const char *p = name; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == '"' || *p == '\\')
            return 0;
    }
    return name[0] != '\0';
}

/* VAR's entry in the head, and its bytes.  */
static int add_var(text *head, text *data, const char *block, const etr_info *info,
                   const etr_var *var)
{
    const size_t size = element_size(info, var), n = n_elements(var), start = data->n;
    const float constant = (float)var->constant;
    char number[80];
    int good = add_text(head, head->n > PREFIX + 1 ? ",\"" : "\"") && add_text(head, var->path) &&
               add_text(head, "\":{\"dtype\":\"") && add_text(head, type_name(info, var)) &&
               add_text(head, "\",\"shape\":[");

    for (int k = 0; good && k < var->rank; k++) {
        snprintf(number, sizeof number, k ? ",%d" : "%d", var->shape[k]);
        good = add_text(head, number);
    }
    snprintf(number, sizeof number, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)start,
             (unsigned long long)(start + n * size));
    if (!good || !add_text(head, number) || !add_bytes(data, n * size))
        return 0;
    if (var->stored)
        copy_elements(data->bytes + start, block + var->offset, n, size);
    for (size_t i = 0; !var->stored && i < n; i++)
        copy_elements(data->bytes + start + i * size,
                      size == 8 ? (const char *)&var->constant : (const char *)&constant, 1, size);
    return 1;
}

/* End the head so that the data begin at a multiple of 8, and write its length before it.  */
static int end_head(text *head)
{
    size_t n;

    if (!add_text(head, "}"))
        return 0;
    while (head->n % 8 != 0) {
        if (!add_text(head, " "))
            return 0;
    }
    n = head->n - PREFIX;
    for (int k = 0; k < PREFIX; k++)
        head->bytes[k] = (char)((uint64_t)n >> 8 * k & 255);
    return 1;
}

static int add_all(text *head, text *data, const char *block, const etr_info *info, etr_kind kind)
{
    int n = 0, good = add_bytes(head, PREFIX) && add_text(head, "{");

    for (int i = 0; good && i < info->n_vars; i++) {
        const etr_var *var = &info->vars[i];
        if (var->kind != kind)
            continue;
        if (!name_is_plain(var->path))
            return fail(ETR_SAFETENSORS_MISMATCH,
                        "arrays of this kind have no names to be saved under");
        good = add_var(head, data, block, info, var);
        n++;
    }
    if (good && n == 0)
        return fail(ETR_SAFETENSORS_MISMATCH, "%s has no arrays of this kind", info->name);
    if (!good || !end_head(head))
        return fail(ETR_SAFETENSORS_MEMORY, "out of memory");
    return ETR_SAFETENSORS_OK;
}

int etr_safetensors_save(const char *path, const void *block, const etr_info *info, etr_kind kind)
{
    text head = {NULL, 0, 0}, data = {NULL, 0, 0};
    int status = add_all(&head, &data, block, info, kind);
    const etr_file_part parts[] = {{head.bytes, head.n}, {data.bytes, data.n}};

    if (status == ETR_SAFETENSORS_OK && etr_file_replace(path, parts, 2) != 0)
        status = fail(ETR_SAFETENSORS_IO, "%s: %s", path, strerror(errno));
    free(head.bytes);
    free(data.bytes);
    return status;
}

/* --- reading ------------------------------------------------------------------------------- */

struct etr_safetensors {
    FILE *file;
    char *head;
    off_t data; /* where the first array may begin */
    int count;
    etr_tensor *tensor;
    double **value; /* NULL: not read yet */
};

/* Read the head's length and the head; *DATA_BYTES are behind it.  */
static int read_head(etr_safetensors *f, const char *path, size_t *len, uint64_t *data_bytes)
{
    unsigned char prefix[PREFIX];
    uint64_t n = 0;
    off_t size;

    if (fseeko(f->file, 0, SEEK_END) != 0 || (size = ftello(f->file)) < 0 ||
        fseeko(f->file, 0, SEEK_SET) != 0)
        return fail(ETR_SAFETENSORS_IO, "%s: %s", path, strerror(errno));
    if (fread(prefix, 1, PREFIX, f->file) != PREFIX)
        return fail(ETR_SAFETENSORS_FORMAT, "%s: not a .safetensors: too short", path);
    for (int k = PREFIX - 1; k >= 0; k--)
        n = n << 8 | prefix[k];
    if (n > HEAD_MAX || n > (uint64_t)size - PREFIX)
        return fail(ETR_SAFETENSORS_FORMAT, "%s: not a .safetensors: a head of %llu bytes", path,
                    (unsigned long long)n);
    *len = (size_t)n;
    f->data = (off_t)(PREFIX + *len);
    *data_bytes = (uint64_t)(size - f->data);
    f->head = malloc(*len + 1);
    if (!f->head)
        return fail(ETR_SAFETENSORS_MEMORY, "out of memory");
    if (fread(f->head, 1, *len, f->file) != *len)
        return fail(ETR_SAFETENSORS_IO, "%s: cannot be read", path);
    return ETR_SAFETENSORS_OK;
}

static int open_head(etr_safetensors *f, const char *path)
{
    etr_head_error error;
    uint64_t data_bytes = 0;
    size_t len = 0;
    int status = read_head(f, path, &len, &data_bytes);

    if (status != ETR_SAFETENSORS_OK)
        return status;
    f->count = etr_head_parse(f->head, len, data_bytes, &f->tensor, &error);
    if (f->count < 0)
        return fail(ETR_SAFETENSORS_FORMAT, "%s: head, byte %zu: %s", path, error.at, error.why);
    f->value = calloc((size_t)f->count + 1, sizeof *f->value);
    return f->value ? ETR_SAFETENSORS_OK : fail(ETR_SAFETENSORS_MEMORY, "out of memory");
}

/* NULL after a message; STATUS then says more.  */
static etr_safetensors *open_file(const char *path, int *status)
{
    etr_safetensors *f = calloc(1, sizeof *f);

    if (!f) {
        *status = fail(ETR_SAFETENSORS_MEMORY, "out of memory");
        return NULL;
    }
    f->file = etr_file_open(path);
    *status = f->file ? open_head(f, path)
                      : fail(ETR_SAFETENSORS_IO, "%s: %s", path, strerror(errno));
    if (*status == ETR_SAFETENSORS_OK)
        return f;
    etr_safetensors_close(f);
    return NULL;
}

etr_safetensors *etr_safetensors_open(const char *path)
{
    int status;

    return open_file(path, &status);
}

int etr_safetensors_count(const etr_safetensors *file)
{
    return file->count;
}

const char *etr_safetensors_name(const etr_safetensors *file, int i)
{
    return i >= 0 && i < file->count ? file->tensor[i].name : NULL;
}

static const etr_tensor *find(const etr_safetensors *f, const char *name)
{
    int low = 0, high = f->count - 1;

    while (low <= high) {
        const int middle = low + (high - low) / 2;
        const int order = strcmp(name, f->tensor[middle].name);
        if (order == 0)
            return &f->tensor[middle];
        if (order < 0)
            high = middle - 1;
        else
            low = middle + 1;
    }
    fail(ETR_SAFETENSORS_MISMATCH, "no array is named %s", name);
    return NULL;
}

static int seek(etr_safetensors *f, const etr_tensor *t)
{
    return fseeko(f->file, f->data + (off_t)t->start, SEEK_SET) == 0;
}

static int read_values(etr_safetensors *f, const etr_tensor *t, double *x)
{
    unsigned char chunk[CHUNK];
    const size_t size = (size_t)t->size;

    if (!seek(f, t))
        return 0;
    for (size_t done = 0; done < t->n;) {
        const size_t n = t->n - done < CHUNK / size ? t->n - done : CHUNK / size;
        if (fread(chunk, size, n, f->file) != n)
            return 0;
        for (size_t i = 0; i < n; i++)
            x[done + i] = etr_tensor_convert(t, chunk + i * size);
        done += n;
    }
    return 1;
}

const double *etr_safetensors_get(etr_safetensors *file, const char *name, int *rank,
                                  int shape[ETR_RANK_MAX])
{
    const etr_tensor *t = find(file, name);
    double *x;

    if (!t)
        return NULL;
    x = file->value[t - file->tensor];
    if (!x) {
        x = calloc(t->n ? t->n : 1, sizeof *x);
        if (!x || !read_values(file, t, x)) {
            fail(ETR_SAFETENSORS_IO, "%s: %s", name, x ? "cannot be read" : "out of memory");
            free(x);
            return NULL;
        }
        file->value[t - file->tensor] = x;
    }
    *rank = t->rank;
    memcpy(shape, t->shape, sizeof t->shape);
    return x;
}

void etr_safetensors_close(etr_safetensors *file)
{
    if (!file)
        return;
    for (int i = 0; file->value && i < file->count; i++)
        free(file->value[i]);
    if (file->file)
        fclose(file->file);
    free(file->value);
    free(file->tensor);
    free(file->head);
    free(file);
}

/* --- loading a block ----------------------------------------------------------------------- */

/* The array for VAR, of its shape and type.  NULL after a message.  */
static const etr_tensor *find_var(const etr_safetensors *f, const etr_info *info,
                                  const etr_var *var)
{
    const etr_tensor *t = find(f, var->path);

    if (!t)
        return NULL;
    if (strcmp(t->type, type_name(info, var)) != 0) {
        fail(ETR_SAFETENSORS_MISMATCH, "%s: elements are %s in the file, %s in %s", var->path,
             t->type, type_name(info, var), info->name);
        return NULL;
    }
    if (t->rank != var->rank) {
        fail(ETR_SAFETENSORS_MISMATCH, "%s: %d axes in the file, %d in %s", var->path, t->rank,
             var->rank, info->name);
        return NULL;
    }
    for (int k = 0; k < t->rank; k++) {
        if (t->shape[k] != var->shape[k]) {
            fail(ETR_SAFETENSORS_MISMATCH, "%s: axis %d is %d long in the file, %d in %s",
                 var->path, k, t->shape[k], var->shape[k], info->name);
            return NULL;
        }
    }
    return t;
}

/* Are the file's arrays those of KIND?  *BYTES: of all that is stored.  */
static int check_vars(const etr_safetensors *f, const char *path, const etr_info *info,
                      etr_kind kind, size_t *bytes)
{
    int n = 0;

    *bytes = 0;
    for (int i = 0; i < info->n_vars; i++) {
        const etr_var *var = &info->vars[i];
        if (var->kind != kind)
            continue;
        if (!find_var(f, info, var))
            return ETR_SAFETENSORS_MISMATCH;
        *bytes += var->stored ? n_elements(var) * element_size(info, var) : 0;
        n++;
    }
    if (n != f->count)
        return fail(ETR_SAFETENSORS_MISMATCH, "%s has %d arrays, %s has %d", path, f->count,
                    info->name, n);
    return ETR_SAFETENSORS_OK;
}

/* Read all that is stored into BYTES, then, when that worked, into BLOCK.  */
static int fill(etr_safetensors *f, char *bytes, char *block, const etr_info *info, etr_kind kind)
{
    for (int pass = 0; pass < 2; pass++) {
        size_t at = 0;
        for (int i = 0; i < info->n_vars; i++) {
            const etr_var *var = &info->vars[i];
            const size_t n = n_elements(var), size = element_size(info, var);
            if (var->kind != kind || !var->stored)
                continue;
            if (pass == 0 && (!seek(f, find(f, var->path)) ||
                              fread(bytes + at, size, n, f->file) != n))
                return fail(ETR_SAFETENSORS_IO, "%s: cannot be read", var->path);
            if (pass == 1)
                copy_elements(block + var->offset, bytes + at, n, size);
            at += n * size;
        }
    }
    return ETR_SAFETENSORS_OK;
}

int etr_safetensors_load(const char *path, void *block, const etr_info *info, etr_kind kind)
{
    int status;
    etr_safetensors *f = open_file(path, &status);
    char *bytes = NULL;
    size_t n;

    if (!f)
        return status;
    status = check_vars(f, path, info, kind, &n);
    if (status == ETR_SAFETENSORS_OK && !(bytes = malloc(n + 1)))
        status = fail(ETR_SAFETENSORS_MEMORY, "out of memory");
    if (status == ETR_SAFETENSORS_OK)
        status = fill(f, bytes, block, info, kind);
    free(bytes);
    etr_safetensors_close(f);
    return status;
}
