/* SPDX-License-Identifier: Apache-2.0 */
/* In: the tables below.  Out: specs.  A row is what its model has beside inputs, targets and a
   readout.  */
#define _POSIX_C_SOURCE 200809L
#include "beyond_cases.h"

#include "surrogate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- operators: h [4] is a state, x [3] an input, u [4] both through weights ------------------ */

enum { TOGETHER = 3 };

static const char *const functions[] = {
    "exp(-u)", "log(1.5 + sigmoid(u))", "log1p(square(u))", "expm1(u)", "sqrt(1 + u * u)",
    "sin(u)", "cos(u)", "tan(0.5 * tanh(u))", "tanh(u)", "sinh(u)", "cosh(u)", "atan(u)", "erf(u)",
    "abs(u)", "sign(u) * u", "floor(2 * u) * u", "ceil(2 * u) * u", "sigmoid(u)", "relu(u)",
    "softplus(u)", "softplus(u - stop_gradient(u))", "silu(u)", "square(u)",
    "stop_gradient(u) * u", "u + h", "u - h", "u * h", "u / (2 + h)", "-u", "(2 + tanh(u)) ** h",
    "u ** 2", "u ** 3", "(2 + tanh(u)) ** 0.5", "(2 + tanh(u)) ** -1", "max(u, h)", "min(u, h)",
    "maximum(u, h)", "minimum(u, h)", "where(u > h, u, h)", "where(u < h, u, h)",
    "where(u >= h, u, h)", "where(u <= h, u, h)", "where(u == h, u, h)", "where(u != h, u, h)",
    "where(u > 0 and h > 0, u, h)", "where(u > 0 or h > 0, u, h)", "where(not u > 0, u, h)",
    "(u > h) * u", "sum(u) * u", "mean(u) * u", "max(u) * u", "min(u) * u", "softmax(u)",
    "log_softmax(u)", "u[1:3][0] * u", "u[-1] * u", "u[0:3][i] * u",
    "reshape(transpose(reshape(u, [2, 2])), [4]) * h", "concat(u[0:1], u[1:4]) * h",
    "reshape(concat(reshape(u, [2, 2]), reshape(h, [2, 2]), axis=0)[1:3], [4])",
    "reshape(reshape(u, [2, 2]) + sum(reshape(h, [2, 2]), axis=0), [4])",
    "reshape(reshape(u, [2, 2]) * max(reshape(h, [2, 2]), axis=-1), [4])",
    "reshape(max_pool(reshape(concat(u, h), [8, 1]), [2]), [4])",
    "reshape(avg_pool(reshape(concat(u, h), [2, 4, 1]), [2, 1]), [4])",
    "reshape(max_pool(reshape(concat(u, h), [8, 1]), [3], stride=1)[1:5], [4])", "u @ h * h",
    "dot(u, h) * u", "spike(u, surrogate=bell)", "soft(u)", "product_of(u, h)", "straight(u)",
    "leaky_relu(4 * u)", "leaky_relu(u, alpha=h)", "prelu(u, h)", "relu6(9 * u)", "elu(2 * u)",
    "elu(u, alpha=0.5)", "celu(u, alpha=1.5)", "selu(u)", "gelu(2 * u)", "gelu_tanh(2 * u)",
    "hard_tanh(3 * u)", "hard_tanh(u, low=-0.1, high=h * h)", "hard_sigmoid(6 * u)", "hard_silu(6 * u)",
    "hard_shrink(2 * u)", "soft_shrink(2 * u)", "soft_shrink(u, lambda=0.1)", "tanh_shrink(3 * u)",
    "soft_sign(u)", "log_sigmoid(u)", "mish(2 * u)", "squareplus(u)", "squareplus(u, b=1 + h * h)",
    "softmin(u)", "glu(concat(x, x, x[1:3])) * u", "flatten(reshape(u, [2, 2])) * h",
    "flatten(adaptive_max_pool(reshape(concat(u, h, x), [11, 1]), [4]))",
    "flatten(adaptive_avg_pool(reshape(concat(u, h, x), [11, 1]), [4]))",
    "flatten(adaptive_avg_pool(reshape(concat(u, h, u[0:1]), [3, 3, 1]), [2, 2]))",
    "ones * u + number", "dropout(u, 0.4, seed)", "random_uniform(seed, [4]) * u",
};

