/* SPDX-License-Identifier: MIT */
/* Work in a forked child: its lines, its end in every way, and what it does not inherit. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/strbuf.h"
#include "daemon/os/program.h"
#include "daemon/os/task.h"

static struct event_base *base;
static struct strbuf lines;
static bool ended;
static struct err result;

static void
on_line(void *arg, const char *line)
{
    (void)arg;
    strbuf_addf(&lines, "%s\n", line);
}

static void
on_end(void *arg, const struct err *e)
{
    (void)arg;
    ended = true;
    result = e != NULL ? *e : (struct err){0};
}

static struct task *
start(bool (*run)(struct task_out *out, void *arg, struct err *e), void *arg)
{
    struct task_conf conf = {.name = "the work", .run = run, .run_arg = arg, .on_line = on_line, .on_end = on_end};
    struct err e = {0};
    struct task *t;

    ended = false;
    strbuf_clear(&lines);
    t = task_start(base, &conf, &e);
    assert_non_null(t);
    return t;
}

static void
run_to_end(bool (*run)(struct task_out *out, void *arg, struct err *e), void *arg)
{
    (void)start(run, arg);
    while (!ended) {
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    }
}

static bool
says_much(struct task_out *out, void *arg, struct err *e)
{
    (void)arg;
    (void)e;
    for (int i = 0; i < 20000; i++) { /* more than a pipe holds */
        task_say(out, "line %d", i);
    }
    task_say(out, "two\nlines are one");
    return true;
}

static void
lines_come_in_order_and_all(void **state)
{
    const char *p;

    (void)state;
    run_to_end(says_much, NULL);
    assert_int_equal(result.code, ERR_NONE);
    p = lines.p;
    for (int i = 0; i < 20000; i++) {
        char line[32];

        (void)snprintf(line, sizeof(line), "line %d\n", i);
        assert_int_equal(strncmp(p, line, strlen(line)), 0);
        p += strlen(line);
    }
    assert_string_equal(p, "two lines are one\n");
}

static bool
refuses(struct task_out *out, void *arg, struct err *e)
{
    (void)out;
    return err_set(e, ERR_CONFLICT, "no: %s", (const char *)arg);
}

static void
error_comes_as_it_was(void **state)
{
    char text[] = "not 5 of them";

    (void)state;
    run_to_end(refuses, text);
    assert_int_equal(result.code, ERR_CONFLICT);
    assert_string_equal(result.msg, "no: not 5 of them");
}

static bool
dies(struct task_out *out, void *arg, struct err *e)
{
    (void)arg;
    (void)e;
    task_say(out, "last words");
    (void)raise(SIGKILL);
    return true;
}

static bool
leaves(struct task_out *out, void *arg, struct err *e)
{
    (void)out;
    (void)arg;
    (void)e;
    _exit(7);
}

static void
death_is_told_as_an_error(void **state)
{
    (void)state;
    run_to_end(dies, NULL);
    assert_string_equal(result.msg, "the work was ended by signal 9");
    assert_string_equal(lines.p, "last words\n");
    run_to_end(leaves, NULL);
    assert_string_equal(result.msg, "the work ended without a result, status 7");
}

static bool
waits(struct task_out *out, void *arg, struct err *e)
{
    (void)arg;
    (void)e;
    task_say(out, "%d", (int)getpid());
    (void)pause();
    return true;
}

static void
stopped_task_is_dead_and_silent(void **state)
{
    struct task *t = start(waits, NULL);
    pid_t pid;

    (void)state;
    while (lines.n == 0) {
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    }
    pid = (pid_t)strtol(lines.p, NULL, 10);
    task_stop(t);
    assert_int_equal(kill(pid, 0), -1);
    assert_false(ended);
    task_stop(NULL);
}

