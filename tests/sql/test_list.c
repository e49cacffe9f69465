/* SPDX-License-Identifier: MIT */
/*
 * Lists of tickets: every filter for every kind of person, page by page, against what the tables say when asked plainly;
 * and what a page costs when there are many tickets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/strbuf.h"
#include "tests/sql/look.h"
#include "tests/sql/saga.h"

#define ALL_STATES "{queued,offered,held,parked,resolved,closed}"

struct fixture {
    struct desk *d;
    struct side *s;
};

static int
set_up(void **state)
{
    struct fixture *x = calloc(1, sizeof(*x));

    assert_non_null(x);
    x->d = desk_open("autovacuum = off");
    x->s = side_open(x->d);
    (void)saga_live(x->d, x->s, 1200, 3);
    *state = x;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *x = *state;

    desk_close(x->d);
    free(x);
    return 0;
}

/* ---- lists --------------------------------------------------------------------------------------------------------------- */

/* All pages of a list, as the numbers in their order. Fails on a number that comes twice. */
static char *
all_pages(struct fixture *x, struct list l)
{
    char after[80] = "";
    struct strbuf sb;

    strbuf_init(&sb);
    strbuf_addch(&sb, ' ');
    for (int page = 0;; page++) {
        size_t i;
        json_t *item;
        struct seen s;

        assert_in_range(page, 0, 2000);
        l.after = after[0] != '\0' ? after : NULL;
        s = look_list(x->d->owner, l);
        if (s.status != 200) {
            fail_msg("%d %s", s.status, s.message);
        }
        assert_true((int)json_array_size(at(s.body, "tickets")) <= l.limit);
        json_array_foreach(at(s.body, "tickets"), i, item) {
            char one[32];

            (void)snprintf(one, sizeof(one), " %lld ", (long long)int_at(item, "ticket"));
            assert_null(strstr(sb.p, one));
            strbuf_addf(&sb, "%s", one + 1);
        }
        (void)snprintf(after, sizeof(after), "%s", text_at_path(s.body, "next"));
        seen_clear(&s);
        if (after[0] == '\0') {
            return strbuf_detach(&sb);
        }
    }
}

/* What the list must be, asked plainly of all tickets. */
static char *
plainly(struct fixture *x, struct list l, const char *where, const char *order)
{
    char *r = NULL;
    struct strbuf sb;
    PGresult *res;

    strbuf_init(&sb);
    strbuf_addf(&sb,
                "with me as (select * from actor where person_id = %d) "
                "select coalesce(string_agg(c.ticket_id::text, ' ' order by %s), '') from me, ticket t, lateral "
                "(select * from cards(array[t.ticket_id])) c where sees(me.person_id, c.ticket_id) > 0 and (%s) "
                "and (not me.external or c.requester = me.person_id)",
                l.actor, order, where);
    res = PQexec(x->d->owner, sb.p);
    if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        fail_msg("%s", PQresultErrorMessage(res));
    }
    strbuf_clear(&sb);
    strbuf_addf(&sb, " %s%s", PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 0)[0] != '\0' ? " " : "");
    r = strbuf_detach(&sb);
    PQclear(res);
    return r;
}

#define SCOPE                                                                                                          \
    "(me.admin or c.requester = me.person_id or c.requester = any (me.stands) or c.department_id = any "               \
    "(me.departments)"                                                                                                 \
    " or c.from_department = any (me.departments))"
#define ASKED                                                                                                          \
    "(c.requester = me.person_id or c.requester = any (me.stands) or c.from_department = any (me.departments))"