/* --- weight ops: parameters, and the current -------------------------------------------------- */

static const char *const weight_ops[][2] = {
    {"W: [7, 4], b: [4]", "concat(x, h) @ W + b"},
    {"W: [4, 7]", "W @ concat(x, h)"},
    {"W: [4, 7]", "concat(x, h) @ transpose(W)"},
    {"W: [7, 4], s: {shape: [7, 4], trainable: false}", "concat(x, h) @ (abs(W) * s)"},
    {"W: [7, 4]", "concat(x, h) @ ((W - mean(W)) / sqrt(mean(square(W - mean(W))) + 0.1))"},
    {"W: [7, 4]", "concat(x, h) @ (W - reshape(mean(W, axis=0), [1, 4]))"},
    {"W: [7, 4], g: [4]", "concat(x, h) @ (W * g)"},
    {"W: [3, 4]", "x @ W + tanh(h[0:3] * x) @ W"},
    {"W: [2, 5, 2], b: [2, 2]",
     "reshape(grouped_matmul(concat(reshape(concat(x, x), [2, 3]), reshape(h, [2, 2])), W) + b, "
     "[4])"},
    {"W: [4, 7]", "einsum(\"k,ok->o\", concat(x, h), W)"},
    {"W: [5]", "einsum(\"k,o->k\", h, W)"}, /* every axis of the weight is summed alone */
    {"W: [2, 2, 2]", "reshape(einsum(\"bg,gkb->bk\", reshape(h + x[0], [2, 2]), W), [4])"},
    {"W: [3, 1, 1], b: [1]", "reshape(conv(reshape(h + x[0], [4, 1]), W, padding=same) + b, [4])"},
    {"W: [2, 2, 2]",
     "reshape(conv(reshape(concat(h, x, x[0:1]), [4, 2]), W, stride=2, padding=same), [4])"},
    {"W: [2, 1, 2]",
     "reshape(conv(reshape(concat(h, x, x[0:1]), [4, 2]), W, groups=2, dilation=2), [4])"},
    {"W: [3, 1, 2]", "reshape(conv(reshape(h + x[0], [4, 1]), W, stride=3, padding=1), [4])"},
    {"W: [2, 2, 1, 1]", "reshape(conv(reshape(concat(h, x, x[0:2]), [3, 3, 1]), W), [4])"},
    {"W: [2, 2, 1, 1]", "reshape(conv(reshape(h + x[0], [2, 2, 1]), W, padding=same), [4])"},
    {"W: [3, 2, 1, 2]",
     "reshape(conv(reshape(concat(h, x, x[0:1]), [2, 2, 2]), W, groups=2, padding=[1, 0], "
     "stride=[2, 1])[0:1], [2])[0] * h"},
    {"W: [1, 2, 2, 1, 1]",
     "reshape(conv(reshape(concat(h, h), [2, 2, 2, 1]), W, padding=same)[0:1], [4]) + x[0]"},
    {"W: [2, 1, 2, 1, 1]",
     "reshape(conv(reshape(concat(h, h * x[0]), [2, 2, 2, 1]), W, padding=same, "
     "stride=[2, 1, 1]), [4])"},
    {"W: {shape: [7, 4], sparse: {random: {p: 0.4, seed: 3}}}", "sparse_matmul(concat(x, h), W)"},
    {"W: {shape: [4, 4], sparse: {rows: [0, 1, 3, 3], cols: [3, 0, 1, 2]}}",
     "sparse_matmul(h, abs(W)) + x[0]"},
    {"W: {shape: [3, 4], sparse: {indptr: [0, 2, 2, 4], indices: [0, 3, 1, 2]}}",
     "sparse_matmul(x, W)"},
    {"W: [4, 4], V: [7, 4]", "events(relu(h)) @ W + concat(x, events(spike(h))) @ V"},
    {"W: {shape: [4, 4], sparse: {random: {p: 1, seed: 3}}}", "sparse_matmul(events(relu(h)), W)"},
    {"W: [3, 4]", "embedding(i, W)"},
    {"W: [3, 4], U: [4, 4]", "embedding(i, tanh(W)) + h @ U"},
    {"A: [7, 2], B: [2, 4]", "lora(concat(x, h), A, B)"},
    {"A: [7, 2], B: [2, 4], W: {shape: [7, 4], trainable: false}",
     "lora(concat(x, h), A, B, alpha=0.5, base=W)"},
    {"A: [7, 2], B: [2, 4], W: [7, 4]", "lora(concat(x, h), A, B, base=W)"},
    {"w: [4]", "w * h"},
    {"w: [4]", "element_wise(w) * h + element_wise(w) * x[0]"},
    {"w: [4], v: []", "exp(-exp(w)) * h + v * x[0]"},
    {"w: [4], v: [4]", "element_wise(sigmoid(w)) * h + v"},
    {"w: [2, 1], v: [2]", "reshape(w * reshape(h, [2, 2]) + v, [4])"},
    {"w: [2, 1], v: [2]", "reshape(v + reshape(reshape(w * reshape(h, [2, 2]), [4]) + x[0], [2, 2]), [4])"},
    {"A: [7, 2], B: [2, 4], s: []", "concat(x, h) @ (s * (A @ B)) + x[0]"},
    {"A: [7, 1], B: [4, 1], W: [7, 4]", "concat(x, h) @ (tanh(W) + A @ transpose(B))"},
    {"A: [4, 1], B: [1, 7]", "(0.5 * (A @ B)) @ concat(x, h)"},
    {"W: {shape: [7, 4], trace: false}, b: [4]", "concat(x, h) @ W + b * h"},
    {"W: [3, 4], U: {shape: [4, 4], trainable: false}", "x @ W + h @ U"},
    {"W: [4, 4], U: [3, 4]", "tanh(x @ U) @ W"},
    {"W: [7, 4], U: [4, 4]", "tanh(concat(x, h) @ W) @ U * 0.5 + h @ W[0:4]"},
};

