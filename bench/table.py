# SPDX-License-Identifier: Apache-2.0
"""What becomes of the figures: ratios, fractions of the limits, goals, slopes; files."""
import array
import csv
import json
import math
import shutil
import subprocess
import sys

import specs

# What is to be reached against the reference: form (or None), n, batch, rule, ratio.
GOALS = [
    ("call", 64, 1, None, 150), ("call", 256, 1, None, 15),
    ("sequence", 16, 1, None, 2.5), ("sequence", 64, 1, None, 2.5), ("sequence", 256, 1, None, 1.5),
    (None, 64, 32, "d_rtrl", 10), (None, 256, 32, "d_rtrl", 15),
    (None, 64, 32, "pp_prop", 2.5), (None, 256, 32, "pp_prop", 2.5),
]
FRACTION_GOAL = 0.6
# Two threads against one, in cells of so many operations a step.
THREADS_GOAL, THREADS_FLOPS = 1.7, 2e6
SLOPE_GOAL = 1.1


def distance(a, b, cell=None):
    """The relative distance of two gradients; for a CELL without what the reference leaves at 0.
    Of large ones, a million places are compared."""
    x, y = array.array("f"), array.array("f")
    for numbers, path in ((x, a), (y, b)):
        with open(path, "rb") as f:
            numbers.frombytes(f.read())
    places = range(len(x))
    if cell and cell[0] == "gru":
        part = 2 * cell[1] * cell[1] + cell[1]
        places = [*range(part), *range(2 * part, 3 * part)]
    places = places[::max(1, len(places) // 10 ** 6)]
    far = math.sqrt(sum((x[i] - y[i]) ** 2 for i in places))
    return far / max(math.sqrt(sum(x[i] ** 2 for i in places)), 1e-30)


def rate_at(limits, kind, size):
    """The rate of the smallest array measured that is not smaller than SIZE."""
    measured = sorted((int(key.split()[1]), rate) for key, rate in limits.items()
                      if key.startswith(kind))
    for room, rate in measured:
        if room >= size:
            return rate
    return measured[-1][1]


def bound(row, limits):
    """The least microseconds that the machine allows one core, what binds, and the bytes that are
    moved.  What binds: the operations, or reading the parameters and updating trace and gradient,
    each once a step.  A sequence that meets its trace once in many steps may be faster."""
    size = row["bytes"]
    room = size["parameters"] + size["trace"] + size["gradient"]
    updated = 2 * (size["trace"] + size["gradient"])
    moved = size["parameters"] / rate_at(limits, "read", room)
    moved += updated / rate_at(limits, "update", room)
    computed = row["flops"] / limits["fma"]
    return max((computed * 1e-3, "FMA"), (moved * 1e-3, "bandwidth")), size["parameters"] + updated


def goal_of(row):
    for form, n, batch, rule, ratio in GOALS:
        if (form in (None, row["form"]) and n == row["n"] and batch == row["batch"]
                and rule in (None, row["rule"]) and not row["rule"].startswith("window")):
            return ratio
    return None


def reason(row):
    """Why a figure falls short, from what was measured beside it."""
    if row["fraction"] >= FRACTION_GOAL:
        return "at %.0f %% of the limit (%s)" % (100 * row["fraction"], row["binds"])
    if row.get("control_ratio") and row["control_ratio"] < 1:
        return "slower than by hand: generation costs something here"
    return "%.0f %% of the limit (%s): there is room" % (100 * row["fraction"], row["binds"])


def finish_row(row, limits):
    if "skipped" in row:
        return row
    (least, binds), moved = bound(row, limits)
    us = row["us"]
    row.update(gflops=row["flops"] / us["ours"] * 1e-3, gbs=moved / us["ours"] * 1e-3,
               fraction=least / us["ours"], binds=binds, goal=goal_of(row), short=[])
    for name, key in (("reference", "ratio"), ("control", "control_ratio")):
        row[key] = us[name] / us["ours"] if name in us else None
    row["threads_ratio"] = us["ours"] / us["threads"] if "threads" in us else None
    if row["ratio"] and row["goal"] and row["ratio"] < row["goal"]:
        row["short"].append("under %g x" % row["goal"])
    if row["control_ratio"] and row["control_ratio"] < 1:
        row["short"].append("under the control")
    if (row["threads_ratio"] and row["flops"] >= THREADS_FLOPS
            and row["threads_ratio"] < THREADS_GOAL):
        row["short"].append("two threads under %g x" % THREADS_GOAL)
    if row["generate_s"] + row["compile_s"] > 1 and (row["network"], row["n"]) == ("gru", 256):
        row["short"].append("builds in over 1 s")
    row["reason"] = "; ".join(row["short"] + [reason(row)]) if row["short"] else ""
    return row


def slopes(rows):
    """How the time grows with the weights: exponents, by least squares in logarithms."""
    found = []
    measured = [row for row in rows if "us" in row]
    for key in sorted({(r["network"], r["batch"], r["rule"], r["form"]) for r in measured}):
        points = [(math.log(specs.weights(r["network"], r["n"])), math.log(r["us"]["ours"]))
                  for r in measured if (r["network"], r["batch"], r["rule"], r["form"]) == key]
        if len(points) < 3:
            continue
        x0 = sum(x for x, _ in points) / len(points)
        y0 = sum(y for _, y in points) / len(points)
        slope = sum((x - x0) * (y - y0) for x, y in points) / sum((x - x0) ** 2 for x, _ in points)
        found.append(dict(zip(("network", "batch", "rule", "form"), key), slope=slope,
                          points=len(points), short=slope > SLOPE_GOAL))
    return found


def batch_slopes(rows):
    """The same for the batch, from 1 to 32."""
    times = {(r["network"], r["n"], r["rule"], r["form"], r["batch"]): r["us"]["ours"]
             for r in rows if "us" in r}
    found = []
    for *key, batch in sorted(times):
        if batch == 32 and (*key, 1) in times:
            slope = math.log(times[(*key, 32)] / times[(*key, 1)]) / math.log(32)
            found.append(dict(zip(("network", "n", "rule", "form"), key), slope=slope,
                              short=slope > SLOPE_GOAL))
    return found


def finish(rows, limits):
    return [finish_row(row, limits) for row in rows]


def number(x, form="%.3g"):
    return "-" if x is None else form % x


COLUMNS = (
    ("network", lambda r: r["network"]), ("n", lambda r: str(r["n"])),
    ("batch", lambda r: str(r["batch"])), ("rule", lambda r: r["rule"]),
    ("form", lambda r: r["form"]),
    ("ours us", lambda r: number(r["us"]["ours"])),
    ("two threads us", lambda r: number(r["us"].get("threads"))),
    ("of one", lambda r: number(r["threads_ratio"], "%.2f")),
    ("reference us", lambda r: number(r["us"].get("reference"))),
    ("ratio", lambda r: number(r["ratio"])),
    ("goal", lambda r: number(r["goal"], "%g")),
    ("control us", lambda r: number(r["us"].get("control"))),
    ("GFLOP/s", lambda r: number(r["gflops"])), ("GB/s", lambda r: number(r["gbs"])),
    ("of limit", lambda r: "%.2f %s" % (r["fraction"], r["binds"])),
    ("generate s", lambda r: number(r["generate_s"], "%.2f")),
    ("compile s", lambda r: number(r["compile_s"], "%.2f")),
    ("reference start s", lambda r: number(started(r), "%.2f")),
    ("MiB", lambda r: number(r["kilobytes"]["ours"] / 1024)),
    ("reference MiB", lambda r: number(r["kilobytes"].get("reference", 0) / 1024 or None)),
    ("code KiB", lambda r: number(r["code_bytes"] and r["code_bytes"] / 1024)),
    ("gradient's distance", lambda r: number(r["distance"].get("reference"), "%.1e")),
    ("falls short", lambda r: r["reason"]),
)


def started(row):
    """Import, building the learner, and the compilation of the form that is measured."""
    if "import_s" not in row:
        return None
    return row["import_s"] + row["build_s"] + row["first_%s_s" % row["form"]]


def texts(row):
    if "skipped" not in row:
        return [text(row) for _, text in COLUMNS]
    known = [row["network"], str(row["n"]), str(row["batch"]), row["rule"], row["form"]]
    return known + ["-"] * (len(COLUMNS) - 6) + [row["skipped"]]


def print_table(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


def print_limits(limits):
    print("\nThis machine, one core: %.3g GFLOP/s (multiply and add)" % limits["fma"])
    print("    array     read   updated, GB/s")
    for key in limits:
        if key.startswith("read"):
            size = int(key.split()[1])
            rates = (size // 1024, limits[key], limits["update %d" % size])
            print("  %7d KiB  %6.1f  %6.1f" % rates)


def print_slopes(found):
    if found:
        print("\nThe time grows with the weights to the power of (goal: at most %g):" % SLOPE_GOAL)
    for s in found:
        print("  %-8s batch %2d  %-9s %-8s  %.2f%s"
              % (s["network"], s["batch"], s["rule"], s["form"], s["slope"],
                 "  falls short" if s["short"] else ""))


def print_batch_slopes(found):
    for s in found:
        if s["short"]:
            print("  %-8s n %4d  %-9s %-8s  %.2f  falls short"
                  % (s["network"], s["n"], s["rule"], s["form"], s["slope"]))
    if found:
        print("and with the batch to at most %.2f." % max(s["slope"] for s in found))


def plot(path, rows):
    """Microseconds over weights, d_rtrl inside of a sequence, batch 1: ours and the reference's."""
    data, curves = [], []
    for name, style in (("ours", "lw 2"), ("reference", "dt 2")):
        for color, network in enumerate(specs.BODIES):
            points = [(specs.weights(r["network"], r["n"]), r["us"][name]) for r in rows
                      if "us" in r and name in r["us"] and r["network"] == network
                      and r["form"] == "sequence" and r["batch"] == 1 and r["rule"] == "d_rtrl"]
            if len(points) > 1:
                block = "$%s_%s" % (network, name)
                lines = "\n".join("%g %g" % point for point in sorted(points))
                data.append("%s << EOD\n%s\nEOD" % (block, lines))
                curves.append("%s with linespoints lc %d %s title '%s, %s'"
                              % (block, color + 1, style, network.replace("_", "\\\\_"), name))
    if not curves or not shutil.which("gnuplot"):
        return False
    script = "\n".join(data + [
        "set terminal svg size 800,500 background 'white'", "set output '%s'" % path,
        "set logscale xy", "set grid", "set key left top",
        "set xlabel 'weights'", "set ylabel 'microseconds a step (d\\_rtrl, sequence, batch 1)'",
        "plot " + ", ".join(curves)])
    return subprocess.run(["gnuplot"], input=script, text=True).returncode == 0


def write(out, rows, limits, note):
    lines = [[name for name, _ in COLUMNS]] + [texts(row) for row in rows]
    print_table(lines)
    print_limits(limits)
    found = slopes(rows)
    print_slopes(found)
    by_batch = batch_slopes(rows)
    print_batch_slopes(by_batch)
    if note:
        print("\n" + note)
    with open(out / "bench.csv", "w", newline="") as f:
        csv.writer(f).writerows(lines)
    with open(out / "bench.json", "w") as f:
        json.dump({"limits": limits, "rows": rows, "slopes": found, "batch_slopes": by_batch,
                   "note": note}, f, indent=1)
    if not plot(out / "bench.svg", rows):
        print("bench: no picture: gnuplot is not there, or nothing to draw", file=sys.stderr)
