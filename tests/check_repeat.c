/* SPDX-License-Identifier: Apache-2.0 */
/* A repeat or while that stays a loop does what the one written out does: the same spec with a low
   and a high unroll_limit, run side by side.  */
#include "model.h"
#include "run.h"
#include "suites.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 5 };

/* What follows the inputs x, c (a scalar) and the targets y: all of one size.  */
static const char *const specs[] = {
    /* Two carries, weights of all kinds inside and before; a while over a scalar state.  */
    "params: {W: {shape: [n + n, n], init: 0.1}, a: {shape: [n], init: 0.3},"
    " b: {shape: [n], init: 0.2},"
    " k: {shape: [], init: 0.7}}\n"
    "hidden: {h: [n], v: [n], z: []}\n"
    "step:\n"
    "  - i = concat(x, h) @ W + b\n"
    "  - repeat: 20\n"
    "    carry: {u: h, w: v}\n"
    "    do: [\"u' = u + 0.1 * (tanh(w * a) - u * k + i)\","
    " \"w' = 0.9 * u + where(u > 0, w, 0.5 * w)\"]\n"
    "  - h' = u\n"
    "  - v' = w * 0.5\n"
    "  - while: q * q < 30\n"
    "    max: 40\n"
    "    carry: {q: z * 0.1 + sum(x) + c}\n"
    "    do: [\"q' = 1.2 * q + 0.1 * k\"]\n"
    "  - z' = tanh(0.05 * q)\n"
    "outputs: {out: \"h'\", o2: \"z'\"}\n"
    "loss: sum((h' - y) * (h' - y)) + z' * z' + sum(v')\n",
    /* Carries that take one another's old value; a beginning that is wider after one iteration; a
       spike; a loop within a loop; an if on a scalar from outside.  */
    "params: {a: {shape: [n], init: 0.3}, b: {shape: [n], init: 0.2}}\n"
    "hidden: {h: [n], v: [n]}\n"
    "step:\n"
    "  - repeat: 21\n"
    "    carry: {p: h, q: v, r: 0}\n"
    "    do: [\"p' = 0.6 * q + 0.3 * p\", \"q' = p\", \"r' = 0.8 * r + p * a\"]\n"
    "  - repeat: 19\n"
    "    carry: {u: p + x}\n"
    "    do:\n"
    "      - repeat: 18\n"
    "        carry: {w: u}\n"
    "        do: [\"w' = 0.9 * w + 0.05 * sin(u * b)\"]\n"
    "      - if: c > 0\n"
    "        then: [\"s = w + sin(u) * u * 0.1\"]\n"
    "        else: [\"s = w - 0.1 * u\"]\n"
    "      - u' = 0.5 * s + 0.1 * spike(s - 0.2)\n"
    "  - h' = 0.5 * h + tanh(u)\n"
    "  - v' = 0.3 * q + r\n"
    "outputs: {out: \"h'\"}\n"
    "loss: sum((h' - y) * (h' - y)) + sum(v' * y)\n",
    /* A weight that a loop makes of a parameter; a condition from outside.  */
    "params: {W: {shape: [n, n], init: 0.1}}\n"
    "hidden: {h: [n]}\n"
    "step:\n"
    "  - repeat: 17\n"
    "    carry: {V: W}\n"
    "    do: [\"V' = 0.9 * V + 0.1 * sin(V)\"]\n"
    "  - while: c > 0.1\n"
    "    max: 30\n"
    "    carry: {g: h}\n"
    "    do: [\"g' = 0.9 * g + 0.01 * h * g\"]\n"
    "  - h' = tanh(x @ V + 0.3 * g)\n"
    "outputs: {out: \"h'\"}\n"
    "loss: sum((h' - y) * (h' - y))\n",
};

