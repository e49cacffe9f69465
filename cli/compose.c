/* SPDX-License-Identifier: MIT */
/*
 * The text of a reply, a note, a request. Two rules: what somebody has written is never lost, and a script never hangs
 * at an input that brings nothing unless the text was needed. So a text lies in a draft before it is sent, with the request
 * and its key, and is removed when the desk has it: whatever happens between, sending it again cannot do it twice.
 */
#include "cli/compose.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/editor.h"
#include "cli/text.h"
#include "common/i18n.h"

#define PIPE_PATIENCE_MS 3000
#define KEY_LASTS        (23 * USEC_HOUR) /* of 24: a request without a ticket is known so long */

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

/* ---- the command ---- */

bool
compose_takes_number(const struct cli_verb *v)
{
    char word[32];
    bool optional, rest;

    for (size_t i = 0; pattern_word(v->pattern, i, word, &optional, &rest); i++) {
        if (strcmp(word, "N") == 0) {
            return true;
        }
    }
    return false;
}

/* The command that was given, as words behind `turno`, without the text and where it comes from. */
static json_t *
command_words(struct ctx *c, const struct compose *co)
{
    const struct args *args = c->args;
    json_t *words = json_array();
    bool optional, rest, dashes = false;
    char word[32];

    for (size_t i = 0; i < pattern_words(args->verb->pattern); i++) {
        (void)pattern_word(args->verb->pattern, i, word, &optional, &rest);
        (void)json_array_append_new(words, json_string(word));
    }
    if ((args->n > 0 || co->n > 0) && compose_takes_number(args->verb)) {
        (void)json_array_append_new(words, json_sprintf("%lld", (long long)(args->n > 0 ? args->n : co->n)));
    }
    for (size_t i = 0; i < args->ngiven; i++) {
        const struct given *g = &args->given[i];
        if (g->opt->kind == OPT_TICKET && !g->text && co->n > 0) { /* the one in hand, now and not later */
            (void)json_array_append_new(words, json_sprintf("--%s=%lld", g->opt->name, (long long)co->n));
        } else if (strcmp(g->opt->name, "message") != 0 && strcmp(g->opt->name, "edit") != 0) {
            (void)json_array_append_new(
                words, json_sprintf("--%s%s%s", g->opt->name, g->text ? "=" : "", g->text ? g->text : ""));
        }
    }
    for (size_t i = 0; i < args->narg; i++) {
        if (args->arg[i].text && (!co->given || args->arg[i].text != co->given)) {
            if (args->arg[i].text[0] == '-' && !dashes) {
                (void)json_array_append_new(words, json_string("--"));
                dashes = true;
            }
            (void)json_array_append_new(words, json_string(args->arg[i].text));
        }
    }
    return words;
}

/* What a draft knows while it is only a text. */
static json_t *
describe(struct ctx *c, const struct compose *co)
{
    json_t *how = api_object(c);
    char iso[32];

    format_iso(c->s->now, iso);
    jset(how, "at", iso);
    (void)json_object_set_new(how, "command", command_words(c, co));
    jset(how, "url", c->client ? client_endpoint(c->client)->url : NULL);
    return how;
}

static void
describe_as(struct draft *d, json_t *how)
{
    json_object_clear(d->how);
    (void)json_object_update(d->how, how);
}

static void
tell_kept(struct ctx *c, const struct draft *d)
{
    fprintf(c->s->after,
            draft_is_unknown(d) ? _("turno: your text is kept in %s; turno drafts %s --send finds out whether it was "
                                    "done, and does it if not\n")
                                : _("turno: your text is kept in %s; turno drafts %s --send sends it\n"),
            d->path, d->name);
}

/* What could not be written (a full disk) is shown, or it is lost. */
static void
tell_lost(struct ctx *c, const char *text, const struct err *why)
{
    fprintf(c->s->after, _("turno: %s; your text was:\n%s\n"), why->msg, text_clean(c->a, text));
}

/* A draft without a text is none. */
static bool
drop_empty(struct ctx *c, struct draft *d)
{
    const char *text;
    struct err unread;

    if (access(d->path, F_OK) == 0 && (!draft_text(c->a, d, &text, &unread) || *text)) {
        return false;
    }
    draft_drop(d);
    return true;
}

/* ---- the editor ---- */

bool
compose_is_here(struct ctx *c, const struct draft *d)
{
    const char *url = jtext(d->how, "url");

    return !url || !c->client || strcmp(url, client_endpoint(c->client)->url) == 0;
}