/* --- control flow: lines of step that give c [4] ---------------------------------------------- */

static const char *const blocks[] = {
    "  - repeat: 3\n    carry: {c: 0.5 * h}\n    do: [\"c' = tanh(c @ U + x @ W)\"]\n",
    "  - repeat: 2\n    carry: {c: h, d: x}\n    do:\n      - c' = tanh(c @ U) + d[0]\n"
    "      - d' = 0.5 * d\n",
    "  - if: x[0] > 0\n    then: [c = x @ W]\n    else: [\"c = 0.5 * h @ U\"]\n",
    "  - if: mean(x) > 0 and x[1] < 0.5\n    then: [\"c = w * h\", \"e = x[0]\"]\n"
    "    else: [\"c = tanh(h @ U)\", \"e = sum(w * h)\"]\n  - z = e\n",
    "  - while: mean(abs(c)) > 0.05\n    max: 4\n    carry: {c: h}\n"
    "    do: [\"c' = 0.4 * tanh(c @ U) + 0.1 * w\"]\n",
    "  - repeat: 2\n    carry: {c: h}\n    do:\n      - if: mean(c) > 0\n"
    "        then: [\"t = c @ U\"]\n        else: [\"t = 0.5 * c\"]\n      - c' = tanh(t) + x[0]\n",
    "  - while: max(c) > 0.1 and n < 2\n    max: 3\n    carry: {c: h + x @ W, n: 0}\n    do:\n"
    "      - c' = 0.5 * c\n      - n' = n + 1\n",
    "  - repeat: 20\n    carry: {c: h}\n    do: [\"c' = 0.9 * tanh(c) + 0.01 * x[0] * w\"]\n",
    "  - while: d > 0.2\n    max: 20\n    carry: {d: 1, e: mean(h)}\n"
    "    do: [\"e' = 0.9 * e + 0.01 * d * x[0]\", \"d' = 0.8 * d\"]\n  - c = e * w\n",
    "  - repeat: 3\n    carry: {c: h}\n    do: [\"c' = 0.7 * c + 0.3 * tanh(c @ U + w) + 0.1 * sum(c * w)\"]\n",
    "  - repeat: 2\n    carry: {c: h, d: 0}\n    do:\n"
    "      - repeat: 3\n        carry: {e: c + d}\n        do: [\"e' = 0.8 * e + 0.2 * sin(e @ U + x @ W)\"]\n"
    "      - c' = 0.9 * c + 0.1 * e * w\n      - d' = d + 0.1 * mean(e @ U)\n",
    "  - repeat: 3\n    carry: {c: h}\n"
    "    do:\n      - c' = 0.5 * c + W[0] * 0.1 + 0.1 * einsum(\"k,ko->o\", c, abs(U)) + 0.1 * matmul(U, c)\n",
    "  - repeat: 2\n    carry: {c: h}\n    do:\n"
    "      - c' = 0.5 * c + 0.2 * reshape(grouped_matmul(reshape(c, [2, 2]), reshape(U, [4, 2, 2])[0:2]), [4])\n",
};

