/* SPDX-License-Identifier: Apache-2.0 */
/* In: `learning:` as written.  Out: the axes of a rule, each set.  A rule's name is a row of a table of
   presets; keys then change single axes.  Afterwards no setting contradicts another.  */
#include "rule.h"

#include "spec_read.h"

#include <string.h>

/* --- presets --------------------------------------------------------------------------------------- */

/* What a rule's name stands for, and which further keys belong to it.  */
typedef struct {
    const char *name;
    trace_kind trace;
    recursion_kind recursion;
    bool coupled;
    feedback_kind feedback;
    bool synthesiser;
    double decay_x, decay_f, kappa, leak;
    unsigned keys; /* bits of learning_key */
} preset;

#define KEY(name) (1u << LEARN_##name)
enum {
    KEYS_TIME = KEY(WINDOW) | KEY(VJP_TIME) | KEY(SIGNAL) | KEY(PLAIN),
    KEYS_FEEDBACK = KEY(FEEDBACK) | KEY(FEEDBACK_FROM),
    KEYS_SCOPE = KEY(SCOPE) | KEY(ORDER),
    KEYS_WEIGHT = KEYS_TIME | KEY(KAPPA) | KEYS_SCOPE | KEYS_FEEDBACK | KEY(TRACE_DTYPE),
    KEYS_FACTORS = KEYS_TIME | KEY(TRACE_DTYPE) | KEY(DECAY) | KEY(RANK) | KEY(SCOPE) | KEY(BIAS_CORRECTION) | KEYS_FEEDBACK
};

static const preset presets[] = {
    {"d_rtrl", TRACE_WEIGHT, RECURSION_JACOBIAN, false, FEEDBACK_SYMMETRIC, false, 0, 0, 0, 0, KEYS_WEIGHT},
    {"pp_prop", TRACE_FACTORS, RECURSION_JACOBIAN, false, FEEDBACK_SYMMETRIC, false, 0.9, 0.9, 0, 0,
     KEYS_FACTORS},
    {"es_d_rtrl", TRACE_FACTORS, RECURSION_JACOBIAN, false, FEEDBACK_SYMMETRIC, false, 0.9, 0.9, 0, 0,
     KEYS_FACTORS},
    {"hybrid", TRACE_HYBRID, RECURSION_JACOBIAN, false, FEEDBACK_SYMMETRIC, false, 0.9, 0.9, 0, 0,
     KEYS_FACTORS | KEY(FACTORED) | KEY(BELOW)},
    {"eprop", TRACE_WEIGHT, RECURSION_JACOBIAN, false, FEEDBACK_SYMMETRIC, false, 0, 0, 0.8, 0, KEYS_WEIGHT},
    {"ostl_recurrent", TRACE_WEIGHT, RECURSION_JACOBIAN, true, FEEDBACK_SYMMETRIC, false, 0, 0, 0, 0,
     KEYS_TIME | KEY(KAPPA) | KEYS_FEEDBACK | KEY(TRACE_DTYPE)},
    {"ostl_feedforward", TRACE_FACTORS, RECURSION_JACOBIAN, false, FEEDBACK_SYMMETRIC, false, 1e-6, 1e-6, 0, 0,
     KEYS_TIME | KEY(BIAS_CORRECTION) | KEY(TRACE_DTYPE)},
    {"snap", TRACE_INFLUENCE, RECURSION_JACOBIAN, true, FEEDBACK_SYMMETRIC, false, 0, 0, 0, 0,
     KEYS_TIME | KEY(ORDER) | KEY(KAPPA) | KEYS_FEEDBACK | KEY(TRACE_DTYPE)},
    {"uoro", TRACE_RANDOM, RECURSION_JACOBIAN, true, FEEDBACK_SYMMETRIC, false, 0, 0, 0, 0,
     KEYS_TIME | KEY(NOISE) | KEY(SEED) | KEY(ESTIMATE)},
    {"three_factor", TRACE_WEIGHT, RECURSION_JACOBIAN, false, FEEDBACK_MODULATOR, false, 0, 0, 0, 0,
     KEY(PLAIN) | KEY(KAPPA) | KEYS_SCOPE | KEY(MODULATOR) | KEY(TRACE_DTYPE)},
    {"dni", TRACE_WEIGHT, RECURSION_JACOBIAN, false, FEEDBACK_SYMMETRIC, true, 0, 0, 0, 0,
     KEY(WINDOW) | KEY(KAPPA) | KEYS_SCOPE | KEY(TRACE_DTYPE)},
    {"scalar_leak", TRACE_WEIGHT, RECURSION_LEAK, false, FEEDBACK_SYMMETRIC, false, 0, 0, 0, 0.8,
     KEYS_TIME | KEY(KAPPA) | KEYS_FEEDBACK | KEY(LEAK) | KEY(TRACE_DTYPE)},
    {"no_recursion", TRACE_WEIGHT, RECURSION_NONE, false, FEEDBACK_SYMMETRIC, false, 0, 0, 0, 0,
     KEYS_TIME | KEY(KAPPA) | KEYS_FEEDBACK | KEY(TRACE_DTYPE)},
    {"rtrl", TRACE_EXACT, RECURSION_JACOBIAN, false, FEEDBACK_SYMMETRIC, false, 0, 0, 0, 0, 0},
    {"bptt", TRACE_NONE, RECURSION_JACOBIAN, false, FEEDBACK_SYMMETRIC, false, 0, 0, 0, 0, 0},
};

