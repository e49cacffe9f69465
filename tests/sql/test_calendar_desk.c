/* SPDX-License-Identifier: MIT */
/*
 * Calendars of a desk that is applied: which queue keeps which, what becomes of them when they change or leave, what the
 * janitor does, and how openings are reached; and real holidays of other people, from JSON through iCalendar, desk.conf and
 * document to openings.
 */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/strbuf.h"
#include "daemon/db/stmt.h"
#include "daemon/desk/deskfile.h"
#include "tests/sql/cluster.h"
#include "tests/sql/hours.h"

#define HOURS        "week = \"mon-fri 09:00-17:00\"; "
#define DESK(queues) "departments = ( { name = \"it\"; members = \"ana\"; " queues " } ); default_queue = \"it\"; "
#define QUEUES       "queues = ( { name = \"it\"; }, { name = \"net\"; calendar = \"none\"; }, { name = \"ops\"; } ); "
#define OFFICE       "{ name = \"office\"; zone = \"Europe/Madrid\"; " HOURS "}"
#define LATER        "{ name = \"office\"; zone = \"Europe/Madrid\"; week = \"mon-fri 10:00-17:00\"; }"
#define SHOP         "{ name = \"shop\"; zone = \"America/New_York\"; " HOURS "}"

static struct cluster *cluster;
static PGconn *owner, *conn;

static const char *
sql(const char *text)
{
    return cluster_sql(owner, text);
}

static void
check(struct arena *a, const char *text, const char *ics, struct deskfile *ret)
{
    const struct deskfile_beside file = {"h.ics", ics, ics != NULL ? strlen(ics) : 0};
    const struct deskfile_input in = {
        .name = "t", .text = text, .n = strlen(text), .files = &file, .nfiles = ics != NULL};

    deskfile_read(a, &in, ret);
    for (int i = 0; i < ret->nfound; i++) {
        if (ret->found[i].grade == DESK_MISTAKE) {
            print_error("%s\n", ret->found[i].message);
        }
    }
    assert_non_null(ret->document);
}

/* "applied|VERSION|message". */
static const char *
apply(const char *text)
{
    static char said[300];
    struct arena *a = arena_new();
    struct deskfile f;
    char *document;
    const char *values[7] = {"1", NULL, text, NULL, NULL, "", NULL};
    PGresult *res;

    check(a, text, NULL, &f);
    document = deskfile_dump(f.document);
    values[1] = document;
    values[3] = f.sha256;
    values[6] = f.files;
    res = PQexecParams(conn, stmts[STMT_DESK_APPLY].text, 7, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        fail_msg("%s", PQresultErrorMessage(res));
    }
    (void)snprintf(said, sizeof(said), "%s|%s", PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 2));
    PQclear(res);
    free(document);
    arena_free(a);
    return said;
}

#define CALENDARS_OF_QUEUES                                                                                            \
    "select string_agg(name || '=' || coalesce(calendar_id::text, '-'), ' ' order by name) from queue where active"
#define ACTIVE                                                                                                         \
    "select coalesce(string_agg(name || calendar_id, ' ' order by calendar_id), '') from calendar where active"

static void
queues_keep_the_calendar_they_name(void **state)
{
    (void)state;
    assert_string_equal(apply(DESK(QUEUES)), "applied|");
    assert_string_equal(sql(CALENDARS_OF_QUEUES), "it=- net=- ops=-");
    assert_string_equal(
        apply(DESK("calendar = \"office\"; " QUEUES) "defaults = { calendar = \"shop\"; }; calendars = ( " OFFICE
                                                     ", " SHOP " );"),
        "applied|");
    assert_string_equal(sql(CALENDARS_OF_QUEUES), "it=1 net=- ops=1");
    assert_string_equal(sql(ACTIVE), "office1 shop2");
    assert_string_equal(
        apply(DESK("queues = ( { name = \"it\"; calendar = \"office\"; }, { name = \"net\"; calendar = \"none\"; "
                   "}, { name = \"ops\"; } ); ") "defaults = { calendar = \"shop\"; }; calendars = ( " OFFICE ", " SHOP
                                                 " );"),
        "applied|");
    assert_string_equal(sql(CALENDARS_OF_QUEUES), "it=1 net=- ops=2");
}

