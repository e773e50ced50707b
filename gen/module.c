/* SPDX-License-Identifier: Apache-2.0 */
/* In: modules.  Out: their scopes, with those of the modules inside, ready to be evaluated.
   Afterwards every argument and input of a cell is bound to what was given for it, or to its default.  */
#include "scope.h"

#include <string.h>

enum { MODULES_MAX = 4000, SIZE_OPEN = -1 };

/* A free name in the shape of a cell's input takes the size of what is given; so does a size that is an argument
   of the cell and was not given.  */
static void bind_input_dims(lowering *lo, scope *sc, const spec_decl *d, int input)
{
    for (size_t k = 0; k < d->rank; k++) {
        const expr *e = d->dim[k];
        if (!e || e->kind != EXPR_NAME || e->primed)
            continue;
        symbol *sym = scope_find(sc, e->name, false);
        bool open = sym && sym->kind == SYM_DIM && sym->progress == DONE && sym->dim == SIZE_OPEN;
        if (sym && !open)
            continue;
        if (!sym)
            sym = scope_add(lo, sc, SYM_DIM, e->name, e->at);
        sym->bound_by = input;
        sym->progress = FRESH;
    }
}

static const spec_setting *find_setting(const spec_setting *s, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s[i].name, name) == 0)
            return &s[i];
    return NULL;
}

/* Where the settings of the module SC are read: a stack on the way has no names but its layers'.  */
static scope *outside(scope *sc)
{
    do
        sc = sc->parent;
    while (!sc->spec);
    return sc;
}

/* --- arguments ---------------------------------------------------------------------------------------- */

static void refuse_unknown_args(lowering *lo, const spec *cell, const spec_module *m)
{
    const char **names = ARENA_ARRAY(lo->arena, const char *, cell->n_args + 1);
    for (size_t k = 0; k < cell->n_args; k++)
        names[k] = cell->arg[k].name;
    for (size_t i = 0; i < m->n_settings; i++) {
        const spec_setting *given = &m->setting[i];
        bool known = false;
        for (size_t k = 0; k < cell->n_args; k++)
            known = known || strcmp(names[k], given->name) == 0;
        if (known)
            continue;
        const char *near = diag_nearest(given->name, names, cell->n_args);
        diag_error(lo->diag, given->at, "E0303", "cell '%s' has no argument '%s'%s%s%s", m->cell,
                   given->name, near ? " (did you mean '" : "", near ? near : "",
                   near ? "'?)" : "");
    }
}

/* Words of choices are numbers that nothing but the same word equals.  */
static void add_words(lowering *lo, scope *sc, const spec_arg *arg)
{
    for (size_t i = 0; i < arg->n_words; i++) {
        const symbol *old = scope_find(sc, arg->word[i], false);
        if (old && old->kind == SYM_WORD)
            continue;
        int number = ir_const(lo->ir, lo->n_words++, shape_scalar());
        symbol *sym = scope_add(lo, sc, SYM_WORD, arg->word[i], arg->at);
        sym->node = number;
        sym->progress = DONE;
    }
}

