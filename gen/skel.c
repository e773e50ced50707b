/* SPDX-License-Identifier: Apache-2.0 */
/* From values and templates to the text of the files.  In: macro definitions, the names of the
   templates.  Out: one buffer a file.
   Holds afterwards: every output was announced by a template, holds only what a template or a
   quoted value said, no line is longer than 100 columns if it could be broken, no two lines
   in a row are empty.  Time is linear in the text.

   The decoder takes the stream apart into lines, undoes the quoting, and gives each finished
   line to put_line, which indents and breaks it.  A newline that came quoted ends a line like any
   other.  */
#define _POSIX_C_SOURCE 200809L
#include "skel.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_WIDTH = 100, INDENT = 4, CONTINUATION = 8, WHY_SIZE = 160, DEPTH_MAX = 64 };

/* --- the C that a line is made of -------------------------------------------------------- */

typedef enum { IN_CODE, IN_STRING, IN_CHAR, IN_BLOCK, IN_LINE } lex_place;

typedef struct {
    lex_place place;
    int depth; /* of brackets, in code */
} lex;

static bool opens_comment(const char *s, size_t left, char second)
{
    return left > 1 && s[0] == '/' && s[1] == second;
}

static size_t lex_code(lex *l, const char *s, size_t left)
{
    if (opens_comment(s, left, '*')) {
        l->place = IN_BLOCK;
        return 2;
    }
    if (opens_comment(s, left, '/'))
        l->place = IN_LINE;
    else if (*s == '"')
        l->place = IN_STRING;
    else if (*s == '\'')
        l->place = IN_CHAR;
    else if (*s == '(' || *s == '[' || *s == '{')
        l->depth++;
    else if (*s == ')' || *s == ']' || *s == '}')
        l->depth--;
    return 1;
}

/* Step over one character of C, or over two that belong together; S has LEFT > 0 bytes.  */
static size_t lex_step(lex *l, const char *s, size_t left)
{
    switch (l->place) {
    case IN_CODE:
        return lex_code(l, s, left);
    case IN_BLOCK:
        if (left > 1 && s[0] == '*' && s[1] == '/') {
            l->place = IN_CODE;
            return 2;
        }
        return 1;
    case IN_STRING:
    case IN_CHAR:
        if (*s == '\\' && left > 1)
            return 2;
        if (*s == (l->place == IN_STRING ? '"' : '\''))
            l->place = IN_CODE;
        return 1;
    case IN_LINE:
        break;
    }
    return left;
}

/* The place after a whole line: of all of them only a block comment goes on.  */
static lex_place place_after(const char *s, size_t len, lex_place before)
{
    lex l = {before, 0};

    for (size_t i = 0; i < len;)
        i += lex_step(&l, s + i, len - i);
    return l.place == IN_BLOCK ? IN_BLOCK : IN_CODE;
}

/* --- breaking long lines ----------------------------------------------------------------- */

/* Would a line that begins with these LEFT bytes look wrong?  An operator stays at the end of
   the line before, and the end of a comment with its last word.  */
static bool begins_badly(const char *s, size_t left)
{
    if (left > 1 && s[0] == '*' && s[1] == '/')
        return true;
    return left > 1 && s[1] == ' ' && strchr("+-*/%<>=&|?:", s[0]) != NULL;
}

/* A place to break: AT is the index of a space.  */
typedef struct {
    size_t at;
    int rank; /* the depth in parentheses; at one depth sums break before products do */
    bool late; /* in the right half of the line: a stub on the first line helps no one */
    lex_place place;
} line_break;

static bool better(const line_break *a, const line_break *b)
{
    if (b->at == 0)
        return true;
    if (a->late != b->late)
        return a->late;
    return a->rank <= b->rank;
}

/* How tightly the operator before the space S[AT] binds, or nothing at all between two words.  */
static int tightness(const char *s, size_t at)
{
    if (at > 0 && (isalnum((unsigned char)s[at - 1]) || s[at - 1] == '_'))
        return 2;
    if (at < 2 || s[at - 2] != ' ')
        return 0;
    return strchr("*/%", s[at - 1]) ? 2 : strchr("+-", s[at - 1]) ? 1 : 0;
}