static void
a_changed_calendar_is_another_one_and_keys_stay(void **state)
{
    char key[40];

    (void)state;
    (void)apply(DESK("calendar = \"office\"; " QUEUES) "calendars = ( " OFFICE " );");
    (void)sql("insert into live (ticket_id, state, department_id, queue_id, lane_id, priority, class, key, anchor, "
              "opened, since, "
              "requester, submitter, stations, public_by) select 7, 1, q.department_id, q.queue_id, l.lane_id, 3, 1, "
              "cal_add(q.calendar_id, usec(desk_now()), q.targets[3]), desk_now(), desk_now(), desk_now(), 1, 1, "
              "array[q.department_id], 1 from queue q join lane l using (queue_id) where q.name = 'it' and l.skills = "
              "'{}' limit 1");
    (void)snprintf(key, sizeof(key), "%s", sql("select key from live where ticket_id = 7"));
    /* a day's target of 24 hours of business, from Sunday: three days of eight hours */
    assert_string_equal(sql("select at_usec(key) = '2026-11-25 17:00+01' from live where ticket_id = 7"), "t");
    (void)sql("update queue set calendar_since = null");
    (void)apply(DESK("calendar = \"office\"; " QUEUES) "calendars = ( " LATER " );");
    assert_string_equal(sql(CALENDARS_OF_QUEUES), "it=3 net=- ops=3");
    assert_string_equal(sql("select string_agg(name, ' ' order by name) from queue where calendar_since = desk_now()"),
                        "it ops");
    assert_string_equal(sql(ACTIVE), "office3");
    assert_string_equal(sql("select key from live where ticket_id = 7"), key);
    assert_string_equal(sql("select count(*) > 1000 from opening where calendar_id = 1"), "t");
    assert_string_equal(sql("select cal_diff(3, usec('2026-11-23 00:00Z'), usec('2026-11-24 00:00Z')) / 3600000000"),
                        "7");
    /* and back: the same definition is the same calendar */
    (void)apply(DESK("calendar = \"office\"; " QUEUES) "calendars = ( " OFFICE " );");
    assert_string_equal(sql(ACTIVE), "office1");
    assert_string_equal(sql("select key from live where ticket_id = 7"), key);
    (void)sql("delete from live");
    assert_string_equal(apply(DESK(QUEUES)), "applied|");
    assert_string_equal(sql(ACTIVE), "");
    assert_string_equal(sql(CALENDARS_OF_QUEUES), "it=- net=- ops=-");
}

/* Openings but for the last, which reaches beyond the horizon. */
#define OPENINGS_TO_2035                                                                                               \
    "select md5(string_agg(x::text, ',' order by x.from_us)) from opening x where calendar_id = 1 and to_us < "        \
    "usec('2035-01-01Z')"

static void
the_janitor_carries_calendars_on(void **state)
{
    char before[80];

    (void)state;
    (void)apply(DESK("calendar = \"office\"; " QUEUES) "calendars = ( " OFFICE " );");
    (void)snprintf(before, sizeof(before), "%s", sql(OPENINGS_TO_2035));
    assert_string_equal(sql("select calendar_keep()"), "0");
    assert_string_equal(sql("select made_to from calendar where calendar_id = 1"), "2036-11-22");
    cluster_set_now(owner, "2034-11-20 10:00Z");
    assert_string_equal(sql("select calendar_keep()"), "0");
    cluster_set_now(owner, "2034-11-30 10:00Z");
    assert_string_equal(sql("select calendar_keep()"), "1");
    assert_string_equal(sql("select calendar_keep()"), "0");
    assert_string_equal(sql("select made_to from calendar where calendar_id = 1"), "2044-11-30");
    assert_string_equal(sql(ACTIVE), "office1");
    assert_string_equal(sql(OPENINGS_TO_2035), before);
    assert_string_equal(sql("select cal_diff(1, usec('2040-03-05 00:00Z'), usec('2040-03-06 00:00Z')) / 3600000000"),
                        "8");
    cluster_set_now(owner, HOURS_TODAY);
    /* the zone has other offsets than when the openings were made */
    (void)sql("update calendar set zone_sum = 'other' where calendar_id = 1");
    assert_string_equal(cluster_sql(conn, "select calendar_keep()"), "1");
    assert_string_equal(sql(ACTIVE), "office4");
    assert_string_equal(sql(CALENDARS_OF_QUEUES), "it=4 net=- ops=4");
    assert_string_equal(sql("select calendar_keep()"), "0");
}

