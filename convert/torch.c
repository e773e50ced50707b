/* SPDX-License-Identifier: Apache-2.0 */
/* In: the state_dict of a torch.nn.RNN, GRU or LSTM, and of a Linear behind it if there is one, saved as
   safetensors.  Out: a spec that computes the same, one module a layer, and its parameters.

   torch has weights [gates * hidden, in], one block a gate, and two biases; here a gate has a matrix
   [in + hidden, hidden], which reads [x, h], and one bias, their sum.  */
#define _POSIX_C_SOURCE 200809L
#include "convert.h"

#include "etrace_safetensors.h"
#include "spec.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GATES_MAX = 4, LAYERS_MAX = 64 };

/* The gates in torch's order.  */
typedef struct {
    int gates;
    const char *cell;
    const char *weight[GATES_MAX], *bias[GATES_MAX];
    double less[GATES_MAX]; /* what our cell adds to the bias by itself */
} torch_type;

/* A GRU's new gate keeps its two parts: the reset gate stands between them.  */
static const torch_type types[] = {
    {1, "rnn", {"W"}, {"b"}, {0}},
    {3, "gru_torch", {"Wr", "Wz", NULL}, {"br", "bz", NULL}, {0}},
    {4, "lstm", {"Wi", "Wf", "Wg", "Wo"}, {"bi", "bf", "bg", "bo"}, {0, 1, 0, 0}},
};

typedef struct {
    const convert_options *o;
    arena *arena;
    diag *diag;
    etr_safetensors *file;
    weights w;
    const torch_type *type;
    const char *recurrent; /* the prefix of the recurrent layers, as "rnn." */
    const char *linear;    /* that of the Linear; NULL: there is none */
    int layers, n_in, size, n_out, used;
} torch;

static bool fault(const torch *t, const char *text, const char *name)
{
    diag_error(t->diag, (loc){0}, "E0730", text, name);
    return false;
}

static bool ends(const char *text, const char *tail)
{
    const size_t n = strlen(text), k = strlen(tail);
    return n >= k && strcmp(text + n - k, tail) == 0;
}

/* The array PREFIX NAME of RANK axes, COLUMNS of them last (0: any), in *ROWS; NULL after an error.  */
static const double *get(torch *t, const char *prefix, const char *name, int rank, int rows, int *columns)
{
    int got = 0, shape[ETR_RANK_MAX];
    const char *path = arena_printf(t->arena, "%s%s", prefix, name);
    const double *value = etr_safetensors_get(t->file, path, &got, shape);
    if (!value) {
        fault(t, "%s", etr_safetensors_error());
        return NULL;
    }
    if (got != rank || (rows > 0 && shape[0] != rows) || (rank > 1 && *columns > 0 && shape[1] != *columns)) {
        fault(t, "'%s' has a shape that does not fit the others", path);
        return NULL;
    }
    size_t n = 1;
    for (int k = 0; k < rank; k++)
        n *= (size_t)shape[k];
    for (size_t i = 0; i < n; i++)
        if (value[i] != value[i]) {
            fault(t, "'%s' has a NaN in it", path);
            return NULL;
        }
    t->used++;
    if (rank > 1)
        *columns = shape[1];
    else
        *columns = shape[0];
    return value;
}

static bool has(const torch *t, const char *prefix, const char *name)
{
    const char *path = arena_printf(t->arena, "%s%s", prefix, name);
    for (int i = 0; i < etr_safetensors_count(t->file); i++)
        if (strcmp(etr_safetensors_name(t->file, i), path) == 0)
            return true;
    return false;
}

/* --- layers ------------------------------------------------------------------------------------------- */

/* Rows FIRST up to FIRST + SIZE of [.., N], turned, behind one another in RES.  */
static double *turn(double *res, const double *rows, int first, int size, int n)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < size; k++)
            *res++ = rows[(size_t)(first + k) * (size_t)n + (size_t)i];
    return res;
}

static void add(torch *t, const char *module, const char *name, int rows, int columns, const double *value)
{
    const net_shape shape = {rows > 0 ? 2 : 1, {rows > 0 ? rows : columns, columns}};
    weights_add(&t->w, arena_printf(t->arena, "%s.%s", module, name), &shape, value);
}

typedef struct {
    const double *wx, *wh, *bx, *bh; /* of all gates; biases may be NULL */
    int n_in;
} layer;

static double bias_of(const double *b, int i)
{
    return b ? b[i] : 0;
}

