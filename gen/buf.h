/* SPDX-License-Identifier: Apache-2.0 */
/* A growing string.  */
#ifndef BUF_H
#define BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    char *text; /* NUL-terminated; NULL while nothing was written */
    size_t len;
    size_t capacity;
} buf;

void buf_bytes(buf *b, const char *bytes, size_t len);
void buf_puts(buf *b, const char *text);
void buf_printf(buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(buf *b, const char *format, va_list args);
const char *buf_text(const buf *b); /* never NULL */
void buf_free(buf *b);

/* Append the file PATH; false with errno when it cannot be read.  */
bool buf_read_file(buf *b, const char *path);

#endif
