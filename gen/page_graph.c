/* SPDX-License-Identifier: Apache-2.0 */
/* In: the graph.  Out: boxes and arrows for the page, in three columns: uses of parameters; the hidden groups with their
   states; what has no trace, and the dynamic states.  Afterwards no two boxes meet.  */
#include "page.h"

#include "quote.h"
#include "values.h"

#include <string.h>

enum { MARGIN = 14, GAP = 12, BOX = 42, GROUP_GAP = 26, GROUP_HEAD = 26, COLUMN_GAP = 150, LETTER = 8, N_COLORS = 8 };

typedef struct {
    int x, y, width;
} place;

typedef struct {
    const graph *gr;
    arena *arena;
    place *state; /* of graph.hidden */
    buf boxes, arrows;
} picture;

static const char *html(arena *a, const char *text)
{
    buf b = {0};
    quote_html(&b, text);
    const char *res = arena_strdup(a, buf_text(&b));
    buf_free(&b);
    return res;
}

static void put_box(picture *p, const char *class, place at, int height, const char *first, const char *second)
{
    arena *a = p->arena;
    const char *field[] = {class, arena_printf(a, "%d", at.x), arena_printf(a, "%d", at.y),
                           arena_printf(a, "%d", at.width), arena_printf(a, "%d", height), html(a, first),
                           html(a, second)};
    values_row(&p->boxes, 7, field);
}

/* A curve between two places, labelled at its middle.  */
static void put_arrow(picture *p, const char *class, int x1, int y1, int x2, int y2, const char *label)
{
    arena *a = p->arena;
    int bend = (x2 - x1) / 2;
    const char *field[] = {class, arena_printf(a, "M%d %dC%d %d %d %d %d %d", x1, y1, x1 + bend, y1, x2 - bend, y2, x2,
                                               y2),
                           arena_printf(a, "%d", x2 - 30), arena_printf(a, "%d", y2 - 5), label};
    values_row(&p->arrows, 5, field);
}

/* D from one state of a group to another, around the right of both.  */
static void put_loop(picture *p, const char *class, place from, place to)
{
    arena *a = p->arena;
    int x = from.x + from.width, y1 = from.y + BOX / 2 + 6, y2 = to.y + BOX / 2 - 6;
    int out = x + 30 + (y1 > y2 ? y1 - y2 : y2 - y1) / 4;
    const char *field[] = {class, arena_printf(a, "M%d %dC%d %d %d %d %d %d", x, y1, out, y1, out, y2, x, y2),
                           arena_printf(a, "%d", x + 26), arena_printf(a, "%d", y2 + 2), "D"};
    values_row(&p->arrows, 5, field);
}

static int wider(int width, const char *text)
{
    int own = (int)strlen(text) * LETTER + 2 * MARGIN;
    return own > width ? own : width;
}

static const char *color(const picture *p, int group)
{
    return arena_printf(p->arena, "g%d", group % N_COLORS);
}

static const char *title_of(const picture *p, int v)
{
    const var *x = &p->gr->ir->var[v];
    return arena_printf(p->arena, "%s %s", x->path, shape_text(p->arena, x->shape));
}

/* Returns where the column ends.  */
static int put_groups(picture *p, int x, int width)
{
    const graph *gr = p->gr;
    int y = MARGIN;
    for (int k = 0; k < gr->n_groups; k++) {
        const hidden_group *group = &gr->group[k];
        const char *class = color(p, k);
        place frame = {x, y, width + 70};
        put_box(p, arena_printf(p->arena, "group %s", class), frame, GROUP_HEAD + group->n_states * (BOX + GAP),
                arena_printf(p->arena, "group %d %s", k, shape_text(p->arena, group->varshape)), "");
        y += GROUP_HEAD;
        for (int s = 0; s < group->n_states; s++, y += BOX + GAP) {
            p->state[group->state[s]] = (place){x + 10, y, width};
            put_box(p, class, p->state[group->state[s]], BOX, title_of(p, gr->hidden[group->state[s]]), "hidden");
        }
        for (int row = 0; group->D && row < group->n_states; row++)
            for (int col = 0; col < group->n_states; col++)
                if (!ir_is_zero(gr->ir, group->D[row * group->n_states + col]))
                    put_loop(p, class, p->state[group->state[col]], p->state[group->state[row]]);
        y += GROUP_GAP;
    }
    return y;
}