static void add_gate(torch *t, const char *module, const layer *l, int gate)
{
    const int first = gate * t->size;
    double *w = ARENA_ARRAY(t->arena, double, (size_t)(l->n_in + t->size) * (size_t)t->size);
    double *b = ARENA_ARRAY(t->arena, double, t->size);
    turn(turn(w, l->wx, first, t->size, l->n_in), l->wh, first, t->size, t->size);
    for (int i = 0; i < t->size; i++)
        b[i] = bias_of(l->bx, first + i) + bias_of(l->bh, first + i) - t->type->less[gate];
    add(t, module, t->type->weight[gate], l->n_in + t->size, t->size, w);
    add(t, module, t->type->bias[gate], 0, t->size, b);
}

static void add_part(torch *t, const char *module, const char *weight_name, const char *bias_name,
                     const double *w, const double *b, int n, int gate)
{
    double *turned = ARENA_ARRAY(t->arena, double, (size_t)n * (size_t)t->size);
    double *bias = ARENA_ARRAY(t->arena, double, t->size);
    turn(turned, w, gate * t->size, t->size, n);
    for (int i = 0; i < t->size; i++)
        bias[i] = bias_of(b, gate * t->size + i);
    add(t, module, weight_name, n, t->size, turned);
    add(t, module, bias_name, 0, t->size, bias);
}

static bool add_layer(torch *t, int k, const char *module)
{
    const char *tail = arena_printf(t->arena, "l%d", k);
    const bool biased = has(t, t->recurrent, arena_printf(t->arena, "bias_ih_%s", tail));
    const int rows = t->type->gates * t->size;
    int columns = t->size, length = 0;
    layer l = {.n_in = k == 0 ? t->n_in : t->size};
    l.wx = get(t, t->recurrent, arena_printf(t->arena, "weight_ih_%s", tail), 2, rows, &l.n_in);
    l.wh = get(t, t->recurrent, arena_printf(t->arena, "weight_hh_%s", tail), 2, rows, &columns);
    if (!l.wx || !l.wh)
        return false;
    if (biased) {
        l.bx = get(t, t->recurrent, arena_printf(t->arena, "bias_ih_%s", tail), 1, rows, &length);
        l.bh = get(t, t->recurrent, arena_printf(t->arena, "bias_hh_%s", tail), 1, rows, &length);
        if (!l.bx || !l.bh)
            return false;
    }
    for (int gate = 0; gate < t->type->gates; gate++)
        if (t->type->weight[gate]) {
            add_gate(t, module, &l, gate);
        } else {
            add_part(t, module, "Wn", "bn", l.wx, l.bx, l.n_in, gate);
            add_part(t, module, "Un", "cn", l.wh, l.bh, t->size, gate);
        }
    return true;
}

static bool add_linear(torch *t, const char *module)
{
    int columns = t->size, length = 0;
    const double *w = get(t, t->linear, "weight", 2, 0, &columns), *b = NULL;
    if (!w)
        return false;
    int got, shape[ETR_RANK_MAX];
    etr_safetensors_get(t->file, arena_printf(t->arena, "%sweight", t->linear), &got, shape);
    t->n_out = shape[0];
    if (has(t, t->linear, "bias") && !(b = get(t, t->linear, "bias", 1, t->n_out, &length)))
        return false;
    const int size = t->size;
    t->size = t->n_out; /* of what is added */
    add_part(t, module, "W", "b", w, b, size, 0);
    t->size = size;
    return true;
}

/* --- which layers ------------------------------------------------------------------------------------- */

/* What stands before TAIL in the name, kept in *PREFIX.  False after an error: there is another already.  */
static bool take_prefix(torch *t, const char *name, const char *tail, const char **prefix)
{
    const char *found = arena_strndup(t->arena, name, strlen(name) - strlen(tail));
    if (*prefix && strcmp(*prefix, found) != 0)
        return fault(t, "'%s' is a second layer of its kind: one recurrent module, and one Linear behind it, "
                        "can be read", name);
    *prefix = found;
    return true;
}

static bool find_layers(torch *t)
{
    const int n = etr_safetensors_count(t->file);
    for (int i = 0; i < n; i++) {
        const char *name = etr_safetensors_name(t->file, i);
        if (ends(name, "_reverse"))
            return fault(t, "'%s' runs backwards in time, which no online model can", name);
        if (strstr(name, "weight_hr_l"))
            return fault(t, "'%s' is a projection of an LSTM, which is not supported", name);
        if (ends(name, "weight_ih_l0") ? !take_prefix(t, name, "weight_ih_l0", &t->recurrent)
            : ends(name, ".weight") && !take_prefix(t, name, "weight", &t->linear))
            return false;
    }
    if (!t->recurrent)
        return fault(t, "%s has no 'weight_ih_l0': it is no state_dict of an RNN, GRU or LSTM", t->o->in);
    while (t->layers < LAYERS_MAX
           && has(t, t->recurrent, arena_printf(t->arena, "weight_ih_l%d", t->layers)))
        t->layers++;
    return true;
}

