/* SPDX-License-Identifier: MIT */
/* The only source of time in the daemon; a test that wants virtual time links its own two functions. */
#ifndef TURNO_CLOCK_H
#define TURNO_CLOCK_H

#include "common/parse.h"

usec_t clock_wall(void); /* since 1970-01-01 UTC; may step */
usec_t clock_mono(void); /* since some fixed moment; never steps: for intervals and deadlines */

#endif
