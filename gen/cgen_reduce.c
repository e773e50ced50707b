/* SPDX-License-Identifier: Apache-2.0 */
/* In: a sum, maximum or minimum over axes.  Out: where it begins, one element's share of it, and loops of its own
   for one that runs along neighbours in memory.  */
#include "cgen_part.h"

#include "flops.h"

/* What is reduced to, before the first element.  */
static const char *neutral(const cgen *c, op_code op)
{
    const char *huge = c->ir->real_bits == 32 ? "HUGE_VALF" : "HUGE_VAL";
    return op == OP_sum          ? cgen_number(c->arena, 0, c->ir->real_bits)
           : op == OP_reduce_max ? arena_printf(c->arena, "-%s", huge)
                                 : huge;
}

void cgen_reduce_begin(cgen *c, int n)
{
    const ir_node *v = &c->ir->node[n];
    const char *start = neutral(c, v->op);
    subscript at[RANK_MAX];
    if (v->op == OP_sum) {
        cgen_declare_sums(c, n);
        return;
    }
    if (v->shape.rank == 0) {
        cgen_declare(c, n, arena_printf(c->arena, " = %s", start));
        return;
    }
    cgen_declare(c, n, "");
    cgen_loops(c, v->shape, at);
    cgen_line(c, arena_printf(c->arena, "%s = %s;", cgen_target(c, n, at), start));
    cgen_ends(c, v->shape.rank);
}

/* TO is brought together with X.  */
static void join(cgen *c, op_code op, const char *to, const char *x)
{
    cgen_line(c, op == OP_sum ? arena_printf(c->arena, "%s += %s;", to, x)
                              : arena_printf(c->arena, "%s = %s %c %s ? %s : %s;", to, x,
                                             op == OP_reduce_max ? '>' : '<', to, x, to));
}

/* The element of N that element AT of its argument goes to.  */
static const char *reduced(cgen *c, int n, const subscript *at)
{
    const ir_node *v = &c->ir->node[n];
    subscript kept[RANK_MAX];
    int rank = 0;
    for (int i = 0; i < c->ir->node[v->arg[0]].shape.rank; i++)
        if (!(v->mask & 1u << i))
            kept[rank++] = at[i];
    return cgen_target(c, n, kept);
}

void cgen_reduce_element(cgen *c, int n, const subscript *at)
{
    const ir_node *v = &c->ir->node[n];
    int prec;
    join(c, v->op, reduced(c, n, at), cgen_value(c, v->arg[0], at, &prec));
}

void cgen_reduce(cgen *c, int n)
{
    const ir_node *v = &c->ir->node[n];
    shape lead = c->ir->node[v->arg[0]].shape;
    int last = --lead.rank, prec;
    int64_t size = lead.dim[last];
    subscript at[RANK_MAX];
    cgen_reduce_begin(c, n);
    if (last > 0 && !(v->mask & 1))
        cgen_share(c, lead.dim[0], flops_of_node(c->sc, n));
    cgen_loops(c, lead, at);
    if (v->op == OP_sum && size > c->style->unroll) {
        bool block = last == 0;
        if (block)
            cgen_statement(c, "et_block", 0, NULL);
        for (cgen_lanes l = cgen_lanes_begin(c, "o", size); cgen_lanes_more(c, &l);) {
            at[last] = l.at;
            join(c, v->op, l.to, cgen_value(c, v->arg[0], at, &prec));
        }
        join(c, v->op, reduced(c, n, at), "total_q");
        cgen_ends(c, last + block);
        return;
    }
    at[last] = (subscript){"o", 0};
    cgen_for(c, "o", size);
    cgen_reduce_element(c, n, at);
    cgen_ends(c, last + 1);
}
