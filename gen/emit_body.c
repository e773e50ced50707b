/* SPDX-License-Identifier: Apache-2.0 */
/* In: the plan's schedules.  Out: what stands inside of the emitted functions, as calls of the macros of
   templates/kernels.m4.  Afterwards every argument that a body does not use is named in a (void).  */
#include "emit_part.h"

#include "origin.h"
#include "quote.h"

#include <ctype.h>
#include <string.h>

void emit_open_body(emitter *em, const char *name)
{
    buf_printf(&em->values, "m4_define(«et_body_%s», «", name);
}

void emit_line(emitter *em, const char *text)
{
    cgen_macro(&em->values, "et_line", em->from, 1, &text);
}

static const char *first_element(arena *a, const var *v, bool batched)
{
    const char *text = arena_printf(a, "%s", v->c_name);
    for (int i = 0; i < v->shape.rank + batched; i++)
        text = arena_printf(a, "%s[0]", text);
    return text;
}

static void init_line(emitter *em, const var *v, const char *block, int stream)
{
    const ir *g = em->ir;
    arena *a = g->arena;
    bool batched = v->kind != VAR_PARAM && g->batch > 1;
    long long n = (long long)shape_numel(v->shape) * (batched ? g->batch : 1);
    const char *at = arena_printf(a, "&%s->%s", block, first_element(a, v, batched));
    const char *x = v->type == TYPE_INDEX ? arena_printf(a, "%lld", (long long)v->init_a)
                                          : cgen_number(a, v->init_a, g->real_bits);
    const char *y = cgen_number(a, v->init_b, g->real_bits);
    int bits = g->real_bits;
    switch (v->init) {
    case INIT_CONSTANT:
        if (n == 1) {
            emit_line(em, arena_printf(a, "%s = %s;", at + 1, x));
        } else if (v->init_a < 0 || v->init_a > 0) {
            emit_line(em, arena_printf(a, "for (int i = 0; i < %lld; i++)", n));
            emit_line(em, arena_printf(a, "    (%s)[i] = %s;", at, x));
        } else {
            emit_line(em, arena_printf(a, "memset(%s%s->%s, 0, sizeof %s->%s);",
                                  v->shape.rank + batched > 0 ? "" : "&", block, v->c_name, block,
                                  v->c_name));
        }
        break;
    case INIT_ORTHOGONAL:
        emit_line(em, arena_printf(a, "etr_fill_orthogonal_f%d(%s, %lld, %lld, seed, %d, %s);", bits, at,
                              (long long)v->shape.dim[0], (long long)v->shape.dim[1], stream, x));
        break;
    default:
        emit_line(em, arena_printf(a, "etr_fill_%s_f%d(%s, %lld, seed, %d, %s, %s);",
                              v->init == INIT_UNIFORM ? "uniform" : "normal", bits, at, n, stream, x,
                              y));
    }
}

/* Returns whether random numbers are needed.  */
bool emit_init(emitter *em, const char *name, const char *block, unsigned mask)
{
    ir *g = em->ir;
    int *v = ARENA_ARRAY(g->arena, int, g->n_vars + 1);
    int n = ir_vars_in_order(g, mask, v);
    bool random = false;
    emit_open_body(em, name);
    for (int i = 0; i < n; i++)
        random = random || g->var[v[i]].init != INIT_CONSTANT;
    if (mask & 1u << VAR_PARAM && !random)
        emit_line(em, "(void)seed;");
    if (n == 0)
        emit_line(em, arena_printf(g->arena, "(void)%s;", block));
    for (int i = 0; i < n; i++) {
        em->from = origin_of_var(g, &g->var[v[i]], PASS_INIT);
        init_line(em, &g->var[v[i]], block, i + 1);
    }
    em->from = 0;
    emit_close_list(em);
    return random;
}

