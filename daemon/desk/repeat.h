/* SPDX-License-Identifier: MIT */
/*
 * Repeats: what a client's Idempotency-Key becomes. Scope: person, key, method and path. The same key for the same
 * person and route is the same op, whoever asks which daemon. For how long: 24 hours (table op), but for ever for what was
 * done with a ticket that was there (op_id in event); README.md says so.
 */
#ifndef TURNO_REPEAT_H
#define TURNO_REPEAT_H

#include <stdint.h>

#include "common/uuid.h"
#include "daemon/http/op.h"

/* The key of the n-th item (0..65535) of this request; none (all zero) when the client sent no key. */
struct uuid repeat_key(const struct op *op, int n);
/* An op id: the same for a repeat where the client sent a key, else random. */
struct uuid repeat_op_id(const struct op *op, int n);

#endif
