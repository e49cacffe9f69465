/* SPDX-License-Identifier: MIT */
/*
 * The history of a person: the tickets the actor may see and no others, page by page and in the totals, against what the
 * tables say when asked plainly; who is found by which name; and what it costs when there are many tickets.
 * (That nothing of private queues shows is in test_private.c.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/strbuf.h"
#include "tests/sql/fixture.h"
#include "tests/sql/look.h"
#include "tests/sql/saga.h"

static int
set_up(void **state)
{
    struct fixture *x = fixture_open(state, "autovacuum = off");

    (void)saga_live(x->d, x->s, 900, 23);
    return 0;
}

static struct seen
person(struct fixture *x, int who, const char *name, const char *account, int limit, const char *after)
{
    return LOOK(x->d->owner, STMT_PERSON_SHOW, num(who), name, account, "false", num(limit), after);
}

static const char *
account_of(int p)
{
    return desk_people[p].account == 1 ? "ACME" : desk_people[p].account == 2 ? "Globex" : NULL;
}

static void
add_numbers(struct strbuf *sb, const json_t *list)
{
    const json_t *t;
    size_t i;

    json_array_foreach(list, i, t) {
        strbuf_addf(sb, "%lld ", (long long)int_at(t, "ticket"));
    }
}

/* What the actor sees of what p asked for and that is in these states, asked plainly: numbers, newest first. */
static const char *
plainly(struct fixture *x, int who, int p, const char *states)
{
    return desk_text(x->d,
                     "select coalesce(string_agg(c.ticket_id || ' ', '' order by c.ticket_id desc), '') from ticket t, "
                     "lateral (select * from cards(array[t.ticket_id])) c where c.requester = %d and c.state in (%s) "
                     "and sees(%d, c.ticket_id) > 0",
                     p, states, who);
}

/* ---- what is shown ---------------------------------------------------------------------------------------------------- */

static void
check_totals(struct fixture *x, int who, int p, const json_t *totals)
{
    static const char *const sums[][2] = {
        {"done",     "count(*)"                           },
        {"reopened", "count(*) filter (where reopens > 0)"},
        {"rated",    "count(score)"                       },
    };

    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
        assert_int_equal(int_at(totals, sums[i][0]),
                         desk_int(x->d,
                                  "select %s from (select c.*, r.score from ticket t, lateral (select * from "
                                  "cards(array[t.ticket_id])) c left join rating r on r.ticket_id = c.ticket_id "
                                  "where c.requester = %d and c.state in (5, 6) and sees(%d, c.ticket_id) > 0) y",
                                  sums[i][1], p, who));
    }
}

static void
all_that_is_seen_and_nothing_else(void **state)
{
    struct fixture *x = *state;
    int shown = 0, unknown = 0;

    for (int who = LUIS; who <= ROOT; who++) {
        for (int p = D_WAREHOUSE; p <= PAUL; p++) {
            const char *name =
                p <= D_IT ? desk_text(x->d, "select name from person where person_id = %d", p) : desk_people[p].name;
            char called[40], after[40] = "", *open, *done;
            struct strbuf got;

            (void)snprintf(called, sizeof(called), "%s", name);
            open = strdup(plainly(x, who, p, "1, 2, 3, 4"));
            done = strdup(plainly(x, who, p, "5, 6"));
            strbuf_init(&got);
            for (int page = 0; page == 0 || after[0] != '\0'; page++) {
                struct seen s = person(x, who, called, account_of(p), 4, page > 0 ? after : NULL);

                if (account_of(p) != NULL && open[0] == '\0' && done[0] == '\0') {
                    assert_int_equal(s.status, 404); /* as if there were nobody */
                    unknown++;
                } else {
                    assert_int_equal(s.status, 200);
                    assert_string_equal(text_at_path(s.body, "person.name"), called);
                    assert_true(json_array_size(at(s.body, "done")) <= 4);
                    if (page == 0) {
                        struct strbuf o;

                        strbuf_init(&o);
                        add_numbers(&o, at(s.body, "open"));
                        assert_string_equal(o.p, open);
                        strbuf_release(&o);
                        check_totals(x, who, p, at(s.body, "totals"));
                        shown++;
                    } else {
                        assert_true(json_is_null(at(s.body, "totals")));
                    }
                    add_numbers(&got, at(s.body, "done"));
                }
                (void)snprintf(after, sizeof(after), "%s", text_at_path(s.body, "next"));
                seen_clear(&s);
            }
            assert_string_equal(got.p, done);
            strbuf_release(&got);
            free(open);
            free(done);
        }
    }
    assert_in_range(shown, 100, 10000);
    assert_in_range(unknown, 1, 1000);
}

