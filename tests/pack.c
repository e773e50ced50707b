/* SPDX-License-Identifier: Apache-2.0 */
/* In: specs.  Out: their models, in one library.  */
#define _POSIX_C_SOURCE 200809L
#include "pack.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pack_begin(pack *p)
{
    memset(p, 0, sizeof *p);
    if (folder_make(p->folder) != 0)
        abort();
}

model *pack_add(pack *p, const char *text, const char *const *option)
{
    char prefix[16], spec[COMMAND_PATH];
    model *m = &p->m[p->n];
    const model_source source = {.spec = spec, .option = option};

    if (p->n == PACK_MAX)
        return NULL;
    memset(m, 0, sizeof *m);
    memcpy(m->folder, p->folder, sizeof m->folder);
    snprintf(prefix, sizeof prefix, "m%d", p->n);
    folder_path(spec, p->folder, "model.yaml");
    if (file_put(spec, text) != 0 || model_generate(m, &source, prefix) != 0)
        return NULL;
    p->n++;
    return m;
}

/* The files to compile, as arguments for a compiler.  */
static int put_list(const pack *p, const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f)
        return -1;
    for (int i = 0; i < p->n; i++)
        fprintf(f, "%s/m%d.c\n", p->folder, i);
    return fclose(f);
}

static int compile(const pack *p, const char *cc, const char *list, const char *to)
{
    char log[COMMAND_PATH], from[COMMAND_PATH + 1];
    command c = {.n = 0};
    const char *usual = getenv("CC");

    folder_path(log, p->folder, "compile.log");
    snprintf(from, sizeof from, "@%s", list);
    command_add_words(&c, cc ? cc : usual && *usual ? usual : "cc");
    command_add_words(&c, "-shared -fPIC -std=c99 -O0 " MODEL_WARNINGS " -o");
    command_add(&c, to);
    command_add(&c, from);
    command_add(&c, "-lm");
    if (command_run(&c, log) == 0)
        return 0;
    char *text = file_text(log);
    fprintf(stderr, "%s: the models do not compile\n%.20000s", p->folder, text ? text : "");
    free(text);
    return -1;
}

int pack_load(pack *p, const char *cc, int n_steps)
{
    char list[COMMAND_PATH], to[COMMAND_PATH], prefix[16];

    folder_path(list, p->folder, "list");
    folder_path(to, p->folder, "all.so");
    if (put_list(p, list) != 0 || compile(p, cc, list, to) != 0)
        return -1;
    p->library = dlopen(to, RTLD_NOW | RTLD_LOCAL);
    if (!p->library) {
        fprintf(stderr, "%s\n", dlerror());
        return -1;
    }
    for (int i = 0; i < p->n; i++) {
        snprintf(prefix, sizeof prefix, "m%d", i);
        if (model_bind(&p->m[i], p->library, prefix, n_steps) != 0)
            return -1;
    }
    return 0;
}

void pack_end(pack *p)
{
    for (int i = 0; i < p->n; i++)
        model_close(&p->m[i]);
    if (p->library)
        dlclose(p->library);
    folder_remove(p->folder);
}
