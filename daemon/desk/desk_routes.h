/* SPDX-License-Identifier: MIT */
/* Steps of the routes about the desk itself, its routing, its tokens and private links; rows of daemon/routes.c. */
#ifndef TURNO_DESK_ROUTES_H
#define TURNO_DESK_ROUTES_H

#include "daemon/http/op.h"

enum op_next step_desk_show(struct op *op);      /* GET /v1/desk; query "version" */
enum op_next step_desk_calendars(struct op *op); /* GET /v1/desk/calendars; query "name" */
enum op_next step_desk_check(struct op *op);     /* POST /v1/desk/check {"text","name","files"}: mistakes, 200 */
enum op_next step_desk_diff(struct op *op);      /* POST /v1/desk/diff: the same with what would change */
enum op_next step_desk_apply(struct op *op);     /* POST /v1/desk/apply, also "version": 422 with mistakes */
enum op_next step_route_test(struct op *op);     /* POST /v1/route/test */
enum op_next step_token_list(struct op *op);     /* GET /v1/tokens */
enum op_next step_token_add(struct op *op);      /* POST /v1/tokens */
enum op_next step_token_revoke(struct op *op);   /* DELETE /v1/tokens/{id} */
enum op_next step_link_add(struct op *op);       /* POST /v1/tickets/{id}/link */
enum op_next step_link_end(struct op *op);       /* DELETE /v1/tickets/{id}/link: all of them */

/* The bodies: of check, diff and apply, of route/test, of a new token. */
extern const struct json_shape desk_file_shape, route_test_shape, token_shape;

#endif
