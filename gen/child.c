/* SPDX-License-Identifier: Apache-2.0 */
/* Run a program.  In: its arguments, the text for its standard input, limits.
   Out: what it printed, and how it ended.
   Holds afterwards: the child has been waited for, no descriptor is left open, and the handling of
   signals is as before.  All three pipes are served by one poll loop, so neither side can wait
   for the other for ever.  */
#define _GNU_SOURCE /* execvpe, pipe2 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ERRORS_KEPT = 4096, READ_BLOCK = 65536 };

/* Our pipes; index 0 is the end to read from.  START tells the errno of a failed exec: it closes by
   itself when exec succeeds.  */
typedef struct {
    int in[2], out[2], err[2], start[2];
} pipes;

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void pipes_close(pipes *p)
{
    int *pair[] = {p->in, p->out, p->err, p->start};

    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        close_end(&pair[i][0]);
        close_end(&pair[i][1]);
    }
}

/* Move *FD above the standard streams: when we were started with one of them closed, a pipe would
   take its number, and the child's dup2 would overwrite it.  */
static bool lift(int *fd)
{
    int lifted;

    if (*fd > STDERR_FILENO)
        return true;
    lifted = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (lifted < 0)
        return false;
    close(*fd);
    *fd = lifted;
    return true;
}

static bool pipe_open(int pair[2])
{
    return pipe2(pair, O_CLOEXEC) == 0 && lift(&pair[0]) && lift(&pair[1]);
}

