/* SPDX-License-Identifier: MIT */
/*
 * desk_store: loading, waiting for a load, the first start, a file that differs. The database and the file are played
 * here; statements wait until a test answers them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "daemon/db/db.h"
#include "daemon/desk/desk_store.h"
#include "daemon/desk/deskfile.h"
#include "daemon/os/conffile.h"

#define FILE_TEXT                                                                                                      \
    "departments = ( { name = \"it\"; members = \"ana\"; queues = ( { name = \"it\"; } ); } ); default_queue = "       \
    "\"it\";"

/* ---- what is played ------------------------------------------------------------------------------------------------ */

struct db_row {
    const char *v[4];
};

static struct {
    struct db_call *call; /* under way */
    enum stmt_id stmt;
    int sent;
    const char *file; /* NULL: there is none */
    int swaps;
    int said;          /* errors and warnings in the log */
    int version;       /* of the last swap */
    char notified[64]; /* the other daemons, last */
} play;

void
log_err(const char *fmt, ...)
{
    (void)fmt;
    play.said++;
}

void
log_warn(const char *fmt, ...)
{
    (void)fmt;
    play.said++;
}

void
log_notice(const char *fmt, ...)
{
    (void)fmt;
}

void
log_info(const char *fmt, ...)
{
    (void)fmt;
}

bool
conffile_read(const char *path, char **ret, size_t *ret_len, struct err *e)
{
    if (play.file == NULL) {
        return err_set(e, ERR_NOT_FOUND, "could not open '%s'", path);
    }
    *ret = xstrdup(play.file);
    *ret_len = strlen(play.file);
    return true;
}

int
conffile_include_line(const char *text)
{
    (void)text;
    return 0;
}

int
conffile_open_line(const char *text)
{
    (void)text;
    return 0;
}

void
db_call_init(struct db_call *c, struct arena *a, enum stmt_id stmt)
{
    memset(c, 0, sizeof(*c));
    c->a = a;
    c->stmt = stmt;
}

void
db_call_send(struct db *db, struct db_call *c)
{
    (void)db;
    assert_null(play.call);
    play.call = c;
    play.stmt = c->stmt;
    play.sent++;
}

void
db_bind_i32(struct db_call *c, int32_t v)
{
    (void)c;
    (void)v;
}

void
db_bind_text(struct db_call *c, const char *s)
{
    (void)c;
    (void)s;
}

void
db_bind_null(struct db_call *c)
{
    (void)c;
}

void
db_notify(struct db *db, const char *payload)
{
    (void)db;
    (void)snprintf(play.notified, sizeof(play.notified), "%s", payload);
}

int64_t
db_i64(const struct db_row *r, int col)
{
    return r->v[col] != NULL ? strtoll(r->v[col], NULL, 10) : 0;
}

const char *
db_text(const struct db_row *r, int col, size_t *ret_len) /* NOLINT(readability-non-const-parameter) */
{
    if (ret_len != NULL && r->v[col] != NULL) {
        *ret_len = strlen(r->v[col]);
    }
    return r->v[col];
}

static void
on_desk(void *arg, const struct desk *d)
{
    (void)arg;
    play.swaps++;
    play.version = d->version;
}

/* The statement under way comes back. */
static void
answer_row(const struct db_row *row)
{
    struct db_call *c = play.call;
    struct db_result res = {.rows = &row, .nrows = 1};

    assert_non_null(c);
    play.call = NULL;
    c->done(c, &res);
}

static void
answer_err(enum err_code code)
{
    struct db_call *c = play.call;
    struct err e = {.code = code, .msg = "no"};
    struct db_result res = {.err = &e};

    assert_non_null(c);
    play.call = NULL;
    c->done(c, &res);
}

/* desk_load's row for this version of the file. */
static void
answer_desk(const char *version)
{
    struct arena *a = arena_new();
    struct deskfile f;
    char *document;

    deskfile_check(a, "t", FILE_TEXT, strlen(FILE_TEXT), &f);
    document = deskfile_dump(f.document);
    answer_row(&(struct db_row){
        {version, f.sha256, document,
         "{\"departments\":[{\"id\":1,\"name\":\"it\",\"person\":2}],"
         "\"queues\":[{\"id\":1,\"name\":\"it\",\"lane\":1}]}"}
    });
    free(document);
    arena_free(a);
}

static const struct db_row nothing_applied = {
    {"0", NULL, NULL, NULL}
};

/* A probe that asks for the version only, and is told this one. */
static void
probe(struct desk_store *s, const char *version)
{
    assert_null(play.call);
    desk_probe(s);
    assert_int_equal(play.stmt, STMT_DESK_VERSION);
    desk_probe(s); /* once is enough */
    answer_row(&(struct db_row){{version}});
}

