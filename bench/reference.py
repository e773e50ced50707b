# SPDX-License-Identifier: Apache-2.0
"""The reference (braintrace, on JAX) as a subject: see bench/measure.c for the requests.

In: NETWORK N BATCH RULE WINDOW STEPS PARAMETERS, the last a file as `save` writes it.  Out: first a
line of four times in seconds: imports, building the learner, the first call and the first
sequence (compilation and one run each); then an answer to each request.
"""
import resource
import sys
import time

start = time.time()

import brainstate
import braintools
import braintrace
import jax
import jax.numpy as jnp
import numpy

imported = time.time() - start


class Cell(brainstate.nn.Module):
    """A cell of the reference's library."""

    def __init__(self, cell, n):
        super().__init__()
        self.cell = cell(n, n)

    def update(self, x):
        return self.cell(x)

    def params(self):
        cell = self.cell
        layers = [getattr(cell, name) for name in ("Wz", "Wr", "Wh", "Wi", "Wg", "Wf", "Wo")
                  if hasattr(cell, name)] or [cell.W]
        for layer in layers:
            yield layer.weight, "weight"
            yield layer.weight, "bias"


class Spiking(brainstate.nn.Module):
    """Recurrent LIF neurons behind exponential synapses: the network `lif` of bench/specs.py."""

    def __init__(self, n):
        super().__init__()
        self.n = n
        self.comm = braintrace.nn.Linear(2 * n, n)
        self.spike = braintools.surrogate.ReluGrad()

    def init_state(self, batch_size=None, **kwargs):
        shape = (self.n,) if batch_size is None else (batch_size, self.n)
        self.g = brainstate.HiddenState(jnp.zeros(shape))
        self.V = brainstate.HiddenState(jnp.zeros(shape))

    def update(self, x):
        decay = numpy.exp(-1 / 8).astype(numpy.float32)
        V = self.V.value
        s = self.spike(V - 1.0)
        g = numpy.exp(-1 / 6).astype(numpy.float32) * self.g.value
        g = g + self.comm(jnp.concatenate([x, s], axis=-1))
        V = decay * (V - s) + (1 - decay) * g
        self.g.value = g
        self.V.value = V
        return self.spike(V - 1.0)

    def params(self):
        yield self.comm.weight, "weight"
        yield self.comm.weight, "bias"


