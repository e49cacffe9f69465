/* SPDX-License-Identifier: MIT */
/* What a desk can be made of on this machine: Unix groups with people in them, and its time zone. */
#ifndef TURNO_CLI_MACHINE_H
#define TURNO_CLI_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"

struct machine_group {
    const char *name;
    const char *people; /* login names, "ana, luis": a few of them */
    size_t npeople;
};

/* Groups of people: those of ordinary ids that have members and are not somebody's own. By name; *ret_n how many. */
const struct machine_group *machine_groups(struct arena *a, size_t *ret_n);
/* One group, whatever its id; false: there is none. A directory that lists nothing knows it all the same. */
bool machine_group(struct arena *a, const char *name, struct machine_group *ret);
/* Somebody has this login name. */
bool machine_has_user(const char *name);
/* A file by its place as seen from this program's folder; NULL when that cannot be told. */
const char *machine_beside(struct arena *a, const char *path);
/* "Europe/Madrid"; "Etc/UTC" where it cannot be told. */
const char *machine_zone(struct arena *a);
/* The system's data has this time zone, or there is no such data. */
bool machine_has_zone(struct arena *a, const char *zone);

#endif