static struct desk_store *
start(void)
{
    memset(&play, 0, sizeof(play));
    play.file = FILE_TEXT;
    return desk_store_new(&(struct desk_store_conf){.file = "desk.conf", .on_desk = on_desk});
}

struct waiter {
    struct desk_wait wait; /* first: done finds the waiter by it */
    int done, version;
    enum err_code code;
    struct desk_store *store;
};

static void
on_done(struct desk_wait *w, const struct err *e)
{
    struct waiter *x = (struct waiter *)w;

    x->done++;
    x->code = e != NULL ? e->code : ERR_NONE;
    x->version = desk_current(x->store)->version;
}

static struct waiter
waiter_of(struct desk_store *s)
{
    return (struct waiter){.wait.done = on_done, .store = s};
}

struct boot {
    int done;
    enum err_code code;
};

static void
on_boot(void *arg, const struct err *e)
{
    struct boot *b = arg;

    b->done++;
    b->code = e != NULL ? e->code : ERR_NONE;
}

/* ---- tests --------------------------------------------------------------------------------------------------------- */

static void
who_comes_while_it_loads_gets_the_next_load(void **state)
{
    struct desk_store *s = start();
    struct waiter a = waiter_of(s);
    struct waiter b = waiter_of(s);
    struct waiter c = waiter_of(s);

    (void)state;
    desk_refresh(s, &a.wait);
    desk_refresh(s, &b.wait);
    desk_refresh(s, &c.wait);
    assert_int_equal(play.sent, 1);
    answer_desk("1");
    assert_int_equal(a.done, 1);
    assert_int_equal(a.version, 1);
    assert_int_equal(b.done + c.done, 0);
    assert_int_equal(play.sent, 2);
    answer_desk("2");
    assert_int_equal(b.version, 2);
    assert_int_equal(c.version, 2);
    assert_null(play.call);
    assert_int_equal(play.swaps, 2);
    desk_store_free(s);
}

static void
a_failed_load_leaves_the_desk_alone(void **state)
{
    struct desk_store *s = start();
    struct waiter a = waiter_of(s);

    (void)state;
    desk_refresh(s, NULL);
    answer_desk("1");
    desk_refresh(s, &a.wait);
    answer_err(ERR_DATABASE);
    assert_int_equal(a.code, ERR_DATABASE);
    desk_refresh(s, &a.wait);
    answer_row(&(struct db_row){
        {"2", "x", "{}", "{}"}
    }); /* a document of another release, say */
    assert_int_equal(a.code, ERR_DESK);
    assert_int_equal(desk_current(s)->version, 1);
    assert_int_equal(play.swaps, 1);
    desk_store_free(s);
}

static void
at_the_stop_all_who_wait_are_told(void **state)
{
    struct desk_store *s = start();
    struct waiter a = waiter_of(s);
    struct waiter b = waiter_of(s);

    (void)state;
    desk_refresh(s, &a.wait);
    desk_refresh(s, &b.wait);
    answer_err(ERR_STOPPING);
    assert_int_equal(a.code, ERR_STOPPING);
    assert_int_equal(b.code, ERR_STOPPING);
    assert_null(play.call);
    desk_store_free(s);
}

static void
an_empty_database_gets_the_file_at_the_first_start(void **state)
{
    struct desk_store *s = start();
    struct boot b = {0};

    (void)state;
    desk_boot(s, on_boot, &b);
    answer_row(&nothing_applied);
    assert_int_equal(play.stmt, STMT_DESK_APPLY);
    answer_row(&(struct db_row){
        {"applied", "1", ""}
    });
    assert_int_equal(play.stmt, STMT_DESK_LOAD);
    assert_int_equal(b.done, 0);
    answer_desk("1");
    assert_int_equal(b.done, 1);
    assert_int_equal(b.code, ERR_NONE);
    assert_int_equal(play.version, 1);
    desk_store_free(s);
}

static void
another_daemon_may_be_quicker(void **state)
{
    struct desk_store *s = start();
    struct boot b = {0};

    (void)state;
    desk_boot(s, on_boot, &b);
    answer_row(&nothing_applied);
    answer_row(&(struct db_row){
        {"stale", "1", "version 1 is the current one"}
    });
    answer_desk("1");
    assert_int_equal(b.done, 1);
    assert_int_equal(b.code, ERR_NONE);
    desk_store_free(s);
}