/* Where to break the line S, whose own indent is FROM and which began in BEFORE.  AT 0: nowhere.
   If no place is within the width, the first one behind it.  */
static line_break find_break(const char *s, size_t len, size_t from, size_t width, lex_place before)
{
    line_break best = {0, 0, false, before};
    lex l = {before, 0};

    for (size_t i = from; i < len && (i <= width || best.at == 0);) {
        lex_place place = l.place;
        bool inside = place != IN_CODE && place != IN_BLOCK;
        int rank = place == IN_CODE ? 3 * l.depth + tightness(s, i) : 3 * (l.depth + (place == IN_BLOCK));
        line_break here = {i, rank, i > (from + width) / 2, place};

        if (s[i] == ' ' && !inside && i > from && s[i - 1] != ' ' && i + 1 < len
            && !begins_badly(s + i + 1, len - i - 1) && better(&here, &best))
            best = here;
        i += lex_step(&l, s + i, len - i);
    }
    return best;
}

static void put_spaces(buf *out, size_t n)
{
    static const char spaces[] = "                ";

    for (; n > 0; n -= n < 16 ? n : 16)
        buf_bytes(out, spaces, n < 16 ? n : 16);
}

/* --- lines to files ---------------------------------------------------------------------- */

/* One file under way.  */
typedef struct {
    buf *to;          /* NULL: the template has not said which */
    int depth;        /* of @+ */
    bool blank;       /* an empty line is held back; none is written at the end of a file */
    bool directive;   /* the line before was a # line that goes on behind a backslash */
    lex_place place;  /* at the start of the line */
    bool plain;       /* no C: lines stay as they are */
    skel_map *map;    /* NULL: not wanted */
    int template;     /* into map->template */
    int from;         /* of the line under way; 0: no mark yet */
    int opened[DEPTH_MAX]; /* what began each block */
    int last;         /* of the line before */
} file_state;

/* The start of every further piece of the broken line S, whose text begins at FROM.  */
static void put_continuation(buf *out, const char *s, size_t from, lex_place before)
{
    bool starred = before == IN_BLOCK && s[from] == '*' && s[from + 1] == ' ';

    put_spaces(out, from);
    if (before == IN_CODE && s[from] == '/' && s[from + 1] == '*')
        buf_puts(out, " * ");
    else if (starred)
        buf_puts(out, "* ");
    else if (before == IN_CODE)
        put_spaces(out, CONTINUATION);
}

/* Write the line S, longer than the width, in pieces.  The text begins at FROM.  */
static void put_broken(buf *out, const char *s, size_t len, size_t from, lex_place before)
{
    buf lead = {NULL, 0, 0};
    lex_place place = before;
    size_t begin = 0, width = LINE_WIDTH;
    size_t skip = from + (before == IN_CODE && opens_comment(s + from, len - from, '*') ? 3 : 0);

    put_continuation(&lead, s, from, before);
    while (len - begin > width) {
        line_break cut = find_break(s + begin, len - begin, skip, width, place);

        if (cut.at == 0)
            break;
        buf_bytes(out, s + begin, cut.at);
        buf_puts(out, "\n");
        begin += cut.at;
        while (begin < len && s[begin] == ' ')
            begin++;
        buf_bytes(out, buf_text(&lead), lead.len);
        place = cut.place;
        skip = 0;
        width = lead.len < LINE_WIDTH / 2 ? LINE_WIDTH - lead.len : LINE_WIDTH / 2;
    }
    buf_bytes(out, s + begin, len - begin);
    buf_free(&lead);
}

void skel_map_add(skel_map *map, int from, int template)
{
    if (map->n == map->cap) {
        map->cap = map->cap ? 2 * map->cap : 256;
        map->line = realloc(map->line, map->cap * sizeof *map->line);
        if (!map->line)
            abort();
    }
    map->line[map->n++] = (skel_line){from, template};
}

/* The lines of F's output from byte BEGIN on come from FROM.  */
static void map_lines(const file_state *f, size_t begin, int from)
{
    for (size_t i = begin; f->map && i < f->to->len; i++)
        if (f->to->text[i] == '\n')
            skel_map_add(f->map, from, f->template);
}

