/* SPDX-License-Identifier: MIT-0 */
/* In: the command line, a table of rules.  Out: the row that is wanted, and learning by it.  */
#include "rules.h"

#include "etrace.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

static const struct option options[] = {{"rule", required_argument, NULL, 'r'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static void list(FILE *f, const rules_row *table)
{
    for (const rules_row *row = table; row->name; row++)
        fprintf(f, " %s", row->name);
    fputs("\n", f);
}

static const rules_row *help(const rules_row *table, const char *program)
{
    printf("usage: %s [--rule=NAME] [FOLDER [SEED]]\n"
           "\n"
           "FOLDER has the data: . if it is not said. SEED is 1.\n"
           "\n"
           "  -r, --rule=NAME   learn by this rule, instead of %s\n"
           "  -h, --help        print this\n"
           "\n"
           "Rules of this program:", program, table->name);
    list(stdout, table);
    return NULL;
}

static const rules_row *find(const rules_row *table, const char *name, const char *program)
{
    const rules_row *row = table;

    while (row->name && strcmp(row->name, name) != 0)
        row++;
    if (row->name)
        return row;
    fprintf(stderr, "%s: there is no rule '%s' in this program; it has", program, name);
    list(stderr, table);
    return NULL;
}

const rules_row *rules_choose(const rules_row *table, int *argc, char **argv, int *status)
{
    const rules_row *row = table;
    int c, n = 1;

    while (row && (c = getopt_long(*argc, argv, "r:h", options, NULL)) != -1) {
        *status = c == 'h' ? EXIT_SUCCESS : EXIT_USAGE;
        row = c == 'h'   ? help(table, argv[0])
              : c == 'r' ? find(table, optarg, argv[0])
                         : NULL; /* getopt_long has said why */
    }
    for (int k = optind; row && k < *argc; k++)
        argv[n++] = argv[k];
    *argc = row ? n : *argc;
    return row;
}

int rules_begin(rules_learner *l, const rules_row *rule, uint64_t seed)
{
    const size_t bytes = rule->info->params_bytes, n = bytes / sizeof(float);

    *l = (rules_learner){.rule = rule, .n = n, .params = calloc(4, bytes)};
    if (!l->params)
        return fprintf(stderr, "there is no memory for learning by %s\n", rule->name), 1;
    l->grad = l->params + n;
    l->m = l->grad + n;
    l->v = l->m + n;
    rule->init_params(l->params, seed);
    return 0;
}

void rules_end(rules_learner *l)
{
    free(l->params);
    *l = (rules_learner){.rule = NULL};
}

void rules_learn(rules_learner *l, const void *in, const void *target, float rate)
{
    const size_t k = l->first;

    memset(l->grad, 0, l->rule->info->params_bytes);
    l->rule->learn(l->params, in, target, l->grad);
    etr_adam_f32(l->params + k, l->grad + k, l->m + k, l->v + k, l->n, ++l->updates, rate, 0.9f,
                 0.999f, 1e-8f);
}
