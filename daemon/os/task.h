/* SPDX-License-Identifier: MIT */
/*
 * A blocking piece of work in a forked child, so that the loop goes on: initdb, migrations, look-ups. The child reports
 * lines and in the end success or a struct err through a pipe. It dies with its parent (PR_SET_PDEATHSIG) and has
 * nothing of the loop: default signal dispositions, no file descriptors but stdio, the pipe and those kept for it.
 */
#ifndef TURNO_TASK_H
#define TURNO_TASK_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

struct event_base;
struct task;
struct task_out;

struct task_conf {
    const char *name; /* in errors: "NAME ended by signal 9" */
    /* Runs in the child. False: e is filled. arg is the child's copy of whatever it points to. */
    bool (*run)(struct task_out *out, void *arg, struct err *e);
    void *run_arg;
    /* In the loop, for each task_say; line is valid during the call. May be NULL. */
    void (*on_line)(void *arg, const char *line);
    /* In the loop, exactly once unless task_stop came before: the task is gone already. e is NULL on success. */
    void (*on_end)(void *arg, const struct err *e);
    void *arg;
};

struct task *task_start(struct event_base *base, const struct task_conf *conf, struct err *e);
/* Kill the child; on_end is not called. NULL is accepted. */
void task_stop(struct task *t);

/* In the child: report a line (cut at 1,000 bytes; line breaks become blanks). out NULL: there is nobody to tell. */
void task_say(struct task_out *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* fork() for a child that is on its own: default dispositions, no blocked signals, in a session of its own. with_parent:
 * it is killed when this process ends. Returns as fork does. */
pid_t task_fork(bool with_parent);

#endif
