/* SPDX-License-Identifier: MIT */
/*
 * tests/check/invariants.sql itself: a desk that has lived breaks none of them, and each kind of damage is found by the
 * query it belongs to. Damage is done in a transaction that is rolled back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/strbuf.h"
#include "tests/sql/saga.h"

#define FILE_NAME "tests/check/invariants.sql"

struct fixture {
    struct desk *d;
    struct side *s;
    char *sql;
};

static char *
read_file(const char *name)
{
    FILE *f = fopen(name, "r");
    struct strbuf sb;
    char buf[4096];
    size_t n;

    assert_non_null(f);
    strbuf_init(&sb);
    while ((n = fread(buf, 1, sizeof(buf), f)) > 0) {
        strbuf_addn(&sb, buf, n);
    }
    (void)fclose(f);
    return strbuf_detach(&sb);
}

static int
set_up(void **state)
{
    struct fixture *x = calloc(1, sizeof(*x));
    struct saga life;

    assert_non_null(x);
    x->d = desk_open(NULL);
    x->s = side_open(x->d);
    x->sql = read_file(FILE_NAME);
    life = saga_live(x->d, x->s, 1500, 8);
    print_message("# %d asked, %d acts, %d closed\n", life.asked, life.acts, life.closed);
    assert_true(life.closed > 20 && life.acts > 300);
    *state = x;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *x = *state;

    free(x->sql);
    desk_close(x->d);
    free(x);
    return 0;
}

/* Runs statement by statement, each ends with ';' at the end of a line. Adds "name | detail" lines; gives their number. */
static int
broken(struct fixture *x, struct strbuf *ret)
{
    int n = 0;

    for (const char *p = x->sql, *end; (end = strstr(p, ";\n")) != NULL; p = end + 2) {
        char *one = strndup(p, (size_t)(end - p));
        PGresult *res = PQexec(x->d->owner, one);

        if (PQresultStatus(res) != PGRES_TUPLES_OK) {
            fail_msg("%s\n%s", PQresultErrorMessage(res), one);
        }
        assert_int_equal(PQnfields(res), 2);
        for (int i = 0; i < PQntuples(res); i++, n++) {
            strbuf_addf(ret, "%s | %s\n", PQgetvalue(res, i, 0), PQgetvalue(res, i, 1));
        }
        PQclear(res);
        free(one);
    }
    return n;
}

static void
a_desk_that_has_lived_breaks_none(void **state)
{
    struct fixture *x = *state;
    struct strbuf found;

    strbuf_init(&found);
    if (broken(x, &found) != 0) {
        fail_msg("%s", found.p);
    }
    strbuf_release(&found);
}

/* Some ticket in a state, closed or with a property, to be damaged. */
#define OPEN(where)   "(select ticket_id from live where " where " order by ticket_id limit 1)"
#define CLOSED        "(select min(ticket_id) from closed)"
#define ONE_OF(table) "(select min(ticket_id) from " table ")"

