/* SPDX-License-Identifier: Apache-2.0 */
/* In: bytes that may be a spec or a cell.  The reader gives a spec or errors, never both or neither, and
   every later pass gives its result or errors.  */
#include "fuzz.h"

#include "emit.h"
#include "expr.h"
#include "lower.h"
#include "options.h"
#include "report.h"
#include "rule.h"

#include <stdlib.h>
#include <string.h>

enum { ERRORS_MAX = 20 };

/* What every run has: memory, and messages that are printed and thrown away.  */
typedef struct {
    arena *a;
    diag *d;
} session;

static session begin(void)
{
    session s = {arena_new(), NULL};
    s.d = diag_new(s.a, ERRORS_MAX);
    return s;
}

static void end(session *s)
{
    buf text = {NULL, 0, 0};
    diag_print(s->d, &text);
    buf_free(&text);
    arena_free(s->a);
}

static bool says_cell(const uint8_t *data, size_t size)
{
    return size > 5 && memcmp(data, "cell:", 5) == 0;
}

static spec *read_spec(session *s, const uint8_t *data, size_t size)
{
    spec_status status = SPEC_WRONG;
    spec *res = spec_parse("model.yaml", (const char *)data, size, says_cell(data, size), s->a, s->d, &status);
    FUZZ_CHECK((res == NULL) == (diag_errors(s->d) > 0));
    return res;
}

void fuzz_spec(const uint8_t *data, size_t size)
{
    session s = begin();
    read_spec(&s, data, size);
    end(&s);
}

void fuzz_expr(const uint8_t *data, size_t size)
{
    static const char head[] = "[|\n ", tail[] = "\n]\n";
    session s = begin();
    const char *text = arena_strndup(s.a, (const char *)data, size);
    yaml_tree scalar = {.kind = YAML_SCALAR, .plain = true, .text = text, .len = strlen(text)};
    expr *target = NULL;
    buf file = {NULL, 0, 0};
    buf_printf(&file, "%s%s%s", head, text, tail);
    scalar.at = (loc){diag_source(s.d, "model.yaml", file.text, file.len), 2, 2, (int)scalar.len};
    FUZZ_CHECK((expr_parse(&scalar, s.a, s.d) == NULL) == (diag_errors(s.d) > 0));
    expr_parse_equation(&scalar, &target, s.a, s.d);
    end(&s);
    buf_free(&file);
}

/* As compile in main.c, without options.  */
static void compile(session *s, const spec *sp)
{
    const options nothing_said = {0};
    const report_limits limits = {0};
    const char *data_dir = getenv("ETRACE_DATADIR");
    const lower_options lowering = {.data_dir = data_dir ? data_dir : ".", .target = target_named("host")};
    learning set;
    if (!options_learning(&nothing_said, sp, s->a, s->d, &set))
        return;
    ir *g = lower_spec(sp, &lowering, s->a, s->d);
    FUZZ_CHECK((g == NULL) == (diag_errors(s->d) > 0));
    if (!g)
        return;
    ir_check(g);
    graph *gr = learn_graph(g, &set);
    if (!gr)
        return;
    model_plan *plan = learn_plan(gr, &set);
    if (diag_errors(s->d) > 0)
        return;
    report *r = report_measure(plan, emit_rule_text(s->a, &set), lowering.target);
    ir_check(g);
    report_check(r, &limits, s->d);
}

void fuzz_compile(const uint8_t *data, size_t size)
{
    session s = begin();
    spec *sp = read_spec(&s, data, size);
    if (sp && !sp->is_cell)
        compile(&s, sp);
    end(&s);
}
