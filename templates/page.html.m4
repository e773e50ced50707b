m4_dnl SPDX-License-Identifier: MIT-0
m4_dnl
m4_dnl The page of --report=FILE.html.  The values are listed in templates/README.md; all text is escaped for HTML
m4_dnl already.  An at sign of CSS is written @40.

m4_dnl et_tr2 and so on
m4_dnl ----------------
m4_dnl Rows of the tables.
m4_define(«et_state_tr», «<tr><td class="$6"><code>$1</code></td><td>$2</td><td>$3</td><td>$4</td><td>$5</td></tr>
»)m4_dnl
m4_define(«et_param_tr», «<tr><td><code>$1</code></td><td>$2</td><td>$3</td><td>$4</td><td class="n">$5</td></tr>
»)m4_dnl
m4_define(«et_memory_tr», «<tr><td>$1</td><td class="n">$2</td></tr>
»)m4_dnl
m4_define(«et_function_tr», «<tr><td><code>$1</code></td><td class="n">$2</td><td class="n">$3</td><td class="n">$4</td></tr>
»)m4_dnl
m4_define(«et_rule_tr», «et_if($1, «<tr class="chosen">», «<tr>»)<td>$2</td>et_if($3, «<td class="why" colspan="7">$4</td>», «<td class="n">$5</td><td class="n">$6</td><td class="n">$7</td><td class="n">$8</td><td class="n">$9</td><td class="n">$10</td><td class="n">$11</td>»)</tr>
»)m4_dnl

m4_dnl et_box(CLASS, X, Y, WIDTH, HEIGHT, TEXT, TEXT), et_arrow(CLASS, PATH, X, Y, TEXT)
m4_dnl ----------------------------------------------------------------------------------
m4_dnl Parts of the picture: a box with one or two lines of text, and an arrow with its label.
m4_define(«et_box», «<g class="$1"><rect x="$2" y="$3" width="$4" height="$5" rx="7"/><text x="$2" y="$3" dx="9" dy="17">$6</text><text class="small" x="$2" y="$3" dx="9" dy="33">$7</text></g>
»)m4_dnl
m4_define(«et_arrow», «<g class="$1"><path d="$2" marker-end="url(#tip)"/><text class="small" x="$3" y="$4">$5</text></g>
»)m4_dnl