static void
a_database_with_a_desk_keeps_it(void **state)
{
    struct desk_store *s = start();
    struct desk_stats stats;
    struct boot b = {0};

    (void)state;
    play.file = "something else";
    desk_boot(s, on_boot, &b);
    answer_desk("7");
    assert_int_equal(b.done, 1);
    assert_int_equal(play.sent, 1);
    desk_get_stats(s, &stats);
    assert_int_equal(stats.version, 7);
    assert_true(stats.drift);
    play.file = FILE_TEXT;
    desk_look_at_file(s);
    desk_get_stats(s, &stats);
    assert_false(stats.drift);
    play.file = NULL; /* a desk without a file is no drift */
    desk_look_at_file(s);
    desk_get_stats(s, &stats);
    assert_false(stats.drift);
    desk_store_free(s);
}

static void
without_a_good_file_there_is_no_desk(void **state)
{
    static const char *const files[] = {NULL, "departments = (", "departments = ( { name = \"it\"; } );"};

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct desk_store *s = start();
        struct boot b = {0};
        play.file = files[i];
        desk_boot(s, on_boot, &b);
        answer_row(&nothing_applied);
        assert_int_equal(play.sent, 1);
        assert_int_equal(b.done, 1);
        assert_int_equal(b.code, files[i] == NULL ? ERR_NOT_FOUND : ERR_DESK);
        assert_int_equal(desk_current(s)->version, 0);
        desk_store_free(s);
    }
}

static void
a_start_that_lost_its_database_is_made_up_for(void **state)
{
    struct desk_store *s = start();
    struct boot b = {0};

    (void)state;
    desk_boot(s, on_boot, &b);
    answer_row(&nothing_applied);
    answer_err(ERR_DATABASE);
    assert_int_equal(b.code, ERR_DATABASE);
    desk_notified(s, NULL); /* connected again: still empty, so the file is applied now */
    answer_row(&nothing_applied);
    assert_int_equal(play.stmt, STMT_DESK_APPLY);
    answer_row(&(struct db_row){
        {"applied", "1", ""}
    });
    answer_desk("1");
    assert_int_equal(desk_current(s)->version, 1);
    assert_int_equal(b.done, 1);
    desk_store_free(s);
}

static void
only_news_of_a_newer_desk_loads_it(void **state)
{
    static const char *const old[] = {"desk:1", "desk:2", "desk:", "desk:x", "desk:99999999999", "lane:9", ""};
    struct desk_store *s = start();
    struct boot b = {0};

    (void)state;
    desk_boot(s, on_boot, &b);
    answer_desk("2");
    for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++) {
        desk_notified(s, old[i]);
        assert_null(play.call);
    }
    desk_notified(s, "desk:3");
    answer_desk("3");
    desk_notified(s, NULL);
    answer_desk("3");
    assert_int_equal(play.swaps, 2);
    desk_store_free(s);
}

static void
news_that_could_not_be_followed_are_followed_with_the_next_probe(void **state)
{
    struct desk_store *s = start();

    (void)state;
    desk_refresh(s, NULL);
    answer_desk("1");
    desk_notified(s, "desk:2");
    answer_err(ERR_DATABASE);
    assert_null(play.call);
    desk_probe(s);
    answer_err(ERR_DATABASE);
    desk_probe(s);
    desk_probe(s); /* once is enough */
    answer_desk("2");
    assert_int_equal(play.version, 2);
    probe(s, "2");
    assert_null(play.call);
    desk_store_free(s);
}

static void
a_desk_of_which_nothing_was_heard_is_found_by_a_probe(void **state)
{
    struct desk_store *s = start();

    (void)state;
    desk_boot(s, NULL, NULL);
    answer_desk("1");
    desk_probe(s);
    answer_err(ERR_DATABASE);
    assert_null(play.call);
    assert_int_equal(play.said, 0);
    probe(s, "1");
    assert_null(play.call);
    probe(s, "2");
    assert_int_equal(play.stmt, STMT_DESK_LOAD);
    answer_desk("2");
    assert_int_equal(play.version, 2);
    desk_probe(s); /* an answer that never comes */
    desk_store_free(s);
}

/* Ours has mistakes: there is no desk until another daemon applies its own. */
static void
a_desk_that_another_daemon_applied_first_is_found_too(void **state)
{
    struct desk_store *s = start();
    struct boot b = {0};

    (void)state;
    play.file = "departments = 1;";
    desk_boot(s, on_boot, &b);
    answer_row(&nothing_applied);
    assert_int_equal(b.code, ERR_DESK);
    probe(s, "0");
    assert_null(play.call);
    probe(s, "1");
    answer_desk("1");
    assert_int_equal(play.version, 1);
    desk_store_free(s);
}

