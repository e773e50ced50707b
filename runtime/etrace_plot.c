/* SPDX-License-Identifier: MIT-0 */
/* Curves as a picture.  In: texts and numbers.  Out: an .svg file.  What holds afterwards: the file
   is whole or as it was, and no text was taken for a command: each stands in single quotes, in a
   script that gnuplot reads from a file without a name (nothing blocks, and no shell sees it).  */
#define _POSIX_C_SOURCE 200809L

#include "etrace_plot.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* TEXT as gnuplot reads it back: a quote is doubled, control characters become spaces.  */
static void put_text(FILE *f, const char *text)
{
    putc('\'', f);
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '\'')
            putc('\'', f);
        putc(c < ' ' || c == 127 ? ' ' : c, f);
    }
    putc('\'', f);
}

static void put_label(FILE *f, const char *what, const char *text)
{
    fprintf(f, "set %s ", what);
    put_text(f, text);
    putc('\n', f);
}

/* Y with a point whatever the locale is.  */
static void put_number(FILE *f, double y)
{
    char text[40];

    snprintf(text, sizeof text, "%.9g", y);
    for (char *p = text; *p; p++)
        putc(*p == ',' ? '.' : *p, f);
}

static void put_curve(FILE *f, const double *y, int n_points)
{
    for (int i = 0; i < n_points; i++) {
        fprintf(f, "%d ", i + 1);
        put_number(f, y[i]);
        putc('\n', f);
    }
    fputs("e\n", f);
}

static void put_script(FILE *f, const char *title, const char *xlabel, const char *ylabel,
                       int n_curves, const char *const *names, const double *const *y,
                       int n_points)
{
    fputs("set terminal svg size 720,480 noenhanced background '#ffffff'\nset grid\n"
          "set key bmargin center horizontal\n", f);
    put_label(f, "title", title);
    put_label(f, "xlabel", xlabel);
    put_label(f, "ylabel", ylabel);
    for (int c = 0; c < n_curves; c++) {
        fputs(c ? ", '-' using 1:2 with lines lw 2 title " :
              "plot '-' using 1:2 with lines lw 2 title ", f);
        put_text(f, names[c]);
    }
    putc('\n', f);
    for (int c = 0; c < n_curves; c++)
        put_curve(f, y[c], n_points);
}

/* Run gnuplot with the script IN, its output to OUT.  -d: without the user's own settings.  */
static int run_gnuplot(int in, int out)
{
    char name[] = "gnuplot", settings[] = "-d";
    char *args[] = {name, settings, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int failed, status = 0;

    if (posix_spawn_file_actions_init(&actions) != 0)
        return ETR_PLOT_IO;
    failed = posix_spawn_file_actions_adddup2(&actions, in, 0) != 0 ||
             posix_spawn_file_actions_adddup2(&actions, out, 1) != 0 ||
             posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) != 0;
    if (!failed)
        failed = posix_spawnp(&pid, name, &actions, NULL, args, environ) != 0;
    posix_spawn_file_actions_destroy(&actions);
    if (failed)
        return ETR_PLOT_NO_GNUPLOT;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return ETR_PLOT_FAILED;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return ETR_PLOT_NO_GNUPLOT;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? ETR_PLOT_OK : ETR_PLOT_FAILED;
}

/* Draw SCRIPT into a new file beside PATH and rename it.  */
static int draw(FILE *script, const char *path)
{
    const size_t len = strlen(path);
    char *temporary = malloc(len + sizeof ".XXXXXX");
    const mode_t mask = umask(0);
    int out, result;

    umask(mask);
    if (!temporary)
        return ETR_PLOT_IO;
    memcpy(temporary, path, len);
    memcpy(temporary + len, ".XXXXXX", sizeof ".XXXXXX");
    out = mkstemp(temporary);
    if (out < 0) {
        free(temporary);
        return ETR_PLOT_IO;
    }
    result = run_gnuplot(fileno(script), out);
    if (result == ETR_PLOT_OK && fchmod(out, (mode_t)0666 & ~mask) != 0)
        result = ETR_PLOT_IO;
    if (close(out) != 0 && result == ETR_PLOT_OK)
        result = ETR_PLOT_IO;
    if (result == ETR_PLOT_OK && rename(temporary, path) != 0)
        result = ETR_PLOT_IO;
    if (result != ETR_PLOT_OK)
        unlink(temporary);
    free(temporary);
    return result;
}

int etr_plot_svg(const char *path, const char *title, const char *xlabel, const char *ylabel,
                 int n_curves, const char *const *names, const double *const *y, int n_points)
{
    FILE *script = tmpfile();
    int result = ETR_PLOT_IO;

    if (!script)
        return result;
    put_script(script, title, xlabel, ylabel, n_curves, names, y, n_points);
    if (fflush(script) == 0 && !ferror(script) && fseek(script, 0, SEEK_SET) == 0)
        result = draw(script, path);
    fclose(script);
    return result;
}