static void
a_zone_must_be_there(void **state)
{
    (void)state;
    assert_string_equal(
        apply(
            DESK("calendar = \"office\"; " QUEUES) "calendars = ( { name = \"office\"; zone = \"Europe/Madird\"; " HOURS
                                                   " } );"),
        "refused|there is no time zone 'Europe/Madird' (calendar 'office')");
    assert_string_equal(
        apply(DESK("calendar = \"office\"; " QUEUES) "calendars = ( { name = \"office\"; zone = \"EST5EDT4\"; " HOURS
                                                     " } );"),
        "refused|there is no time zone 'EST5EDT4' (calendar 'office')");
}

/* Only the daemon's functions write calendars. */
static void
openings_are_not_the_daemons_to_change(void **state)
{
    static const char *const writes[] = {"delete from opening", "update calendar set zone = 'UTC'",
                                         "insert into opening values (1, 0, 1, 0)"};

    (void)state;
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
        PGresult *res = PQexec(conn, writes[i]);
        assert_string_equal(PQresultErrorField(res, PG_DIAG_SQLSTATE), "42501");
        PQclear(res);
    }
}

#define FETCHED "select idx_tup_fetch from pg_stat_xact_user_tables where relname = 'opening'"
#define CALLS                                                                                                          \
    "select sum(cal_add(c.calendar_id, t, 5000000) + cal_diff(c.calendar_id, t, t + 86400000000) + "                   \
    "cal_at(c.calendar_id, t)) from (select calendar_id from calendar where active limit 1) c, "                       \
    "generate_series(usec('2026-01-01Z'), usec('2028-01-01Z'), 86400000000 * 7) t"

/* Whatever the statistics say, a call reads an opening or two, by an index. */
static void
openings_are_reached_by_index(void **state)
{
    static const char *const states[] = {
        ("delete from pg_statistic where starelid = 'opening'::regclass; update pg_class set "
         "reltuples = -1, relpages = 0 where oid = 'opening'::regclass"),
        "update pg_class set reltuples = 0, relpages = 0 where oid = 'opening'::regclass", "analyze opening"};
    PGconn *su = cluster_connect_owner(cluster);
    char before[32];
    char text[300];

    (void)state;
    (void)cluster_sql(su, "set plan_cache_mode = force_generic_plan");
    for (size_t i = 0; i < 3; i++) {
        PGresult *res = PQexec(su, states[i]);
        bool may = PQresultStatus(res) == PGRES_COMMAND_OK;
        PQclear(res);
        if (!may) {
            print_message("# the owner may not change statistics: %s\n", states[i]);
        }
        (void)cluster_sql(su, "discard plans; begin");
        /* counted since the last report, not since begin: so both sides of the query are looked at */
        (void)snprintf(before, sizeof(before), "%s", cluster_sql(su, FETCHED));
        (void)cluster_sql(su, CALLS);
        (void)snprintf(text, sizeof(text), "select (%s) - %s", FETCHED, before);
        assert_string_equal(cluster_sql(su, text), "525"); /* two probes, two probes, one probe; 105 weeks */
        assert_string_equal(cluster_sql(su, "select seq_scan from pg_stat_xact_user_tables where relname = 'opening'"),
                            "0");
        (void)cluster_sql(su, "rollback");
    }
    PQfinish(su);
}

/* ---- real holidays ------------------------------------------------------------------------------------------------------ */

/* A file of the archive of snapshots; NULL: it is not there. */
static json_t *
snapshot(const char *shared, const char *place)
{
    char command[600];
    FILE *p;
    json_t *days;

    (void)snprintf(
        command, sizeof(command),
        "tar -xzOf '%s/data/holidays-snapshots/holidays-snapshots.tar.gz' snapshots/countries/%s.json 2>/dev/null",
        shared, place);
    p = popen(command, "r"); /* NOLINT(cert-env33-c): a test's own fixture */
    assert_non_null(p);
    days = json_loadf(p, 0, NULL);
    (void)pclose(p);
    return days;
}

