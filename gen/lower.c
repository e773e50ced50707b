/* SPDX-License-Identifier: Apache-2.0 */
/* In: the spec.  Out: the graph of one step.  Afterwards every hidden and dynamic state has a new
   value of its own shape, the loss is a scalar, and no two C names are the same.  */
#include "lower.h"

#include "origin.h"
#include "scope.h"

#include <stdlib.h>
#include <string.h>

static void lower_decls(lowering *lo, scope *sc)
{
    for (size_t i = 0; i < sc->n; i++) {
        symbol *sym = &sc->symbol[i];
        if (sym->kind == SYM_VAR || sym->kind == SYM_EQUATION || sym->kind == SYM_BLOCK
            || sym->kind == SYM_INPUT)
            symbol_node(lo, sc, sym, sym->at);
        else if (sym->kind == SYM_MODULE && sym->module)
            lower_decls(lo, sym->module);
    }
}

static void set_next(lowering *lo, scope *sc, symbol *sym)
{
    ir *g = lo->ir;
    symbol *eq = scope_find(sc, sym->name, true);
    var *v = &g->var[sym->var];
    if (sym->decl->is_seed && eq)
        diag_error(lo->diag, eq->at, "E0414", "'%s' is a seed: it goes to the next one by itself",
                   sym->name);
    if (sym->decl->is_seed) {
        v->next = ir_ew1(g, OP_next_seed, v->now);
        return;
    }
    if (!eq) {
        diag_error(lo->diag, sym->at, "E0370", "the state '%s' is never assigned", v->path);
        diag_note(lo->diag, sym->at, "write an equation \"%s' = ...\" in step", sym->name);
        return;
    }
    v->next = eq->node;
    for (int i = 0; i < g->n_vars && v->next != NO_NODE; i++)
        if (i != sym->var && g->var[i].next == v->next)
            v->next = ir_own_copy(g, v->next, sym->var); /* two states of one value are two */
}

static void set_states(lowering *lo, scope *sc)
{
    for (size_t i = 0; i < sc->n; i++) {
        symbol *sym = &sc->symbol[i];
        if (sym->kind == SYM_MODULE && sym->module)
            set_states(lo, sym->module);
        if (sym->kind == SYM_VAR && sym->var >= 0
            && (sym->var_kind == VAR_HIDDEN || sym->var_kind == VAR_STATE))
            set_next(lo, sc, sym);
        if ((sym->kind == SYM_EQUATION || sym->kind == SYM_BLOCK) && sym->primed) {
            symbol *state = scope_find(sc, sym->name, false);
            if (!state || state->kind != SYM_VAR
                || (state->var_kind != VAR_HIDDEN && state->var_kind != VAR_STATE))
                diag_error(lo->diag, sym->at, "E0372", "%s' is assigned, but there is no state '%s'",
                           sym->name, sym->name);
        }
    }
}

static void add_outputs(lowering *lo, scope *sc, const spec *s)
{
    ir *g = lo->ir;
    for (size_t i = 0; i < s->n_outputs; i++) {
        loc at = s->output[i].at;
        origin_begin(g, origin_place(g, at, diag_line_text(lo->arena, at), "", PASS_STEP));
        int x = s->output[i].value ? eval(lo, sc, s->output[i].value) : NO_NODE;
        if (x == NO_NODE)
            continue;
        if (g->node[x].type != TYPE_REAL)
            x = ir_ew1(g, OP_real, x);
        char *c_name = arena_strdup(lo->arena, s->output[i].name);
        for (char *p = c_name; *p; p++)
            if (*p == '.' || *p == '\'')
                *p = '_';
        output out = {.name = s->output[i].name, .c_name = c_name, .node = x};
        arena_grow(lo->arena, &g->output, (size_t)g->n_outputs, &g->cap_outputs,
                   sizeof *g->output);
        g->output[g->n_outputs++] = out;
    }
}

