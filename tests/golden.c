/* SPDX-License-Identifier: Apache-2.0 */
/* In: a command line, a spec, a case.  Out: a line an array, and the verdict.
   The model is driven several times from the same beginning: by _step, by each of the solves, and
   by whichever of _learn and _learn_sequence it has; what several of them give is compared each
   time.  */
#include "golden.h"

#include "golden_case.h"

#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 64 };

typedef struct {
    const char *spec, *npz;
    const char *rule, *window, *vjp_time, *signal, *plain, *dense, *grad, *tol, *distance; /* NULL: not said */
    int n_set;
    const char *set[OPTIONS_MAX];
    name_map map;
    char *spec_text; /* some of the above point into it */
} arguments;

/* --- the command line ------------------------------------------------------------------------- */

static const char help[] =
    "Usage: golden-check SPEC.yaml CASE.npz [OPTION]...\n"
    "Generate, compile and run SPEC, and compare it with the reference data in CASE.  One line an\n"
    "array: the worst absolute difference, the worst one relative to the array's largest element,\n"
    "ok or FAIL.\n"
    "\n"
    "  --rule R --window K --vjp-time T --signal S --plain P --dense D\n"
    "                       given to etrace-gen; what is not said is as the spec has it\n"
    "  --set NAME=VALUE     another option of etrace-gen: --set unroll=0\n"
    "  --grad NAME          compare the gradient with grad/NAME (else by rule and window:\n"
    "                       d_rtrl, d_rtrl_ms1, bptt, ...)\n"
    "  --map OURS=THEIRS... other names in the reference: cell.b=W.bias, cell.*=*, h2w/A=lora\n"
    "  --distance WORD      print WORD and the relative distance of the whole gradient, last\n"
    "  --tol X              how far a value may be off, absolutely or relatively (1e-10)\n"
    "\n"
    "Lines of the spec that begin with '# golden-check:' hold further options; the command line's\n"
    "go before.  Signals are compared with --signal total.  The hidden groups of the reference\n"
    "are read from CASE.json if it is there; else they are taken to be ours, in our order.\n"
    "ETRACE_GEN names the generator, CC the compiler.\n"
    "\n"
    "Exit status: 0 all is within TOL, 1 it is not, 2 the command line is wrong, 3 a file cannot\n"
    "be read, generated or compiled.\n";

static int usage(const char *text, const char *word)
{
    fprintf(stderr, "golden-check: %s%s%s\n", text, word ? ": " : "", word ? word : "");
    fputs("golden-check: --help lists the options\n", stderr);
    return GOLDEN_USAGE;
}

/* Where the value of the option NAME goes, or NULL.  */
static const char **option_place(arguments *a, const char *name)
{
    const struct {
        const char *name;
        const char **place;
    } row[] = {{"rule", &a->rule},     {"window", &a->window}, {"vjp-time", &a->vjp_time},
               {"signal", &a->signal}, {"plain", &a->plain},   {"dense", &a->dense},
               {"grad", &a->grad},     {"tol", &a->tol},
               {"distance", &a->distance}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        if (strcmp(row[i].name, name) == 0)
            return row[i].place;
    return NULL;
}

static int put_option(arguments *a, const char *name, const char *value)
{
    const char **place = option_place(a, name);

    if (strcmp(name, "map") == 0)
        return name_map_add(&a->map, value) == 0 ? GOLDEN_SAME
                                                 : usage("this is no OURS=THEIRS", value);
    if (strcmp(name, "set") == 0) {
        if (!strchr(value, '=') || a->n_set == OPTIONS_MAX)
            return usage("this is no NAME=VALUE", value);
        a->set[a->n_set++] = value;
        return GOLDEN_SAME;
    }
    if (!place)
        return usage("there is no option", name);
    if (!*place) /* what comes first counts: the spec is read last */
        *place = value;
    return GOLDEN_SAME;
}

/* --NAME=VALUE or --NAME VALUE at ARGV[*I], which is moved to the last word that was read.  */
static int read_option(arguments *a, int argc, const char *const *argv, int *i)
{
    const char *equals = strchr(argv[*i], '=');
    const char *const word = argv[*i] + 2;
    char name[32];

    snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - word) : (int)strlen(word), word);
    if (!equals && *i + 1 == argc)
        return usage("this option needs a value", argv[*i]);
    int status = put_option(a, name, equals ? equals + 1 : argv[++*i]);
    while (status == GOLDEN_SAME && strcmp(name, "map") == 0 && *i + 1 < argc
           && argv[*i + 1][0] != '-' && strchr(argv[*i + 1], '='))
        status = put_option(a, name, argv[++*i]);
    return status;
}

