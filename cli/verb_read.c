/* SPDX-License-Identifier: MIT */
/* Looking: one ticket, many, why one stands where it stands. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/facts.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/ticket.h"
#include "cli/verbs.h"

#define PAGE_MAX 500 /* tickets the API gives at once */

/* The holder has looked at it: its idle clock starts again. Not when a script looks, which may do so for ever. */
static void
touch(struct ctx *c, const json_t *t)
{
    json_t *body = api_object(c);
    struct err ignored;

    if (isatty(STDOUT_FILENO) != 1 || !api_may(t, "touch")) {
        return;
    }
    (void)json_object_set_new(body, "epoch", json_integer(jint(t, "epoch", 0)));
    /* no reason to fail `show` when this does */
    (void)client_post_once(c->client, arena_printf(c->a, "/v1/tickets/%lld/touch", (long long)jint(t, "ticket", 0)),
                           body, &ignored);
}

static bool
show_waits(struct ctx *c, int64_t n, struct err *e)
{
    struct reply waits, t;

    if (!client_get(c->client, arena_printf(c->a, "/v1/tickets/%" PRId64 "/waits", n), &waits, e)) {
        return false;
    }
    if (api_json(c, &waits)) {
        return true;
    }
    if (c->s->tty && api_ticket(c, n, "", &t, e)) {
        fprintf(c->s->out, "%s\n", text_fit(c->a, text_line(c->a, jtext(t.doc, "subject")), c->s->width, c->s->utf8));
    }
    ticket_waits(c, waits.doc);
    return true;
}

bool
run_show(struct ctx *c, struct err *e)
{
    unsigned flags =
        (args_has(c->args, "as-customer") ? SHOW_AS_CUSTOMER : 0u) | (args_has(c->args, "events") ? SHOW_EVENTS : 0u);
    struct reply r;
    int64_t n;

    if (!api_number(c, false, &n, e)) {
        return false;
    }
    if (args_has(c->args, "waits")) {
        return show_waits(c, n, e);
    }
    if (!api_ticket(c, n, flags & SHOW_EVENTS ? "?events=1" : "", &r, e)) {
        return false;
    }
    if (!api_json(c, &r)) {
        ticket_page(c, r.doc, flags);
    }
    touch(c, r.doc);
    return true;
}

/* ---- lists ---- */

/* The filters of `list` as a query, without limit and cursor. */
static const char *
list_query(struct ctx *c)
{
    static const char *const names[] = {"queue", "department", "state", "agent", "class", "priority", "tag"};
    const char *q = args_text(c->args, "WORDS"), *query = "";

    if (q) {
        query = arena_printf(c->a, "&q=%s", client_escape(c->a, q));
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *v = args_opt(c->args, names[i]);
        if (v) {
            query = arena_printf(c->a, "%s&%s=%s", query, names[i], client_escape(c->a, v));
        }
    }
    return query;
}

/* Fetch page after page until `limit` tickets are there; one document as the API would give it. */
static bool
fetch_list(struct ctx *c, const char *query, int64_t limit, const char *after, struct reply *ret, struct err *e)
{
    json_t *all = NULL;

    for (;;) {
        int64_t page = limit < PAGE_MAX ? limit : PAGE_MAX;
        struct reply r;
        const char *path = arena_printf(c->a, "/v1/tickets?limit=%" PRId64 "%s%s%s", page, query,
                                        after ? "&after=" : "", after ? client_escape(c->a, after) : "");
        if (!client_get(c->client, path, &r, e)) {
            return false;
        }
        limit -= (int64_t)json_array_size(jlist(r.doc, "tickets"));
        after = jtext(r.doc, "next");
        if (!all) {
            *ret = r;
            all = jlist(r.doc, "tickets");
        } else {
            (void)json_array_extend(all, jlist(r.doc, "tickets"));
            (void)json_object_set(ret->doc, "next", json_object_get(r.doc, "next"));
            ret->text = NULL; /* no longer what came over the wire */
        }
        if (!after || limit <= 0 || !all) {
            return true;
        }
    }
}

