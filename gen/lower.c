/* SPDX-License-Identifier: Apache-2.0 */
/* In: the spec.  Out: the graph of one step.  Afterwards every hidden and dynamic state has a new
   value of its own shape, the loss is a scalar, and no two C names are the same.  */
#include "lower.h"

#include "scope.h"

#include <string.h>

static void lower_decls(lowering *lo, scope *sc)
{
    for (size_t i = 0; i < sc->n; i++) {
        symbol *sym = &sc->symbol[i];
        if (sym->kind == SYM_VAR || sym->kind == SYM_EQUATION || sym->kind == SYM_INPUT)
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
    if (!eq) {
        diag_error(lo->diag, sym->at, "E0370", "the state '%s' is never assigned", v->path);
        diag_note(lo->diag, sym->at, "write an equation \"%s' = ...\" in step", sym->name);
        return;
    }
    v->next = eq->node;
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
        if (sym->kind == SYM_EQUATION && sym->primed) {
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
        int x = s->output[i].value ? eval(lo, sc, s->output[i].value) : NO_NODE;
        if (x == NO_NODE)
            continue;
        if (g->node[x].type == TYPE_BOOL)
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

static void add_loss(lowering *lo, scope *sc, const spec *s)
{
    if (!s->loss)
        return;
    int x = eval(lo, sc, s->loss);
    if (x == NO_NODE)
        return;
    if (lo->ir->node[x].shape.rank != 0) {
        diag_error(lo->diag, s->loss->at, "E0373", "the loss is a scalar, not %s",
                   shape_text(lo->arena, lo->ir->node[x].shape));
        diag_note(lo->diag, s->loss->at, "sum(...) or mean(...) makes it one");
        return;
    }
    lo->ir->loss = ir_name(lo->ir, x, "loss",
                           arena_printf(lo->arena, "%s:%d: loss: %s", s->base_name,
                                        s->loss_at.line, s->loss_text));
}

static int by_order(const var *a, const var *b)
{
    return a->order < b->order;
}

/* Two paths may give one C name: a.b and a_b.  */
static void check_names(lowering *lo)
{
    const ir *g = lo->ir;
    for (int i = 0; i < g->n_vars; i++)
        for (int k = 0; k < g->n_vars; k++) {
            const var *a = &g->var[i], *b = &g->var[k];
            if (!by_order(a, b) || strcmp(a->c_name, b->c_name) != 0)
                continue;
            diag_error(lo->diag, b->at, "E0374", "'%s' and '%s' are both '%s' in C", a->path, b->path,
                       a->c_name);
            diag_note(lo->diag, a->at, "the other one is declared here; give one of them another name");
        }
}

ir *lower_spec(const spec *s, const lower_options *options, arena *a, diag *d)
{
    lowering lo = {.arena = a, .diag = d, .options = options};
    const char *slash = strrchr(s->file, '/');
    lo.model_dir = slash ? arena_strndup(a, s->file, (size_t)(slash - s->file) + 1) : "";
    lo.ir = ir_new(a, d, options->prefix ? options->prefix : s->name, s->real_bits, s->batch);
    scope *sc = scope_model(&lo, s);
    if (diag_errors(d))
        return NULL;
    lower_decls(&lo, sc);
    set_states(&lo, sc);
    add_outputs(&lo, sc, s);
    add_loss(&lo, sc, s);
    check_names(&lo);
    return diag_errors(d) ? NULL : lo.ir;
}