/* The hidden size, and by the number of its blocks of rows the type.  */
static bool find_type(torch *t)
{
    int rank, shape[ETR_RANK_MAX] = {0};
    const char *path = arena_printf(t->arena, "%sweight_hh_l0", t->recurrent);
    if (!etr_safetensors_get(t->file, path, &rank, shape))
        return fault(t, "%s", etr_safetensors_error());
    for (size_t i = 0; rank == 2 && shape[1] > 0 && i < sizeof types / sizeof types[0]; i++)
        if (shape[0] == types[i].gates * shape[1])
            t->type = &types[i];
    t->size = shape[1];
    return t->type || fault(t, "'%s' has not one, three or four blocks of rows", path);
}

/* --- the spec ----------------------------------------------------------------------------------------- */

/* "encoder.rnn." as a name; FALLBACK where there is none.  */
static const char *module_name(const torch *t, const char *prefix, const char *fallback)
{
    char *name = arena_strdup(t->arena, prefix);
    for (char *p = name; *p; p++)
        if (*p == '.')
            *p = p[1] ? '_' : '\0';
    name = arena_strdup(t->arena, *name ? name_to_ours(t->arena, name) : fallback);
    return strcmp(name, "x") == 0 ? fallback : name;
}

static bool write_layers(torch *t, buf *text)
{
    const char *base = module_name(t, t->recurrent, "rnn"), *before = "x";
    const bool act = strcmp(t->type->cell, "rnn") == 0;
    buf_puts(text, "modules:\n");
    for (int k = 0; k < t->layers; k++) {
        const char *name = t->layers > 1 ? arena_printf(t->arena, "%s_l%d", base, k) : base;
        if (!add_layer(t, k, name))
            return false;
        buf_printf(text, "  %s: {cell: %s, in: %s, size: %d%s%s}\n", name, t->type->cell, before, t->size,
                   act ? ", activation: " : "", act ? t->o->activation : "");
        before = name;
    }
    if (t->linear) {
        const char *name = module_name(t, t->linear, "out");
        if (strcmp(name, before) == 0)
            name = "out";
        if (!add_linear(t, name))
            return false;
        buf_printf(text, "  %s: {cell: linear, in: %s, size: %d}\n", name, before, t->n_out);
        before = name;
    }
    buf_printf(text, "outputs: {y: %s}\n", before);
    return true;
}

static int write_spec(torch *t, outputs *out)
{
    buf body = {NULL, 0, 0}, text = {NULL, 0, 0}, file = {NULL, 0, 0};
    const int bits = t->o->bits ? t->o->bits : 32;
    int rank, shape[ETR_RANK_MAX] = {0};
    etr_safetensors_get(t->file, arena_printf(t->arena, "%sweight_ih_l0", t->recurrent), &rank, shape);
    t->n_in = shape[1];
    bool good = write_layers(t, &body);
    if (good && t->used != etr_safetensors_count(t->file))
        good = fault(t, "%s has arrays that belong to no RNN, GRU, LSTM or Linear", t->o->in);
    int status = good ? 0 : 1;
    if (good) {
        buf_printf(&text, "# From a state_dict of PyTorch, by etrace-convert.\netrace: 1\nmodel: %s\n"
                          "dtype: float%d\ninputs: {x: [%d]}\n%s",
                   t->o->model, bits, t->n_in, buf_text(&body));
        status = weights_write(&t->w, bits, &file, t->diag) ? 0 : EXIT_FILES;
        outputs_add(out, t->o->out, &text);
        outputs_add(out, t->o->weights, &file);
    }
    buf_free(&body);
    return status;
}

int torch_convert(const convert_options *o, arena *a, diag *d, outputs *out)
{
    torch t = {.o = o, .arena = a, .diag = d, .file = etr_safetensors_open(o->in), .w = {.arena = a}};
    diag_read(d, o->in);
    if (!t.file) {
        diag_error(d, (loc){0}, "E0703", "%s", etr_safetensors_error());
        return access(o->in, R_OK) == 0 ? 1 : EXIT_FILES;
    }
    int status = find_layers(&t) && find_type(&t) ? write_spec(&t, out) : 1;
    etr_safetensors_close(t.file);
    return status;
}
