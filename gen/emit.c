/* SPDX-License-Identifier: Apache-2.0 */
/* In: the plan.  Out: m4 definitions of values, lists and bodies, and the text that m4 prints from them.
   Afterwards nothing is written yet.  */
#include "emit_part.h"

#include "elementary.h"
#include "etrace_layout.h"
#include "origin.h"
#include "quote.h"
#include "values.h"

#include <ctype.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void emit_set(emitter *em, const char *name, const char *text)
{
    values_set(&em->values, name, text);
}

void emit_set_flag(emitter *em, const char *name, bool flag)
{
    emit_set(em, name, flag ? "1" : "0");
}

void emit_set_number(emitter *em, const char *name, long long n)
{
    emit_set(em, name, arena_printf(em->ir->arena, "%lld", n));
}

static void open_list(emitter *em, const char *name)
{
    values_open(&em->values, name);
}

void emit_close_list(emitter *em)
{
    values_close(&em->values);
}

static void row(emitter *em, int n, const char *const *field)
{
    values_row_from(&em->values, em->from, n, field);
}

const char *emit_comment_text(emitter *em, const char *text)
{
    buf b = {0};
    quote_comment(&b, text);
    const char *res = arena_strdup(em->ir->arena, buf_text(&b));
    buf_free(&b);
    return res;
}

const char *emit_real_type(const ir *g)
{
    return g->real_bits == 32 ? "float" : "double";
}

