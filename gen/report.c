/* SPDX-License-Identifier: Apache-2.0 */
/* In: what a model costs.  Out: a table to read, or JSON.  Both say the same.  */
#include "report.h"

#include "size.h"

static const char *const block_name[N_BLOCKS] = {
    [BLOCK_PARAMS] = "parameters", [BLOCK_STATE] = "state",       [BLOCK_TRACE] = "trace",
    [BLOCK_GRADIENT] = "gradient", [BLOCK_INPUT] = "input",       [BLOCK_TARGET] = "target",
    [BLOCK_OUTPUT] = "output",     [BLOCK_JACOBIAN] = "jacobian", [BLOCK_SIGNAL] = "signal",
    [BLOCK_TABLES] = "tables",     [BLOCK_SCRATCH] = "scratch",
};

const char *report_block_name(report_block block)
{
    return block_name[block];
}

/* --- a table ---------------------------------------------------------------------------------- */

static void text_row(const report *r, const char *name, int64_t bytes, buf *out)
{
    buf_printf(out, "  %-28s %14lld", name, (long long)bytes);
    if (bytes >= 1024)
        buf_printf(out, "  %10s", size_text(r->ir->arena, bytes));
    buf_puts(out, "\n");
}

static void text_traces(const report *r, buf *out)
{
    buf_puts(out, "\ntrace, bytes a relation\n");
    for (int i = 0; i < r->n_relations; i++)
        text_row(r, r->relation[i].name, r->relation[i].trace_bytes, out);
    text_row(r, "(of the last step)", r->other_trace_bytes, out);
}

static void text_patterns(const report *r, buf *out)
{
    if (r->ir->n_patterns > 0)
        buf_printf(out, "\n%-30s %14s %14s %10s\n", "sparse patterns", "non-zeros", "table bytes",
                   "density");
    for (int i = 0; i < r->ir->n_patterns; i++) {
        const pattern *p = &r->ir->pattern[i];
        double all = (double)p->n_rows * (double)p->n_cols;
        buf_printf(out, "  %-28s %14lld %14lld %9.2f%%\n", p->name, (long long)p->n,
                   (long long)pattern_bytes(p), 100 * (double)p->n / all);
    }
}

/* --- every rule ------------------------------------------------------------------------------- */

/* What is compared between rules.  */
static const struct {
    report_block block;
    const char *title;
} compared[] = {
    {BLOCK_PARAMS, "parameters"}, {BLOCK_STATE, "state"},     {BLOCK_TRACE, "trace"},
    {BLOCK_GRADIENT, "gradient"}, {BLOCK_SCRATCH, "scratch"},
};

enum { N_COMPARED = sizeof compared / sizeof compared[0] };

static void text_rule(const report_rule *rule, buf *out)
{
    buf_printf(out, "%s %-26s", rule->chosen ? "*" : " ", rule->rule);
    if (rule->refused) {
        buf_printf(out, " %s: %s\n", rule->uncounted ? "is not counted here" : "does not apply", rule->refused);
        return;
    }
    for (int i = 0; i < N_COMPARED; i++)
        buf_printf(out, " %11lld", (long long)rule->report->bytes[compared[i].block]);
    buf_printf(out, " %11lld %13lld\n", (long long)rule->report->stack_bytes,
               (long long)rule->report->learn_flops);
}

static void text_rules(const report *r, buf *out)
{
    buf_printf(out, "\n%-28s", "rules, bytes (* is chosen)");
    for (int i = 0; i < N_COMPARED; i++)
        buf_printf(out, " %11s", compared[i].title);
    buf_printf(out, " %11s %13s\n", "stack", "FLOPs a step");
    for (int i = 0; i < r->n_rules; i++)
        text_rule(&r->rules[i], out);
    for (int i = 0; i < r->n_rules; i++)
        if (r->rules[i].report && r->rules[i].report->step_tape_bytes > 0)
            buf_printf(out, "  %s keeps the state of every step, %lld bytes a step\n",
                       r->rules[i].rule, (long long)r->rules[i].report->step_tape_bytes);
}

static void json_number(const char *name, int64_t n, const char *end, buf *out)
{
    buf_printf(out, "\"%s\": %lld%s", name, (long long)n, end);
}

