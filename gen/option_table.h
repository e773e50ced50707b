/* SPDX-License-Identifier: Apache-2.0 */
/* The command line as a table.  From it come the parser (options.c), and --help, the manual page
   and the completions of shells (option_docs.c): a new option is a row, and where its value is not
   put into a field of `options` as it stands, a function that reads it.  */
#ifndef OPTION_TABLE_H
#define OPTION_TABLE_H

#include "options.h"

typedef enum {
    OPTION_HEADING, /* HELP is the heading of the rows behind it */
    OPTION_FLAG,    /* FIELD: bool */
    OPTION_TEXT,    /* FIELD: const char * */
    OPTION_WORD,    /* the same, one of WORDS */
    OPTION_NUMBER,  /* FIELD: int, from MIN to MAX */
    OPTION_BYTES,   /* FIELD: int64_t, written 4096, 64K, 1.5M or 2G */
    OPTION_LIST,    /* FIELD: option_list; the option may be there several times */
    OPTION_OTHER    /* READ does it */
} option_kind;

/* What a shell offers for the value.  Where there are WORDS, these.  */
typedef enum { OFFER_NOTHING, OFFER_FILES, OFFER_FOLDERS } option_offer;

typedef struct option_row option_row;

struct option_row {
    option_kind kind;
    char letter;          /* -o; NUL: none */
    const char *tail;     /* D of -MD: what follows the letter in the same word; NULL: nothing */
    const char *name;     /* --output; NULL: none */
    const char *argument; /* in help; one that begins with [ may be left out; NULL: there is none */
    const char *help;     /* some words, without a full stop */
    const char *more;     /* sentences that the manual page has besides; NULL: none */
    size_t field;         /* its offset in options */
    const char *const *(*words)(void); /* ended by NULL */
    int min, max;
    option_offer offer;
    bool apart; /* with a tail: the value is shown as a word of its own */
    int (*read)(const option_row *row, const char *value, arena *a, options *o);
};

extern const option_row option_rows[];
extern const int n_option_rows;

/* "--output", "-MF" */
const char *option_spelling(const option_row *row, arena *a);

/* May the value be left out?  Is there one at all?  */
bool option_may_lack_value(const option_row *row);

/* Say TEXT 'WORD' (WORD NULL: TEXT alone) and where help is.  EXIT_USAGE.  */
int option_usage(const char *text, const char *word);

/* Put VALUE (NULL: none was given) where ROW says.  OPTIONS_GO_ON, or the status to exit with.  */
int option_read(const option_row *row, const char *value, arena *a, options *o);

#endif
