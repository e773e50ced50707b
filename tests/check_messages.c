/* SPDX-License-Identifier: Apache-2.0 */
/* Every message as golden text: tests/diag/NAME.yaml is a spec, NAME.err what `etrace-gen -n
   NAME.yaml` says of it.  A spec may begin with `# args: WORDS` and `# status: N`; files that begin
   with `cell:` are cells that others use.  `make update-golden` writes the .err files anew; read
   the change before it is kept.  */
#define _XOPEN_SOURCE 700
#include "run.h"
#include "suites.h"
#include "warning.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the golden texts ------------------------------------------------------------------------ */

static glob_t find_files(const char *pattern)
{
    glob_t found = {0};
    ck_assert_int_eq(glob(run_source_path(pattern), 0, NULL, &found), 0);
    return found;
}

/* The rest of the line that begins with KEY, among the first lines of TEXT; the caller frees
   it.  */
static char *header_line(const char *text, const char *key)
{
    size_t n = strlen(key);
    for (; *text == '#'; text += strcspn(text, "\n") + 1)
        if (strncmp(text, key, n) == 0)
            return strndup(text + n, strcspn(text + n, "\n"));
    return strdup("");
}

/* NAME.err beside PATH, which is NAME.yaml.  */
static void golden_path(const char *path, buf *res)
{
    buf_bytes(res, path, strlen(path) - strlen(".yaml"));
    buf_puts(res, ".err");
}

static const char *last_part(const char *path)
{
    return strrchr(path, '/') + 1;
}

static run_result run_case(const char *path, const char *text)
{
    buf words = {0};
    char *args = header_line(text, "# args: ");
    buf_printf(&words, "-n %s %s", args, last_part(path));
    run_result r = run_etrace(run_source_path("tests/diag"), buf_text(&words));
    free(args);
    buf_free(&words);
    return r;
}

static int wanted_status(const char *text, const char *err)
{
    char *given = header_line(text, "# status: ");
    int status = *given ? atoi(given) : strstr(err, ": error: ") != NULL;
    free(given);
    return status;
}

static void compare(const char *path, const char *got)
{
    buf golden = {0}, wanted = {0}, diff = {0};
    golden_path(path, &golden);
    if (getenv("ETRACE_UPDATE_GOLDEN"))
        run_write_file(golden.text, got, strlen(got));
    ck_assert_msg(run_read_file(golden.text, &wanted), "there is no %s", golden.text);
    run_diff(buf_text(&wanted), got, &diff);
    ck_assert_msg(diff.len == 0, "%s: %s", last_part(path), buf_text(&diff));
    buf_free(&golden);
    buf_free(&wanted);
    buf_free(&diff);
}

/* Lower case, no full stop.  */
static void check_style(const char *err)
{
    static const char *const head[] = {": error: ", ": warning: ", ": note: "};
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
        for (const char *p = strstr(err, head[i]); p; p = strstr(p + 1, head[i])) {
            const char *text = p + strlen(head[i]), *end = strstr(text, " [");
            size_t n = strcspn(text, "\n");
            if (end && end < text + n)
                n = (size_t)(end - text);
            ck_assert_msg(!isupper((unsigned char)text[0]) && text[n - 1] != '.', "style: %.*s",
                          (int)n, text);
        }
}

START_TEST(message_is_as_written)
{
    glob_t found = find_files("tests/diag/*.yaml");
    const char *path = found.gl_pathv[_i];
    buf text = {0};
    ck_assert(run_read_file(path, &text));
    if (strncmp(buf_text(&text), "cell:", 5) != 0) {
        run_result r = run_case(path, buf_text(&text));
        const char *err = buf_text(&r.err);
        compare(path, err);
        check_style(err);
        ck_assert_msg(r.status == wanted_status(buf_text(&text), err), "%s: status %d",
                      last_part(path), r.status);
        ck_assert_str_eq(buf_text(&r.out), "");
        run_free(&r);
    }
    buf_free(&text);
    globfree(&found);
}
END_TEST

