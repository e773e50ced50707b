/* SPDX-License-Identifier: Apache-2.0 */
/* In: argv and a table of options.  Out: the fields that the rows name.
   Afterwards every word of the command line was used, or one message says what is wrong.  */
#define _POSIX_C_SOURCE 200809L
#include "option_set.h"

#include "size.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int option_usage(const diag_style *style, const char *text, const char *word)
{
    arena *a = arena_new();
    diag *d = diag_new(a, 0);
    diag_set_style(d, style);
    diag_error(d, (loc){0}, NULL, "%s%s%s%s", text, word ? " '" : "", word ? word : "",
               word ? "'" : "");
    diag_note(d, (loc){0}, "'%s --help' lists the options",
              style->program ? style->program : "etrace-gen");
    diag_flush(d);
    arena_free(a);
    return EXIT_USAGE;
}

/* --- values ---------------------------------------------------------------------------------- */

const char *option_spelling(const option_row *row, arena *a)
{
    return row->name ? arena_printf(a, "--%s", row->name)
                     : arena_printf(a, "-%c%s", row->letter, row->tail ? row->tail : "");
}

bool option_may_lack_value(const option_row *row)
{
    return row->argument && row->argument[0] == '[';
}

static int keep(const char **field, const char *value)
{
    *field = value;
    return OPTIONS_GO_ON;
}

int option_read_word(const option_row *row, const char *value, const option_reader *r,
                     const char **field)
{
    arena *a = r->arena;
    const char *all = "";
    for (const char *const *word = row->words(); *word; word++) {
        if (strcmp(value, *word) == 0)
            return keep(field, *word);
        all = arena_printf(a, "%s%s%s", all, *all ? ", " : "", *word);
    }
    return option_usage(r->style,
                        arena_printf(a, "%s is one of %s, not", option_spelling(row, a), all),
                        value);
}

static int read_number(const option_row *row, const char *value, const option_reader *r, int *field)
{
    arena *a = r->arena;
    char *end;
    errno = 0;
    long n = strtol(value, &end, 10);
    *field = (int)n;
    if (*value && *end == '\0' && errno == 0 && n >= row->min && n <= row->max)
        return OPTIONS_GO_ON;
    const char *up_to = row->max < INT_MAX ? arena_printf(a, " to %d", row->max) : "";
    return option_usage(r->style,
                        arena_printf(a, "%s is a whole number from %d%s, not",
                                     option_spelling(row, a), row->min, up_to), value);
}

static int read_bytes(const option_row *row, const char *value, const option_reader *r,
                      int64_t *field)
{
    if (size_read(value, field) && *field > 0)
        return OPTIONS_GO_ON;
    return option_usage(r->style,
                        arena_printf(r->arena,
                                     "%s is a number of bytes like 4096, 64K, 1.5M or 2G, not",
                                     option_spelling(row, r->arena)), value);
}

/* VALUE (NULL: none was given) to where ROW says.  */
static int read_value(const option_row *row, const char *value, const option_reader *r)
{
    void *field = (char *)r->into + row->field;
    option_list *list = field;
    switch (row->kind) {
    case OPTION_HEADING: break;
    case OPTION_FLAG: *(bool *)field = true; break;
    case OPTION_TEXT: return keep(field, value);
    case OPTION_WORD: return option_read_word(row, value, r, field);
    case OPTION_NUMBER: return read_number(row, value, r, field);
    case OPTION_BYTES: return read_bytes(row, value, r, field);
    case OPTION_LIST: ARENA_PUSH(r->arena, list->item, list->n, list->cap, value); break;
    case OPTION_OTHER: return row->read(row, value, r);
    }
    return OPTIONS_GO_ON;
}

/* --- the words of the command line ----------------------------------------------------------- */

/* getopt_long's code for the row ROW, above all letters.  */
static int code_of(int row)
{
    return 256 + row;
}

/* What getopt_long did not take: ARG is the word of the command line.  CODE: its letter, the code
   of a long option, or 0; MISSING: it is known, but its value is not there.  */
