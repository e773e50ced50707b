/* SPDX-License-Identifier: Apache-2.0 */
/* In: the plan.  Out: its functions for the whole batch, scheduled, and what they and the blocks of memory cost.
   Afterwards every block has the size that a C compiler gives its struct (checked in
   tests/check_report.c).  */
#include "batch.h"
#include "block.h"
#include "flops.h"
#include "report.h"
#include "size.h"
#include "turned.h"

#include <stddef.h>
#include <string.h>

/* Loops of so few turns may be written out by a compiler: what they compute is on the stack then.  */
enum { SMALL = 64 };

static void add_share(arena *a, report_shares *to, const char *what, int64_t bytes)
{
    report_share s = {what, bytes};
    if (bytes > 0)
        ARENA_PUSH(a, to->share, to->n, to->cap, s);
}

/* --- blocks ----------------------------------------------------------------------------------- */

/* A struct to which members are added.  */
typedef struct {
    int64_t bytes;
    int64_t align;
} layout;

static void add_member(layout *l, int64_t element, int64_t bytes)
{
    l->align = element > l->align ? element : l->align;
    l->bytes = size_plus(size_plus(l->bytes, (element - l->bytes % element) % element), bytes);
}

/* What a node shows of each sample.  */
static int64_t add_node(const ir *g, layout *l, value_type type, shape s)
{
    int64_t element = size_bytes(1, type, g->real_bits);
    int64_t bytes = size_times(size_times(shape_numel(s), g->batch), element);
    add_member(l, element, bytes);
    return bytes;
}

/* C99 has no empty struct: there is one char in it.  */
static int64_t whole(layout l)
{
    if (l.bytes == 0)
        return 1;
    return size_plus(l.bytes, (l.align - l.bytes % l.align) % l.align);
}

static const char *share_name(const ir *g, const var *v)
{
    static const char *const kind[] = {
        [VAR_INPUT] = "input", [VAR_TARGET] = "target", [VAR_PARAM] = "parameter",
        [VAR_HIDDEN] = "state", [VAR_STATE] = "state", [VAR_TRACE] = "trace"};
    return arena_printf(g->arena, "%s %s", kind[v->kind], v->path);
}

static void count_elements(report *r, int64_t n, const char *what)
{
    if (n <= r->largest_count)
        return;
    r->largest_count = n;
    r->largest = what;
}

/* The struct of the variables of the kinds in MASK, in the order in which they are emitted.  */
static int64_t measure_vars(report *r, unsigned mask)
{
    const ir *g = r->ir;
    layout l = {0, 1};
    int *order = ARENA_ARRAY(g->arena, int, g->n_vars + 1);
    int n = ir_vars_in_order(g, mask, order);
    for (int i = 0; i < n; i++) {
        const var *v = &g->var[order[i]];
        int64_t bytes = size_of_var(g, v), element = size_of_element(g, v);
        add_member(&l, element, bytes);
        add_share(g->arena, &r->ram, share_name(g, v), bytes);
        count_elements(r, bytes / element, share_name(g, v));
        if (v->kind == VAR_PARAM && g->loss != NO_NODE)
            add_share(g->arena, &r->ram, arena_printf(g->arena, "gradient of %s", v->path), bytes);
    }
    return whole(l);
}

static int64_t measure_outputs(report *r)
{
    const ir *g = r->ir;
    layout l = {0, 1};
    for (int i = 0; i < g->n_outputs; i++) {
        int64_t bytes = add_node(g, &l, TYPE_REAL, g->node[g->output[i].node].shape);
        add_share(g->arena, &r->ram, arena_printf(g->arena, "output %s", g->output[i].name), bytes);
    }
    return whole(l);
}

static int64_t measure_entries(const model_plan *plan, bool signals)
{
    const ir *g = plan->ir;
    layout l = {0, 1};
    for (int i = 0; i < plan->n_entries; i++) {
        const entry *e = &plan->entry[i];
        if (e->own_field && (e->kind == ENTRY_SIGNAL) == signals)
            add_node(g, &l, g->node[e->node].type, g->node[e->node].shape);
    }
    return whole(l);
}

static int64_t measure_tables(const ir *g)
{
    int64_t sum = 0;
    for (int i = 0; i < g->n_patterns; i++)
        sum = size_plus(sum, pattern_bytes(&g->pattern[i]));
    return sum;
}

