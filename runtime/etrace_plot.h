/* SPDX-License-Identifier: MIT-0 */
/* Curves as a picture, drawn by gnuplot.  For hosts: allocates and starts a process.  */
#ifndef ETRACE_PLOT_H
#define ETRACE_PLOT_H

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ETR_PLOT_OK = 0,
    ETR_PLOT_NO_GNUPLOT = 1,
    ETR_PLOT_IO = 2,
    ETR_PLOT_FAILED = 3 /* gnuplot did not take it */
};

/* Draw y[c][0..n_points) of every curve c over 1, 2, ... into the .svg file PATH, which appears
   whole or not at all.  Texts are shown as they are.  */
int etr_plot_svg(const char *path, const char *title, const char *xlabel, const char *ylabel,
                 int n_curves, const char *const *names, const double *const *y, int n_points);

#ifdef __cplusplus
}
#endif

#endif