enum { N_PRESETS = sizeof presets / sizeof presets[0] };

const char *const *rule_names(void)
{
    static const char *name[N_PRESETS + 1];
    for (int i = 0; i < N_PRESETS; i++)
        name[i] = presets[i].name;
    return name;
}

bool rule_is_second_name(const char *name)
{
    return strcmp(name, "es_d_rtrl") == 0;
}

/* The row of NAME, which is the name of a rule.  */
static const preset *preset_named(const char *name)
{
    int i = 0;
    while (strcmp(presets[i].name, name) != 0)
        i++;
    return &presets[i];
}

bool rule_is_exact(const char *name)
{
    return preset_named(name)->trace == TRACE_EXACT;
}

/* --- reading --------------------------------------------------------------------------------------- */

static const char *const vjp_times[] = {"t", "t_minus_1", NULL};
static const char *const signals[] = {"direct", "total", NULL};
static const char *const plains[] = {"exact", "none", NULL};
static const char *const denses[] = {"error", "diagonal", "drop", NULL};
static const char *const reductions[] = {"sum", "mean", NULL};
static const char *const scopes[] = {"diagonal", "coupled", "sparse_n", NULL};
static const char *const feedbacks[] = {"symmetric", "random", "adaptive", NULL};
static const char *const origins[] = {"signal", "error", NULL};
static const char *const corrections[] = {"step", "call", NULL};
static const char *const noises[] = {"seed", "input", NULL};
static const char *const trace_dtypes[] = {"real", "bfloat16", "float16", NULL};
static const char *const estimates[] = {"sample", "batch", NULL};