/* --- modules: y [4] is the last one's output -------------------------------------------------- */

#define CELL(name) {name, "  r: {cell: " name ", in: x, size: 4}\n"}
#define CURRENT "  c: {cell: linear, in: x, size: 4}\n"
#define SYNAPSE(name) {name, CURRENT "  r: {cell: " name ", in: c}\n"}
#define NEURON(name, more)                                                                         \
    {name, CURRENT "  n: {cell: " name ", in: " more "}\n"                                         \
                   "  r: {cell: linear, in: n, size: 4}\n"}

static const char *const networks[][2] = {
    CELL("linear"), CELL("rnn"), CELL("gru"), CELL("lstm"), CELL("mgu"), CELL("cfn"),
    CELL("mini_gru"), CELL("mini_lstm"), CELL("minimal_rnn"), CELL("urlstm"),
    CELL("leaky_readout"), CELL("gru_torch"), CELL("nir_linear"),
    {"conv_rnn", "  q: {cell: conv_rnn, in: \"reshape(concat(x, x), [3, 2])\", size: 2, leak: 0.4}\n"
                 "  r: {cell: linear, in: flatten(q), size: 4}\n"},
    {"conv_rnn2d", "  q: {cell: conv_rnn2d, in: \"reshape(concat(x, x), [2, 3, 1])\", size: 2, kernel_w: 1}\n"
                   "  r: {cell: linear, in: flatten(q), size: 4}\n"},
    {"lora_rnn", "  r: {cell: lora_rnn, in: x, size: 4, rank: 2, alpha: 1.5, leak: 0.4}\n"},
    {"rnn of relu", "  r: {cell: rnn, in: x, size: 4, activation: relu}\n"},
    {"lru", "  q: {cell: lru, in: x, size: 2}\n  r: {cell: linear, in: q, size: 4}\n"},
    SYNAPSE("expon"), SYNAPSE("alpha"), SYNAPSE("dual_expon"),
    {"stp", "  s: {cell: stp, in: x}\n  r: {cell: leaky_readout, in: s, size: 4}\n"},
    {"cuba", "  c: {cell: linear, in: \"concat(x, n.s)\", size: 4}\n"
             "  s: {cell: expon, in: c, size: 4}\n  u: {cell: cuba, in: s, scale: 2}\n"
             "  n: {cell: lif, in: u, size: 4}\n  r: {cell: linear, in: n, size: 4}\n"},
    {"coba", CURRENT "  s: {cell: expon, in: c}\n  u: {cell: coba, in: {g: s, V: n.V}, E: 3}\n"
                     "  n: {cell: lif, in: u, size: 4}\n  r: {cell: linear, in: n, size: 4}\n"},
    NEURON("lif", "3 * c, V_th: 0.5"),
    NEURON("lif", "3 * c, reset: hard, V_th: 0.3"),
    NEURON("lif_ref", "3 * c, V_th: 0.2"),
    NEURON("alif", "3 * c, V_th: 0.3, surrogate: arctan(alpha=2)"),
    NEURON("gif", "3 * c, V_th: 0.3, A2: 0.2"),
    NEURON("if_neuron", "c, V_th: 0.3, reset: hard"),
    NEURON("nir_lif", "20 * c, dt: 0.004"),
    NEURON("nir_cuba_lif", "20 * c, dt: 0.002"),
    NEURON("nir_if", "20 * c, dt: 0.1"),
    NEURON("nir_threshold", "9 * c"),
    {"nir_scale", CURRENT "  n: {cell: nir_scale, in: c}\n  r: {cell: nir_li, in: n, dt: 0.004}\n"},
    {"nir_cuba_li", CURRENT "  r: {cell: nir_cuba_li, in: c, dt: 0.002}\n"},
    {"nir_i", CURRENT "  r: {cell: nir_i, in: c, dt: 0.1}\n"},
    {"nir_conv1d", "  c: {cell: nir_conv1d, in: \"reshape(concat(x, x), [3, 2])\", size: 2, kernel: 2}\n"
                   "  q: {cell: nir_conv1d_same, in: c, size: 2, kernel: 3}\n"
                   "  n: {cell: nir_flatten1d, in: q}\n  r: {cell: nir_li, in: n, dt: 0.004}\n"},
    {"nir_conv2d", "  c: {cell: nir_conv2d, in: \"reshape(concat(x, x), [3, 2, 1])\", size: 2, kernel_h: 2,"
                   " kernel_w: 2, padding_w: 1, stride_w: 2}\n"
                   "  q: {cell: nir_conv2d_same, in: c, size: 4, kernel_h: 3, kernel_w: 1}\n"
                   "  p: {cell: nir_avg_pool2d, in: q, kernel_size_h: 1, kernel_size_w: 2, stride_h: 1,"
                   " stride_w: 2}\n"
                   "  u: {cell: nir_sum_pool2d, in: p, kernel_size_h: 2, kernel_size_w: 1, stride_h: 1,"
                   " stride_w: 1}\n"
                   "  n: {cell: nir_flatten, in: u}\n  r: {cell: nir_li, in: n, dt: 0.004}\n"},
    NEURON("izhikevich", "9 * c, surrogate: slayer"),
    NEURON("adex", "9 * c, surrogate: sigmoid"),
    {"layer_norm", "  n: {cell: layer_norm, in: \"concat(x, r.h)\"}\n"
                   "  r: {cell: rnn, in: n, size: 4}\n"},
    {"rms_norm", "  n: {cell: rms_norm, in: x}\n  r: {cell: rnn, in: n, size: 4}\n"},
    {"group_norm", "  n: {cell: group_norm, in: \"concat(x, r.h[0:1])\", groups: 2}\n"
                   "  r: {cell: rnn, in: n, size: 4}\n"},
    {"running_norm", "  n: {cell: running_norm, in: {x: x, training: \"1\"}, momentum: 0.7}\n"
                     "  r: {cell: rnn, in: n, size: 4}\n"},
    {"ws_linear", "  n: {cell: ws_linear, in: \"concat(x, r.r)\", size: 4}\n"
                  "  r: {cell: leaky_readout, in: n, size: 4}\n"},
    {"rrelu", "  n: {cell: linear, in: x, size: 4}\n"
              "  q: {cell: rrelu, in: {x: n, training: \"1\"}}\n"
              "  r: {cell: rnn, in: q, size: 4}\n"},
    {"std", "  s: {cell: std, in: x, U: 0.3}\n  r: {cell: leaky_readout, in: s, size: 4}\n"},
    {"dropout", "  n: {cell: dropout, in: {x: x, training: \"1\"}}\n"
                "  r: {cell: rnn, in: n, size: 4}\n"},
    {"share", "  a: {cell: rnn, in: x, size: 4}\n  b: {share: a, in: 0.5 * x}\n"
              "  r: {cell: linear, in: a * b, size: 4}\n"},
    {"a stack", "  s:\n    - {cell: gru, in: x, size: 3}\n    - {cell: rnn, size: 4}\n"
                "  r: {cell: linear, in: s, size: 4}\n"},
};

