/* SPDX-License-Identifier: MIT */
/*
 * Requests arrive: POST /v1/tickets, one or many, and the linked ticket that a message on a closed one opens. Routed
 * here, by the rules of the present desk; the statement checks that it was the present one.
 */
#ifndef TURNO_SUBMIT_H
#define TURNO_SUBMIT_H

#include "daemon/desk/state.h"
#include "daemon/http/op.h"

#define SUBMIT_ITEMS_MAX 1000 /* requests in one call */

struct submission;

enum op_next step_submit(struct op *op);
extern const struct json_shape submit_shape; /* its body */

/* A message on the closed ticket `follows` becomes a new request to the same queue. Then submit_run is the op's step
 * until it answers. */
struct submission *submit_follow(struct op *op, int64_t follows, const char *subject, const char *queue,
                                 const char *body);
/* What comes by the web page, from op->who; texts live as long as the op. follows: the closed ticket it goes on from, or 0.
 * key: with the same one it is the same request, whatever else it says; none: op's. */
struct submit_letter {
    struct uuid key;
    const char *subject, *body, *to, *lang;
    int64_t follows;
};
/* How it ended: e NULL, the ticket's number; or why not. Goes on with the op. */
typedef enum op_next submit_done(struct op *op, int64_t ticket_id, const struct err *e);
struct submission *submit_web(struct op *op, const struct submit_letter *letter, submit_done *then);
enum op_next submit_run(struct op *op, struct submission *s);

#endif