/* clang-format off */
static const struct damage {
    const char *name, *sql;
} damages[] = {
    {"lost",        "delete from live where ticket_id = " OPEN("state = 1")},
    {"lost",        "delete from closed where ticket_id = " CLOSED},
    {"lost",        "delete from ticket where ticket_id = " OPEN("true")},
    {"lost",        "insert into op (key, request, ticket_id, at) values ('11111111-1111-1111-1111-111111111111', 5, 99999999, now())"},
    {"lost",        "insert into op (key, tickets, at) values ('11111111-1111-1111-1111-111111111111', '{99999999}', now())"},
    {"doubled",     "update ticket set op_id = (select op_id from ticket order by ticket_id limit 1) where ticket_id = (select max(ticket_id) from ticket)"},
    {"two-states",  "insert into closed select ticket_id, version, 1, null, department_id, queue_id, priority, class, opened, null, null, null, since, null, "
                    "requester, submitter, null, null, stations, messages, 0, 0, '{}' from live where ticket_id = " OPEN("state = 1")},
    {"two-states",  "update live set park = 1 where ticket_id = " OPEN("state = 1")},
    {"two-states",  "update live set agent = 7 where ticket_id = " OPEN("state = 1")},
    {"two-states",  "update live set agent = null where ticket_id = " OPEN("state = 3")},
    {"two-states",  "update live set remaining = null where ticket_id = " OPEN("state = 4")},
    {"stuck",       "update live set lane_id = 999 where ticket_id = " OPEN("state = 1")},
    {"stuck",       "update live set lane_id = lane_id % 5 + 11 where ticket_id = " OPEN("state = 1")},
    {"stuck",       "update live set department_id = department_id % 4 + 1 where ticket_id = " OPEN("state = 1")},
    {"stuck",       "update queue set active = false where queue_id = (select queue_id from live limit 1)"},
    {"stuck",       "update live set state = 2, agent = 7, due_at = null where ticket_id = " OPEN("state = 1")},
    {"stuck",       "update live set due_at = null where ticket_id = " OPEN("state = 3 and due_at is not null")},
    {"stuck",       "update live set due_at = null where ticket_id = " OPEN("state = 5")},
    {"no-way-back", "update live set park = 4, open_children = 0 where ticket_id = " OPEN("state = 4")},
    {"no-way-back", "update live set park = 3, due_at = null where ticket_id = " OPEN("state = 4")},
    {"no-way-back", "update live set park = 1, asked_out = false where ticket_id = " OPEN("state = 4")},
    {"time",        "update span set from_at = from_at + interval '1 us' where (ticket_id, version) = (select ticket_id, version from span "
                    "where to_at > from_at order by 1, 2 limit 1)"},
    {"time",        "update span set to_at = to_at + interval '1 us' where (ticket_id, version) = (select ticket_id, max(version) from span "
                    "group by 1 order by 1 limit 1)"},
    {"time",        "delete from span where (ticket_id, version) = (select ticket_id, min(version) from span where to_at > from_at group by 1 "
                    "having count(*) > 1 order by 1 limit 1)"},
    {"time",        "delete from span where ticket_id = " ONE_OF("span where to_at > from_at")},
    {"time",        "update live set since = since - interval '1 us' where ticket_id = " OPEN("state = 3")},
    {"time",        "update closed set closed_at = closed_at + interval '1 us' where ticket_id = " CLOSED},
    {"holder",      "update span set agent = 7 where (ticket_id, version) = (select ticket_id, version from span where label = 1 order by 1, 2 limit 1)"},
    {"holder",      "update span set agent = null where (ticket_id, version) = (select ticket_id, version from span where label = 3 order by 1, 2 limit 1)"},
    {"children",    "update live set open_children = open_children + 1 where ticket_id = " OPEN("state = 3")},
    {"children",    "update link set open = not open where (ticket_id, blocks) = (select ticket_id, blocks from link where open order by 1, 2 limit 1)"},
    {"children",    "insert into link select (select min(ticket_id) from closed), ticket_id, true, true, now() from live where ticket_id = "
                    OPEN("state = 3")},
    {"circle",      "insert into link select blocks, ticket_id, true, false, now() from link where open limit 1"},
    {"events",      "delete from event where (ticket_id, version) = (select ticket_id, version from event where version > 1 order by 1, 2 limit 1)"},
    {"events",      "delete from event where ticket_id = " OPEN("version = 1")},
    {"events",      "update event set from_state = 4 where (ticket_id, version) = (select ticket_id, version from event where from_state = 3 and verb = 10 "
                    "order by 1, 2 limit 1)"},
    {"events",      "update live set version = version + 1 where ticket_id = " OPEN("true")},
    {"events",      "update live set state = 3, agent = 7, first_held = since where ticket_id = " OPEN("state = 1")},
    {"machine",     "update event set to_state = 5 where (ticket_id, op_id) = (select ticket_id, op_id from event where verb = 9 order by 1, 2 limit 1)"},
    {"machine",     "update event set verb = 27 where (ticket_id, op_id) = (select ticket_id, op_id from event where verb = 9 order by 1, 2 limit 1)"},
    {"moves",       "update span set label = 8 where (ticket_id, version) = (select ticket_id, version from span where label = 1 order by 1, 2 limit 1)"},
    {"epoch",       "update live set epoch = epoch - 1 where ticket_id = " OPEN("epoch > 0")},
    {"epoch",       "update live set agent = agent + 1 where ticket_id = " OPEN("state = 3")},
    {"messages",    "update live set messages = messages + 1 where ticket_id = " OPEN("true")},
    {"messages",    "delete from message where (ticket_id, number) = (select ticket_id, number from message order by 1, 2 limit 1)"},
    {"messages",    "update live set public_last = public_last - 1 where ticket_id = " OPEN("public_last > 0")},
    {"messages",    "update message set op_id = gen_random_uuid() where (ticket_id, number) = (select ticket_id, number from message order by 1, 2 limit 1)"},
    {"firsts",      "update live set first_held = first_held + interval '1 us' where ticket_id = " OPEN("first_held is not null")},
    {"firsts",      "update live set first_held = since where ticket_id = " OPEN("first_held is null")},
    {"firsts",      "update live set first_reply = first_reply + interval '1 us' where ticket_id = " OPEN("first_reply is not null")},
    {"stations",    "update live set stations = stations || (department_id % 4 + 1)::smallint where ticket_id = " OPEN("true")},
    {"stations",    "update live set stations = stations || department_id where ticket_id = " OPEN("true")},
    {"leaked",      "update message set private_queue = null where private_queue is not null"},
    {"rights",      "update person set departments = '{3}' where name = 'luis'"},
    {"rights",      "update person set leads = '{}' where name = 'eva'"},
    {"ratings",     "insert into rating values (99999999, 7, 5, null, now())"},
};
/* clang-format on */

static void
each_damage_is_found_by_its_query(void **state)
{
    struct fixture *x = *state;
    struct strbuf found;
    int missed = 0;

    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        const struct damage *m = &damages[i];
        char label[40];
        PGresult *res;

        (void)desk_text(x->d, "begin");
        res = PQexec(x->d->owner, m->sql);
        if (PQresultStatus(res) != PGRES_COMMAND_OK || strcmp(PQcmdTuples(res), "0") == 0) {
            fail_msg("did no damage: %s\n%s", m->sql, PQresultErrorMessage(res));
        }
        PQclear(res);
        strbuf_init(&found);
        (void)broken(x, &found);
        (void)snprintf(label, sizeof(label), "%s | ", m->name);
        if (strstr(found.p != NULL ? found.p : "", label) == NULL) {
            print_message("# not found as '%s': %s\n%s", m->name, m->sql, found.p != NULL ? found.p : "");
            missed++;
        }
        strbuf_release(&found);
        (void)desk_text(x->d, "rollback");
    }
    assert_int_equal(missed, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_desk_that_has_lived_breaks_none),
        cmocka_unit_test(each_damage_is_found_by_its_query),
    };

    return cmocka_run_group_tests_name("invariants", tests, set_up, tear_down);
}
