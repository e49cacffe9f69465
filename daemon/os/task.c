/* SPDX-License-Identifier: MIT */
/*
 * Blocking work in a forked child. The child writes lines to a pipe: 'L' and a report, in the end 'K' (done) or 'E', the
 * number of an error code and its message. The parent reads them from the loop and learns of the end through a pidfd,
 * so that no SIGCHLD handler is needed and no child of somebody else is reaped.
 */
#include "daemon/os/task.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/parse.h"
#include "common/strbuf.h"
#include "common/xalloc.h"

#define LINE_MAX_BYTES 1000

struct task_out {
    int fd;
};

struct task {
    struct task_conf conf;
    pid_t pid;
    int pidfd, fd;
    struct event *on_exit, *on_data;
    struct strbuf in;
    bool has_result;
    struct err result; /* code ERR_NONE: done */
};

/* ---- the child ------------------------------------------------------------------------------------------------------ */

pid_t
task_fork(bool with_parent)
{
    pid_t parent = getpid(), pid;
    sigset_t all, old, none;

    /* With everything blocked no handler of the loop can run in the child and write to the parent's signal pipe. */
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &all, &old);
    pid = fork();
    if (pid == 0) {
        for (int sig = 1; sig < NSIG; sig++) {
            (void)signal(sig, SIG_DFL); /* fails for KILL, STOP and those of the C library */
        }
        if (with_parent && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)) {
            _exit(1);
        }
        (void)setsid(); /* out of reach of the terminal's Ctrl-C, which is for the daemon */
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        return 0;
    }
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
    return pid;
}

static void
write_line(const struct task_out *out, char kind, const char *text)
{
    char line[LINE_MAX_BYTES + 2];
    size_t n = strlen(text);

    n = n > LINE_MAX_BYTES ? LINE_MAX_BYTES : n;
    line[0] = kind;
    memcpy(line + 1, text, n);
    for (size_t i = 1; i <= n; i++) {
        line[i] = line[i] == '\n' ? ' ' : line[i];
    }
    line[n + 1] = '\n';
    /* Below PIPE_BUF: all or nothing. A parent that is gone has taken us with it. */
    while (write(out->fd, line, n + 2) < 0 && errno == EINTR) {
    }
}

void
task_say(struct task_out *out, const char *fmt, ...)
{
    struct strbuf sb;
    va_list ap;

    if (out == NULL) {
        return;
    }
    strbuf_init(&sb);
    va_start(ap, fmt);
    strbuf_vaddf(&sb, fmt, ap);
    va_end(ap);
    write_line(out, 'L', sb.p);
    strbuf_release(&sb);
}

static void
child_main(const struct task_conf *conf, int fd)
{
    struct task_out out = {.fd = STDERR_FILENO + 1};
    struct err e = {0};
    bool ok;

    if (fd != out.fd && dup3(fd, out.fd, O_CLOEXEC) < 0) {
        _exit(1);
    }
    (void)close_range((unsigned)out.fd + 1, ~0U, 0); /* sockets, epoll and locks are the parent's */
    ok = conf->run(&out, conf->run_arg, &e);
    if (ok) {
        write_line(&out, 'K', "");
    } else {
        char *text = xasprintf("%d %s", (int)e.code, e.msg);

        write_line(&out, 'E', text);
        free(text);
    }
    _exit(ok ? 0 : 1);
}

/* ---- the parent ----------------------------------------------------------------------------------------------------- */

static void
take_error(struct task *t, char *text)
{
    char *blank = strchr(text, ' ');
    int64_t code = ERR_INTERNAL;

    if (blank != NULL) {
        *blank = '\0';
        (void)parse_i64(text, 1, ERR_COUNT - 1, &code);
        text = blank + 1;
    }
    (void)err_set(&t->result, (enum err_code)code, "%s", text);
}

