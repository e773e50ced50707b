/* SPDX-License-Identifier: Apache-2.0 */
/* In: a message.  Out: one line of JSON.
   Afterwards the line is JSON and ASCII, whatever the file held.  */
#include "diag_part.h"

#include <string.h>

void diag_json_string(buf *out, const char *text)
{
    size_t len = strlen(text);
    buf_puts(out, "\"");
    for (size_t i = 0, n; i < len; i += n) {
        long code;
        n = diag_code_point(text + i, len - i, &code);
        if (code == '"' || code == '\\')
            buf_printf(out, "\\%c", (int)code);
        else if (code >= 0x20 && code < 0x7F)
            buf_bytes(out, text + i, n);
        else if (code > 0xFFFF)
            buf_printf(out, "\\u%04lx\\u%04lx", 0xD800 + ((code - 0x10000) >> 10),
                       0xDC00 + ((code - 0x10000) & 0x3FF));
        else
            buf_printf(out, "\\u%04lx", code < 0 ? 0xFFFD : code);
    }
    buf_puts(out, "\"");
}

static void put_number(buf *out, const char *key, bool there, int n)
{
    if (there)
        buf_printf(out, ", \"%s\": %d", key, n);
    else
        buf_printf(out, ", \"%s\": null", key);
}

/* What would stand in the place: the word that the message asks about, or null.  */
static void put_fix(buf *out, const message *m)
{
    static const char question[] = "(did you mean '";
    const char *start = m->at.length > 0 ? strstr(m->text, question) : NULL;
    const char *end = start ? strstr(start, "'?)") : NULL;
    buf_puts(out, ", \"fix\": ");
    if (end) {
        buf word = {0};
        start += strlen(question);
        buf_bytes(&word, start, (size_t)(end - start));
        diag_json_string(out, buf_text(&word));
        buf_free(&word);
    } else {
        buf_puts(out, "null");
    }
}

void diag_put_json(buf *out, const diag *d, const message *m)
{
    static const char *const word[] = {"error", "warning", "note"};
    bool place = m->at.src && m->at.line > 0;
    buf file = {0};
    diag_name(&file, d, m->at.src);
    buf_puts(out, "{\"file\": ");
    if (m->at.src)
        diag_json_string(out, buf_text(&file));
    else
        buf_puts(out, "null");
    put_number(out, "line", place, m->at.line);
    put_number(out, "column", place, m->at.col);
    put_number(out, "endLine", place, m->at.line);
    put_number(out, "endColumn", place, m->at.col + (m->at.length > 0 ? m->at.length : 0));
    buf_printf(out, ", \"severity\": \"%s\", \"code\": ", word[m->severity]);
    if (m->code)
        diag_json_string(out, m->code);
    else
        buf_puts(out, "null");
    buf_puts(out, ", \"message\": ");
    diag_json_string(out, m->text);
    put_fix(out, m);
    buf_puts(out, "}\n");
    buf_free(&file);
}