/* What the child has: open descriptors beyond its pipe, blocked signals, handlers. */
static bool
looks_around(struct task_out *out, void *arg, struct err *e)
{
    sigset_t mask;
    struct sigaction sa;

    (void)arg;
    (void)e;
    for (int fd = 4; fd < 1024; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) {
            task_say(out, "descriptor %d is open", fd);
        }
    }
    (void)sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int sig = 1; sig < 32; sig++) {
        if (sigismember(&mask, sig) == 1) {
            task_say(out, "signal %d is blocked", sig);
        }
        if (sigaction(sig, NULL, &sa) == 0 && sa.sa_handler != SIG_DFL) {
            task_say(out, "signal %d is handled", sig);
        }
    }
    return true;
}

static void
nothing_of_the_loop_is_inherited(void **state)
{
    struct event *term = evsignal_new(base, SIGTERM, NULL, NULL);
    int fds[2];

    (void)state;
    assert_int_equal(event_add(term, NULL), 0);
    assert_int_equal(pipe(fds), 0);
    run_to_end(looks_around, NULL);
    assert_string_equal(lines.p, "");
    event_free(term);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void
child_dies_with_its_parent(void **state)
{
    int fds[2], status;
    pid_t parent = -1, child = 0;
    char c;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    parent = fork();
    if (parent == 0) {
        pid_t mine = task_fork(true);

        if (mine == 0) {
            (void)pause(); /* holds the pipe open as long as it lives */
            _exit(0);
        }
        if (write(fds[1], &mine, sizeof(mine)) == (ssize_t)sizeof(mine)) {
            (void)pause();
        }
        _exit(0);
    }
    (void)close(fds[1]);
    assert_int_equal(read(fds[0], &child, sizeof(child)), sizeof(child));
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, &status, 0), parent);
    assert_int_equal(read(fds[0], &c, 1), 0); /* end of file: the last one is gone */
    (void)close(fds[0]);
}

/* ---- programs ----------------------------------------------------------------------------------------------------------- */

static void
program_gets_input_and_gives_output(void **state)
{
    const char *const argv[] = {"/bin/sh", "-c", "tr a-z A-Z; echo \"$PGOPTIONS\"; echo to-stderr >&2", NULL};
    struct strbuf out;
    struct err e = {0};

    (void)state;
    strbuf_init(&out);
    (void)setenv("PGOPTIONS", "-c fsync=off", 1);
    assert_true(program_run(argv, "some words\n", &out, &e));
    assert_string_equal(out.p, "SOME WORDS\n\nto-stderr\n");
    strbuf_release(&out);
}

static void
program_that_fails_leaves_its_last_line(void **state)
{
    const char *const fails[] = {"/bin/sh", "-c", "echo first; echo it broke; exit 3", NULL};
    const char *const silent[] = {"/bin/false", NULL};
    const char *const killed[] = {"/bin/sh", "-c", "kill -9 $$", NULL};
    const char *const absent[] = {"/nowhere/program", NULL};
    struct err e = {0};

    (void)state;
    assert_false(program_run(fails, NULL, NULL, &e));
    assert_string_equal(e.msg, "it broke");
    assert_false(program_run(silent, NULL, NULL, &e));
    assert_string_equal(e.msg, "/bin/false ended with status 1");
    assert_false(program_run(killed, NULL, NULL, &e));
    assert_string_equal(e.msg, "/bin/sh was ended by signal 9");
    assert_false(program_run(absent, NULL, NULL, &e));
    assert_string_equal(e.msg, "/nowhere/program ended with status 127");
}

static int
set_up(void **state)
{
    (void)state;
    strbuf_init(&lines);
    base = event_base_new();
    return base != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    strbuf_release(&lines);
    event_base_free(base);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_in_order_and_all),
        cmocka_unit_test(error_comes_as_it_was),
        cmocka_unit_test(death_is_told_as_an_error),
        cmocka_unit_test(stopped_task_is_dead_and_silent),
        cmocka_unit_test(nothing_of_the_loop_is_inherited),
        cmocka_unit_test(child_dies_with_its_parent),
        cmocka_unit_test(program_gets_input_and_gives_output),
        cmocka_unit_test(program_that_fails_leaves_its_last_line),
    };

    return cmocka_run_group_tests_name("task", tests, set_up, tear_down);
}