/* A reason has words of the user's in it.  */
static void json_string(const char *text, buf *out)
{
    buf_puts(out, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_printf(out, "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            buf_printf(out, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            buf_printf(out, "%c", *text);
    }
    buf_puts(out, "\"");
}

static void json_rule(const report_rule *rule, buf *out)
{
    buf_printf(out, "    {\"rule\": \"%s\", \"chosen\": %s, ", rule->rule,
               rule->chosen ? "true" : "false");
    if (rule->refused) {
        buf_printf(out, "\"%s\": ", rule->uncounted ? "uncounted" : "refused");
        json_string(rule->refused, out);
        buf_puts(out, "}");
        return;
    }
    for (int i = 0; i < N_COMPARED; i++)
        json_number(compared[i].title, rule->report->bytes[compared[i].block], ", ", out);
    json_number("window", rule->report->tape_bytes, ", ", out);
    json_number("each_step", rule->report->step_tape_bytes, ", ", out);
    json_number("stack", rule->report->stack_bytes, ", ", out);
    json_number("flops", rule->report->learn_flops, "}", out);
}

static void json_rules(const report *r, buf *out)
{
    buf_puts(out, ",\n  \"rules\": [\n");
    for (int i = 0; i < r->n_rules; i++) {
        json_rule(&r->rules[i], out);
        buf_puts(out, i + 1 < r->n_rules ? ",\n" : "\n");
    }
    buf_puts(out, "  ]\n");
}

void report_text(const report *r, buf *out)
{
    buf_printf(out, "%s: %s, %s, batch %d\n\nmemory, bytes\n", r->model, r->rule,
               r->real_bits == 32 ? "float" : "double", r->batch);
    for (int k = 0; k < N_BLOCKS; k++)
        text_row(r, block_name[k], r->bytes[k], out);
    if (r->tape_bytes > 0)
        text_row(r, "states of a window", r->tape_bytes, out);
    text_row(r, "stack, at most about", r->stack_bytes, out);
    text_row(r, "RAM to learn", r->ram_bytes, out);
    buf_printf(out, "\n%-30s %14s %14s %14s\n", "functions", "array bytes", "stack bytes",
               "FLOPs a call");
    for (int i = 0; i < r->n_functions; i++) {
        const report_function *f = &r->function[i];
        buf_printf(out, "  %-28s %14lld %14lld", f->name, (long long)f->array_bytes,
                   (long long)f->stack_bytes);
        if (f->flops > 0)
            buf_printf(out, " %14lld", (long long)f->flops);
        buf_puts(out, "\n");
    }
    if (r->learn_flops > 0)
        buf_printf(out, "  %-28s %14s %14s %14lld\n", "learning, a step", "", "",
                   (long long)r->learn_flops);
    text_traces(r, out);
    text_patterns(r, out);
    if (r->n_rules > 0)
        text_rules(r, out);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_functions(const report *r, buf *out)
{
    buf_puts(out, "  \"functions\": [\n");
    for (int i = 0; i < r->n_functions; i++) {
        const report_function *f = &r->function[i];
        buf_printf(out, "    {\"name\": \"%s\", ", f->name);
        json_number("array_bytes", f->array_bytes, ", ", out);
        json_number("frame_bytes", f->frame_bytes, ", ", out);
        json_number("stack_bytes", f->stack_bytes, ", ", out);
        json_number("flops", f->flops, i + 1 < r->n_functions ? "},\n" : "}\n", out);
    }
    buf_puts(out, "  ],\n");
}

static void json_traces(const report *r, buf *out)
{
    buf_puts(out, "  \"relations\": [\n");
    for (int i = 0; i < r->n_relations; i++) {
        buf_printf(out, "    {\"name\": \"%s\", ", r->relation[i].name);
        json_number("trace_bytes", r->relation[i].trace_bytes,
                    i + 1 < r->n_relations ? "},\n" : "}\n", out);
    }
    buf_puts(out, "  ],\n  ");
    json_number("last_step_trace_bytes", r->other_trace_bytes, ",\n", out);
}

static void json_patterns(const report *r, buf *out)
{
    buf_puts(out, "  \"patterns\": [");
    for (int i = 0; i < r->ir->n_patterns; i++) {
        const pattern *p = &r->ir->pattern[i];
        buf_printf(out, "%s\n    {\"name\": \"%s\", ", i ? "," : "", p->name);
        json_number("non_zeros", p->n, ", ", out);
        json_number("rows", p->n_rows, ", ", out);
        json_number("columns", p->n_cols, ", ", out);
        json_number("table_bytes", pattern_bytes(p), "}", out);
    }
    buf_puts(out, r->ir->n_patterns ? "\n  ]" : "]");
}

/* Names are identifiers and paths, rules are ours: nothing needs an escape.  */
void report_json(const report *r, buf *out)
{
    buf_printf(out, "{\n  \"model\": \"%s\",\n  \"rule\": \"%s\",\n  ", r->model, r->rule);
    json_number("real_bytes", r->real_bits / 8, ",\n  ", out);
    json_number("batch", r->batch, ",\n  \"bytes\": {\n", out);
    for (int k = 0; k < N_BLOCKS; k++) {
        buf_puts(out, "    ");
        json_number(block_name[k], r->bytes[k], ",\n", out);
    }
    buf_puts(out, "    ");
    json_number("window", r->tape_bytes, ",\n    ", out);
    json_number("stack", r->stack_bytes, ",\n    ", out);
    json_number("ram", r->ram_bytes, "\n  },\n  ", out);
    json_number("learn_flops", r->learn_flops, ",\n", out);
    json_functions(r, out);
    json_traces(r, out);
    json_patterns(r, out);
    if (r->n_rules > 0)
        json_rules(r, out);
    else
        buf_puts(out, "\n");
    buf_puts(out, "}\n");
}
