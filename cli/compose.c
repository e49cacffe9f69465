/* SPDX-License-Identifier: MIT */
/*
 * The text of a reply, a note, a request. Two rules: what somebody has written is never lost, and a script never hangs
 * at an input that brings nothing unless the text was needed.
 */
#include "cli/compose.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/editor.h"

#define PIPE_PATIENCE_MS 3000

/* Without blank space at the end and blank lines at the beginning. */
static const char *
trimmed(struct arena *a, const char *s)
{
    size_t n = strlen(s);

    while (n > 0 && strchr(" \t\r\n", s[n - 1])) {
        n--;
    }
    while (n > 0 && (*s == '\n' || *s == '\r')) {
        s++;
        n--;
    }
    return arena_strndup(a, s, n);
}

/* Something is piped in, or redirected from a file. */
static bool
is_piped(void)
{
    struct stat st;

    return isatty(STDIN_FILENO) == 0 && fstat(STDIN_FILENO, &st) == 0 && !S_ISCHR(st.st_mode);
}

static bool
read_stdin(struct ctx *c, struct compose *co, struct err *e)
{
    const char *s;

    if (!editor_slurp(c->a, "-", COMPOSE_MAX, &s, e)) {
        return false;
    }
    co->text = trimmed(c->a, s);
    return true;
}

/* For a text that may be missing: an open pipe that stays silent is neither waited for nor taken for an empty text. */
static bool
read_stdin_soon(struct ctx *c, struct compose *co, struct err *e)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

    if (poll(&p, 1, PIPE_PATIENCE_MS) == 0) {
        return err_set(e, ERR_USAGE, "standard input is open but silent: -m - waits for the text, -m '' goes without");
    }
    return read_stdin(c, co, e);
}

static bool
edit(struct ctx *c, struct compose *co, struct err *e)
{
    const char *initial = co->text ? co->text : co->initial ? co->initial : "";

    if (isatty(STDIN_FILENO) == 0) {
        return err_set(e, ERR_USAGE, "the editor needs a terminal: give the text as argument or with -m");
    }
    if (!editor_create(c->a, co->name, initial, co->below, &co->path, e)) {
        return false;
    }
    if (!editor_run(c->a, co->path, e) || !editor_read(c->a, co->path, &co->text, e)) {
        return false; /* the message says where the draft is */
    }
    return true;
}

bool
compose(struct ctx *c, struct compose *co, struct err *e)
{
    const char *m = args_opt(c->args, "message");
    bool ok = true;

    co->text = co->path = NULL;
    co->typed = false;
    if (m && co->given) {
        return err_set(e, ERR_USAGE, "the text stands there twice, as argument and with -m");
    }
    if (m && strcmp(m, "-") == 0) {
        ok = read_stdin(c, co, e);
    } else if (m || co->given) {
        co->text = trimmed(c->a, m ? m : co->given);
        co->typed = true;
    } else if (args_has(c->args, "edit")) {
        ok = true; /* below */
    } else if (co->need == COMPOSE_MUST && isatty(STDIN_FILENO) == 0) {
        ok = read_stdin(c, co, e);
    } else if (co->need == COMPOSE_MAYBE && is_piped()) {
        ok = read_stdin_soon(c, co, e);
    } else if (co->need == COMPOSE_MUST) {
        ok = edit(c, co, e);
    }
    if (ok && args_has(c->args, "edit")) {
        ok = edit(c, co, e);
    }
    if (!ok) {
        return false;
    }
    if (co->text && !*co->text) {
        co->text = NULL;
    }
    if (!co->text && (co->need == COMPOSE_MUST || args_has(c->args, "edit"))) {
        compose_sent(co);
        return err_set(e, ERR_INVALID, "the %s is empty: nothing sent", co->what);
    }
    return true;
}

void
compose_keep(struct ctx *c, struct compose *co, const char *again)
{
    struct err e;

    if (!co->text || (co->typed && !co->path)) {
        return;
    }
    if (!co->path && !editor_create(c->a, co->name, co->text, NULL, &co->path, &e)) {
        fprintf(c->s->after, "turno: %s; your text was:\n%s\n", e.msg, co->text);
    } else if (again) {
        fprintf(c->s->after, "turno: your text is kept; to send it after all: %s < %s\n", again, co->path);
    } else {
        fprintf(c->s->after, "turno: your text is kept in %s\n", co->path);
    }
}

void
compose_sent(struct compose *co)
{
    if (co->path) {
        editor_remove(co->path);
        co->path = NULL;
    }
}
