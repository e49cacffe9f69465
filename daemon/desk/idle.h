/* SPDX-License-Identifier: MIT */
/*
 * Since when agents have nothing to do, as far as this daemon knows: since they last did something with what they had in
 * hand (to accept it was the first), or since they were first seen to wait. By person, so that it survives a client that goes and comes again. A hint, like all of it.
 */
#ifndef TURNO_IDLE_H
#define TURNO_IDLE_H

#include <stdint.h>

#include "daemon/os/clock.h"

struct idle;

struct idle *idle_new(void);
void idle_free(struct idle *i); /* NULL is accepted */
/* Since when; now, and remembered, for somebody who is not known. */
usec_t idle_since(struct idle *i, int32_t person_id, usec_t now);
/* They have done something. */
void idle_worked(struct idle *i, int32_t person_id, usec_t now);

#endif
