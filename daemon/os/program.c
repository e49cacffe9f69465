/* SPDX-License-Identifier: MIT */
/*
 * Running initdb and the like. Input is handed over in a memory file and output comes through one pipe, so there is
 * nothing to poll: read to the end, then wait.
 */
#include "daemon/os/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "daemon/os/task.h"

static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
static char locale[] = "LC_ALL=C.UTF-8";
static char zone[] = "TZ=UTC";

char *const program_env[] = {path, locale, zone, NULL};

/* A descriptor to read `text` from. */
static int
input_fd(const char *text)
{
    size_t n = text != NULL ? strlen(text) : 0;
    int fd;

    if (n == 0) {
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    fd = memfd_create("input", MFD_CLOEXEC);
    if (fd >= 0 && (write(fd, text, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static void
read_output(int fd, struct strbuf *out)
{
    char buf[4096];
    ssize_t n;

    while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0) {
            strbuf_addn(out, buf, (size_t)n);
        }
    }
}

/* The last line that says something. */
static void
last_line(const struct strbuf *out, struct err *e, const char *name, int status)
{
    size_t end = out->n, begin;

    while (end > 0 && (out->p[end - 1] == '\n' || out->p[end - 1] == ' ')) {
        end--;
    }
    for (begin = end; begin > 0 && out->p[begin - 1] != '\n'; begin--) {
    }
    if (WIFSIGNALED(status)) {
        err_set(e, ERR_INTERNAL, "%s was ended by signal %d", name, WTERMSIG(status));
    } else if (end > begin) {
        err_set(e, ERR_INTERNAL, "%.*s", (int)(end - begin > 200 ? 200 : end - begin), out->p + begin);
    } else {
        err_set(e, ERR_INTERNAL, "%s ended with status %d", name, WEXITSTATUS(status));
    }
}

static void
exec_program(const char *const argv[], int in, int out, int errors, char *const env[])
{
    union {
        const char *const *in;
        char *const *out;
    } v = {.in = argv}; /* execve promises not to write to them */

    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0) {
        _exit(126);
    }
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    (void)execve(argv[0], v.out, env);
    _exit(127);
}

bool
program_run(const char *const argv[], const char *input, struct strbuf *out, struct err *e)
{
    struct strbuf mine;
    int fds[2] = {-1, -1}, in = input_fd(input), status = 0;
    bool ok = false;
    pid_t pid;

    strbuf_init(&mine);
    if (in < 0 || pipe2(fds, O_CLOEXEC) != 0 || (pid = task_fork(true)) < 0) {
        err_set(e, ERR_INTERNAL, "could not start '%s': %s", argv[0], strerror(errno));
        goto out;
    }
    if (pid == 0) {
        exec_program(argv, in, fds[1], fds[1], program_env);
    }
    (void)close(fds[1]);
    fds[1] = -1;
    read_output(fds[0], &mine);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!ok) {
        last_line(&mine, e, argv[0], status);
    }
    if (out != NULL) {
        strbuf_addn(out, mine.p, mine.n);
    }
out:
    strbuf_release(&mine);
    for (int i = 0; i < 2; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
    if (in >= 0) {
        (void)close(in);
    }
    return ok;
}

static void
forget(bool (*is_unwanted)(const char *name))
{
    for (size_t i = 0; environ[i] != NULL;) {
        size_t n = strcspn(environ[i], "=");
        char *name = xstrndup(environ[i], n);

        if (environ[i][n] == '\0' || !is_unwanted(name) || unsetenv(name) != 0) {
            i++;
        }
        free(name);
    }
}

static bool
is_setting(const char *name)
{
    return strncmp(name, "PG", 2) == 0;
}

static bool
is_private(const char *name)
{
    static const char *const others[] = {"PATH", "HOME", "LANG", "TZ", "TERM"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcmp(name, others[i]) == 0) {
            return false;
        }
    }
    return strncmp(name, "LC_", 3) != 0 && !is_setting(name);
}

void
program_forget_settings(void)
{
    forget(is_setting);
}

void
program_forget_private(void)
{
    forget(is_private);
}

pid_t
program_start(const char *const argv[], int *ret_in, int *ret_out, struct err *e)
{
    int fds[2] = {-1, -1}, null = open("/dev/null", O_RDWR | O_CLOEXEC);
    pid_t pid = -1, parent = getpid();

    if (null >= 0 && pipe2(fds, O_CLOEXEC) == 0) {
        pid = task_fork(false);
    }
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() == parent) {
            exec_program(argv, ret_in != NULL ? fds[0] : null, ret_out != NULL ? fds[1] : null, STDERR_FILENO, environ);
        }
        _exit(126);
    }
    if (pid < 0) {
        err_set(e, ERR_INTERNAL, "could not start '%s': %s", argv[0], strerror(errno));
    }
    for (int i = 0; i < 2; i++) {
        bool is_ours = pid > 0 && (i == 0 ? ret_out : ret_in) != NULL;

        if (is_ours) {
            *(i == 0 ? ret_out : ret_in) = fds[i];
        } else if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
    if (null >= 0) {
        (void)close(null);
    }
    return pid;
}

bool
program_wait(pid_t pid, const char *name, bool (*stop)(void), struct err *e)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        if (stop()) {
            (void)kill(pid, SIGTERM);
        }
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return true;
    }
    if (WIFSIGNALED(status)) {
        return err_set(e, ERR_INTERNAL, "%s was ended by signal %d", name, WTERMSIG(status));
    }
    return err_set(e, ERR_INTERNAL, "%s failed: what it said stands above", name);
}
