/* SPDX-License-Identifier: MIT */
/*
 * What happens: `feed`, the raw stream with its cursors, for programs; and `log`, the same in plain words, for people, which has
 * a past. The events of one ticket come from the ticket, all others from the feed, a page after the other.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/api.h"
#include "cli/follow.h"
#include "cli/sentence.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "common/i18n.h"

#define SINCE_DEFAULT (8 * USEC_HOUR) /* a shift */
#define LIMIT_DEFAULT 100
#define PAGE          500

/* ---- feed ---- */

struct feed {
    struct ctx *c;
    int64_t left; /* events still to show; negative: no end */
};

static bool
on_feed(void *arg, const char *cursor, json_t *data)
{
    struct feed *f = arg;
    struct ctx *c = f->c;
    struct arena *a = arena_new(); /* a feed may run for months */
    static const char *const names[] = {"ticket", "verb", "actor", "from", "to", "queue", "agent"};

    if (c->json) {
        char *s = json_dumps(data, JSON_COMPACT);
        fprintf(c->s->out, "%s\n", s ? s : "");
        free(s);
    } else if (c->s->tty) {
        fprintf(c->s->out, "%s  %6lld  %-13s %-12s %-8s %-8s %s\n", text_local(a, jtime(data, "at"), c->s->now),
                (long long)jint(data, "ticket", 0), text_line(a, jtext(data, "verb")),
                text_line(a, jtext(data, "actor")), text_line(a, jtext(data, "to")), text_line(a, jtext(data, "queue")),
                text_line(a, jtext(data, "agent")));
    } else {
        const char *at = jtext(data, "at");
        fprintf(c->s->out, "%s\t%s", cursor, at ? at : "");
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            const json_t *v = json_object_get(data, names[i]);
            if (json_is_integer(v)) {
                fprintf(c->s->out, "\t%lld", (long long)json_integer_value(v));
            } else {
                fprintf(c->s->out, "\t%s", text_field(a, json_string_value(v)));
            }
        }
        fputc('\n', c->s->out);
    }
    (void)fflush(c->s->out);
    arena_free(a);
    if (f->left > 0) {
        f->left--;
    }
    return f->left != 0 && !ferror(c->s->out);
}

bool
run_feed(struct ctx *c, struct err *e)
{
    struct feed f = {.c = c, .left = args_number(c->args, "limit", -1)};

    screen_direct(c->s);
    return follow_feed(c, args_opt(c->args, "after"), on_feed, &f, e);
}

/* ---- log ---- */

struct log {
    struct ctx *c;
    int64_t ticket;      /* 0: all */
    usec_t since;        /* earlier ones are passed over */
    int64_t left;        /* lines still to show; negative: no end */
    const json_t *shown; /* of the ticket: what the feed may tell once more */
    int day;             /* of the last line */
};

/* A line with the day, where it is another one than that of the line before. */
static void
say_day(struct log *l, usec_t at)
{
    struct ctx *c = l->c;
    time_t secs = (time_t)(at / USEC_SEC), now = (time_t)(c->s->now / USEC_SEC);
    struct tm tm, today;
    int day;

    if (!localtime_r(&secs, &tm) || !localtime_r(&now, &today)) {
        return;
    }
    day = tm.tm_year * 366 + tm.tm_yday;
    if (day != (l->day ? l->day : today.tm_year * 366 + today.tm_yday)) {
        fprintf(c->s->out, "%s%s%s\n", screen_style(c->s, STYLE_BOLD), text_day(c->a, at), screen_plain(c->s));
    }
    l->day = day;
}

static void
say(struct log *l, const json_t *event)
{
    struct ctx *c = l->c;
    struct arena *a = arena_new();
    const char *says = text_line(a, sentence_of(a, event, c->s->tty));
    usec_t at = jtime(event, "at");

    if (c->json) {
        char *s = json_dumps(event, JSON_COMPACT);
        fprintf(c->s->out, "%s\n", s ? s : "");
        free(s);
    } else if (c->s->tty) {
        time_t secs = (time_t)(at / USEC_SEC);
        struct tm tm;
        char buf[16] = "     ";
        say_day(l, at);
        if (localtime_r(&secs, &tm)) {
            (void)strftime(buf, sizeof buf, "%H:%M", &tm); /* always fits */
        }
        fprintf(c->s->out, "%s%s%s  %s\n", screen_style(c->s, STYLE_DIM), buf, screen_plain(c->s),
                c->s->utf8 ? says : text_ascii(a, says));
    } else {
        const char *iso = jtext(event, "at");
        fprintf(c->s->out, "%s\t%lld\t%s\t%s\t%s\t%s\t%s\n", iso ? iso : "", (long long)jint(event, "ticket", 0),
                text_field(a, jtext(event, "verb")), text_field(a, jtext(event, "actor")),
                text_field(a, jtext(event, "queue")), text_field(a, jtext(event, "agent")), text_field(a, says));
    }
    arena_free(a);
}

