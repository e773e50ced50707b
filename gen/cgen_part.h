/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the code generator share: cgen_value.c has names and expressions, cgen_linear.c and
   cgen_product.c the loops of operators of their own, cgen.c everything else.  */
#ifndef CGEN_PART_H
#define CGEN_PART_H

#include "cgen.h"

/* One subscript: a C expression plus a literal, or the literal alone.  */
typedef struct {
    const char *text; /* NULL: the literal alone */
    int64_t add;
} subscript;

/* The names of a function, in a hash table.  */
typedef struct {
    const char *text;
    int number; /* the last one put behind it to make another name of it */
} cgen_name_entry;

typedef struct {
    size_t n, n_slots; /* a power of two, at least twice N */
    cgen_name_entry *slot;
} cgen_names;

/* The loop whose body is being written, and where it stands.  */
typedef struct cgen_frame {
    int loop;         /* the OP_loop */
    const char *turn; /* its variable */
    const schedule *sc;
    int kernel;
    const struct cgen_frame *up;
} cgen_frame;

typedef struct {
    const schedule *sc;
    const ir *ir;
    const cgen_style *style;
    arena *arena;
    buf *out;
    const char **name; /* of nodes that have one */
    cgen_names names; /* all of them */
    int n_unnamed;
    const char **scalar;  /* of nodes of a body being printed: their variables */
    const char **carried; /* of OP_repeat nodes whose loop was printed */
    int kernel; /* the one being written */
    int from;   /* what the next statements come from: into ir.origin */
    const cgen_frame *frame; /* NULL outside of loops */
    const char *parted;   /* the variable whose loop goes over a part of its turns only, NULL: none; */
    const char *part_end; /* the end of the part, which begins at `part` */
    bool called; /* in a function of style.functions, whose arguments are x, w and y */
    int rows; /* one more than the pattern whose rows are being met, in the loops over `row` and q; 0: none */
} cgen;

/* The variables of nested loops, outermost first.  */
extern const char *const cgen_loop_var[RANK_MAX];

const char *cgen_real(const cgen *c); /* float or double */
void cgen_line(cgen *c, const char *text);
void cgen_statement(cgen *c, const char *macro, int n, const char *const *arg);
void cgen_for(cgen *c, const char *variable, int64_t n);
void cgen_for_from(cgen *c, const char *variable, int64_t from, int64_t to, int64_t step);
void cgen_end(cgen *c); /* of a loop or block */

/* Are N turns few enough for gcc to write them out before it looks for vectors?  */
bool cgen_is_short(int64_t n);

/* A loop whose turns do not depend on one another.  */
void cgen_for_each(cgen *c, const char *variable, int64_t n);

/* cgen_share.c, all of no effect without --openmp.  Threads share the TURNS of the loop that is written next, if the
   FLOPS operations of all of them are worth it.  No two turns may write the same memory.  */
void cgen_share(cgen *c, int64_t turns, int64_t flops);

/* The same for the loop over VARIABLE, of N turns, which stands inside of those written next: around them a loop over
   parts of it.  NEIGHBOURS: it goes along neighbours in memory.  And its end.  */
void cgen_share_parts(cgen *c, const char *variable, int64_t n, bool neighbours, int64_t flops);
void cgen_end_parts(cgen *c);

/* A sum over N elements in partial sums that make up vectors, then over what remains; behind it total_q has it:
       for (cgen_lanes l = cgen_lanes_begin(c, "o", n); cgen_lanes_more(c, &l);)
           cgen_line(c, "l.to += element l.at");  */
typedef struct {
    const char *variable, *to;
    subscript at;
    int64_t n, lanes, done; /* elements */
    int phase;
} cgen_lanes;

cgen_lanes cgen_lanes_begin(cgen *c, const char *variable, int64_t n);
bool cgen_lanes_more(cgen *c, cgen_lanes *l);

/* Loops over the axes of S, and their subscripts; then their ends.  */
void cgen_loops(cgen *c, shape s, subscript *at);
void cgen_ends(cgen *c, int n);

const char *cgen_name(cgen *c, int n);

/* The first of BASE, BASE_2, BASE_3, ... that is free; it is no longer.  */
const char *cgen_free_name(cgen *c, const char *base);

/* Is N the first of the N_ITEMS nodes ITEM that its loop computes?  Then the loop is to be printed.  */
bool cgen_leads(const ir *g, const int *item, int n_items, int n);

/* The loop of N for element AT.  C.carried then has the variables of all ITEMs that it computes.  */
void cgen_region(cgen *c, const int *item, int n_items, int n, const subscript *at);

/* All kernels of C.sc.  */
void cgen_kernels(cgen *c);

