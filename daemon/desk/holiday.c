/* SPDX-License-Identifier: MIT */
/*
 * iCalendar files become days. libical reads the components; which of them are holidays, and how often a recurrence may
 * repeat, is decided here. Files come from anywhere: the outline is looked at before libical sees it (nesting, so that
 * nothing recurses deeply; lines, so that a mistake has a place), and every loop is bounded.
 */
#include "daemon/desk/holiday.h"

#include <libical/ical.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/i18n.h"
#include "common/strbuf.h"
#include "common/utf8.h"

#define DEPTH_MAX  6
#define EVENTS_MAX 5000
#define STEPS_MAX  1000000 /* that libical may have to go for all recurrences of a file: seconds at worst */
#define BARREN_MAX 8       /* rules that are never met: libical looks for the next day for half a second */
#define SPAN_MAX   400     /* days of one event */

struct days {
    int32_t *v;
    int n, cap;
};

struct reading {
    struct holiday_reader *r;
    const char *text;
    int *lines; /* where the events begin */
    int nlines;
    int steps, barren;
    bool ok;
    /* days taken out of a series by an event of their own */
    struct moved {
        const char *uid;
        int32_t day;
    } * moved;
    int nmoved;
    int cap;
    /* the event at hand */
    icalcomponent *event;
    const char *name;
    int line;
};

/* ---- dates ----------------------------------------------------------------------------------------------------------- */

int32_t
holiday_day(int year, int month, int day)
{
    /* years that begin in March, in eras of 400 */
    int y = year - (month <= 2);
    int era = y / 400;
    int of_era = y - era * 400;
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int
holiday_days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static bool
is_date(int year, int month, int day)
{
    return year >= 1900 && year < 2200 && month >= 1 && month <= 12 && day >= 1 && day <= holiday_days_of(year, month);
}

static bool
digits(const char *s, int n, int *ret)
{
    int v = 0;

    for (int i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return false;
        }
        v = 10 * v + (s[i] - '0');
    }
    *ret = v;
    return true;
}

bool
holiday_date(const char *s, int32_t *ret, const char **ret_end)
{
    int y;
    int m;
    int d;

    if (!digits(s, 4, &y) || s[4] != '-' || !digits(s + 5, 2, &m) || s[7] != '-' || !digits(s + 8, 2, &d) ||
        !is_date(y, m, d)) {
        return false;
    }
    *ret = holiday_day(y, m, d);
    *ret_end = s + 10;
    return true;
}

void
holiday_format(int32_t day, char out[32])
{
    int z = day + 719468;
    int era = z / 146097;
    int of_era = z - era * 146097;
    int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year + year / 4 - year / 100);
    int march = (5 * of_year + 2) / 153;
    int month = march < 10 ? march + 3 : march - 9;

    (void)snprintf(out, 32, "%04d-%02d-%02d", (year + era * 400 + (month <= 2)) % 10000, month,
                   of_year - (153 * march + 2) / 5 + 1);
}

/* ---- what is wrong --------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 0))) static const char *
in_words(struct arena *a, const char *fmt, va_list ap)
{
    struct strbuf sb;
    const char *ret;

    strbuf_init(&sb);
    strbuf_vaddf(&sb, i18n(fmt), ap);
    ret = arena_strdup(a, sb.p);
    strbuf_release(&sb);
    return ret;
}

__attribute__((format(printf, 3, 4))) static void
wrong(struct reading *g, int line, const char *fmt, ...)
{
    va_list ap;

    g->ok = false;
    va_start(ap, fmt);
    g->r->wrong(g->r->arg, line, in_words(g->r->a, fmt, ap));
    va_end(ap);
}

__attribute__((format(printf, 3, 4))) static void
odd(struct reading *g, int line, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g->r->odd(g->r->arg, line, in_words(g->r->a, fmt, ap));
    va_end(ap);
}

/* A name for people: one line, cut to 100 bytes. */
static const char *
name_of(struct arena *a, const char *s)
{
    char *name = arena_alloc(a, 101);
    size_t n = s != NULL ? strlen(s) : 0;
    size_t k = 0;

    for (size_t i = 0; i < n && k < 100; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c > ' ' && c != 0x7f) {
            name[k++] = s[i];
        } else if (k > 0 && name[k - 1] != ' ') {
            name[k++] = ' ';
        }
    }
    k = utf8_cut(name, k);
    while (k > 0 && name[k - 1] == ' ') {
        k--;
    }
    name[k] = '\0';
    return k > 0 ? name : "holiday";
}

/* ---- the outline ------------------------------------------------------------------------------------------------------- */