/* --- the rest --------------------------------------------------------------------------------- */

static const char *const losses[] = {
    "mse(y0, y)",
    "softmax_cross_entropy(y0, softmax(y))",
    "softmax_cross_entropy(y0[0:3], l)",
    "sigmoid_cross_entropy(y0, y)",
    "[sum(y0 * y), mean(square(h'))]",
    "{a: {value: sum(abs(y0)), weight: 0.5}, b: sum(h' * h)}",
};

/* Whole models, each for something that was wrong once.  */
static const char *const wholes[] = {
    /* The trace of a table began with its row 0.  */
    "params: {W: [3, 4]}\nhidden: {h: [4]}\nstep:\n  - h' = 0.3 * h + 0.5 * embedding(i, W)\n"
    "outputs: {y: h'}\nloss: sum(square(h' - y))\n",
    /* A table of places that only a loop reads; an axis of one element under a window.  */
    "params: {W: {shape: [3, 4], sparse: {random: {p: 0.5, seed: 1}}}, K: [1, 2, 1, 1]}\n"
    "hidden: {h: [4]}\nstep:\n  - h' = tanh(h + sparse_matmul(x, W)"
    " + reshape(conv(reshape(h + x[0], [1, 4, 1]), K, padding=same), [4]))\n"
    "outputs: {y: h'}\nloss: sum(square(h' - y))\n",
    /* Conditions that several loops read.  */
    "params: {W: [3, 4], w: [4]}\nhidden: {h: [4], g: [4]}\nstep:\n  - a = x @ W\n"
    "  - g' = where(h > a, tanh(g * w), 0.5 * a)\n"
    "  - h' = tanh(where(h > a, g', h)) + max(where(h > a, h, a)) * 0.1\n"
    "outputs: {y: h'}\nloss: sum(where(h > a, h', g') * y)\n",
    /* A state that is parameters and nothing else had no trace; element_wise among parameters had
       two.  */
    "params: {w: [4], v: [4], a: [4], b: [4]}\nhidden: {h: [4], g: [4]}\nstep:\n  - h' = tanh(w)\n"
    "  - g' = 0.2 * g + tanh(h * x[0]) + element_wise(a) * b * g\noutputs: {y: g'}\n"
    "loss: sum(square(g' - y)) + sum(h' * x[1])\n",
    "params: {a: [4], b: [2]}\nhidden: {h: [2, 2]}\nstep:\n"
    "  - h' = 0.2 * h + tanh(reshape(element_wise(a), [2, 2]) * x[0])"
    " + exp(element_wise(b)) * 0.1\n"
    "outputs: {y: h'}\nloss: sum(square(reshape(h', [4]) - y))\n",
    /* What was broadcast and then reshaped had no trace.  */
    "params: {b: [2], c: [2, 1]}\nhidden: {h: [4], g: [8]}\nstep:\n"
    "  - z = tanh(b + c * reshape(h, [2, 2]))\n  - h' = 0.3 * h + reshape(z, [4]) * x[0]\n"
    "  - g' = 0.2 * g + reshape(z + 0.1 * reshape(g, [2, 2, 2]), [8])\noutputs: {y: h'}\n"
    "loss: sum(square(h' - y)) + sum(g' * h[0])\n",
    /* The table's row that was read is met by an array of its own where the table is a function of another.  */
    "params: {W: [3, 4]}\nhidden: {h: [4]}\nstep:\n  - h' = tanh(0.5 * embedding(i, exp(W)) + embedding(i, exp(W)) * x[0])\n"
    "outputs: {y: h'}\nloss: sum(square(h' - y))\n",
    /* A bias that is broadcast behind a new state: with vjp_time t it counted twice.  */
    "params: {W: [3, 2], b: [2]}\nhidden: {h: [2], g: [2, 2]}\nstep:\n"
    "  - h' = tanh(x @ W + b)\n  - g' = 0.2 * g + tanh(g + h')\noutputs: {y: g'}\n"
    "loss: sum(square(reshape(g', [4]) - y)) + sum(h')\n",
};

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