/* The loop L: its carries, its stacks, and its body.  */
void cgen_loop(cgen *c, int L);

/* Element AT of a bound of the loop being written; and what holds all of it.  */
const char *cgen_bound(cgen *c, int n, const subscript *at, int *prec);
const char *cgen_bound_base(cgen *c, int n);

/* How what holds leaf or kept node N is stored; of a bound of the loop being written; and ELEMENT of it as a number
   to compute with.  */
half_kind cgen_half(cgen *c, int n);
half_kind cgen_bound_half(cgen *c, int n);
half_kind cgen_store_half(const cgen *c, const store *st);
const char *cgen_widened(cgen *c, half_kind half, const char *element);

void cgen_for_back(cgen *c, const char *variable, int64_t n);

/* The array or scalar that holds leaf or kept node N, without subscripts.  */
const char *cgen_base(cgen *c, int n);

/* Its element AT.  */
const char *cgen_held(cgen *c, int n, const subscript *at);

/* Element AT of where ST puts its value.  */
const char *cgen_place(cgen *c, const store *st, const subscript *at);

/* Element AT of BASE.  */
const char *cgen_element(cgen *c, const char *base, shape s, const subscript *at);

/* The C text of element AT of node N; *PREC as in ops.def.  */
const char *cgen_value(cgen *c, int n, const subscript *at, int *prec);

/* The text of N's own operation on its arguments.  */
const char *cgen_expression(cgen *c, int n, const subscript *at, int *prec);

/* View N at AT, through its argument.  */
const char *cgen_view(cgen *c, int n, const subscript *at, int *prec);

bool cgen_is_local(const cgen *c, int n);

/* Declare the array of N, followed by INIT.  */
void cgen_declare(cgen *c, int n, const char *init);

/* One operand of a product at AT, between parentheses where it is a sum.  */
const char *cgen_factor(cgen *c, int n, const subscript *at);

/* Element AT of what the sums N are added into: an array of their own, or the place of their store.  */
const char *cgen_target(cgen *c, int n, const subscript *at);

/* The array of the sums N, all zeros; nothing if they are added to what a store's place holds.  */
void cgen_declare_sums(cgen *c, int n);

/* " = {{0}}", for an array of shape S.  */
const char *cgen_zeros(arena *a, shape s);

/* What the spec says about N.  */
void cgen_comment(cgen *c, int n);

/* A reduction N: its array or scalar before the first element; the share of element AT of its argument; and all
   of it, in loops of its own.  */
void cgen_reduce_begin(cgen *c, int n);
void cgen_reduce_element(cgen *c, int n, const subscript *at);
void cgen_reduce(cgen *c, int n);

/* The loops of a product of matrices.  */
void cgen_product(cgen *c, int n);

/* cgen_called.c: call a function that does LOOPS of product N, if that can be; else false.  Within the function, where
   C.called holds: the shape of an operand or result, which has at most one axis of rows.  Everywhere: element AT of
   operand I of N, and of what its sums are added to.  */
bool cgen_call(cgen *c, int n, void (*loops)(cgen *c, int n));
shape cgen_rows(const cgen *c, shape s);
const char *cgen_operand(cgen *c, int n, int i, const subscript *at);
const char *cgen_sum(cgen *c, int n, const subscript *at);

/* Element AT of an array of shape S, whose elements NAME has in a row.  */
const char *cgen_flat(cgen *c, const char *name, shape s, const subscript *at);
/* The loops of a product with a sparse matrix.  */
void cgen_sparse(cgen *c, int n);

/* Does the variable NAME stand in TEXT?  (The member of a struct is none.)  */
bool cgen_stands_in(const char *text, const char *name);

/* On with the next turn of the loop where VALUE is zero.  */
void cgen_skip_silent(cgen *c, const char *value);

/* The loop over VARIABLE without the turns where VALUE, which may be an element of that place, is zero; where that is
   worth it several are looked at together.  Returns how many loops it is.  */
int cgen_for_events(cgen *c, const char *variable, int64_t from, int64_t to, const char *value);

/* A value with zeros, as said by KIND at least, that stands still in the innermost loop of K, at AT, and where it is
   zero that loop changes nothing; NULL: there is none.  */
const char *cgen_silent(cgen *c, const kernel *k, const subscript *at, event_kind kind);

/* The pattern whose rows the loop K reads; -1: none that goes by rows.  */
int cgen_rows_of(const cgen *c, const kernel *k);

/* The loop over the non-zeros q of row `row` of P.  */
void cgen_for_row(cgen *c, const pattern *p);

/* The loops of an operator of its own.  */
void cgen_linear(cgen *c, int n);

#endif
