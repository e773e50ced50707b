/* SPDX-License-Identifier: Apache-2.0 */
/* In: `init:` as written.  Out: how a parameter or state begins.
   glorot: Glorot and Bengio 2010; he: He et al. 2015; lecun: LeCun et al. 1998; orthogonal: Saxe et al.
   2014.  The fan-in of a weight is its size without the last axis, the fan-out its last axis.  */
#include "scope.h"

#include <math.h>
#include <string.h>

typedef struct {
    const char *name;
    init_kind kind;
    double scale; /* of the variance */
    bool fan_in, fan_out;
} named_init;

static const named_init named[] = {
    {"glorot_uniform", INIT_UNIFORM, 2, true, true},
    {"glorot_normal", INIT_NORMAL, 2, true, true},
    {"xavier_uniform", INIT_UNIFORM, 2, true, true},
    {"xavier_normal", INIT_NORMAL, 2, true, true},
    {"he_uniform", INIT_UNIFORM, 2, true, false},
    {"he_normal", INIT_NORMAL, 2, true, false},
    {"lecun_uniform", INIT_UNIFORM, 1, true, false},
    {"lecun_normal", INIT_NORMAL, 1, true, false},
};

enum { N_NAMED = sizeof named / sizeof named[0] };

static void set_named(const named_init *n, shape s, var *v)
{
    double out = s.rank ? (double)s.dim[s.rank - 1] : 1;
    double in = (double)shape_numel(s) / out;
    double filled = (double)shape_numel(v->shape) / (double)shape_numel(s);
    in *= filled;
    out *= filled;
    if (s.rank < 2)
        in = out;
    double variance = n->scale / ((n->fan_in ? in : 0) + (n->fan_out ? out : 0));
    double bound = n->kind == INIT_UNIFORM ? sqrt(3 * variance) : sqrt(variance);
    v->init = n->kind;
    v->init_a = n->kind == INIT_UNIFORM ? -bound : 0;
    v->init_b = bound;
}

static bool literal(const expr *e, double *res)
{
    double sign = 1;
    if (e->kind == EXPR_CALL && strcmp(e->name, "neg") == 0) {
        sign = -1;
        e = e->arg[0];
    }
    *res = sign * e->number;
    return e->kind == EXPR_NUMBER;
}

static bool read_call(lowering *lo, const expr *e, var *v)
{
    double x[2] = {0, 0};
    bool pair = strcmp(e->name, "uniform") == 0 || strcmp(e->name, "normal") == 0;
    bool gain = strcmp(e->name, "orthogonal") == 0;
    size_t want = pair ? 2 : 1;
    if (!(pair || gain) || e->n_args != want) {
        diag_error(lo->diag, e->at, "E0360", "an init is a number, uniform(low, high), "
                                             "normal(mean, std), orthogonal(gain) or a named one");
        return false;
    }
    for (size_t i = 0; i < want; i++)
        if (!literal(e->arg[i], &x[i])) {
            diag_error(lo->diag, e->arg[i]->at, "E0361", "a number is wanted here");
            return false;
        } else if (!eval_number_fits(lo, e->arg[i]->at, x[i])) {
            return false;
        }
    v->init = gain ? INIT_ORTHOGONAL : e->name[0] == 'u' ? INIT_UNIFORM : INIT_NORMAL;
    v->init_a = x[0];
    v->init_b = x[1];
    return true;
}

static void read_name(lowering *lo, const expr *e, shape matrix, var *v)
{
    const char *names[N_NAMED + 3] = {"zeros", "ones", "orthogonal"};
    for (int i = 0; i < N_NAMED; i++) {
        names[i + 3] = named[i].name;
        if (strcmp(named[i].name, e->name) == 0) {
            set_named(&named[i], matrix, v);
            return;
        }
    }
    if (strcmp(e->name, "zeros") == 0)
        return;
    if (strcmp(e->name, "ones") == 0) {
        v->init_a = 1;
    } else if (strcmp(e->name, "orthogonal") == 0) {
        v->init = INIT_ORTHOGONAL;
        v->init_a = 1;
    } else {
        const char *near = diag_nearest(e->name, names, N_NAMED + 3);
        diag_error(lo->diag, e->at, "E0362", "unknown init '%s'%s%s%s", e->name,
                   near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    }
}

/* A number of the cell or the model, by its name; false if E names none.  */
static bool read_number(lowering *lo, scope *sc, const expr *e, double *res)
{
    symbol *sym = e->kind == EXPR_NAME && !e->primed ? scope_find(sc, e->name, false) : NULL;
    if (!sym || (sym->kind != SYM_NUMBER && sym->kind != SYM_CONST))
        return false;
    int x = eval(lo, sc, e);
    if (x != NO_NODE && lo->ir->node[x].op != OP_const)
        diag_error(lo->diag, e->at, "E0366", "'%s' is not known when the model is built", e->name);
    if (x != NO_NODE)
        *res = lo->ir->node[x].number;
    return true;
}

void init_read(lowering *lo, scope *sc, const spec_decl *d, shape matrix, int index)
{
    var *v = &lo->ir->var[index];
    bool param = v->kind == VAR_PARAM;
    if (!d->init) {
        if (param && matrix.rank >= 2)
            set_named(&named[0], matrix, v);
        return;
    }
    if (d->init->kind != YAML_SCALAR) {
        diag_error(lo->diag, d->init->at, "E0363", "init is one number, name or call");
        return;
    }
    const expr *e = expr_parse(d->init, lo->arena, lo->diag);
    if (!e)
        return;
    double number = 0;
    if (literal(e, &number) || read_number(lo, sc, e, &number)) {
        eval_number_fits(lo, e->at, number);
        lo->ir->var[index].init_a = number;
        return;
    }
    v->init_a = 0;
    if (e->kind == EXPR_CALL)
        read_call(lo, e, v);
    else if (e->kind == EXPR_NAME)
        read_name(lo, e, matrix, v);
    else
        diag_error(lo->diag, e->at, "E0360", "an init is a number, uniform(low, high), "
                                             "normal(mean, std), orthogonal(gain) or a named one");
    if (!param && v->init != INIT_CONSTANT)
        diag_error(lo->diag, e->at, "E0364", "a state begins with a number");
    if (v->init == INIT_ORTHOGONAL && v->shape.rank != 2)
        diag_error(lo->diag, e->at, "E0365", "orthogonal needs two axes, not %s",
                   shape_text(lo->arena, v->shape));
}
