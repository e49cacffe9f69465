/* SPDX-License-Identifier: MIT */
/* desk calendar: business hours as the desk understood them, in the calendar's own time. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/facts.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "common/i18n.h"

/* "2026-11-23T09:00:00" and the date it stands under: "09:00", "24:00", or with its date. */
static const char *
hour_of(struct ctx *c, const char *t, const char *under)
{
    bool exact = strcmp(t + 16, ":00") == 0;

    if (strncmp(t, under, 10) == 0) {
        return arena_strndup(c->a, t + 11, exact ? 5 : 8);
    }
    return arena_printf(c->a, "%.10s %.5s", t, t + 11);
}

/* [[540,840],[930,1080]] as "09:00-14:00 15:30-18:00"; skip: members in front of the hours. */
static const char *
windows_text(struct ctx *c, const json_t *list, size_t skip, int64_t day)
{
    const char *text = "";

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *w = json_array_get(list, i);
        int from = (int)json_integer_value(json_array_get(w, skip)),
            to = (int)json_integer_value(json_array_get(w, skip + 1));
        if (skip == 0 || json_integer_value(json_array_get(w, 0)) == day) {
            text = arena_printf(c->a, "%s%s%02d:%02d-%02d:%02d", text, *text ? " " : "", from / 60, from % 60, to / 60,
                                to % 60);
        }
    }
    return *text ? text : text_said(c->s->tty, N_("closed"));
}

static void
print_facts(struct ctx *c, const json_t *k, bool with_week)
{
    static const char *const days[] = {N_("monday"), N_("tuesday"),  N_("wednesday"), N_("thursday"),
                                       N_("friday"), N_("saturday"), N_("sunday")};
    const char *now = jtext(k, "now"), *queues = jjoin(c->a, jlist(k, "queues"), ", ");
    struct facts *f = facts_new(c);

    facts_text(f, N_("calendar"), jtext(k, "calendar"));
    facts_style(f, STYLE_BOLD);
    facts_text(f, N_("zone"), jtext(k, "zone"));
    facts_text(f, N_("now"), now && strlen(now) == 19 ? arena_printf(c->a, "%.10s %.5s", now, now + 11) : now);
    facts_text(f, N_("is"), text_said(c->s->tty, jbool(k, "open") ? N_("open") : N_("closed")));
    facts_style(f, jbool(k, "open") ? STYLE_GOOD : STYLE_WARN);
    facts_text(f, N_("queues"), queues && *queues ? queues : text_said(c->s->tty, N_("none")));
    for (int64_t i = 0; with_week && i < 7; i++) {
        facts_text(f, days[i], windows_text(c, jlist(k, "week"), 1, i + 1));
    }
    facts_text(f, N_("last holiday"), jtext(k, "last_holiday"));
    facts_print(f);
}

static void
row(struct ctx *c, struct table *tb, const char *what, const char *calendar, const char *date)
{
    table_row(tb);
    table_text(tb, text_said(c->s->tty, what));
    table_text(tb, calendar);
    table_text(tb, date);
}

static const char *
weekday(struct ctx *c, const char *day)
{
    static const char *const days[] = {N_("mon"), N_("tue"), N_("wed"), N_("thu"), N_("fri"), N_("sat"), N_("sun")};

    for (size_t i = 0; day && i < sizeof days / sizeof *days; i++) {
        if (strcmp(day, days[i]) == 0) {
            return text_said(c->s->tty, days[i]);
        }
    }
    return day;
}

static void
add_openings(struct ctx *c, struct table *tb, const json_t *k)
{
    const json_t *list = jlist(k, "openings");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        const char *from = jtext(o, "from"), *to = jtext(o, "to");
        if (!from || strlen(from) != 19 || !to || strlen(to) != 19) {
            continue;
        }
        row(c, tb, N_("opening"), jtext(k, "calendar"), arena_printf(c->a, "%.10s", from));
        table_text(tb, weekday(c, jtext(o, "weekday")));
        table_text(tb, hour_of(c, from, from));
        table_text(tb, hour_of(c, to, from));
        table_span(tb, jnum(o, "seconds"));
        table_text(tb, NULL);
    }
}

static void
add_days(struct ctx *c, struct table *tb, const json_t *k, const char *member, const char *what)
{
    const json_t *list = jlist(k, member);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *d = json_array_get(list, i);
        row(c, tb, what, jtext(k, "calendar"), jtext(d, "date"));
        for (int empty = 0; empty < 3; empty++) {
            table_text(tb, NULL);
        }
        table_span(tb, -1); /* none */
        table_text(tb, jlist(d, "windows") ? windows_text(c, jlist(d, "windows"), 0, 0) : jtext(d, "name"));
    }
}

static void
print_calendar(struct ctx *c, const json_t *k, bool alone)
{
    static const struct col cols[] = {
        {N_("ROW"),  COL_TEXT, 0,  0         },
        {"CALENDAR", COL_TEXT, 0,  COL_HIDDEN},
        {N_("DATE"), COL_TEXT, 0,  0         },
        {N_("DAY"),  COL_TEXT, 0,  2         },
        {N_("FROM"), COL_TEXT, 0,  0         },
        {N_("TO"),   COL_TEXT, 0,  0         },
        {N_("OPEN"), COL_SPAN, 0,  1         },
        {N_("WHAT"), COL_TEXT, 10, 0         },
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);

    print_facts(c, k, alone);
    add_openings(c, tb, k);
    add_days(c, tb, k, "exceptions", N_("exception"));
    add_days(c, tb, k, "holidays", N_("holiday"));
    if (c->s->tty && table_rows(tb) > 0) {
        fputc('\n', c->s->out);
    }
    table_print(tb);
}

bool
run_desk_calendar(struct ctx *c, struct err *e)
{
    const char *name = args_text(c->args, "CALENDAR"), *queues;
    const char *path =
        name ? arena_printf(c->a, "/v1/desk/calendars?name=%s", client_escape(c->a, name)) : "/v1/desk/calendars";
    const json_t *list;
    struct reply r;

    if (!client_get(c->client, path, &r, e)) {
        return false;
    }
    if (api_json(c, &r)) {
        return true;
    }
    list = jlist(r.doc, "calendars");
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (i > 0) {
            fputc('\n', c->s->out);
        }
        print_calendar(c, json_array_get(list, i), name != NULL);
    }
    if (json_array_size(list) == 0) {
        fprintf(c->s->chat, _("there are no calendars: all queues work round the clock\n"));
    }
    queues = jjoin(c->a, jlist(r.doc, "round_the_clock"), ", ");
    if (!name && queues && *queues && json_array_size(list) > 0) {
        fprintf(c->s->after, _("round the clock: %s\n"), text_line(c->a, queues));
    }
    return true;
}
