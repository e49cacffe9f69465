/* SPDX-License-Identifier: MIT */
/* One agent who asks for the first in turn: an item of the batch `ticket_claim`. Fields as in sql/stmts/ticket_claim.sql. */
#ifndef TURNO_CLAIM_H
#define TURNO_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/strbuf.h"
#include "common/uuid.h"
#include "daemon/db/db.h"
#include "daemon/desk/state.h"

struct claim {
    struct item item; /* first */
    int32_t agent;
    struct uuid op_id;
    bool offer;
    struct uuid key;
    int32_t set_id;
    struct app *app;
};

/* Columns of the statement's row. */
enum {
    CLAIM_ORD,
    CLAIM_OUTCOME,
    CLAIM_TICKET,
    CLAIM_EPOCH,
    CLAIM_STATE,
    CLAIM_QUEUE,
    CLAIM_LANE,
    CLAIM_PRIORITY,
    CLAIM_CLASS,
    CLAIM_KEY,
    CLAIM_OPENED,
    CLAIM_DUE,
    CLAIM_SUBJECT,
    CLAIM_REQUESTER,
    CLAIM_VERSION,
    CLAIM_FREE
};

/* Send it, item.done being set. */
void claim_add(struct claim *c);
/* Append the ticket of its row, as clients see it. */
void claim_render(struct strbuf *sb, struct app *app, const struct db_row *row);

#endif