static void
a_start_that_failed_is_tried_again_with_the_next_probe(void **state)
{
    static const enum err_code codes[] = {ERR_DEADLINE, ERR_BUSY}; /* 57014, 55P03: the connection stays */
    struct desk_store *s = start();
    struct boot b = {0};

    (void)state;
    desk_boot(s, on_boot, &b);
    answer_row(&nothing_applied);
    desk_probe(s); /* it is being applied */
    assert_int_equal(play.stmt, STMT_DESK_APPLY);
    for (size_t i = 0; i < 2; i++) {
        answer_err(codes[i]);
        assert_int_equal(b.code, ERR_DEADLINE);
        assert_null(play.call);
        desk_probe(s);
        desk_probe(s); /* once is enough */
        assert_int_equal(play.stmt, STMT_DESK_LOAD);
        answer_row(&nothing_applied);
        assert_int_equal(play.stmt, STMT_DESK_APPLY);
    }
    answer_row(&(struct db_row){
        {"applied", "1", ""}
    });
    answer_desk("1");
    assert_int_equal(play.version, 1);
    assert_int_equal(b.done, 1);
    assert_string_equal(play.notified, "desk:1");
    probe(s, "1");
    assert_null(play.call);
    desk_store_free(s);
}

/* More and more seldom, up to half a minute and a bit. */
static void
what_fails_for_good_is_said_once(void **state)
{
    (void)state;
    for (int booting = 0; booting < 3; booting++) { /* the load of a known desk, the first one, the file's */
        struct desk_store *s = start();
        int sent;

        if (booting == 0) {
            desk_boot(s, NULL, NULL);
            answer_desk("1");
            desk_notified(s, "desk:2");
        } else {
            desk_boot(s, NULL, NULL);
        }
        sent = play.sent;
        for (int i = 0; i < 1000; i++) {
            if (play.call != NULL && booting == 2 && play.stmt == STMT_DESK_LOAD) {
                answer_row(&nothing_applied);
            }
            if (play.call != NULL) {
                answer_err(ERR_INTERNAL);
            }
            desk_probe(s);
        }
        assert_int_equal(play.said, 1);
        assert_in_range(play.sent - sent, 30, 80);
        if (play.call == NULL) { /* whoever tells of something is followed at once */
            desk_notified(s, NULL);
        }
        answer_desk("2");
        assert_int_equal(play.version, 2);
        desk_notified(s, "desk:3");
        answer_err(ERR_INTERNAL);
        assert_int_equal(play.said, 2); /* it is news again */
        desk_probe(s);
        assert_non_null(play.call);
        answer_desk("3");
        desk_store_free(s);
    }
}

static void
a_desk_that_cannot_be_read_is_said_once(void **state)
{
    struct desk_store *s = start();

    (void)state;
    desk_boot(s, NULL, NULL);
    for (int i = 0; i < 100; i++) {
        if (play.call != NULL) {
            answer_row(&(struct db_row){
                {"2", "x", "{}", "{}"}
            });
        }
        desk_probe(s);
    }
    assert_int_equal(play.said, 1);
    if (play.call == NULL) {
        desk_notified(s, NULL);
    }
    answer_desk("3");
    assert_int_equal(play.version, 3);
    desk_store_free(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_comes_while_it_loads_gets_the_next_load),
        cmocka_unit_test(a_failed_load_leaves_the_desk_alone),
        cmocka_unit_test(at_the_stop_all_who_wait_are_told),
        cmocka_unit_test(an_empty_database_gets_the_file_at_the_first_start),
        cmocka_unit_test(another_daemon_may_be_quicker),
        cmocka_unit_test(a_database_with_a_desk_keeps_it),
        cmocka_unit_test(without_a_good_file_there_is_no_desk),
        cmocka_unit_test(a_start_that_lost_its_database_is_made_up_for),
        cmocka_unit_test(only_news_of_a_newer_desk_loads_it),
        cmocka_unit_test(a_desk_of_which_nothing_was_heard_is_found_by_a_probe),
        cmocka_unit_test(a_desk_that_another_daemon_applied_first_is_found_too),
        cmocka_unit_test(news_that_could_not_be_followed_are_followed_with_the_next_probe),
        cmocka_unit_test(a_start_that_failed_is_tried_again_with_the_next_probe),
        cmocka_unit_test(what_fails_for_good_is_said_once),
        cmocka_unit_test(a_desk_that_cannot_be_read_is_said_once),
    };

    return cmocka_run_group_tests_name("desk_store", tests, NULL, NULL);
}
