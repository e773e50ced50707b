# SPDX-License-Identifier: Apache-2.0
"""Generate, compile and load the C of a recurrent network that learns online."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile

__all__ = ["GeneratorError", "generate", "load"]


class GeneratorError(RuntimeError):
    """etrace-gen refused the spec; the text is what it said."""


def _program():
    return os.environ.get("ETRACE_GEN") or "etrace-gen"


def _run(*words):
    try:
        result = subprocess.run([_program(), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                universal_newlines=True)
    except FileNotFoundError:
        raise GeneratorError(f"there is no program '{_program()}': install etrace-gen, or set ETRACE_GEN") from None
    if result.returncode != 0:
        raise GeneratorError(result.stderr.strip())
    return result.stdout


def generate(spec, directory, *options):
    """Run `etrace-gen --python` on the file SPEC into DIRECTORY; returns the path of the Python module."""
    words = ["-q", "--python", "-d", directory, *options, spec]
    files = _run("--list-outputs", *words).splitlines()
    _run(*words)
    return next(name for name in files if name.endswith(".py"))


def _module(path):
    name = os.path.splitext(os.path.basename(path))[0]
    found = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def _cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "etrace-gen")


def load(spec, *options, directory=None, compiler=None, flags=("-O3", "-march=native")):
    """The Python module of SPEC, a path or the text of a spec, generated with OPTIONS and compiled.

    What was made is kept in DIRECTORY, or in a cache by what it was made from: a folder is complete when it has its
    final name, so that two processes may load the same model at once.
    """
    with tempfile.TemporaryDirectory() as scratch:
        if "\n" in spec:
            path = os.path.join(scratch, "model.yaml")
            with open(path, "w") as file:
                file.write(spec)
            spec = path
        if directory is not None:
            os.makedirs(directory, exist_ok=True)
            module = _module(generate(spec, directory, *options))
            module.build(compiler, flags)
            return module
        made = os.path.join(scratch, "made")
        os.makedirs(made)
        source = generate(spec, made, *options)
        key = hashlib.sha256(repr((compiler, tuple(flags))).encode())
        for name in sorted(os.listdir(made)):
            with open(os.path.join(made, name), "rb") as file:
                key.update(file.read())
        kept = os.path.join(_cache(), key.hexdigest()[:32])
        if not os.path.isdir(kept):
            _module(source).build(compiler, flags)
            os.makedirs(_cache(), exist_ok=True)
            fresh = tempfile.mkdtemp(dir=_cache())
            for name in os.listdir(made):
                shutil.copy(os.path.join(made, name), fresh)
            try:
                os.rename(fresh, kept)
            except OSError:  # another process was first
                shutil.rmtree(fresh)
        return _module(os.path.join(kept, os.path.basename(source)))