static int read_words(arguments *a, int argc, const char *const *argv)
{
    int status = GOLDEN_SAME;

    for (int i = 0; i < argc && status == GOLDEN_SAME; i++) {
        if (strncmp(argv[i], "--", 2) == 0)
            status = read_option(a, argc, argv, &i);
        else if (!a->spec)
            a->spec = argv[i];
        else if (!a->npz)
            a->npz = argv[i];
        else
            status = usage("one word too many", argv[i]);
    }
    return status;
}

/* The options in the comments of the spec.  Its text is cut into words, and stays.  */
static int read_spec_lines(arguments *a)
{
    static const char mark[] = "# golden-check:";
    const char *word[OPTIONS_MAX];
    int n = 0;

    a->spec_text = file_text(a->spec);
    if (!a->spec_text) {
        fprintf(stderr, "golden-check: %s: cannot be read\n", a->spec);
        return GOLDEN_FAILURE;
    }
    for (char *line = a->spec_text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (strncmp(line, mark, sizeof mark - 1) != 0)
            continue;
        for (char *w = strtok(line + sizeof mark - 1, " \t\r"); w; w = strtok(NULL, " \t\r")) {
            if (n == OPTIONS_MAX || a->npz == NULL)
                return usage("too many options in the spec", NULL);
            word[n++] = w;
        }
    }
    return read_words(a, n, word);
}

/* Every name of ours that a pair speaks of has to be there.  */
static int check_map(const golden_case *c)
{
    for (int i = 0; i < c->map.n; i++) {
        const char *slash = strchr(c->map.ours[i], '/');
        const char *ours = slash ? slash + 1 : c->map.ours[i];
        const size_t n = strlen(ours);
        const int star = n > 0 && ours[n - 1] == '*';
        int found = 0;
        for (int v = 0; v < c->m->info->n_vars; v++)
            found = found || strncmp(c->m->info->vars[v].path, ours, star ? n - 1 : n + 1) == 0;
        if (!found)
            return usage("--map: nothing of ours has this name", ours);
    }
    return GOLDEN_SAME;
}

/* --- running ---------------------------------------------------------------------------------- */

/* The rule of the model up to the comma: "d_rtrl, window 1" -> d_rtrl, and its window, or 0.  */
static void read_rule(const etr_info *info, char rule[NAME_LENGTH], int *window)
{
    const char *w = strstr(info->rule, ", window ");
    snprintf(rule, NAME_LENGTH, "%.*s", (int)strcspn(info->rule, ","), info->rule);
    *window = w ? atoi(w + strlen(", window ")) : 0;
}

/* Which of the reference's gradients the model's is: d_rtrl, d_rtrl_ms1, bptt, ...  */
static void choose_gradient(const arguments *a, golden_case *c)
{
    char rule[NAME_LENGTH];
    int window;

    read_rule(c->m->info, rule, &window);
    if (a->grad)
        snprintf(c->grad, sizeof c->grad, "%s", a->grad);
    else if (window > 0)
        snprintf(c->grad, sizeof c->grad, "%.100s_ms%d", a->rule ? a->rule : rule, window);
    else
        snprintf(c->grad, sizeof c->grad, "%s", a->rule ? a->rule : rule);
    c->signals = strstr(c->m->info->rule, ", signal total") != NULL;
}

enum {
    LOOK_FORWARD = 1u << ETR_HIDDEN | 1u << ETR_STATE | 1u << ETR_OUTPUT,
    LOOK_JACOBIAN = LOOK_FORWARD | 1u << ETR_H2H | 1u << ETR_H2W | 1u << ETR_H2W_X,
    LOOK_SIGNAL = LOOK_JACOBIAN | 1u << ETR_SIGNAL
};

static void drive_forward(golden_case *c)
{
    for (int t = 0; t < c->n_steps; t++) {
        model_step(c->m, t);
        case_look(c, LOOK_FORWARD, t);
    }
}

static void drive_jacobian(golden_case *c)
{
    for (int t = 0; t < c->n_steps; t++) {
        model_solve(c->m, t);
        case_look(c, LOOK_JACOBIAN, t);
    }
}

static void drive_signal(golden_case *c)
{
    for (int t = 0; t < c->n_steps && model_has(c->m, MODEL_SOLVE_SIGNAL); t++) {
        const double loss = model_solve_signal(c->m, t);
        case_look(c, LOOK_SIGNAL, t);
        case_look_loss(c, loss, t);
    }
}

