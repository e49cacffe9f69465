/* SPDX-License-Identifier: MIT */
/*
 * The verbs that move a ticket. All have one shape: which ticket, its epoch where the hold must be ours, the members the
 * verb needs, one POST, one line about what came of it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/compose.h"
#include "cli/text.h"
#include "cli/ticket.h"
#include "cli/verbs.h"
#include "common/i18n.h"

/* The ticket meant (0: that is not known) and the start of the verb's body: with the epoch of the hold. */
static bool
begin_held(struct ctx *c, bool offer, int64_t *ret_n, json_t **ret_body, struct err *e)
{
    struct reply t;

    if (!api_number(c, offer, ret_n, e)) {
        *ret_n = 0;
        return false;
    }
    if (!api_ticket(c, *ret_n, "", &t, e)) {
        return false;
    }
    *ret_body = api_object(c);
    (void)json_object_set_new(*ret_body, "epoch", json_integer(jint(t.doc, "epoch", 0)));
    return true;
}

/* Send, with the text if there is one, and say `sentence` (or "N: STATE"). */
static bool
finish(struct ctx *c, int64_t n, const char *verb, json_t *body, struct compose *co, const char *sentence,
       struct err *e)
{
    struct reply r;

    if (co && co->text) {
        jset(body, "body", co->text);
    }
    if (co && co->text ? !compose_post(c, co, api_act_path(c, n, verb), body, &r, e)
                       : !api_act(c, n, verb, body, &r, e)) {
        api_refused(c, n, verb, e);
        return false;
    }
    ticket_done(c, &r, sentence ? sentence : arena_printf(c->a, "%lld: %s", (long long)n, ticket_state(c, r.doc)));
    return true;
}

/* A line of text that may go with it, from the arguments or -m. */
static struct compose
line(struct ctx *c, int64_t n, const char *arg)
{
    const char *pattern = c->args->verb->pattern;
    struct compose co = {.need = COMPOSE_MAY, .given = args_text(c->args, arg), .n = n};

    co.empty = N_("the text is empty: nothing sent");
    co.name = arena_strndup(c->a, pattern, strcspn(pattern, " "));
    if (n > 0) {
        co.name = arena_printf(c->a, "%lld-%s", (long long)n, co.name);
    }
    return co;
}

/* begin_held, and the line that may go with it. */
static bool
begin_line(struct ctx *c, const char *arg, int64_t *ret_n, json_t **ret_body, struct compose *ret_co, struct err *e)
{
    if (!begin_held(c, false, ret_n, ret_body, e)) {
        *ret_co = line(c, *ret_n, arg);
        compose_unsent(c, ret_co, e);
        return false;
    }
    *ret_co = line(c, *ret_n, arg);
    return compose(c, ret_co, e);
}

bool
run_accept(struct ctx *c, struct err *e)
{
    json_t *body;
    int64_t n;

    return begin_held(c, true, &n, &body, e) &&
           finish(c, n, "accept", body, NULL, arena_printf(c->a, _("%lld is in your hand"), (long long)n), e);
}

bool
run_pass(struct ctx *c, struct err *e)
{
    const char *to = args_text(c->args, "DEPT");
    struct compose co;
    json_t *body;
    int64_t n;

    if (isatty(STDERR_FILENO) == 1) {
        compose_to(c, text_line(c->a, arena_printf(c->a, _("To: %s"), to)));
    }
    if (!begin_line(c, "LINE", &n, &body, &co, e)) {
        return false;
    }
    jset(body, "queue", to);
    return finish(c, n, "pass", body, &co, arena_printf(c->a, _("%lld: handed over to %s"), (long long)n, to), e);
}

bool
run_park(struct ctx *c, struct err *e)
{
    const char *vendor = args_opt(c->args, "vendor"), *until = args_opt(c->args, "until");
    bool customer = args_has(c->args, "customer"), on = args_has(c->args, "on");
    const char *verb = customer ? "park-customer" : vendor ? "park-vendor" : on ? "park-child" : "park-until";
    const char *reason = args_text(c->args, "REASON");
    struct compose co = {0};
    json_t *body;
    int64_t n;

    if (customer + (vendor != NULL) + on > 1 || (until && (customer || on)) || !(customer || vendor || on || until)) {
        return err_set(e, ERR_USAGE,
                       "say what it waits for: --customer, --vendor NAME [--until T], --until T REASON, or --on M");
    }
    if (strcmp(verb, "park-until") == 0 && !reason && !args_opt(c->args, "message")) {
        return err_set(e, ERR_USAGE, "--until needs a reason: turno park --until %s \"they open again\"", until);
    }
    if (strcmp(verb, "park-until") != 0) {
        if (!begin_line(c, "REASON", &n, &body, &co, e)) {
            return false;
        }
    } else {
        if (!begin_held(c, false, &n, &body, e)) {
            return false;
        }
        jset(body, "reason", reason ? reason : args_opt(c->args, "message"));
    }
    jset(body, "vendor", vendor);
    jset(body, "until", until);
    if (on) {
        (void)json_object_set_new(body, "on", json_integer(args_number(c->args, "on", 0)));
    }
    return finish(c, n, verb, body, &co, NULL, e);
}

bool
run_release(struct ctx *c, struct err *e)
{
    struct compose co;
    json_t *body;
    int64_t n;

    return begin_line(c, "LINE", &n, &body, &co, e) &&
           finish(c, n, "release", body, &co, arena_printf(c->a, _("%lld: given back, its place kept"), (long long)n),
                  e);
}

