/* SPDX-License-Identifier: Apache-2.0 */
/* In: a product of matrices that stand in memory one number after another.  Out: a call of a function of its own, which
   all products of its size call.  Afterwards a compiler has its loops once, not in every function of the model.  */
#include "cgen_part.h"

#include <string.h>

/* Pairs of numbers from which on a product is worth a call; and the most numbers that an int is sure to count.  */
enum { CALLED_PAIRS = 1 << 11, CALLED_MAX = 1 << 30 };

/* Where row START of N stands, all behind it in order: `&p->W[0][0]`; NULL: it does not.  */
static const char *address(cgen *c, int n, int64_t start)
{
    subscript at[RANK_MAX] = {{NULL, start}};
    while (start == 0 && schedule_is_view(c->sc, n) && c->ir->node[n].op == OP_reshape)
        n = schedule_source(c->ir, n);
    if (schedule_is_view(c->sc, n) && c->ir->node[n].op == OP_slice && c->ir->node[n].axis == 0) {
        at[0].add += c->ir->node[n].start;
        n = schedule_source(c->ir, n);
    }
    const ir_node *v = &c->ir->node[n];
    holding hold = c->sc->hold[n];
    bool kept = hold == HOLD_ARRAY || hold == HOLD_PLACE;
    int joined = v->op == OP_var ? 0 : c->sc->joined[n]; /* a part of a vector is in order too */
    bool whole = v->op == OP_var || (kept && (!joined || c->ir->node[joined - 1].shape.rank == 1));
    if (!whole || schedule_is_view(c->sc, n) || v->shape.rank == 0 || v->type != TYPE_REAL
        || cgen_half(c, n) != HALF_NONE)
        return NULL;
    return arena_printf(c->arena, "&%s", cgen_held(c, n, at));
}

static bool is_known(const cgen_functions *f, const char *name)
{
    for (int i = 0; i < f->n; i++)
        if (strcmp(f->name[i], name) == 0)
            return true;
    return false;
}

/* The function NAME: LOOPS, of product N.  */
static void define(cgen *c, int n, const char *name, void (*loops)(cgen *c, int n))
{
    cgen_functions *f = c->style->functions;
    buf *out = c->out;
    const char *real = cgen_real(c);
    const char *head = arena_printf(c->arena, "void %s(const %s *restrict x, const %s *restrict w, %s *restrict y)",
                                    name, real, real, real);
    int from = c->from;
    ARENA_PUSH(c->arena, f->name, f->n, f->cap, name);
    c->out = &f->text;
    c->from = 0;
    c->called = true;
    cgen_statement(c, "et_called", 1, &head);
    loops(c, n);
    cgen_end(c);
    c->called = false;
    c->from = from;
    c->out = out;
}

bool cgen_call(cgen *c, int n, void (*loops)(cgen *c, int n))
{
    const ir_node *v = &c->ir->node[n];
    shape x = c->ir->node[v->arg[0]].shape, w = c->ir->node[v->arg[1]].shape;
    bool outer = v->op == OP_outer;
    int64_t inner = x.dim[x.rank - 1], columns = v->shape.dim[v->shape.rank - 1];
    int64_t rows = shape_numel(x) / (inner > 0 ? inner : 1);
    if (!c->style->functions || c->called || c->frame || w.rank < 2 - outer
        || rows * inner * columns < CALLED_PAIRS || shape_numel(x) > CALLED_MAX || shape_numel(w) > CALLED_MAX
        || shape_numel(v->shape) > CALLED_MAX)
        return false;
    const char *arg[] = {address(c, v->arg[0], 0), address(c, v->arg[1], v->op == OP_matmul_t ? v->start : 0),
                         address(c, n, 0)};
    if (!arg[0] || !arg[1] || !arg[2])
        return false;
    const char *what = outer ? "outer" : v->op == OP_matmul_t ? "product_t" : "product";
    const char *several = rows > 1 ? arena_printf(c->arena, "_%lld", (long long)rows) : "";
    const char *name = arena_printf(c->arena, "etr_%s%s_%lld_%lld", what, several, (long long)inner,
                                    (long long)columns);
    if (!is_known(c->style->functions, name))
        define(c, n, name, loops);
    cgen_line(c, arena_printf(c->arena, "%s(%s, %s, %s);", name, arg[0], arg[1], arg[2]));
    return true;
}

shape cgen_rows(const cgen *c, shape s)
{
    int64_t size = s.rank > 0 ? s.dim[s.rank - 1] : 1;
    return c->called && s.rank > 2 ? shape_of2(shape_numel(s) / size, size) : s;
}

const char *cgen_operand(cgen *c, int n, int i, const subscript *at)
{
    int arg = c->ir->node[n].arg[i];
    return c->called ? cgen_flat(c, i == 0 ? "x" : "w", cgen_rows(c, c->ir->node[arg].shape), at)
                     : cgen_factor(c, arg, at);
}

const char *cgen_sum(cgen *c, int n, const subscript *at)
{
    return c->called ? cgen_flat(c, "y", cgen_rows(c, c->ir->node[n].shape), at) : cgen_target(c, n, at);
}
