#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ours against the reference, a program by hand, and the machine's limits: see bench/README.md.

In: quick, full or smoke, and options.  Out: a table on standard output; bench.json, bench.csv and
bench.svg in the folder --out.  Every figure is the least of several rounds, in which ours, the
reference and the control take turns: other programs only ever add time.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

import specs
import spikes
import table

HERE = pathlib.Path(__file__).resolve().parent

# What the reference is installed from; the version is that of tests/golden.
REFERENCE = ("jax[cpu]", "braintrace==0.2.6")

QUICK = [("rnn", 64, 1, "d_rtrl"), ("gru", 64, 1, "d_rtrl"), ("gru", 64, 32, "d_rtrl"),
         ("gru", 256, 1, "pp_prop")]
SMOKE = [("gru", 16, 1, "d_rtrl")]
FULL = [(network, n, batch, rule)
        for network in specs.BODIES for rule in ("d_rtrl", "pp_prop", "window-8")
        for batch in (1, 32) for n in (16, 64, 256, 1024)]
FULL += [("gru", 64, 1, "window-%d" % k) for k in (2, 4, 16, 32)]


# Of the column `threads`.
THREADS = 2


class Subject:
    """A program that answers requests, one a line; its loops are shared by so many THREADS."""

    def __init__(self, command, log, threads=1):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=log, text=True, env=environment)

    def line(self):
        said = self.process.stdout.readline()
        if not said:
            raise RuntimeError("%s ended" % self.process.args[0])
        return said

    def ask(self, request):
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return float(self.line())

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def timed(command, **options):
    """Run it; the seconds that took."""
    start = time.time()
    subprocess.run(command, check=True, **options)
    return time.time() - start