static bool pipes_open(pipes *p)
{
    *p = (pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    return pipe_open(p->in) && pipe_open(p->out) && pipe_open(p->err) && pipe_open(p->start);
}

/* Lower the limit WHICH to MAX; one that is lower already stays.  */
static bool limit(__rlimit_resource_t which, size_t max)
{
    struct rlimit r;

    if (getrlimit(which, &r) != 0)
        return false;
    if (r.rlim_max == RLIM_INFINITY || r.rlim_max > max)
        r.rlim_max = max;
    r.rlim_cur = r.rlim_max;
    return setrlimit(which, &r) == 0;
}

/* In the child, between fork and exec.  Ends in exec or in _exit, the errno told through START.  */
static void child_exec(const char *const *argv, const child_limits *limits, const pipes *p,
                       pid_t parent)
{
    static char locale[] = "LC_ALL=C";
    char *environment[] = {locale, NULL};
    int error;

    (void)parent;
    signal(SIGPIPE, SIG_DFL);
#ifdef __linux__
    /* A child that hangs does not outlive us.  */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
#endif
    if (dup2(p->in[0], STDIN_FILENO) >= 0 && dup2(p->out[1], STDOUT_FILENO) >= 0
        && dup2(p->err[1], STDERR_FILENO) >= 0 && limit(RLIMIT_CPU, limits->cpu_seconds)
        && limit(RLIMIT_AS, limits->memory_bytes) && limit(RLIMIT_FSIZE, 0)
        && limit(RLIMIT_CORE, 0))
        execvpe(argv[0], (char *const *)argv, environment);
    error = errno;
    if (write(p->start[1], &error, sizeof error) < 0)
        _exit(126);
    _exit(127);
}

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Send what is left of INPUT; close the pipe when all is sent or the child reads no more.  */
static void pump_input(int *fd, const buf *input, size_t *sent)
{
    ssize_t n = write(*fd, input->text + *sent, input->len - *sent);

    if (n > 0)
        *sent += (size_t)n;
    else if (errno != EAGAIN && errno != EINTR)
        *sent = input->len;
    if (*sent == input->len)
        close_end(fd);
}

/* Take what there is; close the pipe at its end.  */
static void pump_output(int *fd, buf *out, size_t keep)
{
    char block[READ_BLOCK];
    ssize_t n = read(*fd, block, sizeof block);

    if (n > 0) {
        size_t room = out->len < keep ? keep - out->len : 0;

        buf_bytes(out, block, (size_t)n < room ? (size_t)n : room);
    } else if (n == 0 || errno != EINTR) {
        close_end(fd);
    }
}

/* Serve the pipes until the child has closed both of its own.  False when the time is over.  */
static bool pump(pipes *p, const buf *input, int wall_ms, buf *out, buf *errors)
{
    long long end = now_ms() + wall_ms;
    size_t sent = 0;

    if (input->len == 0)
        close_end(&p->in[1]);
    while (p->out[0] >= 0 || p->err[0] >= 0) {
        struct pollfd ready[3] = {
            {p->in[1], POLLOUT, 0}, {p->out[0], POLLIN, 0}, {p->err[0], POLLIN, 0}};
        long long left = end - now_ms();

        if (left <= 0)
            return false;
        if (poll(ready, 3, (int)left) <= 0)
            continue;
        if (ready[0].revents != 0)
            pump_input(&p->in[1], input, &sent);
        if (ready[1].revents != 0)
            pump_output(&p->out[0], out, (size_t)-1);
        if (ready[2].revents != 0)
            pump_output(&p->err[0], errors, ERRORS_KEPT);
    }
    return true;
}

/* Wait for PID until END, a time of now_ms.  A child that closed its output may yet hang.  */
static bool wait_until(pid_t pid, long long end, int *status)
{
    static const struct timespec nap = {0, 500000};

    for (;;) {
        pid_t r = waitpid(pid, status, WNOHANG);

        if (r == pid)
            return true;
        if (r < 0 && errno != EINTR)
            return false;
        if (now_ms() >= end)
            return false;
        nanosleep(&nap, NULL);
    }
}

static child_end describe(int status, int *detail)
{
    if (WIFSIGNALED(status)) {
        *detail = WTERMSIG(status);
        return CHILD_SIGNALLED;
    }
    *detail = WEXITSTATUS(status);
    return CHILD_EXITED;
}

/* The errno of an exec that failed, or 0.  Returns as soon as the exec has happened.  */
static int start_error(pipes *p)
{
    int error = 0;
    ssize_t n;

    do
        n = read(p->start[0], &error, sizeof error);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof error ? error : 0;
}

/* The parent's side, from fork to the end of PID.  */
static child_end attend(pid_t pid, pipes *p, const buf *input, const child_limits *limits, buf *out,
                        buf *errors, int *detail)
{
    long long end = now_ms() + limits->wall_ms;
    int status = 0;

    close_end(&p->in[0]);
    close_end(&p->out[1]);
    close_end(&p->err[1]);
    close_end(&p->start[1]);
    fcntl(p->in[1], F_SETFL, O_NONBLOCK);
    *detail = start_error(p);
    if (*detail != 0) {
        waitpid(pid, &status, 0);
        return CHILD_NOT_STARTED;
    }
    if (pump(p, input, limits->wall_ms, out, errors) && wait_until(pid, end, &status))
        return describe(status, detail);
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return CHILD_TIMED_OUT;
}

child_end child_run(const char *const *argv, const buf *input, const child_limits *limits, buf *out,
                    buf *errors, int *detail)
{
    struct sigaction ignore = {0}, standard = {0}, pipe_before, child_before;
    child_end how = CHILD_FAILED;
    pid_t pid;
    pipes p;

    if (!pipes_open(&p)) {
        *detail = errno;
        pipes_close(&p);
        return CHILD_FAILED;
    }
    /* A child that stops reading is no reason to die; and where SIGCHLD is ignored (we may have
       been started so) there would be nothing to wait for.  */
    ignore.sa_handler = SIG_IGN;
    standard.sa_handler = SIG_DFL;
    sigaction(SIGPIPE, &ignore, &pipe_before);
    sigaction(SIGCHLD, &standard, &child_before);
    pid_t parent = getpid();
    pid = fork();
    if (pid == 0)
        child_exec(argv, limits, &p, parent);
    if (pid < 0)
        *detail = errno;
    else
        how = attend(pid, &p, input, limits, out, errors, detail);
    sigaction(SIGPIPE, &pipe_before, NULL);
    sigaction(SIGCHLD, &child_before, NULL);
    pipes_close(&p);
    return how;
}
