/* SPDX-License-Identifier: Apache-2.0 */
/* --report=FILE.html: a page that is well-formed, has all its parts, links to what is there, asks for nothing from
   elsewhere, and shows hostile text as text.  */
#define _XOPEN_SOURCE 700
#include "cli.h"
#include "suites.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static buf page;

static void set_up(void)
{
    cli_set_up();
    page = (buf){0};
}

static void tear_down(void)
{
    buf_free(&page);
    cli_tear_down();
}

static void make(const char *words, const char *said)
{
    cli_run(words, 0, said);
    page.len = 0;
    ck_assert(run_read_file(run_path(cli_folder, "r.html"), &page));
}

static int count(const char *word)
{
    int n = 0;
    for (const char *p = buf_text(&page); (p = strstr(p, word)); p++)
        n++;
    return n;
}

static void has(const char *word)
{
    ck_assert_msg(count(word) > 0, "no %s on the page", word);
}

/* --- as XML ------------------------------------------------------------------------------------------- */

enum { DEPTH = 64 };

/* The tag at P, between < and >, against the OPEN ones, DEPTH of them.  */
static size_t check_tag(const char *p, const char *open[DEPTH], size_t depth)
{
    size_t n = strcspn(p, " />\n"), length = strcspn(p, ">");
    ck_assert_msg(memchr(p, '<', length) == NULL, "a tag inside of another: %.60s", p);
    if (*p == '!')
        return depth;
    if (*p == '/') {
        ck_assert_msg(depth > 0 && strncmp(open[depth - 1], p + 1, length - 1) == 0
                          && !isalnum((unsigned char)open[depth - 1][length - 1]),
                      "nothing ends with <%.40s", p);
        return depth - 1;
    }
    ck_assert_msg(n > 0 && isalpha((unsigned char)*p), "no tag: <%.40s", p);
    if (p[length - 1] == '/')
        return depth;
    ck_assert_uint_lt(depth, DEPTH);
    open[depth] = p;
    return depth + 1;
}

/* Every tag ends in its place, every & begins an entity.  */
static void check_form(void)
{
    const char *open[DEPTH];
    size_t depth = 0;
    for (const char *p = buf_text(&page); *p; p++) {
        if (*p == '<')
            depth = check_tag(p + 1, open, depth);
        if (*p == '&') {
            size_t n = strspn(p + 1, "#abcdefghijklmnopqrstuvwxyz0123456789");
            ck_assert_msg(n > 0 && p[n + 1] == ';', "no entity: %.30s", p);
        }
    }
    ck_assert_uint_eq(depth, 0);
}

static void check_links(void)
{
    static const char link[] = "href=\"";
    char id[64], twice[80];
    for (const char *p = buf_text(&page); (p = strstr(p, link)); p++) {
        const char *to = p + strlen(link);
        ck_assert_msg(*to == '#', "a link to elsewhere: %.60s", to);
        snprintf(id, sizeof id, "id=\"%.*s\"", (int)strcspn(to + 1, "\""), to + 1);
        snprintf(twice, sizeof twice, " %s", id);
        ck_assert_msg(count(twice) == 1, "%d times %s", count(twice), id);
    }
}

/* --- tests -------------------------------------------------------------------------------------------- */

START_TEST(all_parts_are_there)
{
    static const char *const parts[] = {
        "<title>net: d_rtrl, window 1</title>", "<h2 id=\"graph\">", "<h2 id=\"states\">", "<h2 id=\"parameters\">",
        "<h2 id=\"costs\">", "<h2 id=\"rules\">", "<h2 id=\"code\">", "<svg ", ">W [2, 3]</text>", ">x @ W + b</text>",
        ">h [3]</text>", ">D</text>", ">df</text>", "<td><code>W</code></td><td>[2, 3]</td>", "in a relation",
        "RAM to learn", "learn_step", "<tr class=\"chosen\"><td>d_rtrl, window 1</td>", "<td>bptt</td>",
        "three_factor needs a modulator", "<h3>model.yaml</h3>", "<h3>model.c</h3>", "<h3>model.h</h3>",
        "class=\"trace\" data-from=\"s0-7\" href=\"#s0-7\" title=\"eligibility trace, from model.yaml:7:",
        "prefers-color-scheme: dark",
    };
    make("--unroll=0 --report=r.html model.yaml", NULL);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        has(parts[i]);
    check_form();
    check_links();
    ck_assert(cli_exists("model.c"));
}
END_TEST