/* Is AT, in TEXT quoted for m4, behind the end of @hh, which is no letter?  */
static bool follows_code(const char *text, const char *at)
{
    return at - text >= 3 && at[-3] == '@' && isxdigit((unsigned char)at[-2]);
}

static bool mentions(const char *text, const char *word)
{
    for (const char *p = strstr(text, word); p; p = strstr(p + 1, word))
        if (p == text || !isalnum((unsigned char)p[-1]) || follows_code(text, p))
            return true;
    return false;
}

/* Is the weight of the step's loss read in SC?  */
static bool is_weighted(const ir *g, const schedule *sc)
{
    for (int n = 0; n < sc->n_nodes; n++)
        if (sc->live[n] && g->node[n].op == OP_var && g->var[g->node[n].var].kind == VAR_WEIGHT)
            return true;
    return false;
}

/* What is added up over the samples of a batch.  */
static void declare_sums(emitter *em, const function_plan *f)
{
    ir *g = em->ir;
    if (f->n_sums == 0)
        return;
    emit_line(em, "struct {");
    for (int i = 0; i < f->n_sums; i++) {
        const var *v = &g->var[f->sum[i]];
        em->from = origin_of_var(g, v, PASS_GRADIENT);
        emit_line(em, arena_printf(g->arena, "    %s %s%s; /* %s */", emit_real_type(g), v->c_name,
                                   cgen_dims(g->arena, v->shape), emit_comment_text(em, v->note)));
    }
    em->from = 0;
    emit_line(em, "} sum;");
    emit_line(em, "memset(&sum, 0, sizeof sum);");
}

/* What a function is called with: pointers to its blocks ("p->"); and whether it is told which samples are
   there, and what their losses count.  */
typedef struct {
    const char *name;
    const char *blocks[9];
    bool sampled, weighted, returns;
} function_form;

/* How a body for BATCH samples, ROWS a pass, reaches what is not its own.  */
static cgen_style style_of(emitter *em, int64_t batch, int64_t rows)
{
    cgen_style style = {.batch = batch, .rows = rows, .unroll = em->options->unroll,
                        .math = em->options->math, .openmp = em->options->openmp};
    if (em->options->calls)
        style.functions = &em->functions;
    style.block[VAR_INPUT] = "in->";
    style.block[VAR_TARGET] = "target->";
    style.block[VAR_PARAM] = "p->";
    style.block[VAR_HIDDEN] = style.block[VAR_STATE] = "s->";
    style.block[VAR_TRACE] = "e->";
    style.block[VAR_COTANGENT] = "ds->";
    style.block[VAR_GUESS] = "de->";
    style.block[VAR_SUM] = "sum.";
    style.block[VAR_WEIGHT] = "";
    style.block[VAR_TAPE] = style.block[VAR_STEP] = "tape.";
    return style;
}

/* The statements of F as the macro et_KIND_NAME.  Returns them.  */
static buf define_body(emitter *em, const function_form *form, const function_plan *f, const char *kind,
                       int64_t batch, int64_t rows)
{
    cgen_style style = style_of(em, batch, rows);
    buf body = {0};
    bool apart = f && (f->once || strcmp(kind, "once") == 0); /* two blocks, whose names are their own */
    if (apart)
        cgen_macro(&body, "et_block", 0, 0, NULL);
    if (f)
        cgen_body(f->schedule, &style, &body);
    if (apart)
        cgen_macro(&body, "et_end", 0, 0, NULL);
    buf_printf(&em->values, "m4_define(«et_%s_%s», «", kind, form->name);
    buf_puts(&em->values, buf_text(&body));
    emit_close_list(em);
    return body;
}

/* What stands before BODY, of F, as the macro et_KIND_NAME: the declaration of its total, and (void)s for what it
   does not use.  */
