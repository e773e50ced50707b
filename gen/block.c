/* SPDX-License-Identifier: Apache-2.0 */
/* In: what one step of learning stores.  Out: what a block of K steps stores, in which weights stand still: forward,
   a step at a time, which leaves on a tape what learning reads of it; then everything else for all steps at once.
   What cannot be taken apart like that is written out step by step.  */
#include "block_part.h"

#include "canon.h"
#include "early.h"
#include "origin.h"
#include "size.h"
#include "tape.h"

#include <string.h>

/* Steps of a block, unless the command line says otherwise; and how many elements its largest parameter or trace has:
   of less there is nothing to be won, and of many small ones much to be written.  */
enum { TILE = 8, TILE_MAX = 64, WORTH = 1 << 8 };

/* Bytes of all of them, up to which.  */
static const int64_t HUGE_BYTES = 1 << 28;

/* The steps of a trace are written out: of a longer window they are too many.  */
enum { WINDOW_MAX = 32 };

/* --- stores ---------------------------------------------------------------------------------------- */

/* A part of a gradient: its form where it has one.  */
typedef struct {
    const store *st;
    int node;
    bool has_form;
    linear_form form;
} gradient_part;

static void put(blocker *b, function_plan *f, store st)
{
    ARENA_PUSH(b->g->arena, f->store, f->n, f->cap, st);
}

/* Of the step's stores, those that are done forward.  */
static bool is_forward(const ir *g, const store *st)
{
    bool trace = st->var >= 0 && g->var[st->var].kind == VAR_TRACE;
    return !trace && !(st->add && strcmp(st->place, "total") != 0);
}

/* What F does of that, into TO.  Returns the nodes that this needs.  */
static bool *start(blocker *b, const function_plan *f, function_plan *to)
{
    ir *g = b->g;
    int *root = ARENA_ARRAY(g->arena, int, f->n + 1);
    size_t n = 0;
    for (int i = 0; i < f->n; i++) {
        store st = f->store[i];
        if (!is_forward(g, &st))
            continue;
        root[n++] = st.node;
        put(b, to, st);
    }
    return canon_live(g, root, n);
}

/* A step's gradients by their forms; before the nodes are counted, as forms make nodes.  */
static gradient_part *find_parts(blocker *b)
{
    ir *g = b->g;
    const function_plan *learn = &b->plan->learn;
    gradient_part *part = ARENA_ARRAY(g->arena, gradient_part, learn->n + 1);
    for (int i = 0; i < learn->n; i++) {
        const store *st = &learn->store[i];
        part[i] = (gradient_part){.st = st, .node = st->node};
        part[i].has_form = !is_forward(g, st) && st->add && g->node[st->node].shape.rank == 2
                           && linear_form_of(g, st->node, &part[i].form) && block_reads_forms(b, &part[i].form);
    }
    return part;
}

/* The trace of ST behind the block.  */
static void put_trace(blocker *b, store st)
{
    ir *g = b->g;
    int form = b->form_of[st.var];
    st.node = form >= 0 ? block_trace(b, form) : block_instance(b, st.node, b->K - 1);
    if (g->node[st.node].name == NULL)
        ir_name(g, st.node, arena_printf(g->arena, "e_%s", g->var[st.var].c_name), NULL);
    put(b, &b->plan->block, st);
}

static void put_block(blocker *b, const gradient_part *part)
{
    ir *g = b->g;
    for (int i = 0; i < b->plan->learn.n; i++) {
        store st = b->plan->learn.store[i];
        if (is_forward(g, &st))
            continue;
        origin_as(g, st.node);
        if (!st.add) {
            put_trace(b, st);
            continue;
        }
        st.node = part[i].has_form && block_lifted(b, st.node) == NO_NODE
                      ? block_gradient(b, &part[i].form, g->node[st.node].shape)
                      : block_sum(b, st.node);
        put(b, &b->plan->block, st);
    }
}

/* --- windows --------------------------------------------------------------------------------------- */

/* A window is a block: behind its steps they are done backwards, one after the other, for the adjoints of the states
   alone; the gradients of all of them are one sum.  The trace before the window meets the last of these adjoints, and
   then the window's steps.  */