enum {
    N_FUNCTIONS = (COUNT(functions) + TOGETHER - 1) / TOGETHER,
    BEFORE_WEIGHT_OPS = N_FUNCTIONS,
    BEFORE_BLOCKS = BEFORE_WEIGHT_OPS + COUNT(weight_ops),
    BEFORE_NETWORKS = BEFORE_BLOCKS + 2 * COUNT(blocks),
    BEFORE_LOSSES = BEFORE_NETWORKS + COUNT(networks),
    BEFORE_WHOLES = BEFORE_LOSSES + COUNT(losses),
    BEFORE_SURROGATES = BEFORE_WHOLES + COUNT(wholes)
};

int beyond_n_cases(void)
{
    return BEFORE_SURROGATES + n_surrogates;
}

static const char head[] =
    "etrace: 1\nmodel: form\ndtype: float64\nbatch: %d\n"
    "inputs: {x: [3], i: {shape: [], type: index, size: 3}}\n"
    "targets: {y: [4], l: {shape: [], type: index, size: 3}}\n"
    "state: {seed: {shape: [], type: seed, init: 3}}\n"
    "consts: {ones: {shape: [4], value: 1}, number: 0.25}\n"
    "functions:\n  soft(x): x / (1 + abs(x))\n  bell(v): exp(-v * v)\n"
    "  product_of(a, b): {value: a * b, derivative: {a: b, b: 0.5 * a}}\n"
    "  straight(x): {value: \"min(max(x, -0.5), 0.5)\", derivative: 1}\n"
    "learning: {dense: drop}\n";

