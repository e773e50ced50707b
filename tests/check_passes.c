/* SPDX-License-Identifier: Apache-2.0 */
/* The passes between the spec and the C, each on its own.  In: small specs and nodes made by hand.  Out: test cases
   of the normal form of nodes, the graph, the derivatives and the order of work.  */
#include "learn.h"
#include "lower.h"
#include "run.h"
#include "suites.h"

#include <string.h>

static arena *a;
static diag *d;
static ir *g;

static void set_up(void)
{
    a = arena_new();
    d = diag_new(a, 20);
    g = ir_new(a, d, "m", 64, 1);
}

static void tear_down(void)
{
    arena_free(a);
}

static int variable(const char *name, shape s)
{
    int v = ir_var(g, VAR_INPUT, name, s, TYPE_REAL, (loc){0});
    return g->var[v].now;
}

/* --- nodes -------------------------------------------------------------------------------------------- */

START_TEST(equal_nodes_are_one)
{
    int x = variable("x", shape_of1(4)), y = variable("y", shape_of1(4));
    ck_assert_int_eq(ir_ew2(g, OP_add, x, y), ir_ew2(g, OP_add, y, x));
    ck_assert_int_ne(ir_ew2(g, OP_sub, x, y), ir_ew2(g, OP_sub, y, x));
    ck_assert_int_eq(ir_const(g, 2, shape_scalar()), ir_const(g, 2, shape_scalar()));
    ck_assert_int_ne(ir_const(g, 2, shape_scalar()), ir_const(g, 2, shape_of1(1)));
    ck_assert_int_eq(ir_matmul(g, x, variable("w", shape_of2(4, 3))), g->n_nodes - 1);
    ir_check(g);
}
END_TEST

START_TEST(neutral_elements_go)
{
    int x = variable("x", shape_of1(4)), zero = ir_const(g, 0, shape_of1(4));
    int one = ir_const(g, 1, shape_of1(4));
    ck_assert_int_eq(ir_ew2(g, OP_add, x, zero), x);
    ck_assert_int_eq(ir_ew2(g, OP_mul, one, x), x);
    ck_assert(ir_is_zero(g, ir_ew2(g, OP_mul, x, zero)));
    ck_assert(ir_is_zero(g, ir_ew2(g, OP_sub, x, x)));
    ck_assert_int_eq(ir_ew1(g, OP_neg, ir_ew1(g, OP_neg, x)), x);
    ck_assert(ir_is_const(g, ir_ew2(g, OP_add, one, one), 2));
}
END_TEST

START_TEST(contractions_become_products)
{
    int x = variable("x", shape_of1(4)), w = variable("w", shape_of2(4, 3));
    ck_assert_int_eq(ir_einsum(g, "k,ko->o", x, w), ir_matmul(g, x, w));
    ck_assert_int_eq(ir_matmul_t(g, x, ir_transpose(g, w)), ir_matmul(g, x, w));
    ck_assert_int_eq(g->node[ir_einsum(g, "k,ko->ok", x, w)].op, OP_einsum);
    ck_assert_int_eq(ir_slice(g, ir_concat(g, (int[]){x, x}, 2, 0), 0, 4, 4), x);
}
END_TEST

/* --- the graph and its derivatives ---------------------------------------------------------------------- */

static graph *compile(const char *text, learning *set)
{
    const lower_options options = {.data_dir = run_source_path(".")};
    spec_status status;
    const spec *s = spec_parse("m.yaml", text, strlen(text), false, a, d, &status);
    ck_assert_ptr_nonnull(s);
    g = lower_spec(s, &options, a, d);
    ck_assert_ptr_nonnull(g);
    *set = (learning){.rule = "d_rtrl", .window = 1};
    graph *gr = learn_graph(g, set);
    ck_assert_ptr_nonnull(gr);
    return gr;
}

