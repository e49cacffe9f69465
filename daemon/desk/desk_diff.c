/* SPDX-License-Identifier: MIT */
/*
 * What changes from one desk to another, in sentences for the person who is about to apply it. Things are the same when
 * their names are: departments, queues, rules.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/i18n.h"
#include "common/names.h"
#include "common/parse.h"
#include "common/strbuf.h"
#include "common/xalloc.h"
#include "daemon/desk/desk.h"
#include "daemon/desk/desk_lane.h"

struct diff {
    const struct desk *from, *to;
    struct arena *a;
    const char **v;
    size_t n, cap;
};

__attribute__((format(printf, 2, 3))) static void
say(struct diff *d, const char *fmt, ...)
{
    struct strbuf sb;
    va_list ap;

    if (d->n + 1 >= d->cap) {
        const char **old = d->v;
        d->cap = d->cap > 0 ? 2 * d->cap : 16;
        d->v = ARENA_ARRAY(d->a, d->cap, const char *);
        if (d->n > 0) {
            memcpy(d->v, old, d->n * sizeof(*old));
        }
    }
    strbuf_init(&sb);
    va_start(ap, fmt);
    strbuf_vaddf(&sb, i18n(fmt), ap);
    va_end(ap);
    d->v[d->n++] = arena_strdup(d->a, sb.p);
    strbuf_release(&sb);
}

static bool
has(const char *const *list, const char *s)
{
    for (; *list != NULL; list++) {
        if (strcmp(*list, s) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* "'ana', 'luis'" of what is in list but not in other; the number of them. */
static int
names_only_in(struct strbuf *sb, const char *const *list, const char *const *other)
{
    int n = 0;

    strbuf_clear(sb);
    for (; *list != NULL; list++) {
        if (!has(other, *list)) {
            strbuf_addf(sb, "%s'%s'", n++ > 0 ? ", " : "", *list);
        }
    }
    return n;
}

enum thing { DEPARTMENT, QUEUE, PERSON };

static void
diff_list(struct diff *d, enum thing thing, const char *name, const char *what, const char *const *from,
          const char *const *to)
{
    struct strbuf sb;

    strbuf_init(&sb);
    if (names_only_in(&sb, to, from) > 0) {
        say(d,
            thing == DEPARTMENT ? N_("department '%s' gains %s %s")
            : thing == QUEUE    ? N_("queue '%s' gains %s %s")
                                : N_("person '%s' gains %s %s"),
            name, what, sb.p);
    }
    if (names_only_in(&sb, from, to) > 0) {
        say(d,
            thing == DEPARTMENT ? N_("department '%s' loses %s %s")
            : thing == QUEUE    ? N_("queue '%s' loses %s %s")
                                : N_("person '%s' loses %s %s"),
            name, what, sb.p);
    }
    strbuf_release(&sb);
}

/* As in the file: "1d12h", nothing rounded. */
static void
time_text(int64_t usec, char ret[64])
{
    static const struct {
        int64_t usec;
        const char *name;
    } units[] = {
        {USEC_DAY,  "d" },
        {USEC_HOUR, "h" },
        {USEC_MIN,  "m" },
        {USEC_SEC,  "s" },
        {1000,      "ms"}
    };
    int n = 0;

    (void)snprintf(ret, 64, "%s", usec == USEC_NONE ? "none" : "0s");
    for (size_t i = 0; usec > 0 && i < sizeof(units) / sizeof(units[0]); i++) {
        if (usec >= units[i].usec) {
            n += snprintf(ret + n, 64 - (size_t)n, "%lld%s", (long long)(usec / units[i].usec), units[i].name);
            usec %= units[i].usec;
        }
    }
}

static void
diff_time(struct diff *d, const char *queue, const char *what, int64_t from, int64_t to)
{
    char a[64];
    char b[64];

    if (from != to) {
        time_text(from, a);
        time_text(to, b);
        say(d, "queue '%s': %s was %s, becomes %s", queue, what, a, b);
    }
}