/* The draft that the editor works on: the one of before, if no text was given, or a new one. */
static bool
draft_to_edit(struct ctx *c, struct compose *co, const char **ret_text, struct err *e)
{
    struct draft *d = ARENA_NEW(c->a, struct draft);
    bool taken = !co->text && draft_take(c->a, co->name, d, e);

    *ret_text = co->text ? co->text : co->initial ? co->initial : "";
    if (taken && !compose_is_here(c, d)) {
        draft_leave(d);
        taken = false;
    }
    if (taken) {
        if (draft_is_unknown(d)) {
            draft_leave(d);
            return err_set(e, ERR_CONFLICT,
                           "what you wrote before may have been sent or not: turno drafts %s --send finds out, turno "
                           "drafts %s --drop forgets it",
                           d->name, d->name);
        }
        if (draft_text(c->a, d, ret_text, e)) {
            fprintf(c->s->chat, _("You go on with what was not sent before (turno drafts %s).\n"), d->name);
            (void)fflush(c->s->chat);
        } /* else it was never written */
    } else if (!draft_make(c->a, co->name, d, e)) {
        return false;
    }
    co->draft = d;
    return true;
}

static bool
edit(struct ctx *c, struct compose *co, struct err *e)
{
    const char *text;

    if (isatty(STDIN_FILENO) == 0) {
        return err_set(e, ERR_USAGE, "the editor needs a terminal: give the text as argument or with -m");
    }
    if (!draft_to_edit(c, co, &text, e)) {
        return false;
    }
    ensure(co->draft); /* or it would have failed */
    describe_as(co->draft, describe(c, co));
    if (!draft_put_text(co->draft, text, co->below, e) || !draft_put_how(co->draft, e)) {
        (void)drop_empty(c, co->draft);
        return false;
    }
    if (!editor_run(c->a, co->draft->path, e)) {
        (void)err_set(e, e->code, "%s; -m gives the text without one", arena_strdup(c->a, e->msg));
        if (!drop_empty(c, co->draft)) {
            tell_kept(c, co->draft);
        }
        return false;
    }
    return draft_text(c->a, co->draft, &co->text, e);
}

/* ---- where it comes from ---- */

/* What can be had without the editor; *ret_edit: it is to be opened. */
static bool
take_text(struct ctx *c, struct compose *co, bool *ret_edit, struct err *e)
{
    const char *m = args_opt(c->args, "message");
    bool ok = true;

    co->text = NULL;
    *ret_edit = args_has(c->args, "edit");
    if (m && co->given) {
        return err_set(e, ERR_USAGE, "the text stands there twice, as argument and with -m");
    }
    if (m && strcmp(m, "-") == 0) {
        ok = read_stdin(c, co, e);
    } else if (m || co->given) {
        co->text = trimmed(c->a, m ? m : co->given);
    } else if (!*ret_edit && co->need == COMPOSE_MUST && isatty(STDIN_FILENO) == 0) {
        ok = read_stdin(c, co, e);
    } else if (!*ret_edit && co->need == COMPOSE_MAYBE && is_piped()) {
        ok = read_stdin_soon(c, co, e);
    } else if (co->need == COMPOSE_MUST) {
        *ret_edit = true;
    }
    return ok;
}

void
compose_to(struct ctx *c, const char *head)
{
    fprintf(c->s->chat, "%s\n", c->s->utf8 ? head : text_ascii(c->a, head));
    (void)fflush(c->s->chat);
}

bool
compose(struct ctx *c, struct compose *co, struct err *e)
{
    bool editor;

    co->draft = NULL;
    if (!take_text(c, co, &editor, e) || (editor && !edit(c, co, e))) {
        return false;
    }
    if (co->text && !*co->text) {
        co->text = NULL;
    }
    if (!co->text && (co->need == COMPOSE_MUST || editor)) {
        if (co->draft) {
            draft_drop(co->draft);
        }
        return err_set(e, ERR_INVALID, "%s", i18n(co->empty));
    }
    return true;
}

/* ---- on its way ---- */

/* What is said when a signal ends us between; made ready before, for a handler can do little. */
static char last_words[512];

static void
on_signal(int sig)
{
    ssize_t n = write(STDERR_FILENO, last_words, strlen(last_words));

    (void)n; /* there is nobody left to tell */
    (void)signal(sig, SIG_DFL);
    (void)raise(sig);
}

static void
watch_signals(bool on, const struct draft *d)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction now, sa = {.sa_handler = on ? on_signal : SIG_DFL};

    if (on) {
        (void)snprintf(
            last_words, sizeof last_words,
            _("\nturno: nobody knows whether it was done; your text is kept in %.300s; turno drafts %.60s --send "
              "finds out\n"),
            d->path, d->name);
    }
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        (void)sigaction(signals[i], NULL, &now);
        if (now.sa_handler != SIG_IGN) { /* nohup(1) stays what it is */
            (void)sigaction(signals[i], &sa, NULL);
        }
    }
}

