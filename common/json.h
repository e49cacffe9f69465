/* SPDX-License-Identifier: MIT */
/*
 * Strict JSON over jansson: limits, no duplicate members, no NUL, and objects bound to C structs by a table,
 * so that a wrong type, an unknown member or a missing one always names its field.
 */
#ifndef TURNO_JSON_H
#define TURNO_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"

#define JSON_DEPTH_MAX 16

#define JSON_TEXTS_ENTRY_MAX 200

#define JSON_I64_NONE INT64_MIN /* an optional integer that is absent or null */

enum json_kind {
    JSON_KIND_TEXT, /* const char *: arena copy, NULL when absent; `min`..`max` bytes; no NUL, no control but \n \t \r */
    JSON_KIND_I64,  /* int64_t: JSON_I64_NONE when absent; `min`..`max` */
    JSON_KIND_BOOL, /* bool: false when absent */
    JSON_KIND_TEXTS, /* const char **: NULL-terminated list, NULL when absent; `min`..`max` entries of 1..JSON_TEXTS_ENTRY_MAX bytes */
    JSON_KIND_ANY, /* json_t *: borrowed from the parsed document, NULL when absent */
};

struct json_field {
    const char *name;
    enum json_kind kind;
    bool required;
    size_t offset;
    int64_t min, max;
};

/* What an object may hold: the members of a request's body. */
struct json_shape {
    const struct json_field *fields;
    size_t nfields;
};
#define JSON_SHAPE(table)                                                                                              \
    {                                                                                                                  \
        table, sizeof(table) / sizeof((table)[0])                                                                      \
    }

/* Parse one document of n bytes; depth over JSON_DEPTH_MAX, duplicate members and invalid UTF-8 are refused
 * with ERR_SYNTAX (and the line). The caller's to drop; NULL when e is filled. */
json_t *json_parse(const char *text, size_t n, struct err *e);
/* Bind an object to *out, which is undefined after a failure. A member that is null counts as absent; unknown members
 * are refused. Errors are ERR_INVALID with the member as field. */
bool json_bind(struct arena *a, json_t *obj, const struct json_field *fields, size_t nfields, void *out, struct err *e);
/* s (n bytes) is valid UTF-8 without NUL. */
bool json_utf8_ok(const char *s, size_t n);

#endif