static void define_unused(emitter *em, const function_form *form, const function_plan *f, const char *kind,
                          const char *body)
{
    const ir *g = em->ir;
    buf_printf(&em->values, "m4_define(«et_%s_%s», «", kind, form->name);
    if (form->returns)
        emit_line(em, arena_printf(g->arena, "%s total = 0;", emit_real_type(g)));
    declare_sums(em, f);
    em->from = origin_place(em->ir, (loc){0}, "an argument that this function does not use", "", PASS_DECLARATION);
    for (const char *const *block = form->blocks; *block; block++)
        if (!mentions(body, *block))
            emit_line(em, arena_printf(g->arena, "(void)%.*s;", (int)strlen(*block) - 2, *block));
    if (form->weighted && !is_weighted(g, f->schedule))
        emit_line(em, "(void)weight;");
    if (form->sampled && g->batch > 1 && strcmp(kind, "unused") == 0 && !f->one) {
        emit_line(em, "(void)length;");
        emit_line(em, "(void)t;");
    }
    em->from = 0;
    emit_close_list(em);
}

static void set_body(emitter *em, const function_form *form, const function_plan *f)
{
    const ir *g = em->ir;
    buf body = define_body(em, form, f, "body", g->batch, f->rows);
    buf once = define_body(em, form, f->once, "once", 1, 0);
    buf one = define_body(em, form, f->one, "one", g->batch, 0);
    buf_puts(&body, buf_text(&once));
    define_unused(em, form, f, "unused", buf_text(&body));
    if (f->one)
        define_unused(em, form, f->one, "unused_one", buf_text(&one));
    emit_set_flag(em, arena_printf(g->arena, "returns_%s", form->name), form->returns);
    emit_set_flag(em, arena_printf(g->arena, "passes_%s", form->name), g->batch > (f->rows ? f->rows : 1));
    emit_set(em, arena_printf(g->arena, "next_%s", form->name),
             f->rows > 1 ? arena_printf(g->arena, "b += %lld", (long long)f->rows) : "b++");
    emit_set_flag(em, arena_printf(g->arena, "splits_%s", form->name), form->sampled && f->one);
    buf_free(&body);
    buf_free(&once);
    buf_free(&one);
}

enum { STEP, H2H, L2H, LEARN, EVOLVE, BACK, APPLY, ADVANCE, GUESS, REGRESS };

static const function_form forms[] = {
    [STEP] = {.name = "step", .blocks = {"p->", "s->", "in->", "out->"}, .sampled = true},
    [H2H] = {.name = "h2h", .blocks = {"p->", "s->", "in->", "out->", "jac->"}},
    [L2H] = {.name = "l2h", .blocks = {"p->", "s->", "in->", "target->", "out->", "jac->", "sig->"},
              .returns = true},
    [LEARN] = {.name = "learn", .blocks = {"p->", "s->", "e->", "in->", "target->", "out->", "grad->"},
              .sampled = true, .weighted = true, .returns = true},
    [EVOLVE] = {.name = "evolve", .blocks = {"p->", "s->", "e->", "in->", "out->"},
              .sampled = true},
    [BACK] = {.name = "back", .blocks = {"p->", "s->", "in->", "target->", "ds->", "grad->"},
              .sampled = true, .weighted = true, .returns = true},
    [APPLY] = {.name = "apply", .blocks = {"p->", "e->", "ds->", "grad->"}, .sampled = true},
    [ADVANCE] = {.name = "advance", .blocks = {"p->", "s->", "e->", "in->"}, .sampled = true},
    [GUESS] = {.name = "guess", .blocks = {"p->", "s->", "de->"}, .sampled = true},
    [REGRESS] = {.name = "regress", .blocks = {"p->", "s->", "ds->", "de->", "grad->"}, .sampled = true},
};

/* Bodies of one function: before the steps of a block, what a step takes of its inputs and what is made of those of all
   steps; a step; and what is done behind the steps.  */