static const rule_key rows[LEARN_COUNT] = {
    [LEARN_RULE] = {"rule", FORM_RULE, NULL, 0, 0},
    [LEARN_WINDOW] = {"window", FORM_WHOLE, NULL, 1, 1 << 20},
    [LEARN_VJP_TIME] = {"vjp_time", FORM_WORD, vjp_times, 0, 0},
    [LEARN_SIGNAL] = {"signal", FORM_WORD, signals, 0, 0},
    [LEARN_PLAIN] = {"plain", FORM_WORD, plains, 0, 0},
    [LEARN_DENSE] = {"dense", FORM_WORD, denses, 0, 0},
    [LEARN_REDUCTION] = {"reduction", FORM_WORD, reductions, 0, 0},
    [LEARN_DECAY] = {"decay", FORM_PAIR, NULL, 0, 1},
    [LEARN_RANK] = {"rank", FORM_WHOLE, NULL, 1, 1000000},
    [LEARN_KAPPA] = {"kappa", FORM_NUMBER, NULL, 0, 1},
    [LEARN_LEAK] = {"leak", FORM_NUMBER, NULL, 0, 1},
    [LEARN_SCOPE] = {"scope", FORM_WORD, scopes, 0, 0},
    [LEARN_ORDER] = {"order", FORM_WHOLE, NULL, 1, 1000},
    [LEARN_FEEDBACK] = {"feedback", FORM_WORD, feedbacks, 0, 0},
    [LEARN_MODULATOR] = {"modulator", FORM_NAME, NULL, 0, 0},
    [LEARN_BIAS_CORRECTION] = {"bias_correction", FORM_WORD, corrections, 0, 0},
    [LEARN_NOISE] = {"noise", FORM_WORD, noises, 0, 0},
    [LEARN_SEED] = {"seed", FORM_WHOLE, NULL, 0, 1 << 20},
    [LEARN_FACTORED] = {"factored", FORM_LIST, NULL, 0, 0},
    [LEARN_BELOW] = {"below", FORM_WHOLE, NULL, 1, 1e15},
    [LEARN_FEEDBACK_FROM] = {"feedback_from", FORM_WORD, origins, 0, 0},
    [LEARN_ESTIMATE] = {"estimate", FORM_WORD, estimates, 0, 0},
    [LEARN_TRACE_DTYPE] = {"trace_dtype", FORM_WORD, trace_dtypes, 0, 0},
};

const rule_key *rule_key_row(learning_key key)
{
    return &rows[key];
}

const char *const *rule_words(learning_key key)
{
    return rows[key].word;
}

static bool read_number(reader *r, const yaml_tree *t, const rule_key *row, double *res)
{
    const expr *e = expr_parse(t, r->arena, r->diag);
    if (!e)
        return false;
    *res = e->number;
    if (e->kind == EXPR_NUMBER && *res >= row->min && *res < row->max)
        return true;
    diag_error(r->diag, t->at, "E0284", "%s is a number from %g up to, but not, %g", row->name, row->min,
               row->max);
    return false;
}

static bool read_pair(reader *r, const yaml_tree *t, const rule_key *row, double *res)
{
    bool pair = t->kind == YAML_SEQUENCE && t->n == 2;
    if (t->kind == YAML_SEQUENCE && !pair) {
        diag_error(r->diag, t->at, "E0285", "%s is one number, or two: [of x, of df]", row->name);
        return false;
    }
    return read_number(r, pair ? t->item[0] : t, row, &res[0])
           && read_number(r, pair ? t->item[1] : t, row, &res[1]);
}

static void read_value(reader *r, const yaml_tree *key, yaml_tree *t, void *context)
{
    spec_learning *l = context;
    int k = 0;
    while (strcmp(rows[k].name, key->text) != 0)
        k++;
    const rule_key *row = &rows[k];
    spec_learning_value v = {.at = t->at};
    long whole = 0;
    switch (row->form) {
    case FORM_RULE:
    case FORM_WORD:
        v.word = spec_choice(r, t, row->form == FORM_RULE ? rule_names() : row->word);
        v.said = v.word != NULL;
        break;
    case FORM_WHOLE:
        v.said = spec_whole_number(r, t, (long)row->min, (long)row->max, &whole);
        v.number[0] = (double)whole;
        break;
    case FORM_NUMBER: v.said = read_number(r, t, row, v.number); break;
    case FORM_PAIR: v.said = read_pair(r, t, row, v.number); break;
    case FORM_NAME:
        v.word = spec_name(r, t);
        v.said = v.word != NULL;
        break;
    case FORM_LIST:
        v.list = t;
        v.said = t->kind == YAML_SEQUENCE;
        if (!v.said)
            diag_error(r->diag, t->at, "E0286", "%s is a list of parameters", row->name);
    }
    if (v.said)
        l->value[k] = v;
}