void skel_map_free(skel_map *map)
{
    free(map->line);
    *map = (skel_map){0};
}

/* A line that no C reads.  */
static void put_plain(file_state *f, const char *s, size_t len)
{
    buf_bytes(f->to, s, len);
    buf_puts(f->to, "\n");
}

/* Write the finished line S to F: indented, broken, an empty line no more than once.  */
static void put_line(file_state *f, const char *s, size_t len)
{
    while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
        len--;
    if (len == 0) {
        f->blank = f->to->len > 0;
        return;
    }
    size_t begin = f->to->len;
    if (f->blank)
        buf_puts(f->to, "\n");
    f->blank = false;
    map_lines(f, begin, f->last == f->from ? f->from : 0);
    begin = f->to->len;

    bool directive = f->directive || (f->place == IN_CODE && s[0] == '#');
    buf line = {NULL, 0, 0};
    if (!directive)
        put_spaces(&line, (size_t)f->depth * INDENT);
    buf_bytes(&line, s, len);
    if (directive || line.len <= LINE_WIDTH)
        buf_bytes(f->to, line.text, line.len);
    else
        put_broken(f->to, line.text, line.len, strspn(line.text, " "), f->place);
    buf_puts(f->to, "\n");
    f->directive = directive && s[len - 1] == '\\';
    f->place = place_after(line.text, line.len, f->place);
    map_lines(f, begin, f->from);
    f->last = f->from;
    buf_free(&line);
}

/* --- the quoting undone ------------------------------------------------------------------ */

typedef struct {
    const char *text;
    size_t len, at;
    buf *out;
    skel_map *map; /* as many, or NULL */
    size_t n;
    file_state file;
    buf line;
    bool ended;
    const char *why;
} decoder;

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool stop(decoder *d, const char *why)
{
    d->why = why;
    return false;
}

static bool end_line(decoder *d)
{
    bool empty = d->line.len == 0;

    if (!d->file.to && !empty)
        return stop(d, "a template prints outside of any file");
    if (d->file.to)
        (d->file.plain ? put_plain : put_line)(&d->file, buf_text(&d->line), d->line.len);
    d->line.len = 0;
    return true;
}

static bool begins(const decoder *d, const char *text)
{
    size_t n = strlen(text);
    return d->len - d->at >= n && memcmp(d->text + d->at, text, n) == 0;
}

static bool plain_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
}

/* The template NAME of N characters, among those of MAP.  */
static int template_of(skel_map *map, const char *name, size_t n)
{
    if (!map)
        return 0;
    for (int i = 0; i < map->n_templates; i++)
        if (strlen(map->template[i]) == n && memcmp(map->template[i], name, n) == 0)
            return i;
    if (n >= SKEL_NAME || map->n_templates == SKEL_TEMPLATES)
        return 0;
    memcpy(map->template[map->n_templates], name, n);
    return map->n_templates++;
}

/* @{file:N:NAME@} or @{text:N:NAME@}, which is told apart by PLAIN.  */
static bool decode_file(decoder *d, bool plain)
{
    size_t at = d->at + 8, name = at;
    size_t n = d->at + 7 < d->len ? (size_t)(d->text[d->at + 7] - '0') : d->n;
    if (n >= d->n)
        return stop(d, "an unknown directive");
    if (at < d->len && d->text[at] == ':')
        for (name = ++at; at < d->len && plain_name_char(d->text[at]);)
            at++;
    if (d->len - at < 3 || memcmp(d->text + at, "@}\n", 3) != 0)
        return stop(d, "an unknown directive");
    skel_map *map = d->map ? &d->map[n] : NULL;
    d->file = (file_state){.to = &d->out[n], .place = IN_CODE, .plain = plain, .map = map,
                           .template = template_of(map, d->text + name, at - name)};
    d->at = at + 3;
    return true;
}