static void
lists_are_what_the_tables_say(void **state)
{
    static const struct {
        struct list l;
        const char *where;
    } cases[] = {
        {{0},                                                   "c.state < 6 and " SCOPE                                            },
        {{.states = ALL_STATES},                                SCOPE                                                               },
        {{.states = "{closed}"},                                "c.state = 6 and " SCOPE                                            },
        {{.states = "{queued,parked}"},                         "c.state in (1, 4) and " SCOPE                                      },
        {{.queue = "warehouse"},                                "c.state < 6 and c.queue_id = 1"                                    },
        {{.queue = "it", .states = "{held,closed}"},            "c.state in (3, 6) and c.queue_id = 5"                              },
        {{.department = "warehouse"},                           "c.state < 6 and c.department_id = 1"                               },
        {{.department = "sales", .states = ALL_STATES},         "c.department_id = 2"                                               },
        {{.asked = true},                                       "c.state < 6 and " ASKED                                            },
        {{.asked = true, .states = ALL_STATES},                 ASKED                                                               },
        {{.asked = true, .queue = "it"},                        "c.state < 6 and c.queue_id = 5 and " ASKED                         },
        {{.mine = true},                                        "c.state in (2, 3) and c.agent = me.person_id"                      },
        {{.agent = "me", .states = ALL_STATES},                 "c.agent = me.person_id"                                            },
        {{.class_of = "internal"},                              "c.state < 6 and c.class = 1 and " SCOPE                            },
        {{.class_of = "external", .states = ALL_STATES},        "c.class = 2 and " SCOPE                                            },
        {{.priority = "urgent", .states = ALL_STATES},          "c.priority = 1 and " SCOPE                                         },
        {{.tag = "red", .states = ALL_STATES},                  "'red' = any (c.tags) and not me.external and " SCOPE               },
        {{.q = "printer"},                                      "t.subject like '%printer%' and " SCOPE                             },
        {{.q = "lugo or printer -boxes", .states = "{queued}"},
         "c.state = 1 and (t.subject like '%printer%' or t.subject like '%Lugo%') and " SCOPE                                       },
        {{.q = "\"TWELVE boxes\" code"},                        "t.subject like 'Twelve boxes%' and t.body like '%code%' and " SCOPE},
        {{.q = "nowhere"},                                      "false"                                                             },
        {{.q = "printer", .asked = true, .priority = "low"},
         "t.subject like '%printer%' and c.priority = 4 and " ASKED                                                                 },
    };
    static const int people[] = {LUIS, EVA, SOL, LEO, LEX, IAN, NOVA, ZOE, ROOT, CARL, DORA, PAUL};
    struct fixture *x = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t p = 0; p < sizeof(people) / sizeof(people[0]); p++) {
            struct list l = cases[i].l;
            char *got, *want;

            l.actor = people[p];
            l.limit = 1 + (int)((i + p) % 9);
            got = all_pages(x, l);
            want = plainly(x, l, cases[i].where, "c.ticket_id desc");
            if (strcmp(got, want) != 0) {
                print_message("# case %zu for %s, pages of %d\n# got  %s\n# want %s\n", i, desk_people[l.actor].name,
                              l.limit, got, want);
            }
            assert_string_equal(got, want);
            free(got);
            free(want);
        }
    }
}

static void
agents_are_listed_by_name(void **state)
{
    struct fixture *x = *state;
    struct list l = {.actor = EVA, .agent = "luis", .states = ALL_STATES, .limit = 3};
    char *got = all_pages(x, l), *want = plainly(x, l, "c.agent = 6 + 0", "c.ticket_id desc");

    assert_int_equal(LUIS, 6);
    assert_string_equal(got, want);
    assert_true(strlen(got) > 10);
    free(got);
    free(want);
}

static void
waiting_tickets_come_in_the_order_of_the_queue(void **state)
{
    struct fixture *x = *state;

    for (int q = 1; q <= QUEUES; q++) {
        static const int lead[] = {0, EVA, EVA, LEO, LEA, IAN};
        struct list l = {.actor = lead[q], .queue = desk_queues[q].name, .states = "{queued}", .limit = 2};
        char where[40];
        char *got, *want;

        (void)snprintf(where, sizeof(where), "c.state = 1 and c.queue_id = %d", q);
        got = all_pages(x, l);
        want = plainly(x, l, where, "c.key, c.ticket_id");
        assert_string_equal(got, want);
        free(got);
        free(want);
    }
}

