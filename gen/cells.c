/* SPDX-License-Identifier: Apache-2.0 */
/* In: folders.  Out: the names of the cells in them, for messages.  Afterwards nothing depends on
   the order in which a folder gives its files.  */
#define _POSIX_C_SOURCE 200809L
#include "scope.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static int is_cell(const struct dirent *file)
{
    size_t len = strlen(file->d_name);
    return len > 5 && strcmp(file->d_name + len - 5, ".yaml") == 0;
}

/* In the order of bytes, whatever the locale.  */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

const char *cell_nearest(const char *name, const char *const *folder, size_t n, arena *a)
{
    const char **names = NULL;
    size_t n_names = 0, cap = 0;
    for (size_t i = 0; i < n; i++) {
        struct dirent **file;
        int count = scandir(folder[i], &file, is_cell, by_name);
        for (int k = 0; k < count; k++) {
            size_t len = strlen(file[k]->d_name) - strlen(".yaml");
            ARENA_PUSH(a, names, n_names, cap, arena_strndup(a, file[k]->d_name, len));
            free(file[k]);
        }
        if (count >= 0)
            free(file);
    }
    return n_names ? diag_nearest(name, names, n_names) : NULL;
}