class Convolution(brainstate.nn.Module):
    """A leaky state whose input is a convolution over input and state, 8 channels each."""

    def __init__(self, n):
        super().__init__()
        self.shape = (n // 8, 8)
        self.conv = braintrace.nn.Conv1d((n // 8, 16), out_channels=8, kernel_size=3)

    def init_state(self, batch_size=None, **kwargs):
        shape = self.shape if batch_size is None else (batch_size,) + self.shape
        self.h = brainstate.HiddenState(jnp.zeros(shape))

    def update(self, x):
        h = self.h.value
        self.h.value = 0.6 * h + jnp.tanh(self.conv(jnp.concatenate([x, h], axis=-1)))
        return self.h.value

    def params(self):
        yield self.conv.weight, "weight"


def tanh_rnn(n_in, n):
    return braintrace.nn.ValinaRNNCell(n_in, n, activation="tanh")


NETWORKS = {
    "rnn": lambda n: Cell(tanh_rnn, n),
    "gru": lambda n: Cell(braintrace.nn.GRUCell, n),
    "lstm": lambda n: Cell(braintrace.nn.LSTMCell, n),
    "lif": Spiking,
    "conv_rnn": Convolution,
}


def data(n_steps, shape, time_factor, factor, modulus, less):
    """What subject_x and subject_y of bench/subject.h give."""
    size = int(numpy.prod(shape))
    t = numpy.arange(n_steps)[:, None] * time_factor
    i = numpy.arange(size)[None, :] * factor
    flat = ((t + i) % modulus).astype(numpy.float32) / 16 - numpy.float32(less)
    return jnp.asarray(flat.reshape((n_steps,) + shape))


class Subject:
    def __init__(self, network, n, batch, rule, window, n_steps, path):
        self.n_steps, self.window = n_steps, window
        self.net = NETWORKS[network](n)
        self.load(path)
        # A convolution wants a batch, and be it of one.
        batched = batch > 1 or network == "conv_rnn"
        shape = (n // 8, 8) if network == "conv_rnn" else (n,)
        shape = (batch,) + shape if batched else shape
        self.xs = data(n_steps, shape, 7, 13, 17, 0.5)
        self.ys = data(n_steps, shape, 5, 11, 13, 0.375)
        options = {"decay_or_rank": 0.9} if rule == "pp_prop" else {}
        if window > 1:
            options["vjp_method"] = "multi-step"
        self.learner = braintrace.compile(
            self.net, rule, self.xs[0], batch_size=batch if batched else None, **options)
        self.weights = self.net.states(brainstate.ParamState)
        self.begin = [(state, state.value) for state in self.learner.states().values()]
        self.call_jit = brainstate.transform.jit(self.grad)
        self.sequence_jit = brainstate.transform.jit(self.grad)
        self.pieces = [(self.xs[t:t + window], self.ys[t:t + window])
                       for t in range(0, n_steps, window)]
        if window == 1:
            self.call_jit = brainstate.transform.jit(self.grad_step)
            self.pieces = [(x[0], y[0]) for x, y in self.pieces]

    def loss(self, x, y):
        if self.window > 1:
            out = self.learner(braintrace.MultiStepData(x))
            return 0.5 * jnp.sum(jnp.square(out - y), axis=tuple(range(1, y.ndim)))
        return 0.5 * jnp.sum(jnp.square(self.learner(x) - y))

    def grad_step(self, x, y):
        return brainstate.transform.grad(lambda: self.loss(x, y), self.weights)()

    def grad(self, xs, ys):
        return self.learner.etrace_grad(xs, ys, step_fn=self.loss, weights=self.weights,
                                        chunk_size=self.window, reduction="sum")

    def call(self, n):
        pieces = self.pieces
        return self.timed(n, self.window, lambda i: self.call_jit(*pieces[i % len(pieces)]))

    def sequence(self, n):
        return self.timed(n, self.n_steps, lambda i: self.sequence_jit(self.xs, self.ys))

    @staticmethod
    def timed(n, steps, run):
        """Each result is waited for: the next step begins from its state."""
        start = time.perf_counter()
        for i in range(n):
            jax.block_until_ready(run(i))
        return (time.perf_counter() - start) / (n * steps) * 1e6

    def load(self, path):
        flat = numpy.fromfile(path, numpy.float32)
        place = 0
        for state, name in self.net.params():
            value = dict(state.value)
            shape = value[name].shape
            size = int(numpy.prod(shape))
            value[name] = jnp.asarray(flat[place:place + size].reshape(shape))
            state.value = value
            place += size
        if place != flat.size:
            raise SystemExit("reference.py: the parameters are not this network's")

    def gradient(self, path):
        self.restart()
        grads = self.sequence_jit(self.xs, self.ys)
        by_state = {id(state): grads[key] for key, state in self.weights.items()}
        flat = [numpy.asarray(by_state[id(state)][name], numpy.float32).reshape(-1)
                for state, name in self.net.params()]
        numpy.concatenate(flat).tofile(path)
        return sum(part.size for part in flat)

    def restart(self):
        for state, value in self.begin:
            state.value = value


def main():
    network, n, batch, rule, window, n_steps, path = sys.argv[1:]
    start = time.time()
    subject = Subject(network, int(n), int(batch), rule, int(window), int(n_steps), path)
    built = time.time() - start
    start = time.time()
    subject.call(1)
    first_call = time.time() - start
    start = time.time()
    subject.sequence(1)
    first_sequence = time.time() - start
    # The states' types may have changed with the first call, which costs a second compilation.
    subject.call(3)
    subject.sequence(2)
    print(imported, built, first_call, first_sequence, flush=True)
    requests = {
        "call": lambda argument: subject.call(int(argument)),
        "sequence": lambda argument: subject.sequence(int(argument)),
        "gradient": subject.gradient,
        "memory": lambda _: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }
    for line in sys.stdin:
        what, _, argument = line.strip().partition(" ")
        print(requests[what](argument), flush=True)


main()
