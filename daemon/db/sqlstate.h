/* SPDX-License-Identifier: MIT */
/* What an SQLSTATE means for the unit that got it, and for the reader. */
#ifndef TURNO_SQLSTATE_H
#define TURNO_SQLSTATE_H

#include "common/err.h"

/* Every unit that failed was rolled back as a whole; what is to be done with it: */
enum sqlstate_act {
    SQLSTATE_LOST,   /* the connection is of no use any more: as if it had broken */
    SQLSTATE_AGAIN,  /* bad luck with others: the identical unit may succeed */
    SQLSTATE_BISECT, /* some value in it is refused: find which */
    SQLSTATE_FAIL,   /* it would fail again */
};

enum sqlstate_act sqlstate_act(const char *state);

/* The error for whoever asked. msg: the server's primary message; constraint: name or "". Only errors raised by our own
 * functions (class P0) are told in the server's words; others could quote what is not the reader's business. */
void sqlstate_err(const char *state, const char *msg, const char *constraint, struct err *e);

#endif
