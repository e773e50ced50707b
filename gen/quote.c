/* SPDX-License-Identifier: Apache-2.0 */
/* The four escapes.  In: any text, in the worst case written by an attacker.
   Out: the same text in a form that m4, a C comment or a C string takes for text alone.
   Holds afterwards: skel_decode gives back exactly what quote_m4 was given; a C compiler gives
   back exactly what quote_string was given.  No function here looks at the locale.  */
#include "quote.h"

#include <stdbool.h>
#include <string.h>

/* What m4 can neither expand nor take for a quote, and skel_decode not for a directive.  The
   underscore is left out on purpose: without it no word is one of m4's (m4_*) or ours (et_*).  */
static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || (c != '\0' && strchr(" +-*/=<>.;:", c) != NULL);
}

/* Does TEXT end in a word that a template could complete to a macro's name, as in a model called
   m4 and a template that says NAME_define?  */
static bool ends_in_prefix(const char *text, size_t len)
{
    return len >= 2
           && (memcmp(text + len - 2, "m4", 2) == 0 || memcmp(text + len - 2, "et", 2) == 0);
}

static void escape_byte(buf *out, unsigned char c)
{
    static const char digit[] = "0123456789abcdef";
    char hex[3] = {'@', digit[c >> 4], digit[c & 15]};

    buf_bytes(out, hex, sizeof hex);
}

void quote_m4(buf *out, const char *text, size_t len)
{
    size_t plain_end = ends_in_prefix(text, len) ? len - 1 : len;
    size_t i = 0;

    while (i < len) {
        size_t run = i;

        while (run < plain_end && is_plain((unsigned char)text[run]))
            run++;
        if (run > i)
            buf_bytes(out, text + i, run - i);
        if (run < len)
            escape_byte(out, (unsigned char)text[run++]);
        i = run;
    }
}

/* Must a space stand between the bytes LAST and C, so that they do not begin or end a comment
   or make half a trigraph?  */
static bool comment_needs_gap(char last, char c)
{
    return (last == '*' && c == '/') || (last == '/' && c == '*') || (last == '?' && c == '?');
}

/* LAST is taken from OUT itself, so that pairs are also seen across two calls.  */
void quote_comment(buf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        char last = out->len > 0 ? out->text[out->len - 1] : '\0';
        /* A backslash may come to stand at the end of a line where the comment is broken.  */
        bool splice = *p == '\\' && (p[1] == '\0' || p[1] == ' ');

        if (comment_needs_gap(last, *p))
            buf_bytes(out, " ", 1);
        if (*p < ' ' || *p > '~' || splice)
            buf_printf(out, "\\x%02x", (unsigned)(unsigned char)*p);
        else
            buf_bytes(out, p, 1);
    }
}

/* Octal escapes have three digits always: a digit that follows is then not part of them, as it
   would be after \x.  */
void quote_string(buf *out, const char *text)
{
    buf_bytes(out, "\"", 1);
    for (const char *p = text; *p != '\0'; p++) {
        bool trigraph = *p == '?' && p > text && p[-1] == '?';

        if (*p == '\n')
            buf_bytes(out, "\\n", 2);
        else if (*p < ' ' || *p > '~')
            buf_printf(out, "\\%03o", (unsigned)(unsigned char)*p);
        else if (*p == '"' || *p == '\\' || trigraph)
            buf_printf(out, "\\%c", *p);
        else
            buf_bytes(out, p, 1);
    }
    buf_bytes(out, "\"", 1);
}

/* Characters that HTML does not allow become the replacement character.  */
void quote_html(buf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        bool control = (unsigned char)*p < ' ' && *p != '\t' && *p != '\n';
        const char *entity = *p == '&' ? "&amp;" : *p == '<' ? "&lt;" : *p == '>' ? "&gt;"
                             : *p == '"' ? "&quot;" : *p == '\'' ? "&#39;"
                             : control || *p == 0x7f ? "&#xfffd;" : NULL;
        if (entity)
            buf_puts(out, entity);
        else
            buf_bytes(out, p, 1);
    }
}
