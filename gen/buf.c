/* SPDX-License-Identifier: Apache-2.0 */
/* In: pieces of text.  Out: one string that grows.  Afterwards TEXT is NULL or ends with a NUL at
   LEN, which is below CAPACITY.  */
#include "buf.h"

#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_MEMORY = 70 };

/* Room for MORE bytes and the NUL.  */
static void reserve(buf *b, size_t more)
{
    if (b->capacity > b->len && more < b->capacity - b->len)
        return;
    char *text = NULL;
    if (b->len < SIZE_MAX / 4 && more < SIZE_MAX / 4) {
        size_t wanted = 2 * (b->len + more) + 64;
        text = realloc(b->text, wanted);
        b->capacity = wanted;
    }
    if (!text) {
        fputs("etrace-gen: out of memory\n", stderr);
        exit(EXIT_MEMORY);
    }
    b->text = text;
}

void buf_bytes(buf *b, const char *bytes, size_t len)
{
    reserve(b, len);
    if (len)
        memcpy(b->text + b->len, bytes, len);
    b->len += len;
    b->text[b->len] = '\0';
}

void buf_puts(buf *b, const char *text)
{
    buf_bytes(b, text, strlen(text));
}

void buf_vprintf(buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    if (len > 0) {
        reserve(b, (size_t)len);
        vsnprintf(b->text + b->len, (size_t)len + 1, format, again);
        b->len += (size_t)len;
    }
    va_end(again);
}

void buf_printf(buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

const char *buf_text(const buf *b)
{
    return b->text ? b->text : "";
}

void buf_free(buf *b)
{
    free(b->text);
    b->text = NULL;
    b->len = b->capacity = 0;
}

bool buf_read_file(buf *b, const char *path)
{
    char part[4096];
    size_t n;
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        buf_bytes(b, part, n);
    int error = ferror(f) ? errno : 0;
    fclose(f);
    errno = error;
    return error == 0;
}
