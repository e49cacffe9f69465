/* SPDX-License-Identifier: MIT */
/*
 * next: the ticket whose turn it is. With --wait we sit on a stream until one is offered and accept it at once, on a
 * second connection while the stream is still open. Ctrl-C: until an offer comes it simply ends us, the stream dies and
 * whatever was just being offered goes back. From the offer on until the ticket is shown, signals are held back: nobody
 * shall have a ticket without knowing it. (The mask stays until exit; the pager gets a clean one.)
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/text.h"
#include "cli/ticket.h"
#include "cli/verbs.h"
#include "common/i18n.h"

#define WAIT_CHUNK 3600 /* seconds asked for at once when there is no limit */

static void
hold_signals(bool hold)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    (void)sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL); /* cannot fail with these arguments */
}

/* The ticket is ours: show it. That it cannot be shown must not look as if there were none. */
static bool
show_claimed(struct ctx *c, int64_t n, const struct reply *claim, struct err *e)
{
    struct reply t;

    if (api_json(c, claim)) {
        return true;
    }
    if (!api_ticket(c, n, "", &t, e)) {
        err_wrap(e, "ticket %lld is in your hand, but", (long long)n);
        return false;
    }
    screen_clock(c->s); /* we may have waited for hours */
    ticket_page(c, t.doc, 0);
    return true;
}

static bool
next_now(struct ctx *c, struct err *e)
{
    struct reply r;

    if (!client_post(c->client, "/v1/next", api_object(c), &r, e)) {
        return false;
    }
    if (r.status == 204 || !r.doc) {
        return err_set(e, ERR_NOTHING, "nothing waits for you");
    }
    return show_claimed(c, jint(r.doc, "ticket", 0), &r, e);
}

struct waiting {
    struct ctx *c;
    bool have;  /* accepted */
    bool ended; /* the daemon ended the wait */
    char reason[64];
    struct reply offer;
    int64_t n;
    struct err err; /* why the accept failed, when it was not just too late */
    bool failed;
};

static void
decref(void *p)
{
    json_decref(p);
}

/* An offer: accept it. Too late (it has gone back meanwhile) is no failure: the wait goes on. */
static bool
take_offer(struct waiting *w, json_t *data)
{
    json_t *body = json_pack("{s:I}", "epoch", (json_int_t)jint(data, "epoch", 0));
    struct reply r;
    bool ok;

    hold_signals(true);
    w->n = jint(data, "ticket", 0);
    ok = api_act(w->c, w->n, "accept", body, &r, &w->err);
    json_decref(body);
    if (!ok && (w->err.code == ERR_STALE || w->err.code == ERR_CONFLICT)) {
        hold_signals(false);
        return true;
    }
    if (!ok) {
        w->failed = true;
        return false;
    }
    (void)json_object_set_new(data, "state", json_string("held"));
    (void)json_object_del(data, "accept_by");
    if (json_is_integer(json_object_get(r.doc, "epoch"))) {
        (void)json_object_set(data, "epoch", json_object_get(r.doc, "epoch"));
    }
    w->offer.doc = json_deep_copy(data);
    arena_defer(w->c->a, decref, w->offer.doc);
    w->have = true;
    return false;
}

static bool
on_event(void *arg, const char *event, const char *id, json_t *data)
{
    struct waiting *w = arg;

    (void)id;
    if (strcmp(event, "offer") == 0) {
        return take_offer(w, data);
    }
    if (strcmp(event, "end") == 0) {
        const char *reason = jtext(data, "reason");
        w->ended = true;
        (void)snprintf(w->reason, sizeof w->reason, "%s", reason ? reason : "");
        return false;
    }
    return true;
}

/* Seconds still to wait, at most WAIT_CHUNK; 0 when the time is over. until 0: no limit. */
static int64_t
chunk(usec_t until)
{
    struct timespec ts;
    int64_t left;

    if (until == 0) {
        return WAIT_CHUNK;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
    left = (until - ((usec_t)ts.tv_sec * USEC_SEC + ts.tv_nsec / 1000) + USEC_SEC - 1) / USEC_SEC;
    return left < 0 ? 0 : left > WAIT_CHUNK ? WAIT_CHUNK : left;
}

/* Ends that are no reason to give up: the stream was long enough, the offer was accepted too late, another desk is in
 * force (the queues may be others), the daemon stops (a new one may come). */
static bool
goes_on(const char *reason)
{
    static const char *const reasons[] = {"timeout", "lapsed", "desk", "stopping"};

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strcmp(reason, reasons[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The error the wait ended with. What is none ("accepted": on another stream of ours) leaves us with nothing. */
static enum err_code
end_code(const char *reason)
{
    enum err_code code = err_from_name(reason);

    return strcmp(reason, err_name(code)) == 0 && code != ERR_NONE ? code : ERR_NOTHING;
}

/* One stream after the other until a ticket is ours or the time is over. */
static bool
wait_for_offer(struct waiting *w, usec_t until, struct err *e)
{
    struct ctx *c = w->c;
    int attempt = 0;

    for (int64_t seconds; (seconds = chunk(until)) > 0;) {
        json_t *body = json_pack("{s:I}", "wait", (json_int_t)seconds);
        enum client_stream end;
        w->ended = false;
        end = client_stream(c->client, "/v1/next", body, on_event, w, e);
        json_decref(body);
        if (w->have) {
            return true;
        }
        if (w->failed) {
            *e = w->err;
            return false;
        }
        if (end == STREAM_FAILED) {
            return false;
        }
        if (w->ended && !goes_on(w->reason)) {
            return err_set(e, end_code(w->reason), "the wait has ended: %s", w->reason);
        }
        if (end == STREAM_LOST || (w->ended && strcmp(w->reason, "stopping") == 0)) {
            if (end != STREAM_LOST) {
                (void)err_set(e, ERR_UNREACHABLE, "the daemon stops");
            }
            if (!client_back_off(c->client, attempt++, 120, e)) {
                return false;
            }
        } else if (end == STREAM_EMPTY) {
            return err_set(e, ERR_NOTHING, "nothing waits for you");
        } else {
            attempt = 0;
        }
    }
    return err_set(e, ERR_NOTHING, "nothing came up for you in this time");
}

bool
run_next(struct ctx *c, struct err *e)
{
    usec_t patience = args_has(c->args, "wait") ? args_number(c->args, "wait", 0) : -1;
    struct waiting w = {.c = c};
    struct timespec ts;
    usec_t until = 0;

    if (patience < 0) {
        return next_now(c, e);
    }
    if (args_opt(c->args, "wait")) {
        (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
        until = (usec_t)ts.tv_sec * USEC_SEC + ts.tv_nsec / 1000 + patience;
    }
    if (isatty(STDERR_FILENO) == 1) {
        fputs(_("waiting for the next ticket, Ctrl-C stops …\n"), c->s->chat);
    }
    if (!wait_for_offer(&w, until, e)) {
        return false;
    }
    if (isatty(STDERR_FILENO) == 1) {
        fputc('\a', c->s->chat); /* the agent may be looking elsewhere */
    }
    if (c->json) {
        api_print_json(c, w.offer.doc);
        return true;
    }
    return show_claimed(c, w.n, &w.offer, e);
}
