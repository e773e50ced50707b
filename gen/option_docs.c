/* SPDX-License-Identifier: Apache-2.0 */
/* In: a table of options.  Out: --help, the manual page, completions for bash and zsh.
   Afterwards each has every row, and nothing that the table does not have.  */
#include "option_docs.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELP_WIDTH = 79, HELP_COLUMN = 29, ROFF_WIDTH = 72 };

/* --- help ------------------------------------------------------------------------------------ */

/* "  -o, --output=FILE", "      --report[=FILE]", "  -MF FILE" */
static void put_head(const option_row *row, buf *out)
{
    bool may = option_may_lack_value(row);
    const char *argument = row->argument ? row->argument : "";
    if (row->letter)
        buf_printf(out, "  -%c%s", row->letter, row->tail ? row->tail : "");
    if (row->name) {
        buf_printf(out, "%s--%s", row->letter ? ", " : "      ", row->name);
        buf_printf(out, "%s%s", may ? "[=" : *argument ? "=" : "", argument + may);
    } else if (*argument) {
        buf_printf(out, "%s%s", row->apart ? " " : "", argument);
    }
}

/* TEXT from column HELP_COLUMN on; the line has USED columns already.  */
static void put_wrapped(const char *text, size_t used, buf *out)
{
    if (used + 2 > HELP_COLUMN) {
        buf_puts(out, "\n");
        used = 0;
    }
    buf_printf(out, "%*s", (int)(HELP_COLUMN - used), "");
    size_t column = HELP_COLUMN;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column > HELP_COLUMN && column + 1 + n > HELP_WIDTH) {
            buf_printf(out, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        }
        buf_printf(out, "%s%.*s", column > HELP_COLUMN ? " " : "", (int)n, text);
        column += n + (column > HELP_COLUMN);
        text += n + (text[n] == ' ');
    }
    buf_puts(out, "\n");
}

void option_help(const option_set *set, buf *out)
{
    buf_puts(out, set->usage);
    for (int i = 0; i < set->n; i++) {
        const option_row *row = &set->row[i];
        size_t before = out->len;
        if (row->kind == OPTION_HEADING) {
            buf_printf(out, "\n%s:\n", row->help);
            continue;
        }
        put_head(row, out);
        put_wrapped(row->help, out->len - before, out);
    }
    buf_puts(out, set->end);
}

/* --- the manual page ------------------------------------------------------------------------- */

/* TEXT with what roff would take for itself escaped.  */
static void put_roff(const char *text, buf *out)
{
    if (*text == '.')
        buf_puts(out, "\\&");
    for (; *text; text++)
        if (*text == '-')
            buf_puts(out, "\\-");
        else if (*text == '\\')
            buf_puts(out, "\\e");
        else if (*text == '\'')
            buf_puts(out, "\\(aq");
        else
            buf_bytes(out, text, 1);
}

static void put_bold(const char *text, buf *out)
{
    buf_puts(out, "\\fB");
    put_roff(text, out);
    buf_puts(out, "\\fR");
}

