/* SPDX-License-Identifier: Apache-2.0 */
/* In: the spec and the cell files it names.  Out: scopes full of symbols, evaluated on demand.
   Afterwards every declaration knows its place in the spec (order), however late it is evaluated.  */
#include "scope.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MODULES_MAX = 4000 };

symbol *scope_find(scope *sc, const char *name, bool primed)
{
    for (size_t i = 0; i < sc->n; i++)
        if (sc->symbol[i].primed == primed && strcmp(sc->symbol[i].name, name) == 0)
            return &sc->symbol[i];
    return NULL;
}

symbol *scope_add(lowering *lo, scope *sc, symbol_kind kind, const char *name, loc at)
{
    symbol *old = scope_find(sc, name, false);
    if (old && kind != SYM_ARGUMENT) {
        diag_error(lo->diag, at, "E0301", "'%s' is declared twice", name);
        diag_note(lo->diag, old->at, "the first time here");
    }
    symbol fresh = {.kind = kind, .name = name, .at = at, .node = NO_NODE, .var = -1,
                    .bound_by = -1, .from = sc, .order = lo->order++};
    arena_grow(lo->arena, &sc->symbol, sc->n, &sc->cap, sizeof *sc->symbol);
    sc->symbol[sc->n++] = fresh;
    return &sc->symbol[sc->n - 1];
}

static void add_decls(lowering *lo, scope *sc, const spec_decl *d, size_t n, var_kind kind)
{
    for (size_t i = 0; i < n; i++) {
        symbol *sym = scope_add(lo, sc, SYM_VAR, d[i].name, d[i].at);
        sym->decl = &d[i];
        sym->var_kind = kind;
    }
}

static void add_equations(lowering *lo, scope *sc, const spec *s)
{
    for (size_t i = 0; i < s->n_equations; i++) {
        const spec_equation *eq = &s->equation[i];
        const expr *target = eq->target;
        symbol *old = scope_find(sc, target->name, target->primed);
        if (old) {
            bool again = old->kind == SYM_EQUATION;
            diag_error(lo->diag, target->at, "E0302",
                       again ? "'%s%s' is assigned twice"
                             : "'%s%s' is declared already and cannot be assigned",
                       target->name, target->primed ? "'" : "");
            diag_note(lo->diag, old->at, again ? "the first time here" : "it is declared here");
            if (old->kind == SYM_VAR && (old->var_kind == VAR_HIDDEN || old->var_kind == VAR_STATE))
                diag_note(lo->diag, target->at, "the new value of the state is written %s'",
                          target->name);
            continue;
        }
        arena_grow(lo->arena, &sc->symbol, sc->n, &sc->cap, sizeof *sc->symbol);
        sc->symbol[sc->n++] = (symbol){
            .kind = SYM_EQUATION, .name = target->name, .primed = target->primed,
            .at = target->at, .node = NO_NODE, .value = eq->value, .from = sc,
            .equation = eq->text, .var = -1, .bound_by = -1};
    }
}

static void add_consts(lowering *lo, scope *sc, const spec *s)
{
    for (size_t i = 0; i < s->n_consts; i++) {
        symbol *sym = scope_add(lo, sc, SYM_CONST, s->constant[i].name, s->constant[i].at);
        sym->decl = &s->constant[i];
        sym->tree = s->constant[i].value;
    }
}

/* A free name in the shape of a cell's input takes the size of what is given.  */
static void bind_input_dims(lowering *lo, scope *sc, const spec_decl *d, int input)
{
    for (size_t k = 0; k < d->rank; k++) {
        const expr *e = d->dim[k];
        if (e->kind != EXPR_NAME || e->primed || scope_find(sc, e->name, false))
            continue;
        symbol *sym = scope_add(lo, sc, SYM_DIM, e->name, e->at);
        sym->bound_by = input;
    }
}

static const spec_setting *find_setting(const spec_setting *s, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s[i].name, name) == 0)
            return &s[i];
    return NULL;
}

