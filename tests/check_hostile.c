/* SPDX-License-Identifier: Apache-2.0 */
/* Promise P6: no spec of at most 16 MiB takes more than 2 seconds of processor time or 256 MiB to be refused.
   Each row is a file that once did, or that readers of YAML and expressions are known to do so with.  The
   limit on time is the system's, on the process alone, so that a busy machine changes nothing.  */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE
#include "cli.h"
#include "suites.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_BYTES = 16 << 20, TEXT_BYTES = 65000, SECONDS = 2, MEBIBYTES = 256, TIMEOUT = 600 };

#define HEAD "etrace: 1\nmodel: m\n"
#define MODEL HEAD "inputs: {x: [3]}\ntargets: {y: [3]}\nhidden: {h: [3]}\n"
#define TAIL "outputs: {o: h}\nloss: mse(h, y)\n"

/* HEAD, UNIT until there are BYTES or it stands N times (0: no matter), and TAIL.  In a unit `#` is its
   number from 1 on, `<` the one before.  */
typedef struct {
    const char *head, *unit;
    size_t bytes, n;
    const char *tail, *says;
} hostile;

static const hostile specs[] = {
    /* YAML alone: one thing, 16 MiB of it */
    {"", "[", FILE_BYTES, 0, "", "[E0113]"},
    {"", "[\n", FILE_BYTES, 0, "", "[E0113]"},
    {"", "{a: ", FILE_BYTES, 0, "", "[E0113]"},
    {"", "- ", FILE_BYTES, 0, "", "[E0113]"},
    {"", "? ", FILE_BYTES, 0, "", "error"},
    {"", "- x\n", FILE_BYTES, 0, "", "[E0114]"},
    {"", "k#: 1\n", FILE_BYTES, 0, "", "[E0114]"},
    {"", "a: 1\n", FILE_BYTES, 0, "", "[E0114]"},
    {"", "&a ", FILE_BYTES, 0, "", "error"},
    {"[", "*a, ", FILE_BYTES, 0, "", "[E0106]"},
    {"[", "&a# x, ", FILE_BYTES, 0, "", "[E0112]"},
    {"", "!t ", FILE_BYTES, 0, "", "error"},
    {"", "---\n", FILE_BYTES, 0, "", "error"},
    {"", "%TAG !a#! x\n", FILE_BYTES, 0, "", "[E0127]"},
    {"", "\n", FILE_BYTES, 0, "", "[E0115]"},
    {"", "a ", FILE_BYTES, 0, "", "[E0107]"},
    {"", "a\n", FILE_BYTES, 0, "", "[E0107]"},
    {"\"", "\\x41", FILE_BYTES - 8, 0, "\"", "[E0107]"},
    {"|\n", " a\n", FILE_BYTES, 0, "", "[E0107]"},
    {">\n", " a\n\n", FILE_BYTES, 0, "", "[E0107]"},
    {"", "\xf0\x9f\x98\x80", FILE_BYTES, 0, "", "[E0107]"},
    {"", "a", FILE_BYTES + 1, 0, "", "[E0117]"},
    {HEAD "step: ", "a: b: ", FILE_BYTES, 0, "", "error"},
    {HEAD "a0: &a0 [x, x]\n", "a#: &a# [*a<, *a<, *a<, *a<, *a<, *a<, *a<, *a<]\n", FILE_BYTES, 40, "", "[E0114]"},
    {HEAD, "a: &a [*a]\n", FILE_BYTES, 1, "", "[E0105]"},
    /* names and equations */
    {MODEL "step:\n", "  - v# = zzz#\n", FILE_BYTES, 40000, TAIL, "[E0125]"},
    {MODEL "step:\n", "  - v# = zzz#\n", FILE_BYTES, 9000, TAIL, "is not known"},
    {MODEL "step:\n", "  - v# = zzz#(h)\n", FILE_BYTES, 9000, TAIL, "unknown function"},
    {MODEL "step:\n", "  - v = h\n", FILE_BYTES, 9000, TAIL, "is assigned twice"},
    {MODEL "step:\n", "  - v# = tanh(v<)\n", FILE_BYTES, 9000, TAIL, "'v0' is not known"},
    {HEAD "dims: {d0: 1, ", "d#: d< + d<, ", FILE_BYTES, 40, "}\ninputs: {x: [d40]}\n", "[E0328]"},
    {HEAD "inputs: {x: [d1]}\ndims: {", "d<: d# + 1, ", FILE_BYTES, 9000, "d9000: 1}\n", "[E0315]"},
    {HEAD "hidden: {", "h#: [3], ", FILE_BYTES, 9000, "}\nstep: []\n", "is never assigned"},
    {HEAD "params: {", "W#: [65536, 65536, 65536], ", FILE_BYTES, 9000, "}\n", "[E0321]"},
    {HEAD "functions: {", "f#(x): tanh(x), ", FILE_BYTES, 40000, "}\n", "[E0125]"},
    {MODEL "functions:\n  f0(x): tanh(x)\n", "  f#(x): \"f<(x) * f<(2 * x)\"\n", FILE_BYTES, 60,
     "step: [\"h' = f60(h)\"]\n" TAIL, "[E0349]"},
    {MODEL "functions:\n  f0(x): g(x)\n", "  f#(x): \"f<(x) + f<(2 * x)\"\n", FILE_BYTES, 60,
     "step: [\"h' = f60(h)\"]\n" TAIL, "unknown function 'g'"},
    {HEAD "outputs: {", "o#: h, ", FILE_BYTES, 40000, "}\n", "[E0125]"},
    {HEAD "loss: [", "h, ", FILE_BYTES, 90000, "]\n", "[E0125]"},
    {HEAD "modules: {", "m#: {cell: none}, ", FILE_BYTES, 4000, "}\n", "none"},
    {HEAD "k: {", "a#: {b: [", FILE_BYTES, 30, "", "error"},
    /* expressions */
    {MODEL "step:\n  - h' = h", " + h", TEXT_BYTES, 0, "\n" TAIL, "[E0215]"},
    {MODEL "step:\n  - h' = ", "(", TEXT_BYTES, 0, "\n" TAIL, "error"},
    {MODEL "step:\n  - h' = ", "- ", TEXT_BYTES, 0, "h\n" TAIL, "error"},
    {MODEL "step:\n  - h' = ", "not ", TEXT_BYTES, 0, "h\n" TAIL, "error"},
    {MODEL "step:\n  - h' = h", ".h", TEXT_BYTES, 0, "\n" TAIL, "error"},
    {MODEL "step:\n  - h' = h", "[0]", TEXT_BYTES, 0, "\n" TAIL, "error"},
    {MODEL "step:\n  - h' = ", "[", TEXT_BYTES, 0, "\n" TAIL, "error"},
    {MODEL "step:\n  - h' = ", "9", TEXT_BYTES, 0, "\n" TAIL, "error"},
    {MODEL "step:\n  - h' = h", "**h", TEXT_BYTES, 0, "\n" TAIL, "error"},
    {MODEL "step:\n  - h' = ", "tanh(", TEXT_BYTES, 0, "\n" TAIL, "error"},
    {MODEL "step:\n  - h' = concat(h", ",h", TEXT_BYTES, 0, ")\n" TAIL, "[E0215]"},
    {MODEL "step:\n  - h' = ", "a", TEXT_BYTES, 0, "\n" TAIL, "error"},
    {MODEL "step:\n", "  - v# = h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h\n",
     FILE_BYTES, 0, TAIL, "error"},
    {MODEL "step:\n", "  - v# = h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h+h\n",
     FILE_BYTES, 8000, TAIL, "[E0126]"},
    /* sizes */
    {HEAD "hidden: {h: [", "65536, ", FILE_BYTES, 3, "1]}\nstep: [\"h' = h\"]\n", "[E0321]"},
    {HEAD "hidden: {h: [", "2147483647, ", FILE_BYTES, 2, "1]}\nstep: [\"h' = h\"]\n", "[E0321]"},
    {HEAD "hidden: {h: [", "9223372036854775808", FILE_BYTES, 1, "]}\nstep: [\"h' = h\"]\n", "error"},
    {HEAD "hidden: {h: [", "99999 * 99999 * 99999 * 99999", FILE_BYTES, 1, "]}\nstep: [\"h' = h\"]\n", "[E0324]"},
    {MODEL "params: {W: {shape: [65536, 16384], sparse: {random: {p: 0.9, seed: 1}}}}\nstep: [",
     "\"h' = h + sum(W)\"", FILE_BYTES, 1, "]\n" TAIL, "error"},
    {MODEL "unroll_limit: 1000\nstep:\n", "  - repeat: 1000\n    carry: {u: h}\n    do:\n      - repeat: 1000\n"
     "        carry: {v: u}\n        do: [\"v' = tanh(v)\"]\n      - u' = v\n  - h' = u\n", FILE_BYTES, 1, TAIL, "[E0349]"},
    {HEAD "inputs: {x: [1000]}\ntargets: {y: [1000]}\nmodules: {m: {cell: gru, in: x, size: 1000}}\noutputs: [m]\n"
     "loss: mse(m, y)\n", "learning: {rule: rtrl}\n", FILE_BYTES, 1, "", "[E0511]"},
};

