/* SPDX-License-Identifier: MIT */
/*
 * Every verb on tickets in every state, sent by everybody, rightly and wrongly: the statement must do what the row of
 * common/transition.def says and nothing else, and where there is no row it must change nothing. What it should do comes
 * from the model (model.h), which reads the same table; what it did is compared column by column.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sql/step.h"

/* Where a ticket can stand, in the order they are made: an open offer would come before the next claim. */
enum place { HELD, FOR_CUSTOMER, FOR_VENDOR, FOR_DATE, FOR_CHILD, RESOLVED, CLOSED, OFFERED, QUEUED, PLACES };

/* A kind of ticket; one stands in each place. */
struct kind {
    int queue, holder, closer;
    int actor, requester; /* who brings it; 0: a child of a ticket that `parent_agent` holds */
    int parent_queue, parent_agent;
    const char *agent; /* to give it to */
    int pass_to;
};

static const struct kind kinds[] = {
  /* a customer outside, typed in by somebody else; nobody but the lead may take out of turn */
    {Q_WAREHOUSE, LUIS, EVA, ZOE,  CARL, 0,    0,   "mar",  Q_RETURNS  },
 /* one department asks another, and waits for it; agents may take out of turn */
    {Q_SALES,     ANA,  LEO, 0,    0,    Q_IT, IAN, "sol",  Q_LEGAL    },
 /* a colleague asks a private queue */
    {Q_LEGAL,     LEX,  LEA, ANA,  ANA,  0,    0,   "lea",  Q_IT       },
 /* the holder is no member any more; no idle limit */
    {Q_RETURNS,   NOVA, EVA, PAUL, PAUL, 0,    0,   "luis", Q_WAREHOUSE},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), TICKETS = KINDS * PLACES };

struct scene {
    struct world *w;
    int64_t ticket[KINDS][PLACES];
    int64_t spare; /* nobody names it; everybody in the warehouse and ZOE sees it */
};

static int64_t
bring(struct world *w, const struct kind *k)
{
    int64_t parent, child;

    if (k->actor != 0) {
        return NEW(w, .actor = k->actor, .requester = k->requester, .queue = k->queue);
    }
    parent = NEW(w, .actor = CARL, .queue = k->parent_queue, .priority = PRIORITY_HIGH);
    DO(w, .ticket = parent, .verb = VERB_GIVE, .actor = ROOT, .agent = desk_people[k->parent_agent].name);
    child = NEW(w, .actor = k->parent_agent, .queue = k->queue, .blocks = parent);
    DO(w, .ticket = parent, .verb = VERB_PARK_CHILD, .actor = k->parent_agent, .epoch = 1);
    return child;
}

static void
put_child(struct world *w, const struct kind *k, int64_t ticket)
{
    (void)NEW(w, .actor = k->holder, .queue = k->queue == Q_IT ? Q_SALES : Q_IT, .blocks = ticket);
}

/* From held to its place. */
static void
put(struct world *w, const struct kind *k, int64_t ticket, enum place place)
{
    switch (place) {
    case FOR_CUSTOMER:
        DO(w, .ticket = ticket, .verb = VERB_REPLY, .actor = k->holder, .epoch = 1, .body = "which size?");
        break;
    case FOR_VENDOR:
        DO(w, .ticket = ticket, .verb = VERB_PARK_VENDOR, .actor = k->holder, .epoch = 1, .note = "Initech",
           .at = w->d->now + 3 * DAY);
        break;
    case FOR_DATE:
        DO(w, .ticket = ticket, .verb = VERB_PARK_UNTIL, .actor = k->holder, .epoch = 1, .note = "stock-taking",
           .at = w->d->now + 5 * DAY);
        break;
    case FOR_CHILD:
        put_child(w, k, ticket);
        DO(w, .ticket = ticket, .verb = VERB_PARK_CHILD, .actor = k->holder, .epoch = 1);
        break;
    case RESOLVED:
    case CLOSED:
        DO(w, .ticket = ticket, .verb = VERB_RESOLVE, .actor = k->holder, .epoch = 1, .body = "sent");
        if (place == CLOSED) {
            world_pass(w, DAY);
            DO(w, .ticket = ticket, .verb = VERB_CLOSE, .actor = k->closer);
        }
        break;
    case OFFERED:
    case HELD:
    case QUEUED:
    case PLACES:
        break;
    }
}

static int
set_up(void **state)
{
    struct scene *sc = calloc(1, sizeof(*sc));

    sc->w = world_open();
    for (int i = 0; i < KINDS; i++) {
        for (int p = 0; p < PLACES; p++) {
            sc->ticket[i][p] = bring(sc->w, &kinds[i]);
            world_pass(sc->w, 10 * MINUTE);
            if (p != QUEUED) {
                assert_int_equal(world_next(sc->w, kinds[i].holder, kinds[i].queue, p == OFFERED), sc->ticket[i][p]);
                world_pass(sc->w, MINUTE);
                put(sc->w, &kinds[i], sc->ticket[i][p], (enum place)p);
            }
        }
    }
    sc->spare = NEW(sc->w, .actor = ZOE, .queue = Q_WAREHOUSE);
    world_pass(sc->w, HOUR);
    *state = sc;
    return 0;
}

static int
tear_down(void **state)
{
    struct scene *sc = *state;

    world_close(sc->w);
    free(sc);
    return 0;
}

