/* SPDX-License-Identifier: MIT */
/* PostgreSQL's binary formats, both ways: big-endian numbers, arrays of one dimension. */
#ifndef TURNO_BINARY_H
#define TURNO_BINARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "daemon/db/db.h"

/* Types of ours: number of the element and of the array (catalogue pg_type; they never change). */
enum pg_type {
    PG_BOOL = 16,
    PG_BYTEA = 17,
    PG_CHAR = 18,
    PG_NAME = 19,
    PG_INT8 = 20,
    PG_INT2 = 21,
    PG_INT4 = 23,
    PG_TEXT = 25,
    PG_OID = 26,
    PG_JSON = 114,
    PG_UNKNOWN = 705,
    PG_VARCHAR = 1043,
    PG_TIMESTAMPTZ = 1184,
    PG_VOID = 2278,
    PG_UUID = 2950,
    PG_JSONB = 3802,
    PG_BOOL_ARRAY = 1000,
    PG_BYTEA_ARRAY = 1001,
    PG_INT2_ARRAY = 1005,
    PG_INT4_ARRAY = 1007,
    PG_TEXT_ARRAY = 1009,
    PG_INT8_ARRAY = 1016,
    PG_TIMESTAMPTZ_ARRAY = 1185,
    PG_UUID_ARRAY = 2951,
    PG_JSONB_ARRAY = 3807,
};

/* timestamptz counts from 2000-01-01, we from 1970-01-01. */
#define PG_EPOCH INT64_C(946684800000000)

void put_be(char *p, uint64_t v, int bytes);
uint64_t get_be(const char *p, int bytes);
int64_t get_signed(const char *p, int bytes); /* 1, 2, 4 or 8 */

enum pg_type array_type(enum batch_type t);
enum pg_type array_elem_type(enum pg_type array); /* 0: not an array of ours */

/* Encode n values as an array. fields[i] points at the C value of the type (see enum batch_type); the BATCH_NONE* values,
 * NULL pointers and all-zero uuids become NULL. */
bool array_is_null(enum batch_type t, const void *const *fields, size_t n); /* each of them would */
const char *array_encode(struct arena *a, enum batch_type t, const void *const *fields, size_t n, int *ret_len);

/* Elements of a received array; *ret_elem its element type. */
int array_count(const char *p, int len, enum pg_type *ret_elem);
/* Element i (0-based, must exist): its bytes, or NULL for NULL. */
const char *array_elem(const char *p, int len, int i, int *ret_len);

#endif