class Bench:
    def __init__(self, options):
        self.options = options
        self.out = pathlib.Path(options.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.log = open(self.out / "bench.log", "w")
        self.python, self.without = None, "not asked for"
        self.limits = {}
        self.shares = None

    def say(self, text):
        print("bench: " + text, file=sys.stderr, flush=True)

    def compile(self, program, sources, flags):
        command = [self.options.cc] + self.options.cflags.split() + flags
        return timed(command + ["-o", str(program)] + [str(s) for s in sources] + ["-lm"],
                     stderr=self.log)

    # --- what we compare with ---

    def prepare_reference(self):
        """A virtual environment with the reference, or a reason why there is none."""
        if self.options.mode == "smoke" or self.options.no_reference:
            return
        venv = pathlib.Path(self.options.venv)
        python = venv / "bin" / "python"
        probe = [str(python), "-c", "import braintrace, jax"]
        try:
            if not python.exists() or subprocess.run(probe, stderr=self.log).returncode:
                self.say("installing the reference in %s" % venv)
                timed([sys.executable, "-m", "venv", str(venv)], stderr=self.log)
                timed([str(python), "-m", "pip", "install", "-q", *REFERENCE],
                      stdout=self.log, stderr=self.log)
                timed(probe, stderr=self.log)
            self.python = str(python)
        except (OSError, subprocess.CalledProcessError) as why:
            self.without = "could not be installed (%s)" % type(why).__name__
            self.say("without the reference: it %s; see bench.log" % self.without)

    def measure_limits(self):
        """The most that was seen; called at the beginning and at the end."""
        program = self.out / "limits"
        if not program.exists() or not self.limits:
            self.compile(program, [HERE / "limits.c"], [])
        said = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
        for line in said.splitlines():
            *name, rate = line.split()
            key = " ".join(name)
            self.limits[key] = max(float(rate), self.limits.get(key, 0))

    def generate(self, folder, spec):
        """SPEC as net.yaml, net.c and the report net.json in FOLDER; the seconds that took."""
        folder.mkdir(exist_ok=True)
        (folder / "net.yaml").write_text(spec)
        return timed([self.options.generator, "-w", "--report=" + str(folder / "net.json"),
                      "-o", str(folder / "net.c"), str(folder / "net.yaml")], stderr=self.log)

    # --- a cell of the table ---

    def build_ours(self, folder, cell):
        network, n, batch, rule = cell
        generate = self.generate(folder, specs.spec(network, n, batch, rule))
        window = specs.rule_of(rule)[2]
        flags = self.options.cflags.split() + ["-I", str(folder), "-DWINDOW=%d" % window]
        model = folder / "net.o"
        took = timed([self.options.cc, *flags, "-c", "-o", str(model), str(folder / "net.c")],
                     stderr=self.log)
        self.compile(folder / "ours", [HERE / "ours.c", HERE / "measure.c", model],
                     ["-I", str(folder), "-DWINDOW=%d" % window])
        report = json.loads((folder / "net.json").read_text())
        return {"generate_s": generate, "compile_s": took, "code_bytes": code_bytes(model),
                "bytes": report["bytes"], "flops": report["learn_flops"]}

    def can_share(self):
        """Are there processors for the threads, and OpenMP in the compiler?"""
        if self.shares is None:
            source = self.out / "openmp.c"
            source.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
            try:
                self.compile(self.out / "openmp", [source], ["-fopenmp"])
                self.shares = len(os.sched_getaffinity(0)) >= THREADS
            except (OSError, subprocess.CalledProcessError):
                self.shares = False
            if not self.shares:
                self.say("without threads: no OpenMP in %s, or one processor" % self.options.cc)
        return self.shares

    def build_threads(self, folder, window):
        """The same model for threads; False where none of its loops is worth sharing."""
        shared = folder / "threads"
        shared.mkdir(exist_ok=True)
        subprocess.run([self.options.generator, "-w", "--openmp", "-o", str(shared / "net.c"),
                        str(folder / "net.yaml")], check=True, stderr=self.log)
        if " ETR_PARALLEL\n    " not in (shared / "net.c").read_text():
            return False
        self.compile(shared / "ours", [HERE / "ours.c", HERE / "measure.c", shared / "net.c"],
                     ["-fopenmp", "-I", str(shared), "-DWINDOW=%d" % window])
        return True

    def start(self, folder, cell, steps):
        """The subjects of this cell, by name, and what they said when they began."""
        network, n, batch, rule = cell
        _, name, window = specs.rule_of(rule)
        subjects = {"ours": Subject([str(folder / "ours"), str(steps)], self.log)}
        began = {}
        params = str(folder / "params")
        subjects["ours"].ask("save " + params)
        if self.can_share() and self.build_threads(folder, window):
            subjects["threads"] = Subject([str(folder / "threads" / "ours"), str(steps)],
                                          self.log, THREADS)
            subjects["threads"].ask("load " + params)
        if network == "gru" and rule == "d_rtrl":
            self.compile(folder / "control", [HERE / "control.c", HERE / "measure.c"],
                         ["-DN=%d" % n, "-DBATCH=%d" % batch])
            subjects["control"] = Subject([str(folder / "control"), str(steps)], self.log)
            subjects["control"].ask("load " + params)
        if self.python:
            subjects["reference"], began = self.start_reference(
                [network, n, batch, name, window, steps, params])
        return {k: s for k, s in subjects.items() if s}, began

    def start_reference(self, words):
        command = [self.python, "-B", str(HERE / "reference.py")] + [str(w) for w in words]
        subject = Subject(command, self.log)
        try:
            seconds = [float(x) for x in subject.line().split()]
        except RuntimeError:
            return None, {"reference_missing": "the reference failed; see bench.log"}
        return subject, dict(zip(("import_s", "build_s", "first_call_s", "first_sequence_s"),
                                 seconds))

    def distances(self, folder, subjects, cell):
        """How far the gradients of one sequence are from ours."""
        files = {name: str(folder / name) + ".gradient" for name in subjects}
        for name, subject in subjects.items():
            subject.ask("gradient " + files[name])
        subjects["ours"].ask("gradient-calls " + files["ours"] + "-calls")
        files["calls"] = files["ours"] + "-calls"
        return {name: table.distance(files["ours"], file, cell if name == "reference" else None)
                for name, file in files.items() if name != "ours"}

    def rounds(self, subjects, form, steps_a_turn):
        """The least microseconds a step of each, taking turns."""
        best, turns = {}, {name: 1 for name in subjects}
        start = time.time()
        for number in range(self.options.rounds + 1):
            if number > 1 and time.time() - start > self.options.patience:
                break
            for name, subject in subjects.items():
                took = subject.ask("%s %d" % (form, turns[name]))
                best[name] = min(took, best.get(name, took))
                wanted = self.options.seconds / max(best[name] * steps_a_turn * 1e-6, 1e-9)
                turns[name] = max(1, min(int(wanted), 1000000))
        return best

    def cell(self, cell):
        network, n, batch, rule = cell
        folder = self.out / ("%s-%d-%d-%s" % cell)
        window = specs.rule_of(rule)[2]
        row = dict(zip(("network", "n", "batch", "rule"), cell))
        ours = self.build_ours(folder, cell)
        room = ours["bytes"]["trace"] * 6 + ours["bytes"]["parameters"] * 8
        if room > self.options.memory * 2 ** 30:
            return [dict(row, form=form, skipped="does not fit: %d MiB" % (room >> 20))
                    for form in ("call", "sequence")]
        steps = steps_of(network, n, batch, window)
        subjects, began = self.start(folder, cell, steps)
        try:
            row.update(ours, **began, steps=steps)
            row["distance"] = self.distances(folder, subjects, cell)
            for name in ("control", "calls", "threads"):
                if row["distance"].get(name, 0) > 1e-5:
                    raise RuntimeError("the gradient of %s is another" % name)
            rows = [dict(row, form=form, us=self.rounds(subjects, form, a_turn))
                    for form, a_turn in (("call", window), ("sequence", steps))]
            memory = {name: subject.ask("memory") for name, subject in subjects.items()}
            return [dict(row, kilobytes=memory) for row in rows]
        finally:
            for subject in subjects.values():
                subject.end()

    def run(self):
        self.measure_limits()
        self.prepare_reference()
        cells = {"quick": QUICK, "full": FULL, "smoke": SMOKE}[self.options.mode]
        if self.options.only:
            cells = [c for c in cells if self.options.only in "%s-%d-%d-%s" % c]
        rows = []
        for number, cell in enumerate(cells):
            self.say("%d of %d: %s, n %d, batch %d, %s" % ((number + 1, len(cells)) + cell))
            try:
                rows += self.cell(cell)
            except (RuntimeError, OSError, subprocess.CalledProcessError) as why:
                rows.append(dict(zip(("network", "n", "batch", "rule"), cell), form="call",
                                 skipped="failed: %s" % why))
        return rows


def steps_of(network, n, batch, window):
    """So many that a sequence takes some milliseconds at least, and tens of them at most."""
    steps = 3 * 10 ** 7 // (specs.weights(network, n) * batch)
    steps = max(16, min(512, steps))
    return max(steps // window, 1) * window


def code_bytes(model):
    """Bytes of instructions and constants, by size(1); None where that is not there."""
    try:
        said = subprocess.run(["size", str(model)], check=True, capture_output=True, text=True)
        return int(said.stdout.splitlines()[1].split()[0])
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError):
        return None


def read_options():
    parser = argparse.ArgumentParser(description="ours against the reference and the machine")
    parser.add_argument("mode", choices=("quick", "full", "smoke"), nargs="?", default="quick")
    parser.add_argument("--generator", default="./etrace-gen")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--cflags", default="-O3 -march=native")
    parser.add_argument("--out", default="bench-out")
    parser.add_argument("--venv", default="bench-venv")
    parser.add_argument("--no-reference", action="store_true", help="ours and the control alone")
    parser.add_argument("--only", help="cells whose name, like gru-64-1-d_rtrl, has this in it")
    parser.add_argument("--rounds", type=int, help="turns of each subject")
    parser.add_argument("--seconds", type=float, help="of one turn")
    parser.add_argument("--patience", type=float, default=20,
                        help="seconds after which a cell has no further turns")
    parser.add_argument("--memory", type=float, default=6, help="GiB that a cell may take")
    options = parser.parse_args()
    rounds, seconds = {"quick": (60, 0.005), "full": (40, 0.005), "smoke": (1, 0.001)}[options.mode]
    options.rounds = options.rounds or rounds
    options.seconds = options.seconds or seconds
    return options


def main():
    options = read_options()
    bench = Bench(options)
    rows = bench.run()
    fired = spikes.rows(bench) if not options.only or options.only in "spikes" else []
    bench.measure_limits()
    finished = table.finish(rows, bench.limits)
    note = None if bench.python else "without the reference: " + bench.without
    table.write(bench.out, finished, bench.limits, note)
    spikes.write(bench.out, fired, bench.limits)
    return 1 if any(row.get("skipped", "").startswith("failed") for row in rows) else 0


sys.exit(main())
