/* SPDX-License-Identifier: Apache-2.0 */
/* In: an OP_loop and the schedule of its body.  Out: arrays for its carries and stacks, and the
   loop. Afterwards each of its OP_last and OP_tape has a name.  */
#include "cgen_part.h"
#include "loop.h"

static const ir_loop *loop_of(const cgen *c, int L)
{
    return &c->ir->loop[c->ir->node[L].pattern];
}

/* Of the loop being written: which argument bound N stands for.  */
static int argument_of(const cgen *c, int n)
{
    const ir_loop *r = loop_of(c, c->frame->loop);
    int k = 0;
    while (r->bound[k] != n)
        k++;
    return k;
}

/* Go to where the loop stands; returns the way back.  */
static cgen_frame leave(cgen *c)
{
    cgen_frame back = {.sc = c->sc, .kernel = c->kernel, .up = c->frame};
    c->sc = back.up->sc;
    c->kernel = back.up->kernel;
    c->frame = back.up->up;
    return back;
}

static void come_back(cgen *c, const cgen_frame *back)
{
    c->sc = back->sc;
    c->kernel = back->kernel;
    c->frame = back->up;
}

const char *cgen_bound_base(cgen *c, int n)
{
    const ir_loop *r = loop_of(c, c->frame->loop);
    int k = argument_of(c, n), arg = c->ir->node[c->frame->loop].arg[k];
    const char *turn = c->frame->turn;
    if (k < r->n_carry)
        return cgen_name(c, n);
    cgen_frame back = leave(c);
    const char *base = cgen_base(c, arg);
    come_back(c, &back);
    return k < r->n_carry + r->n_stack ? arena_printf(c->arena, "%s[%s]", base, turn) : base;
}

half_kind cgen_bound_half(cgen *c, int n)
{
    int k = argument_of(c, n), arg = c->ir->node[c->frame->loop].arg[k];
    if (k < loop_of(c, c->frame->loop)->n_carry)
        return HALF_NONE;
    cgen_frame back = leave(c);
    half_kind half = cgen_half(c, arg);
    come_back(c, &back);
    return half;
}

const char *cgen_bound(cgen *c, int n, const subscript *at, int *prec)
{
    const ir_loop *r = loop_of(c, c->frame->loop);
    int k = argument_of(c, n), arg = c->ir->node[c->frame->loop].arg[k];
    if (k < r->n_carry + r->n_stack)
        return cgen_widened(c, cgen_bound_half(c, n),
                            cgen_element(c, cgen_bound_base(c, n), c->ir->node[n].shape, at));
    cgen_frame back = leave(c);
    const char *text = cgen_value(c, arg, at, prec);
    come_back(c, &back);
    return text;
}

/* The array of a carry, with what it begins with.  */
static void begin_carry(cgen *c, int bound, int init)
{
    shape s = c->ir->node[bound].shape;
    subscript at[RANK_MAX];
    int prec;
    if (s.rank == 0) {
        cgen_declare(c, bound, arena_printf(c->arena, " = %s", cgen_value(c, init, NULL, &prec)));
        return;
    }
    if (ir_is_zero(c->ir, init)) {
        cgen_declare(c, bound, cgen_zeros(c->arena, s));
        return;
    }
    cgen_declare(c, bound, "");
    cgen_loops(c, s, at);
    const char *value = cgen_value(c, init, at, &prec);
    cgen_line(c, arena_printf(c->arena, "%s = %s;", cgen_element(c, cgen_name(c, bound), s, at), value));
    cgen_ends(c, s.rank);
}

/* Where the body's stores go.  A loop that is written twice has new names.  */
static void name_places(cgen *c, const schedule *body, const char *turn)
{
    for (int n = 0; n < body->n_nodes; n++)
        if (body->live[n])
            c->name[n] = NULL;
    for (int i = 0; i < body->n_stores; i++) {
        store *st = &body->store[i];
        op_code op = c->ir->node[st->holder].op;
        if (op != OP_bound)
            cgen_declare(c, st->holder, "");
        st->place = cgen_name(c, st->holder);
        if (op == OP_tape)
            st->place = arena_printf(c->arena, "%s[%s]", st->place, turn);
    }
}

void cgen_loop(cgen *c, int L)
{
    const ir *g = c->ir;
    const ir_loop *r = loop_of(c, L);
    const schedule *body = c->sc->inner[L], *sc = c->sc;
    const bool *need = loop_needs(g, L, sc->live, sc->n_nodes);
    cgen_frame frame = {.loop = L,
                        .turn = cgen_free_name(c, "turn"),
                        .sc = sc,
                        .kernel = c->kernel,
                        .up = c->frame};
    cgen_comment(c, L);
    name_places(c, body, frame.turn);
    for (int k = 0; k < r->n_carry; k++)
        if (need[r->bound[k]])
            begin_carry(c, r->bound[k], g->node[L].arg[k]);
    if (r->backward)
        cgen_for_back(c, frame.turn, r->count);
    else
        cgen_for(c, frame.turn, r->count);
    c->sc = body;
    c->frame = &frame;
    cgen_kernels(c);
    c->sc = sc;
    c->kernel = frame.kernel;
    c->frame = frame.up;
    cgen_end(c);
    for (int n = L + 1; n < sc->n_nodes; n++) {
        const ir_node *v = &g->node[n];
        if (sc->live[n] && v->op == OP_last && v->arg[0] == L && g->node[v->start].op == OP_bound)
            c->name[n] = c->name[v->start];
    }
}
