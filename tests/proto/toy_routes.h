/* SPDX-License-Identifier: MIT */
/* What the toy offers. */
#ifndef TESTS_PROTO_TOY_ROUTES_H
#define TESTS_PROTO_TOY_ROUTES_H

#include "daemon/http/http.h"
#include "daemon/http/route.h"

struct event_base;

extern const struct route toy_routes[];

/* Tokens: "admin" may do everything, "person" what people may, "later…" is known only after a moment, "laterbad" is
 * refused after a moment, all others at once. A Unix peer is a person, a TCP peer without token nobody. */
bool toy_identify(struct op *op, const struct http_peer *peer);
/* A page of a few words. */
void toy_fail_page(const struct op *op, const struct err *e, struct strbuf *ret);
void toy_routes_start(struct event_base *base, struct http *http);
void toy_routes_stop(void);

#endif
