/* SPDX-License-Identifier: Apache-2.0 */
/* In: a spec, read by the generator's own reader, and its parameters.  Out: the network that NIR can say.
   What NIR has no word for is refused at its place; what belongs to learning alone is left out.  */
#include "convert.h"

#include "etrace_npz.h"
#include "spec.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    net *n;
    const spec *s;
    etr_npz *npz;
} importer;

static bool refuse(importer *im, loc at, const char *what, const char *way)
{
    diag_error(im->n->diag, at, "E0720", "NIR cannot say this: %s", what);
    diag_note(im->n->diag, at, "%s", way);
    return false;
}

/* --- numbers ------------------------------------------------------------------------------------------ */

/* A size that is a number or a name of `dims`.  */
static bool read_size(importer *im, const char *text, loc at, int64_t *res)
{
    char *end;
    for (size_t i = 0; i < im->s->n_dims; i++)
        if (strcmp(im->s->dim[i].name, text) == 0)
            text = im->s->dim[i].value->text;
    *res = strtoll(text, &end, 10);
    return (*text && !*end && *res > -INT32_MAX && *res < INT32_MAX)
           || refuse(im, at, "a size that is computed", "write the number itself, or a name of dims");
}

static bool read_expr_size(importer *im, const expr *e, int64_t *res)
{
    const bool number = e->kind == EXPR_NUMBER && e->integer;
    return read_size(im, number ? arena_printf(im->n->arena, "%.0f", e->number)
                         : e->kind == EXPR_NAME ? e->name : "", e->at, res);
}

/* --- nodes -------------------------------------------------------------------------------------------- */

static bool add_input(importer *im, const spec_decl *d)
{
    net *n = im->n;
    int64_t dim[NET_AXES];
    if (d->is_index || d->rank < 1 || d->rank > 3)
        return refuse(im, d->at, "an input that is an index, or has not one, two or three axes",
                      "give it a shape like [n], [n, channels] or [h, w, channels]");
    for (size_t k = 0; k < d->rank; k++)
        if (!read_expr_size(im, d->dim[k], &dim[k]))
            return false;
    net_node *node = net_add_node(n, net_type_of("Input"), name_to_nir(n->arena, d->name));
    node->at = d->at;
    node->in.rank = (int)d->rank;
    for (int k = 0; k < node->in.rank; k++)
        node->in.dim[(k + 1) % node->in.rank] = dim[k];
    return true;
}

static const spec_setting *find_setting(const spec_module *m, const char *name)
{
    for (size_t i = 0; i < m->n_settings; i++)
        if (strcmp(m->setting[i].name, name) == 0)
            return &m->setting[i];
    return NULL;
}

/* The arguments of the cell that are numbers of NIR's; what is left out is a padding of 0, or 1.  */
static bool read_numbers(importer *im, const spec_module *m, net_node *node)
{
    static const char *const axis[] = {"_h", "_w"};
    for (int i = 0; node->type->number[i].name; i++) {
        const net_number_row *row = &node->type->number[i];
        for (int k = 0; k < row->count; k++) {
            const spec_setting *given = find_setting(m, arena_printf(im->n->arena, "%s%s", row->name,
                                                                     row->count > 1 ? axis[k] : ""));
            int64_t *res = &node->number[i][k];
            *res = strcmp(row->name, "end_dim") == 0 ? -1 : row->least == INT64_MIN ? 0 : row->least;
            if (given && (given->value->kind != YAML_SCALAR
                          || !read_size(im, given->value->text, given->at, res)))
                return false;
            if (*res < row->least)
                return refuse(im, m->at, arena_printf(im->n->arena, "a %s of %lld", row->name, (long long)*res),
                              "it is too small");
        }
    }
    return true;
}

static bool add_module(importer *im, const spec_module *m)
{
    net *n = im->n;
    if (!m->cell || m->share || m->n_inputs != 1 || m->input[0].name)
        return refuse(im, m->at, "a stack, a module that shares parameters, or one without a single input",
                      "write a module for each node, with one `in`");
    const net_type *type = net_type_of_cell(m->cell);
    if (!type)
        return refuse(im, m->cell_at, arena_printf(n->arena, "the cell '%s'", m->cell),
                      "nodes of NIR are `linear` and the cells whose names begin with nir_");
    net_node *node = net_add_node(n, type, name_to_nir(n->arena, m->name));
    node->at = m->at;
    return read_numbers(im, m, node);
}

