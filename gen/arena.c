/* SPDX-License-Identifier: Apache-2.0 */
/* In: sizes.  Out: zeroed memory, aligned for any type.  Afterwards everything of a run is freed by
   one call; nothing is freed on its own.  */
#include "arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 64 * 1024, EXIT_MEMORY = 70 };

typedef struct chunk chunk;
struct chunk {
    chunk *next;
    size_t used, size;
    max_align_t data[]; /* SIZE bytes */
};

struct arena {
    chunk *chunk; /* the one being filled, then the full ones */
};

static _Noreturn void out_of_memory(void)
{
    fputs("etrace-gen: out of memory\n", stderr);
    exit(EXIT_MEMORY);
}

static chunk *chunk_new(size_t size)
{
    chunk *c = size > SIZE_MAX - sizeof(chunk) ? NULL : calloc(1, sizeof(chunk) + size);
    if (!c)
        out_of_memory();
    c->size = size;
    return c;
}

arena *arena_new(void)
{
    arena *a = calloc(1, sizeof *a);
    if (!a)
        out_of_memory();
    return a;
}

void arena_free(arena *a)
{
    if (!a)
        return;
    for (chunk *c = a->chunk, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(a);
}

void *arena_alloc(arena *a, size_t size)
{
    size_t align = sizeof(max_align_t);
    if (size > SIZE_MAX - align)
        out_of_memory();
    size = size ? (size + align - 1) / align * align : align;
    chunk *c = a->chunk;
    if (!c || size > c->size - c->used) {
        c = chunk_new(size > CHUNK_BYTES ? size : CHUNK_BYTES);
        if (size > CHUNK_BYTES / 2 && a->chunk) {
            /* A big piece has a chunk of its own, behind the one that still has room.  */
            c->next = a->chunk->next;
            a->chunk->next = c;
        } else {
            c->next = a->chunk;
            a->chunk = c;
        }
    }
    void *p = (char *)c->data + c->used;
    c->used += size;
    return p;
}

char *arena_strndup(arena *a, const char *text, size_t len)
{
    char *copy = arena_alloc(a, len + 1);
    if (len)
        memcpy(copy, text, len);
    return copy;
}

char *arena_strdup(arena *a, const char *text)
{
    return arena_strndup(a, text, strlen(text));
}

char *arena_printf(arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        out_of_memory();
    char *text = arena_alloc(a, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

void arena_grow(arena *a, void *p, size_t n, size_t *capacity, size_t size)
{
    if (n < *capacity)
        return;
    if (*capacity > SIZE_MAX / 4 / size)
        out_of_memory();
    size_t wanted = *capacity ? *capacity * 2 : 8;
    void *grown = arena_alloc(a, wanted * size);
    void *old;
    /* P points to a pointer of some type; only its bytes are known here.  */
    memcpy(&old, p, sizeof old);
    if (n)
        memcpy(grown, old, n * size);
    memcpy(p, &grown, sizeof grown);
    *capacity = wanted;
}