static void read_mapping(reader *r, yaml_tree *t, spec_learning *l)
{
    spec_key keys[LEARN_COUNT];
    for (int k = 0; k < LEARN_COUNT; k++)
        keys[k] = (spec_key){rows[k].name, read_value, rows[k].name};
    spec_read_keys(r, t, "learning", keys, LEARN_COUNT, l);
}

void rule_read(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    (void)key;
    (void)context;
    read_mapping(r, value, &r->spec->learning);
}

bool rule_override(spec_learning *l, const char *text, arena *a, diag *d)
{
    const char *equal = strchr(text, '=');
    int before = diag_errors(d);
    const char *line = equal ? arena_printf(a, "%.*s: %s\n", (int)(equal - text), text, equal + 1) : "";
    yaml_tree *t = equal ? yaml_parse("--learning", line, strlen(line), a, d) : NULL;
    reader r = {.arena = a, .diag = d};
    if (t)
        read_mapping(&r, t, l);
    else if (diag_errors(d) == before)
        diag_error(d, (loc){0}, "E0287", "--learning takes KEY=VALUE, not '%s'", text);
    return diag_errors(d) == before;
}

/* --- settings -------------------------------------------------------------------------------------- */

static bool is(const spec_learning_value *v, const char *word)
{
    return v->said && strcmp(v->word, word) == 0;
}

/* Feedback begins at the outputs' error.  */
static bool comes_from_error(const spec_learning *l)
{
    const spec_learning_value *v = l->value;
    return is(&v[LEARN_FEEDBACK], "adaptive")
           || (is(&v[LEARN_FEEDBACK], "random") && is(&v[LEARN_FEEDBACK_FROM], "error"));
}

static const preset *find_preset(const spec_learning *l)
{
    return l->value[LEARN_RULE].said ? preset_named(l->value[LEARN_RULE].word) : &presets[0];
}

spec_learning rule_alone(const spec_learning *from, const char *name)
{
    static const learning_key kept[] = {LEARN_MODULATOR, LEARN_NOISE, LEARN_SEED};
    spec_learning res = {.value[LEARN_DENSE] = from->value[LEARN_DENSE],
                         .value[LEARN_RULE] = {.said = true, .word = name}};
    const preset *p = find_preset(&res);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (p->keys & 1u << kept[i])
            res.value[kept[i]] = from->value[kept[i]];
    bool seeded = res.value[LEARN_SEED].said || is(&res.value[LEARN_NOISE], "input");
    if (p->trace == TRACE_RANDOM && !seeded)
        res.value[LEARN_SEED] = (spec_learning_value){.said = true, .number = {1, 0}};
    return res;
}

static void refuse_scope(const preset *p, const spec_learning *l, diag *d)
{
    const spec_learning_value *scope = &l->value[LEARN_SCOPE], *order = &l->value[LEARN_ORDER];
    bool sparse = is(scope, "sparse_n");
    if (sparse && !(p->keys & KEY(ORDER))) {
        diag_error(d, scope->at, "E0295", "rule: %s keeps vectors, position by position: it has no scope sparse_n", p->name);
        diag_note(d, scope->at, "d_rtrl, eprop, three_factor and dni have it; snap is d_rtrl with it");
    } else if (sparse && !order->said) {
        diag_error(d, scope->at, "E0296", "scope: sparse_n needs an order");
        diag_note(d, scope->at, "say 'order: 2' for what a weight reaches in one step more, and so on");
    }
    if (order->said && p->keys & KEY(SCOPE) && p->keys & KEY(ORDER) && !sparse) {
        diag_error(d, order->at, "E0297", "order belongs to scope: sparse_n");
        diag_note(d, order->at, "leave it out, or say 'scope: sparse_n'");
    }
}

