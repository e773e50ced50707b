/* SPDX-License-Identifier: Apache-2.0 */
/* In: a row of a table of formulas, and the call that gives its parameters.  Out: nodes.  */
#include "scope.h"

#include <string.h>

const formula *formula_find(const formula *table, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

void formula_defaults(int *value)
{
    for (int k = 0; k < FORMULA_PARAMETERS; k++)
        value[k] = NO_NODE;
}

static int find_parameter(const formula *row, const char *name)
{
    int k = 0;
    while (k < FORMULA_PARAMETERS && row->parameter[k].name
           && strcmp(row->parameter[k].name, name) != 0)
        k++;
    return k;
}

static bool misfit(const lowering *lo, const expr *e, const formula *row, shape x, shape parameter)
{
    diag_error(lo->diag, e->at, "E0340", "%s and %s do not fit in '%s'", shape_text(lo->arena, x),
               shape_text(lo->arena, parameter), row->name);
    return false;
}

bool formula_read(lowering *lo, scope *sc, const formula_call *c, const expr *e, size_t first, int *value)
{
    for (size_t i = first; i < e->n_args; i++) {
        const char *key = e->keyword ? e->keyword[i] : NULL;
        if (key && c->but && strcmp(key, c->but) == 0)
            continue;
        int k = key ? find_parameter(c->row, key) : c->by_place ? (int)(i - first) : FORMULA_PARAMETERS;
        if (k >= FORMULA_PARAMETERS || !c->row->parameter[k].name) {
            if (key)
                diag_error(lo->diag, e->arg[i]->at, "E0381", "'%s' has no parameter '%s'", c->row->name, key);
            else
                diag_error(lo->diag, e->arg[i]->at, "E0381", c->by_place
                           ? "'%s' has no more parameters" : "the parameters of '%s' are given by name",
                           c->row->name);
            diag_note(lo->diag, e->arg[i]->at, "%s %s", c->what, c->row->text);
            return false;
        }
        value[k] = eval(lo, sc, e->arg[i]);
        if (value[k] == NO_NODE)
            return false;
        shape x = lo->ir->node[c->x].shape, s = lo->ir->node[value[k]].shape, both;
        if (!shape_broadcast(x, s, &both))
            return misfit(lo, e->arg[i], c->row, x, s);
    }
    return true;
}

static void bind(lowering *lo, scope *sc, const char *name, int node)
{
    symbol *sym = scope_add(lo, sc, SYM_ARGUMENT, name, (loc){0});
    sym->node = node;
    sym->progress = DONE;
}

int formula_value(lowering *lo, const formula_call *c, const char *argument, const int *value)
{
    const formula *row = c->row;
    yaml_tree text = {.kind = YAML_SCALAR, .plain = true, .text = row->text, .len = strlen(row->text)};
    scope sc = {.prefix = "", .name = row->name};
    bind(lo, &sc, argument, c->x);
    for (int k = 0; k < FORMULA_PARAMETERS && row->parameter[k].name; k++)
        bind(lo, &sc, row->parameter[k].name,
             value[k] != NO_NODE ? value[k]
                                 : ir_const(lo->ir, row->parameter[k].value, shape_scalar()));
    const expr *e = expr_parse(&text, lo->arena, lo->diag);
    return e ? eval(lo, &sc, e) : NO_NODE;
}