static const char *capitals(arena *a, const char *text)
{
    char *res = arena_strdup(a, text);
    for (char *p = res; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return res;
}

/* --- banner ---------------------------------------------------------------------------------------- */

static bool is_new_yaml(const char *const *file, size_t i)
{
    size_t len = strlen(file[i]);
    for (size_t k = 0; k < i; k++)
        if (strcmp(file[k], file[i]) == 0)
            return false;
    return len > 5 && strcmp(file[i] + len - 5, ".yaml") == 0;
}

/* Of the spec, and of the files of cells in the order in which they were read.  */
static const char *spec_hash(emitter *em)
{
    char hex[SHA256_DIGEST_STRING_LENGTH];
    const source *src = em->spec->root->at.src;
    size_t n;
    const char *const *file = diag_files(em->ir->diag, &n);
    SHA2_CTX sum;
    SHA256Init(&sum);
    SHA256Update(&sum, (const uint8_t *)src->text, src->len);
    for (size_t i = 0; i < n; i++) {
        buf text = {0};
        if (strcmp(file[i], em->spec->file) != 0 && is_new_yaml(file, i) && buf_read_file(&text, file[i]))
            SHA256Update(&sum, (const uint8_t *)buf_text(&text), text.len);
        buf_free(&text);
    }
    SHA256End(&sum, hex);
    return arena_strdup(em->ir->arena, hex);
}

const char *emit_rule_text(arena *a, const learning *set)
{
    const char *rule = set->trace == TRACE_NONE || set->trace == TRACE_EXACT ? set->rule
                       : set->window ? arena_printf(a, "%s, window %d", set->rule, set->window)
                                     : arena_printf(a, "%s, vjp_time t", set->rule);
    return arena_printf(a, "%s%s%s%s%s", rule, set->signal_total ? ", signal total" : "",
                        set->plain_none ? ", plain none" : "",
                        set->dense == DENSE_DROP       ? ", dense drop"
                        : set->dense == DENSE_DIAGONAL ? ", dense diagonal"
                                                        : "",
                        set->half == HALF_BFLOAT16  ? ", bfloat16 traces"
                        : set->half == HALF_FLOAT16 ? ", float16 traces"
                                                    : "");
}

static void set_banner(emitter *em)
{
    ir *g = em->ir;
    const char *slash = strrchr(em->options->h_path, '/');
    emit_set(em, "name", g->name);
    emit_set(em, "NAME", capitals(g->arena, g->name));
    emit_set(em, "version", PACKAGE_VERSION);
    emit_set(em, "file", emit_comment_text(em, em->spec->base_name));
    emit_set(em, "header", slash ? slash + 1 : em->options->h_path);
    emit_set(em, "hash", spec_hash(em));
    emit_set(em, "rule", emit_rule_text(g->arena, &em->plan->set));
    emit_set(em, "real", emit_real_type(g));
    emit_set_number(em, "batch", g->batch);
    emit_set_number(em, "abi", ETR_ABI);
    emit_set(em, "options", emit_comment_text(em, em->options->said));
    emit_set_number(em, "n_groups", em->plan->graph->n_groups);
    open_list(em, "equation");
    for (size_t i = 0; i < em->spec->n_modules; i++) {
        const spec_module *m = &em->spec->module[i];
        em->from = origin_place(em->ir, m->at, diag_line_text(g->arena, m->at), "", PASS_STEP);
        const char *text = arena_printf(g->arena, "%s: %s", m->name, m->cell ? m->cell : "stack");
        row(em, 1, &text);
    }
    for (size_t i = 0; i < em->spec->n_equations; i++) {
        const spec_equation *eq = &em->spec->equation[i];
        const char *text = emit_comment_text(em, eq->text);
        em->from = origin_place(em->ir, eq->at, eq->text, "", PASS_STEP);
        row(em, 1, &text);
    }
    em->from = 0;
    emit_close_list(em);
}

/* --- blocks ---------------------------------------------------------------------------------------- */

static const char *member_dims(emitter *em, shape s, bool batched)
{
    const char *dims = cgen_dims(em->ir->arena, s);
    return batched && em->ir->batch > 1
               ? arena_printf(em->ir->arena, "[%d]%s", em->ir->batch, dims)
               : dims;
}

/* How elements lie in memory.  */
static etr_element element_of(value_type type, half_kind half)
{
    return type == TYPE_INDEX        ? ETR_INT32
           : half == HALF_BFLOAT16   ? ETR_BFLOAT16
           : half == HALF_FLOAT16    ? ETR_FLOAT16
                                     : ETR_REAL;
}

static void member(emitter *em, etr_element element, const char *name, shape s, bool batched,
                   const char *comment)
{
    const char *type[] = {emit_real_type(em->ir), "int32_t", "uint16_t", "uint16_t"};
    const char *field[] = {type[element], name,
                           member_dims(em, s, batched), emit_comment_text(em, comment)};
    row(em, 4, field);
}

static void no_member(emitter *em, bool any)
{
    const char *field[] = {"char", "nothing", "", "C99 has no empty struct"};
    if (!any)
        row(em, 4, field);
}

static void set_block(emitter *em, const char *name, unsigned mask)
{
    const ir *g = em->ir;
    int *v = ARENA_ARRAY(g->arena, int, g->n_vars + 1);
    int n = ir_vars_in_order(g, mask, v);
    open_list(em, name);
    for (int i = 0; i < n; i++) {
        const var *x = &g->var[v[i]];
        const char *what = x->note ? x->note
                           : x->kind == VAR_HIDDEN ? arena_printf(g->arena, "%s, hidden", x->path)
                                                   : x->path;
        em->from = origin_of_var(em->ir, x, PASS_DECLARATION);
        member(em, element_of(x->type, x->half), x->c_name, x->shape, ir_is_batched(x), what);
    }
    em->from = 0;
    no_member(em, n > 0);
    emit_close_list(em);
}

static void set_entries(emitter *em, const char *name, bool signals)
{
    const ir *g = em->ir;
    bool any = false;
    open_list(em, name);
    for (int i = 0; i < em->plan->n_entries; i++) {
        const entry *e = &em->plan->entry[i];
        if (!e->own_field || (e->kind == ENTRY_SIGNAL) != signals)
            continue;
        const char *note = g->node[e->node].note;
        em->from = e->from ? e->from : g->node[e->node].from;
        member(em, element_of(g->node[e->node].type, HALF_NONE), e->field, g->node[e->node].shape, true,
               note && e->kind != ENTRY_H2W_X ? note
                                              : arena_printf(g->arena, "x of %s", e->path));
        any = true;
    }
    em->from = 0;
    no_member(em, any);
    emit_close_list(em);
}

static void set_blocks(emitter *em)
{
    const ir *g = em->ir;
    set_block(em, "params", 1u << VAR_PARAM);
    set_block(em, "state", 1u << VAR_HIDDEN | 1u << VAR_STATE);
    set_block(em, "input", 1u << VAR_INPUT);
    set_block(em, "target", 1u << VAR_TARGET);
    set_block(em, "trace", 1u << VAR_TRACE);
    open_list(em, "output");
    for (int i = 0; i < g->n_outputs; i++) {
        em->from = g->node[g->output[i].node].from;
        member(em, ETR_REAL, g->output[i].c_name, g->node[g->output[i].node].shape, true,
               g->output[i].name);
    }
    em->from = 0;
    no_member(em, g->n_outputs > 0);
    emit_close_list(em);
    set_entries(em, "jacobian", false);
    set_entries(em, "signal", true);
}

/* --- tables ---------------------------------------------------------------------------------------- */

static void info_row(emitter *em, const char *path, const char *kind, etr_element element, bool stored,
                     double constant, int group, int row_, int col, shape s, bool batched,
                     const char *block, const char *field)
{
    static const char *const elements[] = {"ETR_REAL", "ETR_INT32", "ETR_BFLOAT16", "ETR_FLOAT16"};
    arena *a = em->ir->arena;
    bool b = batched && em->ir->batch > 1;
    const char *dims = b ? arena_printf(a, "%d", em->ir->batch) : "";
    for (int i = 0; i < s.rank; i++)
        dims = arena_printf(a, "%s%s%lld", dims, *dims ? ", " : "", (long long)s.dim[i]);
    const char *cell[] = {
        arena_printf(a, "\"%s\"", path), kind, elements[element], stored ? "1" : "0",
        cgen_number(a, constant, 64), arena_printf(a, "%d", group), arena_printf(a, "%d", row_),
        arena_printf(a, "%d", col), arena_printf(a, "%d", s.rank + b), *dims ? dims : "0",
        stored ? arena_printf(a, "offsetof(%s_%s, %s)", em->ir->name, block, field) : "0"};
    row(em, 11, cell);
}

static int group_of_var(const graph *gr, int v, int *place)
{
    for (int k = 0; k < gr->n_groups; k++)
        for (int s = 0; s < gr->group[k].n_states; s++)
            if (gr->hidden[gr->group[k].state[s]] == v) {
                *place = s;
                return k;
            }
    *place = -1;
    return -1;
}

static void set_var_rows(emitter *em, var_kind kind, const char *name, const char *block)
{
    const ir *g = em->ir;
    int *v = ARENA_ARRAY(g->arena, int, g->n_vars + 1);
    int n = ir_vars_in_order(g, 1u << kind, v);
    for (int i = 0; i < n; i++) {
        const var *x = &g->var[v[i]];
        int place, group = group_of_var(em->plan->graph, v[i], &place);
        em->from = origin_of_var(em->ir, x, PASS_DECLARATION);
        info_row(em, x->path, name, element_of(x->type, x->half), true, 0, group, place, -1, x->shape,
                 ir_is_batched(x), block, x->c_name);
    }
}

static void set_info(emitter *em)
{
    static const char *const kind[] = {"ETR_H2H", "ETR_H2W", "ETR_H2W_X", "ETR_SIGNAL"};
    const ir *g = em->ir;
    open_list(em, "info");
    set_var_rows(em, VAR_PARAM, "ETR_PARAM", "params");
    set_var_rows(em, VAR_HIDDEN, "ETR_HIDDEN", "state");
    set_var_rows(em, VAR_STATE, "ETR_STATE", "state");
    set_var_rows(em, VAR_INPUT, "ETR_INPUT", "input");
    set_var_rows(em, VAR_TARGET, "ETR_TARGET", "target");
    for (int i = 0; i < g->n_outputs; i++) {
        em->from = g->node[g->output[i].node].from;
        info_row(em, g->output[i].name, "ETR_OUTPUT", ETR_REAL, true, 0, -1, -1, -1,
                 g->node[g->output[i].node].shape, true, "output", g->output[i].c_name);
    }
    set_var_rows(em, VAR_TRACE, "ETR_TRACE", "trace");
    for (int i = 0; i < em->plan->n_entries; i++) {
        const entry *e = &em->plan->entry[i];
        const ir_node *x = &g->node[e->node];
        em->from = e->from ? e->from : x->from;
        info_row(em, e->path, kind[e->kind], element_of(x->type, HALF_NONE), e->field != NULL,
                 x->op == OP_const ? x->number : 0, e->group, e->row, e->col, x->shape, true,
                 e->kind == ENTRY_SIGNAL ? "signal" : "jacobian", e->field);
    }
    em->from = 0;
    emit_close_list(em);
}

/* --- snapshots ------------------------------------------------------------------------------------- */

/* The variables of KIND as the runtime finds them in the tables of the model.  */
static uint32_t add_layout(emitter *em, uint32_t crc, var_kind kind)
{
    const ir *g = em->ir;
    int *v = ARENA_ARRAY(g->arena, int, g->n_vars + 1);
    int n = ir_vars_in_order(g, 1u << kind, v);
    for (int i = 0; i < n; i++) {
        const var *x = &g->var[v[i]];
        int dim[RANK_MAX + 1] = {g->batch}, rank = ir_is_batched(x) && g->batch > 1;
        for (int k = 0; k < x->shape.rank; k++)
            dim[rank++] = (int)x->shape.dim[k];
        crc = etr_layout_var(crc, x->path, element_of(x->type, x->half), rank, dim);
    }
    return crc;
}

static void label_row(emitter *em, const char *kind, const char *block, uint32_t layout)
{
    const char *field[] = {kind, block, arena_printf(em->ir->arena, "%08lx", (unsigned long)layout)};
    row(em, 3, field);
}

static void set_labels(emitter *em)
{
    const int batch = em->ir->batch;
    const char *rule = emit_rule_text(em->ir->arena, &em->plan->set);
    uint32_t params = add_layout(em, etr_layout_begin(batch, ""), VAR_PARAM);
    uint32_t state = add_layout(em, etr_layout_begin(batch, ""), VAR_HIDDEN);
    open_list(em, "label");
    label_row(em, "ETR_BLOCK_PARAMS", "params", params);
    label_row(em, "ETR_BLOCK_STATE", "state", add_layout(em, state, VAR_STATE));
    if (emit_has_trace(em))
        label_row(em, "ETR_BLOCK_TRACE", "trace", add_layout(em, etr_layout_begin(batch, rule), VAR_TRACE));
    emit_close_list(em);
}

/* --- files ----------------------------------------------------------------------------------------- */

/* Append the file of the runtime to TEXT, from its first #ifndef on.  */
static bool read_source(emitter *em, const char *file, buf *text)
{
    const char *path = arena_printf(em->ir->arena, "%s/runtime/%s", em->options->data_dir, file);
    buf whole = {0};
    bool read = buf_read_file(&whole, path);
    if (!read)
        diag_error(em->ir->diag, (loc){0}, "E0401",
                   "cannot read %s: the installation is not complete (ETRACE_DATADIR names another)",
                   path);
    const char *start = strstr(buf_text(&whole), "#ifndef");
    buf_puts(text, start ? start : buf_text(&whole));
    buf_free(&whole);
    return read;
}

/* TEXT of the runtime's FILE as the value NAME.  */
static void set_part(emitter *em, const char *name, const char *file, const char *text)
{
    int from = origin_place(em->ir, (loc){0}, file, "", PASS_SOURCE);
    values_set_from(&em->values, from, name, text);
}

/* A file of the runtime whose text goes into every model.  */
static bool set_source(emitter *em, const char *name, const char *file)
{
    buf text = {0};
    bool read = read_source(em, file, &text);
    set_part(em, name, file, buf_text(&text));
    buf_free(&text);
    return read;
}

static bool is_called(void *em, const char *function)
{
    return emit_said(em, arena_printf(((emitter *)em)->ir->arena, "%s(", function));
}

/* Of a file of the runtime the functions that the bodies call: has_WHAT, WHAT_source.  */
static bool set_called(emitter *em, const char *what, const char *file)
{
    arena *a = em->ir->arena;
    buf text = {0}, called = {0};
    bool read = read_source(em, file, &text);
    elementary_sections(buf_text(&text), is_called, em, a, &called);
    emit_set_flag(em, arena_printf(a, "has_%s", what), called.len > 0);
    set_part(em, arena_printf(a, "%s_source", what), file, buf_text(&called));
    buf_free(&text);
    buf_free(&called);
    return read;
}

/* Which inputs and targets are indices, of how many values.  */
static void set_indices(emitter *em)
{
    const ir *g = em->ir;
    open_list(em, "index");
    for (int v = 0; v < g->n_vars; v++) {
        const char *field[] = {g->var[v].path,
                               arena_printf(g->arena, "%lld", (long long)g->var[v].index_size)};
        bool given = g->var[v].kind == VAR_INPUT || g->var[v].kind == VAR_TARGET;
        if (given && g->var[v].index_size > 0)
            row(em, 2, field);
    }
    emit_close_list(em);
}

static bool draws(const ir *g)
{
    for (int n = 0; n < g->n_nodes; n++)
        if (g->node[n].op == OP_random)
            return true;
    return false;
}

static const char *const templates[] = {"kernels.m4",   "model.h.m4", "model.c.m4",  "sequence.c.m4",
                                        "save.c.m4",    "tables.c.m4", "model.py.m4"};

enum { N_TEMPLATES = sizeof templates / sizeof templates[0] };

void emit_files(const char *data_dir, arena *a, diag *d)
{
    static const char *const more[] = {"templates/prelude.m4", "runtime/etrace_half.h",
                                       "runtime/etrace_info.h", "runtime/etrace_label.h",
                                       "runtime/etrace_math.h", "runtime/etrace_random.h"};
    for (size_t i = 0; i < N_TEMPLATES; i++)
        diag_read(d, arena_printf(a, "%s/templates/%s", data_dir, templates[i]));
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        diag_read(d, arena_printf(a, "%s/%s", data_dir, more[i]));
}

/* The macro before each function that is compiled for several processors.  */
static void set_clones(emitter *em)
{
    arena *a = em->ir->arena;
    bool clones = em->options->clones;
    emit_set_flag(em, "has_openmp", em->options->openmp);
    emit_set_flag(em, "has_clones", clones);
    emit_set(em, "clones", clones ? arena_printf(a, "%s_CLONES\n", capitals(a, em->ir->name)) : "");
}

void emit_text_free(emit_text *text)
{
    buf_free(&text->header);
    buf_free(&text->source);
    buf_free(&text->python);
    buf_free(&text->values);
    skel_map_free(&text->header_map);
    skel_map_free(&text->source_map);
}

skel_status emit_run(const model_plan *plan, const spec *s, const emit_options *options,
                     emit_text *res)
{
    emitter em = {.plan = plan, .ir = plan->ir, .spec = s, .options = options};
    buf out[3] = {{0}, {0}, {0}};
    skel_map map[3] = {{0}, {0}, {0}};
    set_banner(&em);
    set_blocks(&em);
    set_info(&em);
    set_indices(&em);
    set_labels(&em);
    bool random = emit_init(&em, "init_params", "p", 1u << VAR_PARAM);
    emit_init(&em, "init_state", "s", 1u << VAR_HIDDEN | 1u << VAR_STATE);
    emit_set_flag(&em, "has_random", random || draws(em.ir));
    set_clones(&em);
    emit_set_number(&em, "largest_count", options->largest_count);
    emit_set_number(&em, "largest_bytes", options->largest_bytes);
    emit_bodies(&em);
    emit_checks(&em, "check_input", VAR_INPUT, "in");
    emit_checks(&em, "check_target", VAR_TARGET, "target");
    emit_tables(&em);
    skel_status status = SKEL_ENVIRONMENT;
    if (set_called(&em, "elementary", "etrace_math.h")
        && set_called(&em, "half", "etrace_half.h")
        && set_source(&em, "info_header", "etrace_info.h")
        && set_source(&em, "label_source", "etrace_label.h")
        && set_source(&em, "random_source", "etrace_random.h"))
        status = skel_run(options->m4, options->data_dir, templates, N_TEMPLATES, &em.values, out,
                          map, 3, plan->ir->diag);
    *res = (emit_text){.name = em.ir->name, .header = out[0], .source = out[1], .python = out[2],
                       .values = em.values,
                       .header_map = map[0], .source_map = map[1]};
    skel_map_free(&map[2]);
    return status;
}