static void measure_blocks(report *r, const model_plan *plan)
{
    const ir *g = plan->ir;
    bool loss = g->loss != NO_NODE;
    bool trace = plan->learn.n > 0 || (loss && plan->set.trace != TRACE_NONE);
    r->bytes[BLOCK_PARAMS] = measure_vars(r, 1u << VAR_PARAM);
    r->bytes[BLOCK_GRADIENT] = loss ? r->bytes[BLOCK_PARAMS] : 0;
    r->bytes[BLOCK_STATE] = measure_vars(r, 1u << VAR_HIDDEN | 1u << VAR_STATE);
    r->bytes[BLOCK_TRACE] = trace ? measure_vars(r, 1u << VAR_TRACE) : 0;
    r->bytes[BLOCK_INPUT] = measure_vars(r, 1u << VAR_INPUT);
    r->bytes[BLOCK_TARGET] = measure_vars(r, 1u << VAR_TARGET);
    r->bytes[BLOCK_OUTPUT] = measure_outputs(r);
    r->bytes[BLOCK_JACOBIAN] = measure_entries(plan, false);
    r->bytes[BLOCK_SIGNAL] = loss ? measure_entries(plan, true) : 0;
    r->bytes[BLOCK_TABLES] = measure_tables(g);
}

static void measure_traces(report *r, const graph *gr)
{
    const ir *g = r->ir;
    r->n_relations = gr->n_relations;
    r->relation = ARENA_ARRAY(g->arena, report_relation, gr->n_relations + 1);
    for (int k = 0; k < gr->n_relations; k++)
        r->relation[k].name = gr->relation[k].name;
    for (int i = 0; i < g->n_vars; i++) {
        const var *v = &g->var[i];
        if (v->kind != VAR_TRACE)
            continue;
        int64_t *to = v->owner >= 0 ? &r->relation[v->owner].trace_bytes : &r->other_trace_bytes;
        *to = size_plus(*to, size_of_var(g, v));
    }
}

/* --- functions -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t offset;
    enum { DRIVEN_NEVER, DRIVEN_STEP, DRIVEN_WINDOW, DRIVEN_QUIETLY } driven; /* learn_sequence calls it once
                                  a step, a window, or in the place of others */
} functions[] = {
    {"step", offsetof(model_plan, step), DRIVEN_STEP},
    {"solve_h2w_h2h_jacobian", offsetof(model_plan, h2h), DRIVEN_NEVER},
    {"solve_h2w_h2h_l2h_jacobian", offsetof(model_plan, l2h), DRIVEN_NEVER},
    {"learn_step", offsetof(model_plan, learn), DRIVEN_STEP},
    {"learn_block", offsetof(model_plan, block), DRIVEN_QUIETLY},
    {"evolve_step", offsetof(model_plan, evolve), DRIVEN_QUIETLY},
    {"step_back", offsetof(model_plan, back), DRIVEN_STEP},
    {"trace_apply", offsetof(model_plan, apply), DRIVEN_WINDOW},
    {"trace_advance", offsetof(model_plan, advance), DRIVEN_STEP},
    {"guess_later_losses", offsetof(model_plan, guess), DRIVEN_WINDOW},
    {"learn_to_guess", offsetof(model_plan, regress), DRIVEN_WINDOW},
};

enum { N_FUNCTIONS = sizeof functions / sizeof functions[0] };

static int64_t local_bytes(const schedule *sc, const target_spec *t)
{
    int64_t most = 0, small = 0;
    for (int i = 0; i < sc->n_kernels; i++) {
        const kernel *k = &sc->kernel[i];
        int64_t n = 0, turns = shape_numel(k->shape);
        for (int m = 0; m < k->n_items; m++)
            n += sc->hold[k->item[m]] == HOLD_LOCAL || sc->hold[k->item[m]] == HOLD_INLINE;
        most = n > most ? n : most;
        if (turns <= SMALL && t->unrolled_by_compiler)
            small += n * turns * sc->ir->real_bits / 8;
    }
    int64_t sum = t->local_bytes * most + small;
    for (int n = 0; n < sc->n_nodes; n++)
        if (sc->inner[n])
            sum += local_bytes(sc->inner[n], t);
    return sum;
}

/* What the products of SC take while they run, one after the other: rows that are turned over, and the frame of a function of their
   own.  */
static int64_t products_bytes(const schedule *sc, const target_spec *t)
{
    int64_t most = 0;
    for (int n = 0; n < sc->n_nodes; n++) {
        op_code op = sc->ir->node[n].op;
        bool product = op == OP_matmul || op == OP_matmul_t || op == OP_outer;
        int64_t bytes = sc->inner[n] ? products_bytes(sc->inner[n], t) : 0;
        if (product && (sc->hold[n] == HOLD_ARRAY || sc->hold[n] == HOLD_PLACE))
            bytes = size_plus(turned_bytes(sc->ir, n), t->calls ? t->frame_bytes : 0);
        most = bytes > most ? bytes : most;
    }
    return most;
}

