/* SPDX-License-Identifier: Apache-2.0 */
/* One model: each pass in turn, until one reports an error.  */
#include "candidate.h"
#include "emit.h"
#include "lower.h"
#include "options.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print(buf *text)
{
    fputs(buf_text(text), stdout);
    buf_free(text);
    return EXIT_SUCCESS;
}

/* FORM is one of options_graphs.  */
static int show(const graph *gr, const char *form)
{
    static void (*const shows[])(const graph *, buf *) = {show_text, show_json, show_gv};
    buf out = {NULL, 0, 0};
    int i = 0;
    while (options_graphs[i] != form)
        i++;
    shows[i](gr, &out);
    return print(&out);
}

static int dump(const ir *g)
{
    buf out = {NULL, 0, 0};
    ir_dump(g, &out);
    return print(&out);
}

static int write_report(const options *o, const report *r, const spec *s, diag *d)
{
    buf out = {NULL, 0, 0};
    if (o->report_json)
        report_json(r, &out);
    else
        report_text(r, &out);
    int status = (int)skel_commit(&o->report, &out, 1, s->file, d);
    buf_free(&out);
    return status;
}

/* With --enable-checking: what holds behind every pass.  */
static void verify(const ir *g)
{
#ifdef ET_CHECKING
    ir_check(g);
#else
    (void)g;
#endif
}

static int compile(const options *o, arena *a, diag *d)
{
    spec_status status = SPEC_WRONG;
    learning set;
    const spec *s = spec_read(o->model, false, a, d, &status);
    if (!s)
        return (int)status;
    if (!options_learning(o, s, a, d, &set))
        return SPEC_WRONG;
    const lower_options lo = {o->data_dir, o->define.n, o->define.item, o->prefix, o->check_only};
    ir *g = lower_spec(s, &lo, a, d);
    if (!g)
        return SPEC_WRONG;
    verify(g);
    if (o->dump == options_dumps[0])
        return dump(g);
    graph *gr = learn_graph(g, &set);
    if (!gr)
        return SPEC_WRONG;
    verify(g);
    if (o->graph)
        return show(gr, o->graph);
    model_plan *plan = learn_plan(gr, &set);
    if (diag_errors(d) > 0)
        return SPEC_WRONG;
    verify(g);
    if (o->dump)
        return dump(g);
    report *r = report_measure(plan, emit_rule_text(a, &set));
    report_check(r, &o->limits, d);
    if (diag_errors(d) > 0)
        return SPEC_WRONG;
    if (!o->check_only) {
        const emit_options eo = {o->c_path, o->h_path, o->data_dir, o->m4, o->unroll, r->largest_count,
                                 report_largest_bytes(r)};
        int failed = (int)emit_run(plan, s, &eo);
        if (failed)
            return failed;
    }
    if (!o->report)
        return EXIT_SUCCESS;
    if (s->n_losses > 0)
        candidate_rows(s, &lo, set.rule, r, a);
    return write_report(o, r, s, d);
}

/* The exit status, once all that was printed has arrived: a disk may be full.  */
static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    perror("etrace-gen: error: standard output");
    return status ? status : SPEC_UNREADABLE;
}

int main(int argc, char **argv)
{
    arena *a = arena_new();
    options o;
    int status = options_read(argc, argv, a, &o);
    if (status == OPTIONS_GO_ON && o.list_outputs) {
        printf("%s\n%s\n", o.c_path, o.h_path);
        if (o.report && strcmp(o.report, "-") != 0)
            puts(o.report);
        status = EXIT_SUCCESS;
    } else if (status == OPTIONS_GO_ON) {
        diag *d = diag_new(a, o.max_errors);
        diag_shorten(d, arena_printf(a, "%s/templates/cells/", o.data_dir), "<cells>/");
        status = compile(&o, a, d);
        diag_flush(d);
    }
    arena_free(a);
    return finish(status);
}
