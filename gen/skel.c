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

#include "child.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_WIDTH = 100, INDENT = 4, CONTINUATION = 8, WHY_SIZE = 160 };

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
    int depth;
    bool late; /* in the right half of the line: a stub on the first line helps no one */
    lex_place place;
} line_break;

static bool better(const line_break *a, const line_break *b)
{
    if (b->at == 0)
        return true;
    if (a->late != b->late)
        return a->late;
    return a->depth <= b->depth;
}

/* Where to break the line S, whose own indent is FROM and which began in BEFORE.  AT 0: nowhere.
   If no place is within the width, the first one behind it.  */
static line_break find_break(const char *s, size_t len, size_t from, lex_place before)
{
    line_break best = {0, 0, false, before};
    lex l = {before, 0};

    for (size_t i = from; i < len && (i <= LINE_WIDTH || best.at == 0);) {
        lex_place place = l.place;
        bool inside = place != IN_CODE && place != IN_BLOCK;
        line_break here = {i, l.depth + (place == IN_BLOCK), i > (from + LINE_WIDTH) / 2, place};

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

/* Write the line S, longer than the width, in pieces.  The text begins at FROM.  PIECE
   holds the rest of the line as it would stand: continuation, then text.  */
static void put_broken(buf *out, const char *s, size_t len, size_t from, lex_place before)
{
    buf lead = {NULL, 0, 0};
    lex_place place = before;
    size_t begin = 0, skip = from;

    put_continuation(&lead, s, from, before);
    if (before == IN_CODE && opens_comment(s + from, len - from, '*'))
        skip = from + 3;
    while (len - begin > LINE_WIDTH - (begin > 0 ? lead.len : 0)) {
        line_break cut = find_break(s + begin, len - begin, skip, place);

        if (cut.at == 0)
            break;
        buf_bytes(out, s + begin, cut.at);
        buf_puts(out, "\n");
        begin += cut.at;
        while (begin < len && s[begin] == ' ')
            begin++;
        buf_bytes(out, lead.text, lead.len);
        place = cut.place;
        skip = 0;
    }
    buf_bytes(out, s + begin, len - begin);
    buf_free(&lead);
}
