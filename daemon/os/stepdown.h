/* SPDX-License-Identifier: MIT */
/* From root to the user the desk's data belongs to: for work that an administrator starts by hand. */
#ifndef TURNO_STEPDOWN_H
#define TURNO_STEPDOWN_H

#include <stdbool.h>

#include "common/err.h"

#define STEPDOWN_USER "turno" /* of the service, see systemd/turno.sysusers */

/* As root: become the owner of state_dir; where there is no such folder, with make: make it for STEPDOWN_USER and become
 * that, else stay. state_dir NULL: become STEPDOWN_USER, if there is one. Anybody else must be the owner. */
bool stepdown(const char *state_dir, bool make, struct err *e);

#endif