bool
run_give(struct ctx *c, struct err *e)
{
    const char *agent = args_text(c->args, "AGENT");
    struct compose co;
    json_t *body;
    int64_t n;

    if (!begin_line(c, "LINE", &n, &body, &co, e)) {
        return false;
    }
    jset(body, "agent", agent);
    return finish(c, n, "give", body, &co, arena_printf(c->a, _("%lld: given to %s"), (long long)n, agent), e);
}

bool
run_take(struct ctx *c, struct err *e)
{
    return finish(c, c->args->n, "take", NULL, NULL,
                  arena_printf(c->a, _("%lld is in your hand, out of turn"), (long long)c->args->n), e);
}

/* The customer's verbs, and reopen: no hold is needed. Who reads it is shown to one who sits before it. */
static bool
with_text(struct ctx *c, const char *verb, const char *sentence, struct err *e)
{
    struct compose co = line(c, c->args->n, "TEXT");
    int64_t n = c->args->n;
    struct reply t;

    if (isatty(STDERR_FILENO) == 1) {
        if (!api_ticket(c, n, "", &t, e)) {
            compose_unsent(c, &co, e);
            return false;
        }
        /* an agent reopens what somebody else has asked */
        compose_to(c, arena_printf(c->a, _("To: %s, ticket %lld"),
                                   api_may(t.doc, "message") || api_may(t.doc, "rate") ? ticket_desk(c, t.doc)
                                                                                       : ticket_addressee(c, t.doc),
                                   (long long)n));
    }
    return compose(c, &co, e) && finish(c, n, verb, api_object(c), &co, sentence, e);
}

bool
run_reopen(struct ctx *c, struct err *e)
{
    return with_text(c, "reopen", NULL, e);
}

bool
run_cancel(struct ctx *c, struct err *e)
{
    return with_text(c, "cancel", NULL, e);
}

bool
run_thank(struct ctx *c, struct err *e)
{
    return with_text(c, "thank", arena_printf(c->a, _("%lld: thanks passed on"), (long long)c->args->n), e);
}

bool
run_contest(struct ctx *c, struct err *e)
{
    return finish(c, c->args->n, "contest", NULL, NULL,
                  arena_printf(c->a, _("%lld: back in line, with its old place"), (long long)c->args->n), e);
}

bool
run_rate(struct ctx *c, struct err *e)
{
    json_t *body = api_object(c);
    int64_t score;

    if (!parse_i64(args_text(c->args, "SCORE"), 1, 5, &score)) {
        return err_field(e, ERR_USAGE, "score", "a score is a number from 1 (bad) to 5 (good)");
    }
    (void)json_object_set_new(body, "score", json_integer(score));
    jset(body, "comment", args_text(c->args, "COMMENT"));
    return finish(c, c->args->n, "rate", body, NULL,
                  arena_printf(c->a, _("%lld: rated %lld of 5, thank you"), (long long)c->args->n, (long long)score),
                  e);
}

/* ---- set ---- */

/* One KEY=VALUE as verb and body; verb NULL: no such key. */
static bool
setting(struct ctx *c, const char *s, const char **ret_verb, json_t *body, struct err *e)
{
    const char *value = strchr(s, '=');
    size_t n = value ? (size_t)(value++ - s) : 0;
    char iso[32];
    usec_t t;

    if (n == 8 && memcmp(s, "priority", n) == 0) {
        *ret_verb = "set-priority";
        jset(body, "priority", value);
    } else if (n == 3 && memcmp(s, "due", n) == 0) {
        if (!parse_when(value, c->s->now, &t)) {
            return err_field(e, ERR_USAGE, "due", "'%.60s' is no time (14:30, tomorrow, 2026-12-24, 4h)", value);
        }
        format_iso(t, iso);
        *ret_verb = "set-due";
        jset(body, "due", iso);
    } else if (n == 9 && memcmp(s, "requester", n) == 0) {
        *ret_verb = "set-requester";
        jset(body, "requester", value);
    } else if (n == 4 && memcmp(s, "tags", n) == 0) {
        json_t *tags = json_array();
        for (size_t len; *value; value += len + (value[len] == ',')) {
            len = strcspn(value, ",");
            if (len > 0) {
                (void)json_array_append_new(tags, json_stringn(value, len));
            }
        }
        *ret_verb = "set-tags";
        (void)json_object_set_new(body, "tags", tags);
    } else {
        return err_set(e, ERR_USAGE, "'%.60s' cannot be set: priority=, due=, requester= or tags=a,b", s);
    }
    return true;
}

bool
run_set(struct ctx *c, struct err *e)
{
    const char *verb[8] = {NULL};
    json_t *body[8];
    size_t n = 0;
    int64_t ticket;

    /* All are read before the first is sent, so that a slip in the third does not leave half of it done. */
    for (const char **s = c->args->rest; s && *s; s++) {
        if (n == 8) {
            return err_set(e, ERR_USAGE, "too much at once");
        }
        body[n] = api_object(c);
        if (!setting(c, *s, &verb[n], body[n], e)) {
            return false;
        }
        n++;
    }
    if (!api_number(c, false, &ticket, e)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!finish(c, ticket, verb[i], body[i], NULL,
                    arena_printf(c->a, "%lld: %s", (long long)ticket, c->args->rest[i]), e)) {
            return false;
        }
    }
    return true;
}