enum { N_SPECS = sizeof specs / sizeof specs[0] };

static void put_unit(buf *text, const char *unit, size_t i)
{
    for (const char *p = unit; *p; p++) {
        if (*p == '#' || *p == '<')
            buf_printf(text, "%zu", *p == '#' ? i : i - 1);
        else
            buf_bytes(text, p, 1);
    }
}

static void write_hostile(const hostile *h, const char *path)
{
    buf text = {0};
    const size_t tail = strlen(h->tail);
    buf_puts(&text, h->head);
    for (size_t i = 1, before; h->n == 0 || i <= h->n; i++) {
        before = text.len;
        put_unit(&text, h->unit, i);
        if (text.len + tail <= h->bytes)
            continue;
        text.len = before;
        break;
    }
    buf_puts(&text, h->tail);
    run_write_file(path, text.text, text.len);
    buf_free(&text);
}

static void limit_time(void)
{
    const struct rlimit time = {SECONDS, SECONDS + 1};
    setrlimit(RLIMIT_CPU, &time);
}

/* Run ARGV in the test's folder; it ends within the promise, with STATUS (-1: 0 or 1), and says SAYS.  The most memory that
   it had, in KiB.  */
static long within(const char *const *argv, int status, const char *says)
{
    struct rusage used;
    int state, fd = open(run_path(cli_folder, "said"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    buf said = {0};
    ck_assert_int_ge(fd, 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        limit_time();
        if (chdir(cli_folder) == 0 && dup2(fd, 1) >= 0 && dup2(fd, 2) >= 0)
            execv(argv[0], (char *const *)argv);
        _exit(126);
    }
    close(fd);
    ck_assert_int_eq(wait4(pid, &state, 0, &used), pid);
    ck_assert(run_read_file(run_path(cli_folder, "said"), &said));
    ck_assert_msg(WIFEXITED(state), "signal %d: %.300s", WTERMSIG(state), buf_text(&said));
    const int got = WEXITSTATUS(state);
    ck_assert_msg(got == status || (status < 0 && got <= 1), "status %d: %.300s", got, buf_text(&said));
    ck_assert_msg(strstr(buf_text(&said), says) != NULL, "wanted '%s' in: %.500s", says, buf_text(&said));
#if !defined(__SANITIZE_ADDRESS__)
    ck_assert_msg(used.ru_maxrss <= MEBIBYTES * 1024L, "%ld KiB", used.ru_maxrss);
#endif
    buf_free(&said);
    return used.ru_maxrss;
}

START_TEST(specs_are_refused_at_once)
{
    const char *argv[] = {run_etrace_path(), "-n", "hostile.yaml", NULL};
    write_hostile(&specs[_i], run_path(cli_folder, "hostile.yaml"));
    within(argv, 1, specs[_i].says);
}
END_TEST

/* Two constants whose product is infinite: swapping them has an end.  */
START_TEST(infinite_products_end)
{
    const char *argv[] = {run_etrace_path(), "-n", "hostile.yaml", NULL};
    cli_write("hostile.yaml", HEAD "inputs: {x: [3]}\nhidden: {h: [3]}\n"
                                   "step: [\"h' = h * 1e-30 + x * (1e30 * 1e30) * 1e30 * (1e30 * x)\"]\n"
                                   "outputs: {o: h}\n");
    within(argv, 0, "");
}
END_TEST

/* A model of N layers, each of which has a state and a weight.  */
static void write_layers(size_t n)
{
    buf text = {0};
    buf_puts(&text, HEAD "inputs: {m0: [8]}\ntargets: {y: [8]}\nmodules:\n");
    for (size_t i = 1; i <= n; i++)
        put_unit(&text, "  m#: {cell: rnn, in: m<, size: 8}\n", i);
    buf_printf(&text, "outputs: [m%zu]\nloss: mse(m%zu, y)\n", n, n);
    run_write_file(run_path(cli_folder, "layers.yaml"), text.text, text.len);
    buf_free(&text);
}

/* Four times as many layers take four times as much memory, not sixteen times; and the time of so many that what is not linear
   would be over its limit.  Written, they are four times as much C.  */
START_TEST(layers_are_linear)
{
    const char *check[] = {run_etrace_path(), "-n", "-w", "layers.yaml", NULL};
    const char *make[] = {run_etrace_path(), "-w", "-o", "layers.c", "layers.yaml", NULL};
    const char *report[] = {run_etrace_path(), "-n", "-w", "--report", "layers.yaml", NULL};
    long memory[2], reported[2];
    size_t bytes[2];
    for (size_t i = 0; i < 2; i++) {
        buf text = {0};
        write_layers(i ? 800 : 200);
        memory[i] = within(check, 0, "");
        write_layers(i ? 100 : 25);
        within(make, 0, "");
        reported[i] = within(report, 0, i ? "rtrl                       is not counted here: 20000 traces" : "rtrl    ");
        ck_assert(run_read_file(run_path(cli_folder, "layers.c"), &text));
        bytes[i] = text.len;
        buf_free(&text);
    }
    ck_assert_int_le(memory[1], memory[0] * 9 / 2);
    ck_assert_int_le(reported[1], reported[0] * 9 / 2);
    ck_assert_uint_le(bytes[1], bytes[0] * 9 / 2);
}
END_TEST

/* What 16 MiB of weights may ask for.  */
START_TEST(weights_are_refused_at_once)
{
    static const char *const make[] = {
        /* many arrays, of one name or of many */
        "for i in $(seq 20000); do printf '\"a%d\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},' $i; done",
        "for i in $(seq 20000); do printf '\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},'; done",
        /* one level in another */
        "printf '\"__metadata__\":'; head -c 16000000 /dev/zero | tr '\\0' '['",
        "printf '\"a\":{\"shape\":['; head -c 16000000 /dev/zero | tr '\\0' '9'",
        "printf '\"'; head -c 16000000 /dev/zero | tr '\\0' 'a'",
    };
    const char *program = getenv("ETRACE_BUILDDIR");
    buf line = {0}, convert = {0};
    ck_assert_ptr_nonnull(program);
    buf_printf(&convert, "%s/etrace-convert", program);
    if (access(convert.text, X_OK) != 0) {
        puts("hostile: etrace-convert was not built, and is not asked");
        return;
    }
    buf_printf(&line, "(printf '{'; %s) >head; n=$(wc -c <head); (for k in 1 256 65536 16777216 0 0 0 0; do "
                      "[ $k = 0 ] && b=0 || b=$((n / k %% 256)); printf \"\\\\$(printf %%03o $b)\"; done; cat head) "
                      ">big.safetensors", make[_i]);
    cli_shell(line.text, 0);
    const char *argv[] = {convert.text, "--from=torch", "big.safetensors", "out.yaml", NULL};
    within(argv, 1, "[E0703]");
    buf_free(&line);
    buf_free(&convert);
}
END_TEST

Suite *hostile_suite(void)
{
    Suite *s = suite_create("hostile");
    TCase *t = tcase_create("hostile");
    tcase_add_checked_fixture(t, cli_set_up, cli_tear_down);
    tcase_set_timeout(t, TIMEOUT);
    tcase_add_loop_test(t, specs_are_refused_at_once, 0, N_SPECS);
    tcase_add_test(t, infinite_products_end);
    tcase_add_test(t, layers_are_linear);
    tcase_add_loop_test(t, weights_are_refused_at_once, 0, 5);
    suite_add_tcase(s, t);
    return s;
}