static void
who_it_is(void **state)
{
    struct fixture *x = *state;
    struct seen s = person(x, ROOT, "carl", "ACME", 10, NULL);

    assert_string_equal(text_at_path(s.body, "person.class"), "external");
    assert_string_equal(text_at_path(s.body, "person.account.name"), "ACME");
    assert_string_equal(text_at_path(s.body, "person.account.kind"), "customer");
    assert_int_equal(json_array_size(at(s.body, "person.departments")), 0);
    seen_clear(&s);
    s = person(x, LUIS, "sol", NULL, 10, NULL);
    assert_string_equal(text_at_path(s.body, "person.class"), "internal");
    assert_true(json_is_null(at(s.body, "person.account")));
    assert_string_equal(text_at_path(s.body, "person.departments.0"), "it");
    assert_string_equal(text_at_path(s.body, "person.departments.1"), "sales");
    seen_clear(&s);
}

/* The whole wait without what waited for the requester, from the spans. */
static void
waits_are_what_the_desk_took(void **state)
{
    struct fixture *x = *state;
    int parked = 0;

    for (int p = LUIS; p <= PAUL; p++) {
        struct seen s = person(x, ROOT, desk_people[p].name, account_of(p), 100, NULL);
        const json_t *t;
        size_t i;

        json_array_foreach(at(s.body, "done"), i, t) {
            long long id = (long long)int_at(t, "ticket");

            assert_int_equal(usec_at(t, "waited_seconds"),
                             desk_int(x->d,
                                      "select sum(usec(to_at) - usec(from_at)) from span where ticket_id = %lld and "
                                      "label not in (4, 8)",
                                      id));
            assert_int_equal(int_at(t, "reopens"),
                             desk_int(x->d, "select reopens from cards(array[%lld::bigint])", id));
            parked += desk_int(x->d, "select count(*) from span where ticket_id = %lld and label = 4", id) > 0;
        }
        seen_clear(&s);
    }
    assert_in_range(parked, 1, 1000);
}

/* ---- who is meant ------------------------------------------------------------------------------------------------------- */

static void
people_outside_learn_nothing(void **state)
{
    struct fixture *x = *state;

    for (int who = CARL; who <= PAUL; who++) {
        struct seen s = person(x, who, desk_people[who].name, account_of(who), 10, NULL);

        assert_int_equal(s.status, 403);
        seen_clear(&s);
    }
    struct seen s = person(x, 99999, "carl", NULL, 10, NULL);
    assert_int_equal(s.status, 403);
    seen_clear(&s);
}

static void
names_are_found(void **state)
{
    struct fixture *x = *state;
    struct seen s;

    (void)desk_text(x->d, "begin");
    (void)desk_text(x->d,
                    "insert into person (person_id, kind, name, account_id) overriding system value values "
                    "(901, 'human', 'carl', 2), (902, 'human', 'María Pérez', 1), (903, 'human', 'Nobody''s', 1)");
    (void)desk_text(x->d, "update live set requester = 902 where ticket_id = (select max(ticket_id) from live where "
                          "department_id = 1)");
    /* two are called so, but one of them has asked for nothing the actor sees */
    s = person(x, LUIS, "carl", NULL, 10, NULL);
    assert_string_equal(text_at_path(s.body, "person.account.name"), "ACME");
    seen_clear(&s);
    (void)desk_text(x->d, "update live set requester = 901 where ticket_id = (select min(ticket_id) from live where "
                          "department_id = 1)");
    s = person(x, LUIS, "carl", NULL, 10, NULL);
    assert_int_equal(json_array_size(at(s.body, "candidates")), 2);
    assert_null(at(s.body, "open"));
    seen_clear(&s);
    s = person(x, LUIS, "carl", "Globex", 10, NULL);
    assert_string_equal(text_at_path(s.body, "person.account.name"), "Globex");
    seen_clear(&s);
    /* a part, in any case; the account's name */
    s = person(x, LUIS, "pérez", NULL, 10, NULL);
    assert_string_equal(text_at_path(s.body, "person.name"), "María Pérez");
    seen_clear(&s);
    s = person(x, LUIS, "globex", NULL, 10, NULL);
    assert_true(json_array_size(at(s.body, "candidates")) >= 1 || at(s.body, "person.account.name") != NULL);
    seen_clear(&s);
    /* hidden and missing are one answer */
    s = person(x, LUIS, "Nobody's", NULL, 10, NULL);
    assert_int_equal(s.status, 404);
    seen_clear(&s);
    s = person(x, LUIS, "Nobody'x", NULL, 10, NULL);
    assert_int_equal(s.status, 404);
    seen_clear(&s);
    s = person(x, LUIS, "carl", "no such account", 10, NULL);
    assert_int_equal(s.status, 404);
    seen_clear(&s);
    s = person(x, LUIS, "turno", NULL, 10, NULL);
    assert_int_equal(s.status, 404);
    seen_clear(&s);
    s = person(x, LUIS, "  ", NULL, 10, NULL);
    assert_int_equal(s.status, 422);
    seen_clear(&s);
    s = person(x, LUIS, "carl", NULL, 10, "x1");
    assert_int_equal(s.status, 422);
    seen_clear(&s);
    (void)desk_text(x->d, "rollback");
}