static const char fit[] = "0.5 * sum(square(y0 - y))";

/* Functions from number FIRST on, each in the current of a state of its own.  */
static void put_functions(FILE *f, int first)
{
    static const char *const state[] = {"h", "h1", "h2"};
    fputs("params: {U0: [7, 4], R: [4, 4]}\nhidden: {h: [4], h1: [4], h2: [4]}\nstep:\n"
          "  - u = concat(x, h) @ U0\n", f);
    for (int i = 0; i < TOGETHER; i++)
        fprintf(f, "  - %s' = 0.5 * %s + tanh(%s)\n", state[i], state[i],
                first + i < COUNT(functions) ? functions[first + i] : "u");
    fprintf(f, "  - y0 = tanh((h' + h1' * h2') @ R)\noutputs: {y: y0, h: h'}\nloss: %s\n", fit);
}

/* A recurrent state whose current is CURRENT; U0 and R are around it.  */
static void put_recurrent(FILE *f, const char *params, const char *lines, const char *current,
                          const char *loss)
{
    fprintf(f, "params: {U0: [7, 4], R: [4, 4]%s%s}\nhidden: {h: [4]}\n", *params ? ", " : "",
            params);
    fprintf(f, "step:\n  - u = concat(x, h) @ U0\n%s  - h' = 0.5 * h + tanh(%s)\n", lines, current);
    fprintf(f, "  - y0 = tanh(h' @ R)\noutputs: {y: y0, h: h'}\nloss: %s\n", loss);
}

static void put_surrogate(FILE *f, const formula *s)
{
    char current[128];
    snprintf(current, sizeof current, "spike(u, surrogate=%s) + spike(h, surrogate=%s(%s=1.3))",
             s->name, s->name, s->parameter[0].name);
    put_recurrent(f, "", "", current, fit);
}

/* Each block twice: its loops written out, and left as loops.  */
static void put_block(FILE *f, int i)
{
    if (i % 2)
        fputs("unroll_limit: 1\n", f);
    put_recurrent(f, "W: [3, 4], U: [4, 4], w: [4]", blocks[i / 2], "c + 0.1 * u", fit);
}

static void put_case(FILE *f, int i)
{
    if (i >= BEFORE_SURROGATES)
        put_surrogate(f, &surrogates[i - BEFORE_SURROGATES]);
    else if (i >= BEFORE_WHOLES)
        fputs(wholes[i - BEFORE_WHOLES], f);
    else if (i >= BEFORE_LOSSES)
        put_recurrent(f, "", "", "u", losses[i - BEFORE_LOSSES]);
    else if (i >= BEFORE_NETWORKS)
        fprintf(f, "modules:\n%soutputs: {y: r}\nloss: 0.5 * sum(square(r - y))\n",
                networks[i - BEFORE_NETWORKS][1]);
    else if (i >= BEFORE_BLOCKS)
        put_block(f, i - BEFORE_BLOCKS);
    else if (i >= BEFORE_WEIGHT_OPS)
        put_recurrent(f, weight_ops[i - BEFORE_WEIGHT_OPS][0], "",
                      weight_ops[i - BEFORE_WEIGHT_OPS][1], fit);
    else
        put_functions(f, i * TOGETHER);
}

char *beyond_case_text(int i)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        abort();
    fprintf(f, head, i % 5 ? 1 : 2);
    put_case(f, i);
    fclose(f);
    return text;
}

const char *beyond_case_name(int i)
{
    const int n = i - BEFORE_NETWORKS;
    if (i >= BEFORE_WHOLES && i < BEFORE_SURROGATES)
        return "once wrong";
    return n >= 0 && n < COUNT(networks) ? networks[n][0] : "form";
}