static void
diff_queue(struct diff *d, const struct desk_queue *from, const struct desk_queue *to)
{
    if (!is_same(from->title, to->title)) {
        say(d, "queue '%s': title becomes '%s'", to->name, to->title);
    }
    if (from->is_private != to->is_private) {
        say(d, to->is_private ? N_("queue '%s' becomes private") : N_("queue '%s' becomes visible to all"), to->name);
    }
    for (int p = PRIORITY_URGENT; p <= PRIORITY_LOW; p++) {
        char *text = xasprintf(_("target of %s"), priority_name(p));
        diff_time(d, to->name, text, from->targets[p], to->targets[p]);
        free(text);
    }
    diff_time(d, to->name, "age_cap", from->age_cap, to->age_cap);
    diff_time(d, to->name, "burst", from->burst, to->burst);
    diff_time(d, to->name, "offer_limit", from->offer_limit, to->offer_limit);
    diff_time(d, to->name, "idle_limit", from->idle_limit, to->idle_limit);
    diff_time(d, to->name, "auto_close", from->auto_close, to->auto_close);
    diff_list(d, QUEUE, to->name, "languages", from->languages, to->languages);
    diff_time(d, to->name, "sticky", from->sticky, to->sticky);
    if (from->weight != to->weight) {
        say(d, "queue '%s': weight was %d, becomes %d", to->name, from->weight, to->weight);
    }
    if (!json_equal(from->widen, to->widen) && (json_array_size(from->widen) > 0 || json_array_size(to->widen) > 0)) {
        say(d, "queue '%s' changes in widen", to->name);
    }
    if (from->agents_may_take != to->agents_may_take) {
        say(d,
            to->agents_may_take ? N_("queue '%s': agents, too, may take requests out of turn")
                                : N_("queue '%s': only leads may take requests out of turn"),
            to->name);
    }
    if (!is_same(from->calendar, to->calendar) && to->calendar == NULL) {
        say(d, "queue '%s': calendar was '%s', becomes round the clock", to->name, from->calendar);
    } else if (!is_same(from->calendar, to->calendar) && from->calendar == NULL) {
        say(d, "queue '%s': calendar was round the clock, becomes '%s'", to->name, to->calendar);
    } else if (!is_same(from->calendar, to->calendar)) {
        say(d, "queue '%s': calendar was '%s', becomes '%s'", to->name, from->calendar, to->calendar);
    }
    if (strcmp(from->department->name, to->department->name) != 0) {
        say(d, "queue '%s' goes from department '%s' to '%s'", to->name, from->department->name, to->department->name);
    }
}

static void
diff_departments(struct diff *d)
{
    for (int i = 0; i < d->to->ndepartments; i++) {
        const struct desk_department *to = &d->to->departments[i];
        const struct desk_department *from = desk_department(d->from, to->name);
        static const char *const nothing[] = {NULL};
        if (from == NULL) {
            say(d, "department '%s' is new", to->name);
        } else if (!is_same(from->title, to->title)) {
            say(d, "department '%s': title becomes '%s'", to->name, to->title);
        }
        diff_list(d, DEPARTMENT, to->name, "groups", from != NULL ? from->groups : nothing, to->groups);
        diff_list(d, DEPARTMENT, to->name, "lead_groups", from != NULL ? from->lead_groups : nothing, to->lead_groups);
        diff_list(d, DEPARTMENT, to->name, "members", from != NULL ? from->members : nothing, to->members);
        diff_list(d, DEPARTMENT, to->name, "leads", from != NULL ? from->leads : nothing, to->leads);
    }
    for (int i = 0; i < d->from->ndepartments; i++) {
        if (desk_department(d->to, d->from->departments[i].name) == NULL) {
            say(d, "department '%s' leaves", d->from->departments[i].name);
        }
    }
}

static void
diff_queues(struct diff *d)
{
    for (int i = 0; i < d->to->nqueues; i++) {
        const struct desk_queue *to = &d->to->queues[i];
        const struct desk_queue *from = desk_queue(d->from, to->name);
        if (from == NULL) {
            say(d,
                to->is_private ? N_("private queue '%s' is new in department '%s'")
                               : N_("queue '%s' is new in department '%s'"),
                to->name, to->department->name);
        } else {
            diff_queue(d, from, to);
        }
    }
    for (int i = 0; i < d->from->nqueues; i++) {
        const char *name = d->from->queues[i].name;
        const char *now;
        if (desk_queue(d->to, name) != NULL) {
            continue;
        }
        if (desk_asked_name(d->to, name, &now, NULL) && desk_queue(d->to, now) != NULL) {
            say(d, "queue '%s' leaves; its open requests go to '%s'", name, now);
        } else {
            say(d, "queue '%s' leaves", name);
        }
    }
    for (int i = 0; i < d->to->nmoved; i++) {
        const struct desk_moved *m = &d->to->moved[i];
        for (int k = 0; k < d->from->nmoved; k++) {
            if (strcmp(d->from->moved[k].name, m->name) == 0 && strcmp(d->from->moved[k].to->name, m->to->name) != 0) {
                say(d, "the name '%s' now leads to '%s'", m->name, m->to->name);
            }
        }
    }
}