/* ARGUMENT in italics, but for brackets and what joins words.  */
static void put_argument(const char *argument, buf *out)
{
    while (*argument) {
        size_t n = strspn(argument, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (n > 0)
            buf_printf(out, "\\fI%.*s\\fR", (int)n, argument);
        else
            buf_bytes(out, argument, n = 1);
        argument += n;
    }
}

static void put_manual_head(const option_row *row, arena *a, buf *out)
{
    bool may = option_may_lack_value(row);
    const char *argument = row->argument;
    if (row->letter)
        put_bold(arena_printf(a, "-%c%s", row->letter, row->tail ? row->tail : ""), out);
    if (row->name) {
        buf_puts(out, row->letter ? ", " : "");
        put_bold(arena_printf(a, "--%s", row->name), out);
        buf_puts(out, !argument ? "" : may ? "[=" : "=");
    } else if (argument && row->apart) {
        buf_puts(out, " ");
    }
    if (argument)
        put_argument(argument + (may && row->name), out);
    buf_puts(out, "\n");
}

/* Every sentence begins a line, and no line is long.  */
static void put_sentences(const char *text, arena *a, buf *out)
{
    while (*text) {
        const char *end = strstr(text, ". ");
        size_t n = end ? (size_t)(end - text) + 1 : strlen(text);
        size_t rest = n;
        while (rest > ROFF_WIDTH) {
            size_t cut = ROFF_WIDTH;
            while (cut > 0 && text[cut] != ' ')
                cut--;
            if (cut == 0)
                break;
            put_roff(arena_strndup(a, text, cut), out);
            buf_puts(out, "\n");
            text += cut + 1;
            rest -= cut + 1;
        }
        put_roff(arena_strndup(a, text, rest), out);
        buf_puts(out, "\n");
        text += rest + (end != NULL);
    }
}

static void put_words(const option_row *row, buf *out)
{
    const char *const *word = row->words();
    buf_puts(out, "One of\n");
    for (int i = 0; word[i]; i++)
        buf_printf(out, "%s.BR %s%s\n", i > 0 && !word[i + 1] ? "and\n" : "", word[i],
                   !word[i + 1] ? " ." : word[i + 2] ? " ," : "");
}

static void put_options(const option_set *set, buf *out)
{
    arena *a = arena_new();
    for (int i = 0; i < set->n; i++) {
        const option_row *row = &set->row[i];
        if (row->kind == OPTION_HEADING) {
            buf_printf(out, ".SS %s\n", row->help);
            continue;
        }
        buf_puts(out, ".TP\n");
        put_manual_head(row, a, out);
        put_sentences(arena_printf(a, "%c%s.", toupper((unsigned char)row->help[0]), row->help + 1),
                      a, out);
        if (row->words)
            put_words(row, out);
        if (row->more)
            put_sentences(row->more, a, out);
    }
    arena_free(a);
}

static void put_warnings(buf *out)
{
    arena *a = arena_new();
    for (const warning_row *row = warning_rows; row->name; row++) {
        buf_puts(out, ".TP\n.B ");
        put_roff(row->name, out);
        buf_puts(out, "\n");
        put_sentences(arena_printf(a, "%c%s.", toupper((unsigned char)row->help[0]), row->help + 1),
                      a, out);
    }
    arena_free(a);
}

void option_manual(const option_set *set, const char *template, buf *out)
{
    static const char version[] = "@version@", rows[] = "@options@\n", warnings[] = "@warnings@\n";
    for (const char *at = template; *at;) {
        if (strncmp(at, version, strlen(version)) == 0) {
            buf_puts(out, PACKAGE_VERSION);
            at += strlen(version);
        } else if (strncmp(at, rows, strlen(rows)) == 0) {
            put_options(set, out);
            at += strlen(rows);
        } else if (strncmp(at, warnings, strlen(warnings)) == 0) {
            put_warnings(out);
            at += strlen(warnings);
        } else {
            buf_bytes(out, at++, 1);
        }
    }
}

/* --- bash ------------------------------------------------------------------------------------ */

static void put_pattern(const option_row *row, buf *out)
{
    if (row->letter)
        buf_printf(out, "-%c%s", row->letter, row->tail ? row->tail : "");
    if (row->name)
        buf_printf(out, "%s--%s", row->letter ? "|" : "", row->name);
}

/* The words that bash offers for the value of ROW.  */
static void put_bash_case(const option_row *row, buf *out)
{
    if (!row->argument || (!row->words && row->offer == OFFER_NOTHING))
        return;
    buf_puts(out, "    ");
    put_pattern(row, out);
    if (row->words) {
        buf_puts(out, ")\n        COMPREPLY=($(compgen -W '");
        for (const char *const *word = row->words(); *word; word++)
            buf_printf(out, "%s%s", word == row->words() ? "" : " ", *word);
        buf_puts(out, "' -- \"$cur\"))\n        return ;;\n");
        return;
    }
    buf_printf(out, ")\n        COMPREPLY=($(compgen -%c -- \"$cur\"))\n        return ;;\n",
               row->offer == OFFER_FILES ? 'f' : 'd');
}

/* etrace-gen as a function of a shell.  */
static void put_function(const option_set *set, buf *out)
{
    buf_puts(out, "_");
    for (const char *p = set->program; *p; p++)
        buf_bytes(out, *p == '-' ? "_" : p, 1);
}

void option_bash(const option_set *set, buf *out)
{
    buf_printf(out, "# SPDX-License-Identifier: Apache-2.0\n"
                    "# Completion of %s in bash.  Made from its table of options.\n", set->program);
    put_function(set, out);
    buf_puts(out, "()\n{\n"
                  "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                  "    # --option=d: the words are --option, =, d\n"
                  "    if [[ $cur == = ]]; then\n"
                  "        cur=\n"
                  "    elif [[ $prev == = ]]; then\n"
                  "        prev=${COMP_WORDS[COMP_CWORD-2]}\n"
                  "    fi\n"
                  "    case $prev in\n");
    for (int i = 0; i < set->n; i++)
        put_bash_case(&set->row[i], out);
    buf_puts(out, "    esac\n    if [[ $cur == -* ]]; then\n        COMPREPLY=($(compgen -W '");
    for (int i = 0; i < set->n; i++) {
        const option_row *row = &set->row[i];
        if (row->kind == OPTION_HEADING)
            continue;
        buf_puts(out, "\n            ");
        if (row->letter)
            buf_printf(out, "-%c%s", row->letter, row->tail ? row->tail : "");
        if (row->name)
            buf_printf(out, "%s--%s%s", row->letter ? " " : "", row->name,
                       row->argument && !option_may_lack_value(row) ? "=" : "");
    }
    buf_printf(out, "' -- \"$cur\"))\n"
                    "        [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
                    "    else\n"
                    "        COMPREPLY=($(compgen -f -X '!*.@(%s)' -- \"$cur\")\n"
                    "                   $(compgen -d -S / -- \"$cur\"))\n"
                    "    fi\n}\n"
                    "shopt -s extglob\n"
                    "complete -o filenames -F ", set->files);
    put_function(set, out);
    buf_printf(out, " %s\n", set->program);
}

/* --- zsh ------------------------------------------------------------------------------------- */

/* TEXT for a string in single quotes that _arguments takes apart at [, ] and :.  */
static void put_zsh_text(const char *text, buf *out)
{
    for (; *text; text++)
        if (*text == '\'')
            buf_puts(out, "'\\''");
        else if (strchr("[]:\\", *text))
            buf_printf(out, "\\%c", *text);
        else
            buf_bytes(out, text, 1);
}

/* :FILE:_files, :RULE:(d_rtrl bptt) */
static void put_zsh_value(const option_row *row, buf *out)
{
    bool may = option_may_lack_value(row);
    if (!row->argument)
        return;
    buf_puts(out, may ? "::" : ":");
    buf_printf(out, "%.*s:", (int)strcspn(row->argument + may, "]"), row->argument + may);
    if (row->words) {
        for (const char *const *word = row->words(); *word; word++)
            buf_printf(out, "%c%s", word == row->words() ? '(' : ' ', *word);
        buf_puts(out, ")");
    } else if (row->offer != OFFER_NOTHING) {
        buf_puts(out, row->offer == OFFER_FILES ? "_files" : "_files -/");
    }
}

/* HEAD with what tells where its value stands: -o+ (here or in the next word), --output=- (behind
   the =).  */
static void put_zsh_row(const option_row *row, const char *head, const char *join, buf *out)
{
    buf_printf(out, " \\\n    '%s%s%s[", row->kind == OPTION_LIST ? "*" : "", head,
               row->argument ? join : "");
    put_zsh_text(row->help, out);
    buf_puts(out, "]");
    put_zsh_value(row, out);
    buf_puts(out, "'");
}

void option_zsh(const option_set *set, buf *out)
{
    arena *a = arena_new();
    buf_printf(out, "#compdef %s\n"
                    "# SPDX-License-Identifier: Apache-2.0\n"
                    "# Completion of %s in zsh.  Made from its table of options.\n"
                    "_arguments -s -S", set->program, set->program);
    for (int i = 0; i < set->n; i++) {
        const option_row *row = &set->row[i];
        const char *tail = row->tail ? row->tail : "";
        if (row->letter)
            put_zsh_row(row, arena_printf(a, "-%c%s", row->letter, tail),
                        option_may_lack_value(row) ? "-" : "+", out);
        if (row->name)
            put_zsh_row(row, arena_printf(a, "--%s", row->name),
                        option_may_lack_value(row) ? "=-" : "=", out);
    }
    buf_printf(out, " \\\n    '*:file:_files -g \"*.(%s)\"'\n", set->files);
    arena_free(a);
}

int option_print_help(const option_row *row, const char *value, const option_reader *r)
{
    buf text = {0};
    (void)row, (void)value;
    option_help(r->set, &text);
    fputs(buf_text(&text), stdout);
    buf_free(&text);
    return EXIT_SUCCESS;
}
