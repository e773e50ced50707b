/* SPDX-License-Identifier: Apache-2.0 */
/* A program of the build: prints what the table of options says, "manual" (the template on standard
   input), "bash", "zsh" or "schema".  */
#include "option_docs.h"
#include "schema.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    const char *form = argc > 1 ? argv[1] : "";
    buf out = {0}, template = {0};
    char part[4096];
    size_t n;
    while (strcmp(form, "manual") == 0 && (n = fread(part, 1, sizeof part, stdin)) > 0)
        buf_bytes(&template, part, n);
    if (strcmp(form, "manual") == 0)
        option_manual(buf_text(&template), &out);
    else if (strcmp(form, "bash") == 0)
        option_bash(&out);
    else if (strcmp(form, "zsh") == 0)
        option_zsh(&out);
    else if (strcmp(form, "schema") == 0)
        schema_write(&out);
    fputs(buf_text(&out), stdout);
    int failed = out.len == 0 || fflush(stdout) != 0;
    buf_free(&template);
    buf_free(&out);
    return failed;
}
