/* SPDX-License-Identifier: MIT */
/* The read statements as the daemon sends them: its role, typed parameters, one row of status, JSON, error, message. */
#ifndef TURNO_TEST_LOOK_H
#define TURNO_TEST_LOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/db/stmt.h"
#include "tests/sql/desk.h"

struct seen {
    int status;
    json_t *body; /* NULL when there is none */
    char *text;   /* its bytes, "" when there is none */
    char error[40], message[300];
};

/* Parameters as text, NULL is null. A statement that fails, a row that is missing, JSON that is none fail the test. */
struct seen look(PGconn *conn, enum stmt_id stmt, const char *const *params, int n);
#define LOOK(conn, stmt, ...)                                                                                          \
    look((conn), (stmt), (const char *const[]){__VA_ARGS__},                                                           \
         (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)))
void seen_clear(struct seen *s);

/* A number as text; one of 32 static buffers. */
const char *num(int64_t n);

/* List parameters by name; what is not given is null. */
struct list {
    int actor;
    const char *q, *queue, *department, *states, *agent; /* states: "{queued,held}" */
    bool asked, mine;
    const char *class_of, *priority, *tag;
    int limit;
    const char *after;
};
struct seen look_list(PGconn *conn, struct list l);
#define LIST(conn, ...) look_list((conn), (struct list){__VA_ARGS__})

/* Members of JSON by path: "spans.0.label". Missing: NULL, 0 ("" for text). */
json_t *at(const json_t *j, const char *path);
const char *text_at_path(const json_t *j, const char *path);
int64_t int_at(const json_t *j, const char *path);
double real_at(const json_t *j, const char *path);
/* Seconds, which JSON has as a number with six digits at most, in microseconds. */
int64_t usec_at(const json_t *j, const char *path);

#endif