static bool add_output(importer *im, const spec_output *o)
{
    net *n = im->n;
    const char *name = name_to_nir(n->arena, o->name);
    while (net_find(n, name) >= 0) /* outputs: [lif] */
        name = arena_printf(n->arena, "output_%s", name);
    net_add_node(n, net_type_of("Output"), name)->at = o->at;
    return true;
}

/* --- edges -------------------------------------------------------------------------------------------- */

/* What a term of an `in` reads, and the expression itself, for a later look.  */
typedef struct {
    const expr **term;
    size_t n, cap;
} terms;

static bool add_edges(importer *im, const expr *e, int to, terms *seen)
{
    net *n = im->n;
    if (e->kind == EXPR_CALL && strcmp(e->name, "add") == 0)
        return add_edges(im, e->arg[0], to, seen) && add_edges(im, e->arg[1], to, seen);
    const expr *name = e;
    while (name->kind == EXPR_CALL && name->n_args > 0
           && (strcmp(name->name, "flatten") == 0 || strcmp(name->name, "reshape") == 0))
        name = name->arg[0];
    const char *dot = name->kind == EXPR_NAME ? strchr(name->name, '.') : NULL;
    const char *bare = name->kind != EXPR_NAME ? ""
                       : dot ? arena_strndup(n->arena, name->name, (size_t)(dot - name->name)) : name->name;
    const int from = net_find(n, name_to_nir(n->arena, bare));
    if (from < 0 || name->primed || n->node[from].type->kind == NET_OUTPUT)
        return refuse(im, e->at, "what this module reads",
                      "an edge is the name of an input or a module, flatten(...) or reshape(...) of one; "
                      "several add up");
    net_add_edge(n, from, to);
    n->edge[n->n_edges - 1].at = e->at;
    n->edge[n->n_edges - 1].term = seen->n;
    ARENA_PUSH(n->arena, seen->term, seen->n, seen->cap, e);
    return true;
}

/* E as text, in the form of spec_term.  */
static const char *text_of(importer *im, const expr *e)
{
    arena *a = im->n->arena;
    if (e->kind == EXPR_NAME)
        return e->name;
    if (e->kind != EXPR_CALL || e->n_args < 1)
        return "";
    const char *text = arena_printf(a, "%s(%s", e->name, text_of(im, e->arg[0]));
    for (size_t i = 1; i < e->n_args; i++) {
        const expr *list = e->arg[i];
        net_shape s = {0, {0}};
        for (size_t k = 0; list->kind == EXPR_LIST && k < list->n_args && k < NET_AXES; k++, s.rank++)
            if (!read_expr_size(im, list->arg[k], &s.dim[k]))
                return "";
        text = arena_printf(a, "%s, %s", text, net_shape_text(a, &s));
    }
    return arena_printf(a, "%s)", text);
}

/* Every edge is read as this program would write it: in the one layout, and delayed exactly where NIR's
   importers have to.  */
static bool terms_fit(importer *im, const terms *seen)
{
    net *n = im->n;
    for (size_t e = 0; e < n->n_edges; e++) {
        const char *wanted = spec_term(n->arena, n, &n->edge[e]);
        const char *is = text_of(im, seen->term[n->edge[e].term]);
        if (diag_errors(n->diag) > 0)
            return false;
        if (strcmp(wanted, is) != 0)
            return refuse(im, n->edge[e].at, arena_printf(n->arena, "'%s'", is),
                          arena_printf(n->arena, "it has no delays and no layouts: a reader would take it "
                                                 "for '%s'", wanted));
    }
    return true;
}

/* --- arrays ------------------------------------------------------------------------------------------- */

static bool misses(importer *im, const net_node *node, const char *path, const char *why)
{
    diag_error(im->n->diag, node->at, "E0721", "the weights have no fitting '%s': %s", path, why);
    return false;
}

/* NIR's shape of an array that has SHAPE here.  Units have that of what the node reads.  */
static bool shape_there(const net_node *node, net_layout layout, const net_shape *ours, net_shape *res)
{
    static const int turn[NET_AXES + 1][NET_AXES] = {{0}, {0}, {1, 0}, {2, 1, 0}, {3, 2, 0, 1}};
    *res = *ours;
    if (layout == LAYOUT_UNITS) {
        *res = node->in.rank ? node->in : *ours;
        return ours->rank == 1 && net_count(res) == ours->dim[0];
    }
    for (int k = 0; layout != LAYOUT_AS_IS && k < ours->rank; k++)
        res->dim[k] = ours->dim[turn[ours->rank][k]];
    return layout == LAYOUT_AS_IS || (ours->rank == (layout == LAYOUT_MATRIX ? 2 : node->type->axes + 1));
}