/* @{N@}: the line's number.  */
static bool decode_mark(decoder *d)
{
    size_t at = d->at + 2;
    int from = 0;
    for (; at < d->len && d->text[at] >= '0' && d->text[at] <= '9' && from < (1 << 27); at++)
        from = 10 * from + (d->text[at] - '0');
    if (d->len - at < 2 || memcmp(d->text + at, "@}", 2) != 0)
        return stop(d, "a mark without an end");
    d->file.from = d->file.from ? d->file.from : from;
    d->at = at + 2;
    return true;
}

/* A block begins with the next line, or has ended with the line before.  */
static bool decode_depth(decoder *d)
{
    file_state *f = &d->file;
    if (d->text[d->at + 1] == '+') {
        if (f->depth == DEPTH_MAX)
            return stop(d, "blocks inside of too many others");
        f->opened[f->depth++] = f->last;
    } else {
        if (f->depth == 0)
            return stop(d, "a block ends that was not begun");
        f->from = f->opened[--f->depth];
    }
    d->at += 3;
    return true;
}

/* @+, @-, @{file:N@} and @{end@}: each alone on its line, which it takes with it.  */
static bool decode_directive(decoder *d)
{
    if (d->line.len > 0)
        return stop(d, "a directive stands behind other text");
    if (begins(d, "@+\n") || begins(d, "@-\n"))
        return decode_depth(d);
    if (begins(d, "@{file:") || begins(d, "@{text:"))
        return decode_file(d, begins(d, "@{text:"));
    if (begins(d, "@{end@}\n")) {
        d->ended = true;
        d->at += 8;
        return true;
    }
    return stop(d, "an unknown directive");
}

static bool decode_at(decoder *d)
{
    int high = d->at + 2 < d->len ? hex_digit(d->text[d->at + 1]) : -1;
    int low = d->at + 2 < d->len ? hex_digit(d->text[d->at + 2]) : -1;

    if (d->len - d->at > 2 && d->text[d->at + 1] == '{' && d->text[d->at + 2] >= '0'
        && d->text[d->at + 2] <= '9')
        return decode_mark(d);
    if (high < 0 || low < 0)
        return decode_directive(d);
    char c = (char)(high * 16 + low);
    d->at += 3;
    if (c == '\n') { /* quoted: what follows is of the same text */
        int from = d->file.from;
        bool ok = end_line(d);
        d->file.from = from;
        return ok;
    }
    buf_bytes(&d->line, &c, 1);
    return true;
}

static bool word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* A macro's name that m4 has left alone: a template's mistake.  */
static bool left_over(const decoder *d)
{
    bool inside = d->at > 0 && word_char(d->text[d->at - 1]);

    return !inside && (begins(d, "m4_") || begins(d, "et_"));
}

static bool decode(decoder *d)
{
    while (d->at < d->len) {
        char c = d->text[d->at];

        if (d->ended)
            return stop(d, "something stands behind the end");
        if (c == '@') {
            if (!decode_at(d))
                return false;
        } else if (left_over(d)) {
            return stop(d, "a macro was not expanded");
        } else {
            d->at++;
            if (c != '\n')
                buf_bytes(&d->line, &c, 1);
            else if (!end_line(d))
                return false;
            else
                d->file.from = 0;
        }
    }
    if (d->file.depth != 0)
        return stop(d, "a block was not ended");
    return d->ended || stop(d, "the end is missing");
}

bool skel_decode(const char *text, size_t len, buf *out, skel_map *map, size_t n, const char **why)
{
    decoder d = {.text = text, .len = len, .out = out, .map = map, .n = n};
    bool ok = decode(&d);

    *why = d.why;
    buf_free(&d.line);
    return ok;
}

/* --- m4 ---------------------------------------------------------------------------------- */

const child_limits skel_limits = {
    .cpu_seconds = 30, .memory_bytes = (size_t)2 << 30, .wall_ms = 60000};

/* Macro calls inside of one another, in our templates less than ten.  */
#define NESTING_LIMIT "100"

static const loc nowhere = {NULL, 0, 0, 0};

