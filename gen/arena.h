/* SPDX-License-Identifier: Apache-2.0 */
/* Chunked allocator: everything that is compiled lives in one arena and is
   freed with it.  */
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>

typedef struct arena arena;

arena *arena_new(void);
void arena_free(arena *a);

/* SIZE zeroed bytes, aligned for any type.  Exits with status 70 and a message
   when memory is out.  */
void *arena_alloc(arena *a, size_t size);

/* A NUL-terminated copy of the LEN bytes at TEXT.  */
char *arena_strndup(arena *a, const char *text, size_t len);
char *arena_strdup(arena *a, const char *text);
char *arena_printf(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for one more element of SIZE bytes in the array *P of N elements whose
   capacity is *CAPACITY: *P may move.  */
void arena_grow(arena *a, void *p, size_t n, size_t *capacity, size_t size);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (size_t)(n)))

/* Append VALUE to the array ARR with the count N and the capacity CAP.  */
#define ARENA_PUSH(a, arr, n, cap, value) \
    (arena_grow((a), &(arr), (size_t)(n), &(cap), sizeof *(arr)), (arr)[(n)++] = (value))

#endif