static void add_cell_args(lowering *lo, scope *sc, const spec *cell, const spec_module *m)
{
    for (size_t i = 0; i < m->n_settings; i++) {
        const spec_setting *given = &m->setting[i];
        bool known = false;
        for (size_t k = 0; k < cell->n_args; k++)
            known = known || strcmp(cell->arg[k].name, given->name) == 0;
        if (known)
            continue;
        const char **names = ARENA_ARRAY(lo->arena, const char *, cell->n_args + 1);
        for (size_t k = 0; k < cell->n_args; k++)
            names[k] = cell->arg[k].name;
        const char *near = diag_nearest(given->name, names, cell->n_args);
        diag_error(lo->diag, given->at, "E0303", "cell '%s' has no argument '%s'%s%s%s", m->cell,
                   given->name, near ? " (did you mean '" : "", near ? near : "",
                   near ? "'?)" : "");
    }
    for (size_t k = 0; k < cell->n_args; k++) {
        const spec_arg *arg = &cell->arg[k];
        const spec_setting *given = find_setting(m->setting, m->n_settings, arg->name);
        yaml_tree *tree = given ? given->value : arg->fallback;
        if (!tree) {
            diag_error(lo->diag, m->at, "E0304", "cell '%s' needs the argument '%s'", m->cell,
                       arg->name);
            diag_note(lo->diag, arg->at, "it is declared here");
        }
        symbol_kind kind = arg->type == SPEC_ARG_DIM      ? SYM_DIM
                           : arg->type == SPEC_ARG_NUMBER ? SYM_NUMBER
                                                          : SYM_FUNCTION;
        symbol *sym = scope_add(lo, sc, kind, arg->name, arg->at);
        sym->from = given ? sc->parent : sc;
        sym->progress = tree ? FRESH : DONE;
        if (tree && kind == SYM_FUNCTION) {
            sym->text = tree->text;
            sym->at = tree->at;
        } else if (tree) {
            sym->value = expr_parse(tree, lo->arena, lo->diag);
            sym->progress = sym->value ? FRESH : DONE;
        }
    }
}

