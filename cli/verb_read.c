/* SPDX-License-Identifier: MIT */
/* Looking at one ticket, and why it stands where it stands. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/facts.h"
#include "cli/machine.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/ticket.h"
#include "cli/verbs.h"
#include "common/i18n.h"

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

/* ---- why ---- */

static void
print_ahead(struct ctx *c, const json_t *list)
{
    static const struct col cols[] = {
        {"ROW",          COL_TEXT,   0, COL_HIDDEN},
        {N_("AHEAD"),    COL_NUMBER, 0, 0         },
        {N_("PRIORITY"), COL_TEXT,   0, 0         },
        {N_("CLASS"),    COL_TEXT,   0, 0         },
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

/* The sentences tell times in the zone of the desk's hours, and name it. */
static bool
in_our_zone(struct ctx *c, const json_t *text)
{
    const char *zone = machine_zone(c->a);

    zone = strcmp(zone, "Etc/UTC") == 0 ? "UTC" : zone;
    for (size_t i = 0; i < json_array_size(text); i++) {
        if (strstr(json_string_value(json_array_get(text, i)), zone)) {
            return true;
        }
    }
    return false;
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
    text = jlist(r.doc, "text");
    f = facts_new(c);
    if (!in_our_zone(c, text)) {
        facts_zone(f);
    }
    facts_number(f, N_("ticket"), jint(r.doc, "ticket", TABLE_NONE));
    facts_text(f, N_("rule"), jtext(r.doc, "rule"));
    facts_number(f, N_("desk"), jint(r.doc, "desk", TABLE_NONE));
    facts_text(f, N_("asked"), jtext(r.doc, "asked"));
    facts_text(f, N_("queue"), jtext(r.doc, "queue"));
    facts_text(f, N_("priority"), jtext(r.doc, "priority"));
    facts_time(f, N_("counts from"), jtime(r.doc, "anchor"));
    facts_span(f, N_("target time"), jnum(r.doc, "target_seconds"));
    facts_text(f, N_("hours of"), jtext(r.doc, "calendar"));
    if (jnum(json_object_get(r.doc, "key_parts"), "penalty_seconds") > 0) {
        facts_span(f, N_("added"), jnum(json_object_get(r.doc, "key_parts"), "penalty_seconds"));
    }
    facts_due(f, N_("target"), jtime(r.doc, "target"));
    facts_number(f, N_("place"), jint(r.doc, "place", TABLE_NONE));
    facts_print(f);
    print_ahead(c, jlist(r.doc, "ahead"));
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