static bool load_array(importer *im, net_node *node, int i)
{
    arena *a = im->n->arena;
    const net_array_row *row = &node->type->array[i];
    const char *path = arena_printf(a, "%s.%s", name_to_ours(a, node->name), row->param);
    int rank = 0, shape[ETR_RANK_MAX];
    const double *value = im->npz ? etr_npz_get(im->npz, path, &rank, shape) : NULL;
    net_shape ours = {rank, {0}};
    if (!value)
        return misses(im, node, path, im->npz ? etr_npz_error() : "there is no file of weights");
    for (int k = 0; k < rank && rank <= NET_AXES; k++)
        ours.dim[k] = shape[k];
    net_array *array = &node->array[i];
    if (rank < 1 || rank > NET_AXES || !shape_there(node, row->layout, &ours, &array->shape))
        return misses(im, node, path, "its shape is another one");
    for (int64_t k = 0; k < net_count(&ours); k++)
        if (value[k] != value[k])
            return misses(im, node, path, "it has a NaN in it");
    array->value = layout_turn(a, row->layout, &array->shape, value, false);
    return true;
}

/* Arrays can be turned once it is known what comes in.  */
static bool load_node(net *n, net_node *node, void *context)
{
    (void)n;
    for (int i = 0; node->type->array[i].name; i++)
        if (!load_array(context, node, i))
            return false;
    return true;
}

/* --- the whole ---------------------------------------------------------------------------------------- */

/* Parts of a spec that are no graph of nodes.  */
static bool parts_fit(importer *im)
{
    const spec *s = im->s;
    const struct {
        size_t n;
        const char *what;
        loc at;
    } part[] = {
        {s->n_equations, "equations of its own", s->n_equations ? s->equation[0].at : (loc){0}},
        {s->n_params, "parameters outside of modules", s->n_params ? s->param[0].at : (loc){0}},
        {s->n_hidden, "states outside of modules", s->n_hidden ? s->hidden[0].at : (loc){0}},
        {s->n_states, "states outside of modules", s->n_states ? s->state[0].at : (loc){0}},
    };
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++)
        if (part[i].n > 0)
            return refuse(im, part[i].at, part[i].what, "a network of NIR is made of modules alone");
    return true;
}

static bool make_nodes(importer *im)
{
    const spec *s = im->s;
    bool good = parts_fit(im);
    for (size_t i = 0; i < s->n_inputs && good; i++)
        good = add_input(im, &s->input[i]);
    for (size_t i = 0; i < s->n_modules && good; i++)
        good = add_module(im, &s->module[i]);
    for (size_t i = 0; i < s->n_outputs && good; i++)
        good = add_output(im, &s->output[i]);
    return good && (im->n->n_nodes <= NET_NODES_MAX
                    || refuse(im, s->name_at, "so many nodes", "there are 4000 at most"));
}

static bool make_edges(importer *im, terms *seen)
{
    const spec *s = im->s;
    bool good = true;
    for (size_t i = 0; i < s->n_modules && good; i++) {
        const expr *e = expr_parse(s->module[i].input[0].value, im->n->arena, im->n->diag);
        good = e && add_edges(im, e, (int)(s->n_inputs + i), seen);
    }
    for (size_t i = 0; i < s->n_outputs && good; i++)
        good = s->output[i].value
               && add_edges(im, s->output[i].value, (int)(s->n_inputs + s->n_modules + i), seen);
    return good && im->n->n_edges <= NET_EDGES_MAX;
}

int spec_to_net(const convert_options *o, net *n)
{
    spec_status status = SPEC_WRONG;
    importer im = {n, spec_read(o->in, false, n->arena, n->diag, &status), NULL};
    terms seen = {0};
    if (!im.s)
        return (int)status;
    n->single = (o->bits ? o->bits : im.s->real_bits) == 32;
    if (!make_nodes(&im) || !make_edges(&im, &seen) || !net_sort(n) || !net_delay(n))
        return 1;
    diag_read(n->diag, o->weights);
    im.npz = etr_npz_open(o->weights);
    bool good = net_shapes(n, load_node, &im) && terms_fit(&im, &seen);
    if (im.npz)
        etr_npz_close(im.npz);
    return good ? 0 : 1;
}
