/* SPDX-License-Identifier: MIT */
/*
 * A backup as bytes: a head of ARCHIVE_HEAD bytes (lines of text, what it is), what pg_dump wrote, a tail with the SHA-256 of
 * all before it. It can be written to a pipe; without turno, `tail -c +4097 FILE | pg_restore ...` reads it.
 */
#ifndef TURNO_ARCHIVE_H
#define TURNO_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "daemon/db/copy.h"

#define ARCHIVE_HEAD 4096
#define ARCHIVE_TAIL 73

struct archive_facts {
    char turno[32]; /* version of the program that wrote it */
    int dump;       /* major version of its pg_dump */
    struct copy_facts of;
};

/* The head, exactly ARCHIVE_HEAD bytes. */
void archive_head(const struct archive_facts *facts, char ret[ARCHIVE_HEAD]);
/* What a head says. False: it is none, or of a format that is not known here. */
bool archive_read_head(const char head[ARCHIVE_HEAD], struct archive_facts *ret, struct err *e);

/* Writing to a file descriptor, the hash with it. */
struct archive;
struct archive *archive_new(int fd);
void archive_free(struct archive *a); /* NULL is accepted; fd stays open */
/* ERR_STOPPING: whoever reads it has left. */
bool archive_write(struct archive *a, const void *p, size_t n, struct err *e);
bool archive_end(struct archive *a, struct err *e); /* the tail */

/* Read a file from its beginning to its end: is it whole and undamaged? *ret_data: bytes between head and tail. progress
 * (NULL: none) is told how far it is; false from it stops with ERR_STOPPING. */
bool archive_verify(int fd, struct archive_facts *ret, int64_t *ret_data, bool (*progress)(int64_t done, int64_t all),
                    struct err *e);

#endif
