/* SPDX-License-Identifier: MIT */
/*
 * desk.conf as C structs, each value with the place it was written at: between deskfile.c, which fills them from
 * libconfig, deskfile_check.c, which judges them, and deskfile_render.c, which makes the document.
 */
#ifndef TURNO_DESKFILE_MODEL_H
#define TURNO_DESKFILE_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "daemon/desk/deskfile.h"

struct place {
    int line;         /* 0: not written */
    const char *path; /* NULL: not written */
};

struct f_text {
    struct place at;
    const char *s; /* NULL: not given, or not acceptable (and said so) */
};
struct f_texts {
    struct place at;
    struct f_text *v;
    int n;
};
struct f_bool {
    struct place at;
    bool v;
};
struct f_time {
    struct place at;
    int64_t usec;
    bool is_none, ok;
};
struct f_int {
    struct place at;
    int64_t v;
    bool ok;
};
struct f_targets {
    struct place at;
    struct f_time urgent, high, normal, low;
};
struct f_list {
    struct place at;
    void *v; /* array of the structs below */
    int n;
};

/* Business hours. The texts are read by calendarfile.c. */
struct cal_window {
    int from, to; /* minutes of the day */
};
struct cal_windows {
    struct cal_window *v;
    int n;
};
struct cal_day { /* a holiday (no windows) or an exception */
    int32_t day; /* since 1970-01-01 */
    const char *name;
    struct cal_windows windows;
};
struct cal_days {
    struct cal_day *v;
    int n, cap;
};
struct f_calendar {
    struct place at;
    struct f_text name, zone;
    struct f_texts week, holidays, exceptions;
    /* filled by deskfile_judge */
    struct cal_windows days[7]; /* Monday .. Sunday, in order */
    struct cal_days off, special;
    bool is_right, is_used;
};

struct f_queue {
    struct place at;
    struct f_text name, title, take, calendar;
    struct f_bool is_private;
    struct f_targets targets;
    struct f_time age_cap, burst, offer_limit, idle_limit, auto_close, sticky;
    struct f_texts languages;
    struct f_int weight;
    struct f_list widen; /* f_widen */
    /* filled by deskfile_judge */
    int64_t target[4];              /* urgent, high, normal, low */
    const struct f_calendar *hours; /* NULL: round the clock */
};

struct f_widen {
    struct place at;
    struct f_int after; /* percent of the target */
    struct f_texts drop;
    struct f_text overflow;
};

struct f_department {
    struct place at;
    struct f_text name, title, calendar;
    struct f_texts groups, lead_groups, members, leads;
    struct f_list queues; /* f_queue */
};

struct f_rule {
    struct place at;
    struct f_text name, queue, priority, parity_exception;
    struct f_texts class_of, channel, to, account, kind, segment, lang, department, subject, body, tags, skills;
};

struct f_person {
    struct place at;
    struct f_text name;
    struct f_texts skills, languages;
    struct f_int capacity;
};

struct f_moved {
    struct place at;
    struct f_text queue, to;
};

struct f_defaults {
    struct place at;
    struct f_targets targets;
    struct f_time burst, offer_limit, idle_limit, auto_close, sticky;
    struct f_text take, calendar;
};

struct f_desk {
    struct place at;
    struct f_list departments, rules, moved, calendars,
        people; /* f_department, f_rule, f_moved, f_calendar, f_person */
    struct f_text default_department, default_queue;
    struct f_texts admin_groups;
    struct f_defaults defaults;
};

/* What was found; filled by all three. */
struct findings {
    struct arena *a;
    struct desk_mistake *v;
    int n, cap;
    int nmistakes, nothers; /* all, also those not listed */
};

void found_mistake(struct findings *f, const struct place *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void found_warning(struct findings *f, const struct place *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void found_remark(struct findings *f, const struct place *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* All is found: sort it, and say what is not listed. */
void found_end(struct findings *f);

/* What holds where the file says nothing. */
#define DESK_OFFER_LIMIT (30 * USEC_SEC)
#define DESK_IDLE_LIMIT  (4 * USEC_HOUR)
#define DESK_AUTO_CLOSE  (7 * USEC_DAY)
#define DESK_TAKE        "lead"
#define DESK_STICKY      (10 * USEC_MIN)

#define EACH(type, var, list)                                                                                          \
    for (struct type *var = (list).v, *var##_end = (list).v != NULL ? var + (list).n : var; var < var##_end; var++)

/* Everything that needs more than one value to be judged; fills in the targets and calendars. */
void deskfile_judge(struct f_desk *d, const struct deskfile_input *in, struct findings *found);
/* The part of it that is about skills, languages and people. */
void deskfile_judge_skills(const struct f_desk *d, struct findings *f);
/* The document of a desk without mistakes; a new reference. */
json_t *deskfile_render(const struct f_desk *d);

/* The part of both that is about calendars (calendarfile.c). */
void calendarfile_judge(struct f_desk *d, const struct deskfile_input *in, struct findings *found);
json_t *calendarfile_render(const struct f_calendar *c);

#endif
