/* SPDX-License-Identifier: MIT */
/* What happened, in a sentence. */
#ifndef TURNO_CLI_SENTENCE_H
#define TURNO_CLI_SENTENCE_H

#include <jansson.h>
#include <stdbool.h>

#include "common/arena.h"

/* An event of the feed or of a ticket in plain words: "luis took 42 out of turn"; to people in
 * their language. As it came, not cleaned. */
const char *sentence_of(struct arena *a, const json_t *event, bool people);

#endif
