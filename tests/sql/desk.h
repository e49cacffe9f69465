/* SPDX-License-Identifier: MIT */
/*
 * A small company in a cluster of its own, for the tests of the statements that write tickets. Its departments, queues
 * and people are the tables below: what is put into the database is what the tests reckon with. Time is virtual: it
 * stands still until a test moves it.
 */
#ifndef TURNO_TEST_DESK_H
#define TURNO_TEST_DESK_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "common/calendar.h"
#include "common/uuid.h"
#include "tests/sql/cluster.h"

enum { WAREHOUSE = 1, SALES, LEGAL, IT, DEPARTMENTS = IT };
enum { Q_WAREHOUSE = 1, Q_RETURNS, Q_SALES, Q_LEGAL, Q_IT, QUEUES = Q_IT };

/* clang-format off */
enum person {
    TURNO = 1,                             /* the desk itself */
    D_WAREHOUSE, D_SALES, D_LEGAL, D_IT,   /* the departments as customers, in their order */
    LUIS, MAR, EVA,                        /* warehouse: two agents, the lead */
    ANA, SOL, LEO,                         /* sales: two agents (SOL is in IT too), the lead */
    LEX, LEA,                              /* legal: an agent, the lead */
    IAN,                                   /* an agent of IT */
    NOVA,                                  /* was in the warehouse, is in no department now */
    ZOE,                                   /* in no department */
    ROOT,                                  /* administrator */
    CARL, DORA, PAUL,                      /* outside: two of account 1, one of account 2 */
    PEOPLE = PAUL
};
/* clang-format on */

struct desk_queue {
    const char *name;
    int department;
    bool is_private;
    int64_t target[5];                                    /* usec, by priority from 1 */
    int64_t age_cap, offer_limit, idle_limit, auto_close; /* usec; idle_limit 0: none */
    bool take_agents;
};
struct desk_person {
    const char *name;
    int account; /* 0: inside */
    bool admin;
    int departments[3], leads[3]; /* 0-terminated */
};
extern const struct desk_queue desk_queues[QUEUES + 1];
extern const struct desk_person desk_people[PEOPLE + 1];
int desk_lane(int queue); /* the one lane of a queue */

/* What queues keep to besides: nothing, until a test says so (desk_keep, desk_stick). */
enum { ROUND_THE_CLOCK, OFFICE, SHIFTS, CALENDARS = SHIFTS };
struct desk_keep {
    int calendar;   /* OFFICE: mon-fri 09:00-17:00; SHIFTS: all days 06:00-14:00 and 15:00-22:00, closed at some */
    int64_t burst;  /* usec; 0: none */
    int64_t sticky; /* usec that what returns is kept for its last agent; 0: not at all */
};
extern struct desk_keep desk_keeps[QUEUES + 1];
const struct calendar *desk_calendar(int queue); /* NULL: round the clock */
bool desk_is_member(int person, int department);
bool desk_is_lead(int person, int department);   /* administrators are not counted in */
bool desk_stands_for(int person, int requester); /* requester is the department of this person */

#define SECOND     INT64_C(1000000)
#define MINUTE     (60 * SECOND)
#define HOUR       (60 * MINUTE)
#define DAY        (24 * HOUR)
#define DESK_START INT64_C(1767603600000000) /* 2026-01-05 09:00 UTC */

struct desk {
    struct cluster *cluster;
    PGconn *owner; /* for looking at everything */
    int64_t now;   /* usec; sessions opened by side_open follow it at each call of desk_pass and desk_set_now */
    int64_t next_ticket, end_ticket; /* numbers leased */
    unsigned ops;                    /* uuids given out */
    struct side *sides;
};

/* settings: as for cluster_start_with. */
struct desk *desk_open(const char *settings);
void desk_close(struct desk *d); /* closes its sides too */
/* From now on nobody goes away for offers that lapse: for histories in which nobody comes back by hand. */
void desk_forgive_lapses(struct desk *d);
/* Empties all tables of tickets; time starts again. */
void desk_clear(struct desk *d);
void desk_set_now(struct desk *d, int64_t usec);
void desk_keep(struct desk *d, int queue, int calendar, int64_t burst);
void desk_stick(struct desk *d, int queue, int64_t sticky);
void desk_pass(struct desk *d, int64_t usec); /* time goes on by so much */
struct uuid desk_op(struct desk *d);          /* a uuid nobody else has */
int64_t desk_number(struct desk *d);          /* a fresh ticket number */

/* First value of a query by the owner, as text (static buffer) and as number; NULL and no row give "" and 0. */
const char *desk_text(struct desk *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int64_t desk_int(struct desk *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