/* n customers of one name, each of an account of their own. */
static void
crowd(struct fixture *x, int first, int n, const char *name)
{
    (void)desk_text(
        x->d,
        "insert into account (account_id, kind, name, segment) overriding system value select i, 'customer', "
        "'Number ' || i, 'occasional' from generate_series(%d, %d) i",
        first, first + n - 1);
    (void)desk_text(x->d,
                    "insert into person (person_id, kind, name, account_id) overriding system value select i, 'human', "
                    "'%s', i from generate_series(%d, %d) i",
                    name, first, first + n - 1);
}

/* Of a name that thousands have, not all are looked at: the newest, and that there are more is said. */
static void
a_name_of_thousands(void **state)
{
    enum { FIRST = 10000, CROWD = 2000 };
    static const char *const parts[] = {"Anna Banana", "banan"};
    struct fixture *x = *state;
    struct seen s;

    (void)desk_text(x->d, "begin");
    crowd(x, FIRST, CROWD, "Anna Banana");
    crowd(x, FIRST + CROWD, 2 * CROWD, "Otto");
    (void)desk_text(x->d, "analyze person, account");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        /* none is known of those that were looked at */
        (void)desk_text(x->d, "savepoint s");
        s = person(x, LUIS, parts[i], NULL, 10, NULL);
        assert_int_equal(s.status, 422);
        assert_string_equal(s.error, "invalid");
        assert_non_null(strstr(s.message, "too many are called"));
        seen_clear(&s);
        s = LOOK(x->d->owner, STMT_PERSON_SHOW, num(LUIS), parts[i], NULL, "true", "10", NULL);
        assert_int_equal(s.status, 404); /* inside there is nobody, for sure */
        seen_clear(&s);
        /* one is, and it is not said that it is the one */
        (void)desk_text(x->d,
                        "update live set requester = %d where ticket_id = (select max(ticket_id) from live where "
                        "department_id = 1)",
                        i == 0 ? FIRST + CROWD - 1 : FIRST);
        s = person(x, LUIS, parts[i], NULL, 10, NULL);
        assert_int_equal(s.status, 200);
        assert_int_equal(json_array_size(at(s.body, "candidates")), 1);
        assert_true(json_is_true(at(s.body, "more")));
        seen_clear(&s);
        s = person(x, LUIS, "Anna Banana", i == 0 ? "Number 11999" : "Number 10000", 10, NULL);
        assert_string_equal(text_at_path(s.body, "person.name"), "Anna Banana");
        seen_clear(&s);
        (void)desk_text(x->d, "rollback to s");
    }
    (void)desk_text(x->d, "rollback");
}

static int64_t
names_read(struct fixture *x)
{
    return desk_int(x->d, "select pg_stat_get_xact_tuples_returned('turno.person_outside'::regclass)");
}

/* … by the index of names, from its end. */
static void
a_name_is_looked_up(void **state)
{
    struct fixture *x = *state;
    int64_t read;
    struct seen s;

    (void)desk_text(x->d, "begin");
    crowd(x, 10000, 2000, "Anna Ananas");
    crowd(x, 12000, 4000, "Otto");
    (void)desk_text(x->d, "analyze person, account");
    (void)desk_text(x->d, "update live set requester = 11999 where ticket_id = (select max(ticket_id) from live where "
                          "department_id = 1)");
    read = names_read(x);
    s = person(x, LUIS, "Anna Ananas", NULL, 10, NULL);
    assert_int_equal(s.status, 200);
    assert_int_equal(names_read(x) - read, 501);
    seen_clear(&s);
    (void)desk_text(x->d, "rollback");
}