/* Bodies that are no work position by position: such a loop stands by itself.  */
static const char *const general[] = {
    /* A leaky unit in small steps, with a recurrent weight; a second carry of another shape; a sum.  */
    "params: {W: {shape: [n, n], init: 0.1}, U: {shape: [n, n], init: 0.1}, b: {shape: [n], init: 0.2},"
    " a: {shape: [n], init: 0.3}}\n"
    "hidden: {h: [n], z: []}\n"
    "learning: {dense: drop}\n"
    "step:\n"
    "  - i = x @ W\n"
    "  - repeat: 4\n"
    "    carry: {u: h, q: z}\n"
    "    do: [\"u' = 0.9 * u + 0.1 * tanh(u @ U + b + a * i + q)\", \"q' = 0.8 * q + mean(u * a)\"]\n"
    "  - h' = u\n"
    "  - z' = 0.5 * q\n"
    "outputs: {out: \"h'\"}\n"
    "loss: sum((h' - y) * (h' - y)) + z' * z' + sum(tanh(u @ W) * y)\n",
    /* Only the last turn reaches the state position by position; the weight is used outside, too, and made of
       parameters; what the loop gives feeds another one through a new state.  */
    "params: {W: {shape: [n, n], init: 0.1}, b: {shape: [n], init: 0.2}, k: {shape: [], init: 0.7}}\n"
    "hidden: {h: [n], g: [n]}\n"
    "step:\n"
    "  - repeat: 3\n"
    "    carry: {u: h + x}\n"
    "    do: [\"u' = tanh(2 * u @ (abs(W) + k * W) + b)\"]\n"
    "  - h' = 0.5 * h + u + x @ W\n"
    "  - while: max(abs(v)) + c > 0.01\n"
    "    max: 5\n"
    "    carry: {v: h' * b}\n"
    "    do: [\"v' = 0.8 * v + 0.1 * h' * softmax(v)\"]\n"
    "  - g' = 0.3 * g + v * h'\n"
    "outputs: {out: \"g'\"}\n"
    "loss: sum((g' - y) * (g' - y)) + sum(h' * y)\n",
    /* Loops within loops, of both kinds; a branch; parts of an array; another weight in each.  */
    "params: {W: {shape: [n, n], init: 0.1}, U: {shape: [n, n], init: 0.1}, b: {shape: [n], init: 0.2}}\n"
    "hidden: {h: [n], g: [n]}\n"
    "learning: {dense: drop}\n"
    "step:\n"
    "  - repeat: 3\n"
    "    carry: {u: h, s: 0}\n"
    "    do:\n"
    "      - i = 0.1 * concat(u[1:n], 0.5 * u[0:1]) @ W\n"
    "      - repeat: 2\n"
    "        carry: {w: u + x}\n"
    "        do: [\"w' = 0.9 * w + 0.1 * sin(w @ U + b) + 0.1 * i\"]\n"
    "      - repeat: 3\n"
    "        carry: {r: w}\n"
    "        do: [\"r' = 0.9 * r + 0.1 * sin(r * b)\"]\n"
    "      - if: c > 0\n"
    "        then: [\"t = r + spike(u @ W) * 0.1\"]\n"
    "        else: [\"t = w\"]\n"
    "      - u' = 0.4 * u + 0.3 * tanh(t)\n"
    "      - s' = s + sum(w) * u[1] * 0.1\n"
    "  - h' = u\n"
    "  - g' = 0.2 * g + s * b\n"
    "outputs: {out: \"g'\"}\n"
    "loss: sum((h' - y) * (h' - y)) + sum(g' * y)\n",
};

static const char *const rules[][2] = {{"--window=1"}, {"--vjp-time=t"}, {"--window=3"}, {"--rule=bptt"},
                                       {"--rule=rtrl"}, {"--rule=pp_prop"}, {"--rule=eprop"}, {"--rule=snap"},
                                       {"--rule=uoro", "-Lseed=1"}};

enum {
    N_SPECS = sizeof specs / sizeof specs[0],
    N_GENERAL = sizeof general / sizeof general[0],
    N_RULES = sizeof rules / sizeof rules[0],
    N_LOCAL_RULES = 4 /* of them, for loops position by position */
};

static void open_model(model *m, const char *folder, const char *name, int limit, int n, const char *spec,
                       const char *const *rule)
{
    buf text = {0};
    char path[COMMAND_PATH];
    folder_path(path, folder, name);
    buf_printf(&text,
               "etrace: 1\nmodel: m\ndtype: float64\nbatch: 2\nunroll_limit: %d\ndims: {n: %d}\n"
               "inputs: {x: [n], c: []}\ntargets: {y: [n]}\n%s",
               limit, n, spec);
    run_write_file(path, text.text, text.len);
    const char *const options[] = {rule[0], rule[1], NULL};
    ck_assert_int_eq(model_open(m, &(model_source){path, options, NULL, STEPS}), 0);
    model_randomise(m, 7);
    buf_free(&text);
}

static double value(const model *m, const etr_var *v, const char *block, size_t i)
{
    return v->stored ? model_get(m, v, block, i) : v->constant;
}

/* All arrays of KIND at step T; with GRADIENTS, of the gradient instead of the parameters.  */
static void compare(const model *a, const model *b, etr_kind kind, int t, bool gradients)
{
    for (int k = 0, m = 0; k < a->info->n_vars; k++) {
        const etr_var *v = &a->info->vars[k], *w;
        if (v->kind != kind)
            continue;
        while (b->info->vars[m].kind != kind)
            m++;
        w = &b->info->vars[m++];
        ck_assert_str_eq(v->path, w->path);
        for (size_t i = 0; i < model_numel(v); i++) {
            double x = value(a, v, gradients ? a->grad : model_block(a, kind, t), i);
            double y = value(b, w, gradients ? b->grad : model_block(b, kind, t), i);
            ck_assert_msg(fabs(x - y) <= 1e-12 * (1 + fabs(y)),
                          "%s (kind %d) [%zu]: %.17g and %.17g", v->path, (int)kind, i, x, y);
        }
    }
}

