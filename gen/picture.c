/* SPDX-License-Identifier: Apache-2.0 */
/* In: the graph.  Out: it as text, as data, or as a picture that Graphviz's dot makes.  */
#include "picture.h"

#include "child.h"

#include <string.h>

enum { TEXT, JSON, GV, N_OWN };

const char *const picture_forms[] = {"text", "json", "gv", "svg", "pdf", NULL};

static const child_limits limits = {
    .cpu_seconds = 60, .memory_bytes = (size_t)2 << 30, .wall_ms = 120000};

const char *picture_form_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    const char *ending = dot ? dot + 1 : "";
    if (strcmp(ending, "txt") == 0)
        return picture_forms[TEXT];
    for (int i = JSON; picture_forms[i]; i++)
        if (strcmp(ending, picture_forms[i]) == 0)
            return picture_forms[i];
    return NULL;
}

/* What dot makes of the graph GV.  It finds its fonts without a cache of its own.  */
static bool run_dot(const char *form, const buf *gv, buf *out, diag *d)
{
    const char *const argv[] = {"dot", strcmp(form, "svg") == 0 ? "-Tsvg" : "-Tpdf", NULL};
    buf errors = {0};
    int detail = 0;
    child_end how = child_run(argv, gv, &limits, out, &errors, &detail);
    bool ok = how == CHILD_EXITED && detail == 0 && out->len > 0;
    if (how == CHILD_NOT_STARTED || how == CHILD_FAILED)
        diag_error(d, (loc){0}, "E0423", "cannot run dot: %s", strerror(detail));
    else if (!ok)
        diag_error(d, (loc){0}, "E0424", "dot has made no %s", form);
    if (!ok && errors.len > 0)
        diag_note(d, (loc){0}, "it said: %s", buf_text(&errors));
    if (!ok)
        diag_note(d, (loc){0}, "install Graphviz, or take the form gv and draw it elsewhere");
    buf_free(&errors);
    return ok;
}

bool picture_draw(const graph *gr, const char *form, buf *out, diag *d)
{
    static void (*const shows[N_OWN])(const graph *, buf *) = {show_text, show_json, show_gv};
    buf gv = {0};
    for (int i = 0; i < N_OWN; i++)
        if (form == picture_forms[i]) {
            shows[i](gr, out);
            return true;
        }
    show_gv(gr, &gv);
    bool ok = run_dot(form, &gv, out, d);
    buf_free(&gv);
    return ok;
}
