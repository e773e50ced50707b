/* SPDX-License-Identifier: Apache-2.0 */
/* Every model: each pass in turn, until one reports an error; then all outputs, or none.  */
#define _POSIX_C_SOURCE 200809L
#include "bug.h"
#include "bundle.h"
#include "candidate.h"
#include "compare.h"
#include "depfile.h"
#include "emit.h"
#include "explain.h"
#include "lower.h"
#include "options.h"
#include "override.h"
#include "page.h"
#include "picture.h"
#include "report.h"
#include "self_test.h"
#include "talk.h"
#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int print(outputs *out, buf *text)
{
    outputs_add(out, "-", text);
    return EXIT_SUCCESS;
}

/* The graph in FORM to PATH.  */
static int draw(const graph *gr, const char *form, const char *path, diag *d, outputs *out)
{
    buf text = {NULL, 0, 0};
    int status = picture_draw(gr, form, &text, d) ? EXIT_SUCCESS : EXIT_ENVIRONMENT;
    outputs_add(out, path, &text);
    return status;
}

static int dump(const ir *g, outputs *out)
{
    buf text = {NULL, 0, 0};
    ir_dump(g, &text);
    return print(out, &text);
}

/* --trace=m4.  */
static void tell_m4(const options *o, const emit_text *text, talk *t)
{
    buf said = {0};
    buf_printf(&said, "m4: %s over %s/templates: %zu bytes of values became %zu of C and %zu of its header",
               o->m4, o->data_dir, text->values.len, text->source.len, text->header.len);
    if (o->trace_m4)
        talk_say(t, buf_text(&said));
    buf_free(&said);
}

static skel_status emit(const options *o, const model_plan *plan, const spec *s, const report *r,
                        talk *t, emit_text *res)
{
    const emit_options eo = options_emit(o, o->h_path, r, plan->ir->arena);
    talk_pass(t, "emit");
    skel_status status = emit_run(plan, s, &eo, res);
    if (status == SKEL_OK)
        tell_m4(o, res, t);
    return status;
}

static int add_page(const options *o, const model_plan *plan, const spec *s, const report *r, talk *t,
                    outputs *out)
{
    emit_text text = {0};
    buf page = {NULL, 0, 0};
    skel_status failed = emit(o, plan, s, r, t, &text);
    if (!failed)
        failed = page_write(o, s, plan, r, &text, &page);
    emit_text_free(&text);
    outputs_add(out, o->report, &page);
    return (int)failed;
}

static void add_report(const options *o, const report *r, outputs *out)
{
    buf text = {NULL, 0, 0};
    if (o->report_json)
        report_json(r, &text);
    else
        report_text(r, &text);
    outputs_add(out, o->report, &text);
}