static bool
is_same(const json_t *x, const json_t *y)
{
    static const char *const names[] = {"verb", "at", "version", "actor"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!json_equal(json_object_get(x, names[i]), json_object_get(y, names[i]))) {
            return false;
        }
    }
    return true;
}

static bool
is_wanted(const struct log *l, const json_t *event)
{
    if ((l->ticket > 0 && jint(event, "ticket", 0) != l->ticket) ||
        (l->since != USEC_NONE && jtime(event, "at") < l->since)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(l->shown); i++) {
        if (is_same(json_array_get(l->shown, i), event)) {
            return false;
        }
    }
    return true;
}

static bool
on_log(void *arg, const char *cursor, json_t *event)
{
    struct log *l = arg;

    (void)cursor;
    if (!is_wanted(l, event)) {
        return true;
    }
    say(l, event);
    (void)fflush(l->c->s->out);
    if (l->left > 0) {
        l->left--;
    }
    return l->left != 0 && !ferror(l->c->s->out);
}

/* The last `left` of those that are wanted. */
static void
say_last(struct log *l, const json_t *events)
{
    size_t n = json_array_size(events), most = l->left > 0 ? (size_t)l->left : LIMIT_DEFAULT, wanted = 0, passed = 0;

    for (size_t i = 0; i < n; i++) {
        wanted += is_wanted(l, json_array_get(events, i));
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *event = json_array_get(events, i);
        if (is_wanted(l, event) && passed++ + most >= wanted) {
            say(l, event);
        }
    }
    if (wanted > most) {
        fprintf(l->c->s->after,
                P_("%zu earlier one is not shown: --limit N\n", "%zu earlier ones are not shown: --limit N\n",
                   wanted - most),
                wanted - most);
    } else if (wanted == 0) {
        fputs(l->since != USEC_NONE ? _("nothing happened that you may see since then: --since T\n")
                                    : _("nothing happened that you may see\n"),
              l->c->s->chat);
    }
}

/* Of one ticket. Where it is followed the feed's place is taken first: what happens between is told by both. */
static bool
log_ticket(struct log *l, bool follow, struct err *e)
{
    struct ctx *c = l->c;
    const char *from = NULL;
    struct reply t;

    if ((follow && !(from = follow_now(c, e))) || !api_ticket(c, l->ticket, "?events=1", &t, e)) {
        return false;
    }
    if (c->s->tty && !c->json) {
        fprintf(c->s->out, "%s%lld  %s%s\n", screen_style(c->s, STYLE_BOLD), (long long)l->ticket,
                text_line(c->a, jtext(t.doc, "subject")), screen_plain(c->s));
    }
    say_last(l, jlist(t.doc, "events"));
    if (!follow) {
        return true;
    }
    screen_direct(c->s);
    l->shown = jlist(t.doc, "events");
    return follow_feed(c, from, on_log, l, e);
}

/* All that has happened since. */
static bool
log_past(struct log *l, struct err *e)
{
    struct ctx *c = l->c;
    char after[128]; /* a time, or a cursor */
    json_t *all = json_array();
    size_t most = l->left > 0 ? (size_t)l->left : LIMIT_DEFAULT;
    bool more = true;

    format_iso(l->since, after);
    while (more) {
        struct arena *a = arena_new(); /* a year may have many pages */
        const char *next;
        struct reply r;
        if (!client_get_in(c->client, a, arena_printf(a, "/v1/feed?limit=%d&after=%s", PAGE, client_escape(a, after)),
                           &r, e)) {
            json_decref(all);
            arena_free(a);
            return false;
        }
        (void)json_array_extend(all, jlist(r.doc, "events"));
        while (json_array_size(all) > most + PAGE) { /* only the last ones will be shown */
            (void)json_array_remove(all, 0);
        }
        next = jtext(r.doc, "next");
        more = jbool(r.doc, "more") && next;
        (void)snprintf(after, sizeof after, "%s", next ? next : "");
        arena_free(a);
    }
    say_last(l, all);
    json_decref(all);
    return true;
}

bool
run_log(struct ctx *c, struct err *e)
{
    bool follow = args_has(c->args, "follow");
    struct log l = {.c = c, .ticket = c->args->n, .left = args_number(c->args, "limit", -1)};
    char iso[32];

    l.since = args_has(c->args, "since") ? args_number(c->args, "since", 0) : USEC_NONE;
    if (l.ticket > 0) {
        return log_ticket(&l, follow, e);
    }
    if (!follow) {
        l.since = l.since != USEC_NONE ? l.since : c->s->now - SINCE_DEFAULT;
        return log_past(&l, e);
    }
    screen_direct(c->s);
    format_iso(l.since, iso);
    return follow_feed(c, *iso ? iso : NULL, on_log, &l, e);
}