/* One line for the user: how m4 ended, and what it said.  */
static void report(child_end how, int detail, const char *m4, const buf *errors, diag *d)
{
    switch (how) {
    case CHILD_EXITED:
        if (detail == 0)
            diag_error(d, nowhere, "E0409", "m4 (%s) gave warnings", m4);
        else
            diag_error(d, nowhere, "E0402", "m4 (%s) failed with status %d", m4, detail);
        break;
    case CHILD_SIGNALLED:
        diag_error(d, nowhere, "E0403", "m4 (%s) was killed by signal %d", m4, detail);
        break;
    case CHILD_TIMED_OUT:
        diag_error(d, nowhere, "E0404", "m4 (%s) did not come to an end and was killed", m4);
        break;
    case CHILD_NOT_STARTED:
        diag_error(d, nowhere, "E0405", "cannot run m4 (%s): %s", m4, strerror(detail));
        diag_note(d, nowhere, "install GNU m4, or name it with --m4=PATH or the variable M4");
        return;
    case CHILD_FAILED:
        diag_error(d, nowhere, "E0406", "cannot run m4: %s", strerror(detail));
        return;
    }
    if (errors->len > 0)
        diag_note(d, nowhere, "it said: %s", buf_text(errors));
    diag_note(d, nowhere, "the generator needs GNU m4 1.4.16 or later");
}

static char *template_path(const char *datadir, const char *name)
{
    buf path = {NULL, 0, 0};

    buf_printf(&path, "%s/templates/%s", datadir, name);
    return path.text;
}


/* Can every template be read?  */
static bool check_templates(char *const *path, size_t n, diag *d)
{
    for (size_t i = 0; i < n; i++) {
        if (access(path[i], R_OK) == 0)
            continue;
        diag_error(d, nowhere, "E0408", "cannot read the template %s: %s", path[i],
                   strerror(errno));
        diag_note(d, nowhere, "the installation is not complete; ETRACE_DATADIR names another");
        return false;
    }
    return true;
}

/* Run m4 over the N files PATH, the first of them before VALUES.  */
static skel_status run_m4(const child_limits *limits, const char *m4, char *const *path, size_t n,
                          const buf *values, buf *text, diag *d)
{
    const char *argv[SKEL_TEMPLATES + 8] = {m4, "-P", "-L", NESTING_LIMIT, path[0], "-"};
    buf errors = {NULL, 0, 0};
    int detail = 0;

    for (size_t i = 1; i < n; i++)
        argv[5 + i] = path[i];
    child_end how = child_run(argv, values, limits, text, &errors, &detail);
    bool ok = how == CHILD_EXITED && detail == 0 && errors.len == 0;
    if (!ok)
        report(how, detail, m4, &errors, d);
    buf_free(&errors);
    return ok ? SKEL_OK : SKEL_ENVIRONMENT;
}

skel_status skel_run_within(const child_limits *limits, const char *m4, const char *datadir,
                            const char *const *templates, size_t n_templates, const buf *values,
                            buf *out, skel_map *map, size_t n, diag *d)
{
    char *path[SKEL_TEMPLATES + 1];
    buf text = {NULL, 0, 0};
    skel_status status = SKEL_ENVIRONMENT;
    size_t n_paths = 0;
    const char *why = NULL;

    path[n_paths++] = template_path(datadir, "prelude.m4");
    for (size_t i = 0; i < n_templates && i < SKEL_TEMPLATES; i++)
        path[n_paths++] = template_path(datadir, templates[i]);
    if (check_templates(path, n_paths, d))
        status = run_m4(limits, m4, path, n_paths, values, &text, d);
    if (status == SKEL_OK && !skel_decode(buf_text(&text), text.len, out, map, n, &why)) {
        diag_error(d, nowhere, "E0407", "m4 (%s) and the templates in %s do not fit: %s", m4,
                   datadir, why);
        diag_note(d, nowhere, "the generator needs GNU m4, and the templates of its own version");
        status = SKEL_ENVIRONMENT;
    }
    for (size_t i = 0; i < n_paths; i++)
        free(path[i]);
    buf_free(&text);
    return status;
}

skel_status skel_run(const char *m4, const char *datadir, const char *const *templates,
                     size_t n_templates, const buf *values, buf *out, skel_map *map, size_t n,
                     diag *d)
{
    return skel_run_within(&skel_limits, m4, datadir, templates, n_templates, values, out, map, n,
                           d);
}
