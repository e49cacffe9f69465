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

enum desk_grade {
    DESK_MISTAKE, /* nothing is applied */
    DESK_WARNING, /* probably not meant so */
    DESK_REMARK,  /* meant so, and to be seen: exceptions from parity */
};

struct desk_mistake {
    enum desk_grade grade;
    int line;            /* 0: about the whole file */
    const char *path;    /* "departments[2].queues[1].targets", or "" */
    const char *message; /* lower case, no full stop */
};

/* What is read: the text, and the files beside it that it names. */
struct deskfile_input {
    const char *name; /* for messages */
    const char *text;
    size_t n;
    const struct deskfile_beside {
        const char *name, *text;
        size_t n;
    } * files;
    int nfiles;
    int64_t now; /* usec; 0: no warning of what ends soon */
};

struct deskfile {
    const char *name;                 /* as given, for messages */
    json_t *document;                 /* freed with the arena; NULL when there are mistakes */
    const char *sha256;               /* hex, of the text's bytes and of the files it names */
    const char *files;                /* JSON of the files it names: {"es.ics": "..."} */
    const struct desk_mistake *found; /* in the order of lines */
    int nfound, nmistakes;
};

/* Reads n bytes; never fails, what is wrong is in *ret. A syntax error comes alone (libconfig stops there), all other
 * mistakes come together. */
void deskfile_read(struct arena *a, const struct deskfile_input *in, struct deskfile *ret);
/* The same of a text alone. */
void deskfile_check(struct arena *a, const char *name, const char *text, size_t n, struct deskfile *ret);

/* {"file","line","path","message"} of each mistake, or of all but the mistakes; a new reference. */
json_t *deskfile_mistakes(const struct deskfile *f);
json_t *deskfile_warnings(const struct deskfile *f);

/* SHA-256 as 64 hexadecimal digits and NUL: of the text, and of those files that it names. */
void deskfile_hash(const struct deskfile_input *in, char ret[65]);
/* The file with this name beside it, or NULL. */
const struct deskfile_beside *deskfile_beside(const struct deskfile_input *in, const char *name);

/* The document's bytes as they are stored; free(). */
char *deskfile_dump(const json_t *document);

#endif
