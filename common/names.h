/* SPDX-License-Identifier: MIT */
/* The enumerations that SQL, JSON, C and CLI share, and their names. Numbers are stored: never renumber. */
#ifndef TURNO_NAMES_H
#define TURNO_NAMES_H

#define STATE_TABLE(X)                                                                                                 \
    X(QUEUED, 1, "queued")                                                                                             \
    X(OFFERED, 2, "offered")                                                                                           \
    X(HELD, 3, "held")                                                                                                 \
    X(PARKED, 4, "parked")                                                                                             \
    X(RESOLVED, 5, "resolved")                                                                                         \
    X(CLOSED, 6, "closed")

#define PARK_TABLE(X)                                                                                                  \
    X(CUSTOMER, 1, "customer")                                                                                         \
    X(VENDOR, 2, "vendor")                                                                                             \
    X(UNTIL, 3, "until")                                                                                               \
    X(CHILD, 4, "child")

#define OUTCOME_TABLE(X)                                                                                               \
    X(DONE, 1, "done")                                                                                                 \
    X(DECLINED, 2, "declined")                                                                                         \
    X(DUPLICATE, 3, "duplicate")                                                                                       \
    X(SPAM, 4, "spam")                                                                                                 \
    X(CANCELLED, 5, "cancelled")                                                                                       \
    X(MERGED, 6, "merged")

/* Lower numbers are more urgent. */
#define PRIORITY_TABLE(X)                                                                                              \
    X(URGENT, 1, "urgent")                                                                                             \
    X(HIGH, 2, "high")                                                                                                 \
    X(NORMAL, 3, "normal")                                                                                             \
    X(LOW, 4, "low")

#define CLASS_TABLE(X)                                                                                                 \
    X(INTERNAL, 1, "internal")                                                                                         \
    X(EXTERNAL, 2, "external")

#define CHANNEL_TABLE(X)                                                                                               \
    X(CLI, 1, "cli")                                                                                                   \
    X(API, 2, "api")                                                                                                   \
    X(WEB, 3, "web")                                                                                                   \
    X(MAIL, 4, "mail")                                                                                                 \
    X(PHONE, 5, "phone")

#define MESSAGE_TABLE(X)                                                                                               \
    X(PUBLIC, 1, "public")                                                                                             \
    X(NOTE, 2, "note")                                                                                                 \
    X(SYSTEM, 3, "system")

/* Labels of spans; each second of a ticket's life has exactly one. */
#define LABEL_TABLE(X)                                                                                                 \
    X(QUEUED, 1, "queued")                                                                                             \
    X(OFFERED, 2, "offered")                                                                                           \
    X(HELD, 3, "held")                                                                                                 \
    X(WAITING_CUSTOMER, 4, "waiting-customer")                                                                         \
    X(WAITING_VENDOR, 5, "waiting-vendor")                                                                             \
    X(WAITING_UNTIL, 6, "waiting-until")                                                                               \
    X(WAITING_CHILD, 7, "waiting-child")                                                                               \
    X(RESOLVED, 8, "resolved")

#define ROLE_TABLE(X)                                                                                                  \
    X(CUSTOMER, 1, "customer")                                                                                         \
    X(AGENT, 2, "agent")                                                                                               \
    X(HOLDER, 4, "holder")                                                                                             \
    X(PREVIOUS, 8, "previous")                                                                                         \
    X(LEAD, 16, "lead")                                                                                                \
    X(TAKER, 32, "taker")                                                                                              \
    X(SYSTEM, 64, "system")

#define X(id, number, name) STATE_##id = number,
enum state { STATE_TABLE(X) };
#undef X
#define X(id, number, name) PARK_##id = number,
enum park { PARK_NONE = 0, PARK_TABLE(X) };
#undef X
#define X(id, number, name) OUTCOME_##id = number,
enum outcome { OUTCOME_NONE = 0, OUTCOME_TABLE(X) };
#undef X
#define X(id, number, name) PRIORITY_##id = number,
enum priority { PRIORITY_TABLE(X) };
#undef X
#define X(id, number, name) CLASS_##id = number,
enum class_of { CLASS_TABLE(X) };
#undef X
#define X(id, number, name) CHANNEL_##id = number,
enum channel { CHANNEL_TABLE(X) };
#undef X
#define X(id, number, name) MESSAGE_##id = number,
enum message_kind { MESSAGE_TABLE(X) };
#undef X
#define X(id, number, name) LABEL_##id = number,
enum label { LABEL_TABLE(X) };
#undef X
#define X(id, number, name) ROLE_##id = number,
enum role { ROLE_TABLE(X) };
#undef X
#define VERB(id, number, name, event, help) VERB_##id = number,
enum verb {
#include "common/transition.def"
};

/* Each table as number -> name and back. *_name gives "?" for a number without a name; *_from gives 0 for a text
 * that is none. */
const char *state_name(int n);
int state_from(const char *s);
const char *park_name(int n);
int park_from(const char *s);
const char *outcome_name(int n);
int outcome_from(const char *s);
const char *priority_name(int n);
int priority_from(const char *s);
const char *class_name(int n);
int class_from(const char *s);
const char *channel_name(int n);
int channel_from(const char *s);
const char *message_name(int n);
const char *label_name(int n);
int label_from(const char *s);
const char *role_name(int n);
const char *verb_name(int n);
const char *verb_help(int n);
int verb_from(const char *s);

#endif