static void
wrong_filters_are_named(void **state)
{
    static const struct {
        struct list l;
        const char *message;
    } cases[] = {
        {{.queue = "x'y"},                                                "queue: there is no 'x'y' with tickets for you to see"             },
        {{.department = "nowhere"},                                       "department: there is no 'nowhere'"                                },
        {{.agent = "carl"},                                               "agent: there is no 'carl'"                                        },
        {{.agent = "it"},                                                 "agent: there is no 'it'"                                          },
        {{.states = "{queued,open}"},                                     "state: must be of queued, offered, held, parked, resolved, closed"},
        {{.states = "{}"},                                                "state: must be of queued, offered, held, parked, resolved, closed"},
        {{.class_of = "Internal"},                                        "class: must be internal or external"                              },
        {{.priority = "1"},                                               "priority: must be urgent, high, normal or low"                    },
        {{.q = "..."},                                                    "q: there is no word in it to look for"                            },
        {{.after = "7"},                                                  "after: not a cursor of this list"                                 },
        {{.after = "n"},                                                  "after: not a cursor of this list"                                 },
        {{.after = "n12345678901234567890"},                              "after: not a cursor of this list"                                 },
        {{.after = "q5.6"},                                               "after: not a cursor of this list"                                 },
        {{.after = "n5", .queue = "warehouse", .states = "{queued}"},     "after: not a cursor of this list"                                 },
        {{.after = "q--5.6", .queue = "warehouse", .states = "{queued}"}, "after: not a cursor of this list"                                 },
    };
    struct fixture *x = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct list l = cases[i].l;
        struct seen s;

        l.actor = LUIS;
        s = look_list(x->d->owner, l);
        assert_int_equal(s.status, 422);
        assert_string_equal(s.error, "invalid");
        assert_string_equal(s.message, cases[i].message);
        seen_clear(&s);
    }
    struct seen s = LIST(x->d->owner, .actor = 99999);
    assert_int_equal(s.status, 403);
    seen_clear(&s);
}

static void
a_list_shows_this_of_a_ticket(void **state)
{
    static const char *const members[] = {"ticket",     "subject",  "state", "park",      "park_note", "queue",
                                          "department", "priority", "class", "requester", "account",   "agent",
                                          "epoch",      "opened",   "since", "target",    "late",      "tags"};
    struct fixture *x = *state;
    int64_t id = SUBMIT(x->s, .actor = CARL, .queue = Q_SALES, .subject = "A \"quoted\" ticket", .tags = "vip",
                        .priority = PRIORITY_URGENT)
                     ->ticket;
    int64_t now = x->d->now;
    struct seen s = LIST(x->d->owner, .actor = ANA, .limit = 1);
    const json_t *t = at(s.body, "tickets.0");
    const char *name;
    json_t *value;
    size_t i = 0;

    json_object_foreach(at(s.body, "tickets.0"), name, value) {
        assert_string_equal(name, members[i++]);
    }
    assert_int_equal(i, sizeof(members) / sizeof(members[0]));
    assert_int_equal(int_at(t, "ticket"), id);
    assert_string_equal(text_at_path(t, "subject"), "A \"quoted\" ticket");
    assert_string_equal(text_at_path(t, "state"), "queued");
    assert_string_equal(text_at_path(t, "queue"), "sales");
    assert_string_equal(text_at_path(t, "class"), "external");
    assert_string_equal(text_at_path(t, "requester"), "carl");
    assert_string_equal(text_at_path(t, "account"), "ACME");
    assert_string_equal(text_at_path(t, "target"),
                        desk_text(x->d, "select iso(at_usec(%lld))", (long long)(now + 30 * MINUTE)));
    assert_true(json_is_false(at(t, "late")));
    assert_string_equal(text_at_path(t, "tags.0"), "vip");
    assert_string_equal(text_at_path(s.body, "next")[0] == 'n' ? "n" : "", "n");
    seen_clear(&s);
    /* half an hour and a moment later it is late; to people outside tags do not show */
    desk_pass(x->d, 30 * MINUTE + 1);
    s = LIST(x->d->owner, .actor = CARL, .limit = 1);
    assert_int_equal(int_at(s.body, "tickets.0.ticket"), id);
    assert_true(json_is_true(at(s.body, "tickets.0.late")));
    assert_int_equal(json_array_size(at(s.body, "tickets.0.tags")), 0);
    seen_clear(&s);
}