static void add_depfile(const options *o, const diag *d, arena *a, outputs *out)
{
    buf text = {NULL, 0, 0};
    depfile_write(o, d, a, &text);
    outputs_add(out, depfile_path(o, a), &text);
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

static int write_model(const options *o, const model_plan *plan, const spec *s, const report *r,
                       arena *a, diag *d, talk *t, outputs *out)
{
    emit_text text = {0};
    int failed = (int)emit(o, plan, s, r, t, &text);
    bool whole = !failed && bundle_add(o, &text, out, a, d);
    return failed ? failed : whole ? EXIT_SUCCESS : EXIT_ENVIRONMENT;
}

/* --explain.  */
static int explain(const options *o, const model_plan *plan, const spec *s, const report *r,
                   arena *a, talk *t, outputs *out)
{
    emit_text text = {0};
    buf said = {NULL, 0, 0};
    int failed = (int)emit(o, plan, s, r, t, &text);
    if (!failed)
        failed = explain_run(o, plan->ir, &text, a, &said);
    emit_text_free(&text);
    return failed ? failed : print(out, &said);
}

/* --trace=graph.  */
static void tell_graph(const graph *gr, talk *t)
{
    buf text = {NULL, 0, 0};
    show_text(gr, &text);
    if (t->options->trace_graph)
        talk_say(t, buf_text(&text));
    buf_free(&text);
}

/* --with-test.  */
static int add_test(const options *o, const spec *s, const lower_options *lo, const learning *set,
                    arena *a, diag *d, talk *t, outputs *out)
{
    buf text = {NULL, 0, 0};
    talk_pass(t, "test");
    bool whole = self_test_write(o, s, lo, set, a, d, &text);
    outputs_add(out, bundle_test(o, a), &text);
    return whole ? EXIT_SUCCESS : SPEC_WRONG;
}

static int compile(const options *o, arena *a, diag *d, talk *t, outputs *out)
{
    spec_status status = SPEC_WRONG;
    learning set;
    talk_pass(t, "spec");
    spec *s = spec_read(o->model, false, a, d, &status);
    if (!s)
        return (int)status;
    if (!override_spec(o, s, a, d))
        return SPEC_WRONG;
    if (o->compare)
        return compare_run(o, s, a, d, out);
    if (!options_learning(o, s, a, d, &set))
        return SPEC_WRONG;
    drawn_patterns drawn = {NULL};
    const lower_options lo = {o->data_dir, o->prefix, o->check_only, o->no_lines,
                              target_named(o->machine), &drawn};
    talk_pass(t, "lower");
    ir *g = lower_spec(s, &lo, a, d);
    if (!g)
        return SPEC_WRONG;
    verify(g);
    if (o->dump && strcmp(o->dump, "ir") == 0)
        return dump(g, out);
    talk_pass(t, "graph");
    graph *gr = learn_graph(g, &set);
    if (!gr)
        return SPEC_WRONG;
    verify(g);
    tell_graph(gr, t);
    if (o->graph)
        return draw(gr, o->graph, "-", d, out);
    talk_pass(t, "learn");
    model_plan *plan = learn_plan(gr, &set);
    if (diag_errors(d) > 0)
        return SPEC_WRONG;
    verify(g);
    if (o->dump)
        return dump(g, out);
    talk_pass(t, "schedule");
    report *r = report_measure(plan, emit_rule_text(a, &set), lo.target);
    verify(g);
    report_check(r, &o->limits, d);
    target_check(target_named(o->machine), g->real_bits, d);
    if (diag_errors(d) > 0)
        return SPEC_WRONG;
    if (o->explain)
        return explain(o, plan, s, r, a, t, out);
    emit_files(o->data_dir, a, d);
    if (o->report_html)
        page_files(o->data_dir, a, d);
    int failed = o->check_only || o->deps_only ? EXIT_SUCCESS
                                               : write_model(o, plan, s, r, a, d, t, out);
    if (!failed && o->with_test && !o->check_only)
        failed = add_test(o, s, &lo, &set, a, d, t, out);
    if (!failed && (o->deps_only || (o->deps && !o->check_only)))
        add_depfile(o, d, a, out);
    if (!failed && o->graph_file && !o->check_only)
        failed = draw(gr, picture_form_of(o->graph_path), o->graph_path, d, out);
    if (o->report)
        talk_pass(t, "report");
    if (!failed && o->report && s->n_losses > 0)
        candidate_rows(s, &lo, gr, set.rule, r, a);
    if (!failed && o->report_html)
        failed = add_page(o, plan, s, r, t, out);
    else if (!failed && o->report)
        add_report(o, r, out);
    return failed;
}

/* --verbose.  */
static void tell(const outputs *out, bool written, talk *t)
{
    buf text = {NULL, 0, 0};
    for (size_t i = 0; i < out->n_inputs; i++)
        buf_printf(&text, "read %s\n", out->input[i]);
    for (size_t i = 0; written && i < out->n; i++)
        if (strcmp(out->file[i].path, "-") != 0)
            buf_printf(&text, "wrote %s\n", out->file[i].path);
    talk_say(t, buf_text(&text));
    buf_free(&text);
}

/* All models.  The status is that of the first one that failed.  */
static int compile_all(options *o, arena *a)
{
    outputs out = {.arena = a};
    diag *d = NULL;
    talk t = talk_begin(o);
    int status = EXIT_SUCCESS;
    for (size_t i = 0; i < o->models.n; i++) {
        int usage = options_model(o, i, a);
        if (usage != OPTIONS_GO_ON)
            return usage;
        d = diag_new(a, o->max_errors);
        diag_set_style(d, &o->style);
        diag_set_limits(d, o->limit);
        diag_shorten(d, arena_printf(a, "%s/templates/cells/", o->data_dir), "<cells>/");
        int failed = compile(o, a, d, &t, &out);
        talk_pass(&t, NULL);
        if (!failed && diag_errors(d) > 0) /* by -Werror */
            failed = SPEC_WRONG;
        diag_flush(d);
        outputs_protect(&out, d);
        status = status ? status : failed;
    }
    if (status == EXIT_SUCCESS && !outputs_commit(&out, d))
        status = EXIT_FILES;
    if (o->verbose)
        tell(&out, status == EXIT_SUCCESS, &t);
    diag_flush(d);
    outputs_free(&out);
    return status;
}

/* --init.  */
static int write_example(const options *o, arena *a)
{
    const char *path = arena_printf(a, "%s/templates/init/%s.yaml", o->data_dir, o->init);
    outputs out = {.arena = a};
    const char *schema = arena_printf(a, "%s/schema/etrace-model-1.schema.json", o->data_dir);
    buf text = {NULL, 0, 0};
    diag *d = diag_new(a, 0);
    int status = EXIT_SUCCESS;
    diag_set_style(d, &o->style);
    diag_read(d, path);
    if (access(schema, R_OK) == 0)
        buf_printf(&text, "# yaml-language-server: $schema=%s\n", schema);
    outputs_protect(&out, d);
    if (!buf_read_file(&text, path)) {
        diag_error(d, (loc){0}, "E0412", "cannot read %s: the installation is not complete", path);
        status = EXIT_ENVIRONMENT;
    } else {
        outputs_add(&out, o->given_c ? o->given_c : "-", &text);
        status = outputs_commit(&out, d) ? EXIT_SUCCESS : EXIT_FILES;
    }
    diag_flush(d);
    outputs_free(&out);
    return status;
}

/* Print PATH unless it is among NAMES.  */
static void list(option_list *names, const char *path, arena *a)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->item[i], path) == 0)
            return;
    ARENA_PUSH(a, names->item, names->n, names->cap, path);
    puts(path);
}