m4_dnl et_spec_line(ID, NUMBER, C, TEXT, LINKED, NAMED), et_c_line(ID, NUMBER, PASS, SPEC, ANSWER, TEXT, LINKED)
m4_dnl --------------------------------------------------------------------------------
m4_dnl A line of a spec, with the ID of the first line of C that comes from it; a line of C, with the ID of the line of
m4_dnl the spec that it comes from and what is said of it.  NAMED: TEXT is the name of a file that begins.
m4_define(«et_spec_line», «et_if($6, «</pre><h3>$4</h3><pre class="spec">», «<a id="$1" data-from="$1"et_if($5, « href="#$3"»)><i>$2</i>$4
</a>»)»)m4_dnl
m4_define(«et_c_line», «<a id="$1" class="$3" data-from="$4"et_if($7, « href="#$4"») title="$5"><i>$2</i>$6
</a>»)m4_dnl
et_page(0)
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="generator" content="etrace-gen et_value(version)"/>
<title>et_value(model): et_value(rule)</title>
<style>
:root { color-scheme: light dark; --back: #fff; --fore: #1d2430; --soft: #5b6675; --line: #d5dbe3; --panel: #f5f7fa; --mark: #fff0b8;
  --g0: #2f6fb2; --g1: #b2532f; --g2: #2f8f5b; --g3: #8a4fb0; --g4: #a07a10; --g5: #b0386f; --g6: #2b8c95; --g7: #5f6b2c; }
@40media (prefers-color-scheme: dark) { :root { --back: #14181f; --fore: #dfe5ee; --soft: #97a3b4; --line: #323b48; --panel: #1b212a; --mark: #4a4216;
  --g0: #7fb2ea; --g1: #eb9c7c; --g2: #7fd0a4; --g3: #c79ae6; --g4: #dcbb5c; --g5: #ec8db6; --g6: #76cdd5; --g7: #b7c479; } }
body { margin: 0 auto; max-width: 88rem; padding: 1.5rem; background: var(--back); color: var(--fore); font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; } h2 { margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--line); } h3 { margin: 1rem 0 .3rem; font-size: 1rem; }
p.sub { margin: .2rem 0; color: var(--soft); }
nav a { margin-right: 1rem; } nav a, p a { color: var(--g0); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; } th, td { padding: .2rem .8rem; border-bottom: 1px solid var(--line); text-align: left; }
th { color: var(--soft); font-weight: 600; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
tr.chosen td { background: var(--mark); font-weight: 600; } td.why { color: var(--soft); }
.side { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 2.5rem; }
svg text { font: 13px ui-monospace, monospace; fill: var(--fore); } svg text.small { font-size: 11px; fill: var(--soft); }
svg rect { fill: var(--panel); stroke: var(--line); } svg path { fill: none; stroke: var(--soft); stroke-width: 1.4; }
svg .tip { fill: var(--soft); stroke: none; } svg .plain rect { stroke-dasharray: 4 3; } svg .mixed path { stroke-dasharray: 5 4; }
svg .group rect { fill: none; stroke-width: 2; }
svg .g0 > rect, svg .g0 path { stroke: var(--g0); } svg .g1 > rect, svg .g1 path { stroke: var(--g1); } svg .g2 > rect, svg .g2 path { stroke: var(--g2); } svg .g3 > rect, svg .g3 path { stroke: var(--g3); }
svg .g4 > rect, svg .g4 path { stroke: var(--g4); } svg .g5 > rect, svg .g5 path { stroke: var(--g5); } svg .g6 > rect, svg .g6 path { stroke: var(--g6); } svg .g7 > rect, svg .g7 path { stroke: var(--g7); }
td.g0 { border-left: 4px solid var(--g0); } td.g1 { border-left: 4px solid var(--g1); } td.g2 { border-left: 4px solid var(--g2); } td.g3 { border-left: 4px solid var(--g3); }
td.g4 { border-left: 4px solid var(--g4); } td.g5 { border-left: 4px solid var(--g5); } td.g6 { border-left: 4px solid var(--g6); } td.g7 { border-left: 4px solid var(--g7); }
pre { margin: 0; padding: .6rem 0; overflow: auto; max-height: 70vh; background: var(--panel); border: 1px solid var(--line); border-radius: 7px; font: 12.5px/1.45 ui-monospace, monospace; }
pre:empty { display: none; }
pre a { display: block; min-height: 1.45em; padding: 0 .8rem 0 0; border-left: 4px solid transparent; color: inherit; text-decoration: none; }
pre a i { display: inline-block; width: 3.6rem; margin-right: .9rem; text-align: right; font-style: normal; color: var(--soft); user-select: none; }
pre a:target, pre a.lit, pre a:hover { background: var(--mark); }
.key a { display: inline; padding: 0 .6rem 0 .4rem; border-left: 4px solid transparent; } .key { font-size: .9rem; color: var(--soft); }
.step { border-left-color: var(--g0) !important; } .jacobian { border-left-color: var(--g4) !important; } .signal { border-left-color: var(--g1) !important; }
.trace { border-left-color: var(--g2) !important; } .gradient { border-left-color: var(--g5) !important; } .declaration, .init { border-left-color: var(--g3) !important; }
@40media (min-width: 75rem) { .both { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: 1.2rem; } }
</style>
</head>
<body>
<h1>et_value(model)</h1>
<p class="sub">et_value(file), et_value(rule), et_value(real), batch et_value(batch)et_if(et_value(has_date), «, et_value(date)»); etrace-gen et_value(version)</p>
<nav><a href="#graph">graph</a><a href="#states">states</a><a href="#parameters">parameters</a><a href="#costs">costs</a><a href="#rules">rules</a><a href="#code">spec and C</a></nav>

<h2 id="graph">Graph</h2>
<div class="scroll">
<svg width="et_value(width)" height="et_value(height)" viewBox="0 0 et_value(width) et_value(height)" role="img" aria-label="eligibility-trace graph" xmlns="http://www.w3.org/2000/svg">
<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>
et_each_arrow(«et_arrow»)et_each_box(«et_box»)</svg>
</div>
<p class="sub">Uses of parameters on the left, hidden groups with their states beside them. df: d new state / d result of the op; D: d new state / d old state. Dashed: partly by a way that the trace leaves out, or no trace at all.</p>

<h2 id="states">States</h2>
<div class="scroll"><table>
<thead><tr><th>path</th><th>shape</th><th>kind</th><th>init</th><th>hidden group</th></tr></thead>
<tbody>
et_each_state_row(«et_state_tr»)</tbody></table></div>

<h2 id="parameters">Parameters</h2>
<div class="scroll"><table>
<thead><tr><th>path</th><th>shape</th><th>init</th><th>fate</th><th class="n">trace, bytes</th></tr></thead>
<tbody>
et_each_param_row(«et_param_tr»)</tbody></table></div>

<h2 id="costs">Memory and operations</h2>
<div class="side">
<table>
<thead><tr><th>memory</th><th class="n">bytes</th></tr></thead>
<tbody>
et_each_memory(«et_memory_tr»)</tbody></table>
<table>
<thead><tr><th>function</th><th class="n">arrays, bytes</th><th class="n">stack, bytes</th><th class="n">FLOPs a call</th></tr></thead>
<tbody>
et_each_function(«et_function_tr»)</tbody></table>
</div>

<h2 id="rules">Rules</h2>
<div class="scroll"><table>
<thead><tr><th>rule, bytes</th><th class="n">parameters</th><th class="n">state</th><th class="n">trace</th><th class="n">gradient</th><th class="n">scratch</th><th class="n">stack</th><th class="n">FLOPs a step</th></tr></thead>
<tbody>
et_each_candidate(«et_rule_tr»)</tbody></table></div>

<h2 id="code">Spec and C</h2>
<p class="key">A line of C leads to the line of the spec that it comes from, and back. It was made by the <a class="step">forward step</a><a class="jacobian">Jacobian</a><a class="signal">learning signal</a><a class="trace">eligibility trace</a><a class="gradient">gradient</a><a class="declaration">declaration</a></p>
<div class="both">
<div><pre class="spec">et_each_spec_line(«et_spec_line»)</pre></div>
<div><h3>et_value(c_file)</h3><pre class="c">et_each_source_line(«et_c_line»)</pre>
<h3>et_value(h_file)</h3><pre class="c">et_each_header_line(«et_c_line»)</pre></div>
</div>
<script>
document.addEventListener("mouseover", function (event) {
  var line = event.target.closest ? event.target.closest("pre a") : null, from = line ? line.dataset.from : "";
  document.querySelectorAll("pre a.lit").forEach(function (a) { a.classList.remove("lit"); });
  if (from)
    document.querySelectorAll('pre a[data-from="' + from + '"]').forEach(function (a) { a.classList.add("lit"); });
});
</script>
</body>
</html>
