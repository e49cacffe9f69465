/* SPDX-License-Identifier: MIT */
/*
 * Ticket numbers, leased from the database in blocks (number_lease) so that a submission knows its number before it is
 * sent: the number is what makes sending it again harmless. Numbers left over at a stop or a lost connection are gaps.
 */
#ifndef TURNO_NUMBER_H
#define TURNO_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

struct db;
struct numbers;
struct op;

struct numbers *numbers_new(struct db *db);
void numbers_free(struct numbers *n); /* after db_stop; NULL is accepted */
/* n numbers (1..1000), *ret the first; they follow each other. False: too few are left; op waits (lent) and its step is
 * called again when more have come, or has been failed when none can be had. */
bool numbers_take(struct numbers *n, struct op *op, int count, int64_t *ret);
/* The database is there, or back: lease a block if there is none. */
void numbers_ready(struct numbers *n);

#endif