static void measure_arrays(report_function *f, const schedule *sc)
{
    const ir *g = sc->ir;
    for (int n = 0; n < sc->n_nodes; n++) {
        const ir_node *v = &g->node[n];
        int64_t bytes = schedule_array_bytes(sc, n);
        if (bytes > 0)
            add_share(g->arena, &f->arrays,
                      arena_printf(g->arena, "%s %s", v->name ? v->name : op_table[v->op].name,
                                   shape_text(g->arena, v->shape)), bytes);
        if (sc->inner[n]) {
            measure_arrays(f, sc->inner[n]);
            add_share(g->arena, &f->arrays, "carries of a loop", sc->inner[n]->carry_bytes);
        }
    }
}

/* The sums over a batch, and what is done with them behind it.  */
static void measure_once(report *r, report_function *f, const function_plan *plan)
{
    const ir *g = r->ir;
    for (int i = 0; i < plan->n_sums; i++) {
        const var *v = &g->var[plan->sum[i]];
        int64_t bytes = size_bytes(shape_numel(v->shape), v->type, g->real_bits);
        f->array_bytes = size_plus(f->array_bytes, bytes);
        add_share(g->arena, &f->arrays, arena_printf(g->arena, "sum %s", v->path), bytes);
    }
    if (!plan->once)
        return;
    f->array_bytes = size_plus(f->array_bytes, plan->once->schedule->array_bytes);
    f->flops = size_plus(f->flops, flops_count(plan->once->schedule));
    measure_arrays(f, plan->once->schedule);
}

static report_function *measure_function(report *r, const char *name, const function_plan *plan)
{
    const schedule *sc = plan->schedule;
    report_function *f = &r->function[r->n_functions++];
    f->name = name;
    f->array_bytes = sc->array_bytes;
    f->flops = size_times(flops_count(sc), r->batch / (plan->rows ? plan->rows : 1));
    measure_arrays(f, sc);
    measure_once(r, f, plan);
    f->frame_bytes = size_plus(f->array_bytes, r->target->frame_bytes + local_bytes(sc, r->target));
    f->stack_bytes = size_plus(f->frame_bytes, products_bytes(sc, r->target));
    if (plan->once)
        f->stack_bytes = size_plus(f->stack_bytes, products_bytes(plan->once->schedule, r->target));
    for (int i = 0; i < sc->n_kernels; i++)
        count_elements(r, shape_numel(sc->kernel[i].shape), name);
    return f;
}

/* A function over several steps that calls what takes BELOW of stack.  Returns its own stack.  */
static int64_t measure_driver(report *r, const char *name, int64_t array_bytes, int64_t below)
{
    report_function *f = &r->function[r->n_functions++];
    *f = (report_function){.name = name, .array_bytes = array_bytes};
    add_share(r->ir->arena, &f->arrays, "the cotangent of the state", array_bytes);
    f->frame_bytes = size_plus(array_bytes, r->target->driver_bytes);
    f->stack_bytes = size_plus(f->frame_bytes, below);
    return f->stack_bytes;
}

/* The function NAME, which only calls OF.  */
static void measure_wrapper(report *r, const char *name, const report_function *of)
{
    int64_t flops = of->flops;
    measure_driver(r, name, 0, of->stack_bytes);
    r->function[r->n_functions - 1].flops = flops;
}

/* All but the solves are called by a driver, one after the other; backwards it holds a cotangent of
   the state.  */
static void measure_drivers(report *r, const model_plan *plan)
{
    int64_t below = 0;
    for (int i = 0; i < r->n_functions; i++)
        if (r->function[i].driven && r->function[i].stack_bytes > below)
            below = r->function[i].stack_bytes;
    int64_t states = plan->set.synthesiser ? 2 : 1; /* and what it guesses */
    if (plan->learn.n == 0)
        below = measure_driver(r, "learn_window", size_times(r->bytes[BLOCK_STATE], states), below);
    below = measure_driver(r, "learn_span", 0, below);
    measure_driver(r, "learn_sequence", 0, below);
}

/* Of learning, a step.  */
static int64_t learn_flops(const report *r, const model_plan *plan)
{
    int64_t sum = 0;
    for (int i = 0; i < r->n_functions; i++) {
        const report_function *f = &r->function[i];
        if (f->counted)
            sum = size_plus(sum, f->flops / (f->once_a_window ? plan->set.window : 1));
    }
    return r->ir->loss == NO_NODE ? 0 : sum;
}

/* PART of a block F, done TIMES, is in the same function.  */
static void measure_part(report *r, report_function *f, ir *g, function_plan *part, int64_t times)
{
    int64_t before = f->frame_bytes;
    part->schedule = schedule_run(g, part->store, part->n);
    f->array_bytes = size_plus(f->array_bytes, part->schedule->array_bytes);
    f->frame_bytes = size_plus(f->frame_bytes, size_plus(part->schedule->array_bytes, local_bytes(part->schedule, r->target)));
    f->stack_bytes = size_plus(f->stack_bytes, f->frame_bytes - before);
    f->stack_bytes = size_plus(f->stack_bytes, products_bytes(part->schedule, r->target));
    f->flops = size_plus(f->flops, size_times(flops_count(part->schedule), times));
}

