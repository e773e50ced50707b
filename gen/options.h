/* SPDX-License-Identifier: Apache-2.0 */
/* The command line.  */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "learn.h"
#include "report.h"
#include "spec.h"

/* The values of an option that may be there several times.  */
typedef struct {
    size_t n, cap;
    const char **item;
} option_list;

typedef struct {
    const char *model;
    const char *directory; /* -d: where the outputs go; NULL: here */
    const char *c_path, *h_path;
    const char *prefix; /* NULL: the model's name */
    const char *m4;
    const char *data_dir;
    option_list define; /* -D NAME=VALUE */
    const char *rule, *vjp_time, *signal, *plain, *dense; /* NULL: as the spec says */
    int window;                                           /* 0: as the spec says */
    option_list learning; /* -L KEY=VALUE */
    int unroll;
    int max_errors;
    const char *report; /* where to; NULL: nowhere */
    bool report_json;
    report_limits limits;
    const char *graph; /* one of options_graphs: print the graph in this form; NULL: not */
    const char *dump;  /* one of options_dumps: the pass to print after; NULL: none */
    bool check_only, list_outputs;
} options;

/* The passes that --dump prints after: the tensor graph, and with all derivatives.  */
extern const char *const options_dumps[];

/* The forms of --graph.  */
extern const char *const options_graphs[];

enum { EXIT_USAGE = 2, EXIT_ENVIRONMENT = 4, OPTIONS_GO_ON = -1 };

/* Read the command line into RES.  OPTIONS_GO_ON, or the status to exit with: 0 after --help or
   --version, EXIT_USAGE after a message.  */
int options_read(int argc, char **argv, arena *a, options *res);

/* What the spec and the command line say together about the rule.  False after an error.  */
bool options_learning(const options *o, const spec *s, arena *a, diag *d, learning *res);

#endif
