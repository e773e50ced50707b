# SPDX-License-Identifier: Apache-2.0
"""Makes reference data: reference.py DIRECTORY [CASE]...

Runs small models through braintrace (0.2.6, float64, 12 steps) under its algorithms and writes NAME.npz with inputs, targets,
parameters, states, outputs and the gradient of each, by the conventions of the other cases here.  Needs braintrace and jax; building and
testing do not.
"""
import sys

import brainstate
import braintrace
import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
brainstate.environ.set(precision=64)
T = 12

MULTI = {"vjp_method": "multi-step"}
ALGORITHMS = {  # name: (class, arguments, window)
    "d_rtrl": (braintrace.D_RTRL, {}, None),
    "d_rtrl_ms4": (braintrace.D_RTRL, MULTI, 4),
    "pp_prop": (braintrace.pp_prop, {"decay_or_rank": 0.9}, None),
    "pp_prop_ms4": (braintrace.pp_prop, {"decay_or_rank": 0.9, **MULTI}, 4),
    "ostl_recurrent": (braintrace.OSTLRecurrent, {}, None),
    "ostl_recurrent_ms4": (braintrace.OSTLRecurrent, MULTI, 4),
    "eprop": (braintrace.EProp, {"kappa_filter_decay": 0.8}, None),
    "snap1": (braintrace.SnAp, {"n": 1}, None),
    "snap2": (braintrace.SnAp, {"n": 2}, None),
    "snap2_ms4": (braintrace.SnAp, {"n": 2, **MULTI}, 4),
    "pp_coupled": (braintrace.IODimVjpAlgorithm, {"decay_or_rank": 0.9, "config": braintrace.ETraceConfig(
        trace_factorization="io_factorized", decay=0.9, recurrence_scope="coupled")}, None),
    "scalar_leak": (braintrace.ParamDimVjpAlgorithm, {"config": braintrace.ETraceConfig(
        temporal_recursion="scalar_leak", decay=0.8)}, None),
}
IN_BATCHES = ("d_rtrl", "d_rtrl_ms4", "pp_prop_ms4", "ostl_recurrent", "eprop", "snap2")


def beside(x, h):
    return jnp.concatenate([x, h], -1)


class Model(brainstate.nn.Module):
    """Parameters and states by shape; `step` is one step of the subclass, and returns its output."""

    weights, carried = {}, {}

    def __init__(self):
        super().__init__()
        for name, shape in self.weights.items():
            setattr(self, name, brainstate.ParamState(jnp.zeros(shape)))

    def init_state(self, batch_size=None, **_):
        batch = () if batch_size is None else (batch_size,)
        for name, shape in self.carried.items():
            setattr(self, name, brainstate.HiddenState(jnp.zeros(batch + shape)))


class Stack3(Model):
    weights = {"W1": (8, 5), "b1": (5,), "W2": (9, 4), "b2": (4,), "R": (4, 2)}
    carried = {"h": (5,), "g": (4,), "r": (2,)}

    def update(self, x):
        h, g = self.h.value, self.g.value
        self.h.value = 0.5 * h + jnp.tanh(braintrace.matmul(beside(x, h), self.W1.value, self.b1.value))
        self.g.value = 0.3 * g + jnp.tanh(braintrace.matmul(beside(self.h.value, g), self.W2.value, self.b2.value))
        self.r.value = 0.8 * self.r.value + braintrace.matmul(self.g.value, self.R.value)
        return self.r.value


class Cross(Model):
    weights = {"W1": (8, 5), "W2": (8, 5)}
    carried = {"h": (5,), "g": (5,)}

    def update(self, x):
        h, g = self.h.value, self.g.value
        self.h.value = 0.5 * h + jnp.tanh(braintrace.matmul(beside(x, g), self.W1.value))
        self.g.value = 0.4 * g + jnp.tanh(braintrace.matmul(beside(x, h), self.W2.value))
        return 0.5 * self.h.value + self.g.value