static void
diff_capacity(struct diff *d, const char *name, int from, int to)
{
    if (from == to) {
        return;
    }
    if (to == 0) {
        say(d, "person '%s' may hold as much as they like", name);
    } else {
        say(d, "person '%s' has a capacity of %d", name, to);
    }
}

static void
diff_people(struct diff *d)
{
    static const char *const nothing[] = {NULL};

    for (int i = 0; i < d->to->npeople; i++) {
        const struct desk_person *to = &d->to->people[i];
        const struct desk_person *from = desk_person(d->from, to->name);
        diff_list(d, PERSON, to->name, "skills", from != NULL ? from->skills : nothing, to->skills);
        diff_capacity(d, to->name, from != NULL ? from->capacity : 0, to->capacity);
    }
    for (int i = 0; i < d->from->npeople; i++) {
        const struct desk_person *from = &d->from->people[i];
        if (desk_person(d->to, from->name) == NULL) {
            diff_list(d, PERSON, from->name, "skills", from->skills, nothing);
            diff_capacity(d, from->name, from->capacity, 0);
        }
    }
}

static void
diff_defaults(struct diff *d)
{
    const char *from = d->from->default_queue != NULL ? d->from->default_queue->name : NULL;
    const char *to = d->to->default_queue != NULL ? d->to->default_queue->name : NULL;

    if (!is_same(from, to)) {
        say(d, "default_queue becomes '%s'", to != NULL ? to : "none");
    }
    from = d->from->default_department != NULL ? d->from->default_department->name : NULL;
    to = d->to->default_department != NULL ? d->to->default_department->name : NULL;
    if (!is_same(from, to)) {
        if (to != NULL) {
            say(d, "users in no department belong to '%s'", to);
        } else {
            say(d, "users in no department are refused");
        }
    }
    static const char *const none[] = {NULL};
    const char *const *was = d->from->admin_groups != NULL ? d->from->admin_groups : none;
    const char *const *is = d->to->admin_groups != NULL ? d->to->admin_groups : none;
    struct strbuf sb;

    strbuf_init(&sb);
    if (names_only_in(&sb, is, was) > 0) {
        say(d, "administrators are now also the groups %s", sb.p);
    }
    if (names_only_in(&sb, was, is) > 0) {
        say(d, "administrators are no longer the groups %s", sb.p);
    }
    strbuf_release(&sb);
}

/* ---- calendars and rules: their documents are compared ------------------------------------------------------------------------------- */

static const json_t *
rules_of(const struct desk *d)
{
    return json_object_get(d->document, "rules");
}

static const json_t *
calendars_of(const struct desk *d)
{
    return json_object_get(d->document, "calendars");
}

static const char *
name_of(const json_t *rules, size_t i)
{
    const char *s = json_string_value(json_object_get(json_array_get(rules, i), "name"));

    return s != NULL ? s : "?";
}