/* An administrator's reading of private tickets is noted. */
static void
admins_are_noted(void **state)
{
    struct fixture *x = *state;
    int64_t before = desk_int(x->d, "select count(*) from look"), hidden, who;
    char name[100];
    char account[100];
    struct seen s;

    /* whoever has asked there in this history */
    who = desk_int(
        x->d,
        "select coalesce((select c.requester from cards(array(select ticket_id from ticket)) c join person p on "
        "p.person_id = c.requester where c.queue_id = %d and p.kind = 'human' group by 1 having count(*) < 100 "
        "order by count(*) desc limit 1), 0)",
        Q_LEGAL);
    assert_int_not_equal(who, 0);
    (void)snprintf(name, sizeof name, "%s",
                   desk_text(x->d, "select name from person where person_id = %lld", (long long)who));
    (void)snprintf(account, sizeof account, "%s",
                   desk_text(x->d,
                             "select coalesce((select a.name from person p join account a using (account_id) where "
                             "p.person_id = %lld), '')",
                             (long long)who));
    s = person(x, ROOT, name, account[0] != '\0' ? account : NULL, 100, NULL);
    hidden = desk_int(x->d,
                      "select count(*) from cards(array(select ticket_id from ticket)) c where c.requester = %lld and "
                      "c.queue_id = %d",
                      (long long)who, Q_LEGAL);
    assert_in_range(hidden, 1, 200);
    assert_int_equal(desk_int(x->d, "select count(*) from look") - before, hidden);
    seen_clear(&s);
}

/* ---- size ----------------------------------------------------------------------------------------------------------------- */

enum { MANY = 30000 };

/* Of one person MANY closed tickets, of which LUIS sees the newest alone. */
static void
a_long_history_costs_a_page(void **state)
{
    struct fixture *x = *state;
    static const int who[] = {LUIS, LEX};
    int64_t first = 1000000;

    (void)desk_int(x->d, "select count(number_lease(100000)) from generate_series(1, 11)");
    (void)desk_text(
        x->d,
        "insert into closed (ticket_id, version, outcome, department_id, queue_id, priority, class, opened, "
        "closed_at, requester, submitter, account_id, stations, messages, reopens, taken, tags) select i, 2, "
        "1, 3, 4, 3, 2, desk_now(), desk_now(), %d, %d, 1, '{3}', 0, 0, 0, '{}' from generate_series(%lld, "
        "%lld) i",
        CARL, CARL, (long long)first, (long long)first + MANY - 1);
    (void)desk_text(x->d,
                    "insert into ticket (ticket_id, op_id, requester, submitter, account_id, class, channel, kind, "
                    "segment, desk, queue_id, priority, subject, body, opened) select ticket_id, "
                    "gen_random_uuid(), requester, submitter, account_id, class, 2, 'customer', 'loyal', 0, "
                    "queue_id, priority, 'old', 'old', opened from closed where ticket_id >= %lld",
                    (long long)first);
    (void)desk_text(x->d, "update closed set department_id = 1, queue_id = 1, stations = '{1}' where ticket_id = %lld",
                    (long long)first + MANY - 1);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
            int64_t rows, scans;
            struct seen s;

            (void)desk_text(x->d, "select pg_stat_force_next_flush()");
            (void)desk_text(x->d, "begin");
            s = person(x, who[i], "carl", "ACME", 10, NULL);
            rows = desk_int(x->d, "select sum(idx_tup_fetch) from pg_stat_xact_user_tables where relname ~ "
                                  "'^(live|ticket|closed|span|rating)'");
            scans = desk_int(x->d, "select sum(seq_scan) from pg_stat_xact_user_tables where relname ~ "
                                   "'^(live|ticket|closed|span|rating)'");
            (void)desk_text(x->d, "commit");
            print_message("# round %d, person %d: %lld rows\n", round, who[i], (long long)rows);
            assert_int_equal(scans, 0);
            assert_in_range(rows, 1, MANY / 2);
            if (who[i] == LUIS) { /* whose page is cut short, and goes on at a round number */
                const char *next = text_at_path(s.body, "next");
                assert_int_equal(json_array_size(at(s.body, "done")), 1);
                assert_string_equal(next + strlen(next) - 2, "00");
            } else {
                assert_int_equal(json_array_size(at(s.body, "done")), 10);
                assert_int_equal(int_at(s.body, "totals.done"), 999); /* of the newest 1,000 */
            }
            seen_clear(&s);
        }
        (void)desk_text(x->d, "analyze");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_seen_and_nothing_else),
        cmocka_unit_test(who_it_is),
        cmocka_unit_test(waits_are_what_the_desk_took),
        cmocka_unit_test(people_outside_learn_nothing),
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(a_name_of_thousands),
        cmocka_unit_test(a_name_is_looked_up),
        cmocka_unit_test(admins_are_noted),
        cmocka_unit_test(a_long_history_costs_a_page),
    };

    return cmocka_run_group_tests_name("person", tests, set_up, tear_down);
}