class ConvBias(Model):
    weights = {"K": (3, 5, 3), "b": (3,)}
    carried = {"h": (6, 3)}

    def update(self, x):
        h = self.h.value
        y = braintrace.conv(beside(x, h), self.K.value, self.b.value, strides=(1,), padding="SAME",
                            dimension_numbers=("NWC", "WIO", "NWC"))
        self.h.value = 0.6 * h + jnp.tanh(y)
        return self.h.value


CASES = {  # name: (model, shape of x, batch)
    "stack3": (Stack3, (3,), None),
    "stack3_batch3": (Stack3, (3,), 3),
    "cross": (Cross, (3,), None),
    "conv_bias_rules": (ConvBias, (6, 2), 2),
}


def total(gradient):
    return {key[0]: np.asarray(value.sum(0)) for key, value in gradient.items()}


class Case:
    def __init__(self, model, x_shape, batch, seed):
        self.model, self.batch = model, batch
        random = np.random.RandomState(seed)
        lead = () if batch is None else (batch,)
        self.x = jnp.asarray(random.randn(T, *lead, *x_shape))
        self.params = {k: 0.5 * random.randn(*shape) for k, shape in model.weights.items()}
        self.start = {k: 0.5 * random.randn(*lead, *shape) for k, shape in model.carried.items()}
        self.target = jnp.asarray(random.randn(T, *np.shape(self.build()(self.x[0]))))

    def put(self, model):
        for values in (self.params, self.start):
            for name, value in values.items():
                getattr(model, name).value = jnp.asarray(value)

    def build(self):
        model = self.model()
        brainstate.nn.init_all_states(model, batch_size=self.batch)
        self.put(model)
        return model

    def online(self, algorithm, arguments, window):
        model = self.build()
        learner = algorithm(model, **arguments)
        learner.compile_graph(self.x[0])
        self.put(model)
        weights = model.states(brainstate.ParamState)

        def step(x, target):
            def loss():
                y = learner(x if window is None else braintrace.MultiStepData(x))
                return 0.5 * jnp.sum((y - target) ** 2)
            return brainstate.transform.grad(loss, weights)()

        def cut(a):
            return a if window is None else a.reshape(T // window, window, *a.shape[1:])
        return total(brainstate.transform.for_loop(step, cut(self.x), cut(self.target)))

    def bptt(self):
        model = self.build()

        def loss():
            steps = brainstate.transform.for_loop(lambda x, y: 0.5 * jnp.sum((model(x) - y) ** 2), self.x, self.target)
            return steps.sum()
        gradient = brainstate.transform.grad(loss, model.states(brainstate.ParamState))()
        return {key[0]: np.asarray(value) for key, value in gradient.items()}

    def arrays(self):
        model = self.build()
        outputs, states = [], []
        for x in self.x:
            outputs.append(np.asarray(model(x)))
            states.append({k: np.asarray(getattr(model, k).value) for k in self.start})
        res = {"input/x": self.x, "target/y": self.target, "output/y": np.stack(outputs),
               "loss": [0.5 * np.sum((y - t) ** 2) for y, t in zip(outputs, self.target)]}
        for k in self.params:
            res["param/" + k] = self.params[k]
        for k in self.start:
            res["hidden0/" + k] = self.start[k]
            res["hidden/" + k] = np.stack([s[k] for s in states])
        gradients = {"bptt": self.bptt()}
        for name in ALGORITHMS if self.batch is None or self.model is ConvBias else IN_BATCHES:
            gradients[name] = self.online(*ALGORITHMS[name])
        for name, gradient in gradients.items():
            for k, value in gradient.items():
                res[f"grad/{name}/{k}"] = value
        return res


def main(directory, *names):
    for number, name in enumerate(CASES):
        if not names or name in names:
            np.savez(f"{directory}/{name}.npz", **Case(*CASES[name], seed=number).arrays())


if __name__ == "__main__":
    main(*sys.argv[1:])