START_TEST(every_golden_has_its_spec)
{
    glob_t found = find_files("tests/diag/*.err");
    for (size_t i = 0; i < found.gl_pathc; i++) {
        buf path = {0}, text = {0};
        const char *err = found.gl_pathv[i];
        buf_bytes(&path, err, strlen(err) - strlen(".err"));
        buf_puts(&path, ".yaml");
        ck_assert_msg(run_read_file(path.text, &text), "%s has no .yaml", err);
        buf_free(&path);
        buf_free(&text);
    }
    globfree(&found);
}
END_TEST

/* --- the codes ------------------------------------------------------------------------------- */

/* Codes that no file in tests/diag can bring about, and where they are tested instead, or why
   not.  */
static const struct {
    const char *code, *why;
} exceptions[] = {
    {"E0117", "a file of 16 MiB: check_yaml"},
    {"E0118", "libyaml has no memory"},
    {"E0119", "a file that cannot be read: check_cli"},
    {"E0316", "a cell without outputs is refused by E0241"},
    {"E0325", "another error comes first"},
    {"E0363", "an init of another kind is refused by E0231"},
    {"E0521", "no op of today lacks a forward mode"},
    {"E0639", "a symbolic link: check_cli"},
    {"E0401", "a broken installation: check_cli"},
    {"E0402", "m4: check_skel"},
    {"E0403", "m4: check_skel"},
    {"E0404", "m4: check_skel"},
    {"E0405", "m4: check_skel"},
    {"E0406", "no pipe or no process left"},
    {"E0407", "m4: check_skel"},
    {"E0408", "a broken installation: check_cli"},
    {"E0409", "m4: check_skel"},
    {"E0410", "outputs: check_cli"},
    {"E0560", "more rules than there are: check_compare"},
    {"E0562", "outputs: check_compare"},
    {"E0423", "Graphviz: check_outputs"},
    {"E0424", "Graphviz: check_outputs"},
    {"E0430", "an option that needs outputs: check_self_test"},
    {"E0412", "a broken installation: check_schema"},
    {"E0411", "a broken installation: check_outputs"},
};

enum { N_EXCEPTIONS = sizeof exceptions / sizeof exceptions[0] };

static void read_all(const char *pattern, buf *text)
{
    glob_t found = find_files(pattern);
    for (size_t i = 0; i < found.gl_pathc; i++)
        ck_assert(run_read_file(found.gl_pathv[i], text));
    globfree(&found);
}

static bool is_exception(const char *code)
{
    for (int i = 0; i < N_EXCEPTIONS; i++)
        if (strcmp(exceptions[i].code, code) == 0)
            return true;
    return false;
}

/* Each code E0nnn in gen/ has a golden text or is an exception, and not both.  */
START_TEST(every_code_has_a_golden_text)
{
    buf sources = {0}, goldens = {0}, missing = {0};
    read_all("gen/*.c", &sources);
    read_all("tests/diag/*.err", &goldens);
    for (const char *p = strstr(sources.text, "\"E0"); p; p = strstr(p + 1, "\"E0")) {
        char code[6] = "", shown[10];
        memcpy(code, p + 1, 5);
        if (p[6] != '"')
            continue;
        snprintf(shown, sizeof shown, "[%s]", code);
        if ((strstr(goldens.text, shown) != NULL) == is_exception(code)
            && strstr(buf_text(&missing), code) == NULL)
            buf_printf(&missing, " %s%s", code, is_exception(code) ? " (has one now)" : "");
    }
    ck_assert_msg(missing.len == 0, "no golden text in tests/diag, nor a reason why:%s",
                  buf_text(&missing));
    for (int i = 0; i < N_EXCEPTIONS; i++)
        ck_assert_msg(strstr(sources.text, exceptions[i].code), "%s is a code no longer",
                      exceptions[i].code);
    buf_free(&sources);
    buf_free(&goldens);
    buf_free(&missing);
}
END_TEST

/* T7: as many mistakes have a message of their own, with a text, a place and a status that are
   compared.  */