START_TEST(nothing_is_asked_for_from_elsewhere)
{
    make("--report=r.html model.yaml", NULL);
    ck_assert_int_eq(count("://"), count("xmlns=\"http://www.w3.org/2000/svg\""));
    ck_assert_int_eq(count("<script"), 1);
    static const char *const words[] = {" src=", "<link", "<iframe", "@import", "url(h", "fetch", "XMLHttp"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        ck_assert_msg(count(words[i]) == 0, "%s", words[i]);
}
END_TEST

static const char hostile[] =
    "etrace: 1 # </pre></div><script>alert(1)</script> & &amp; \" ' m4_define(et_page) @{end@}\n"
    "model: net\ninputs: {x: [2]} # \xc2\xab\xc2\xbb @+ <!-- ]]> \xe2\x82\xac\n"
    "params: {W: [2, 3]} # <svg onload=alert(2)>\nhidden: {h: [3]}\n"
    "step: [\"h' = where(1 < 2, 1, 0) * tanh(x @ W)\"]\n"
    "outputs: {y: h'}\nloss: sum(h' * h') # <img src=x onerror=alert(3)>\n";

START_TEST(hostile_text_is_text)
{
    cli_write("a<b>&'.yaml", hostile);
    cli_shell("$E --report=r.html -o net.c -H net.h \"a<b>&'.yaml\"", 0);
    ck_assert(run_read_file(run_path(cli_folder, "r.html"), &page));
    check_form();
    check_links();
    ck_assert_int_eq(count("<script"), 1);
    ck_assert_int_eq(count("<img") + count("<svg onload") + count("<!--"), 0);
    has("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &amp;amp; &quot; &#39; m4_define(et_page) @{end@}");
    has("\xc2\xab\xc2\xbb @+ &lt;!-- ]]&gt; \xe2\x82\xac");
    has("<h3>a&lt;b&gt;&amp;&#39;.yaml</h3>");
}
END_TEST

START_TEST(cells_stand_beside_the_model)
{
    cli_write("net.yaml", "etrace: 1\nmodel: net\ninputs: {x: [2]}\nmodules: {a: {cell: lstm, in: x, size: 3}}\n"
                          "outputs: [a]\nloss: sum(a * a)\n");
    make("--report=r.html net.yaml", "");
    has("<h3>net.yaml</h3>");
    has("<h3>lstm.yaml</h3>");
    has(">a.h [3]</text>");
    check_form();
    check_links();
}
END_TEST

START_TEST(a_date_is_there_on_request_alone)
{
    cli_shell("$E --report=r.html model.yaml && cp r.html a.html && $E --report=r.html model.yaml && cmp a.html r.html",
              0);
    cli_shell("! grep -q '1970\\|20[0-9][0-9]-' r.html && SOURCE_DATE_EPOCH=86400 $E --report=r.html model.yaml && "
              "grep -q 'batch 1, 1970-01-02;' r.html && SOURCE_DATE_EPOCH=x $E --report=r.html model.yaml && "
              "cmp a.html r.html",
              0);
}
END_TEST

START_TEST(the_folder_is_not_on_the_page)
{
    cli_shell("mkdir other && cp model.yaml other && $E --report=a.html model.yaml && cd other && "
              "$E --report=../b.html ../other/model.yaml && cmp ../a.html ../b.html", 0);
}
END_TEST

START_TEST(a_depfile_names_its_template)
{
    make("-MD --report=r.html model.yaml", NULL);
    cli_shell("grep -q /templates/page.html.m4 model.d", 0);
    cli_shell("$E -MD --report=r.txt model.yaml && ! grep -q page.html.m4 model.d", 0);
}
END_TEST

START_TEST(a_check_writes_the_page_alone)
{
    make("-n --report=r.html model.yaml", NULL);
    has("<h3>model.c</h3>");
    cli_nothing_but(1);
}
END_TEST

/* The page in a browser: what its script does to it, as text.  */
START_TEST(chromium_loads_it)
{
    if (system("command -v chromium > /dev/null 2>&1") != 0) {
        puts("page: no chromium, so the page was not loaded");
        return;
    }
    make("--unroll=0 --report=r.html model.yaml", NULL);
    cli_shell("chromium --headless --no-sandbox --disable-gpu --user-data-dir=profile --dump-dom "
              "file://$PWD/r.html > dom.html 2> log && grep -q 'id=\"s0-7\"' dom.html && "
              "grep -q 'class=\"gradient\"' dom.html && grep -q '</svg>' dom.html", 0);
}
END_TEST

Suite *page_suite(void)
{
    Suite *s = suite_create("page");
    TCase *c = tcase_create("page");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, all_parts_are_there);
    tcase_add_test(c, nothing_is_asked_for_from_elsewhere);
    tcase_add_test(c, hostile_text_is_text);
    tcase_add_test(c, cells_stand_beside_the_model);
    tcase_add_test(c, a_date_is_there_on_request_alone);
    tcase_add_test(c, the_folder_is_not_on_the_page);
    tcase_add_test(c, a_depfile_names_its_template);
    tcase_add_test(c, a_check_writes_the_page_alone);
    tcase_add_test(c, chromium_loads_it);
    suite_add_tcase(s, c);
    return s;
}