/* The word that TREE chooses: one of ARG's, or what another choice around the module chose.  */
static void bind_choice(lowering *lo, scope *sc, symbol *sym, const spec_arg *arg, const yaml_tree *tree)
{
    scope *around = sym->from;
    const symbol *outer = around != sc ? scope_lookup(&around, tree->text, false) : NULL;
    const char *word = outer && outer->word ? outer->word : tree->text;
    sym->progress = DONE;
    for (size_t i = 0; i < arg->n_words; i++)
        if (strcmp(arg->word[i], word) == 0) {
            sym->word = arg->word[i];
            sym->node = scope_find(sc, word, false)->node;
            return;
        }
    const char *all = "", *near = diag_nearest(word, arg->word, arg->n_words);
    for (size_t i = 0; i < arg->n_words; i++)
        all = arena_printf(lo->arena, "%s%s%s", all, i ? ", " : "", arg->word[i]);
    diag_error(lo->diag, tree->at, "E0384", "'%s' is none of: %s%s%s%s", word, all,
               near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

static void bind_arg(lowering *lo, scope *sc, const spec_arg *arg, yaml_tree *tree, scope *from)
{
    static const symbol_kind kind[] = {[SPEC_ARG_DIM] = SYM_DIM, [SPEC_ARG_NUMBER] = SYM_NUMBER,
                                       [SPEC_ARG_FUNCTION] = SYM_FUNCTION,
                                       [SPEC_ARG_CHOICE] = SYM_NUMBER};
    if (arg->type == SPEC_ARG_CHOICE)
        add_words(lo, sc, arg);
    symbol *sym = scope_add(lo, sc, kind[arg->type], arg->name, arg->at);
    sym->from = from;
    sym->progress = DONE;
    sym->may_be_zero = arg->fallback && arg->fallback->kind == YAML_SCALAR
                       && strcmp(arg->fallback->text, "0") == 0;
    if (tree && arg->type == SPEC_ARG_CHOICE) {
        bind_choice(lo, sc, sym, arg, tree);
    } else if (tree) {
        sym->value = expr_parse(tree, lo->arena, lo->diag);
        sym->progress = sym->value ? FRESH : DONE;
    }
}

static bool is_input_axis(const spec *cell, const char *name)
{
    for (size_t i = 0; i < cell->n_inputs; i++)
        for (size_t k = 0; k < cell->input[i].rank; k++) {
            const expr *e = cell->input[i].dim[k];
            if (e && e->kind == EXPR_NAME && strcmp(e->name, name) == 0)
                return true;
        }
    return false;
}

static void add_args(lowering *lo, scope *sc, const spec *cell, const spec_module *m)
{
    refuse_unknown_args(lo, cell, m);
    for (size_t k = 0; k < cell->n_args; k++) {
        const spec_arg *arg = &cell->arg[k];
        const spec_setting *given = find_setting(m->setting, m->n_settings, arg->name);
        yaml_tree *tree = given ? given->value : arg->fallback;
        bool open = !tree && arg->type == SPEC_ARG_DIM && is_input_axis(cell, arg->name);
        if (!tree && !open) {
            diag_error(lo->diag, m->at, "E0304", "cell '%s' needs the argument '%s'", m->cell,
                       arg->name);
            diag_note(lo->diag, arg->at, "it is declared here");
        }
        bind_arg(lo, sc, arg, tree, given ? outside(sc) : sc);
        if (open)
            scope_find(sc, arg->name, false)->dim = SIZE_OPEN;
    }
}

/* --- inputs -------------------------------------------------------------------------------------------- */

static const spec_setting *given_input(const spec_module *m, const char *name, bool first)
{
    if (m->n_inputs == 1 && !m->input[0].name && first)
        return &m->input[0];
    for (size_t i = 0; i < m->n_inputs; i++)
        if (m->input[i].name && strcmp(m->input[i].name, name) == 0)
            return &m->input[i];
    return NULL;
}

static void refuse_unknown_inputs(lowering *lo, const spec *cell, const spec_module *m)
{
    const char **names = ARENA_ARRAY(lo->arena, const char *, cell->n_inputs + 1);
    for (size_t k = 0; k < cell->n_inputs; k++)
        names[k] = cell->input[k].name;
    for (size_t i = 0; i < m->n_inputs; i++) {
        bool known = !m->input[i].name;
        for (size_t k = 0; k < cell->n_inputs; k++)
            known = known || strcmp(names[k], m->input[i].name) == 0;
        if (known)
            continue;
        const char *near = diag_nearest(m->input[i].name, names, cell->n_inputs);
        diag_error(lo->diag, m->input[i].at, "E0306", "cell '%s' has no input '%s'%s%s%s", m->cell,
                   m->input[i].name, near ? " (did you mean '" : "", near ? near : "",
                   near ? "'?)" : "");
    }
}

/* BEFORE is the layer whose output is the first input where none is given.  */
static void add_inputs(lowering *lo, scope *sc, const spec *cell, const spec_module *m, scope *before)
{
    for (size_t k = 0; k < cell->n_inputs; k++) {
        const spec_decl *d = &cell->input[k];
        const spec_setting *given = given_input(m, d->name, k == 0);
        symbol *sym = scope_add(lo, sc, SYM_INPUT, d->name, d->at);
        int index = (int)(sym - sc->symbol);
        sym->decl = d;
        sym->from = outside(sc);
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
    refuse_unknown_inputs(lo, cell, m);
}

/* --- shared parameters --------------------------------------------------------------------------------- */

/* M with what it takes over from the module of the list whose parameters it shares: the cell, and the
   arguments that it does not give itself.  */
static spec_module with_shared(lowering *lo, const spec_module *list, size_t n, const spec_module *m)
{
    spec_module res = *m;
    const spec_module *from = m;
    for (size_t steps = 0; from->share; steps++) {
        const spec_module *next = NULL;
        for (size_t k = 0; k < n; k++)
            if (strcmp(list[k].name, from->share) == 0)
                next = &list[k];
        if (!next || !next->cell || next == m || steps > n) {
            diag_error(lo->diag, from->share_at, "E0385",
                       !next         ? "there is no module '%s' beside '%s'"
                       : !next->cell ? "'%s' is a stack, whose layers have parameters but not itself: '%s' "
                                       "cannot share them"
                                     : "'%s' and '%s' share the parameters of one another",
                       from->share, from->name);
            return res;
        }
        from = next;
    }
    if (*res.cell == '\0') {
        res.cell = from->cell;
        res.cell_at = m->share_at;
    } else if (from->cell && strcmp(res.cell, from->cell) != 0) {
        diag_error(lo->diag, m->cell_at, "E0386", "'%s' is of another cell than '%s', whose parameters it "
                   "shares: %s and %s", m->name, from->name, m->cell, from->cell);
    }
    res.setting = ARENA_ARRAY(lo->arena, spec_setting, m->n_settings + from->n_settings + 1);
    for (size_t i = 0; i < m->n_settings; i++)
        res.setting[i] = m->setting[i];
    for (size_t i = 0; m != from && i < from->n_settings; i++)
        if (!find_setting(m->setting, m->n_settings, from->setting[i].name))
            res.setting[res.n_settings++] = from->setting[i];
    return res;
}

scope *module_shared(scope *sc)
{
    scope *around = sc->parent;
    const char *name = sc->share;
    if (!name) {
        around = sc->parent ? module_shared(sc->parent) : NULL;
        name = sc->name;
    }
    const symbol *sym = around ? scope_find(around, name, false) : NULL;
    return sym && sym->kind == SYM_MODULE ? sym->module : NULL;
}

/* --- scopes --------------------------------------------------------------------------------------------- */

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

static void add_modules(lowering *lo, scope *sc, const spec_module *m, size_t n, bool chain,
                        scope *before);

static scope *module_scope(lowering *lo, scope *parent, const spec_module *m, scope *before)
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
    sc->share = m->share;
    sc->at = m->at;
    sc->prefix = arena_printf(lo->arena, "%s%s.", parent->prefix, m->name);
    if (!m->cell) {
        add_modules(lo, sc, m->layer, m->n_layers, true, before);
        return sc;
    }
    if (*m->cell == '\0' || is_recursive(lo, parent, m))
        return NULL;
    const spec *cell = import_cell(lo, parent, m);
    if (!cell)
        return NULL;
    sc->spec = cell;
    sc->output = cell->output;
    sc->n_outputs = cell->n_outputs;
    add_args(lo, sc, cell, m);
    add_inputs(lo, sc, cell, m, before);
    scope_add_all(lo, sc, cell);
    return sc;
}

/* In a CHAIN each module's first input defaults to the output of the one before, the first one's to that of
   BEFORE (if not NULL).  */
static void add_modules(lowering *lo, scope *sc, const spec_module *m, size_t n, bool chain,
                        scope *before)
{
    for (size_t i = 0; i < n; i++) {
        symbol *sym = scope_add(lo, sc, SYM_MODULE, m[i].name, m[i].at);
        size_t index = (size_t)(sym - sc->symbol);
        const spec_module whole = m[i].cell ? with_shared(lo, m, n, &m[i]) : m[i];
        scope *module = module_scope(lo, sc, &whole, chain ? before : NULL);
        sc->symbol[index].module = module;
        if (!module)
            sc->symbol[index].progress = DONE;
        before = module;
    }
    if (chain)
        sc->last_layer = before;
}

void module_add_all(lowering *lo, scope *sc, const spec *s)
{
    add_modules(lo, sc, s->module, s->n_modules, false, NULL);
}
