/* SPDX-License-Identifier: Apache-2.0 */
/* In: errors, warnings and notes with their places, in the order of their finding.  Out: text on
   stderr, in the order of the places.  Afterwards nothing is held, and what came from a file is
   printed with its control characters escaped, so that no spec can drive a terminal.  */
#include "diag_part.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MESSAGE_BYTES = 600, /* of one message */
    NAME_BYTES = 64,     /* longer ones have no nearest name */
    NAMES_MAX = 2000,    /* among more there is none, either: looking takes time */
    LINE_BYTES = 1000,   /* of a line that is quoted outside of messages */
    LINES_A_MARK = 64
};

diag *diag_new(arena *a, int max_errors)
{
    diag *d = ARENA_NEW(a, diag);
    d->arena = a;
    d->max_errors = max_errors;
    for (int i = 0; i < N_SOURCE_LIMITS; i++)
        d->limit[i] = source_limit_rows[i].standard;
    return d;
}

const source_limit_row source_limit_rows[N_SOURCE_LIMITS] = {
    [LIMIT_DEPTH] = {"depth", 64, 1000},
    [LIMIT_ALIASES] = {"aliases", 1000, 1000000},
    [LIMIT_ANCHORS] = {"anchors", 1000, 1000000},
    [LIMIT_VALUES] = {"values", 100000, 100000000},
    [LIMIT_TEXT] = {"text", 64 * 1024, 1 << 30},
    [LIMIT_FILE] = {"file", 16 * 1024 * 1024, 1 << 30},
    [LIMIT_NAMES] = {"names", 10000, 1000000},
    [LIMIT_PARTS] = {"parts", 200000, 100000000},
};

int diag_limit(const diag *d, source_limit which)
{
    return d->limit[which];
}

void diag_over_limit(diag *d, loc at, const char *code, const char *what, source_limit which)
{
    diag_error(d, at, code, "%s: the limit is %d", what, diag_limit(d, which));
    diag_note(d, at, "if that is meant, --limit=%s=N allows more", source_limit_rows[which].name);
}

bool diag_spend(diag *d, loc at, const char *code, const char *what, source_limit which)
{
    if (d->spent[which] > d->limit[which])
        return false;
    if (++d->spent[which] <= d->limit[which])
        return true;
    diag_over_limit(d, at, code, what, which);
    return false;
}

void diag_set_limits(diag *d, const int *limit)
{
    memcpy(d->limit, limit, sizeof d->limit);
}

void diag_set_style(diag *d, const diag_style *style)
{
    d->style = *style;
}

/* The byte behind the line that begins at I, or LEN.  A line ends as libyaml counts: with CR LF, CR or LF.  */
static size_t next_line(const char *text, size_t len, size_t i)
{
    while (i < len && text[i] != '\n' && text[i] != '\r')
        i++;
    if (i >= len)
        return len;
    return i + (text[i] == '\r' && i + 1 < len && text[i + 1] == '\n' ? 2 : 1);
}

/* So that no line is looked for from the beginning of the file.  */
static void mark_lines(arena *a, source *src)
{
    size_t cap = 0, line = 0;
    for (size_t i = 0; i < src->len; i = next_line(src->text, src->len, i))
        if (line++ % LINES_A_MARK == 0)
            ARENA_PUSH(a, src->mark, src->n_marks, cap, i);
}

const source *diag_source(diag *d, const char *name, const char *text, size_t len)
{
    source *src = ARENA_NEW(d->arena, source);
    *src = (source){.name = arena_strdup(d->arena, name), .text = text, .len = len,
                    .index = d->n_sources++};
    mark_lines(d->arena, src);
    return src;
}

void diag_shorten(diag *d, const char *folder, const char *shown)
{
    d->folder = folder;
    d->shown = shown;
}

void diag_read(diag *d, const char *path)
{
    ARENA_PUSH(d->arena, d->file, d->n_files, d->cap_files, arena_strdup(d->arena, path));
}

const char *const *diag_files(const diag *d, size_t *n)
{
    *n = d->n_files;
    return d->file;
}