/* ---- size --------------------------------------------------------------------------------------------------------------------------- */

enum { MANY = 20000, SOME = 2000 };

/* MANY open tickets, every tenth in somebody's hand, and after them some that are closed. */
static void
fill(struct fixture *x, int64_t from)
{
    (void)desk_text(
        x->d,
        "insert into ticket (ticket_id, op_id, requester, submitter, account_id, class, channel, kind, segment, desk, "
        "queue_id, priority, subject, body, opened) select i, gen_random_uuid(), %d, %d, 1, 2, 2, 'customer', 'loyal', "
        "0, "
        "1, 3, 'Number ' || i, 'A body of some length about it', desk_now() from generate_series(%lld, %lld) i",
        DORA, DORA, (long long)from, (long long)from + MANY + SOME - 1);
    (void)desk_text(
        x->d,
        "insert into live (ticket_id, state, agent, department_id, queue_id, lane_id, priority, class, key, anchor, "
        "opened, since, requester, submitter, account_id, stations, public_by) select i, case when i %% 10 = 0 then 3 "
        "else 1 end, case when i %% 10 = 0 then %d end, 1, 1, 11, 3, 2, i * 1000, desk_now(), desk_now(), desk_now(), "
        "%d, %d, 1, '{1}', %d from generate_series(%lld, %lld) i",
        MAR, DORA, DORA, DORA, (long long)from, (long long)from + MANY - 1);
    (void)desk_text(
        x->d,
        "insert into closed (ticket_id, version, outcome, department_id, queue_id, priority, class, opened, closed_at, "
        "requester, submitter, account_id, stations, messages, reopens, taken, tags) select ticket_id, 2, 1, 1, 1, "
        "priority, class, opened, opened, requester, submitter, account_id, '{1}', 0, 0, 0, '{}' from ticket "
        "where ticket_id >= %lld",
        (long long)from + MANY);
}

/* What one call reads of the big tables: rows by index, and whole scans. */
static void
reads_little(struct fixture *x, const char *when, size_t page, struct list l, int64_t most)
{
    struct seen s;
    int64_t rows, scans;

    (void)desk_text(x->d, "select pg_stat_force_next_flush()"); /* or what was done before would be counted too */
    (void)desk_text(x->d, "begin");
    s = look_list(x->d->owner, l);
    assert_int_equal(s.status, 200);
    rows = desk_int(x->d,
                    "select sum(idx_tup_fetch) from pg_stat_xact_user_tables where schemaname = 'turno' and relname ~ "
                    "'^(live|ticket|closed|message|event|span)'");
    scans =
        desk_int(x->d, "select sum(seq_scan) from pg_stat_xact_user_tables where schemaname = 'turno' and relname ~ "
                       "'^(live|ticket|closed|message|event|span)'");
    (void)desk_text(x->d, "commit");
    if (scans != 0 || rows > most) {
        fail_msg("page %zu, %s: %lld rows, %lld scans", page, when, (long long)rows, (long long)scans);
    }
    seen_clear(&s);
}