static void look_at_learning(golden_case *c, double total)
{
    case_look_total(c, total);
    case_look_gradient(c);
    case_look(c, 1u << ETR_HIDDEN | 1u << ETR_STATE, c->n_steps - 1);
    for (int t = 0; t < c->n_steps; t++)
        case_look(c, 1u << ETR_OUTPUT, t);
}

static void drive_learning(golden_case *c)
{
    if (model_has(c->m, MODEL_LEARN))
        look_at_learning(c, model_learn_all(c->m));
}

static void drive_sequence(golden_case *c)
{
    if (!model_has(c->m, MODEL_LEARN_SEQUENCE))
        return;
    model_reset(c->m);
    look_at_learning(c, model_learn_sequence(c->m));
}

static int drive(golden_case *c)
{
    static void (*const way[])(golden_case *) = {drive_forward, drive_jacobian, drive_signal,
                                                 drive_learning, drive_sequence};
    const size_t size = c->m->info->state_bytes;
    char *start = malloc(size + 1);

    if (!start)
        return -1;
    memcpy(start, c->m->state, size);
    for (size_t i = 0; i < sizeof way / sizeof way[0]; i++) {
        memcpy(c->m->state, start, size);
        way[i](c);
    }
    free(start);
    return 0;
}

static int compare(const arguments *a, golden_case *c, double tol, FILE *report)
{
    c->map = a->map;
    choose_gradient(a, c);
    int status = check_map(c);
    if (status != GOLDEN_SAME)
        return status;
    if (case_bind(c) != 0 || drive(c) != 0)
        return GOLDEN_FAILURE;
    int failed = case_report(c, tol, report);
    if (a->distance)
        fprintf(report, "%s %.17g\n", a->distance, c->distance);
    return failed ? GOLDEN_DIFFERS : GOLDEN_SAME;
}

/* --- all of it -------------------------------------------------------------------------------- */

/* The options of the generator, each "--NAME=VALUE" in TEXT.  */
static void generator_options(const arguments *a, const char *option[OPTIONS_MAX + 8],
                              char text[OPTIONS_MAX + 8][NAME_LENGTH])
{
    const struct {
        const char *name, *value;
    } row[] = {{"rule", a->rule},     {"window", a->window}, {"vjp-time", a->vjp_time},
               {"signal", a->signal}, {"plain", a->plain},   {"dense", a->dense}};
    int n = 0;

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        if (row[i].value)
            snprintf(text[n++], NAME_LENGTH, "--%s=%s", row[i].name, row[i].value);
    for (int i = 0; i < a->n_set; i++)
        snprintf(text[n++], NAME_LENGTH, "--%s", a->set[i]);
    for (int i = 0; i < n; i++)
        option[i] = text[i];
    option[n] = NULL;
}

static int run(arguments *a, double tol, FILE *report)
{
    static char text[OPTIONS_MAX + 8][NAME_LENGTH];
    const char *option[OPTIONS_MAX + 8];
    golden_case c;
    model m;

    if (case_open(&c, a->npz) != 0)
        return GOLDEN_FAILURE;
    generator_options(a, option, text);
    const model_source source = {.spec = a->spec, .option = option, .n_steps = c.n_steps};
    int status = GOLDEN_FAILURE;
    if (model_open(&m, &source) == 0) {
        c.m = &m;
        status = compare(a, &c, tol, report);
        model_close(&m);
    }
    case_close(&c);
    return status;
}

int golden_run(int argc, const char *const *argv, FILE *report)
{
    arguments *a = calloc(1, sizeof *a);
    double tol = 1e-10;
    char *end = NULL;

    if (!a)
        return GOLDEN_FAILURE;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, report);
            free(a);
            return GOLDEN_SAME;
        }
    int status = read_words(a, argc - 1, argv + 1);
    if (status == GOLDEN_SAME && !a->npz)
        status = usage("a spec and a case are needed", NULL);
    if (status == GOLDEN_SAME)
        status = read_spec_lines(a);
    if (status == GOLDEN_SAME && a->tol) {
        tol = strtod(a->tol, &end);
        if (end == a->tol || *end || !(tol >= 0))
            status = usage("--tol is a number, not", a->tol);
    }
    if (status == GOLDEN_SAME)
        status = run(a, tol, report);
    free(a->spec_text);
    free(a);
    return status;
}
