/* SPDX-License-Identifier: MIT */
/* The crowd's requests through the product's own routing. A file apart: `struct desk` is another one there (desk.h). */
#ifndef TURNO_TEST_CROWD_ROUTE_H
#define TURNO_TEST_CROWD_ROUTE_H

#include <stdbool.h>

struct routes;

/* The document of a desk with the queues warehouse, returns (the default) and it, and these rules; a mistake in them ends
 * the test. */
struct routes *routes_new(const char *rules);
void routes_free(struct routes *r);
/* Where a request of somebody outside, or inside, goes: the queue's name, good until routes_free, and the priority. */
const char *routes_find(struct routes *r, bool outside, const char *subject, int *ret_priority);

#endif