struct outline {
    char open[DEPTH_MAX][24];
    int depth;
};

/* Length of a line of the file without its end; *ret_next: the line after it. */
static size_t
line_length(const char *s, const char *end, const char **ret_next)
{
    const char *nl = memchr(s, '\n', (size_t)(end - s));
    size_t n = (size_t)((nl != NULL ? nl : end) - s);

    *ret_next = nl != NULL ? nl + 1 : end;
    while (n > 0 && (s[n - 1] == '\r' || s[n - 1] == ' ' || s[n - 1] == '\t')) {
        n--;
    }
    return n;
}

/* One BEGIN or END; false: wrong, said. */
static bool
look_at_line(struct reading *g, struct outline *o, int line, const char *s, size_t n)
{
    bool begins = n > 6 && strncasecmp(s, "BEGIN:", 6) == 0;
    const char *name = s + (begins ? 6 : 4);
    size_t k = n - (begins ? 6 : 4);

    if (!begins && !(n > 4 && strncasecmp(s, "END:", 4) == 0)) {
        return true;
    }
    if (k >= sizeof(o->open[0])) {
        wrong(g, line, "a component with such a name is not known");
        return false;
    }
    if (!begins) {
        if (o->depth == 0 || strncasecmp(o->open[o->depth - 1], name, k) != 0 || o->open[o->depth - 1][k] != '\0') {
            wrong(g, line, "END:%.*s ends nothing that has begun", (int)k, name);
            return false;
        }
        o->depth--;
        return true;
    }
    if (o->depth == DEPTH_MAX) {
        wrong(g, line, "components are nested too deeply");
        return false;
    }
    memcpy(o->open[o->depth], name, k);
    o->open[o->depth++][k] = '\0';
    if (strcasecmp(o->open[o->depth - 1], "VEVENT") == 0) {
        if (g->nlines == EVENTS_MAX) {
            wrong(g, line, "there are more than 5000 events");
            return false;
        }
        g->lines[g->nlines++] = line;
    }
    return true;
}

/* Is it an iCalendar file in which all that begins ends? */
static bool
look_at_outline(struct reading *g, const char *text, size_t n)
{
    struct outline o = {.depth = 0};
    const char *end = text + n;
    const char *next;
    int line = 1;

    for (const char *s = text; s < end; s = next, line++) {
        size_t k = line_length(s, end, &next);
        if (line == 1 && (k != 15 || strncasecmp(s, "BEGIN:VCALENDAR", 15) != 0)) {
            wrong(g, 1, "this is no iCalendar file: it does not begin with BEGIN:VCALENDAR");
            return false;
        }
        if (!look_at_line(g, &o, line, s, k)) {
            return false;
        }
    }
    if (line == 1) {
        wrong(g, 0, "the file is empty");
        return false;
    }
    if (o.depth > 0) {
        wrong(g, line - 1, "the file ends before END:%s", o.open[o.depth - 1]);
        return false;
    }
    return true;
}

/* ---- days of an event -------------------------------------------------------------------------------------------------- */

static void
days_add(struct arena *a, struct days *d, int32_t day)
{
    if (d->n == d->cap) {
        int32_t *old = d->v;
        d->cap = d->cap > 0 ? 2 * d->cap : 16;
        d->v = ARENA_ARRAY(a, d->cap, int32_t);
        if (d->n > 0) {
            memcpy(d->v, old, (size_t)d->n * sizeof(*old));
        }
    }
    d->v[d->n++] = day;
}