/* Each day as an event of its own, but for those that come each year: they recur. */
static char *
ics_of(json_t *days)
{
    struct strbuf sb;
    const char *date;
    json_t *name;
    int n = 0;

    strbuf_init(&sb);
    strbuf_add(&sb, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n");
    json_object_foreach(days, date, name) {
        if (strcmp(date, "2020") > 0 && strcmp(date, "2038") < 0) {
            strbuf_addf(&sb,
                        "BEGIN:VEVENT\r\nUID:%d\r\nSUMMARY:day %d\r\nDTSTART;VALUE=DATE:%.4s%.2s%.2s\r\nEND:VEVENT\r\n",
                        n, n, date, date + 5, date + 8);
            n++;
        }
    }
    strbuf_add(&sb, "END:VCALENDAR\r\n");
    return strbuf_detach(&sb);
}

/* Monday to Friday in 2026, without the holidays: what reference.json says. */
static void
check_2026(const char *shared, const char *place, int id)
{
    char path[600];
    char text[200];
    json_t *reference;
    json_int_t off;

    (void)snprintf(path, sizeof(path), "%s/data/holidays-snapshots/reference.json", shared);
    reference = json_load_file(path, 0, NULL);
    assert_non_null(reference);
    off = json_integer_value(json_object_get(json_object_get(reference, place), "weekdays_2026"));
    assert_true(off > 0);
    (void)snprintf(
        text, sizeof(text),
        "select cal_diff(%d, usec('2026-01-01 00:00Z'), usec('2027-01-01 00:00Z')) / 3600000000 / 8 = 261 - %d", id,
        (int)off);
    assert_string_equal(sql(text), "t");
    json_decref(reference);
}

static void
check_place(const char *shared, const char *place, json_t *days)
{
    const struct hours d = {
        .zone = "UTC", .week = {{1, 540, 1020}, {2, 540, 1020}, {3, 540, 1020}, {4, 540, 1020}, {5, 540, 1020}}
    };
    struct hours mine = d;
    const char **dates = calloc(json_object_size(days) + 1, sizeof(*dates));
    struct arena *a = arena_new();
    struct deskfile f;
    struct calendar c;
    char *ics = ics_of(days);
    const char *date;
    json_t *rules;
    json_t *name;
    uint8_t *open;
    char *text;
    size_t n = 0;
    int id;

    json_object_foreach(days, date, name) {
        dates[n++] = date;
    }
    mine.holidays = dates;
    check(a,
          DESK("calendar = \"c\"; " QUEUES) "calendars = ( { name = \"c\"; zone = \"UTC\"; " HOURS
                                            "holidays = \"h.ics\"; } );",
          ics, &f);
    rules = json_array_get(json_object_get(f.document, "calendars"), 0);
    text = json_dumps(rules, JSON_COMPACT);
    id = hours_put(owner, place, "UTC", text);
    hours_load(conn, id, &c);
    open = hours_model(&mine);
    hours_compare(place, &c, open);
    check_2026(shared, place, id);
    hours_unload(&c);
    free(open);
    free(text);
    free(ics);
    free((void *)dates);
    arena_free(a);
}

static void
real_holidays_are_left_out(void **state)
{
    static const char *const places[] = {"ES_MD", "ES_CT", "US_NY", "SE_COMMON", "IL_COMMON", "IN_COMMON", "BR_COMMON"};
    const char *shared = getenv("TURNO_SHARED");

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        json_t *days = shared != NULL ? snapshot(shared, places[i]) : NULL;
        if (days == NULL) {
            print_message("# there are no snapshots of holidays in ../shared/data\n");
            skip();
        }
        check_place(shared, places[i], days);
        json_decref(days);
    }
}

static int
set_up(void **state)
{
    (void)state;
    cluster = cluster_start();
    owner = cluster_connect_owner(cluster);
    conn = cluster_connect(cluster);
    cluster_set_now(owner, HOURS_TODAY);
    cluster_set_now(conn, HOURS_TODAY);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    PQfinish(conn);
    PQfinish(owner);
    cluster_stop(cluster);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queues_keep_the_calendar_they_name),
        cmocka_unit_test(a_changed_calendar_is_another_one_and_keys_stay),
        cmocka_unit_test(the_janitor_carries_calendars_on),
        cmocka_unit_test(a_zone_must_be_there),
        cmocka_unit_test(openings_are_not_the_daemons_to_change),
        cmocka_unit_test(openings_are_reached_by_index),
        cmocka_unit_test(real_holidays_are_left_out),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
