import ctypes
import os
import subprocess

import numpy as np

_ABI = 2
# What elements are, in the order of etr_element; None: the real type.  NumPy has no bfloat16: these are its bits.
_ELEMENTS = (None, np.int32, np.uint16, np.float16)
_RANK_MAX = 9
_KINDS = ("param", "hidden", "state", "input", "target", "output", "trace", "h2h", "h2w", "h2w_x", "signal")
_STATUS = {-1: "a loss is not finite", -2: "the gradient is not finite",
           -3: "an input, target or weight is not finite, or an index is out of its range"}


class Error(RuntimeError):
    """The library is not this module's, or a sequence could not be learned."""


class _Var(ctypes.Structure):  # etr_var of etrace_info.h
    _fields_ = [("path", ctypes.c_char_p), ("kind", ctypes.c_int), ("element", ctypes.c_int),
                ("stored", ctypes.c_int), ("constant", ctypes.c_double), ("group", ctypes.c_int),
                ("row", ctypes.c_int), ("col", ctypes.c_int), ("rank", ctypes.c_int),
                ("shape", ctypes.c_int * _RANK_MAX), ("offset", ctypes.c_size_t)]


class _Info(ctypes.Structure):  # etr_info
    _fields_ = ([("name", ctypes.c_char_p), ("hash", ctypes.c_char_p), ("rule", ctypes.c_char_p),
                 ("abi", ctypes.c_int), ("real_bytes", ctypes.c_int), ("batch", ctypes.c_int),
                 ("n_groups", ctypes.c_int)]
                + [(block + "_bytes", ctypes.c_size_t)
                   for block in ("params", "state", "trace", "input", "target", "output", "jacobian", "signal")]
                + [("n_vars", ctypes.c_int), ("vars", ctypes.POINTER(_Var))])


_Update = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


class _Sequence(ctypes.Structure):  # NAME_sequence
    _fields_ = ([("n_steps", ctypes.c_size_t), ("inputs", ctypes.c_void_p), ("out", ctypes.c_void_p),
                 ("length", ctypes.c_void_p), ("last_output", ctypes.c_int), ("reset", ctypes.c_int)]
                + ([("target", ctypes.c_void_p), ("tape", ctypes.c_void_p), ("weight", ctypes.c_void_p),
                    ("update", _Update), ("context", ctypes.c_void_p), ("update_every", ctypes.c_size_t),
                    ("backup", ctypes.c_void_p)] if HAS_LOSS else []))


def _aligned(size):
    """SIZE bytes of zeros that begin at a multiple of 64."""
    memory = np.zeros(size + 64, np.uint8)
    skip = -memory.ctypes.data % 64
    return memory[skip:skip + size]


_BESIDE = os.path.splitext(os.path.abspath(__file__))[0]


def build(compiler=None, flags=("-O3", "-march=native")):
    """Compile the C file beside this one into the shared library beside it; returns its path."""
    library = _BESIDE + ".so"
    compiler = (compiler or os.environ.get("CC") or "cc").split()
    subprocess.run([*compiler, *flags, "-std=c99", "-shared", "-fPIC", "-o", library, _BESIDE + ".c", "-lm"], check=True)
    return library


class Block:
    """Some of the model's memory: `block["rnn.W"]` is an array over it, not a copy.

    An assignment copies into it; shape and kind of number have to be right.  With COUNT the block is that many of
    its kind one behind the other, and arrays have an axis of that size in front.
    """

    def __init__(self, variables, size, real, count=None):
        self.memory = _aligned(max(size, 1) * (1 if count is None else count))
        self.variables = {}
        for v in variables:
            dtype = np.dtype(_ELEMENTS[v.element] or real)
            shape = tuple(v.shape[:v.rank])
            strides = [dtype.itemsize]
            for n in reversed(shape[1:]):
                strides.insert(0, strides[0] * n)
            strides = strides if shape else []
            if count is not None:
                shape, strides = (count, *shape), [size, *strides]
            self.variables[v.path.decode()] = np.ndarray(shape, dtype, self.memory, v.offset, strides)

    def __getitem__(self, path):
        return self.variables[path]

    def __setitem__(self, path, value):
        array, value = self.variables[path], np.asarray(value)
        if value.shape != array.shape:
            raise ValueError(f"{path} has the shape {array.shape}, not {value.shape}")
        if not np.can_cast(value.dtype, array.dtype, "same_kind"):
            raise TypeError(f"{path} holds {array.dtype}, not {value.dtype}")
        if path in INDEX_SIZES and value.size and not 0 <= value.min() <= value.max() < INDEX_SIZES[path]:
            raise ValueError(f"{path} is from 0 to {INDEX_SIZES[path] - 1}")
        array[...] = value

    def __iter__(self):
        return iter(self.variables)

    def __len__(self):
        return len(self.variables)

    def keys(self):
        return self.variables.keys()

    def items(self):
        return self.variables.items()

    def fill(self, values):
        """All of it: a mapping from paths, or the one array that there is."""
        if not hasattr(values, "keys"):
            if len(self) != 1:
                raise TypeError(f"a mapping with {', '.join(self)} is wanted")
            values = {next(iter(self)): values}
        if set(values) != set(self):
            raise KeyError(f"{', '.join(self)} are wanted, not {', '.join(values)}")
        for path in self:
            self[path] = values[path]

    @property
    def address(self):
        return self.memory.ctypes.data