static void
take_line(struct task *t, char *line)
{
    switch (line[0]) {
    case 'L':
        if (t->conf.on_line != NULL) {
            t->conf.on_line(t->conf.arg, line + 1);
        }
        break;
    case 'K':
        t->has_result = true;
        break;
    case 'E':
        t->has_result = true;
        take_error(t, line + 1);
        break;
    default: /* from outside: a child gone wild */
        break;
    }
}

static void
take_data(struct task *t)
{
    char buf[4096];
    ssize_t n;
    char *eol;

    while ((n = read(t->fd, buf, sizeof(buf))) > 0) {
        strbuf_addn(&t->in, buf, (size_t)n);
    }
    if (n == 0) {
        (void)event_del(t->on_data); /* end of file: the exit follows */
    }
    while ((eol = memchr(t->in.p, '\n', t->in.n)) != NULL) {
        size_t len = (size_t)(eol - t->in.p) + 1;
        char *line = xstrndup(t->in.p, len - 1);

        memmove(t->in.p, t->in.p + len, t->in.n - len + 1);
        t->in.n -= len;
        take_line(t, line);
        free(line);
    }
}

static void
on_data(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    take_data(arg);
}

static void
task_free(struct task *t)
{
    if (t->on_exit != NULL) {
        event_free(t->on_exit);
    }
    if (t->on_data != NULL) {
        event_free(t->on_data);
    }
    if (t->pidfd >= 0) {
        (void)close(t->pidfd);
    }
    if (t->fd >= 0) {
        (void)close(t->fd);
    }
    strbuf_release(&t->in);
    free(t);
}

static void
on_exit_event(evutil_socket_t fd, short what, void *arg)
{
    struct task *t = arg;
    struct task_conf conf = t->conf;
    struct err e;
    int status = 0;
    bool ok;

    (void)fd;
    (void)what;
    take_data(t);
    (void)waitpid(t->pid, &status, 0); /* does not block: the pidfd said so */
    if (!t->has_result) {
        if (WIFSIGNALED(status)) {
            err_set(&t->result, ERR_INTERNAL, "%s was ended by signal %d", conf.name, WTERMSIG(status));
        } else {
            err_set(&t->result, ERR_INTERNAL, "%s ended without a result, status %d", conf.name, WEXITSTATUS(status));
        }
    }
    e = t->result;
    ok = t->has_result && e.code == ERR_NONE;
    task_free(t);
    conf.on_end(conf.arg, ok ? NULL : &e);
}

struct task *
task_start(struct event_base *base, const struct task_conf *conf, struct err *e)
{
    struct task *t = xcalloc(1, sizeof(*t));
    int fds[2];

    *t = (struct task){.conf = *conf, .pidfd = -1, .fd = -1, .pid = -1};
    strbuf_init(&t->in);
    if (pipe2(fds, O_CLOEXEC) != 0) {
        goto failed;
    }
    t->fd = fds[0];
    t->pid = task_fork(true);
    if (t->pid == 0) {
        child_main(conf, fds[1]);
    }
    (void)close(fds[1]);
    if (t->pid < 0 || (t->pidfd = pidfd_open(t->pid, 0)) < 0 || fcntl(t->fd, F_SETFL, O_NONBLOCK) != 0) {
        goto failed;
    }
    t->on_data = event_new(base, t->fd, EV_READ | EV_PERSIST, on_data, t);
    t->on_exit = event_new(base, t->pidfd, EV_READ, on_exit_event, t);
    if (t->on_data == NULL || t->on_exit == NULL || event_add(t->on_data, NULL) != 0 ||
        event_add(t->on_exit, NULL) != 0) {
        goto failed;
    }
    return t;
failed:
    err_set(e, ERR_INTERNAL, "could not start %s: %s", conf->name, strerror(errno));
    task_stop(t);
    return NULL;
}

void
task_stop(struct task *t)
{
    if (t == NULL) {
        return;
    }
    if (t->pid > 0) {
        (void)kill(t->pid, SIGKILL);
        (void)waitpid(t->pid, NULL, 0);
    }
    task_free(t);
}
