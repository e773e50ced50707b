/* SPDX-License-Identifier: Apache-2.0 */
/* In: a message.  Out: a line that says where and what, the line of the file, and a caret.
   Afterwards what came from a file is printed with its control characters escaped, so that no spec
   can drive a terminal.  */
#include "diag_part.h"

#include <string.h>

enum { LINE_WIDTH = 160 }; /* of a source line: longer ones are cut around the caret */

/* Characters that move the cursor, or that show text in another order than it has.  */
static bool is_unsafe(long code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x061C || code == 0xFEFF
           || (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E)
           || (code >= 0x2060 && code <= 0x206F);
}

/* Append the code point at TEXT in a form that is safe to print; returns its columns.  */
static int put_safe(buf *out, const char *text, size_t bytes, long code)
{
    size_t before = out->len;
    if (code < 0)
        buf_printf(out, "\\x%02x", (unsigned)(unsigned char)text[0]);
    else if (code < 0x20 || code == 0x7F)
        buf_printf(out, "\\x%02lx", (unsigned long)code);
    else if (is_unsafe(code))
        buf_printf(out, "\\u%04lx", (unsigned long)code);
    else {
        buf_bytes(out, text, bytes);
        return 1;
    }
    return (int)(out->len - before);
}

void diag_put_safe(buf *out, const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0, n; i < len; i += n) {
        long code;
        n = diag_code_point(text + i, len - i, &code);
        put_safe(out, text + i, n, code);
    }
}

/* The text of a line and, below it, the caret with its tail.  TEXT is cut to LINE_WIDTH code points
   around the caret.  Tabs stay, in both lines.  */
static void put_caret(buf *out, const loc *at, const char *text, size_t len)
{
    buf shown = {0}, mark = {0};
    int first = at->col > LINE_WIDTH / 2 ? at->col - LINE_WIDTH / 2 : 1, col = 1;
    int last = at->length > 1 ? at->col + at->length - 1 : at->col;
    if (first > 1)
        buf_puts(&shown, "..."), buf_puts(&mark, "   ");
    size_t i = 0;
    for (size_t n; i < len && col < first + LINE_WIDTH; i += n, col++) {
        long code;
        n = diag_code_point(text + i, len - i, &code);
        if (col < first)
            continue;
        int width = code == '\t' ? (buf_puts(&shown, "\t"), 1)
                                 : put_safe(&shown, text + i, n, code);
        for (int k = 0; k < width && col <= last; k++)
            buf_puts(&mark, col < at->col          ? code == '\t' ? "\t" : " "
                            : col == at->col && !k ? "^"
                                                   : "~");
    }
    if (i < len)
        buf_puts(&shown, "...");
    if (i >= len && col <= at->col) /* behind the end of the line */
        buf_printf(&mark, "%*s^", at->col > col ? at->col - col : 0, "");
    buf_printf(out, "%5d | %s\n      | %s\n", at->line, buf_text(&shown), buf_text(&mark));
    buf_free(&shown);
    buf_free(&mark);
}

void diag_name(buf *out, const diag *d, const source *src)
{
    const char *name = src ? src->name : d->style.program ? d->style.program : "etrace-gen";
    size_t n = src && d->folder ? strlen(d->folder) : 0;
    bool inside = n > 0 && strncmp(name, d->folder, n) == 0;
    if (inside)
        diag_put_safe(out, d->shown);
    diag_put_safe(out, inside ? name + n : name);
}

void diag_put_place(buf *out, const diag *d, loc at)
{
    diag_name(out, d, at.src);
    if (at.src && at.line > 0)
        buf_printf(out, ":%d", at.line);
}

/* "error: ", "[E0203]": WORD between BEFORE and AFTER, in the colour of M.  */
static void put_colored(buf *out, const diag *d, const message *m, const char *before,
                        const char *word, const char *after)
{
    /* Bold red, magenta and cyan, as gcc's.  */
    static const char *const color[] = {"01;31", "01;35", "01;36"};
    if (d->style.color)
        buf_printf(out, "\033[%sm", color[m->severity]);
    buf_printf(out, "%s%s%s", before, word, after);
    if (d->style.color)
        buf_puts(out, "\033[m");
}

void diag_put_text(buf *out, const diag *d, const message *m)
{
    static const char *const word[] = {"error", "warning", "note"};
    const source *src = m->at.src;
    if (d->style.color)
        buf_puts(out, "\033[01m");
    diag_name(out, d, src);
    if (src && m->at.line > 0)
        buf_printf(out, ":%d:%d", m->at.line, m->at.col);
    buf_puts(out, d->style.color ? ":\033[m " : ": ");
    put_colored(out, d, m, "", word[m->severity], ": ");
    diag_put_safe(out, m->text);
    if (m->code) {
        buf_puts(out, " ");
        put_colored(out, d, m, m->was_warning ? "[-Werror=" : m->severity == WARNING ? "[-W" : "[",
                    m->code, "]");
    }
    buf_puts(out, "\n");
    const char *text;
    size_t len;
    if (src && m->at.line > 0 && diag_line(src, m->at.line, &text, &len))
        put_caret(out, &m->at, text, len);
}