size_t diag_code_point(const char *text, size_t len, long *code)
{
    unsigned char c = (unsigned char)text[0];
    size_t n = c < 0x80 ? 1 : c >= 0xC2 && c < 0xE0 ? 2 : c >= 0xE0 && c < 0xF0 ? 3
               : c >= 0xF0 && c < 0xF5 ? 4 : 0;
    *code = -1;
    if (n == 0 || n > len)
        return 1;
    long value = n == 1 ? c : c & (0x7F >> n);
    for (size_t i = 1; i < n; i++) {
        unsigned char more = (unsigned char)text[i];
        if ((more & 0xC0) != 0x80)
            return 1;
        value = value << 6 | (more & 0x3F);
    }
    *code = value;
    return n;
}

static message *message_new(diag *d, severity s, loc at, const char *code, const char *format,
                            va_list args)
{
    buf text = {0};
    buf_vprintf(&text, format, args);
    message *m = ARENA_NEW(d->arena, message);
    size_t end = text.len > MESSAGE_BYTES ? MESSAGE_BYTES : text.len;
    while (end < text.len && end > 0 && ((unsigned char)text.text[end] & 0xC0) == 0x80)
        end--; /* not in the middle of a character */
    m->severity = s;
    m->at = at;
    m->code = code;
    m->text =
        arena_printf(d->arena, "%.*s%s", (int)end, buf_text(&text), end < text.len ? "..." : "");
    m->order = d->n;
    buf_free(&text);
    return m;
}

void diag_error(diag *d, loc at, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    message *m = message_new(d, ERROR, at, code, format, args);
    va_end(args);
    d->muted = false;
    ARENA_PUSH(d->arena, d->held, d->n, d->cap, m);
    d->n_errors++;
}

void diag_warning(diag *d, loc at, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    message *m = message_new(d, WARNING, at, code, format, args);
    va_end(args);
    warning_level level = warning_of(&d->style.warnings, code);
    d->muted = level == WARNING_OFF || d->style.no_warnings;
    if (d->muted)
        return;
    if (level == WARNING_ERROR) {
        m->severity = ERROR;
        m->was_warning = true;
        d->n_errors++;
    }
    ARENA_PUSH(d->arena, d->held, d->n, d->cap, m);
}

void diag_note(diag *d, loc at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    message *m = message_new(d, NOTE, at, NULL, format, args);
    va_end(args);
    if (d->muted)
        return;
    message *owner = d->n ? d->held[d->n - 1] : NULL;
    if (!owner)
        ARENA_PUSH(d->arena, d->held, d->n, d->cap, m);
    else if (owner->note)
        owner->last = owner->last->next = m;
    else
        owner->last = owner->note = m;
}

int diag_errors(const diag *d)
{
    return d->n_errors;
}

const char *diag_first_error(const diag *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->held[i]->severity == ERROR)
            return d->held[i]->text;
    return NULL;
}

static int compare_places(const loc *a, const loc *b)
{
    int fa = a->src ? a->src->index : -1, fb = b->src ? b->src->index : -1;
    if (fa != fb)
        return fa < fb ? -1 : 1;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return (a->col > b->col) - (a->col < b->col);
}

static int compare_messages(const void *a, const void *b)
{
    const message *x = *(message *const *)a, *y = *(message *const *)b;
    int by_place = compare_places(&x->at, &y->at);
    return by_place ? by_place : (x->order > y->order) - (x->order < y->order);
}

static bool is_repeat(const message *x, const message *y)
{
    return x->severity == y->severity && compare_places(&x->at, &y->at) == 0
           && strcmp(x->text, y->text) == 0
           && (!x->code || !y->code ? x->code == y->code : strcmp(x->code, y->code) == 0);
}

/* Was the same said before, at the same place?  Equal places are neighbours in HELD.  */
static bool was_said(message *const *held, size_t i)
{
    for (size_t k = i; k-- > 0 && compare_places(&held[k]->at, &held[i]->at) == 0;)
        if (is_repeat(held[k], held[i]))
            return true;
    return false;
}

bool diag_line(const source *src, int line, const char **start, size_t *len)
{
    const size_t mark = line > 1 ? (size_t)(line - 1) / LINES_A_MARK : 0;
    if (mark > 0 && mark >= src->n_marks)
        return false;
    size_t i = mark > 0 ? src->mark[mark] : 0;
    for (int k = (int)mark * LINES_A_MARK + 1; k < line; k++) {
        const size_t next = next_line(src->text, src->len, i);
        if (next == src->len && (next == i || !strchr("\r\n", src->text[next - 1])))
            return false;
        i = next;
    }
    size_t end = i;
    while (end < src->len && src->text[end] != '\n' && src->text[end] != '\r')
        end++;
    *start = src->text + i;
    *len = end - i;
    return true;
}