/* One loss times its weight; NO_NODE after an error.  */
static int loss_node(lowering *lo, scope *sc, const spec_loss *loss)
{
    ir *g = lo->ir;
    int x = eval(lo, sc, loss->value);
    int weight = loss->weight ? eval(lo, sc, loss->weight) : ir_const(g, 1, shape_scalar());
    if (x == NO_NODE || weight == NO_NODE)
        return NO_NODE;
    if (g->node[x].shape.rank == 0 && g->node[weight].shape.rank == 0)
        return ir_ew2(g, OP_mul, weight, x);
    bool wide = g->node[x].shape.rank > 0;
    const expr *e = wide ? loss->value : loss->weight;
    diag_error(lo->diag, e->at, "E0373", "%s is a scalar, not %s", wide ? "the loss" : "the weight of a loss",
               shape_text(lo->arena, g->node[wide ? x : weight].shape));
    diag_note(lo->diag, e->at, "sum(...) or mean(...) makes it one");
    return NO_NODE;
}

const char *lower_comment(const lowering *lo, const spec *s, int line, const char *text)
{
    return lo->options->no_lines ? text
                                 : arena_printf(lo->arena, "%s:%d: %s", s->base_name, line, text);
}

static void add_losses(lowering *lo, scope *sc, const spec *s)
{
    ir *g = lo->ir;
    int total = NO_NODE;
    buf text = {NULL, 0, 0};
    buf_puts(&text, "loss: ");
    for (size_t i = 0; i < s->n_losses; i++) {
        const spec_loss *loss = &s->loss[i];
        const char *what = arena_printf(lo->arena, "loss: %s", loss->text);
        origin_begin(g, origin_place(g, loss->at, what, "", PASS_STEP));
        int x = loss_node(lo, sc, loss);
        if (x == NO_NODE) {
            buf_free(&text);
            return;
        }
        if (loss->name)
            ir_name(g, x, arena_printf(lo->arena, "loss_%s", loss->name), NULL);
        total = total == NO_NODE ? x : ir_ew2(g, OP_add, total, x);
        buf_printf(&text, "%s%s", i ? "; " : "", loss->text);
    }
    origin_begin(g, 0);
    if (total != NO_NODE)
        g->loss = ir_name(g, total, "loss",
                          lower_comment(lo, s, s->loss[0].at.line, arena_strdup(lo->arena, text.text)));
    buf_free(&text);
}

static int by_c_name(const void *a, const void *b)
{
    const var *x = *(const var *const *)a, *y = *(const var *const *)b;
    int order = strcmp(x->c_name, y->c_name);
    return order ? order : x->order - y->order;
}

/* Two paths may give one C name: a.b and a_b.  */
static void check_names(lowering *lo)
{
    const ir *g = lo->ir;
    const var **v = ARENA_ARRAY(lo->arena, const var *, g->n_vars + 1);
    for (int i = 0; i < g->n_vars; i++)
        v[i] = &g->var[i];
    qsort(v, (size_t)g->n_vars, sizeof *v, by_c_name);
    for (int i = 1; i < g->n_vars; i++) {
        const var *a = v[i - 1], *b = v[i];
        if (strcmp(a->c_name, b->c_name) != 0)
            continue;
        diag_error(lo->diag, b->at, "E0374", "'%s' and '%s' are both '%s' in C", a->path, b->path,
                   a->c_name);
        diag_note(lo->diag, a->at, "the other one is declared here; give one of them another name");
    }
}

ir *lower_spec(const spec *s, const lower_options *options, arena *a, diag *d)
{
    lowering lo = {.arena = a, .diag = d, .options = options, .unroll_limit = s->unroll_limit};
    const char *slash = strrchr(s->file, '/');
    lo.model_dir = slash ? arena_strndup(a, s->file, (size_t)(slash - s->file) + 1) : "";
    lo.ir = ir_new(a, d, options->prefix ? options->prefix : s->name, s->real_bits, s->batch);
    scope *sc = scope_model(&lo, s);
    if (diag_errors(d))
        return NULL;
    lower_decls(&lo, sc);
    set_states(&lo, sc);
    add_outputs(&lo, sc, s);
    add_losses(&lo, sc, s);
    check_names(&lo);
    if (options->check && diag_errors(d) == 0)
        derivative_check(&lo, sc);
    return diag_errors(d) ? NULL : lo.ir;
}
