/* SPDX-License-Identifier: MIT */
/*
 * The calendars of desk.conf: their texts ("mon-fri 09:00-14:00", "2026-12-25 Christmas", "es.ics") become windows and
 * days, and it is judged who uses them. The document gets everything resolved, in the form that
 * sql/functions/calendar.sql reads. Whether a time zone is there, only the database knows: desk_judge.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/beside.h"
#include "common/err.h"
#include "common/i18n.h"
#include "common/parse.h"
#include "daemon/desk/deskfile_model.h"
#include "daemon/desk/holiday.h"

#define CALENDARS_MAX 100
#define WINDOWS_MAX   24 /* a day */
#define SOON          90 /* days: holidays that end within are worth a warning */
#define NONE          "none"

static const char *const weekdays[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

struct judge {
    struct f_desk *d;
    const struct deskfile_input *in;
    struct findings *f;
};

/* ---- texts ------------------------------------------------------------------------------------------------------------- */

static void
skip_blanks(const char **p)
{
    while (**p == ' ') {
        (*p)++;
    }
}

/* "09:00" or "9:00", up to "24:00". */
static bool
read_minutes(const char **p, int *ret)
{
    const char *s = *p;
    int h = 0;
    int n = 0;

    while (n < 2 && isdigit((unsigned char)s[n])) {
        h = 10 * h + (s[n++] - '0');
    }
    if (n == 0 || s[n] != ':' || !isdigit((unsigned char)s[n + 1]) || !isdigit((unsigned char)s[n + 2])) {
        return false;
    }
    *ret = h * 60 + 10 * (s[n + 1] - '0') + (s[n + 2] - '0');
    *p = s + n + 3;
    return s[n + 1] < '6' && *ret <= 24 * 60;
}

static int
by_from(const void *a, const void *b)
{
    const struct cal_window *x = a;
    const struct cal_window *y = b;

    return (x->from > y->from) - (x->from < y->from);
}

/* One window more, in order; false: it meets another one (said) or there are too many (said). */
static bool
add_window(struct judge *j, const struct f_text *t, struct cal_windows *list, struct cal_window w, const char *day)
{
    if (list->v == NULL) {
        list->v = ARENA_ARRAY(j->f->a, WINDOWS_MAX, struct cal_window);
    }
    for (int i = 0; i < list->n; i++) {
        if (w.from < list->v[i].to && list->v[i].from < w.to) {
            found_mistake(j->f, &t->at, "'%s' meets %02d:%02d-%02d:%02d, which is open on %s already", t->s,
                          list->v[i].from / 60, list->v[i].from % 60, list->v[i].to / 60, list->v[i].to % 60, day);
            return false;
        }
    }
    if (list->n == WINDOWS_MAX) {
        found_mistake(j->f, &t->at, "%s has more than %d windows", day, WINDOWS_MAX);
        return false;
    }
    list->v[list->n++] = w;
    qsort(list->v, (size_t)list->n, sizeof(*list->v), by_from);
    return true;
}

/* "09:00-14:00 15:30-18:00" to the end of the text; NULL windows: only looked at. False: said. */
static bool
read_windows(struct judge *j, const struct f_text *t, const char *p, struct cal_window *ret, int *ret_n)
{
    for (*ret_n = 0; *p != '\0'; skip_blanks(&p)) {
        struct cal_window *w = &ret[*ret_n];
        if (*ret_n == WINDOWS_MAX || !read_minutes(&p, &w->from) || *p++ != '-' || !read_minutes(&p, &w->to) ||
            (*p != '\0' && *p != ' ')) {
            found_mistake(j->f, &t->at, "'%s' is not understood: hours are written like 09:00-14:00", t->s);
            return false;
        }
        if (w->to <= w->from) {
            found_mistake(j->f, &t->at,
                          "'%s' ends before it begins: a night is two windows, one to 24:00 and one from "
                          "00:00 of the next day",
                          t->s);
            return false;
        }
        (*ret_n)++;
    }
    return true;
}

static bool
read_weekday(const char **p, int *ret)
{
    for (int i = 0; i < 7; i++) {
        if (strncasecmp(*p, weekdays[i], 3) == 0) {
            *ret = i;
            *p += 3;
            return true;
        }
    }
    return false;
}

/* "mon-fri,sun": *ret_days has a bit a day. */
static bool
read_weekdays(const char **p, unsigned *ret_days)
{
    int from;
    int to;

    *ret_days = 0;
    do {
        *p += *ret_days != 0; /* the comma */
        if (!read_weekday(p, &from)) {
            return false;
        }
        to = from;
        if (**p == '-') {
            (*p)++;
            if (!read_weekday(p, &to)) {
                return false;
            }
        }
        for (int i = from;; i = (i + 1) % 7) {
            *ret_days |= 1U << i;
            if (i == to) {
                break;
            }
        }
    } while (**p == ',');
    return **p == ' ';
}

static void
read_week(struct judge *j, struct f_calendar *c, const struct f_text *t)
{
    struct cal_window windows[WINDOWS_MAX];
    const char *p = t->s;
    unsigned days;
    int n;

    if (!read_weekdays(&p, &days)) {
        found_mistake(j->f, &t->at, "'%s' is not understood: days and hours are written like mon-fri 09:00-14:00",
                      t->s);
        return;
    }
    skip_blanks(&p);
    if (*p == '\0') {
        found_mistake(j->f, &t->at, "'%s' names no hours, like 09:00-14:00", t->s);
        return;
    }
    if (!read_windows(j, t, p, windows, &n)) {
        return;
    }
    for (int day = 0; day < 7; day++) {
        for (int i = 0; i < n && (days & (1U << day)) != 0; i++) {
            if (!add_window(j, t, &c->days[day], windows[i], weekdays[day])) {
                return;
            }
        }
    }
}

/* ---- days ---------------------------------------------------------------------------------------------------------------- */

static struct cal_day *
find_day(const struct cal_days *list, int32_t day)
{
    for (int i = 0; i < list->n; i++) {
        if (list->v[i].day == day) {
            return &list->v[i];
        }
    }
    return NULL;
}

static struct cal_day *
add_day(struct arena *a, struct cal_days *list, int32_t day, const char *name)
{
    if (list->n == list->cap) {
        struct cal_day *old = list->v;
        list->cap = list->cap > 0 ? 2 * list->cap : 32;
        list->v = ARENA_ARRAY(a, list->cap, struct cal_day);
        if (list->n > 0) {
            memcpy(list->v, old, (size_t)list->n * sizeof(*old));
        }
    }
    list->v[list->n] = (struct cal_day){.day = day, .name = name};
    return &list->v[list->n++];
}

static int
by_day(const void *a, const void *b)
{
    const struct cal_day *x = a;
    const struct cal_day *y = b;

    return (x->day > y->day) - (x->day < y->day);
}

/* A date at the beginning of a text; false: said. */
static bool
read_date(struct judge *j, const struct f_text *t, const char *what, int32_t *ret, const char **ret_end)
{
    if (!holiday_date(t->s, ret, ret_end) || (**ret_end != '\0' && **ret_end != ' ')) {
        found_mistake(j->f, &t->at, "'%s' is not understood: %s", t->s, what);
        return false;
    }
    skip_blanks(ret_end);
    return true;
}

struct file_place {
    struct judge *j;
    const struct f_text *t;
};

static void
on_wrong(void *arg, int line, const char *message)
{
    const struct file_place *at = arg;

    if (line > 0) {
        found_mistake(at->j->f, &at->t->at, "%s, line %d: %s", at->t->s, line, message);
    } else {
        found_mistake(at->j->f, &at->t->at, "%s: %s", at->t->s, message);
    }
}

static void
on_odd(void *arg, int line, const char *message)
{
    const struct file_place *at = arg;

    if (line > 0) {
        found_warning(at->j->f, &at->t->at, "%s, line %d: %s", at->t->s, line, message);
    } else {
        found_warning(at->j->f, &at->t->at, "%s: %s", at->t->s, message);
    }
}

static void
read_file(struct judge *j, struct f_calendar *c, const struct f_text *t)
{
    const struct deskfile_beside *file = beside_is_name(t->s) ? deskfile_beside(j->in, t->s) : NULL;
    struct file_place at = {j, t};
    struct holiday_reader r = {.a = j->f->a, .wrong = on_wrong, .odd = on_odd, .arg = &at};

    if (!beside_is_name(t->s)) {
        found_mistake(j->f, &t->at, "'%s' must be a file beside the desk file: a name without folders", t->s);
    } else if (file == NULL) {
        found_mistake(j->f, &t->at, "the file '%s' is not there: it must lie beside the desk file", t->s);
    } else {
        (void)holiday_read(&r, file->text, file->n);
        for (int i = 0; i < r.n; i++) {
            (void)add_day(j->f->a, &c->off, r.v[i].day, r.v[i].name);
        }
    }
}

static void
read_holiday(struct judge *j, struct f_calendar *c, const struct f_text *t)
{
    size_t n = strlen(t->s);
    const char *name;
    int32_t day;

    if (n > 4 && strcasecmp(t->s + n - 4, ".ics") == 0) {
        read_file(j, c, t);
    } else if (read_date(j, t, _("holidays are dates like 2026-12-25 Christmas, or files like es.ics"), &day, &name)) {
        (void)add_day(j->f->a, &c->off, day, *name != '\0' ? name : "holiday");
    }
}

/* In order, one a day; of several names the one first written stays. */
static void
sort_days(struct cal_days *list)
{
    int n = 0;

    for (int i = 0; i < list->n; i++) {
        list->v[i].windows.n = i; /* holidays have no windows: keeps the order among equals */
    }
    if (list->n > 0) {
        qsort(list->v, (size_t)list->n, sizeof(*list->v), by_day);
    }
    for (int i = 0; i < list->n; i++) {
        if (n > 0 && list->v[n - 1].day == list->v[i].day) {
            if (list->v[i].windows.n < list->v[n - 1].windows.n) {
                list->v[n - 1] = list->v[i];
            }
        } else {
            list->v[n++] = list->v[i];
        }
    }
    list->n = n;
    for (int i = 0; i < n; i++) {
        list->v[i].windows.n = 0;
    }
}

static void
read_exception(struct judge *j, struct f_calendar *c, const struct f_text *t)
{
    struct cal_window windows[WINDOWS_MAX];
    struct cal_day *d;
    const char *p;
    int32_t day;
    int n = 0;

    if (!read_date(j, t, _("exceptions are written like 2026-12-24 09:00-12:00, or 2026-12-31 closed"), &day, &p)) {
        return;
    }
    if (*p == '\0') {
        found_mistake(j->f, &t->at, "'%s' names no hours: write them, or closed", t->s);
        return;
    }
    if (find_day(&c->special, day) != NULL) {
        found_mistake(j->f, &t->at, "'%.10s' is an exception already: write all its hours in one text", t->s);
        return;
    }
    if (strcmp(p, "closed") != 0 && !read_windows(j, t, p, windows, &n)) {
        return;
    }
    d = add_day(j->f->a, &c->special, day, NULL);
    for (int i = 0; i < n; i++) {
        if (!add_window(j, t, &d->windows, windows[i], _("that day"))) {
            return;
        }
    }
}

/* ---- judging --------------------------------------------------------------------------------------------------------------- */

static struct f_calendar *
find_calendar(const struct f_desk *d, const char *name)
{
    EACH(f_calendar, c, d->calendars)
    {
        if (c->name.s != NULL && strcmp(c->name.s, name) == 0) {
            return c;
        }
    }
    return NULL;
}

/* The database knows which zones there are; here only what a name of one looks like. */
static bool
is_zone(const char *s)
{
    return isalpha((unsigned char)s[0]) && strlen(s) <= 60 &&
           s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-")] == '\0';
}

static void
judge_calendar(struct judge *j, struct f_calendar *c)
{
    int mistakes = j->f->nmistakes;

    if (c->name.s != NULL && find_calendar(j->d, c->name.s) != c) {
        found_mistake(j->f, &c->name.at, "there is a calendar '%s' already", c->name.s);
    }
    if (c->name.s != NULL && strcmp(c->name.s, NONE) == 0) {
        found_mistake(j->f, &c->name.at, "'none' is what queues say that work round the clock");
    }
    if (c->zone.s != NULL && !is_zone(c->zone.s)) {
        found_mistake(j->f, &c->zone.at, "'%s' is no time zone: they are called like Europe/Madrid", c->zone.s);
    }
    for (int i = 0; i < c->week.n; i++) {
        read_week(j, c, &c->week.v[i]);
    }
    for (int i = 0; i < c->holidays.n; i++) {
        read_holiday(j, c, &c->holidays.v[i]);
    }
    for (int i = 0; i < c->exceptions.n; i++) {
        read_exception(j, c, &c->exceptions.v[i]);
    }
    sort_days(&c->off);
    if (c->special.n > 0) {
        qsort(c->special.v, (size_t)c->special.n, sizeof(*c->special.v), by_day);
    }
    if (c->off.n > HOLIDAY_MAX) {
        found_mistake(j->f, &c->holidays.at, "there are more than %d holidays", HOLIDAY_MAX);
    }
    c->is_right = c->week.v != NULL && j->f->nmistakes == mistakes;
}

/* Day of the week of a date, 0 Monday. */
static int
weekday_of(int32_t day)
{
    return (day + 3) % 7;
}

/* Is there a window on a day from today on? Of the week, holidays are only looked at as far as they are known. */
static bool
opens(const struct judge *j, const struct f_calendar *c)
{
    int32_t today = (int32_t)(j->in->now / USEC_DAY);

    for (int i = 0; i < c->special.n; i++) {
        if (c->special.v[i].windows.n > 0 && c->special.v[i].day >= today) {
            return true;
        }
    }
    for (int32_t day = today; day < today + 366; day++) {
        if (c->days[weekday_of(day)].n > 0 && find_day(&c->special, day) == NULL && find_day(&c->off, day) == NULL) {
            return true;
        }
    }
    return false;
}

/* Which calendar a queue keeps: its own word, its department's, the common one. */
static void
judge_use(struct judge *j, const struct f_department *dep, struct f_queue *q)
{
    const struct f_text *common = &j->d->defaults.calendar;
    const struct f_text *t = q->calendar.s != NULL ? &q->calendar : dep->calendar.s != NULL ? &dep->calendar : common;
    struct f_calendar *c = t->s != NULL ? find_calendar(j->d, t->s) : NULL;

    q->hours = c;
    if (c != NULL) {
        c->is_used = true;
    }
    if (c != NULL && c->is_right && !opens(j, c)) {
        found_warning(j->f, &t->at, "queue '%s' is never served: calendar '%s' does not open",
                      q->name.s != NULL ? q->name.s : "?", c->name.s);
    }
}

/* A setting `calendar` must name one. */
static void
need_calendar(struct judge *j, const struct f_text *t)
{
    if (t->s != NULL && strcmp(t->s, NONE) != 0 && find_calendar(j->d, t->s) == NULL) {
        found_mistake(j->f, &t->at, "there is no calendar '%s'", t->s);
    }
}

static void
warn_of(struct judge *j, const struct f_calendar *c)
{
    int32_t last = c->off.n > 0 ? c->off.v[c->off.n - 1].day : 0;
    char date[32];

    if (c->name.s == NULL) {
        return;
    }
    if (!c->is_used) {
        found_warning(j->f, &c->at, "calendar '%s' is used by no queue", c->name.s);
    }
    if (j->in->now > 0 && c->off.n > 0 && last < j->in->now / USEC_DAY + SOON) {
        holiday_format(last, date);
        found_warning(j->f, &c->holidays.at, "the holidays of calendar '%s' end on %s: add those that come after",
                      c->name.s, date);
    }
}

void
calendarfile_judge(struct f_desk *d, const struct deskfile_input *in, struct findings *found)
{
    struct judge j = {d, in, found};

    if (d->calendars.n > CALENDARS_MAX) {
        found_mistake(found, &d->calendars.at, "there are more than %d calendars", CALENDARS_MAX);
        return;
    }
    EACH(f_calendar, c, d->calendars)
    {
        judge_calendar(&j, c);
    }
    need_calendar(&j, &d->defaults.calendar);
    EACH(f_department, dep, d->departments)
    {
        need_calendar(&j, &dep->calendar);
        EACH(f_queue, q, dep->queues)
        {
            need_calendar(&j, &q->calendar);
            judge_use(&j, dep, q);
        }
    }
    EACH(f_calendar, c, d->calendars)
    {
        warn_of(&j, c);
    }
}

/* ---- the document -------------------------------------------------------------------------------------------------------------- */

static void
put(json_t *o, const char *member, json_t *value)
{
    ensure(json_object_set_new(o, member, value) == 0);
}

/* Windows that touch become one. */
static void
put_windows(json_t *list, int day, const struct cal_windows *w)
{
    for (int i = 0; i < w->n;) {
        json_t *one = json_array();
        int from = w->v[i].from;
        int to = w->v[i].to;
        for (i++; i < w->n && w->v[i].from == to; i++) {
            to = w->v[i].to;
        }
        if (day > 0) {
            (void)json_array_append_new(one, json_integer(day));
        }
        (void)json_array_append_new(one, json_integer(from));
        (void)json_array_append_new(one, json_integer(to));
        (void)json_array_append_new(list, one);
    }
}

static json_t *
render_day(const struct cal_day *d, json_t *second)
{
    json_t *one = json_array();
    char date[32];

    holiday_format(d->day, date);
    (void)json_array_append_new(one, json_string(date));
    ensure(json_array_append_new(one, second) == 0);
    return one;
}

json_t *
calendarfile_render(const struct f_calendar *c)
{
    json_t *o = json_object();
    json_t *week = json_array();
    json_t *off = json_array();
    json_t *special = json_array();

    for (int i = 0; i < 7; i++) {
        put_windows(week, i + 1, &c->days[i]);
    }
    for (int i = 0; i < c->off.n; i++) {
        (void)json_array_append_new(off, render_day(&c->off.v[i], json_string(c->off.v[i].name)));
    }
    for (int i = 0; i < c->special.n; i++) {
        json_t *windows = json_array();
        put_windows(windows, 0, &c->special.v[i].windows);
        (void)json_array_append_new(special, render_day(&c->special.v[i], windows));
    }
    put(o, "name", json_string(c->name.s));
    put(o, "zone", json_string(c->zone.s));
    put(o, "week", week);
    put(o, "holidays", off);
    put(o, "exceptions", special);
    return o;
}
