/* SPDX-License-Identifier: MIT */
/*
 * Routing rules: an ordered list; the first rule whose conditions all hold decides. Patterns (PCRE2, no JIT) look at the
 * subject and the first PATTERN_TEXT_MAX bytes of the body, whatever their case, and run under limits, so that neither a bad
 * pattern nor a hostile text holds the loop: what meets a limit counts as no match and is counted.
 */
#ifndef TURNO_RULE_H
#define TURNO_RULE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"

struct desk;
struct desk_queue;

/* What a rule may look at. Texts may be NULL (unknown: a condition on it does not hold); all are valid UTF-8. */
struct request_facts {
    int class;           /* enum class_of; 0 unknown */
    int channel;         /* enum channel; 0 unknown */
    const char *asked;   /* department or queue asked for; NULL: none, which counts as the default queue */
    const char *account; /* name of the requester's account */
    const char *kind;    /* of the account (customer, supplier ...) or the employment (employee, manager, contractor) */
    const char *segment;
    const char *lang;       /* "es", "pt-BR" */
    const char *department; /* name of the asking department */
    const char *subject;
    const char *body;
};

struct route_result {
    const struct desk_queue *queue; /* of the desk asked: do not keep it over a pass of the loop */
    int priority;                   /* enum priority; normal where no rule says otherwise */
    bool priority_ruled;            /* a rule said it */
    const char *const *tags;        /* NULL-terminated, never NULL; arena */
    const char *const *skills;      /* needed, the language among them: sorted, NULL-terminated, never NULL; arena */
    const char *rule;               /* name, arena; NULL: no rule matched */
    int position;                   /* 1-based; 0: no rule matched */
    bool limited;                   /* a pattern met its limit on the way */
};

/* Route a request: the queue of the first matching rule, else the one asked for, else the desk's default queue. What asks
 * for a private queue is judged only by rules that name it in `to`, so that no other rule takes it out of there. False
 * with e: ERR_INVALID, field "to", when the asked name is unknown or has no queue; ERR_CONFLICT when no desk is applied. */
bool rule_route(const struct desk *d, struct arena *a, const struct request_facts *f, struct route_result *ret,
                struct err *e);
/* The same, told: an array of {"rule","matched","why"} of the rules tried, made in *ret_tried (the caller's reference). */
bool rule_trace(const struct desk *d, struct arena *a, const struct request_facts *f, struct route_result *ret,
                json_t **ret_tried, struct err *e);

/* ---- for the desk and its file ------------------------------------------------------------------------------- */

struct rules;

/* Compile the document's "rules" for the departments and queues of d (borrowed; d must live as long). NULL with e. */
struct rules *rules_new(const struct desk *d, const json_t *array, struct err *e);
void rules_free(struct rules *r); /* NULL is accepted */
size_t rules_count(const struct rules *r);
uint64_t rules_limit_hits(const struct rules *r); /* patterns that met a limit since it was made */

#endif