/* Place of a rule by name; -1. */
static int
place_of(const json_t *rules, const char *name)
{
    for (size_t i = 0; i < json_array_size(rules); i++) {
        if (strcmp(name_of(rules, i), name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* The members in which two rules differ. */
static void
diff_rule(struct diff *d, const char *name, const json_t *from, json_t *to)
{
    struct strbuf sb;
    const char *member;
    json_t *value;

    strbuf_init(&sb);
    json_object_foreach(to, member, value) {
        const json_t *old = json_object_get(from, member);
        if (!json_equal(value, old)) {
            strbuf_addf(&sb, "%s%s", sb.n > 0 ? ", " : "", member);
        }
    }
    if (sb.n > 0) {
        say(d, "rule '%s' changes in %s", name, sb.p);
    }
    strbuf_release(&sb);
}

/* Does the order of the rules in both desks change? */
static bool
order_changes(const json_t *from, const json_t *to)
{
    int last = -1;

    for (size_t i = 0; i < json_array_size(to); i++) {
        int place = place_of(from, name_of(to, i));
        if (place >= 0 && place < last) {
            return true;
        }
        last = place >= 0 ? place : last;
    }
    return false;
}

static void
diff_rules(struct diff *d)
{
    const json_t *from = rules_of(d->from);
    const json_t *to = rules_of(d->to);

    for (size_t i = 0; i < json_array_size(to); i++) {
        const char *name = name_of(to, i);
        int place = place_of(from, name);
        if (place < 0) {
            say(d, "rule '%s' is new, in place %zu", name, i + 1);
        } else {
            diff_rule(d, name, json_array_get(from, (size_t)place), json_array_get(to, i));
        }
    }
    for (size_t i = 0; i < json_array_size(from); i++) {
        if (place_of(to, name_of(from, i)) < 0) {
            say(d, "rule '%s' is gone", name_of(from, i));
        }
    }
    if (order_changes(from, to)) {
        struct strbuf sb;
        strbuf_init(&sb);
        for (size_t i = 0; i < json_array_size(to); i++) {
            strbuf_addf(&sb, "%s'%s'", i > 0 ? ", " : "", name_of(to, i));
        }
        say(d, "the order of rules becomes %s", sb.p);
        strbuf_release(&sb);
    }
}

/* Days (holidays or exceptions) in list that other does not have as they are: "2026-12-24, 2026-12-31", of many the first
 * ones; the number of them. */
static size_t
days_only_in(struct strbuf *sb, const json_t *list, const json_t *other)
{
    size_t n = 0;

    strbuf_clear(sb);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *day = json_array_get(list, i);
        bool is_there = false;
        for (size_t k = 0; k < json_array_size(other) && !is_there; k++) {
            is_there = json_equal(day, json_array_get(other, k));
        }
        if (!is_there && n++ < 5) {
            strbuf_addf(sb, "%s%s", sb->n > 0 ? ", " : "", json_string_value(json_array_get(day, 0)));
        }
    }
    if (n > 5) {
        strbuf_addf(sb, _(" and %zu more"), n - 5);
    }
    return n;
}

static void
diff_days(struct diff *d, const char *name, const char *what, const json_t *from, const json_t *to)
{
    struct strbuf sb;

    strbuf_init(&sb);
    if (days_only_in(&sb, to, from) > 0) {
        say(d, "calendar '%s' gains %s %s", name, what, sb.p);
    }
    if (days_only_in(&sb, from, to) > 0) {
        say(d, "calendar '%s' loses %s %s", name, what, sb.p);
    }
    strbuf_release(&sb);
}

static void
diff_calendar(struct diff *d, const char *name, const json_t *from, const json_t *to)
{
    const char *zone = json_string_value(json_object_get(from, "zone"));
    const char *now = json_string_value(json_object_get(to, "zone"));

    if (!is_same(zone, now)) {
        say(d, "calendar '%s': zone was %s, becomes %s", name, zone != NULL ? zone : "?", now != NULL ? now : "?");
    }
    if (!json_equal(json_object_get(from, "week"), json_object_get(to, "week"))) {
        say(d, "calendar '%s' has other hours of the week", name);
    }
    diff_days(d, name, "holidays", json_object_get(from, "holidays"), json_object_get(to, "holidays"));
    diff_days(d, name, "exceptions", json_object_get(from, "exceptions"), json_object_get(to, "exceptions"));
}

static void
diff_calendars(struct diff *d)
{
    const json_t *from = calendars_of(d->from);
    const json_t *to = calendars_of(d->to);

    for (size_t i = 0; i < json_array_size(to); i++) {
        const char *name = name_of(to, i);
        int place = place_of(from, name);
        if (place < 0) {
            say(d, "calendar '%s' is new", name);
        } else {
            diff_calendar(d, name, json_array_get(from, (size_t)place), json_array_get(to, i));
        }
    }
    for (size_t i = 0; i < json_array_size(from); i++) {
        if (place_of(to, name_of(from, i)) < 0) {
            say(d, "calendar '%s' is gone", name_of(from, i));
        }
    }
}

const char *const *
desk_diff(const struct desk *from, const struct desk *to, struct arena *a)
{
    struct diff d = {.from = from, .to = to, .a = a};

    diff_departments(&d);
    diff_queues(&d);
    diff_people(&d);
    diff_defaults(&d);
    diff_calendars(&d);
    diff_rules(&d);
    if (d.n == 0) {
        return ARENA_ARRAY(a, 1, const char *);
    }
    d.v[d.n] = NULL;
    return d.v;
}
