/* SPDX-License-Identifier: MIT */
/* Forms of web pages (application/x-www-form-urlencoded) as what JSON bodies are: an object, bound by the same tables. */
#ifndef TURNO_FORM_H
#define TURNO_FORM_H

#include <jansson.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/err.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

/* The n bytes at p as an object of texts, line ends as \n; fields that were left empty are absent. A field that occurs
 * twice, has no name or is not UTF-8 is refused. The caller's to drop; NULL when e is filled. */
json_t *form_parse(struct arena *a, const char *p, size_t n, struct err *e);

#endif
