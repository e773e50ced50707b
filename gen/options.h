/* SPDX-License-Identifier: Apache-2.0 */
/* The command line.  */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "diag.h"
#include "emit.h"
#include "learn.h"
#include "option_set.h"
#include "report.h"
#include "spec.h"

typedef struct {
    option_list models;
    const char *model; /* the one of them that is under way, the fields of options_next with it */
    const char *stem;  /* its outputs without their endings */
    const char *directory; /* -d: where the outputs go; NULL: here */
    const char *given_c, *given_h; /* -o and -H; NULL: by the model's name */
    const char *c_path, *h_path;
    const char *prefix; /* NULL: the model's name */
    const char *m4;
    const char *data_dir;
    option_list define; /* -D NAME=VALUE */
    option_list prefix_map; /* OLD=NEW */
    const char *real;   /* float or double; NULL: as the spec says */
    int batch;          /* 0: as the spec says */
    bool deps, deps_only, deps_user, phony; /* -MD; -M; without installed files; -MP */
    const char *depfile;  /* -MF; NULL: by the C file's name */
    option_list target;   /* -MT and -MQ, with T or Q before each */
    const char *rule, *vjp_time, *signal, *plain, *dense, *trace_real; /* NULL: as the spec says */
    int window;                                           /* 0: as the spec says */
    option_list learning; /* -L KEY=VALUE */
    int unroll;
    int tile; /* 0: not given */
    const char *machine; /* one of target_names */
    const char *math; /* one of math_words */
    bool openmp;
    int max_errors;
    diag_style style;
    int limit[N_SOURCE_LIMITS];
    const char *format, *color; /* of messages: text or json; auto, always or never */
    bool verbose, trace_m4, trace_graph, trace_time;
    const char *progress; /* auto, always or never; NULL: auto */
    const char *explain; /* LINE, FILE:LINE or all; NULL: not asked for */
    const char *report; /* where to; NULL: nowhere */
    bool report_json, report_html;
    report_limits limits;
    const char *graph; /* one of picture_forms: print the graph in this form; NULL: not */
    const char *compare; /* rules: write a program that compares them; NULL: write the model */
    bool graph_file;   /* -g: write the graph into */
    const char *given_graph, *graph_path; /* this file; NULL: by the C file's name */
    const char *dump;  /* the pass to print after: ir, or diff (with all derivatives); NULL: none */
    bool check_only, list_outputs;
    bool standalone, single_file, with_main, with_test, no_lines, keep_temps, python;
    const char *init; /* print the example spec of this name; NULL: none */
} options;

/* Read the command line into RES.  OPTIONS_GO_ON, or the status to exit with: 0 after --help or
   --version, EXIT_USAGE after a message.  */
int options_read(int argc, char **argv, arena *a, options *res);

/* Make the model number I the one that is under way: set model, stem, c_path and h_path.
   OPTIONS_GO_ON, or EXIT_USAGE after a message.  */
int options_model(options *o, size_t i, arena *a);

/* "target c99, math etrace, unroll 8, -D n=7": what besides the spec and its rule makes the C what it
   is.  */
const char *options_said(const options *o, arena *a);

/* How the C is written, whose header is H_PATH, and how large it is by R.  */
emit_options options_emit(const options *o, const char *h_path, const report *r, arena *a);

/* What the spec and the command line say together about the rule.  False after an error.  */
bool options_learning(const options *o, const spec *s, arena *a, diag *d, learning *res);

#endif
