/* SPDX-License-Identifier: MIT */
/*
 * Who asks: Unix users by the credentials of their socket, everybody else by token. Unix users become rows of `person`
 * with memberships from the desk's names and Unix groups (statement person_login); what the database says of a person is
 * kept for a while, so that a request normally costs no look-up.
 */
#ifndef TURNO_PERSON_H
#define TURNO_PERSON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "daemon/http/op.h"

struct db;
struct db_row;
struct desk_store;
struct event_base;
struct http_peer;
struct people;

/* What is known of a person, beyond the rights in struct actor: what rules ask and what submissions store. */
struct person {
    int32_t person_id;
    const char *name;
    const char *kind_of; /* human, department, system */
    bool admin, agent, lead;
    int32_t account_id;  /* 0: internal */
    const char *account; /* its name, or NULL */
    const char *kind;    /* of the account, or the employment */
    const char *segment;
    const char *lang;       /* or NULL */
    int32_t department_id;  /* 0: none */
    const char *department; /* its name, or NULL */
    int ndepartments, nleads;
    const int32_t *departments; /* member or lead of */
    const int32_t *leads;
};

struct people_conf {
    struct event_base *base;
    struct db *db;
    struct desk_store *desks;
    struct users *users; /* daemon/os/users.h */
};

struct people *people_new(const struct people_conf *conf);
void people_free(struct people *p); /* after db_stop; NULL is accepted */
/* Implemented by daemon/desk/app.c: where the app keeps it. */
struct people *app_people(struct app *app);

/* struct http_conf's identify: fills op->who (and op->who.person, which lives as long as the op) and returns true, or
 * returns false: it has failed the op, or asks the database and calls http_identified later. */
bool person_identify(struct people *p, struct op *op, const struct http_peer *peer);

/* This token was revoked: forget what is remembered, end the streams it holds open. */
void people_token_ended(struct people *p, int32_t token_id);
/* With each probe: are the tokens still good that hold streams open? Asked as often as of one that is remembered; covers
 * lost notifications. */
void people_probe(struct people *p);
/* Forget what is remembered: after rights were changed, a desk was applied, SIGHUP. */
void people_forget(struct people *p);

/* The person of a row with the columns of SQL's person_facts, from column `first`; strings in the arena. */
void person_from_row(struct arena *a, const struct db_row *row, int first, struct person *ret);

struct people_stats {
    uint64_t hits, logins, token_reads, refused;
    unsigned remembered;
};
void people_get_stats(const struct people *p, struct people_stats *ret);

#endif