/* How the items are sent. */
enum manner { RIGHT, STALE_EPOCH, STALE_VERSION, OTHERWISE, BARE, MANNERS };

static struct act
item_for(struct scene *sc, int kind, int64_t ticket, int verb, int actor, enum manner manner)
{
    const struct m_ticket *t = model_get(sc->w->m, ticket);
    const struct kind *k = &kinds[kind];
    struct act item = {.ticket = ticket, .verb = verb, .actor = actor, .epoch = t->epoch, .seen = t->public_last};

    switch (manner) {
    case STALE_EPOCH:
        item.epoch = t->epoch + 1;
        break;
    case STALE_VERSION:
        item.version = t->version - 1;
        break;
    case BARE: /* no epoch either: nothing but the verb */
        item.epoch = item.seen = 0;
        return item;
    case RIGHT:
    case OTHERWISE:
    case MANNERS:
        break;
    }
    item.version = manner == RIGHT ? t->version : item.version;
    item.body = "some words";
    item.note = "a reason";
    item.at = sc->w->d->now + 2 * DAY;
    item.queue = k->pass_to;
    item.agent = k->agent;
    item.priority = PRIORITY_URGENT;
    item.requester = "dora";
    item.tags = "red,green";
    item.score = 4;
    item.other = sc->spare;
    if (manner == OTHERWISE) { /* as good in part, wrong in part */
        item.body = NULL;
        item.at = sc->w->d->now - DAY;
        item.queue = kind % 2 == 0 ? k->queue : 99;
        item.agent = "zoe";
        item.priority = kind % 2 == 0 ? PRIORITY_LOW : 9;
        item.requester = kind % 2 == 0 ? "sales" : "nobody";
        item.tags = NULL;
        item.score = kind % 2 == 0 ? 1 : 6;
        item.other = 0;
    }
    return item;
}

static void
send_all(struct scene *sc, int verb, int actor, enum manner manner)
{
    struct act items[TICKETS];
    int n = 0;

    for (int i = 0; i < KINDS; i++) {
        for (int p = 0; p < PLACES; p++) {
            items[n++] = item_for(sc, i, sc->ticket[i][p], verb, actor, manner);
        }
    }
    if (sc->w->saved != NULL) {
        fail_msg("an earlier test has failed");
    }
    world_begin(sc->w);
    world_act(sc->w, items, n, NULL);
    world_rollback(sc->w);
}

static void
send_every_verb(struct scene *sc, enum manner manner)
{
    static const int verbs[] = {
#define VERB(id, number, name, event, help) number,
#include "common/transition.def"
        99};

    for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++) {
        for (int actor = 1; actor <= PEOPLE; actor++) {
            send_all(sc, verbs[v], actor, manner);
        }
    }
}

static void
what_the_table_allows_is_done_as_it_says(void **state)
{
    send_every_verb(*state, RIGHT);
}

static void
another_epoch_is_stale_where_one_is_needed(void **state)
{
    send_every_verb(*state, STALE_EPOCH);
}

static void
another_version_is_stale(void **state)
{
    send_every_verb(*state, STALE_VERSION);
}

static void
values_are_looked_at_before_anything_is_done(void **state)
{
    send_every_verb(*state, OTHERWISE);
}

static void
a_verb_alone_does_what_needs_no_value(void **state)
{
    send_every_verb(*state, BARE);
}

/* Each row once by each role that may: a table without a role in this test would prove nothing. */
static void
every_row_was_done_by_every_role_it_names(void **state)
{
    struct scene *sc = *state;
    int missing = 0;

    for (int r = 0; r < model_row_count; r++) {
        const struct m_row *row = &model_rows[r];
        int roles = 0;

        for (int i = 0; i < TICKETS; i++) {
            const struct m_ticket *t = model_get(sc->w->m, sc->ticket[i / PLACES][i % PLACES]);

            for (int actor = 1; model_row(t, row->verb) == row && actor <= PEOPLE; actor++) {
                roles |= model_roles(t, actor) & row->who;
            }
        }
        if (row->from != STATE_OFFERED && row->from != STATE_HELD) {
            roles |= ROLE_HOLDER; /* there is none */
        }
        for (int role = ROLE_CUSTOMER; role <= ROLE_SYSTEM; role *= 2) {
            if ((row->who & role & ~roles) != 0) {
                print_message("# nobody was %s for %s while %s\n", role_name(role), verb_name(row->verb),
                              state_name(row->from));
                missing++;
            }
        }
    }
    assert_int_equal(missing, 0);
}

static void
the_plain_form_did_what_is_most_of_it(void **state)
{
    (void)state;
    print_message("# %u verbs done in both forms\n", side_rehearsed);
    assert_in_range(side_rehearsed, 1000, UINT_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_table_allows_is_done_as_it_says),
        cmocka_unit_test(another_epoch_is_stale_where_one_is_needed),
        cmocka_unit_test(another_version_is_stale),
        cmocka_unit_test(values_are_looked_at_before_anything_is_done),
        cmocka_unit_test(a_verb_alone_does_what_needs_no_value),
        cmocka_unit_test(every_row_was_done_by_every_role_it_names),
        cmocka_unit_test(the_plain_form_did_what_is_most_of_it),
    };

    cmocka_set_test_filter(getenv("TURNO_TEST"));
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
