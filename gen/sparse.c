/* SPDX-License-Identifier: Apache-2.0 */
/* In: `sparse:` of a parameter, as written.  Out: where its non-zeros stand.
   Afterwards every place is inside of the matrix, and no place is there twice.

     sparse: {random: {p: 0.1, seed: 1}}         each element with probability p
     sparse: {rows: [0, 0, 2], cols: [1, 3, 0]}  one by one, in the order of the parameter's elements
     sparse: {indptr: [0, 2, 2, 3], indices: [1, 3, 0]}   the same, row by row (CSR)
     sparse: {npz: pattern.npz}                  arrays row and col, or indptr and indices, as scipy saves them  */
#define _POSIX_C_SOURCE 200809L

#include "etrace_npz.h"
#include "etrace_random.h"
#include "scope.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Elements that are drawn one by one: no spec may keep us busy for long.  */
static const int64_t DRAWS_MAX = INT64_C(1) << 28;

typedef struct {
    lowering *lo;
    const yaml_tree *tree; /* the mapping behind `sparse:` */
    int64_t n_rows, n_cols;
    int32_t *row, *col;
    int64_t n;
} reader;

static bool fail(const reader *r, const yaml_tree *t, const char *code, const char *what)
{
    diag_error(r->lo->diag, t->at, code, "%s", what);
    return false;
}

/* --- the four ways to say it --------------------------------------------------------------------- */

static bool read_number(const reader *r, const yaml_tree *t, double *res)
{
    const expr *e = t && t->kind == YAML_SCALAR ? expr_parse(t, r->lo->arena, r->lo->diag) : NULL;
    if (!e)
        return false;
    *res = e->number;
    return e->kind == EXPR_NUMBER || fail(r, t, "E0630", "a number is wanted here");
}

/* Number INDEX of stream 0 under SEED, below LIMIT * 2^-53?  Numbers come in pairs from one block: etr_uniform_f64
   would make each block twice.  */
static bool is_below(uint64_t seed, uint64_t index, double limit, uint32_t *word)
{
    const unsigned at = (unsigned)(index % 2) * 2;
    if (at == 0)
        etr_random_block(seed, 0, index / 2, word);
    return (double)((((uint64_t)word[at] << 32) | word[at + 1]) >> 11) < limit;
}

struct drawn_pattern {
    double p, seed;
    int64_t n_rows, n_cols, n;
    int32_t *row, *col;
    drawn_pattern *next;
};

/* Has this run drawn the same already?  Then R has it.  */
static bool find_drawn(reader *r, double p, double seed)
{
    const drawn_patterns *all = r->lo->options->drawn;
    for (const drawn_pattern *d = all ? all->first : NULL; d; d = d->next)
        if (d->p == p && d->seed == seed && d->n_rows == r->n_rows && d->n_cols == r->n_cols) {
            r->n = d->n;
            r->row = d->row;
            r->col = d->col;
            return true;
        }
    return false;
}

static void keep_drawn(const reader *r, double p, double seed)
{
    drawn_patterns *all = r->lo->options->drawn;
    drawn_pattern *d = all ? ARENA_NEW(r->lo->arena, drawn_pattern) : NULL;
    if (!d)
        return;
    *d = (drawn_pattern){p, seed, r->n_rows, r->n_cols, r->n, r->row, r->col, all->first};
    all->first = d;
}

/* Element (i, k) is there when number i * n_cols + k of stream 0 under the seed is below p.  */
static void draw(reader *r, double p, double seed)
{
    size_t cap_row = 0, cap_col = 0;
    const double limit = p * 9007199254740992.0;
    uint32_t word[4];
    for (int64_t i = 0; i < r->n_rows; i++)
        for (int64_t k = 0; k < r->n_cols; k++) {
            if (!is_below((uint64_t)seed, (uint64_t)(i * r->n_cols + k), limit, word))
                continue;
            arena_grow(r->lo->arena, &r->row, (size_t)r->n, &cap_row, sizeof *r->row);
            arena_grow(r->lo->arena, &r->col, (size_t)r->n, &cap_col, sizeof *r->col);
            r->row[r->n] = (int32_t)i;
            r->col[r->n++] = (int32_t)k;
        }
    keep_drawn(r, p, seed);
}