const char *diag_line_text(arena *a, loc at)
{
    const char *start;
    size_t len;
    if (!at.src || !diag_line(at.src, at.line, &start, &len))
        return "";
    if (len <= LINE_BYTES)
        return arena_strndup(a, start, len);
    for (len = LINE_BYTES; len > 0 && ((unsigned char)start[len] & 0xC0) == 0x80; len--)
        ;
    return arena_printf(a, "%.*s...", (int)len, start);
}

char diag_character(loc at)
{
    const char *text;
    size_t len, n;
    if (!at.src || !diag_line(at.src, at.line, &text, &len))
        return '\0';
    for (int col = 1; len > 0 && col < at.col; col++, text += n, len -= n) {
        long code;
        n = diag_code_point(text, len, &code);
    }
    return len > 0 && (unsigned char)*text < 0x80 ? *text : '\0';
}

void diag_print(diag *d, buf *out)
{
    void (*put)(buf *, const diag *, const message *) =
        d->style.json ? diag_put_json : diag_put_text;
    if (d->n)
        qsort(d->held, d->n, sizeof *d->held, compare_messages);
    for (size_t i = 0; i < d->n && !d->gave_up; i++) {
        const message *m = d->held[i];
        bool hidden = m->severity != ERROR && d->style.errors_only;
        if (hidden || was_said(d->held, i))
            continue;
        if (m->severity == ERROR && d->max_errors > 0 && d->n_printed == d->max_errors) {
            const char *text = arena_printf(d->arena, "more than %d errors; the rest is not shown",
                                            d->max_errors);
            put(out, d, &(message){.severity = ERROR, .text = text});
            d->gave_up = true;
            break;
        }
        d->n_printed += m->severity == ERROR;
        put(out, d, m);
        for (const message *note = m->note; note && !d->style.errors_only; note = note->next)
            put(out, d, note);
    }
    d->n = 0;
}

void diag_remark(const diag_style *style, const char *text, buf *out)
{
    const diag d = {.style = *style};
    if (style->json) {
        diag_put_json(out, &d, &(message){.severity = NOTE, .text = text});
        return;
    }
    buf_printf(out, "%s: ", style->program ? style->program : "etrace-gen");
    diag_put_safe(out, text);
    buf_puts(out, "\n");
}

void diag_flush(diag *d)
{
    buf out = {0};
    diag_print(d, &out);
    fputs(buf_text(&out), stderr);
    fflush(stderr);
    buf_free(&out);
}

static int min_of(int x, int y)
{
    return x < y ? x : y;
}

static int lower_case(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* Edit distance with swaps of neighbours (optimal string alignment); case counts for nothing.  */
static int distance(const char *a, const char *b)
{
    int la = (int)strlen(a), lb = (int)strlen(b);
    int row[3][NAME_BYTES + 1];
    for (int j = 0; j <= lb; j++)
        row[0][j] = j;
    for (int i = 1; i <= la; i++) {
        int *now = row[i % 3];
        const int *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= lb; j++) {
            int ca = lower_case(a[i - 1]), cb = lower_case(b[j - 1]);
            now[j] = min_of(up[j - 1] + (ca != cb), 1 + min_of(up[j], now[j - 1]));
            if (i > 1 && j > 1 && ca == lower_case(b[j - 2]) && lower_case(a[i - 2]) == cb)
                now[j] = min_of(now[j], up2[j - 2] + 1);
        }
    }
    return row[la % 3][lb];
}

const char *diag_nearest(const char *name, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    int best_score = INT_MAX; /* of two as near, the one of the same length */
    size_t len = strlen(name);
    int limit = (int)(len < 3 ? 1 : (len + 2) / 3); /* as many typing errors as pass for one word */
    if (len == 0 || len > NAME_BYTES || n > NAMES_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t other = strlen(candidates[i]);
        if (other > NAME_BYTES || strcmp(candidates[i], name) == 0)
            continue;
        int far = distance(name, candidates[i]);
        int score = 2 * far + (len != other);
        if (far <= limit && far < (int)(len < other ? other : len) && score < best_score) {
            best = candidates[i];
            best_score = score;
        }
    }
    return best;
}
