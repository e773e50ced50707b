/* SPDX-License-Identifier: Apache-2.0 */
/* In: dropout(x, rate, seed), random_uniform(seed, [n]).  Out: nodes whose value depends on a seed, which is a
   state that counts steps, on the call, and on the element.  So a step that is run again from the same state
   draws the same numbers, each sample of a batch its own, and every call others.  */
#include "builtin.h"

/* Argument I is a state of whole numbers; false after an error.  */
static bool want_seed(const call *c, int i)
{
    const ir *g = c->lo->ir;
    const ir_node *v = c->arg[i] == NO_NODE ? NULL : &g->node[c->arg[i]];
    if (v && v->op == OP_var && g->var[v->var].kind == VAR_STATE && v->type == TYPE_INDEX
        && v->shape.rank == 0)
        return true;
    diag_error(c->lo->diag, c->e->arg[i]->at, "E0413", "'%s' draws from a seed: a state of one whole number",
               c->e->name);
    diag_note(c->lo->diag, c->e->arg[i]->at, "declare one: state: {seed: {shape: [], type: seed, init: 1}}");
    return false;
}

static int draw(const call *c, int seed, shape s)
{
    return ir_random(c->lo->ir, seed, c->lo->n_streams++, s);
}

int random_uniform(const call *c)
{
    shape s = shape_scalar();
    const expr *list = c->e->arg[1];
    if (!want_seed(c, 0))
        return NO_NODE;
    if (list->kind != EXPR_LIST || list->n_args > RANK_MAX)
        return builtin_refuse(c, "E0415", "takes a seed and a list of sizes: random_uniform(seed, [n])");
    for (size_t i = 0; i < list->n_args; i++)
        if (!eval_dim(c->lo, c->sc, list->arg[i], &s.dim[s.rank++]))
            return NO_NODE;
    return eval_fits(c->lo, c->e->at, s) ? draw(c, c->arg[0], s) : NO_NODE;
}

/* Elements stay with probability 1 - RATE, and grow to keep their mean: Srivastava et al., JMLR 15, 2014.  With a
   rate of 0 the value is x itself.  */
int random_dropout(const call *c)
{
    ir *g = c->lo->ir;
    int x = c->arg[0], rate = c->arg[1];
    if (!want_seed(c, 2))
        return NO_NODE;
    if (g->node[rate].shape.rank != 0)
        return builtin_refuse(c, "E0416", "takes one rate for all elements");
    shape s = g->node[x].shape;
    int one = ir_const(g, 1, shape_scalar()), zero = ir_const(g, 0, shape_scalar());
    int stays = ir_ew2(g, OP_ge, draw(c, c->arg[2], s), rate);
    int grown = ir_ew2(g, OP_mul, x, ir_ew2(g, OP_div, one, ir_ew2(g, OP_sub, one, rate)));
    return ir_ew3(g, OP_where, stays, grown, zero);
}
