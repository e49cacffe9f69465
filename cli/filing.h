/* SPDX-License-Identifier: MIT */
/* A desk file on its way to the daemon: to be checked, compared with the desk in force, or applied. */
#ifndef TURNO_CLI_FILING_H
#define TURNO_CLI_FILING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/ctx.h"
#include "common/err.h"

#define FILING_MAX (1024 * 1024)

struct filing {
    const char *name; /* for messages */
    const char *text;
    json_t *files;   /* what lies beside it, by name; lives as long as the run */
    int64_t version; /* apply only while this is the desk in force; -1: whichever is */
};

/* The file ("-": standard input) and those beside it that it names; one that is not there, the desk will miss. */
bool filing_read(struct ctx *c, const char *path, struct filing *ret, struct err *e);
/* Of a text that is to lie at path: only what it names of the files beside that. */
bool filing_beside(struct ctx *c, const char *path, const char *text, json_t **ret_files, struct err *e);
/* Write a desk file, whole or not at all. One that is there keeps its mode and owner, and a link stays one; keep: it stays as
 * PATH.old, or PATH.old.1 and so on where there is such a file, which is said. */
bool filing_write(struct ctx *c, const char *path, const char *text, bool keep, struct err *e);
/* Send it. what: "check", "diff" or "apply". With mistakes, which are printed as compilers do it, false (ERR_DESK); warnings
 * are printed and stop nothing. With --json the reply is printed as it came. */
bool filing_send(struct ctx *c, const char *what, const struct filing *f, struct reply *ret, struct err *e);
/* What a reply says would change, or has changed: a line each. How many. */
size_t filing_changes(struct ctx *c, FILE *to, const struct reply *r);

#endif