static bool any_nonzero(const model *m)
{
    for (int k = 0; k < m->info->n_vars; k++)
        for (size_t i = 0; m->info->vars[k].kind == ETR_PARAM && i < model_numel(&m->info->vars[k]);
             i++)
            if (fabs(model_get(m, &m->info->vars[k], m->grad, i)) > 1e-3)
                return true;
    return false;
}

/* Both learn from all steps, to the same end.  */
static void learn_both(model *loop, model *flat)
{
    double a = model_learn_all(loop), b = model_learn_all(flat);
    ck_assert_msg(fabs(a - b) <= 1e-12 * (1 + fabs(b)) && isfinite(a), "loss %.17g and %.17g", a,
                  b);
    ck_assert(any_nonzero(flat));
    compare(loop, flat, ETR_PARAM, 0, true);
    compare(loop, flat, ETR_HIDDEN, 0, false);
}

/* Arrays of 3 are written out element by element, those of 20 are not.  */
START_TEST(a_loop_is_what_it_repeats)
{
    int n = _i / N_SPECS % 2 ? 20 : 3;
    const char *const *rule = rules[_i / N_SPECS / 2], *spec = specs[_i % N_SPECS];
    char *folder = run_make_folder();
    model loop, flat;
    open_model(&loop, folder, "loop.yaml", 16, n, spec, rule);
    open_model(&flat, folder, "flat.yaml", 1000, n, spec, rule);
    learn_both(&loop, &flat);
    for (int t = 0; t < STEPS; t++) {
        compare(&loop, &flat, ETR_OUTPUT, t, false);
        model_solve_signal(&loop, t);
        model_solve_signal(&flat, t);
        for (etr_kind kind = ETR_H2H; kind <= ETR_SIGNAL; kind++)
            compare(&loop, &flat, kind, t, false);
    }
    model_close(&loop);
    model_close(&flat);
    run_remove_folder(folder);
}
END_TEST

/* A weight in the loop has one relation for all turns: trace and Jacobian say so, and nothing else differs.  */
START_TEST(a_loop_of_any_nodes_is_what_it_repeats)
{
    int n = _i / N_GENERAL % 2 ? 9 : 3;
    const char *const *rule = rules[_i / N_GENERAL / 2], *spec = general[_i % N_GENERAL];
    char *folder = run_make_folder();
    model loop, flat;
    open_model(&loop, folder, "loop.yaml", 1, n, spec, rule);
    open_model(&flat, folder, "flat.yaml", 1000, n, spec, rule);
    learn_both(&loop, &flat);
    for (int t = 0; t < STEPS; t++) {
        compare(&loop, &flat, ETR_OUTPUT, t, false);
        model_solve_signal(&loop, t);
        model_solve_signal(&flat, t);
        compare(&loop, &flat, ETR_H2H, t, false);
        compare(&loop, &flat, ETR_SIGNAL, t, false);
    }
    model_close(&loop);
    model_close(&flat);
    run_remove_folder(folder);
}
END_TEST

/* Bodies of both kinds, between a size and the end of the step.  */
static const char *const bodies[] = {
    "    carry: {u: h}\n    do: [\"u' = 0.9 * u + x\"]\n  - h' = u\n",
    "    carry: {u: h}\n    do: [\"u' = 0.9 * u + tanh(u @ W)\"]\n  - h' = u\n",
};

/* The emitted text does not grow with the count (multiples of 8: products go by eight).  */
START_TEST(a_loop_is_emitted_as_one)
{
    char *folder = run_make_folder();
    size_t length[2];
    for (int k = 0; k < 2; k++) {
        buf spec = {0}, text = {0};
        buf_printf(&spec,
                   "etrace: 1\nmodel: m\ninputs: {x: [9]}\nparams: {W: [9, 9]}\nhidden: {h: [9]}\n"
                   "loss: sum(h')\nstep:\n  - repeat: %d\n%s",
                   k ? 896 : 800, bodies[_i]);
        run_write_file(run_path(folder, "m.yaml"), spec.text, spec.len);
        run_result r = run_etrace(folder, "m.yaml");
        ck_assert_msg(r.status == 0, "%s", buf_text(&r.err));
        ck_assert(run_read_file(run_path(folder, "m.c"), &text));
        ck_assert(strstr(text.text, k ? "< 896" : "< 800") != NULL);
        length[k] = text.len;
        buf_free(&spec);
        buf_free(&text);
        run_free(&r);
    }
    ck_assert_uint_eq(length[0], length[1]);
    run_remove_folder(folder);
}
END_TEST

Suite *repeat_suite(void)
{
    Suite *s = suite_create("repeat");
    TCase *c = tcase_create("loops");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, a_loop_is_what_it_repeats, 0, 2 * N_SPECS * N_LOCAL_RULES);
    tcase_add_loop_test(c, a_loop_is_emitted_as_one, 0, 2);
    suite_add_tcase(s, c);
    c = tcase_create("general");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, a_loop_of_any_nodes_is_what_it_repeats, 0, 2 * N_GENERAL * N_RULES);
    suite_add_tcase(s, c);
    return s;
}
