/* SPDX-License-Identifier: Apache-2.0 */
/* In: what a model costs, and what it may cost.  Out: errors, each with the largest shares.  */
#include "report.h"
#include "size.h"

enum { SHARES_SHOWN = 3 };

static const int64_t DEFAULT_BYTES = (int64_t)1 << 30;

/* Half of what a program has on most systems, unless the command line says what there is.  */
static const int64_t USUAL_STACK = (int64_t)4 << 20;

static const loc nowhere = {NULL, 0, 0, 0};

/* The largest share that is not SHOWN yet, or NULL.  */
static const report_share *largest(const report_shares *s, bool *shown)
{
    int best = -1;
    for (int i = 0; i < s->n; i++)
        if (!shown[i] && (best < 0 || s->share[i].bytes > s->share[best].bytes))
            best = i;
    if (best < 0)
        return NULL;
    shown[best] = true;
    return &s->share[best];
}

/* "284 bytes" or "5.7 KiB (5860 bytes)" */
static const char *exact(arena *a, int64_t bytes)
{
    const char *text = size_text(a, bytes);
    return bytes < 1024 ? text : arena_printf(a, "%s (%lld bytes)", text, (long long)bytes);
}

static void note_largest(const report *r, const report_shares *s, diag *d)
{
    arena *a = r->ir->arena;
    bool *shown = ARENA_ARRAY(a, bool, s->n + 1);
    const char *text = "";
    for (int i = 0; i < SHARES_SHOWN; i++) {
        const report_share *x = largest(s, shown);
        if (x)
            text = arena_printf(a, "%s%s%s, %s", text, *text ? "; " : "", x->what,
                                size_text(a, x->bytes));
    }
    if (*text)
        diag_note(d, nowhere, "the largest parts: %s", text);
}

static void check_ram(const report *r, int64_t limit, diag *d)
{
    arena *a = r->ir->arena;
    int64_t kept = size_plus(r->bytes[BLOCK_STATE], r->bytes[BLOCK_TRACE]);
    if (limit > 0 && r->ram_bytes > limit) {
        diag_error(d, nowhere, "E0510", "learning takes %s of RAM, and --max-ram allows %s",
                   exact(a, r->ram_bytes), size_text(a, limit));
    } else if (limit == 0 && kept > DEFAULT_BYTES) {
        diag_error(d, nowhere, "E0511", "the state and the trace take %s, and the limit is %s",
                   size_text(a, kept), size_text(a, DEFAULT_BYTES));
        int64_t whole = r->ram_bytes / DEFAULT_BYTES + 1;
        diag_note(d, nowhere, "if that is meant, --max-ram=%lldG allows the model's %s in all",
                  (long long)whole, size_text(a, r->ram_bytes));
    } else {
        return;
    }
    note_largest(r, &r->ram, d);
}

static void check_rom(const report *r, int64_t limit, diag *d)
{
    arena *a = r->ir->arena;
    report_shares shares = {0};
    int64_t bytes = r->bytes[BLOCK_TABLES];
    if (limit == 0 || bytes <= limit)
        return;
    diag_error(d, nowhere, "E0512", "the constant tables take %s, and --max-rom allows %s",
               exact(a, bytes), size_text(a, limit));
    for (int i = 0; i < r->ir->n_patterns; i++) {
        const pattern *p = &r->ir->pattern[i];
        report_share s = {arena_printf(a, "%s of %lld non-zeros", p->name, (long long)p->n),
                          pattern_bytes(p)};
        ARENA_PUSH(a, shares.share, shares.n, shares.cap, s);
    }
    note_largest(r, &shares, d);
}

/* Nobody said what there is: the function with most arrays, if it may have too little.  */
static void warn_stack(const report *r, diag *d)
{
    const report_function *f = NULL;
    for (int i = 0; i < r->n_functions; i++)
        if (!f || r->function[i].array_bytes > f->array_bytes)
            f = &r->function[i];
    if (!f || f->stack_bytes <= USUAL_STACK)
        return;
    diag_warning(d, nowhere, "stack", "%s takes about %s of stack; most systems give a program 8 MiB", f->name,
                 exact(r->ir->arena, f->stack_bytes));
    note_largest(r, &f->arrays, d);
    diag_note(d, nowhere, "'ulimit -s' or a thread of your own gives it more; --max-stack says what there is");
}

static void check_stack(const report *r, int64_t limit, diag *d)
{
    arena *a = r->ir->arena;
    if (limit == 0)
        warn_stack(r, d);
    for (int i = 0; i < r->n_functions; i++) {
        const report_function *f = &r->function[i];
        if (limit == 0 || f->stack_bytes <= limit)
            continue;
        diag_error(d, nowhere, "E0513", "%s takes about %s of stack, and --max-stack allows %s",
                   f->name, exact(a, f->stack_bytes), size_text(a, limit));
        note_largest(r, &f->arrays, d);
    }
}

/* Loops and subscripts are ints.  */
static void check_count(const report *r, diag *d)
{
    if (r->largest_count > INT32_MAX)
        diag_error(d, nowhere, "E0514",
                   "%s has %lld elements; more than %d cannot be counted in an int", r->largest,
                   (long long)r->largest_count, INT32_MAX);
}

void report_check(const report *r, const report_limits *limits, diag *d)
{
    check_ram(r, limits->ram, d);
    check_count(r, d);
    check_rom(r, limits->rom, d);
    check_stack(r, limits->stack, d);
}
