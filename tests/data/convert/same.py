# SPDX-License-Identifier: Apache-2.0
# same.py A.nir B.nir: have both the same nodes, edges and values, once the graphs in A are written out?
import sys

import nir
import numpy as np


def joined(graph):
    """Nodes and edges, those of graphs in it with prefixed names."""
    nodes, edges, first, last = {}, [], {}, {}
    for name, node in graph.nodes.items():
        if not isinstance(node, nir.NIRGraph):
            nodes[name] = node
            continue
        inner, links = joined(node)
        nodes.update({f"{name}_{k}": v for k, v in inner.items()})
        edges += [(f"{name}_{a}", f"{name}_{b}") for a, b in links]
        first[name], = (f"{name}_{k}" for k, v in node.nodes.items() if isinstance(v, nir.Input))
        last[name], = (f"{name}_{k}" for k, v in node.nodes.items() if isinstance(v, nir.Output))
    edges += [(last.get(a, a), first.get(b, b)) for a, b in graph.edges]
    for k in [*first.values(), *last.values()]:
        into, out = [e for e in edges if e[1] == k], [e for e in edges if e[0] == k]
        edges = [e for e in edges if k not in e] + [(a[0], b[1]) for a in into for b in out]
        del nodes[k]
    return nodes, edges


def same(x, y):
    if isinstance(x, str) or isinstance(y, str):
        return isinstance(x, str) and isinstance(y, str) and x == y
    x, y = np.asarray(x), np.asarray(y)
    if x.dtype.kind == "f" and x.dtype != y.dtype:
        return False
    return np.array_equal(np.broadcast_to(x, y.shape) if x.ndim == 0 else x, y)


one, two = (joined(nir.read(path, type_check=False)) for path in sys.argv[1:])
assert set(one[0]) == set(two[0]), set(one[0]) ^ set(two[0])
assert sorted(one[1]) == sorted(two[1]), set(one[1]) ^ set(two[1])
for name, node in one[0].items():
    other = two[0][name].to_dict()
    for key, value in node.to_dict().items():
        if key != "metadata":
            assert same(value, other[key]), (name, key, value, other[key])