static bool
show_list(struct ctx *c, const char *query, const char *none, struct err *e)
{
    struct reply r;

    if (!fetch_list(c, query, args_number(c->args, "limit", 100), args_opt(c->args, "after"), &r, e)) {
        return false;
    }
    if (c->json && !r.text) {
        api_print_json(c, r.doc);
        return true;
    }
    if (!api_json(c, &r)) {
        ticket_table(c, jlist(r.doc, "tickets"), none);
        if (jtext(r.doc, "next")) {
            fprintf(c->s->after, "there are more: --limit N, or --after %s\n", text_line(c->a, jtext(r.doc, "next")));
        }
    }
    return true;
}

bool
run_list(struct ctx *c, struct err *e)
{
    return show_list(c, list_query(c), "no ticket fits", e);
}

bool
run_mine(struct ctx *c, struct err *e)
{
    return show_list(c, "&mine=1", "you have nothing in hand: turno next", e);
}

/* ---- why ---- */

static void
print_ahead(struct ctx *c, const json_t *list)
{
    static const struct col cols[] = {
        {"ROW",      COL_TEXT,   0, COL_HIDDEN},
        {"AHEAD",    COL_NUMBER, 0, 0         },
        {"PRIORITY", COL_TEXT,   0, 0         },
        {"CLASS",    COL_TEXT,   0, 0         },
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        table_row(tb);
        table_text(tb, "ahead");
        table_number(tb, jint(row, "n", TABLE_NONE));
        table_text(tb, jtext(row, "priority"));
        table_text(tb, jtext(row, "class"));
    }
    if (c->s->tty && table_rows(tb) > 0) {
        fputc('\n', c->s->out);
    }
    table_print(tb);
}

bool
run_why(struct ctx *c, struct err *e)
{
    const json_t *text;
    struct facts *f;
    struct reply r;
    int64_t n;

    if (!api_number(c, false, &n, e) ||
        !client_get(c->client, arena_printf(c->a, "/v1/tickets/%" PRId64 "/why", n), &r, e)) {
        return false;
    }
    if (api_json(c, &r)) {
        return true;
    }
    f = facts_new(c);
    facts_number(f, "ticket", jint(r.doc, "ticket", TABLE_NONE));
    facts_text(f, "rule", jtext(r.doc, "rule"));
    facts_number(f, "desk", jint(r.doc, "desk", TABLE_NONE));
    facts_text(f, "asked", jtext(r.doc, "asked"));
    facts_text(f, "queue", jtext(r.doc, "queue"));
    facts_text(f, "priority", jtext(r.doc, "priority"));
    facts_time(f, "counts from", jtime(r.doc, "anchor"));
    facts_span(f, "target time", jnum(r.doc, "target_seconds"));
    facts_text(f, "hours of", jtext(r.doc, "calendar"));
    if (jnum(json_object_get(r.doc, "key_parts"), "penalty_seconds") > 0) {
        facts_span(f, "added", jnum(json_object_get(r.doc, "key_parts"), "penalty_seconds"));
    }
    facts_due(f, "target", jtime(r.doc, "target"));
    facts_number(f, "place", jint(r.doc, "place", TABLE_NONE));
    facts_print(f);
    print_ahead(c, jlist(r.doc, "ahead"));
    text = jlist(r.doc, "text");
    for (size_t i = 0; i < json_array_size(text); i++) {
        const char *s = text_clean(c->a, json_string_value(json_array_get(text, i)));
        struct strbuf sb;
        strbuf_init(&sb);
        if (c->s->tty) {
            text_wrap(&sb, s, "", c->s->width < 100 ? c->s->width : 100);
        } else {
            strbuf_addf(&sb, "text\t%s\n", text_field(c->a, s));
        }
        fprintf(c->s->out, "%s%s", c->s->tty && i == 0 ? "\n" : "", sb.p);
        strbuf_release(&sb);
    }
    return true;
}
