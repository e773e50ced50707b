/* SPDX-License-Identifier: Apache-2.0 */
/* Runs every suite.  In: the environment that Makefile.am sets (ETRACE_GEN, ETRACE_DATADIR, srcdir,
   CC); ETRACE_JOBS, how many suites run at a time.  Out: Check's report on each suite, and a last
   line like its own on all; the exit status is 1 when a test failed.  */
#define _POSIX_C_SOURCE 200809L
#include "suites.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS_MAX = 16 };

/* The long ones first, so that none is left alone at the end.  */
static Suite *(*const all_suites[])(void) = {
    foreign_suite,
    events_suite,
    exact_suite,
    compilers_suite,
    edits_suite,
    rules_suite,
    settings_suite,
    bench_suite,
    beyond_suite,
    block_suite,
    cli_suite,
    compare_suite,
    diag_suite,
    digits_suite,
    docs_suite,
    emitted_suite,
    example_models_suite,
    example_rules_suite,
    examples_suite,
    explain_suite,
    expr_suite,
    feedback_suite,
    failures_suite,
    fuzz_suite,
    golden_suite,
    gradient_suite,
    half_suite,
    hostile_suite,
    lang_suite,
    lists_suite,
    math_suite,
    memory_suite,
    messages_suite,
    metamorphic_suite,
    mpi_suite,
    npz_suite,
    online_suite,
    optim_suite,
    options_suite,
    outputs_suite,
    passes_suite,
    python_suite,
    page_suite,
    quote_suite,
    repeat_suite,
    report_suite,
    synthesiser_suite,
    differences_suite,
    influence_suite,
    windows_suite,
    runtime_suite,
    safetensors_suite,
    same_suite,
    save_suite,
    schema_suite,
    convert_suite,
    sequence_suite,
    skel_suite,
    snapshot_suite,
    self_test_suite,
    stack_suite,
    trace_dtype_suite,
    unbiased_suite,
    warnings_suite,
    targets_suite,
    threads_suite,
    yaml_suite,
};

enum { N_SUITES = sizeof all_suites / sizeof *all_suites };

typedef struct {
    int checks, failures, errors;
} counts;

/* One running suite: what it prints goes to a file until it ends.  */
typedef struct {
    pid_t pid;
    FILE *output;
    int result; /* a pipe, which brings its counts */
} worker;

static counts run(SRunner *runner)
{
    srunner_run_all(runner, CK_ENV);
    counts c = {.checks = srunner_ntests_run(runner)};
    TestResult **result = srunner_results(runner);
    for (int i = 0; i < c.checks; i++) {
        c.failures += tr_rtype(result[i]) == CK_FAILURE;
        c.errors += tr_rtype(result[i]) == CK_ERROR;
    }
    free(result);
    srunner_free(runner);
    return c;
}

static bool passed(counts c)
{
    return c.failures + c.errors == 0;
}

static void add(counts *sum, counts c)
{
    sum->checks += c.checks;
    sum->failures += c.failures;
    sum->errors += c.errors;
}

/* --- in one process ---------------------------------------------------------------------------- */

static counts run_here(void)
{
    SRunner *runner = srunner_create(NULL);
    for (size_t i = 0; i < N_SUITES; i++)
        srunner_add_suite(runner, all_suites[i]());
    return run(runner);
}

/* --- suite by suite, as many at a time as there are processors ---------------------------------- */

static void start(worker *w, Suite *(*suite)(void))
{
    int ends[2];
    w->output = tmpfile();
    if (!w->output || pipe(ends) != 0 || (w->pid = fork()) < 0) {
        perror("check_main");
        exit(EXIT_FAILURE);
    }
    w->result = ends[0];
    if (w->pid > 0) {
        close(ends[1]);
        return;
    }
    close(ends[0]);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    dup2(fileno(w->output), STDOUT_FILENO);
    dup2(fileno(w->output), STDERR_FILENO);
    counts c = run(srunner_create(suite()));
    fflush(NULL);
    _exit(write(ends[1], &c, sizeof c) == sizeof c ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Print what W has printed; its counts.  A suite that ended before it gave any has an error.  */
static counts finish(worker *w)
{
    char block[BUFSIZ];
    counts c;
    if (read(w->result, &c, sizeof c) != sizeof c)
        c = (counts){.checks = 1, .errors = 1};
    close(w->result);
    rewind(w->output);
    for (size_t n; (n = fread(block, 1, sizeof block, w->output)) > 0;)
        fwrite(block, 1, n, stdout);
    fclose(w->output);
    fflush(stdout);
    w->pid = 0;
    return c;
}

static counts run_apart(int n_workers)
{
    worker pool[WORKERS_MAX] = {{0}};
    counts sum = {0};
    size_t next = 0;
    int running = 0;
    while (next < N_SUITES || running > 0) {
        for (int i = 0; i < n_workers && next < N_SUITES; i++)
            if (pool[i].pid == 0) {
                start(&pool[i], all_suites[next++]);
                running++;
            }
        const pid_t ended = wait(NULL);
        for (int i = 0; i < n_workers; i++)
            if (ended > 0 && pool[i].pid == ended) {
                add(&sum, finish(&pool[i]));
                running--;
            }
    }
    const int good = sum.checks - sum.failures - sum.errors;
    printf("%d%%: Checks: %d, Failures: %d, Errors: %d\n", sum.checks ? 100 * good / sum.checks : 0,
           sum.checks, sum.failures, sum.errors);
    return sum;
}

int main(void)
{
    const char *jobs = getenv("ETRACE_JOBS"), *forks = getenv("CK_FORK");
    long n = jobs ? atol(jobs) : sysconf(_SC_NPROCESSORS_ONLN);
    n = n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : n;
    bool apart = !getenv("CK_RUN_SUITE") && !getenv("CK_RUN_CASE") && !(forks && strcmp(forks, "no") == 0);
    return passed(apart ? run_apart((int)n) : run_here()) ? EXIT_SUCCESS : EXIT_FAILURE;
}