static int
compare_days(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

static void
days_sort(struct days *d)
{
    if (d->n > 1) {
        qsort(d->v, (size_t)d->n, sizeof(*d->v), compare_days);
    }
}

static bool
days_have(const struct days *sorted, int32_t day)
{
    return sorted->n > 0 && bsearch(&day, sorted->v, (size_t)sorted->n, sizeof(day), compare_days) != NULL;
}

static bool
day_of(struct icaltimetype t, int32_t *ret)
{
    if (icaltime_is_null_time(t) || !is_date(t.year, t.month, t.day)) {
        return false;
    }
    *ret = holiday_day(t.year, t.month, t.day);
    return true;
}

static bool
is_midnight(struct icaltimetype t)
{
    return t.is_date || (t.hour == 0 && t.minute == 0 && t.second == 0);
}

/* Where it begins and how many days it takes; false: not a holiday, or wrong (said). */
static bool
event_span(struct reading *g, struct icaltimetype *ret_start, int32_t *ret_day, int *ret_span)
{
    icalproperty *start = icalcomponent_get_first_property(g->event, ICAL_DTSTART_PROPERTY);
    icalproperty *end = icalcomponent_get_first_property(g->event, ICAL_DTEND_PROPERTY);
    icalproperty *length = icalcomponent_get_first_property(g->event, ICAL_DURATION_PROPERTY);
    int32_t until;
    int seconds = 86400;

    if (start == NULL || !day_of(*ret_start = icalproperty_get_dtstart(start), ret_day)) {
        wrong(g, g->line, "'%s' begins on no valid date (DTSTART)", g->name);
        return false;
    }
    *ret_span = 1;
    if (end != NULL) {
        struct icaltimetype t = icalproperty_get_dtend(end);
        if (!day_of(t, &until) || until < *ret_day) {
            wrong(g, g->line, "'%s' ends on no valid date, or before it begins (DTEND)", g->name);
            return false;
        }
        seconds = is_midnight(t) ? 86400 : 1;
        *ret_span = until > *ret_day ? until - *ret_day : 1;
    } else if (length != NULL) {
        struct icaldurationtype d = icalproperty_get_duration(length);
        bool fits = !d.is_neg && d.weeks <= 60 && d.days <= 500 && d.hours <= 10000 && d.minutes == 0 && d.seconds == 0;
        int hours = fits ? (int)(24 * (7 * d.weeks + d.days) + d.hours) : 1;
        seconds = hours % 24 != 0 || hours == 0 ? 1 : 86400;
        *ret_span = hours / 24;
    }
    if (!is_midnight(*ret_start) || seconds != 86400) {
        odd(g, g->line, "'%s' is left out: only whole days are holidays", g->name);
        return false;
    }
    if (*ret_span > SPAN_MAX) {
        wrong(g, g->line, "'%s' takes more than %d days", g->name, SPAN_MAX);
        return false;
    }
    return true;
}

/* Does it say more than how often? Without such parts the next day is always at hand. */
static bool
has_parts(const struct icalrecurrencetype *rule)
{
    return rule->by_day[0] != ICAL_RECURRENCE_ARRAY_MAX || rule->by_month_day[0] != ICAL_RECURRENCE_ARRAY_MAX ||
           rule->by_month[0] != ICAL_RECURRENCE_ARRAY_MAX || rule->by_year_day[0] != ICAL_RECURRENCE_ARRAY_MAX ||
           rule->by_week_no[0] != ICAL_RECURRENCE_ARRAY_MAX || rule->by_set_pos[0] != ICAL_RECURRENCE_ARRAY_MAX;
}

/* What it may cost to look for its days: day by day, for yearly ones in longer strides. */
static bool
may_expand(struct reading *g, const struct icalrecurrencetype *rule, struct icaltimetype start)
{
    int years = start.year < 2070 ? 2070 - start.year : 0;

    if (rule->freq != ICAL_YEARLY_RECURRENCE && rule->freq != ICAL_MONTHLY_RECURRENCE &&
        rule->freq != ICAL_WEEKLY_RECURRENCE && rule->freq != ICAL_DAILY_RECURRENCE) {
        wrong(g, g->line, "'%s' repeats neither daily, weekly, monthly nor yearly", g->name);
        return false;
    }
    if (g->barren > BARREN_MAX) {
        return false; /* said */
    }
    g->steps += years * (rule->freq == ICAL_YEARLY_RECURRENCE ? 75 : 366);
    if (g->steps > STEPS_MAX) {
        wrong(g, g->line, "'%s' is one recurrence too many: write days without a rule", g->name);
        return false;
    }
    return true;
}

/* All days of a recurrence; false: wrong, said. */
static bool
expand(struct reading *g, struct icalrecurrencetype rule, struct icaltimetype start, struct days *ret)
{
    icalrecur_iterator *it;
    struct icaltimetype t;
    int left = rule.count > 0 ? rule.count : INT_MAX;
    int32_t day;
    int n = 0;

    if (!may_expand(g, &rule, start)) {
        return false;
    }
    rule.count = 0; /* libical minds an end only where there is no count */
    if (icaltime_is_null_time(rule.until) || rule.until.year > 2070) {
        rule.until = icaltime_null_date();
        rule.until.year = 2070;
        rule.until.month = 1;
        rule.until.day = 1;
    }
    it = icalrecur_iterator_new(rule, start);
    if (it == NULL) {
        wrong(g, g->line, "'%s' repeats by a rule that cannot be understood", g->name);
        return false;
    }
    for (t = icalrecur_iterator_next(it); day_of(t, &day) && day <= HOLIDAY_LAST && left-- > 0;
         t = icalrecur_iterator_next(it), n++) {
        if (day >= HOLIDAY_FIRST - SPAN_MAX) {
            days_add(g->r->a, ret, day);
        }
    }
    icalrecur_iterator_free(it);
    if (n <= 1 && has_parts(&rule) && ++g->barren > BARREN_MAX) {
        wrong(g, g->line, "'%s' and %d others before it recur once or never: write days without a rule", g->name,
              BARREN_MAX);
        return false;
    }
    return true;
}

/* The days on which an event begins: its first one, those of its rules and of RDATE. */
static bool
event_starts(struct reading *g, struct icaltimetype start, int32_t day, struct days *ret)
{
    icalproperty *p = icalcomponent_get_first_property(g->event, ICAL_RRULE_PROPERTY);

    days_add(g->r->a, ret, day);
    for (; p != NULL; p = icalcomponent_get_next_property(g->event, ICAL_RRULE_PROPERTY)) {
        if (!expand(g, icalproperty_get_rrule(p), start, ret)) {
            return false;
        }
    }
    for (p = icalcomponent_get_first_property(g->event, ICAL_RDATE_PROPERTY); p != NULL;
         p = icalcomponent_get_next_property(g->event, ICAL_RDATE_PROPERTY)) {
        struct icaldatetimeperiodtype t = icalproperty_get_rdate(p);
        if (!day_of(icaltime_is_null_time(t.time) ? t.period.start : t.time, &day)) {
            wrong(g, g->line, "'%s' has a date that is not valid (RDATE)", g->name);
            return false;
        }
        days_add(g->r->a, ret, day);
    }
    return true;
}

/* The days taken out of the series. */
static bool
event_except(struct reading *g, struct icaltimetype start, struct days *ret)
{
    const char *uid = icalcomponent_get_uid(g->event);
    icalproperty *p = icalcomponent_get_first_property(g->event, ICAL_EXDATE_PROPERTY);
    int32_t day;

    for (; p != NULL; p = icalcomponent_get_next_property(g->event, ICAL_EXDATE_PROPERTY)) {
        if (!day_of(icalproperty_get_exdate(p), &day)) {
            wrong(g, g->line, "'%s' has a date that is not valid (EXDATE)", g->name);
            return false;
        }
        days_add(g->r->a, ret, day);
    }
    for (p = icalcomponent_get_first_property(g->event, ICAL_EXRULE_PROPERTY); p != NULL;
         p = icalcomponent_get_next_property(g->event, ICAL_EXRULE_PROPERTY)) {
        if (!expand(g, icalproperty_get_exrule(p), start, ret)) {
            return false;
        }
    }
    for (int i = 0; uid != NULL && i < g->nmoved; i++) {
        if (strcmp(g->moved[i].uid, uid) == 0) {
            days_add(g->r->a, ret, g->moved[i].day);
        }
    }
    return true;
}

static bool
put(struct reading *g, int32_t day, const char *name)
{
    struct holiday_reader *r = g->r;

    if (day < HOLIDAY_FIRST || day > HOLIDAY_LAST) {
        return true;
    }
    if (r->n == HOLIDAY_MAX) {
        wrong(g, g->line, "the file has more than 5000 holidays");
        return false;
    }
    if (r->n == g->cap) {
        struct holiday *old = r->v;
        g->cap = g->cap > 0 ? 2 * g->cap : 64;
        r->v = ARENA_ARRAY(r->a, g->cap, struct holiday);
        if (r->n > 0) {
            memcpy(r->v, old, (size_t)r->n * sizeof(*old));
        }
    }
    r->v[r->n++] = (struct holiday){day, name};
    return true;
}

/* What libical could not read of what we need; it keeps the reasons among the properties. */
static bool
event_is_read(struct reading *g)
{
    static const char *const needed[] = {"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "RECUR"};
    icalproperty *p = icalcomponent_get_first_property(g->event, ICAL_XLICERROR_PROPERTY);

    for (; p != NULL; p = icalcomponent_get_next_property(g->event, ICAL_XLICERROR_PROPERTY)) {
        const char *text = icalproperty_get_xlicerror(p);
        for (size_t i = 0; text != NULL && i < sizeof(needed) / sizeof(needed[0]); i++) {
            if (strstr(text, needed[i]) != NULL) {
                wrong(g, g->line, "'%s' has a %s that cannot be understood", g->name,
                      strcmp(needed[i], "RECUR") == 0 ? "RRULE" : needed[i]);
                return false;
            }
        }
    }
    return true;
}

static bool
read_event(struct reading *g)
{
    struct icaltimetype start;
    struct days starts = {NULL, 0, 0};
    struct days except = {NULL, 0, 0};
    int32_t day;
    int span;

    if (icalcomponent_get_status(g->event) == ICAL_STATUS_CANCELLED || !event_is_read(g) ||
        !event_span(g, &start, &day, &span) || !event_starts(g, start, day, &starts)) {
        return true;
    }
    /* an event that replaces one of a series stands for itself */
    if (icalcomponent_get_first_property(g->event, ICAL_RECURRENCEID_PROPERTY) == NULL &&
        !event_except(g, start, &except)) {
        return true;
    }
    days_sort(&except);
    for (int i = 0; i < starts.n; i++) {
        bool stays = !days_have(&except, starts.v[i]);
        for (int k = 0; stays && k < span; k++) {
            if (!put(g, starts.v[i] + k, g->name)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- the file ------------------------------------------------------------------------------------------------------------ */

/* Each event of a component and below it, in the order of the file; stops when fn says so. */
static bool
each_event(struct reading *g, icalcomponent *c, int *n, bool (*fn)(struct reading *g))
{
    for (icalcompiter i = icalcomponent_begin_component(c, ICAL_ANY_COMPONENT); icalcompiter_deref(&i) != NULL;
         (void)icalcompiter_next(&i)) {
        icalcomponent *child = icalcompiter_deref(&i);
        icalcomponent_kind kind = icalcomponent_isa(child);
        if (kind == ICAL_VCALENDAR_COMPONENT && !each_event(g, child, n, fn)) {
            return false;
        }
        if (kind == ICAL_VEVENT_COMPONENT) {
            g->event = child;
            g->line = *n < g->nlines ? g->lines[*n] : 0;
            (*n)++;
            g->name = name_of(g->r->a, icalcomponent_get_summary(child));
            if (!fn(g)) {
                return false;
            }
        }
    }
    return true;
}

static bool
note_moved(struct reading *g)
{
    icalproperty *p = icalcomponent_get_first_property(g->event, ICAL_RECURRENCEID_PROPERTY);
    const char *uid = icalcomponent_get_uid(g->event);
    int32_t day;

    if (p != NULL && uid != NULL && day_of(icalproperty_get_recurrenceid(p), &day)) {
        g->moved[g->nmoved++] = (struct moved){arena_strdup(g->r->a, uid), day};
    }
    return true;
}

static int
by_day(const void *a, const void *b)
{
    const struct holiday *x = a;
    const struct holiday *y = b;
    int order = (x->day > y->day) - (x->day < y->day);

    return order != 0 ? order : strcmp(x->name, y->name);
}

/* In order, one a day. */
static void
sort(struct holiday_reader *r)
{
    int n = 0;

    if (r->n > 0) {
        qsort(r->v, (size_t)r->n, sizeof(*r->v), by_day);
    }
    for (int i = 0; i < r->n; i++) {
        if (n == 0 || r->v[n - 1].day != r->v[i].day) {
            r->v[n++] = r->v[i];
        }
    }
    r->n = n;
}

static bool
is_text(const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t k = text[i] != '\0' ? utf8_len(text + i, n - i) : 0;
        if (k == 0) {
            return false;
        }
        i += k;
    }
    return true;
}

bool
holiday_read(struct holiday_reader *r, const char *text, size_t n)
{
    struct reading g = {.r = r, .text = text, .ok = true};
    icalcomponent *root;
    int k = 0;

    r->v = NULL;
    r->n = 0;
    if (n > HOLIDAY_FILE_MAX) {
        wrong(&g, 0, "the file is larger than 256 KiB");
        return false;
    }
    if (!is_text(text, n)) {
        wrong(&g, 0, "the file is not valid UTF-8");
        return false;
    }
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        n -= 3;
    }
    g.lines = ARENA_ARRAY(r->a, EVENTS_MAX, int);
    g.moved = ARENA_ARRAY(r->a, EVENTS_MAX, struct moved);
    if (!look_at_outline(&g, text, n)) {
        return false;
    }
    icalerror_set_errors_are_fatal(false);
    root = icalparser_parse_string(arena_strndup(r->a, text, n));
    if (root == NULL) {
        wrong(&g, 0, "this is no iCalendar file");
        return false;
    }
    if (icalcomponent_isa(root) == ICAL_VCALENDAR_COMPONENT || icalcomponent_isa(root) == ICAL_XROOT_COMPONENT) {
        (void)each_event(&g, root, &k, note_moved);
        k = 0;
        (void)each_event(&g, root, &k, read_event);
    }
    icalcomponent_free(root);
    icalmemory_free_ring();
    sort(r);
    if (g.ok && r->n == 0) {
        odd(&g, 0, "there is no holiday in the file");
    }
    return g.ok;
}