/* The steps forward of a block F, what is before them, and its tape, are in the same function.  */
static void measure_forward(report *r, report_function *f, model_plan *plan)
{
    ir *g = plan->ir;
    int64_t rows = plan->forward.rows ? plan->forward.rows : 1;
    for (int v = 0; v < g->n_vars; v++) {
        int64_t bytes = size_times(size_bytes(shape_numel(g->var[v].shape), g->var[v].type, g->real_bits), rows);
        if (g->var[v].kind != VAR_TAPE)
            continue;
        f->array_bytes = size_plus(f->array_bytes, bytes);
        f->frame_bytes = size_plus(f->frame_bytes, bytes);
        f->stack_bytes = size_plus(f->stack_bytes, bytes);
        add_share(g->arena, &f->arrays, arena_printf(g->arena, "tape %s", g->var[v].c_name), bytes);
    }
    if (plan->early.n > 0) {
        measure_part(r, f, g, &plan->take, plan->tile);
        measure_part(r, f, g, &plan->early, 1);
    }
    measure_part(r, f, g, &plan->forward, size_times(r->batch / rows, plan->tile));
    if (plan->reverse.n > 0)
        measure_part(r, f, g, &plan->reverse, size_times(r->batch / rows, plan->tile));
}

/* Bytes of arrays of a block from which on steps are done one by one, unless the command line says how many: many
   stacks have 8 MiB.  */
enum { BLOCK_MAX = 1 << 22 };

static void measure_functions(report *r, model_plan *plan)
{
    for (int i = 0; i < N_FUNCTIONS; i++) {
        function_plan *f = (function_plan *)(void *)((char *)plan + functions[i].offset);
        f->schedule = schedule_run(plan->ir, f->store, f->n);
        if (f->once)
            f->once->schedule = schedule_run(plan->ir, f->once->store, f->once->n);
        if (f->one)
            f->one->schedule = schedule_run(plan->ir, f->one->store, f->one->n);
        if (f == &plan->block && plan->set.tile == 0 && f->schedule->array_bytes > BLOCK_MAX)
            plan->tile = f->n = 0;
        bool alone = plan->learn.n > 0 && f == &plan->step; /* learn has it inside */
        if (f->n == 0)
            continue;
        report_function *m = measure_function(r, functions[i].name, f);
        m->driven = functions[i].driven != DRIVEN_NEVER && !alone;
        m->counted = m->driven && functions[i].driven != DRIVEN_QUIETLY;
        m->once_a_window = functions[i].driven == DRIVEN_WINDOW;
        if (f == &plan->block)
            measure_forward(r, m, plan);
        if (f == &plan->learn)
            measure_wrapper(r, "learn", m);
        if (f == &plan->step && r->batch > 1) {
            m->name = "step_samples";
            measure_wrapper(r, "step", m);
        }
    }
    if (r->ir->loss != NO_NODE)
        measure_drivers(r, plan);
    for (int i = 0; i < r->n_functions; i++) {
        const report_function *f = &r->function[i];
        if (f->stack_bytes > r->stack_bytes)
            r->stack_bytes = f->stack_bytes;
        if (f->array_bytes > r->bytes[BLOCK_SCRATCH])
            r->bytes[BLOCK_SCRATCH] = f->array_bytes;
    }
}

report *report_measure(model_plan *plan, const char *rule, const target_spec *t)
{
    const ir *g = plan->ir;
    report *r = ARENA_NEW(g->arena, report);
    block_run(plan);
    batch_run(plan);
    *r = (report){
        .model = g->name, .rule = rule, .target = t, .real_bits = g->real_bits, .batch = g->batch,
        .ir = g};
    measure_blocks(r, plan);
    measure_functions(r, plan);
    measure_traces(r, plan->graph);
    r->learn_flops = learn_flops(r, plan);
    if (plan->back.n > 0 && r->bytes[BLOCK_TRACE] > 0)
        r->tape_bytes = size_times(r->bytes[BLOCK_STATE], plan->set.window);
    r->ram_bytes = size_plus(r->tape_bytes, r->stack_bytes);
    for (int k = BLOCK_PARAMS; k <= BLOCK_OUTPUT; k++)
        r->ram_bytes = size_plus(r->ram_bytes, r->bytes[k]);
    add_share(g->arena, &r->ram, "the stack", r->stack_bytes);
    add_share(g->arena, &r->ram, "the states of a window", r->tape_bytes);
    return r;
}

int64_t report_largest_bytes(const report *r)
{
    int64_t most = 0;
    for (int k = 0; k < N_BLOCKS; k++)
        most = r->bytes[k] > most ? r->bytes[k] : most;
    return most;
}
