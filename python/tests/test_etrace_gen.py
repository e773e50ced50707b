# SPDX-License-Identifier: Apache-2.0
"""Models from Python.  ETRACE_GEN names the generator; the tests make their own cache."""

import os
import tempfile
import unittest

import numpy as np

import etrace_gen

GRU = """etrace: 1
model: net
dtype: float64
batch: 2
inputs: {x: [3], word: {shape: [], type: index, size: 5}}
targets: {y: [4]}
params: {E: [5, 3]}
modules:
  rnn: {cell: gru, in: "x + embedding(word, E)", size: 4}
outputs: {out: rnn}
loss: 0.5 * sum(square(rnn - y))
"""
FLAGS = ("-O1",)
STEPS = 6


def data(seed=0):
    random = np.random.RandomState(seed)
    inputs = {"x": random.randn(STEPS, 2, 3), "word": random.randint(0, 5, (STEPS, 2))}
    return inputs, random.randn(STEPS, 2, 4)


class Models(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cache = tempfile.TemporaryDirectory()
        os.environ["XDG_CACHE_HOME"] = cls.cache.name
        cls.net = etrace_gen.load(GRU, flags=FLAGS)

    @classmethod
    def tearDownClass(cls):
        cls.cache.cleanup()

    def test_steps_are_a_sequence(self):
        model, whole = self.net.Model(seed=1), self.net.Model(seed=1)
        inputs, targets = data()
        loss, outputs = whole.learn_sequence(inputs, targets)
        total = 0
        for t in range(STEPS):
            total += model.learn({k: v[t] for k, v in inputs.items()}, targets[t])
            np.testing.assert_array_equal(model.outputs["out"], outputs["out"][t])
        self.assertAlmostEqual(loss, total, places=12)
        for path in model.params:
            np.testing.assert_allclose(model.grad[path], whole.grad[path], rtol=1e-12, atol=1e-14)

    def test_bptt_is_the_slope_of_the_loss(self):
        net = etrace_gen.load(GRU, "--rule=bptt", flags=FLAGS)
        model = net.Model(seed=2)
        inputs, targets = data(1)
        model.learn_sequence(inputs, targets)
        for path in model.params:
            place, step = tuple(0 for _ in model.params[path].shape), 1e-5
            losses = []
            for sign in (1, -1):
                other = net.Model(seed=2)
                other.params[path][place] += sign * step
                losses.append(other.learn_sequence(inputs, targets)[0])
            self.assertAlmostEqual(model.grad[path][place], (losses[0] - losses[1]) / (2 * step), places=6)

    def test_arrays_are_the_memory_of_the_model(self):
        model = self.net.Model()
        view = model.state["rnn.h"]
        before = view.copy()
        inputs, _ = data()
        model.step({k: v[0] for k, v in inputs.items()})
        self.assertTrue(np.any(view != before))
        np.testing.assert_array_equal(view, model.outputs["out"])

    def test_jacobians(self):
        model = self.net.Model(seed=3)
        inputs, targets = data(2)
        one = {k: v[0] for k, v in inputs.items()}
        shown = model.jacobians(one, targets[0])
        self.assertEqual(shown["h2h", 0, 0, 0].shape, (2, 4))
        np.testing.assert_allclose(shown["signal", 0, 0], model.outputs["out"] - targets[0])
        self.assertNotIn(("signal", 0, 0), model.jacobians(one))

    def test_updates(self):
        model, seen = self.net.Model(seed=4), []
        inputs, targets = data(3)

        def update(grad):
            seen.append({path: array.copy() for path, array in grad.items()})
            return len(seen) == 2
        model.learn_sequence(inputs, targets, update=update, update_every=2)
        self.assertEqual(len(seen), 2)
        np.testing.assert_array_equal(model.grad["rnn.Wz"], seen[1]["rnn.Wz"])
        model.clear_grad()
        model.learn_sequence(inputs, targets, update=lambda grad: False, update_every=2)
        self.assertFalse(np.any(model.grad["rnn.Wz"]))

        def fails(grad):
            raise KeyError("mine")
        with self.assertRaises(KeyError):
            model.learn_sequence(inputs, targets, update=fails)

    def test_lengths_and_weights(self):
        inputs, targets = data(4)
        short, weighed = self.net.Model(seed=5), self.net.Model(seed=5)
        loss, _ = short.learn_sequence(inputs, targets, length=[STEPS, 3])
        weight = np.ones((STEPS, 2))
        weight[3:, 1] = 0
        self.assertAlmostEqual(loss, weighed.learn_sequence(inputs, targets, weight=weight)[0], places=12)
        np.testing.assert_allclose(short.grad["rnn.Wh"], weighed.grad["rnn.Wh"], rtol=1e-12)

    def test_a_sequence_is_filled_in_place(self):
        model, other = self.net.Model(seed=6), self.net.Model(seed=6)
        inputs, targets = data(5)
        q = model.sequence(STEPS)
        q.inputs["x"][...], q.inputs["word"][...] = inputs["x"], inputs["word"]
        q.targets["y"][...] = targets
        self.assertEqual(model.learn_sequence(q)[0], other.learn_sequence(inputs, targets)[0])
        other.reset()
        np.testing.assert_array_equal(other.evolve_sequence(inputs)["out"], q.outputs["out"])

    def test_what_does_not_fit_is_refused(self):
        model = self.net.Model()
        inputs, targets = data()
        with self.assertRaisesRegex(ValueError, r"rnn.Wz has the shape \(7, 4\), not \(3,\)"):
            model.params["rnn.Wz"] = np.zeros(3)
        with self.assertRaisesRegex(TypeError, "holds float64, not complex128"):
            model.state["rnn.h"] = np.zeros((2, 4), complex)
        with self.assertRaisesRegex(ValueError, "word is from 0 to 4"):
            model.step({"x": inputs["x"][0], "word": np.array([0, 5])})
        with self.assertRaises(KeyError):
            model.step({"x": inputs["x"][0]})
        inputs["x"][2, 1, 0] = np.nan
        with self.assertRaisesRegex(self.net.Error, "not finite"):
            model.learn_sequence(inputs, targets)
        self.assertFalse(np.any(model.grad["rnn.Wz"]))
        with self.assertRaisesRegex(etrace_gen.GeneratorError, "E0203"):
            etrace_gen.load(GRU.replace("embedding", "embeding"), flags=FLAGS)

    def test_another_library_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            other = etrace_gen.load(GRU.replace("size: 4", "size: 4, activation: relu"), directory=folder, flags=FLAGS)
            with self.assertRaisesRegex(self.net.Error, "of another net"):
                self.net.Model(os.path.splitext(other.__file__)[0] + ".so")

    def test_the_cache_is_used(self):
        folder = os.path.join(self.cache.name, "etrace-gen")
        before = sorted(os.listdir(folder))
        etrace_gen.load(GRU, flags=FLAGS)
        self.assertEqual(sorted(os.listdir(folder)), before)


if __name__ == "__main__":
    unittest.main()
