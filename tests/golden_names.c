/* SPDX-License-Identifier: Apache-2.0 */
/* In: pairs of names, and the .json of a case.  Out: what the reference calls a thing of ours.  */
#include "golden_names.h"

#include <stdio.h>
#include <string.h>

/* --- names of arrays -------------------------------------------------------------------------- */

int name_map_add(name_map *map, const char *pair)
{
    const char *equals = strchr(pair, '=');
    const size_t len = equals ? (size_t)(equals - pair) : 0;

    if (len == 0 || len >= NAME_LENGTH || map->n == NAMES_MAX || equals[1] == '\0'
        || strlen(equals + 1) >= NAME_LENGTH)
        return -1;
    memcpy(map->ours[map->n], pair, len);
    map->ours[map->n][len] = '\0';
    strcpy(map->theirs[map->n++], equals + 1);
    return 0;
}

/* OURS without its kind; NULL if it has another one than KIND.  */
static const char *of_kind(const char *ours, const char *kind)
{
    const char *slash = strchr(ours, '/');
    const size_t len = strlen(kind);

    if (!slash)
        return ours;
    return (size_t)(slash - ours) == len && memcmp(ours, kind, len) == 0 ? slash + 1 : NULL;
}

/* Does the pair I, which says `cell.*=*` or the like, speak of PATH?  Then RES is its other
   name.  */
static int match_star(const name_map *map, int i, const char *ours, const char *path, char *res)
{
    const size_t n = strlen(ours), m = strlen(map->theirs[i]);

    if (n == 0 || m == 0 || ours[n - 1] != '*' || map->theirs[i][m - 1] != '*'
        || strncmp(ours, path, n - 1) != 0)
        return 0;
    snprintf(res, NAME_LENGTH, "%.*s%s", (int)m - 1, map->theirs[i], path + n - 1);
    return 1;
}

/* A pair that names PATH wholly goes before one with a star.  */
static int find_pair(const name_map *map, const char *kind, const char *path, char *res)
{
    for (int i = 0; i < map->n; i++) {
        const char *ours = of_kind(map->ours[i], kind);
        if (ours && strcmp(ours, path) == 0) {
            strcpy(res, map->theirs[i]);
            return 1;
        }
    }
    for (int i = 0; i < map->n; i++) {
        const char *ours = of_kind(map->ours[i], kind);
        if (ours && match_star(map, i, ours, path, res))
            return 1;
    }
    return 0;
}

static void cut_weight(char *name)
{
    static const char weight[] = ".weight";
    const size_t n = strlen(name), len = sizeof weight - 1;
    if (n > len && strcmp(name + n - len, weight) == 0)
        name[n - len] = '\0';
}

void name_map_theirs(const name_map *map, const char *kind, const char *path,
                     char theirs[NAME_LENGTH])
{
    const char *use = strchr(path, '#'); /* W#2: the second use of W */
    char base[NAME_LENGTH];

    snprintf(base, sizeof base, "%.*s", use ? (int)(use - path) : NAME_LENGTH - 1, path);
    if (!find_pair(map, kind, path, theirs)) {
        if (!find_pair(map, kind, base, theirs))
            strcpy(theirs, base);
        if (strcmp(kind, "h2w") == 0)
            cut_weight(theirs);
        if (use && strlen(theirs) + strlen(use) < NAME_LENGTH)
            strcat(theirs, use);
    }
    if (strcmp(kind, "h2w") == 0)
        cut_weight(theirs);
}

int name_map_match(const name_map *map, const char *kind, const char *path, const char *name)
{
    char theirs[NAME_LENGTH], cut[NAME_LENGTH];

    name_map_theirs(map, kind, path, theirs);
    if (strcmp(theirs, name) == 0)
        return 1;
    if (strcmp(kind, "param") != 0 || strlen(name) >= NAME_LENGTH)
        return 0;
    strcpy(cut, name);
    cut_weight(cut);
    return strcmp(theirs, cut) == 0;
}

/* --- hidden groups ---------------------------------------------------------------------------- */

/* The string that begins at the quote P, into RES (cut to its size).  Returns what follows.  */
static const char *read_string(const char *p, char res[NAME_LENGTH])
{
    size_t n = 0;
    for (p++; *p && *p != '"'; p++) {
        if (*p == '\\' && p[1])
            p++;
        if (n + 1 < NAME_LENGTH)
            res[n++] = *p;
    }
    res[n] = '\0';
    return *p ? p + 1 : p;
}

/* The list of strings that begins at P: the states of group GROUP.  Returns what follows, or
   NULL.  */
static const char *read_states(name_groups *groups, const char *p, int group)
{
    p += strspn(p, ": \t\r\n");
    if (*p++ != '[')
        return NULL;
    for (int row = 0;; row++) {
        p += strspn(p, ", \t\r\n");
        if (*p == ']')
            return p + 1;
        if (*p != '"' || groups->n == NAMES_MAX)
            return NULL;
        groups->group[groups->n] = group;
        groups->row[groups->n] = row;
        p = read_string(p, groups->state[groups->n++]);
    }
}

int name_groups_read(name_groups *groups, const char *json)
{
    const char *p = strstr(json, "\"hidden_groups\"");
    char word[NAME_LENGTH];
    int depth = 0, group = 0;

    groups->n = 0;
    if (!p)
        return -1;
    for (p = strchr(p, ':'); p && *p;) {
        if (*p == '"') {
            p = read_string(p, word);
            if (strcmp(word, "states") == 0)
                p = read_states(groups, p, group++);
            continue;
        }
        depth += (*p == '[' || *p == '{') - (*p == ']' || *p == '}');
        if (depth == 0 && *p == ']')
            return 0;
        p++;
    }
    return -1;
}