/* A pattern is drawn once a run, and not for each rule; one of another seed, chance or shape is another one.  */
START_TEST(patterns_are_drawn_once)
{
    static const char text[] =
        "etrace: 1\nmodel: m\ninputs: {x: [6]}\nparams:\n"
        "  A: {shape: [6, 6], sparse: {random: {p: 0.5, seed: 1}}}\n"
        "  B: {shape: [6, 6], sparse: {random: {p: 0.5, seed: 2}}}\n"
        "  C: {shape: [6, 6], sparse: {random: {p: 0.4, seed: 1}}}\n"
        "  D: {shape: [6, 5], sparse: {random: {p: 0.5, seed: 1}}}\n"
        "  E: {shape: [5, 6], sparse: {random: {p: 0.5, seed: 1}}}\n"
        "hidden: {h: [6]}\nstep:\n  - h' = h + sparse_matmul(x, A) + sparse_matmul(x, B) + sparse_matmul(x, C)"
        " + sparse_matmul(sparse_matmul(x, D), E)\n";
    drawn_patterns drawn = {NULL};
    const lower_options alone = {.data_dir = run_source_path(".")};
    lower_options together = alone;
    spec_status status;
    const spec *s = spec_parse("m.yaml", text, strlen(text), false, a, d, &status);
    together.drawn = &drawn;
    const ir *first = lower_spec(s, &together, a, d), *second = lower_spec(s, &together, a, d);
    const ir *own = lower_spec(s, &alone, a, d);
    ck_assert(first && second && own);
    ck_assert_int_eq(first->n_patterns, 5);
    for (int i = 0; i < 5; i++) {
        const pattern p = first->pattern[i], q = own->pattern[i];
        ck_assert(second->pattern[i].row == p.row && second->pattern[i].col == p.col && second->pattern[i].n == p.n);
        ck_assert(q.row != p.row && q.n == p.n);
        ck_assert_mem_eq(q.row, p.row, (size_t)p.n * sizeof *p.row);
        ck_assert_mem_eq(q.col, p.col, (size_t)p.n * sizeof *p.col);
    }
}
END_TEST

static const char gru[] =
    "etrace: 1\nmodel: m\ninputs: {x: [3]}\ntargets: {y: [2]}\n"
    "modules: {cell: {cell: gru, in: x, size: 4}, out: {cell: linear, in: cell, size: 2}}\n"
    "outputs: [out]\nloss: mse(out, y)\n";

START_TEST(graph_is_as_the_reference_lists_it)
{
    learning set;
    buf text = {0};
    show_text(compile(gru, &set), &text);
    ck_assert_str_eq(buf_text(&text),
                     "The hidden groups are:\n\n"
                     "   Group 0 [4]: cell.h\n\n"
                     "The dynamic states (carried, not differentiated) are:\n\n"
                     "   none\n\n"
                     "The weights associated with hidden states are:\n\n"
                     "   Weight 0: cell.Wz [7, 4], x @ W + cell.bz, group 0\n"
                     "   Weight 1: cell.bz [4], element-wise, group 0\n"
                     "   Weight 2: cell.Wh [7, 4], x @ W + cell.bh, group 0\n"
                     "   Weight 3: cell.bh [4], element-wise, group 0\n\n"
                     "The weights without an eligibility trace are:\n\n"
                     "   Weight 0: cell.Wr [7, 4], only through another weight op\n"
                     "   Weight 1: cell.br [4], only through another weight op\n"
                     "   Weight 2: out.W [4, 2], no path to a hidden state\n"
                     "   Weight 3: out.b [2], no path to a hidden state\n");
    buf_free(&text);
}
END_TEST

/* N layers of CELL before a recurrent one.  */
static int work_of(const char *cell, int n)
{
    learning set;
    buf text = {0};
    buf_puts(&text, "etrace: 1\nmodel: m\ninputs: {x: [3]}\nmodules:\n  l0: {cell: linear, in: x, size: 4}\n");
    for (int i = 1; i <= n; i++)
        buf_printf(&text, "  l%d: {cell: %s, in: l%d, size: 4}\n", i, cell, i - 1);
    buf_printf(&text, "  last: {cell: rnn, in: l%d, size: 4}\noutputs: [last]\n", n);
    int visited = compile(buf_text(&text), &set)->n_visited;
    buf_free(&text);
    return visited;
}

