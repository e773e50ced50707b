/* SPDX-License-Identifier: Apache-2.0 */
/* In: command lines and paths.  Out: exit statuses and texts.  Afterwards no child is left running;
   folders are the caller's to remove.  */
#define _POSIX_C_SOURCE 200809L
#include "command.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void add_part(command *c, const char *part, size_t len)
{
    if (c->n >= COMMAND_WORDS || len + 1 > sizeof c->text - c->used) {
        c->n = COMMAND_WORDS + 1; /* command_run refuses it */
        return;
    }
    memcpy(c->text + c->used, part, len);
    c->word[c->n++] = c->text + c->used;
    c->used += len;
    c->text[c->used++] = '\0';
}

void command_add(command *c, const char *word)
{
    add_part(c, word, strlen(word));
}

void command_add_words(command *c, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, " \t\n");
        if (len > 0)
            add_part(c, text, len);
        text += len;
        text += strspn(text, " \t\n");
    }
}

/* In the child: all output to LOG, no input.  */
static void redirect(const char *log)
{
    int in = open("/dev/null", O_RDONLY), out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(127);
    close(in);
    close(out);
}

int command_run(const command *c, const char *log)
{
    char *argv[COMMAND_WORDS + 1] = {NULL};
    int status = -1;

    if (c->n < 1 || c->n > COMMAND_WORDS)
        return -1;
    for (int i = 0; i < c->n; i++)
        argv[i] = (char *)c->word[i];
    pid_t child = fork();
    if (child == 0) {
        redirect(log);
        execvp(argv[0], argv);
        _exit(127);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) != 127 ? WEXITSTATUS(status) : -1;
}

int command_exists(const char *program)
{
    command c = {.n = 0};
    command_add(&c, program);
    command_add(&c, "--version");
    return command_run(&c, "/dev/null") == 0;
}

int folder_make(char path[COMMAND_PATH])
{
    const char *parent = getenv("TMPDIR");
    snprintf(path, COMMAND_PATH, "%s/etrace-XXXXXX", parent && *parent ? parent : "/tmp");
    if (mkdtemp(path))
        return 0;
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return -1;
}

void folder_remove(const char *path)
{
    DIR *dir = opendir(path);
    char name[COMMAND_PATH];

    if (!dir)
        return;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        folder_path(name, path, entry->d_name);
        unlink(name);
    }
    closedir(dir);
    rmdir(path);
}

void folder_path(char path[COMMAND_PATH], const char *folder, const char *name)
{
    snprintf(path, COMMAND_PATH, "%s/%s", folder, name);
}

char *file_text(const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t n = 0, cap = 4096, got = 0;
    char *text = f ? malloc(cap) : NULL;

    while (text && (got = fread(text + n, 1, cap - n - 1, f)) > 0) {
        n += got;
        if (cap - n > 1)
            continue;
        char *more = realloc(text, cap *= 2);
        if (!more)
            free(text);
        text = more;
    }
    if (text)
        text[n] = '\0';
    if (f)
        fclose(f);
    return text;
}

int file_put(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        return -1;
    int bad = fputs(text, f) < 0;
    return fclose(f) != 0 || bad ? -1 : 0;
}