/* Two that say the same, and what nothing reads.  */
static void refuse_idle(const spec_learning *l, diag *d)
{
    const spec_learning_value *v = l->value;
    if (v[LEARN_FACTORED].said && v[LEARN_BELOW].said) {
        diag_error(d, v[LEARN_BELOW].at, "E0298", "factored and below both say which parameters have factors; leave one out");
        diag_note(d, v[LEARN_FACTORED].at, "factored names them here");
    }
    if (v[LEARN_SEED].said && is(&v[LEARN_NOISE], "input")) {
        diag_error(d, v[LEARN_SEED].at, "E0299", "with noise: input no sign is drawn: there is nothing to seed");
        diag_note(d, v[LEARN_NOISE].at, "leave the seed out, or say 'noise: seed'");
    }
}

/* Random and adaptive feedback, and where it begins.  */
static void refuse_feedback(const preset *p, const spec_learning *l, diag *d)
{
    const spec_learning_value *v = l->value, *from = &v[LEARN_FEEDBACK_FROM];
    bool adaptive = is(&v[LEARN_FEEDBACK], "adaptive"), random = is(&v[LEARN_FEEDBACK], "random");
    if (!(p->keys & KEY(FEEDBACK)))
        return;
    if (from->said && !adaptive && !random) {
        diag_error(d, from->at, "E0292", "feedback_from is of random and adaptive feedback");
        diag_note(d, from->at, "symmetric feedback, the default, is the loss's own derivative");
    }
    if (adaptive && is(from, "signal")) {
        diag_error(d, from->at, "E0293", "adaptive feedback learns from the error that it brings back, not from signals");
        diag_note(d, from->at, "leave feedback_from out, or say 'feedback: random'");
    }
    if (comes_from_error(l) && (v[LEARN_WINDOW].said || is(&v[LEARN_VJP_TIME], "t_minus_1"))) {
        diag_error(d, v[LEARN_WINDOW].said ? v[LEARN_WINDOW].at : v[LEARN_VJP_TIME].at, "E0294",
                   "feedback from the error has no window: a step's error meets the trace of the same step");
        diag_note(d, v[LEARN_FEEDBACK].at, "leave the window out, or say 'feedback: random' and 'feedback_from: signal'");
    }
}

/* Keys of which no use can be made.  */
static void refuse_keys(const preset *p, const spec_learning *l, diag *d)
{
    const spec_learning_value *v = l->value;
    for (int k = 0; k < LEARN_COUNT; k++) {
        bool any = k == LEARN_RULE || k == LEARN_DENSE || k == LEARN_REDUCTION;
        if (any || !v[k].said || p->keys & 1u << k)
            continue;
        diag_error(d, v[k].at, k == LEARN_WINDOW || k == LEARN_VJP_TIME ? "E0282" : "E0288",
                   "rule: %s has no %s", p->name, rows[k].name);
        if (p->trace == TRACE_NONE || p->trace == TRACE_EXACT)
            diag_note(d, v[k].at, "it is exact, and needs no setting but dense");
    }
    if (v[LEARN_WINDOW].said && is(&v[LEARN_VJP_TIME], "t")) {
        diag_error(d, v[LEARN_WINDOW].at, "E0281", "a window belongs to vjp_time: t_minus_1");
        diag_note(d, v[LEARN_WINDOW].at, "vjp_time: t has none: leave the window out");
    }
    if (v[LEARN_DECAY].said && v[LEARN_RANK].said) {
        diag_error(d, v[LEARN_RANK].at, "E0289", "rank and decay say the same thing; leave one out");
        diag_note(d, v[LEARN_RANK].at, "a rank r is the decay (r - 1) / (r + 1)");
    }
    if (p->trace == TRACE_RANDOM && !v[LEARN_SEED].said && !is(&v[LEARN_NOISE], "input")) {
        diag_error(d, v[LEARN_RULE].at, "E0291", "rule: uoro needs a seed");
        diag_note(d, v[LEARN_RULE].at, "say 'seed: 1', or 'noise: input' to give the signs yourself");
    }
    if (p->feedback == FEEDBACK_MODULATOR && !v[LEARN_MODULATOR].said) {
        diag_error(d, v[LEARN_RULE].at, "E0290", "rule: three_factor needs a modulator");
        diag_note(d, v[LEARN_RULE].at, "name one of the inputs: 'learning: {rule: three_factor, "
                                       "modulator: reward}'");
    }
}