static int list_outputs(options *o, arena *a)
{
    option_list names = {0};
    for (size_t i = 0; i < o->models.n; i++) {
        const char **name;
        int usage = options_model(o, i, a);
        if (usage != OPTIONS_GO_ON)
            return usage;
        size_t n = bundle_names(o, a, &name);
        for (size_t k = 0; k < n; k++)
            list(&names, name[k], a);
        if (o->deps)
            list(&names, depfile_path(o, a), a);
        if (o->graph_file)
            list(&names, o->graph_path, a);
    }
    if (o->report && strcmp(o->report, "-") != 0)
        list(&names, o->report, a);
    return EXIT_SUCCESS;
}

/* The exit status, once all that was printed has arrived: a disk may be full.  */
static int finish(int status, const diag_style *style, arena *a)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    const char *why = strerror(errno);
    diag *d = diag_new(a, 0);
    diag_set_style(d, style);
    diag_error(d, (loc){0}, NULL, "standard output: %s", why);
    diag_flush(d);
    return status ? status : EXIT_FILES;
}

int main(int argc, char **argv)
{
    bug_watch();
    arena *a = arena_new();
    options o;
    int status = options_read(argc, argv, a, &o);
    if (status == OPTIONS_GO_ON && o.init)
        status = write_example(&o, a);
    else if (status == OPTIONS_GO_ON)
        status = o.list_outputs ? list_outputs(&o, a) : compile_all(&o, a);
    status = finish(status, &o.style, a);
    arena_free(a);
    return status;
}