static void unknown_input(lowering *lo, const spec *cell, const spec_module *m,
                          const spec_setting *given)
{
    const char **names = ARENA_ARRAY(lo->arena, const char *, cell->n_inputs + 1);
    for (size_t k = 0; k < cell->n_inputs; k++)
        names[k] = cell->input[k].name;
    const char *near = diag_nearest(given->name, names, cell->n_inputs);
    diag_error(lo->diag, given->at, "E0306", "cell '%s' has no input '%s'%s%s%s", m->cell, given->name,
               near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

static void add_cell_inputs(lowering *lo, scope *sc, const spec *cell, const spec_module *m,
                            scope *before)
{
    for (size_t k = 0; k < cell->n_inputs; k++) {
        const spec_decl *d = &cell->input[k];
        const spec_setting *given = NULL;
        if (m->n_inputs == 1 && !m->input[0].name && k == 0)
            given = &m->input[0];
        for (size_t i = 0; i < m->n_inputs; i++)
            if (m->input[i].name && strcmp(m->input[i].name, d->name) == 0)
                given = &m->input[i];
        symbol *sym = scope_add(lo, sc, SYM_INPUT, d->name, d->at);
        int index = (int)(sym - sc->symbol);
        sym->decl = d;
        sym->from = sc->parent;
        if (given) {
            sym->value = expr_parse(given->value, lo->arena, lo->diag);
            sym->progress = sym->value ? FRESH : DONE;
        } else if (before && k == 0) {
            sym->module = before;
        } else {
            diag_error(lo->diag, m->at, "E0305", "module '%s' needs the input '%s' of cell '%s'",
                       m->name, d->name, m->cell);
            diag_note(lo->diag, d->at, "it is declared here; give it with 'in: {%s: ...}'",
                      d->name);
            sym->progress = DONE;
        }
        bind_input_dims(lo, sc, d, index);
    }
    for (size_t i = 0; i < m->n_inputs; i++) {
        bool known = !m->input[i].name;
        for (size_t k = 0; k < cell->n_inputs; k++)
            known = known || strcmp(cell->input[k].name, m->input[i].name) == 0;
        if (!known)
            unknown_input(lo, cell, m, &m->input[i]);
    }
}

static scope *scope_module(lowering *lo, scope *parent, const spec_module *m, scope *before);

static void add_modules(lowering *lo, scope *sc, const spec_module *m, size_t n, bool chain)
{
    scope *before = NULL;
    for (size_t i = 0; i < n; i++) {
        symbol *sym = scope_add(lo, sc, SYM_MODULE, m[i].name, m[i].at);
        size_t index = (size_t)(sym - sc->symbol);
        scope *module = scope_module(lo, sc, &m[i], chain ? before : NULL);
        sc->symbol[index].module = module;
        if (!module)
            sc->symbol[index].progress = DONE;
        before = module;
    }
    sc->last_layer = before;
}

/* Read the cell of M beside the model, else in the library; false: there is none.  */
static bool read_cell_file(lowering *lo, const spec_module *m, const spec **res)
{
    const char *candidate[] = {
        arena_printf(lo->arena, "%s%s.yaml", lo->model_dir, m->cell),
        arena_printf(lo->arena, "%s/templates/cells/%s.yaml", lo->options->data_dir, m->cell)};
    for (size_t i = 0; i < 2; i++) {
        spec_status status;
        if (access(candidate[i], R_OK) != 0 || spec_is_model(candidate[i], lo->arena))
            continue;
        *res = spec_read(candidate[i], true, lo->arena, lo->diag, &status);
        return true;
    }
    const char *const folder[] = {
        *lo->model_dir ? lo->model_dir : ".",
        arena_printf(lo->arena, "%s/templates/cells", lo->options->data_dir)};
    const char *near = cell_nearest(m->cell, folder, 2, lo->arena);
    diag_error(lo->diag, m->cell_at, "E0307", "there is no cell '%s'%s%s%s", m->cell,
               near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    diag_note(lo->diag, m->cell_at, "looked for %s.yaml beside the model and among the cells that "
                                    "are installed", m->cell);
    return false;
}

/* The cell's file is read once, so that what is wrong with it is said once.  */
static const spec *read_cell(lowering *lo, const spec_module *m)
{
    for (size_t i = 0; i < lo->n_cells; i++)
        if (strcmp(lo->cell[i].name, m->cell) == 0)
            return lo->cell[i].spec;
    cell_file file = {m->cell, NULL};
    if (read_cell_file(lo, m, &file.spec))
        ARENA_PUSH(lo->arena, lo->cell, lo->n_cells, lo->cap_cells, file);
    return file.spec;
}

static bool is_recursive(lowering *lo, const scope *parent, const spec_module *m)
{
    const char *chain = m->cell;
    for (const scope *sc = parent; sc; sc = sc->parent) {
        if (!sc->spec || !sc->spec->is_cell)
            continue;
        chain = arena_printf(lo->arena, "%s -> %s", sc->spec->name, chain);
        if (strcmp(sc->spec->name, m->cell) == 0) {
            diag_error(lo->diag, m->cell_at, "E0308", "cell '%s' contains itself: %s", m->cell,
                       chain);
            return true;
        }
    }
    return false;
}

static scope *scope_module(lowering *lo, scope *parent, const spec_module *m, scope *before)
{
    if (lo->n_modules > MODULES_MAX)
        return NULL;
    if (++lo->n_modules > MODULES_MAX) {
        diag_error(lo->diag, m->at, "E0317", "too many modules: the limit is %d, with cells written out",
                   MODULES_MAX);
        return NULL;
    }
    scope *sc = ARENA_NEW(lo->arena, scope);
    sc->parent = parent;
    sc->name = m->name;
    sc->at = m->at;
    sc->prefix = arena_printf(lo->arena, "%s%s.", parent->prefix, m->name);
    if (!m->cell) {
        add_modules(lo, sc, m->layer, m->n_layers, true);
        return sc;
    }
    if (is_recursive(lo, parent, m))
        return NULL;
    const spec *cell = read_cell(lo, m);
    if (!cell)
        return NULL;
    sc->spec = cell;
    sc->output = cell->output;
    sc->n_outputs = cell->n_outputs;
    add_cell_args(lo, sc, cell, m);
    add_cell_inputs(lo, sc, cell, m, before);
    add_decls(lo, sc, cell->param, cell->n_params, VAR_PARAM);
    add_decls(lo, sc, cell->hidden, cell->n_hidden, VAR_HIDDEN);
    add_decls(lo, sc, cell->state, cell->n_states, VAR_STATE);
    add_consts(lo, sc, cell);
    add_modules(lo, sc, cell->module, cell->n_modules, false);
    for (size_t i = 0; i < cell->n_functions; i++)
        scope_add(lo, sc, SYM_USER, cell->function[i].name, cell->function[i].at)->function =
            &cell->function[i];
    add_equations(lo, sc, cell);
    return sc;
}

static void unknown_dim(lowering *lo, const spec *s, const char *text, const char *name)
{
    const char **names = ARENA_ARRAY(lo->arena, const char *, s->n_dims + 1);
    for (size_t i = 0; i < s->n_dims; i++)
        names[i] = s->dim[i].name;
    const char *near = diag_nearest(name, names, s->n_dims);
    diag_error(lo->diag, (loc){0}, "E0309", "-D %s: the model has no dim '%s'%s%s%s", text, name,
               near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

static void add_dims(lowering *lo, scope *sc, const spec *s)
{
    for (size_t i = 0; i < s->n_dims; i++) {
        symbol *sym = scope_add(lo, sc, SYM_DIM, s->dim[i].name, s->dim[i].at);
        sym->value = expr_parse(s->dim[i].value, lo->arena, lo->diag);
        sym->progress = sym->value ? FRESH : DONE;
    }
    for (size_t i = 0; i < lo->options->n_overrides; i++) {
        const char *text = lo->options->override[i], *equal = strchr(text, '=');
        const char *name = arena_strndup(lo->arena, text, equal ? (size_t)(equal - text) : 0);
        symbol *sym = scope_find(sc, name, false);
        long long value = 0;
        char rest;
        if (!sym || sym->kind != SYM_DIM) {
            unknown_dim(lo, s, text, name);
            continue;
        }
        if (!equal || sscanf(equal + 1, "%lld%c", &value, &rest) != 1 || value < 1
            || value > INT32_MAX) {
            diag_error(lo->diag, (loc){0}, "E0310", "-D %s: a size is a whole number of at least 1",
                       text);
            continue;
        }
        sym->progress = DONE;
        sym->dim = value;
    }
}

scope *scope_model(lowering *lo, const spec *s)
{
    scope *sc = ARENA_NEW(lo->arena, scope);
    sc->spec = s;
    sc->prefix = "";
    sc->name = s->name;
    sc->at = s->name_at;
    add_dims(lo, sc, s);
    add_decls(lo, sc, s->input, s->n_inputs, VAR_INPUT);
    add_decls(lo, sc, s->target, s->n_targets, VAR_TARGET);
    add_decls(lo, sc, s->param, s->n_params, VAR_PARAM);
    add_decls(lo, sc, s->hidden, s->n_hidden, VAR_HIDDEN);
    add_decls(lo, sc, s->state, s->n_states, VAR_STATE);
    add_consts(lo, sc, s);
    for (size_t i = 0; i < s->n_functions; i++)
        scope_add(lo, sc, SYM_USER, s->function[i].name, s->function[i].at)->function =
            &s->function[i];
    add_modules(lo, sc, s->module, s->n_modules, false);
    sc->last_layer = NULL;
    add_equations(lo, sc, s);
    return sc;
}

/* --- evaluation on demand ------------------------------------------------------------------------ */

static int make_var(lowering *lo, scope *sc, symbol *sym)
{
    shape s;
    if (!eval_shape(lo, sc, sym->decl, &s) || !eval_fits(lo, sym->at, s))
        return NO_NODE;
    const spec_decl *d = sym->decl;
    const char *path = arena_printf(lo->arena, "%s%s", sc->prefix, sym->name);
    sym->var = ir_var(lo->ir, sym->var_kind, path, s, d->is_index ? TYPE_INDEX : TYPE_REAL,
                      sym->at);
    var *v = &lo->ir->var[sym->var];
    v->order = sym->order;
    v->trainable = d->trainable;
    v->traced = d->trainable && d->trace;
    if (d->is_index && d->size)
        eval_dim(lo, sc, d->size, &v->index_size);
    init_read(lo, d, v);
    return v->now;
}

static int const_value(lowering *lo, scope *sc, symbol *sym)
{
    shape s = shape_scalar();
    if (sym->decl->rank && !eval_shape(lo, sc, sym->decl, &s))
        return NO_NODE;
    if (sym->tree && sym->tree->kind == YAML_SCALAR) {
        const expr *e = expr_parse(sym->tree, lo->arena, lo->diag);
        int x = e ? eval(lo, sc, e) : NO_NODE;
        return x == NO_NODE ? NO_NODE : ir_broadcast(lo->ir, x, s);
    }
    if (!sym->tree || sym->tree->n == 0) {
        diag_error(lo->diag, sym->at, "E0311", "the constant '%s' needs a value", sym->name);
        return NO_NODE;
    }
    int *part = ARENA_ARRAY(lo->arena, int, sym->tree->n);
    for (size_t i = 0; i < sym->tree->n; i++) {
        const yaml_tree *item = sym->tree->kind == YAML_SEQUENCE ? sym->tree->item[i] : NULL;
        const expr *e = item && item->kind == YAML_SCALAR ? expr_parse(item, lo->arena, lo->diag)
                                                          : NULL;
        if (!item || item->kind != YAML_SCALAR) {
            diag_error(lo->diag, sym->at, "E0312", "a constant is a number or a list of numbers; "
                                                   "larger ones are params with trainable: false");
            return NO_NODE;
        }
        int x = e ? eval(lo, sc, e) : NO_NODE;
        if (x == NO_NODE)
            return NO_NODE;
        part[i] = ir_reshape(lo->ir, x, shape_of1(1));
    }
    return ir_concat(lo->ir, part, (int)sym->tree->n, 0);
}

/* The shape of the input D as far as it is known: [n_in, 3].  */
static const char *declared_shape(lowering *lo, scope *sc, const spec_decl *d)
{
    const char *text = "";
    for (size_t k = 0; k < d->rank; k++) {
        const expr *e = d->dim[k];
        symbol *dim = e->kind == EXPR_NAME ? scope_find(sc, e->name, false) : NULL;
        bool free = dim && dim->kind == SYM_DIM && dim->progress != DONE;
        int64_t value = 0;
        const char *size = free                          ? e->name
                           : eval_dim(lo, sc, e, &value) ? arena_printf(lo->arena, "%lld", (long long)value)
                                                         : "?";
        text = arena_printf(lo->arena, "%s%s%s", text, k ? ", " : "", size);
    }
    return arena_printf(lo->arena, "[%s]", text);
}

static bool bind_shape(lowering *lo, scope *sc, symbol *sym, int x)
{
    const spec_decl *d = sym->decl;
    shape s = lo->ir->node[x].shape;
    const char *declared = declared_shape(lo, sc, d);
    bool fits = s.rank == (int)d->rank;
    for (int k = 0; fits && k < s.rank; k++) {
        const expr *e = d->dim[k];
        symbol *dim = e->kind == EXPR_NAME ? scope_find(sc, e->name, false) : NULL;
        int64_t want;
        if (dim && dim->kind == SYM_DIM && dim->bound_by >= 0 && dim->progress == FRESH) {
            dim->dim = s.dim[k];
            dim->progress = DONE;
        } else if (!eval_dim(lo, sc, e, &want)) {
            return false;
        } else {
            fits = want == s.dim[k];
        }
    }
    if (!fits) {
        diag_error(lo->diag, sym->value ? sym->value->at : sc->at, "E0320",
                   "module '%s' is given %s, but its input '%s' is %s", sc->name,
                   shape_text(lo->arena, s), sym->name, declared);
        diag_note(lo->diag, sym->at, "the input is declared here");
    }
    return fits;
}

static int input_node(lowering *lo, scope *sc, symbol *sym, loc use)
{
    int x = sym->value ? eval(lo, sym->from, sym->value)
                       : scope_output(lo, sym->module, NULL, use);
    size_t index = (size_t)(sym - sc->symbol);
    if (x == NO_NODE || !bind_shape(lo, sc, &sc->symbol[index], x))
        return NO_NODE;
    return x;
}

/* The new value of a state has the state's shape, and is the result of an element-wise operator of its
   own: so it is never at the same time the output of a weight op.  */
static int new_value(lowering *lo, scope *sc, const symbol *eq, int x)
{
    ir *g = lo->ir;
    symbol *state = scope_find(sc, eq->name, false);
    if (!state || state->kind != SYM_VAR || symbol_node(lo, sc, state, eq->at) == NO_NODE)
        return NO_NODE;
    const var *v = &g->var[state->var];
    shape s = g->node[x].shape, fit;
    if (!shape_broadcast(s, v->shape, &fit) || !shape_equal(fit, v->shape)) {
        diag_error(lo->diag, eq->at, "E0371", "%s' is %s, but %s is %s", eq->name,
                   shape_text(lo->arena, s), eq->name, shape_text(lo->arena, v->shape));
        diag_note(lo->diag, state->at, "the state is declared here");
        return NO_NODE;
    }
    x = ir_broadcast(g, x, v->shape);
    if (g->node[x].type != TYPE_REAL)
        x = ir_ew1(g, OP_real, x);
    if (v->kind == VAR_STATE)
        x = ir_ew1(g, OP_stop_gradient, x);
    return ir_elementwise(g, x) ? x : ir_ew1(g, OP_copy, x);
}

static int equation_node(lowering *lo, scope *sc, const symbol *sym)
{
    int x = eval(lo, sc, sym->value);
    if (x != NO_NODE && sym->primed)
        x = new_value(lo, sc, sym, x);
    if (x == NO_NODE)
        return NO_NODE;
    char *name = arena_printf(lo->arena, "%s%s%s", sc->prefix, sym->name,
                              sym->primed ? "_new" : "");
    for (char *p = name; *p; p++)
        if (*p == '.')
            *p = '_';
    const char *file = sc->spec->base_name;
    return ir_name(lo->ir, x, name,
                   arena_printf(lo->arena, "%s:%d: %s", file, sym->at.line, sym->equation));
}

static int compute(lowering *lo, scope *sc, symbol *sym, loc use)
{
    switch (sym->kind) {
    case SYM_VAR: return make_var(lo, sc, sym);
    case SYM_CONST: return const_value(lo, sc, sym);
    case SYM_NUMBER: return sym->value ? eval(lo, sym->from, sym->value) : NO_NODE;
    case SYM_INPUT: return input_node(lo, sc, sym, use);
    case SYM_EQUATION: return equation_node(lo, sc, sym);
    case SYM_MODULE: return scope_output(lo, sym->module, NULL, use);
    case SYM_DIM: {
        int64_t value;
        if (!symbol_dim(lo, sc, sym, use, &value))
            return NO_NODE;
        return ir_const(lo->ir, (double)value, shape_scalar());
    }
    default:
        diag_error(lo->diag, use, "E0313", "'%s' is a function; it needs arguments", sym->name);
        return NO_NODE;
    }
}

static void report_cycle(lowering *lo, scope *sc, const symbol *sym, loc use)
{
    if (sym->kind == SYM_DIM) {
        diag_error(lo->diag, use, "E0314", "the size '%s' depends on itself", sym->name);
        diag_note(lo->diag, sym->at, "it is declared here");
        return;
    }
    diag_error(lo->diag, use, "E0314", "'%s%s%s' depends on itself within one step", sc->prefix,
               sym->name, sym->primed ? "'" : "");
    diag_note(lo->diag, sym->at, "it is computed here; a state without a prime (h, not h') is "
                                 "the value before the step and breaks the cycle");
}

int symbol_node(lowering *lo, scope *sc, symbol *sym, loc use)
{
    if (sym->progress == DONE && sym->kind != SYM_DIM)
        return sym->node;
    if (sym->progress == BUSY) {
        report_cycle(lo, sc, sym, use);
        return NO_NODE;
    }
    if (!eval_may_nest(lo, use))
        return NO_NODE;
    if (sym->kind == SYM_DIM)
        return compute(lo, sc, sym, use);
    size_t index = (size_t)(sym - sc->symbol);
    sym->progress = BUSY;
    lo->depth++;
    int x = compute(lo, sc, sym, use);
    lo->depth--;
    sc->symbol[index].node = x;
    sc->symbol[index].progress = DONE;
    return x;
}

bool symbol_dim(lowering *lo, scope *sc, symbol *sym, loc use, int64_t *res)
{
    size_t index = (size_t)(sym - sc->symbol);
    if (sym->progress == BUSY) {
        report_cycle(lo, sc, sym, use);
        return false;
    }
    if (sym->progress == FRESH && sym->bound_by >= 0) {
        symbol_node(lo, sc, &sc->symbol[sym->bound_by], use);
    } else if (sym->progress == FRESH) {
        sym->progress = BUSY;
        int64_t value = 0;
        bool ok = eval_dim(lo, sym->from, sym->value, &value);
        sc->symbol[index].dim = ok ? value : 0;
        sc->symbol[index].progress = DONE;
    }
    *res = sc->symbol[index].dim;
    return *res > 0;
}

int scope_output(lowering *lo, scope *sc, const char *name, loc use)
{
    if (!sc)
        return NO_NODE;
    if (!sc->spec)
        return scope_output(lo, sc->last_layer, name, use);
    for (size_t i = 0; i < sc->n_outputs; i++)
        if (!name || strcmp(sc->output[i].name, name) == 0)
            return sc->output[i].value ? eval(lo, sc, sc->output[i].value) : NO_NODE;
    if (!name)
        diag_error(lo->diag, use, "E0316", "module '%s' has no output", sc->name);
    return NO_NODE;
}
