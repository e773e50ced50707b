/* SPDX-License-Identifier: Apache-2.0 */
/* A program of the build: prints what a table of options says, that of "gen" or "convert": "manual"
   (the template on standard input), "bash" or "zsh"; or "schema".  */
#include "convert_options.h"
#include "option_docs.h"
#include "option_table.h"
#include "schema.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    const char *form = argc > 1 ? argv[1] : "", *of = argc > 2 ? argv[2] : "gen";
    const option_set *set = strcmp(of, "convert") == 0 ? &convert_table : &option_table;
    buf out = {0}, template = {0};
    char part[4096];
    size_t n;
    while (strcmp(form, "manual") == 0 && (n = fread(part, 1, sizeof part, stdin)) > 0)
        buf_bytes(&template, part, n);
    if (strcmp(form, "manual") == 0)
        option_manual(set, buf_text(&template), &out);
    else if (strcmp(form, "bash") == 0)
        option_bash(set, &out);
    else if (strcmp(form, "zsh") == 0)
        option_zsh(set, &out);
    else if (strcmp(form, "schema") == 0)
        schema_write(&out);
    fputs(buf_text(&out), stdout);
    int failed = out.len == 0 || fflush(stdout) != 0;
    buf_free(&template);
    buf_free(&out);
    return failed;
}
