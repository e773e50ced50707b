/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of a program as a table.  From it come the parser (option_set.c), and --help, the
   manual page and the completions of shells (option_docs.c): a new option is a row, and where its
   value is not put into a field as it stands, a function that reads it.  */
#ifndef OPTION_SET_H
#define OPTION_SET_H

#include "diag.h"

#include <stddef.h>

enum { EXIT_USAGE = 2, EXIT_FILES = 3, EXIT_ENVIRONMENT = 4, OPTIONS_GO_ON = -1 };

/* The values of an option that may be there several times.  */
typedef struct {
    size_t n, cap;
    const char **item;
} option_list;

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
typedef struct option_set option_set;

/* A command line under way.  */
typedef struct {
    const option_set *set;
    arena *arena;
    const diag_style *style; /* of messages */
    void *into;              /* the struct whose fields rows name */
} option_reader;

struct option_row {
    option_kind kind;
    char letter;          /* -o; NUL: none */
    const char *tail;     /* D of -MD: what follows the letter in the same word; NULL: nothing */
    const char *name;     /* --output; NULL: none */
    const char *argument; /* in help; one that begins with [ may be left out; NULL: there is none */
    const char *help;     /* some words, without a full stop */
    const char *more;     /* sentences that the manual page has besides; NULL: none */
    size_t field;         /* its offset in the struct */
    const char *const *(*words)(void); /* ended by NULL */
    int min, max;
    option_offer offer;
    bool apart; /* with a tail: the value is shown as a word of its own */
    int (*read)(const option_row *row, const char *value, const option_reader *r);
};

struct option_set {
    const char *program;
    const char *usage; /* what --help begins with: how it is called, and a sentence */
    const char *end;   /* what --help ends with */
    const char *files; /* the endings of the files that a shell offers: yaml|yml */
    const option_row *row;
    int n;
};

/* "--output", "-MF" */
const char *option_spelling(const option_row *row, arena *a);

/* May the value be left out?  Is there one at all?  */
bool option_may_lack_value(const option_row *row);

/* Say TEXT 'WORD' (WORD NULL: TEXT alone) and where help is.  EXIT_USAGE.  */
int option_usage(const diag_style *style, const char *text, const char *word);

/* VALUE has to be one of the row's words; it is put into FIELD.  As option_parse.  */
int option_read_word(const option_row *row, const char *value, const option_reader *r,
                     const char **field);

/* Read the command line.  What is no option is put onto REST.  OPTIONS_GO_ON, or the status to exit
   with.  */
int option_parse(const option_reader *r, int argc, char **argv, option_list *rest);

#endif