static int bad_option(const option_reader *r, int code, const char *arg, bool missing)
{
    arena *a = r->arena;
    const char **names = ARENA_ARRAY(a, const char *, r->set->n);
    bool letter = code > 0 && code < 256 && strncmp(arg, "--", 2) != 0;
    const char *shown =
        letter ? arena_printf(a, "-%c", code) : arena_strndup(a, arg, strcspn(arg, "="));
    const char *begun = NULL;
    size_t n = 0, n_begun = 0;
    if (missing)
        return option_usage(r->style, "this option needs a value:", shown);
    if (code > 0 && !letter)
        return option_usage(r->style, "this option takes no value:", shown);
    for (int i = 0; i < r->set->n; i++) {
        const char *name = r->set->row[i].name;
        if (!name)
            continue;
        names[n++] = name;
        if (!letter && strncmp(name, shown + 2, strlen(shown + 2)) == 0)
            begun = n_begun++ == 0 ? name : begun;
    }
    if (n_begun > 1)
        return option_usage(
            r->style, arena_printf(a, "several options begin with this, --%s is one:", begun), shown);
    const char *near = letter ? NULL : diag_nearest(shown + 2, names, n);
    return option_usage(r->style,
                        near ? arena_printf(a, "there is no option '%s'; did you mean", shown)
                             : "there is no option",
                        near ? arena_printf(a, "--%s", near) : shown);
}

/* Do words of LETTER go on, as -MD does?  Then getopt hands over what follows.  */
static bool goes_on(const option_set *set, int letter)
{
    for (int i = 0; i < set->n; i++)
        if (set->row[i].letter == letter && set->row[i].tail)
            return true;
    return false;
}

/* The first row of LETTER.  */
static int row_of_letter(const option_set *set, int letter)
{
    int i = 0;
    while (set->row[i].letter != letter)
        i++;
    return i;
}

static void fill_getopt(const option_set *set, struct option *longs, char *shorts)
{
    *shorts++ = ':'; /* a value that is missing has a message of its own */
    for (int i = 0, n = 0; i < set->n; i++) {
        const option_row *row = &set->row[i];
        int value = !row->argument                ? no_argument
                    : option_may_lack_value(row) ? optional_argument
                                                 : required_argument;
        if (row->name)
            longs[n++] = (struct option){row->name, value, NULL, code_of(i)};
        if (!row->letter || row_of_letter(set, row->letter) < i)
            continue;
        *shorts++ = row->letter;
        for (int k = goes_on(set, row->letter) ? optional_argument : value; k > no_argument; k--)
            *shorts++ = ':';
    }
    *shorts = '\0';
}

/* The row of a word like -MFout.d: the longest tail that TEXT, what follows LETTER, begins with. */
static const option_row *row_of_word(const option_set *set, char letter, const char *text)
{
    const option_row *best = NULL;
    size_t length = 0;
    for (int i = 0; i < set->n; i++) {
        const option_row *row = &set->row[i];
        size_t n = row->tail ? strlen(row->tail) : 0;
        if (row->letter != letter || strncmp(text, row->tail ? row->tail : "", n) != 0
            || (!row->argument && text[n] != '\0') || (best && n <= length))
            continue;
        best = row;
        length = n;
    }
    return best;
}

/* One option with a tail: its value may be the rest of the word, or the next one.  */
static int read_tailed(int letter, const char *text, int argc, char **argv, const option_reader *r)
{
    const option_row *row = row_of_word(r->set, (char)letter, text ? text : "");
    const char *word = arena_printf(r->arena, "-%c%s", letter, text ? text : "");
    if (!row)
        return option_usage(r->style, "there is no option", word);
    const char *value = (text ? text : "") + (row->tail ? strlen(row->tail) : 0);
    if (*value || !row->argument || option_may_lack_value(row))
        return read_value(row, *value ? value : NULL, r);
    if (optind >= argc)
        return option_usage(r->style, "this option needs a value:", word);
    return read_value(row, argv[optind++], r);
}

static int read_one(int code, int argc, char **argv, const option_reader *r)
{
    if (code < code_of(0) && goes_on(r->set, code))
        return read_tailed(code, optarg, argc, argv, r);
    int row = code >= code_of(0) ? code - code_of(0) : row_of_letter(r->set, code);
    return read_value(&r->set->row[row], optarg, r);
}

int option_parse(const option_reader *r, int argc, char **argv, option_list *rest)
{
    struct option *longs = ARENA_ARRAY(r->arena, struct option, r->set->n + 1);
    char *shorts = ARENA_ARRAY(r->arena, char, 3 * r->set->n + 2);
    int code;
    fill_getopt(r->set, longs, shorts);
    opterr = 0;
    while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        int status = code == '?' || code == ':'
                         ? bad_option(r, optopt, argv[optind - 1], code == ':')
                         : read_one(code, argc, argv, r);
        if (status != OPTIONS_GO_ON)
            return status;
    }
    for (; optind < argc; optind++)
        ARENA_PUSH(r->arena, rest->item, rest->n, rest->cap, argv[optind]);
    return OPTIONS_GO_ON;
}
