/* SPDX-License-Identifier: Apache-2.0 */
/* In: a spec and a rule.  Out: the rule's plan and what it costs, or the reason why it does not
   apply.  Each has a graph of its own, so that rules do not see one another's nodes.  */
#include "candidate.h"

#include "emit.h"
#include "rule.h"

#include <string.h>

/* Traces of a rule that keeps one for each use and group: of more, counting takes seconds.  */
enum { TRACES_MAX = 4096 };

static const char *rule_name(const spec_learning *l)
{
    return l->value[LEARN_RULE].said ? l->value[LEARN_RULE].word : rule_names()[0];
}

static bool plan(candidate *res, const spec *s, const lower_options *lo, const learning *set,
                 arena *a, diag *d)
{
    ir *g = lower_spec(s, lo, a, d);
    graph *gr = g ? learn_graph(g, set) : NULL;
    if (!gr)
        return false;
    res->plan = learn_plan(gr, set);
    if (diag_errors(d) > 0)
        return false;
    res->rule = emit_rule_text(a, set);
    res->report = report_measure(res->plan, res->rule, lo->target);
    return true;
}

candidate candidate_try(const spec *s, const lower_options *lo, const spec_learning *l,
                        const report_limits *limits, arena *a)
{
    candidate res = {.rule = rule_name(l)};
    diag *d = diag_new(a, 0);
    learning set;
    if (rule_settings(s, l, d, &set) && plan(&res, s, lo, &set, a, d) && limits)
        report_check(res.report, limits, d);
    res.refused = diag_first_error(d);
    return res;
}

/* Why the rule NAME is not counted beside others; NULL: it is.  */
static const char *too_many(const graph *gr, const char *name, arena *a)
{
    const int64_t traces = (int64_t)gr->n_relations * gr->n_groups;
    if (!rule_is_exact(name) || traces <= TRACES_MAX)
        return NULL;
    return arena_printf(a, "%lld traces, of %d uses of weights and %d groups; -L rule=%s counts them",
                        (long long)traces, gr->n_relations, gr->n_groups, name);
}

void candidate_rows(const spec *s, const lower_options *lo, const graph *gr, const char *chosen,
                    report *r, arena *a)
{
    size_t cap = 0;
    for (const char *const *name = rule_names(); *name; name++) {
        report_rule row = {.rule = r->rule, .report = r, .chosen = strcmp(*name, chosen) == 0};
        if (!row.chosen && rule_is_second_name(*name))
            continue;
        const char *why = row.chosen ? NULL : too_many(gr, *name, a);
        if (why) {
            row = (report_rule){.rule = *name, .refused = why, .uncounted = true};
        } else if (!row.chosen) {
            spec_learning l = rule_alone(&s->learning, *name);
            candidate c = candidate_try(s, lo, &l, NULL, a);
            row = (report_rule){.rule = c.rule, .refused = c.refused, .report = c.report};
        }
        ARENA_PUSH(a, r->rules, r->n_rules, cap, row);
    }
}