/* Walks that began at each parameter and went to the end would quadruple.  */
START_TEST(work_is_linear_in_the_layers)
{
    static const char *const cells[] = {"gru", "linear"};
    int few = work_of(cells[_i], 20), many = work_of(cells[_i], 40);
    ck_assert_msg(many < 2.2 * few, "%d and %d", few, many);
    ck_assert_int_gt(few, 100);
}
END_TEST

START_TEST(structure_shows_in_the_jacobians)
{
    learning set;
    const graph *gr = compile("etrace: 1\nmodel: m\ninputs: {x: [3]}\n"
                              "params: {W: [3, 4]}\nhidden: {h: [4], r: [4]}\n"
                              "step: [\"h' = 0.5 * h + x @ W\", \"r' = tanh(x @ W)\"]\n", &set);
    ck_assert_int_eq(gr->n_groups, 2);
    ck_assert(ir_is_const(g, gr->group[0].D[0], 0.5));
    ck_assert(ir_is_zero(g, gr->group[1].D[0]));
    ck_assert_int_eq(gr->n_relations, 1);
    ck_assert(ir_is_const(g, gr->relation[0].df[0], 1));
    ck_assert_int_eq(gr->relation[0].n_groups, 2);
}
END_TEST

START_TEST(no_trace_is_kept_where_none_passes_on)
{
    learning set;
    graph *gr = compile("etrace: 1\nmodel: m\ninputs: {x: [3]}\ntargets: {y: [4]}\n"
                        "modules: {cell: {cell: rnn, in: x, size: 4}}\noutputs: [cell]\n"
                        "loss: mse(cell, y)\nlearning: {vjp_time: t}\n", &set);
    set.window = 0;
    const model_plan *plan = learn_plan(gr, &set);
    ck_assert_int_gt(plan->learn.n, 0);
    for (int v = 0; v < g->n_vars; v++)
        ck_assert_int_ne(g->var[v].kind, VAR_TRACE);
}
END_TEST

/* --- the order of work ----------------------------------------------------------------------------------- */

START_TEST(values_come_before_their_readers)
{
    learning set;
    graph *gr = compile(gru, &set);
    model_plan *plan = learn_plan(gr, &set);
    const schedule *sc = schedule_run(g, plan->learn.store, plan->learn.n);
    for (int n = 0; n < g->n_nodes; n++)
        for (int i = 0; sc->live[n] && i < ir_n_reads(g, n); i++) {
            int x = g->node[n].arg[i];
            bool apart = !schedule_is_view(sc, n) && !schedule_is_view(sc, x)
                         && g->node[x].n_args > 0 && g->node[n].n_args > 0;
            if (apart)
                ck_assert_int_le(sc->kernel_of[x], sc->kernel_of[n]);
        }
    for (int i = 0; i < plan->learn.n; i++)
        ck_assert_int_ge(sc->store[i].level, 0);
}
END_TEST

Suite *passes_suite(void)
{
    Suite *suite = suite_create("passes");
    TCase *nodes = tcase_create("nodes"), *graphs = tcase_create("graphs");
    tcase_add_checked_fixture(nodes, set_up, tear_down);
    tcase_add_test(nodes, equal_nodes_are_one);
    tcase_add_test(nodes, neutral_elements_go);
    tcase_add_test(nodes, contractions_become_products);
    suite_add_tcase(suite, nodes);
    tcase_add_checked_fixture(graphs, set_up, tear_down);
    tcase_add_test(graphs, patterns_are_drawn_once);
    tcase_add_test(graphs, graph_is_as_the_reference_lists_it);
    tcase_add_test(graphs, structure_shows_in_the_jacobians);
    tcase_add_loop_test(graphs, work_is_linear_in_the_layers, 0, 2);
    tcase_add_test(graphs, no_trace_is_kept_where_none_passes_on);
    tcase_add_test(graphs, values_come_before_their_readers);
    suite_add_tcase(suite, graphs);
    return suite;
}