static const function_form take_form = {"take", {"in->"}, .weighted = false};
static const function_form early_form = {"early", {NULL}, .weighted = false};
static const function_form forward_form = {"forward", {"in->", "target->", "out->"}, .weighted = true};
static const function_form ahead_form = {"forward", {"in->", "out->"}, .weighted = false}; /* of a window */
static const function_form reverse_form = {"reverse", {"in->", "target->"}, .weighted = true};
static const function_form block_form = {"block", {"p->", "s->", "e->", "grad->"}, .returns = true};

/* What the steps of a block keep.  */
static void set_tape(emitter *em, const function_plan *f)
{
    const ir *g = em->ir;
    emit_open_body(em, "tape");
    emit_line(em, "struct {");
    for (int v = 0; v < g->n_vars; v++) {
        const var *x = &g->var[v];
        shape rows = {1, {f->rows}}, steps = {1, {x->shape.dim[0]}}, rest = x->shape;
        if (x->kind != VAR_TAPE)
            continue;
        memmove(rest.dim, &x->shape.dim[1], sizeof *rest.dim * (size_t)--rest.rank);
        const char *dims = arena_printf(g->arena, "%s%s%s", cgen_dims(g->arena, steps),
                                        f->rows ? cgen_dims(g->arena, rows) : "", cgen_dims(g->arena, rest));
        emit_line(em, arena_printf(g->arena, "    %s %s%s;",
                                   x->type == TYPE_INDEX ? "int32_t" : emit_real_type(g), x->c_name, dims));
    }
    emit_line(em, "} tape;");
    emit_close_list(em);
}

/* Several steps at once.  */
static void set_block(emitter *em)
{
    const ir *g = em->ir;
    const model_plan *plan = em->plan;
    int64_t rows = plan->block.rows;
    emit_set_flag(em, "has_block", plan->tile > 0);
    if (plan->tile == 0)
        return;
    set_tape(em, &plan->forward);
    emit_set_flag(em, "has_early", plan->early.n > 0);
    buf take = define_body(em, &take_form, plan->early.n > 0 ? &plan->take : NULL, "body", 1, 0);
    buf early = define_body(em, &early_form, plan->early.n > 0 ? &plan->early : NULL, "body", 1, 0);
    if (plan->early.n > 0) {
        define_unused(em, &take_form, &plan->take, "unused", buf_text(&take));
        define_unused(em, &early_form, &plan->early, "unused", buf_text(&early));
    }
    bool backwards = plan->reverse.n > 0;
    const function_form *ahead = backwards ? &ahead_form : &forward_form;
    buf forward = define_body(em, ahead, &plan->forward, "body", g->batch, rows);
    buf reverse = define_body(em, &reverse_form, backwards ? &plan->reverse : NULL, "body", g->batch, rows);
    buf block = define_body(em, &block_form, &plan->block, "body", g->batch, rows);
    define_unused(em, ahead, &plan->forward, "unused", buf_text(&forward));
    if (backwards)
        define_unused(em, &reverse_form, &plan->reverse, "unused", buf_text(&reverse));
    emit_set_flag(em, "has_reverse", backwards);
    buf_puts(&block, buf_text(&early));
    buf_puts(&block, buf_text(&forward));
    buf_puts(&block, buf_text(&reverse));
    define_unused(em, &block_form, &plan->block, "unused", buf_text(&block));
    emit_set_flag(em, "passes_block", g->batch > (rows ? rows : 1));
    emit_set(em, "next_block", rows > 1 ? arena_printf(g->arena, "b += %lld", (long long)rows) : "b++");
    emit_set_number(em, "tile", plan->tile);
    emit_set_number(em, "last_step", plan->tile - 1);
    buf_free(&take);
    buf_free(&early);
    buf_free(&forward);
    buf_free(&reverse);
    buf_free(&block);
}

static bool reads_reals(const ir *g)
{
    for (int v = 0; v < g->n_vars; v++)
        if (g->var[v].kind == VAR_INPUT && g->var[v].type == TYPE_REAL)
            return true;
    return false;
}