class Sequence:
    """Memory for N_STEPS steps: `inputs`, `targets` and `outputs` are blocks whose arrays begin with time."""

    def __init__(self, model, n_steps):
        self.n_steps = n_steps
        self.inputs = model._block(("input",), "input", n_steps)
        self.targets = model._block(("target",), "target", n_steps)
        self.outputs = model._block(("output",), "output", n_steps)


class Model:
    """One instance: `params`, `state`, `trace`, `grad`, `inputs`, `targets`, `outputs` are Blocks.

    LIBRARY is a shared library of the generated C; without it the one beside this file, which is made if it is not
    there.  Arrays that are returned are views: copy what has to last.
    """

    def __init__(self, library=None, seed=0):
        if library is None and not os.path.exists(_BESIDE + ".so"):
            build()
        library = os.path.abspath(library or _BESIDE + ".so")
        self._library = ctypes.CDLL(library)
        self.info = _Info.in_dll(self._library, NAME + "_info")
        if self.info.abi != _ABI or self.info.hash.decode() != HASH:
            raise Error(f"{library} is of another {NAME}: generate and compile both anew")
        self.real = np.dtype(f"f{self.info.real_bytes}")
        self._vars = [self.info.vars[i] for i in range(self.info.n_vars)]
        self.params = self._block(("param",), "params")
        self.grad = self._block(("param",), "params")
        self.state = self._block(("hidden", "state"), "state")
        self.trace = self._block(("trace",), "trace")
        self.inputs = self._block(("input",), "input")
        self.targets = self._block(("target",), "target")
        self.outputs = self._block(("output",), "output")
        self._jacobian = self._block((), "jacobian")
        self._signal = self._block((), "signal")
        real = ctypes.c_float if self.real.itemsize == 4 else ctypes.c_double
        for function in ("learn", "solve_h2w_h2h_l2h_jacobian"):
            if HAS_LOSS and (HAS_LEARN or function != "learn"):
                getattr(self._library, f"{NAME}_{function}").restype = real
        self.init(seed)

    def _block(self, kinds, name, count=None):
        wanted = [v for v in self._vars if _KINDS[v.kind] in kinds]
        return Block(wanted, getattr(self.info, name + "_bytes"), self.real, count)

    def _call(self, function, *arguments):
        words = [ctypes.c_void_p(a.address) if hasattr(a, "address") else a for a in arguments]
        return getattr(self._library, f"{NAME}_{function}")(*words)

    def init(self, seed=0):
        """Parameters drawn from SEED; states and traces as at the beginning, no gradient."""
        self._call("init_params", self.params, ctypes.c_uint64(seed))
        self.reset()
        self.clear_grad()

    def reset(self):
        """States and traces as at the beginning."""
        self._call("init_state", self.state)
        if HAS_TRACE:
            self._call("reset_trace", self.trace)

    def clear_grad(self):
        self.grad.memory[:] = 0

    def step(self, inputs):
        """One step; returns the outputs."""
        self.inputs.fill(inputs)
        self._call("step", self.params, self.state, self.inputs, self.outputs)
        return self.outputs

    def learn(self, inputs, targets):
        """One step of online learning: adds to `grad`; returns the loss."""
        if not HAS_LEARN:
            raise Error("this rule learns whole sequences: learn_sequence")
        self.inputs.fill(inputs)
        self.targets.fill(targets)
        return self._call("learn", self.params, self.state, self.trace, self.inputs, self.targets, self.outputs,
                          self.grad)

    def _entries(self):
        res = {}
        for v in self._vars:
            kind = _KINDS[v.kind]
            if kind not in ("h2h", "h2w", "h2w_x", "signal"):
                continue
            block = self._signal if kind == "signal" else self._jacobian
            key = {"h2h": (kind, v.group, v.row, v.col), "signal": (kind, v.group, v.row),
                   "h2w": (kind, v.path.decode(), v.group, v.row), "h2w_x": (kind, v.path.decode())}[kind]
            shape = tuple(v.shape[:v.rank])
            dtype = _ELEMENTS[v.element] or self.real
            res[key] = (np.ndarray(shape, dtype, block.memory, v.offset) if v.stored
                        else np.full(shape, v.constant, dtype))
        return res

    def jacobians(self, inputs, targets=None):
        """One step, and its Jacobians: arrays by ("h2h", group, row, column), ("h2w", relation, group, row),
        ("h2w_x", relation), and with targets learning signals by ("signal", group, row)."""
        self.inputs.fill(inputs)
        if targets is None:
            self._call("solve_h2w_h2h_jacobian", self.params, self.state, self.inputs, self.outputs, self._jacobian)
        else:
            self.targets.fill(targets)
            self._call("solve_h2w_h2h_l2h_jacobian", self.params, self.state, self.inputs, self.targets,
                       self.outputs, self._jacobian, self._signal)
        return {key: array for key, array in self._entries().items() if targets is not None or key[0] != "signal"}

    def sequence(self, n_steps):
        """Memory for a sequence, to be filled in place."""
        return Sequence(self, n_steps)

    def _sequence(self, inputs, targets, length, reset):
        q = inputs
        if not isinstance(inputs, Sequence):
            first = next(iter(inputs.values())) if hasattr(inputs, "keys") else inputs
            q = Sequence(self, len(first))
            q.inputs.fill(inputs)
        if targets is not None:
            q.targets.fill(targets)
        keep = []
        c = _Sequence(n_steps=q.n_steps, inputs=q.inputs.address, out=q.outputs.address, reset=bool(reset))
        if length is not None:
            keep.append(np.ascontiguousarray(length, np.uintp))
            if keep[-1].shape != (self.info.batch,):
                raise ValueError(f"length has the shape {(self.info.batch,)}, not {keep[-1].shape}")
            c.length = keep[-1].ctypes.data
        return q, c, keep

    def learn_sequence(self, inputs, targets=None, weight=None, length=None, reset=False, update=None, update_every=0):
        """Learn from a Sequence, or from arrays whose first axis is time; returns the loss and the outputs.

        Adds to `grad`.  UPDATE(grad), with the Block of the gradient, is called every UPDATE_EVERY steps and at the end;
        the gradient is cleared behind it.  A value that is true ends the sequence, and the gradient stays.  WEIGHT is
        [steps, batch] or [steps]; LENGTH the samples' numbers of steps.
        """
        q, c, keep = self._sequence(inputs, targets, length, reset)
        c.target = q.targets.address
        if HAS_TAPE:
            steps = WINDOW or q.n_steps
            keep.append(_aligned(steps * self.info.state_bytes))
            c.tape = keep[-1].ctypes.data
        if weight is not None:
            weight = np.asarray(weight, self.real)
            shape = (q.n_steps, self.info.batch)
            keep.append(np.ascontiguousarray(np.broadcast_to(weight[:, None] if weight.ndim == 1 else weight, shape)))
            c.weight = keep[-1].ctypes.data
        failure = []

        def called(context, grad):
            try:
                return int(bool(update(self.grad)))
            except BaseException as exception:  # it must not pass through the C
                failure.append(exception)
                return 1
        if update is not None:
            keep.append(_Update(called))
            c.update, c.update_every = keep[-1], update_every
        backup = _aligned(self.info.state_bytes + self.info.trace_bytes + self.info.params_bytes + 64)
        c.backup = backup.ctypes.data
        loss = np.zeros(1, self.real)
        trace = [self.trace] if HAS_TRACE else []
        status = self._call("learn_sequence", self.params, self.state, *trace, ctypes.byref(c), self.grad,
                            ctypes.c_void_p(loss.ctypes.data))
        if failure:
            raise failure[0]
        if status in _STATUS:
            raise Error(_STATUS[status])
        return float(loss[0]), q.outputs

    def evolve_sequence(self, inputs, length=None, reset=False):
        """State and trace over a Sequence, or over arrays, without a gradient; returns the outputs."""
        q, c, keep = self._sequence(inputs, None, length, reset)
        trace = [self.trace] if HAS_TRACE else []
        status = self._call("evolve_sequence", self.params, self.state, *trace, ctypes.byref(c))
        if status in _STATUS:
            raise Error(_STATUS[status])
        return q.outputs
