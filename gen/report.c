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
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_number(const char *name, int64_t n, const char *end, buf *out)
{
    buf_printf(out, "\"%s\": %lld%s", name, (long long)n, end);
}

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
    buf_puts(out, r->ir->n_patterns ? "\n  ]\n" : "]\n");
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
    buf_puts(out, "}\n");
}