bool emit_has_trace(const emitter *em)
{
    const model_plan *plan = em->plan;
    return plan->learn.n > 0 || (em->ir->loss != NO_NODE && plan->set.trace != TRACE_NONE);
}

void emit_bodies(emitter *em)
{
    const model_plan *plan = em->plan;
    bool loss = em->ir->loss != NO_NODE, fused = plan->learn.n > 0;
    bool window = emit_has_trace(em) && !fused;
    set_body(em, &forms[STEP], &plan->step);
    set_body(em, &forms[H2H], &plan->h2h);
    if (loss)
        set_body(em, &forms[L2H], &plan->l2h);
    if (fused) {
        set_body(em, &forms[LEARN], &plan->learn);
        set_body(em, &forms[EVOLVE], &plan->evolve);
    } else if (loss) {
        set_body(em, &forms[BACK], &plan->back);
    }
    if (window) {
        set_body(em, &forms[APPLY], &plan->apply);
        set_body(em, &forms[ADVANCE], &plan->advance);
    }
    if (plan->set.synthesiser && loss) {
        set_body(em, &forms[GUESS], &plan->guess);
        set_body(em, &forms[REGRESS], &plan->regress);
    }
    set_block(em);
    emit_open_body(em, "products");
    buf_puts(&em->values, buf_text(&em->functions.text));
    emit_close_list(em);
    buf_free(&em->functions.text);
    emit_set_flag(em, "has_synthesiser", plan->set.synthesiser && loss);
    emit_set_flag(em, "splits", plan->step.one != NULL);
    emit_set_number(em, "window", plan->set.window);
    emit_set_flag(em, "batched", em->ir->batch > 1);
    emit_set_flag(em, "has_loss", loss);
    emit_set_flag(em, "has_trace", emit_has_trace(em));
    emit_set_flag(em, "has_learn", fused);
    emit_set_flag(em, "has_back", loss && !fused);
    emit_set_flag(em, "has_window", window);
    emit_set_flag(em, "mean", loss && plan->set.mean);
    emit_set_flag(em, "single", em->ir->real_bits == 32);
    emit_set_flag(em, "has_reals", loss || reads_reals(em->ir));
    emit_set(em, "once", cgen_number(em->ir->arena, plan->set.mean ? 1.0 / em->ir->batch : 1,
                                     em->ir->real_bits));
}

/* --- what is read, looked at first ------------------------------------------------------------------- */

/* Element by element: a real is a finite number, an index is one of its values.  */
static void check_line(emitter *em, const var *v, const char *block)
{
    const ir *g = em->ir;
    arena *a = g->arena;
    long long n = (long long)shape_numel(v->shape);
    const char *first = arena_printf(a, "%s->%s%s", block, v->c_name, g->batch > 1 ? "[b]" : "");
    for (int i = 0; i < v->shape.rank; i++)
        first = arena_printf(a, "%s[0]", first);
    if (v->type != TYPE_INDEX) {
        emit_line(em, arena_printf(a, "good = good && all_finite(&%s, %lld);", first, n));
    } else if (v->index_size > 0 && n == 1) {
        emit_line(em, arena_printf(a, "good = good && %s >= 0 && %s < %lld;", first, first,
                                   (long long)v->index_size));
    } else if (v->index_size > 0) {
        emit_line(em, arena_printf(a, "for (int i = 0; i < %lld; i++)", n));
        emit_line(em, arena_printf(a, "    good = good && (&%s)[i] >= 0 && (&%s)[i] < %lld;", first, first,
                                   (long long)v->index_size));
    }
}

