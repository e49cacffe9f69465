/* SPDX-License-Identifier: MIT */
/*
 * The desk: departments, queues and rules as they were applied, with the database's ids. Immutable once made; a newer
 * version is a new one (desk_store.h). Built from the document that deskfile.c made and the database keeps.
 */
#ifndef TURNO_DESK_H
#define TURNO_DESK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"

struct desk_department;
struct desk_inner;
struct rules;

struct desk_queue {
    int32_t queue_id, lane_id; /* 0 in a desk that is not applied */
    int32_t calendar_id;       /* 0: round the clock */
    const char *name, *title;
    const struct desk_department *department;
    bool is_private;
    int64_t targets[5];           /* usec by enum priority; [0] is not used */
    int64_t age_cap;              /* usec */
    int64_t burst;                /* usec that are added at most for a burst of requests; USEC_NONE: nothing */
    int64_t offer_limit;          /* usec */
    int64_t idle_limit;           /* usec; USEC_NONE: holds do not go back by themselves */
    int64_t auto_close;           /* usec */
    bool agents_may_take;         /* out of turn; leads always may */
    const char *const *languages; /* a request in one of these needs somebody who speaks it; NULL-terminated */
    int64_t sticky;               /* usec; USEC_NONE: what returns from waiting is for all at once */
    int weight;                   /* slots one of its requests takes */
    const json_t *widen;          /* the steps, as in the document; NULL or empty: none */
    const char *calendar;         /* whose hours it keeps; NULL: round the clock */
};

struct desk_department {
    int32_t department_id, person_id; /* 0 in a desk that is not applied */
    const char *name, *title;
    const struct desk_queue *const *queues; /* in the file's order; the first is where requests to the department go */
    int nqueues;
    /* NULL-terminated */
    const char *const *groups, *const *lead_groups; /* Unix groups */
    const char *const *members, *const *leads;      /* login names */
};

/* See desk_lane.h. */
struct desk_lane {
    int32_t lane_id;
    const struct desk_queue *queue;
    const char *const *skills;            /* sorted, NULL-terminated */
    const struct desk_queue *const *also; /* their agents may take from it too; NULL-terminated */
    int after;                            /* percent of the target after which it widens; -1: it does not */
};

struct desk_person {
    const char *name;          /* login */
    const char *const *skills; /* languages too; sorted, NULL-terminated */
    int capacity;              /* slots; 0: no bound */
};

/* A queue that left; its name still leads to where its tickets went. */
struct desk_moved {
    const char *name;
    const struct desk_queue *to;
};

struct desk {
    int version;        /* 0: nothing is applied, all lists are empty */
    const char *sha256; /* hex, of the applied file */
    const struct desk_department *departments;
    int ndepartments;
    const struct desk_queue *queues; /* those of one department lie together */
    int nqueues;
    const struct desk_moved *moved;
    int nmoved;
    const struct desk_lane *lanes;
    int nlanes;
    const struct desk_person *people; /* those the file says something about */
    int npeople;
    const struct desk_department *default_department; /* for users in no group, or NULL: they are refused */
    const struct desk_queue *default_queue;
    const char *const *admin_groups; /* Unix groups of administrators beside root; NULL-terminated, or NULL: none */
    struct rules *rules;             /* never NULL */
    const json_t *document;
    struct desk_inner *inner;
};

/* Build from a document; ids as desk_load.sql gives them, or NULL for one that is not applied. The desk takes its own
 * reference to the document. NULL with e when it does not fit (a newer turno wrote it, say). */
struct desk *desk_new(int version, const char *sha256, json_t *document, const json_t *ids, struct err *e);
/* Version 0, where nothing is applied yet. */
struct desk *desk_empty(void);
void desk_free(struct desk *d); /* NULL is accepted */

const struct desk_department *desk_department(const struct desk *d, const char *name);
const struct desk_department *desk_department_by_id(const struct desk *d, int32_t department_id);
const struct desk_queue *desk_queue(const struct desk *d, const char *name);
const struct desk_queue *desk_queue_by_id(const struct desk *d, int32_t queue_id);
/* The name of any queue, also one that has left; "?" when this desk is too old to know it. */
const char *desk_queue_name(const struct desk *d, int32_t queue_id);
/* Where a request to this name goes: a queue, the first queue of a department, or where a queue that left has moved.
 * NULL with e (ERR_INVALID, field "to"). */
const struct desk_queue *desk_asked(const struct desk *d, const char *name, struct err *e);
/* The present name of a department or queue: its own, or that of the queue it has moved to. False with e as above. */
bool desk_asked_name(const struct desk *d, const char *name, const char **ret, struct err *e);

/* What changes from old to new, as sentences for people, NULL-terminated, arena. Empty: nothing. */
const char *const *desk_diff(const struct desk *from, const struct desk *to, struct arena *a);

#endif
