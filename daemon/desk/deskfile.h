/* SPDX-License-Identifier: MIT */
/*
 * desk.conf: libconfig text to a checked, complete document (JSON): defaults filled in, durations in microseconds, every
 * list present, the same bytes for the same file. The only reader of libconfig beside daemon/os/config.c.
 */
#ifndef TURNO_DESKFILE_H
#define TURNO_DESKFILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"

#define DESKFILE_MAX (256 * 1024) /* bytes */

struct desk_mistake {
    bool is_warning;     /* worth knowing, does not stop an apply */
    int line;            /* 0: about the whole file */
    const char *path;    /* "departments[2].queues[1].targets", or "" */
    const char *message; /* lower case, no full stop */
};

struct deskfile {
    const char *name;                   /* as given, for messages */
    json_t *document;                   /* freed with the arena; NULL when there are mistakes */
    const char *sha256;                 /* hex, of the text's bytes */
    const struct desk_mistake *found;   /* mistakes and warnings in the order of lines */
    int nfound, nmistakes;
};

/* Reads n bytes; never fails, what is wrong is in *ret. A syntax error comes alone (libconfig stops there), all other
 * mistakes come together. */
void deskfile_check(struct arena *a, const char *name, const char *text, size_t n, struct deskfile *ret);

/* {"file","line","path","message"} of each mistake (warnings: of each warning); a new reference. */
json_t *deskfile_mistakes(const struct deskfile *f, bool warnings);

/* The document's bytes as they are stored; free(). */
char *deskfile_dump(const json_t *document);

#endif