static void
a_page_costs_what_it_shows(void **state)
{
    const struct list pages[] = {
        {.actor = LUIS,              .queue = "warehouse", .states = "{queued}"},
        {.actor = LUIS,                          .queue = "warehouse"                                 },
        {.actor = LUIS                         },
        {.actor = ROOT             },
        {.actor = DORA                         },
        {.actor = DORA,      .asked = true, .states = ALL_STATES},
        {.actor = LUIS, .department = "warehouse",                     .states = ALL_STATES},
        {.actor = LUIS,              .mine = true        },
    };
    static const char *const tables[] = {"live", "closed", "ticket"};
    struct fixture *x = *state;
    int64_t from = 100000, few = desk_int(x->d, "select ticket_id from ticket order by 1 offset 9 limit 1");

    /* dead rows: the statistics say that there are few tickets in many pages, from which all may look as cheap as one */
    (void)desk_int(x->d, "select count(number_lease(100000)) from generate_series(1, 2)");
    (void)desk_text(x->d, "begin");
    fill(x, from);
    (void)desk_text(x->d, "rollback");
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        (void)desk_text(x->d, "delete from %s where ticket_id > %lld", tables[i], (long long)few);
    }
    (void)desk_text(x->d, "analyze");
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]);
         i++) { /* plans are made and kept here, with hardly any tickets */
        reads_little(x, "small", i, pages[i], 1000);
    }
    fill(x, from);
    for (int round = 0; round < 3; round++) {
        static const char *const when[] = {"statistics of before", "fresh statistics", "statistics lost"};

        for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
            reads_little(x, when[round], i, pages[i], 1000);
        }
        if (round == 0) {
            (void)desk_text(x->d, "analyze");
        } else {
            (void)desk_text(x->d, "delete from pg_statistic; update pg_class set reltuples = -1, relpages = 0 where "
                                  "relnamespace = 'turno'::regnamespace");
            (void)desk_text(x->d, "discard plans");
        }
    }
}

/* Filters that leave nothing over end pages early; following them comes to an end, and no cursor names what is hidden. */
static void
a_search_goes_on_page_by_page(void **state)
{
    struct fixture *x = *state;
    char after[80] = "";
    int pages = 0;
    int64_t found = 0;

    for (;;) {
        struct seen s = LIST(x->d->owner, .actor = LUIS, .q = "number 100007", .limit = 50,
                             .after = after[0] != '\0' ? after : NULL);

        found += int_at(s.body, "tickets.0.ticket");
        (void)snprintf(after, sizeof(after), "%s", text_at_path(s.body, "next"));
        seen_clear(&s);
        pages++;
        if (after[0] == '\0') {
            break;
        }
        assert_true(strlen(after) > 3 && strcmp(after + strlen(after) - 2, "00") == 0);
    }
    assert_int_equal(found, 100007);
    assert_in_range(pages, 3, 10);
    /* somebody who may see none of them */
    for (pages = 0, after[0] = '\0';; pages++) {
        struct seen s =
            LIST(x->d->owner, .actor = ZOE, .queue = "warehouse", .limit = 5, .after = after[0] != '\0' ? after : NULL);
        size_t i;
        json_t *j;

        json_array_foreach(at(s.body, "tickets"), i, j) {
            assert_true(int_at(j, "ticket") < 100000);
        }
        (void)snprintf(after, sizeof(after), "%s", text_at_path(s.body, "next"));
        seen_clear(&s);
        if (after[0] == '\0') {
            break;
        }
    }
    assert_in_range(pages, 1, 50);
}

/* Beyond 10,000 nobody is told a place. */
static void
a_place_far_back_is_not_counted(void **state)
{
    struct fixture *x = *state;
    struct seen s = LOOK(x->d->owner, STMT_TICKET_WHY, num(LUIS), num(100000 + MANY - 1));

    assert_true(json_is_null(at(s.body, "place")));
    assert_non_null(strstr(s.text, "It has more than 10,000 requests before it."));
    seen_clear(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_what_the_tables_say),
        cmocka_unit_test(agents_are_listed_by_name),
        cmocka_unit_test(waiting_tickets_come_in_the_order_of_the_queue),
        cmocka_unit_test(wrong_filters_are_named),
        cmocka_unit_test(a_list_shows_this_of_a_ticket),
        cmocka_unit_test(a_page_costs_what_it_shows),
        cmocka_unit_test(a_search_goes_on_page_by_page),
        cmocka_unit_test(a_place_far_back_is_not_counted),
    };

    return cmocka_run_group_tests_name("list", tests, set_up, tear_down);
}
