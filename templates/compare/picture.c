/* SPDX-License-Identifier: MIT-0 */
/* In: the result of each rule.  Out: a picture that stands by itself: three bars a rule, one for
   how near its gradient is, one for what it keeps in memory, one for what a step costs.  */
#include "compare.h"

#include <math.h>
#include <stdio.h>

enum { LABEL = 230, PANEL = 190, GAP = 90, ROW = 24, TOP = 64, BAR = 14 };

static void put_text(FILE *f, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<': fputs("&lt;", f); break;
        case '>': fputs("&gt;", f); break;
        case '&': fputs("&amp;", f); break;
        default: fputc(*text, f);
        }
    }
}

static int panel_left(int panel)
{
    return LABEL + panel * (PANEL + GAP);
}

/* A bar of PART of the panel's width, and the number beside it.  */
static void put_bar(FILE *f, int panel, int row, double part, const char *number)
{
    static const char *const colour[] = {"#2166ac", "#5aae61", "#b35806"};
    const int y = TOP + row * ROW;
    const double width = part > 0 ? part * PANEL : 0;

    fprintf(f, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n",
            panel_left(panel), y, width, BAR, colour[panel]);
    fprintf(f, "<text x=\"%.1f\" y=\"%d\">%s</text>\n", panel_left(panel) + width + 4, y + 12,
            number);
}

static double memory_of(int r, const compare_result *result)
{
    return compare_rules[r].state + compare_rules[r].trace + result[r].tape;
}

/* Where X is between a tenth of the least and the most of N numbers, by their logarithms.  */
static double logarithmic(double x, const double *all, int n)
{
    double least = x, most = x;

    for (int i = 0; i < n; i++) {
        least = fmin(least, all[i]);
        most = fmax(most, all[i]);
    }
    least = least > 0 ? least / 10 : 1;
    return x > least ? log(x / least) / log(most / least) : 0;
}

/* "831", "12.5K", "3.1M" */
static const char *short_number(double x, char text[24])
{
    static const char unit[] = " KMGTPE";
    int u = 0;

    for (; x >= 1000 && u < 6; u++)
        x /= 1000;
    snprintf(text, 24, u ? "%.3g%c" : "%.3g", x, unit[u]);
    return text;
}

enum { RULES_MAX = 64 };

static void put_rules(FILE *f, const compare_result *result)
{
    double memory[RULES_MAX], flops[RULES_MAX];
    const int n = compare_n_rules < RULES_MAX ? compare_n_rules : RULES_MAX;
    char number[24];

    for (int r = 0; r < n; r++) {
        memory[r] = memory_of(r, result);
        flops[r] = compare_rules[r].flops;
    }
    for (int r = 0; r < n; r++) {
        fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", LABEL - 8, TOP + r * ROW + 12);
        put_text(f, compare_rules[r].label);
        fputs("</text>\n", f);
        snprintf(number, sizeof number, "%.3f", result[r].cosine);
        put_bar(f, 0, r, result[r].cosine, number);
        put_bar(f, 1, r, logarithmic(memory[r], memory, n), short_number(memory[r], number));
        put_bar(f, 2, r, logarithmic(flops[r], flops, n), short_number(flops[r], number));
    }
}

int picture_write(const char *path, const char *title, const compare_result *result)
{
    static const char *const heading[] = {"cosine to bptt", "bytes kept (logarithmic)",
                                          "FLOPs a step (logarithmic)"};
    FILE *f = fopen(path, "w");

    if (!f)
        return -1;
    fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
               "font-family=\"sans-serif\" font-size=\"12\">\n"
               "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
               "<text x=\"8\" y=\"20\" font-size=\"14\">",
            panel_left(3), TOP + compare_n_rules * ROW + 12);
    put_text(f, title);
    fputs("</text>\n", f);
    for (int panel = 0; panel < 3; panel++)
        fprintf(f, "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>\n", panel_left(panel),
                TOP - 14, heading[panel]);
    put_rules(f, result);
    fputs("</svg>\n", f);
    return fclose(f) == 0 ? 0 : -1;
}
