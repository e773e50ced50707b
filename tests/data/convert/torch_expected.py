# SPDX-License-Identifier: Apache-2.0
# torch_expected.py: torch_*.expected.npz, the outputs of PyTorch itself for the state_dicts beside them, on the same inputs.
# Needs torch (python3-torch); tests read what it wrote.
import json
import os
import struct

import numpy as np
import torch

here = os.path.dirname(os.path.abspath(__file__))


def read(path):
    """A state_dict as safetensors; the package of that name is not needed for three small files."""
    with open(path, "rb") as f:
        data = f.read()
    length = struct.unpack("<Q", data[:8])[0]
    arrays = {}
    for name, entry in json.loads(data[8:8 + length]).items():
        if name != "__metadata__":
            begin, end = (8 + length + at for at in entry["data_offsets"])
            arrays[name] = torch.tensor(np.frombuffer(data[begin:end], np.float32).reshape(entry["shape"])).double()
    return arrays


def network(kind, prefix, head, arrays):
    """The module of torch.nn whose parameters stand behind PREFIX, and the linear layer HEAD behind it."""
    own = {k[len(prefix):]: v for k, v in arrays.items() if k.startswith(prefix + "weight_") or k.startswith(prefix + "bias_")}
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[kind]
    first = own["weight_ih_l0"]
    module = getattr(torch.nn, kind)(first.shape[1], first.shape[0] // gates, num_layers=1 + ("weight_ih_l1" in own),
                                     bias="bias_ih_l0" in own).double()
    module.load_state_dict(own)
    if head is None:
        return lambda x: module(x)[0]
    linear = torch.nn.Linear(arrays[head + "weight"].shape[1], arrays[head + "weight"].shape[0]).double()
    linear.load_state_dict({"weight": arrays[head + "weight"], "bias": arrays[head + "bias"]})
    return lambda x: linear(module(x)[0])


for name, kind, prefix, head in (("torch_rnn", "RNN", "", None), ("torch_gru", "GRU", "encoder.rnn.", "head."),
                                 ("torch_lstm", "LSTM", "0.", "1.")):
    path = os.path.join(here, name + ".expected.npz")
    old = np.load(path)
    run = network(kind, prefix, head, read(os.path.join(here, name + ".safetensors")))
    with torch.no_grad():
        y = run(torch.tensor(old["x"]).double()).numpy()
    print(name, "differs from the file by at most", np.abs(y - old["y"]).max())
    np.savez(path, x=old["x"], y=y)
