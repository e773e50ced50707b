/* SPDX-License-Identifier: Apache-2.0 */
/* In: constants as written: a number, nested lists, or an array of a .npz file.  Out: nodes.  Their elements
   stand in the emitted C one by one; what is larger is a parameter with trainable: false.  */
#define _POSIX_C_SOURCE 200809L

#include "scope.h"

#include "etrace_npz.h"

#include <math.h>
#include <sys/stat.h>

enum { ELEMENTS_MAX = 4096, DEPTH_MAX = 3 };

typedef struct {
    lowering *lo;
    scope *sc;
    const spec_decl *d;
    shape shape;
    size_t n, cap;
    int *element; /* scalars, in C order */
} reading;

static bool too_large(reading *r, loc at)
{
    if (r->n < ELEMENTS_MAX)
        return false;
    diag_error(r->lo->diag, at, "E0312", "the constant '%s' has more than %d elements", r->d->name,
               ELEMENTS_MAX);
    diag_note(r->lo->diag, r->d->at, "make it a parameter with 'trainable: false', and fill that when the "
                                     "program runs");
    return true;
}

static bool add_element(reading *r, int x)
{
    ARENA_PUSH(r->lo->arena, r->element, r->n, r->cap, x);
    return true;
}

/* The list T, DEPTH lists deep; the first at each depth says how long all of them are.  */
static bool read_list(reading *r, const yaml_tree *t, int depth)
{
    if (t->kind == YAML_SCALAR && depth == r->shape.rank) {
        const expr *e = expr_parse(t, r->lo->arena, r->lo->diag);
        int x = e && !too_large(r, t->at) ? eval(r->lo, r->sc, e) : NO_NODE;
        if (x == NO_NODE)
            return false;
        if (r->lo->ir->node[x].shape.rank == 0)
            return add_element(r, x);
    } else if (t->kind == YAML_SEQUENCE && depth < r->shape.rank
               && (int64_t)t->n == r->shape.dim[depth]) {
        bool whole = true;
        for (size_t i = 0; whole && i < t->n; i++)
            whole = read_list(r, t->item[i], depth + 1);
        return whole;
    }
    diag_error(r->lo->diag, t->at, "E0417", "the lists of '%s' do not make an array: the first ones make %s",
               r->d->name, shape_text(r->lo->arena, r->shape));
    return false;
}

static bool read_lists(reading *r, const yaml_tree *t)
{
    const yaml_tree *first = t;
    for (; first->kind == YAML_SEQUENCE && first->n > 0 && r->shape.rank <= DEPTH_MAX; first = first->item[0])
        r->shape.dim[r->shape.rank++] = (int64_t)first->n;
    if (first->kind == YAML_SCALAR && r->shape.rank <= DEPTH_MAX)
        return read_list(r, t, 0);
    diag_error(r->lo->diag, t->at, "E0311", "the constant '%s' is a number or up to %d lists inside of one "
               "another, none of them empty", r->d->name, DEPTH_MAX);
    return false;
}

/* --- .npz ------------------------------------------------------------------------------------------------ */

static bool take_array(reading *r, etr_npz *npz)
{
    int rank, dim[ETR_RANK_MAX];
    const yaml_tree *name = r->d->member;
    const double *x = etr_npz_get(npz, name->text, &rank, dim);
    bool empty = false;
    for (int k = 0; x && k < rank; k++)
        empty = empty || dim[k] == 0;
    if (!x || empty || rank > RANK_MAX) {
        diag_error(r->lo->diag, name->at, "E0418", "there is no array '%s' of numbers in %s", name->text,
                   r->d->npz->text);
        return false;
    }
    r->shape.rank = rank;
    int64_t n = 1;
    for (int k = 0; k < rank; k++)
        n *= r->shape.dim[k] = dim[k];
    for (int64_t i = 0; i < n; i++) {
        if (too_large(r, name->at))
            return false;
        if (!ir_has_number(r->lo->ir, x[i])) {
            diag_error(r->lo->diag, name->at, "E0421", "element %lld of '%s' is not finite%s", (long long)i,
                       name->text, isfinite(x[i]) ? " as a float" : "");
            return false;
        }
        add_element(r, ir_const(r->lo->ir, x[i], shape_scalar()));
    }
    return true;
}

static bool read_file(reading *r)
{
    lowering *lo = r->lo;
    const yaml_tree *t = r->d->npz;
    const char *fault = import_path_fault(t->text);
    const char *path = arena_printf(lo->arena, "%s%s", lo->model_dir, t->text);
    struct stat st;
    if (!fault && lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
        fault = "it is no regular file; symbolic links are not followed";
    etr_npz *npz = fault ? NULL : etr_npz_open(path);
    if (!npz) {
        diag_error(lo->diag, t->at, "E0419", "cannot read '%s': %s", t->text,
                   fault ? fault : etr_npz_error());
        return false;
    }
    diag_read(lo->diag, path);
    bool whole = take_array(r, npz);
    etr_npz_close(npz);
    return whole;
}

/* --- nodes ------------------------------------------------------------------------------------------------ */

static int array_node(reading *r)
{
    ir *g = r->lo->ir;
    bool same = true;
    for (size_t i = 1; i < r->n; i++)
        same = same && r->element[i] == r->element[0];
    if (same && g->node[r->element[0]].op == OP_const)
        return ir_const(g, g->node[r->element[0]].number, r->shape);
    for (size_t i = 0; i < r->n; i++)
        r->element[i] = ir_reshape(g, r->element[i], shape_of1(1));
    return ir_reshape(g, ir_concat(g, r->element, (int)r->n, 0), r->shape);
}

int constant_node(lowering *lo, scope *sc, const spec_decl *d)
{
    reading r = {.lo = lo, .sc = sc, .d = d};
    shape declared = shape_scalar(), fit;
    if (d->rank && !eval_shape(lo, sc, d, &declared))
        return NO_NODE;
    if (!(d->npz ? read_file(&r) : read_lists(&r, d->value)))
        return NO_NODE;
    int x = array_node(&r);
    if (!d->rank)
        return x;
    if (shape_broadcast(r.shape, declared, &fit) && shape_equal(fit, declared))
        return ir_broadcast(lo->ir, x, declared);
    diag_error(lo->diag, d->at, "E0420", "the constant '%s' is %s, but declared as %s", d->name,
               shape_text(lo->arena, r.shape), shape_text(lo->arena, declared));
    return NO_NODE;
}