static bool read_random(reader *r, const yaml_tree *t)
{
    double p = -1, seed = 0;
    const yaml_tree *at_p = t->kind == YAML_MAPPING ? yaml_get(t, "p") : NULL;
    const yaml_tree *at_seed = t->kind == YAML_MAPPING ? yaml_get(t, "seed") : NULL;
    for (size_t i = 0; t->kind == YAML_MAPPING && i < t->n; i++)
        if (t->pair[i].value != at_p && t->pair[i].value != at_seed)
            return fail(r, t->pair[i].key, "E0631", "'random' has the keys p and seed");
    if (!at_p || !at_seed)
        return fail(r, t, "E0631", "'random' is {p: 0.1, seed: 1}");
    if (!read_number(r, at_p, &p) || !read_number(r, at_seed, &seed))
        return false;
    if (!(seed >= 0 && seed <= 9007199254740992.0 && seed == floor(seed)))
        return fail(r, at_seed, "E0645", "a seed is a whole number");
    if (r->n_rows * r->n_cols > DRAWS_MAX)
        return fail(r, t, "E0646", "the matrix has too many elements to draw each; give the pattern in a "
                                   "file");
    if (!(p > 0 && p <= 1))
        return fail(r, at_p, "E0632", "a probability is above 0 and at most 1");
    if (!find_drawn(r, p, seed))
        draw(r, p, seed);
    return true;
}

/* A list of whole numbers below LIMIT.  */
static int32_t *read_list(const reader *r, const yaml_tree *t, int64_t limit, int64_t *n)
{
    if (t->kind != YAML_SEQUENCE) {
        fail(r, t, "E0633", "a list of whole numbers is wanted here");
        return NULL;
    }
    int32_t *res = ARENA_ARRAY(r->lo->arena, int32_t, t->n + 1);
    for (size_t i = 0; i < t->n; i++) {
        const yaml_tree *item = t->item[i];
        char *end = NULL;
        long value = item->kind == YAML_SCALAR && item->len < 12 ? strtol(item->text, &end, 10) : -1;
        if (!end || end == item->text || *end) {
            fail(r, item, "E0633", "a whole number is wanted here");
            return NULL;
        }
        if (value < 0 || value >= limit) {
            diag_error(r->lo->diag, item->at, "E0634", "%ld is outside of 0 to %lld", value,
                       (long long)limit - 1);
            return NULL;
        }
        res[i] = (int32_t)value;
    }
    *n = (int64_t)t->n;
    return res;
}

/* Rows from the places where they begin.  */
static bool set_rows(reader *r, const yaml_tree *at, const int32_t *start, int64_t n_starts)
{
    bool fits = n_starts == r->n_rows + 1 && start[0] == 0 && start[r->n_rows] == r->n;
    for (int64_t i = 0; fits && i < r->n_rows; i++)
        fits = start[i] <= start[i + 1];
    if (!fits)
        return fail(r, at, "E0635", "indptr has one number more than rows, from 0 up to the number of "
                                    "indices");
    r->row = ARENA_ARRAY(r->lo->arena, int32_t, r->n + 1);
    for (int64_t i = 0; i < r->n_rows; i++)
        for (int32_t k = start[i]; k < start[i + 1]; k++)
            r->row[k] = (int32_t)i;
    return true;
}

static bool read_lists(reader *r)
{
    const yaml_tree *rows = yaml_get(r->tree, "rows"), *cols = yaml_get(r->tree, "cols");
    const yaml_tree *start = yaml_get(r->tree, "indptr"), *index = yaml_get(r->tree, "indices");
    int64_t n_rows = 0;
    r->col = read_list(r, cols ? cols : index, r->n_cols, &r->n);
    if (!r->col)
        return false;
    if (start) {
        const int32_t *starts = read_list(r, start, (int64_t)INT32_MAX, &n_rows);
        return starts && set_rows(r, start, starts, n_rows);
    }
    r->row = read_list(r, rows, r->n_rows, &n_rows);
    return r->row && (n_rows == r->n || fail(r, rows, "E0636", "rows and cols are not of one length"));
}

/* --- from a file --------------------------------------------------------------------------------- */

/* The array NAME of whole numbers below LIMIT; NULL if there is none, or after an error.  */
static int32_t *read_array(reader *r, const yaml_tree *t, etr_npz *npz, const char *name, int64_t limit,
                           int64_t *n, bool *failed)
{
    int rank, s[ETR_RANK_MAX];
    const double *x = etr_npz_get(npz, name, &rank, s);
    if (!x || rank != 1)
        return NULL;
    *n = s[0];
    int32_t *res = ARENA_ARRAY(r->lo->arena, int32_t, *n + 1);
    for (int64_t i = 0; i < *n; i++) {
        if (!(x[i] >= 0 && x[i] < (double)limit && x[i] == floor(x[i]))) {
            *failed = true;
            diag_error(r->lo->diag, t->at, "E0634", "%s: %s has %g, no whole number from 0 to %lld", t->text, name,
                       x[i], (long long)limit - 1);
            return NULL;
        }
        res[i] = (int32_t)x[i];
    }
    return res;
}