START_TEST(many_codes_have_a_golden_text)
{
    static bool seen[10000];
    buf goldens = {0};
    int n = 0;
    read_all("tests/diag/*.err", &goldens);
    for (const char *p = strstr(goldens.text, "[E0"); p; p = strstr(p + 1, "[E0")) {
        int code = atoi(p + 2);
        n += code > 0 && code < 10000 && !seen[code];
        seen[code > 0 && code < 10000 ? code : 0] = true;
    }
    ck_assert_int_ge(n, 150);
    buf_free(&goldens);
}
END_TEST

/* A code is one message.  Those that several files give say the same thing.  */
START_TEST(every_code_has_one_meaning)
{
    static const char shared[] = " E0314 E0340 E0341 E0357 E0358 ";
    static char owner[10000][64];
    glob_t found = find_files("gen/*.c");
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *file = last_part(found.gl_pathv[i]);
        buf text = {0};
        ck_assert(run_read_file(found.gl_pathv[i], &text));
        for (const char *p = strstr(text.text, "\"E0"); p; p = strstr(p + 1, "\"E0")) {
            char code[8] = " ";
            memcpy(code + 1, p + 1, 5);
            char *known = owner[atoi(code + 2)];
            if (*known == '\0')
                snprintf(known, sizeof owner[0], "%s", file);
            ck_assert_msg(strcmp(known, file) == 0 || strstr(shared, code), "%s is in %s and in %s",
                          code + 1, known, file);
        }
        buf_free(&text);
    }
    globfree(&found);
}
END_TEST

/* Each name of a warning has a golden text, "[-Wname]".  */
START_TEST(every_warning_has_a_golden_text)
{
    buf sources = {0}, goldens = {0};
    read_all("gen/*.c", &sources);
    read_all("tests/diag/*.err", &goldens);
    for (const char *p = strstr(sources.text, "->diag, "); p; p = strstr(p + 1, "->diag, ")) {
        const char *call = p, *name = strchr(p, '"') + 1;
        while (call > sources.text && call[-1] != ' ' && call[-1] != '\n')
            call--;
        if (strncmp(call, "diag_warning(", 13) != 0)
            continue;
        size_t n = strcspn(name, "\"");
        int row = 0;
        while (warning_rows[row].name
               && (strncmp(warning_rows[row].name, name, n) != 0 || warning_rows[row].name[n]))
            row++;
        ck_assert_msg(warning_rows[row].name, "warning_rows has no %.*s", (int)n, name);
    }
    for (const warning_row *row = warning_rows; row->name; row++) {
        char shown[80], given[80];
        snprintf(shown, sizeof shown, "[-W%s]", row->name);
        snprintf(given, sizeof given, "\"%s\"", row->name);
        ck_assert_msg(strstr(goldens.text, shown), "no golden text has %s", shown);
        ck_assert_msg(strstr(strstr(sources.text, given) + 1, given), "%s is given by nobody", given);
    }
    buf_free(&sources);
    buf_free(&goldens);
}
END_TEST

/* Outside of a test nothing may be asserted.  */
static int count_specs(void)
{
    const char *root = getenv("srcdir");
    buf pattern = {0};
    glob_t found = {0};
    buf_printf(&pattern, "%s/tests/diag/*.yaml", root ? root : ".");
    int n = glob(pattern.text, 0, NULL, &found) == 0 ? (int)found.gl_pathc : 1;
    globfree(&found);
    buf_free(&pattern);
    return n;
}

Suite *messages_suite(void)
{
    Suite *s = suite_create("messages");
    TCase *golden = tcase_create("golden"), *codes = tcase_create("codes");
    tcase_set_timeout(golden, 60);
    tcase_add_loop_test(golden, message_is_as_written, 0, count_specs());
    tcase_add_test(golden, every_golden_has_its_spec);
    tcase_add_test(codes, every_code_has_a_golden_text);
    tcase_add_test(codes, many_codes_have_a_golden_text);
    tcase_add_test(codes, every_code_has_one_meaning);
    tcase_add_test(codes, every_warning_has_a_golden_text);
    suite_add_tcase(s, golden);
    suite_add_tcase(s, codes);
    return s;
}
