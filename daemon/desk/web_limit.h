/* SPDX-License-Identifier: MIT */
/* How often somebody may write on the web pages: a bucket an address, in this process only. */
#ifndef TURNO_WEB_LIMIT_H
#define TURNO_WEB_LIMIT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/parse.h"

struct web_limit;

/* A textual address as IPv6 (an IPv4 one mapped into it); false: it is none. */
bool web_address(const char *text, struct in6_addr *ret);

/* per_hour: what an address may do in an hour, and at once. */
struct web_limit *web_limit_new(int64_t per_hour);
void web_limit_free(struct web_limit *l); /* NULL is accepted */
/* One more from this address (an IPv6 network of 64 bits counts as one, and so does all that is no address) at this monotonic time. False: that is too often,
 * and it was not counted. Of more addresses than there is room for, the one that did least is forgotten. */
bool web_limit_take(struct web_limit *l, const char *addr, usec_t now);

#endif