static bool read_arrays(reader *r, const yaml_tree *t, etr_npz *npz)
{
    int64_t n_rows = 0;
    bool failed = false;
    r->row = read_array(r, t, npz, "row", r->n_rows, &n_rows, &failed);
    if (r->row) {
        r->col = read_array(r, t, npz, "col", r->n_cols, &r->n, &failed);
        if (r->col && n_rows == r->n)
            return true;
    } else if (!failed) {
        r->col = read_array(r, t, npz, "indices", r->n_cols, &r->n, &failed);
        const int32_t *start = read_array(r, t, npz, "indptr", (int64_t)INT32_MAX, &n_rows, &failed);
        if (r->col && start)
            return set_rows(r, t, start, n_rows);
    }
    if (!failed)
        diag_error(r->lo->diag, t->at, "E0637",
                   "%s has no whole-number arrays row and col, or indptr and indices, of one axis",
                   t->text);
    return false;
}

/* A file below the spec's folder; no way leads out of it.  */
static const char *path_inside(const reader *r, const yaml_tree *t)
{
    const char *path = t->kind == YAML_SCALAR ? t->text : "";
    bool leaves = path[0] == '/' || path[0] == '\0' || strncmp(path, "../", 3) == 0
                  || strstr(path, "/../") != NULL;
    const char *whole = arena_printf(r->lo->arena, "%s%s", r->lo->model_dir, path);
    struct stat st;
    if (leaves)
        fail(r, t, "E0638", "a file is named by its path below the spec's folder");
    else if (lstat(whole, &st) == 0 && S_ISLNK(st.st_mode))
        fail(r, t, "E0639", "this file is a symbolic link; links are not followed");
    else
        return whole;
    return NULL;
}

static bool read_file(reader *r, const yaml_tree *t)
{
    const char *path = path_inside(r, t);
    etr_npz *npz = path ? etr_npz_open(path) : NULL;
    if (path && !npz)
        diag_error(r->lo->diag, t->at, "E0640", "the pattern cannot be read: %s", etr_npz_error());
    if (npz)
        diag_read(r->lo->diag, path);
    bool ok = npz && read_arrays(r, t, npz);
    if (npz)
        etr_npz_close(npz);
    return ok;
}

/* --- checks -------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool check_places(const reader *r)
{
    int64_t *place = ARENA_ARRAY(r->lo->arena, int64_t, r->n + 1);
    if (r->n == 0)
        return fail(r, r->tree, "E0641", "the pattern is empty");
    for (int64_t i = 0; i < r->n; i++)
        place[i] = r->row[i] * r->n_cols + r->col[i];
    bool sorted = true;
    for (int64_t i = 1; i < r->n && sorted; i++)
        sorted = place[i - 1] <= place[i];
    if (!sorted)
        qsort(place, (size_t)r->n, sizeof *place, compare);
    for (int64_t i = 1; i < r->n; i++)
        if (place[i] == place[i - 1]) {
            diag_error(r->lo->diag, r->tree->at, "E0642", "the place [%lld, %lld] is there twice",
                       (long long)(place[i] / r->n_cols), (long long)(place[i] % r->n_cols));
            return false;
        }
    return true;
}

int sparse_read(lowering *lo, const yaml_tree *tree, shape s)
{
    reader r = {.lo = lo, .tree = tree, .n_rows = s.dim[0], .n_cols = s.rank == 2 ? s.dim[1] : 0};
    if (s.rank != 2 || tree->kind != YAML_MAPPING) {
        fail(&r, tree, "E0643", s.rank != 2 ? "a sparse parameter has two axes"
                                            : "sparse is a mapping, like {random: {p: 0.1, seed: 1}}");
        return -1;
    }
    const yaml_tree *random = yaml_get(tree, "random"), *file = yaml_get(tree, "npz");
    bool lists = (yaml_get(tree, "rows") && yaml_get(tree, "cols"))
                 || (yaml_get(tree, "indptr") && yaml_get(tree, "indices"));
    if (tree->n != (lists ? 2 : 1) || !(random || file || lists)) {
        fail(&r, tree, "E0644", "sparse has one of: random; rows and cols; indptr and indices; npz");
        return -1;
    }
    bool read = random ? read_random(&r, random) : file ? read_file(&r, file) : read_lists(&r);
    if (!read || !check_places(&r))
        return -1;
    return ir_pattern(lo->ir, (pattern){.n_rows = r.n_rows, .n_cols = r.n_cols, .n = r.n,
                                        .row = r.row, .col = r.col});
}
