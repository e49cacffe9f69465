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
struct f_targets {
    struct place at;
    struct f_time urgent, high, normal, low;
};
struct f_list {
    struct place at;
    void *v; /* array of the structs below */
    int n;
};

struct f_queue {
    struct place at;
    struct f_text name, title, take;
    struct f_bool is_private;
    struct f_targets targets;
    struct f_time age_cap, offer_limit, idle_limit, auto_close;
    /* filled by deskfile_judge */
    int64_t target[4]; /* urgent, high, normal, low */
};

struct f_department {
    struct place at;
    struct f_text name, title;
    struct f_texts groups, lead_groups, members, leads;
    struct f_list queues; /* f_queue */
};

struct f_rule {
    struct place at;
    struct f_text name, queue, priority, parity_exception;
    struct f_texts class_of, channel, to, account, kind, segment, lang, department, subject, body, tags;
};

struct f_moved {
    struct place at;
    struct f_text queue, to;
};

struct f_defaults {
    struct place at;
    struct f_targets targets;
    struct f_time offer_limit, idle_limit, auto_close;
    struct f_text take;
};

struct f_desk {
    struct place at;
    struct f_list departments, rules, moved; /* f_department, f_rule, f_moved */
    struct f_text default_department, default_queue;
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

/* Everything that needs more than one value to be judged; fills in the targets. */
void deskfile_judge(struct f_desk *d, struct findings *found);
/* The document of a desk without mistakes; a new reference. */
json_t *deskfile_render(const struct f_desk *d);

#endif