static bool put_window(blocker *b)
{
    const model_plan *plan = b->plan;
    for (int i = 0; i < plan->back.n; i++) {
        store st = plan->back.store[i];
        if (is_forward(b->g, &st))
            continue;
        origin_as(b->g, st.node);
        if (b->lift.depends[st.node] && !block_can_sum(b, st.node))
            return false;
        st.node = block_sum(b, st.node);
        put(b, &b->plan->block, st);
    }
    for (int i = 0; i < plan->apply.n; i++)
        put(b, &b->plan->block, plan->apply.store[i]);
    for (int i = 0; i < plan->advance.n; i++) {
        origin_as(b->g, plan->advance.store[i].node);
        put_trace(b, plan->advance.store[i]);
    }
    for (int i = 0; i < plan->reverse.n; i++) {
        store *st = &b->plan->reverse.store[i];
        origin_as(b->g, st->node);
        st->node = block_back(b, st->node);
        if (st->node == NO_NODE)
            return false;
    }
    return true;
}

static void forget(model_plan *plan)
{
    plan->take.n = plan->early.n = plan->forward.n = plan->reverse.n = plan->block.n = 0;
}

/* --- how many steps -------------------------------------------------------------------------------- */

/* Bytes of a trace that is large.  */
static const int64_t LARGE_BYTES = 1 << 15;

/* A large trace that has no form is written out step by step: that wins nothing, and all steps' factors of a sparse
   weight, gathered, are arrays as large as itself.  */
static bool is_written_out(const ir *g, const var *v)
{
    return v->kind == VAR_TRACE && v->shape.rank != 2
           && size_bytes(shape_numel(v->shape), TYPE_REAL, g->real_bits) >= LARGE_BYTES;
}

static bool is_window(const model_plan *plan)
{
    return plan->back.n > 0;
}

/* Steps a block: there is nothing to be won on small models, nor with factors of several samples, whose products have
   their rows already.  */
static int64_t choose_tile(const model_plan *plan)
{
    const ir *g = plan->ir;
    int64_t bytes = 0, most = 0;
    for (int v = 0; v < g->n_vars && plan->set.tile == 0; v++)
        if (is_written_out(g, &g->var[v]))
            return 1;
    if (plan->set.tile > 0 && (plan->set.tile == 1 || !is_window(plan)))
        return plan->set.tile < TILE_MAX ? plan->set.tile : TILE_MAX;
    if (plan->set.trace == TRACE_FACTORS && g->batch > 1 && !is_window(plan))
        return 1;
    if (is_window(plan) && plan->set.window > WINDOW_MAX)
        return 1;
    for (int v = 0; v < g->n_vars; v++) {
        int64_t n = shape_numel(g->var[v].shape);
        if (g->var[v].kind != VAR_PARAM && g->var[v].kind != VAR_TRACE)
            continue;
        bytes = size_plus(bytes, size_bytes(n, TYPE_REAL, g->real_bits));
        most = n > most ? n : most;
    }
    bool worth = plan->set.tile > 0 || (most >= WORTH && bytes < HUGE_BYTES);
    return !worth ? 1 : is_window(plan) ? plan->set.window : TILE;
}

/* Does F do nothing once for all samples?  */
static bool is_apart(const function_plan *f)
{
    return !f->once && f->n_sums == 0;
}

static bool can_block(const model_plan *plan)
{
    trace_kind trace = plan->set.trace;
    for (int n = 0; n < plan->ir->n_nodes; n++)
        if (plan->ir->node[n].op == OP_loop)
            return false;
    bool whole = is_window(plan) ? plan->advance.n > 0 && plan->guess.n == 0 : plan->learn.n > 0;
    return whole && is_apart(&plan->learn) && is_apart(&plan->back) && is_apart(&plan->apply) && is_apart(&plan->advance)
           && (trace == TRACE_WEIGHT || trace == TRACE_FACTORS || trace == TRACE_HYBRID);
}

void block_run(model_plan *plan)
{
    blocker b = {.plan = plan, .g = plan->ir, .K = choose_tile(plan)};
    if (b.K < 2 || !can_block(plan))
        return;
    block_find_forms(&b);
    const gradient_part *part = find_parts(&b);
    b.forward = start(&b, is_window(plan) ? &plan->step : &plan->learn, &plan->forward);
    if (is_window(plan))
        b.reverse = start(&b, &plan->back, &plan->reverse);
    block_start_lifting(&b);
    if (!is_window(plan)) {
        put_block(&b, part);
    } else if (!put_window(&b)) {
        forget(plan);
        return;
    }
    early_run(plan, b.K);
    plan->tile = b.K;
}