/* The same request was on its way before, and nobody knows what became of it. */
static bool
is_again(const struct draft *d, const json_t *how, const char *path, const char *text)
{
    const char *was = jtext(d->how, "path"), *said = jtext(d->how, "text");

    return draft_is_unknown(d) && draft_is_for(d, how) && was && strcmp(was, path) == 0 && said &&
           strcmp(said, text) == 0 && json_is_object(json_object_get(d->how, "body"));
}

/* again: nobody knew before what became of the request. unkept: why it is not on the disk, or NULL. */
static bool
deliver(struct ctx *c, struct draft *d, bool again, const struct err *unkept, struct reply *ret, struct err *e)
{
    usec_t at = jtime(d->how, "at");
    bool ok;

    if (again && strcmp(jtext(d->how, "path"), "/v1/tickets") == 0 && at + KEY_LASTS < c->s->now) {
        draft_leave(d);
        return err_set(
            e, ERR_CONFLICT,
            "after a day the desk cannot tell whether it has this request: turno asked shows what was handed in, "
            "turno drafts %s --drop forgets it",
            d->name);
    }
    if (!unkept) {
        watch_signals(true, d);
    }
    ok =
        client_post_as(c->client, jtext(d->how, "key"), jtext(d->how, "path"), json_object_get(d->how, "body"), ret, e);
    watch_signals(false, d);
    if (ok) {
        draft_drop(d);
        return true;
    }
    if (unkept) {
        tell_lost(c, jtext(d->how, "text"), unkept);
        if (!drop_empty(c, d)) {
            draft_leave(d);
        }
        return false;
    }
    /* refused, or never sent: it is a text like any other. That a second one was not sent says nothing about the first. */
    if (again ? ret->judged : !ret->unknown) {
        struct err ignored;
        (void)json_object_del(d->how, "path");
        (void)json_object_del(d->how, "body");
        (void)json_object_del(d->how, "key");
        (void)json_object_del(d->how, "text");
        (void)draft_put_how(d, &ignored); /* the worst is that it is asked once more what became of it */
    }
    tell_kept(c, d);
    draft_leave(d);
    return false;
}

bool
compose_resend(struct ctx *c, struct draft *d, struct reply *ret, struct err *e)
{
    return deliver(c, d, true, NULL, ret, e);
}

bool
compose_post(struct ctx *c, struct compose *co, const char *path, json_t *body, struct reply *ret, struct err *e)
{
    struct draft *d = co->draft ? co->draft : c->draft ? c->draft : ARENA_NEW(c->a, struct draft);
    bool there = co->draft || c->draft, again, kept; /* there: with its text */
    json_t *how = describe(c, co);
    struct err why;

    if (!co->text) {
        return client_post(c->client, path, body, ret, e);
    }
    if (!there && !draft_for(c->a, co->name, co->text, how, d, &why)) {
        if (client_post(c->client, path, body, ret, e)) {
            return true;
        }
        tell_lost(c, co->text, &why);
        return false;
    }
    again = is_again(d, how, path, co->text);
    if (!again) {
        describe_as(d, how);
        jset(d->how, "path", path);
        jset(d->how, "key", client_key(c->a));
        jset(d->how, "text", co->text);
        (void)json_object_set(d->how, "body", body);
    }
    /* What cannot be kept is sent all the same. */
    kept = again || ((there || draft_put_text(d, co->text, NULL, &why)) && draft_put_how(d, &why));
    if (!kept) {
        fprintf(c->s->chat, _("turno: %s; it is sent without a draft\n"), why.msg);
    }
    return deliver(c, d, again, kept ? NULL : &why, ret, e);
}

void
compose_unsent(struct ctx *c, struct compose *co, const struct err *why)
{
    struct draft *d = ARENA_NEW(c->a, struct draft);
    const char *m = args_opt(c->args, "message");
    int status = err_exit(why->code);
    struct err e = {0};
    json_t *how;
    bool editor;

    if (c->draft) { /* it is in there already */
        tell_kept(c, c->draft);
        return;
    }
    if (m && strcmp(m, "-") == 0 && isatty(STDIN_FILENO) == 1) {
        return; /* nothing was typed yet */
    }
    if ((status != EXIT_UNREACHABLE && status != EXIT_CONFLICT && status != EXIT_DENIED) ||
        !take_text(c, co, &editor, &e) || !co->text || !*co->text) {
        return;
    }
    how = describe(c, co);
    if (!draft_for(c->a, co->name, co->text, how, d, &e)) {
        tell_lost(c, co->text, &e);
        return;
    }
    if (!draft_is_unknown(d)) {
        describe_as(d, how);
    }
    if (draft_put_text(d, co->text, NULL, &e) && draft_put_how(d, &e)) {
        tell_kept(c, d);
    } else {
        tell_lost(c, co->text, &e);
        (void)drop_empty(c, d);
    }
    draft_leave(d);
}