static int put_relations(picture *p, int width)
{
    const graph *gr = p->gr;
    int y = MARGIN;
    for (int i = 0; i < gr->n_relations; i++) {
        const relation *r = &gr->relation[i];
        const char *class = r->n_groups > 0 ? color(p, r->group[0]) : "";
        if (r->is_bias)
            continue;
        put_box(p, class, (place){MARGIN, y, width}, BOX,
                arena_printf(p->arena, "%s %s", r->name, shape_text(p->arena, gr->ir->var[r->param[0]].shape)),
                show_use(gr, r));
        for (int k = 0; k < r->n_reached; k++) {
            place to = p->state[r->reached[k]];
            const char *own = color(p, gr->group_of[r->reached[k]]);
            put_arrow(p, r->mixed ? arena_printf(p->arena, "%s mixed", own) : own, MARGIN + width, y + BOX / 2, to.x,
                      to.y + BOX / 2, "df");
        }
        y += BOX + GAP;
    }
    return y;
}

static bool is_apart(const graph *gr, int v)
{
    const var *x = &gr->ir->var[v];
    bool plain = x->kind == VAR_PARAM && x->now < gr->n_base && gr->fate[v] != FATE_RELATION
                 && gr->fate[v] != FATE_MIXED;
    return plain || x->kind == VAR_STATE;
}

static const char *why_apart(const graph *gr, int v)
{
    return gr->ir->var[v].kind == VAR_STATE ? "state, not differentiated" : graph_fate_text(gr->fate[v]);
}

static int put_rest(picture *p, int x, int width)
{
    int y = MARGIN;
    for (int v = 0; v < p->gr->ir->n_vars; v++)
        if (is_apart(p->gr, v)) {
            put_box(p, "plain", (place){x, y, width}, BOX, title_of(p, v), why_apart(p->gr, v));
            y += BOX + GAP;
        }
    return y;
}

/* The widths of the three columns.  */
static void find_widths(const picture *p, int width[3])
{
    const graph *gr = p->gr;
    for (int i = 0; i < gr->n_relations; i++) {
        const relation *r = &gr->relation[i];
        const char *dims = shape_text(p->arena, gr->ir->var[r->param[0]].shape);
        if (!r->is_bias)
            width[0] = wider(wider(width[0], show_use(gr, r)), arena_printf(p->arena, "%s %s", r->name, dims));
    }
    for (int s = 0; s < gr->n_hidden; s++)
        width[1] = wider(width[1], title_of(p, gr->hidden[s]));
    for (int v = 0; v < gr->ir->n_vars; v++)
        if (is_apart(gr, v))
            width[2] = wider(wider(width[2], why_apart(gr, v)), title_of(p, v));
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

void page_graph(const graph *gr, buf *values)
{
    arena *a = gr->ir->arena;
    picture p = {.gr = gr, .arena = a, .state = ARENA_ARRAY(a, place, gr->n_hidden + 1)};
    int width[3] = {0, 0, 0};
    find_widths(&p, width);
    int middle = MARGIN + width[0] + (width[0] ? COLUMN_GAP : 0);
    int right = middle + (width[1] ? width[1] + COLUMN_GAP : 0);
    int height = put_groups(&p, middle, width[1]);
    height = larger(height, put_relations(&p, width[0]));
    height = larger(height, put_rest(&p, right, width[2]));
    values_set(values, "width", arena_printf(a, "%d", right + width[2] + MARGIN));
    values_set(values, "height", arena_printf(a, "%d", height + MARGIN));
    values_open(values, "box");
    buf_puts(values, buf_text(&p.boxes));
    values_close(values);
    values_open(values, "arrow");
    buf_puts(values, buf_text(&p.arrows));
    values_close(values);
    buf_free(&p.boxes);
    buf_free(&p.arrows);
}