void emit_checks(emitter *em, const char *name, var_kind kind, const char *block)
{
    ir *g = em->ir;
    int *v = ARENA_ARRAY(g->arena, int, g->n_vars + 1);
    int n = ir_vars_in_order(g, 1u << kind, v);
    bool any = false;
    emit_open_body(em, name);
    for (int i = 0; i < n; i++) {
        em->from = origin_of_var(g, &g->var[v[i]], PASS_CHECK);
        check_line(em, &g->var[v[i]], block);
        any = any || g->var[v[i]].type != TYPE_INDEX || g->var[v[i]].index_size > 0;
    }
    em->from = 0;
    emit_close_list(em);
    buf_printf(&em->values, "m4_define(«et_unused_%s», «", name);
    if (!any)
        emit_line(em, arena_printf(g->arena, "(void)%s;", block));
    emit_close_list(em);
}

/* --- sparse parameters ------------------------------------------------------------------------------- */

static void table(emitter *em, const char *name, const char *part, const int32_t *x, int64_t n,
                  bool small)
{
    arena *a = em->ir->arena;
    emit_line(em, arena_printf(a, "static const %s %s_%s[%lld] = {", small ? "uint16_t" : "int32_t", name,
                          part, (long long)n));
    for (int64_t i = 0; i < n; i += 16) {
        buf text = {0};
        buf_puts(&text, "   ");
        for (int64_t k = i; k < n && k < i + 16; k++)
            buf_printf(&text, " %d,", (int)x[k]);
        emit_line(em, buf_text(&text));
        buf_free(&text);
    }
    emit_line(em, "};");
}

bool emit_said(emitter *em, const char *text)
{
    buf quoted = {0};
    quote_m4(&quoted, text, strlen(text));
    bool said = strstr(buf_text(&em->values), buf_text(&quoted)) != NULL;
    buf_free(&quoted);
    return said;
}

static bool is_read(emitter *em, const char *name, const char *part)
{
    return emit_said(em, arena_printf(em->ir->arena, "%s_%s[", name, part));
}

/* What pattern P is of: a parameter's non-zeros, or a rule's.  */
static int from_pattern(emitter *em, int p)
{
    for (int v = 0; v < em->ir->n_vars; v++)
        if (em->ir->var[v].kind == VAR_PARAM && em->ir->var[v].pattern == p)
            return origin_of_var(em->ir, &em->ir->var[v], PASS_TABLE);
    return origin_place(em->ir, (loc){0}, "of the learning rule", "", PASS_TABLE);
}

/* Where the rows of P begin among its non-zeros, and where the last one ends.  */
static const int32_t *row_starts(arena *a, const pattern *p)
{
    int32_t *start = ARENA_ARRAY(a, int32_t, p->n_rows + 1);
    for (int64_t i = 0; i < p->n; i++)
        start[p->row[i] + 1]++;
    for (int64_t i = 0; i < p->n_rows; i++)
        start[i + 1] += start[i];
    return start;
}

/* The places of the non-zeros of sparse weights, as far as the bodies read them.  */
void emit_tables(emitter *em)
{
    ir *g = em->ir;
    bool *starts = ARENA_ARRAY(g->arena, bool, g->n_patterns + 1);
    bool *rows = ARENA_ARRAY(g->arena, bool, g->n_patterns + 1);
    bool *cols = ARENA_ARRAY(g->arena, bool, g->n_patterns + 1);
    for (int i = 0; i < g->n_patterns; i++) {
        starts[i] = is_read(em, g->pattern[i].name, "start");
        rows[i] = is_read(em, g->pattern[i].name, "row");
        cols[i] = is_read(em, g->pattern[i].name, "col");
    }
    emit_open_body(em, "tables");
    for (int i = 0; i < g->n_patterns; i++) {
        const pattern *p = &g->pattern[i];
        em->from = from_pattern(em, i);
        if (starts[i])
            table(em, p->name, "start", row_starts(g->arena, p), p->n_rows + 1, false);
        if (rows[i])
            table(em, p->name, "row", p->row, p->n, pattern_index_bytes(p->n_rows) == 2);
        if (cols[i])
            table(em, p->name, "col", p->col, p->n, pattern_index_bytes(p->n_cols) == 2);
    }
    em->from = 0;
    emit_close_list(em);
}
