/* SPDX-License-Identifier: Apache-2.0 */
/* In: an element-wise node of a trace's shape [inputs, positions].  Out: what it is made of, by rows and columns.  */
#include "linear_form.h"

/* N, the same along axis !AXIS of a matrix, as a vector along AXIS; NO_NODE: it is none.  */
static int vector_of(ir *g, int n, int axis)
{
    const ir_node v = g->node[n];
    int64_t size = v.shape.dim[axis];
    int arg[3];
    if (v.op == OP_const)
        return ir_const(g, v.number, shape_of1(size));
    if (v.op == OP_broadcast) {
        shape s = g->node[v.arg[0]].shape;
        int missing = v.shape.rank - s.rank, other = !axis;
        bool same = other < missing || (s.dim[other - missing] == 1 && v.shape.dim[other] > 1);
        bool whole = axis >= missing && s.dim[axis - missing] == size;
        return same && whole ? ir_reshape(g, v.arg[0], shape_of1(size)) : NO_NODE;
    }
    if (v.op != OP_add && v.op != OP_sub && v.op != OP_mul && v.op != OP_div && v.op != OP_neg)
        return NO_NODE;
    for (int i = 0; i < v.n_args; i++) {
        arg[i] = vector_of(g, v.arg[i], axis);
        if (arg[i] == NO_NODE)
            return NO_NODE;
    }
    return ir_ew(g, v.op, arg);
}

void linear_form_term(ir *g, linear_form *f, int trace, int column)
{
    for (int i = 0; i < f->n_terms; i++)
        if (f->term[i].var == trace) {
            f->term[i].column = ir_ew2(g, OP_add, f->term[i].column, column);
            return;
        }
    ARENA_PUSH(g->arena, f->term, f->n_terms, f->cap_terms, ((form_term){trace, column}));
}

void linear_form_pair(ir *g, linear_form *f, int row, int column)
{
    if (ir_is_zero(g, row) || ir_is_zero(g, column))
        return;
    for (int i = 0; i < f->n_pairs; i++)
        if (f->pair[i].row == row) {
            f->pair[i].column = ir_ew2(g, OP_add, f->pair[i].column, column);
            return;
        }
    ARENA_PUSH(g->arena, f->pair, f->n_pairs, f->cap_pairs, ((form_pair){row, column}));
}

/* SCALE (a column) times F, into RES.  */
static void add_scaled(ir *g, linear_form *res, const linear_form *f, int scale)
{
    for (int i = 0; i < f->n_terms; i++)
        linear_form_term(g, res, f->term[i].var, ir_ew2(g, OP_mul, scale, f->term[i].column));
    for (int i = 0; i < f->n_pairs; i++)
        linear_form_pair(g, res, f->pair[i].row, ir_ew2(g, OP_mul, scale, f->pair[i].column));
}

static bool product(ir *g, const ir_node *v, linear_form *res)
{
    for (int k = 0; k < 2; k++) {
        int x = v->arg[k], y = v->arg[!k], column = vector_of(g, x, 1), row;
        linear_form other;
        if (column == NO_NODE)
            continue;
        row = vector_of(g, y, 0);
        if (row != NO_NODE) {
            linear_form_pair(g, res, row, column);
            return true;
        }
        if (linear_form_of(g, y, &other)) {
            add_scaled(g, res, &other, column);
            return true;
        }
    }
    return false;
}

static bool sum(ir *g, const ir_node *v, linear_form *res)
{
    shape column = shape_of1(v->shape.dim[1]);
    for (int i = 0; i < v->n_args; i++) {
        linear_form part;
        bool minus = v->op == OP_neg || (v->op == OP_sub && i == 1);
        if (!linear_form_of(g, v->arg[i], &part))
            return false;
        add_scaled(g, res, &part, ir_const(g, minus ? -1 : 1, column));
    }
    return true;
}

bool linear_form_of(ir *g, int n, linear_form *res)
{
    const ir_node v = g->node[n];
    *res = (linear_form){0};
    if (v.shape.rank != 2)
        return false;
    switch (v.op) {
    case OP_var:
        if (g->var[v.var].kind == VAR_TRACE)
            linear_form_term(g, res, v.var, ir_const(g, 1, shape_of1(v.shape.dim[1])));
        return g->var[v.var].kind == VAR_TRACE;
    case OP_mul: return product(g, &v, res);
    case OP_add:
    case OP_sub:
    case OP_neg: return sum(g, &v, res);
    default: return false;
    }
}

/* The columns of F's pairs as rows of one array: a loop that reads them all has one place to count from.  */
static void stack_columns(ir *g, const linear_form *f, int *column)
{
    int n = f->n_pairs;
    for (int i = 0; i < n; i++)
        column[i] = f->pair[i].column;
    if (n < 2)
        return;
    int64_t size = g->node[column[0]].shape.dim[0];
    for (int i = 0; i < n; i++)
        column[i] = ir_reshape(g, column[i], shape_of2(1, size));
    int all = ir_concat(g, column, n, 0);
    for (int i = 0; i < n; i++) /* not ir_slice, which would read the parts */
        column[i] = ir_reshape(g, ir_intern(g, (ir_node){.op = OP_slice, .type = TYPE_REAL,
                                                         .shape = shape_of2(1, size), .n_args = 1,
                                                         .arg = &all, .start = i, .var = -1}),
                               shape_of1(size));
}

int linear_form_value(ir *g, const linear_form *f, shape s)
{
    int value = NO_NODE, *column = ARENA_ARRAY(g->arena, int, f->n_pairs + 1);
    stack_columns(g, f, column);
    for (int i = 0; i < f->n_terms; i++) {
        int x = ir_ew2(g, OP_mul, ir_broadcast(g, f->term[i].column, s), g->var[f->term[i].var].now);
        value = value == NO_NODE ? x : ir_ew2(g, OP_add, value, x);
    }
    for (int i = 0; i < f->n_pairs; i++) {
        int row = ir_broadcast(g, ir_reshape(g, f->pair[i].row, shape_of2(s.dim[0], 1)), s);
        int x = ir_ew2(g, OP_mul, row, ir_broadcast(g, column[i], s));
        value = value == NO_NODE ? x : ir_ew2(g, OP_add, value, x);
    }
    return value == NO_NODE ? ir_const(g, 0, s) : value;
}
