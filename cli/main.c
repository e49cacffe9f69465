/* SPDX-License-Identifier: MIT */
/*
 * turno: the desk on the terminal. A client of the HTTP API and nothing else: it finds the daemon, parses the command
 * line by the verb table, runs the verb, and ends with the exit status that common/err.h gives to what happened.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ctx.h"
#include "cli/endpoint.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "common/i18n.h"
#include "common/json.h"

/* What one can do about an error. */
static const char *
hint_for(const struct err *e, const struct args *args)
{
    bool has_n = args->verb && strstr(args->verb->pattern, "N");

    if (strcmp(e->field, "to") == 0 || strcmp(e->field, "queue") == 0) {
        return _("turno queues lists whom you can ask");
    }
    switch ((int)e->code) { /* a hint is no state machine: most codes need none */
    case ERR_UNAUTHORIZED:
        return _("set TURNO_TOKEN or put a token into ~/.config/turno/token");
    case ERR_FORBIDDEN: /* a shell that is still somebody else's, or a trial desk's */
        return getenv("TURNO_TOKEN") ? _("TURNO_TOKEN is set: turno whoami says who that is and what they may do")
                                     : _("turno whoami says what you may do");
    case ERR_NOT_FOUND:
        return has_n ? _("turno list shows what you can see") : NULL;
    case ERR_CONFLICT:
    case ERR_STALE:
    case ERR_BLOCKED:
        return has_n ? _("turno show tells how it stands and what is possible") : NULL;
    case ERR_NEWS:
        return _("read it, then send your text again");
    case ERR_AWAY:
        return "turno back";
    case ERR_FULL:
        return _("finish something, or let it wait: turno mine");
    case ERR_UNREACHABLE:
        return _("turno doctor says why");
    case ERR_MISMATCH:
    case ERR_INTERNAL:
        return _("the daemon's log knows more");
    default:
        return NULL;
    }
}

static void
complain(const struct err *e, const struct args *args)
{
    const char *hint = hint_for(e, args);

    if (hint && strstr(e->msg, hint)) {
        hint = NULL; /* the desk has said it already */
    }

    fprintf(stderr, "turno: %s%s%s\n", e->msg, hint ? "; " : "", hint ? hint : "");
    if (args->possible) {
        fprintf(stderr, _("possible: %s\n"), args->possible);
    } else if (e->code == ERR_USAGE && args->verb) {
        fprintf(stderr, _("possible: turno %s (turno help tells more)\n"), args->verb->pattern);
    }
}

/* Everything sent is UTF-8; a text in another character set would arrive mangled. */
static bool
check_utf8(int argc, char *const *argv, struct err *e)
{
    for (int i = 1; i < argc; i++) {
        if (!json_utf8_ok(argv[i], strlen(argv[i]))) {
            return err_set(e, ERR_USAGE, "argument %d is no UTF-8", i);
        }
    }
    return true;
}

static bool
run(struct ctx *c, int argc, char *const *argv, struct err *e)
{
    struct args *args = ARENA_NEW(c->a, struct args);
    bool (*verb)(struct ctx *, struct err *);
    struct endpoint ep;
    bool parsed;

    c->args = args;
    parsed = check_utf8(argc, argv, e) && args_parse(c->a, cli_verbs, argc, argv, c->s->now, args, e);
    c->json = args->json;
    if (args->no_pager) {
        c->s->pager = false;
    }
    if (args->table) {
        screen_force(c->s);
    }
    c->s->prose = c->s->utf8 && ((c->s->tty && !c->json) || !args->verb || !(args->verb->flags & VERB_PROSE));
    if (!parsed) {
        return false;
    }
    if (args->version) {
        return run_version(c, e);
    }
    if (args->help && args->verb) {
        help_verb(c, args->verb);
        return true;
    }
    if (args->help) {
        return run_help(c, e);
    }
    verb = args->verb ? args->verb->run : run_overview;
    if (!args->verb || (args->verb->flags & VERB_LOCAL) == 0) {
        if (!endpoint_find(c->a, &ep, e)) {
            return false;
        }
        if (ep.kind == ENDPOINT_SSH) {
            return endpoint_exec_ssh(c->a, &ep, argc, argv, c->s->tty && isatty(STDIN_FILENO) == 1, e);
        }
        c->client = client_new(c->a, &ep, c->s, e);
        if (!c->client) {
            return false;
        }
    }
    return verb(c, e);
}

int
main(int argc, char **argv)
{
    struct err e = {0}, write_err = {0};
    struct screen s;
    struct ctx c = {.a = arena_new(), .s = &s};
    bool ok, written;
    int status;

    screen_start(&s);
    if (i18n_user() != i18n_languages[0]) {
        i18n_start(s.utf8);
        i18n_use(i18n_user());
    }
    ok = run(&c, argc, argv, &e);
    written = screen_stop(&s, &write_err);
    status = ok ? EXIT_OK : err_exit(e.code);
    if (!ok) {
        complain(&e, c.args);
    } else if (!written) {
        complain(&write_err, c.args);
        status = EXIT_REFUSED;
    }
    arena_free(c.a);
    return status;
}
