/* SPDX-License-Identifier: MIT */
/* See look.h. */
#include "tests/sql/look.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/xalloc.h"

const char *
num(int64_t n)
{
    static char buf[32][24];
    static unsigned turn;
    char *p = buf[turn++ % 32];

    (void)snprintf(p, sizeof(buf[0]), "%lld", (long long)n);
    return p;
}

static const char *
value(const PGresult *res, int col)
{
    return PQgetisnull(res, 0, col) ? "" : PQgetvalue(res, 0, col);
}

struct seen
look(PGconn *conn, enum stmt_id stmt, const char *const *params, int n)
{
    PGresult *res = PQexecParams(conn, stmts[stmt].text, n, NULL, params, NULL, NULL, 0);
    struct seen s = {0};
    json_error_t e;

    if (PQresultStatus(res) != PGRES_TUPLES_OK || PQntuples(res) != 1) {
        fail_msg("%s: %s", stmts[stmt].name, PQresultErrorMessage(res));
    }
    s.status = (int)strtol(PQgetvalue(res, 0, 0), NULL, 10);
    s.text = xstrdup(value(res, 1));
    (void)snprintf(s.error, sizeof(s.error), "%s", value(res, 2));
    const char *said = value(res, 3); /* and behind it its format */
    (void)snprintf(s.message, sizeof(s.message), "%.*s", (int)strcspn(said, "\x1f"), said);
    if (s.text[0] != '\0') {
        s.body = json_loads(s.text, JSON_REJECT_DUPLICATES, &e);
        if (s.body == NULL) {
            fail_msg("%s: %s at %d: %s", stmts[stmt].name, e.text, e.position, s.text);
        }
    }
    /* an answer or a refusal, never both, never neither */
    assert_int_equal(s.status < 400, s.body != NULL);
    assert_int_equal(s.status < 400, s.error[0] == '\0' && s.message[0] == '\0');
    PQclear(res);
    return s;
}

void
seen_clear(struct seen *s)
{
    json_decref(s->body);
    free(s->text);
    *s = (struct seen){0};
}

struct seen
look_list(PGconn *conn, struct list l)
{
    return LOOK(conn, STMT_TICKET_LIST, num(l.actor), l.q, l.queue, l.department, l.states, l.agent,
                l.asked ? "true" : "false", l.mine ? "true" : "false", l.class_of, l.priority, l.tag,
                num(l.limit != 0 ? l.limit : 100), l.after);
}

json_t *
at(const json_t *j, const char *path)
{
    char name[64];

    while (j != NULL && *path != '\0') {
        size_t n = strcspn(path, ".");

        (void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
        j = json_is_array(j) ? json_array_get(j, strtoul(name, NULL, 10)) : json_object_get(j, name);
        path += n + (path[n] == '.');
    }
    return (json_t *)(uintptr_t)j;
}

const char *
text_at_path(const json_t *j, const char *path)
{
    const char *s = json_string_value(at(j, path));

    return s != NULL ? s : "";
}

int64_t
int_at(const json_t *j, const char *path)
{
    return json_integer_value(at(j, path));
}

double
real_at(const json_t *j, const char *path)
{
    return json_number_value(at(j, path));
}

int64_t
usec_at(const json_t *j, const char *path)
{
    return (int64_t)(real_at(j, path) * 1e6 + 0.5);
}