static double number_or(const spec_learning_value *v, double fallback)
{
    return v->said ? v->number[0] : fallback;
}

bool rule_settings(const spec *s, const spec_learning *l, diag *d, learning *res)
{
    const preset *p = find_preset(l);
    const spec_learning_value *v = l->value;
    int before = diag_errors(d);
    double rank = v[LEARN_RANK].number[0];
    bool at_once = p->feedback == FEEDBACK_MODULATOR || comes_from_error(l);
    refuse_keys(p, l, d);
    refuse_feedback(p, l, d);
    refuse_scope(p, l, d);
    refuse_idle(l, d);
    *res = (learning){
        .rule = p->name, .trace = p->trace, .synthesiser = p->synthesiser, .recursion = p->recursion,
        .coupled = v[LEARN_SCOPE].said ? !is(&v[LEARN_SCOPE], "diagonal") : p->coupled,
        .feedback = is(&v[LEARN_FEEDBACK], "random")     ? FEEDBACK_RANDOM
                    : is(&v[LEARN_FEEDBACK], "adaptive") ? FEEDBACK_ADAPTIVE
                                                         : p->feedback,
        .from_error = comes_from_error(l), .window = at_once || is(&v[LEARN_VJP_TIME], "t") ? 0 : (int)number_or(&v[LEARN_WINDOW], 1),
        .signal_total = is(&v[LEARN_SIGNAL], "total"), .plain_none = is(&v[LEARN_PLAIN], "none"),
        .mean = is(&v[LEARN_REDUCTION], "mean"),
        .dense = is(&v[LEARN_DENSE], "drop")       ? DENSE_DROP
                 : is(&v[LEARN_DENSE], "diagonal") ? DENSE_DIAGONAL
                                                   : DENSE_ERROR,
        .decay_x = v[LEARN_DECAY].said  ? v[LEARN_DECAY].number[0]
                   : v[LEARN_RANK].said ? (rank - 1) / (rank + 1)
                                        : p->decay_x,
        .decay_f = v[LEARN_DECAY].said  ? v[LEARN_DECAY].number[1]
                   : v[LEARN_RANK].said ? (rank - 1) / (rank + 1)
                                        : p->decay_f,
        .kappa = number_or(&v[LEARN_KAPPA], p->kappa), .leak = number_or(&v[LEARN_LEAK], p->leak),
        .order = (int)number_or(&v[LEARN_ORDER], 1), .modulator = v[LEARN_MODULATOR].word,
        .by_call = is(&v[LEARN_BIAS_CORRECTION], "call"),
        .half = is(&v[LEARN_TRACE_DTYPE], "bfloat16")  ? HALF_BFLOAT16
                : is(&v[LEARN_TRACE_DTYPE], "float16") ? HALF_FLOAT16
                                                       : HALF_NONE,
        .half_at = v[LEARN_TRACE_DTYPE].at,
        .noise_input = is(&v[LEARN_NOISE], "input"), .pooled = is(&v[LEARN_ESTIMATE], "batch"),
        .factored = v[LEARN_FACTORED].list,
        .seed = (int64_t)v[LEARN_SEED].number[0],
        .below = (int64_t)number_or(&v[LEARN_BELOW], 0), .at = v[LEARN_RULE].at};
    if (is(&v[LEARN_SCOPE], "sparse_n"))
        res->trace = TRACE_INFLUENCE;
    if (res->trace == TRACE_INFLUENCE && res->order == 1)
        res->trace = TRACE_WEIGHT; /* on the same positions alone: the coupled scope */
    if (v[LEARN_RULE].said && !s->loss)
        diag_error(d, v[LEARN_RULE].at, "E0283", "a learning rule needs a loss");
    return diag_errors(d) == before;
}
