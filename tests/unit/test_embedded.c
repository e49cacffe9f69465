/* SPDX-License-Identifier: MIT */
/*
 * The embedded cluster with a real PostgreSQL: made, adopted, killed in every way, stopped. The tests share one folder
 * and run in order, for a cluster takes seconds to make; each leaves it stopped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static uid_t pretended_uid = (uid_t)-1;

static uid_t
test_geteuid(void)
{
    return pretended_uid != (uid_t)-1 ? pretended_uid : getuid();
}

#define geteuid        test_geteuid
#define REST_ASKED     (300 * 1000)
#define REST_KILLED    (900 * 1000)
#define OWNER_PATIENCE 10
#include "daemon/os/embedded.c"
#undef geteuid

#include "common/strbuf.h"
#include "daemon/os/program.h"

#define DEADLINE_SEC 60 /* no state takes so long */

static char dir[256];

/* One embedded cluster under test and what it told. */
struct rig {
    struct event_base *base;
    struct embedded *em;
    bool up, failed, stopped;
    struct err e;
    struct strbuf told;
    unsigned ticks; /* the loop went on */
    struct event *ticker;
};

static struct rig *current; /* for the clean-up after a test that failed: rigs are static */
static int migrate_ms;
static bool migrate_fails;

static bool
migrate(const char *owner, const char *role, void (*tell)(void *arg, const char *line), void *arg, struct err *e)
{
    tell(arg, owner);
    tell(arg, role);
    (void)usleep((useconds_t)migrate_ms * 1000); /* in the child: work that takes its time */
    return !migrate_fails || err_set(e, ERR_CONFLICT, "the schema is too new");
}

static void
on_progress(void *arg, const char *line)
{
    struct rig *r = arg;

    strbuf_addf(&r->told, "%s\n", line);
}

static void
on_up(void *arg)
{
    ((struct rig *)arg)->up = true;
}

static void
on_failed(void *arg, const struct err *e)
{
    struct rig *r = arg;

    r->failed = true;
    r->e = *e;
}

static void
on_stopped(void *arg)
{
    ((struct rig *)arg)->stopped = true;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ((struct rig *)arg)->ticks++;
}

static void
rig_init(struct rig *r)
{
    const struct timeval tv = {.tv_usec = 5000};

    *r = (struct rig){.base = event_base_new()};
    current = r;
    strbuf_init(&r->told);
    r->ticker = event_new(r->base, -1, EV_PERSIST, on_tick, r);
    assert_int_equal(event_add(r->ticker, &tv), 0);
}

static bool
rig_start_in(struct rig *r, const char *state_dir, struct err *e)
{
    struct embedded_conf conf = {.state_dir = state_dir,
                                 .bin_dir = "",
                                 .role = "turnod",
                                 .migrate = migrate,
                                 .on_progress = on_progress,
                                 .on_up = on_up,
                                 .on_failed = on_failed,
                                 .on_stopped = on_stopped,
                                 .arg = r};

    r->em = embedded_start(r->base, &conf, e);
    return r->em != NULL;
}

/* Run the loop until *flag. */
static void
until(struct rig *r, const bool *flag)
{
    usec_t end = clock_mono() + DEADLINE_SEC * USEC_SEC;

    while (!*flag) {
        assert_int_equal(event_base_loop(r->base, EVLOOP_ONCE), 0);
        assert_true(clock_mono() < end);
    }
}

static void
until_state(struct rig *r, enum state st)
{
    usec_t end = clock_mono() + DEADLINE_SEC * USEC_SEC;

    while (r->em->state != st) {
        assert_int_equal(event_base_loop(r->base, EVLOOP_ONCE), 0);
        assert_true(clock_mono() < end);
    }
}

static void
rig_start(struct rig *r)
{
    struct err e = {0};

    rig_init(r);
    if (!rig_start_in(r, dir, &e)) {
        fail_msg("%s", e.msg);
    }
}

static void
rig_up(struct rig *r)
{
    rig_start(r);
    until(r, &r->up);
}

static void
rig_stop(struct rig *r)
{
    if (r->em != NULL) {
        embedded_stop(r->em);
        until(r, &r->stopped);
    }
    embedded_free(r->em);
    event_free(r->ticker);
    event_base_free(r->base);
    strbuf_release(&r->told);
    current = NULL;
}

/* What psql answers, as the superuser. */
static void
expect_sql(struct rig *r, const char *sql, const char *answer)
{
    char *psql = xasprintf("%s/psql", r->em->cluster.bin);
    char *conninfo = cluster_conninfo(&r->em->cluster, CLUSTER_ADMIN);
    const char *const argv[] = {psql, "-X", "-A", "-t", "-q", "-d", conninfo, "-c", sql, NULL};
    struct strbuf out;
    struct err e = {0};

    strbuf_init(&out);
    if (!program_run(argv, NULL, &out, &e)) {
        fail_msg("%s: %s", sql, e.msg);
    }
    if (out.n > 0) {
        out.p[out.n - 1] = '\0';
    }
    assert_string_equal(out.p, answer);
    strbuf_release(&out);
    free(conninfo);
    free(psql);
}

static char *
path_in(const char *name)
{
    return xasprintf("%s/%s", dir, name);
}

static void
write_text(const char *name, const char *text)
{
    char *path = path_in(name);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    free(path);
}

/* ---- refusals --------------------------------------------------------------------------------------------------------- */

static void
expect_refused(const char *state_dir, const char *reason)
{
    static struct rig r;
    struct err e = {0};

    rig_init(&r);
    assert_false(rig_start_in(&r, state_dir, &e));
    if (strstr(e.msg, reason) == NULL) {
        fail_msg("refused for another reason: %s", e.msg);
    }
    rig_stop(&r);
}

static void
root_is_refused(void **state)
{
    (void)state;
    pretended_uid = 0;
    expect_refused(dir, "does not run as root");
    pretended_uid = (uid_t)-1;
}

static void
path_too_long_for_the_socket_is_refused(void **state)
{
    char path[128];

    (void)state;
    (void)snprintf(path, sizeof(path), "/%090d", 1);
    expect_refused(path, "would have 109 bytes, 107 are possible");
}

static void
path_that_could_not_be_quoted_is_refused(void **state)
{
    (void)state;
    expect_refused("/tmp/a,b", "commas");
    expect_refused("/tmp/a'b", "quotes");
}

static void
folder_of_somebody_else_is_refused(void **state)
{
    (void)state;
    expect_refused("/usr", "must belong to the user");
    expect_refused("/nowhere/at/all", "could not make the folder '/nowhere/at/all'");
}

static void
folder_without_programs_is_refused(void **state)
{
    struct cluster c;
    struct err e = {0};

    (void)state;
    assert_false(cluster_init(&c, dir, "/usr/share", "turnod", &e));
    assert_non_null(strstr(e.msg, "no PostgreSQL server is installed in /usr/share"));
    cluster_release(&c);
}

/* ---- life --------------------------------------------------------------------------------------------------------------- */

static void
first_start_makes_the_cluster(void **state)
{
    static struct rig r;

    (void)state;
    rig_up(&r);
    assert_true(embedded_is_up(r.em));
    assert_non_null(strstr(r.told.p, "making the database"));
    assert_non_null(strstr(r.told.p, "user=turno_owner"));
    assert_true(r.ticks > 10); /* initdb takes longer than that: it did not hold the loop up */
    expect_sql(&r, "show listen_addresses", "");
    expect_sql(&r, "show data_checksums", "on");
    expect_sql(&r, "show jit", "off");
    expect_sql(&r, "select datcollate, datctype from pg_database where datname = 'turno'", "C.UTF-8|C.UTF-8");
    expect_sql(&r, "select pg_get_userbyid(datdba) from pg_database where datname = 'turno'", "turno_owner");
    expect_sql(&r, "select rolname, rolsuper, rolcreaterole from pg_roles where rolname ~ '^turno' order by 1",
               "turno_admin|t|t\nturno_owner|f|f\nturnod|f|f");
    expect_sql(&r, "select count(*) from pg_file_settings where error is not null", "0");
    rig_stop(&r);
}

static void
others_cannot_look_in(void **state)
{
    struct stat st;
    char *run = path_in("run"), *db = path_in("db");

    (void)state;
    assert_int_equal(stat(run, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(db, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    free(run);
    free(db);
}

static void
second_owner_is_refused(void **state)
{
    static struct rig r;

    (void)state;
    rig_start(&r);
    expect_refused(dir, "another turnod works in");
    rig_stop(&r);
}

static void
stop_in_every_state_ends_everything(void **state)
{
    static const enum state states[] = {PREPARE, WAIT, START, MIGRATE, UP};
    char *pidfile = path_in("db/postmaster.pid");

    (void)state;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        static struct rig r;

        rig_start(&r);
        until_state(&r, states[i]);
        rig_stop(&r);
        assert_int_equal(access(pidfile, F_OK), -1);
    }
    free(pidfile);
}

static void
half_made_cluster_is_made_again(void **state)
{
    static struct rig r;
    char *db = path_in("db"), *aside = path_in("db.aside"), *fresh = path_in("db.new");

    (void)state;
    assert_int_equal(rename(db, aside), 0); /* as if initdb had never come to its end */
    assert_int_equal(mkdir(fresh, 0700), 0);
    write_text("db.new/PG_VERSION", "15\n");
    rig_up(&r);
    assert_non_null(strstr(r.told.p, "half made"));
    expect_sql(&r, "select 1", "1");
    assert_int_equal(access(fresh, F_OK), -1);
    rig_stop(&r);
    free(db);
    free(aside);
    free(fresh);
}

static void
killed_server_is_started_again(void **state)
{
    static struct rig r;
    uint64_t deaths = stats_get(STATS_POSTGRES_DEATHS);

    (void)state;
    rig_up(&r);
    expect_sql(&r, "create table kept (n int)", "");
    for (int i = 1; i <= 3; i++) {
        pid_t pid = r.em->pid;

        assert_int_equal(kill(pid, SIGKILL), 0);
        until_state(&r, WAIT);
        until_state(&r, UP);
        assert_int_not_equal(r.em->pid, pid);
        assert_int_equal(stats_get(STATS_POSTGRES_DEATHS), deaths + (uint64_t)i);
        expect_sql(&r, "select count(*) from kept", "0");
    }
    assert_false(r.failed);
    rig_stop(&r);
}

/* First child of a process that works in the cluster: any will do. */
static pid_t
a_child_of(pid_t parent)
{
    char *name = xasprintf("/proc/%d/task/%d/children", (int)parent, (int)parent), line[64] = "";
    FILE *f = fopen(name, "r");

    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f));
    (void)fclose(f);
    free(name);
    return (pid_t)strtol(line, NULL, 10);
}

static void
leftover_process_is_waited_for_and_killed(void **state)
{
    static struct rig r;
    pid_t left;

    (void)state;
    rig_up(&r);
    left = a_child_of(r.em->pid);
    assert_int_equal(kill(left, SIGSTOP), 0); /* so it does not notice the death, nor a request to end */
    assert_int_equal(kill(r.em->pid, SIGKILL), 0);
    until_state(&r, WAIT);
    assert_int_equal(kill(left, 0), 0);
    until_state(&r, UP);
    assert_int_equal(r.em->rest_signal, SIGKILL);
    expect_sql(&r, "select 1", "1");
    rig_stop(&r);
}

static void
server_of_a_killed_owner_is_adopted(void **state)
{
    static struct rig r;
    int fds[2], status;
    char ready;
    pid_t owner, server;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    owner = fork();
    if (owner == 0) {
        static struct rig mine;

        rig_up(&mine);
        if (write(fds[1], "r", 1) == 1) {
            (void)event_base_dispatch(mine.base);
        }
        _exit(1);
    }
    assert_int_equal(read(fds[0], &ready, 1), 1);
    assert_int_equal(kill(owner, SIGKILL), 0);
    assert_int_equal(waitpid(owner, &status, 0), owner);
    rig_start(&r);
    server = cluster_look(&r.em->cluster).pid;
    assert_true(server > 0);
    until(&r, &r.up);
    assert_int_equal(r.em->pid, server);
    assert_false(r.em->is_child);
    expect_sql(&r, "select 1", "1");
    /* its death is noticed all the same, although it is nobody's child here */
    assert_int_equal(kill(server, SIGKILL), 0);
    until_state(&r, WAIT);
    until_state(&r, UP);
    assert_true(r.em->is_child);
    rig_stop(&r);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void
stale_pid_file_of_another_process_is_not_adopted(void **state)
{
    static struct rig r;
    char text[640];

    (void)state;
    /* ours: a process that is there and could be signalled, which is enough for the server to give way */
    (void)snprintf(text, sizeof(text), "%d\n%s/db\n0\n5432\n%s/run\n\n 1 1\nready   \n", (int)getpid(), dir, dir);
    write_text("db/postmaster.pid", text);
    write_text("run/.s.PGSQL.5432.lock", text);
    rig_start(&r);
    assert_int_equal(cluster_look(&r.em->cluster).pid, 0);
    until(&r, &r.up);
    assert_true(r.em->is_child);
    rig_stop(&r);
}

static void
wrong_setting_of_the_administrator_is_a_failure(void **state)
{
    static struct rig r;

    (void)state;
    write_text("postgresql.conf", "no_such_setting = 1\n");
    rig_start(&r);
    until(&r, &r.failed);
    assert_non_null(strstr(r.e.msg, "the database server ended with status 1 while starting"));
    rig_stop(&r);
    write_text("postgresql.conf", "fsync = off\nwork_mem = 3MB\n");
    rig_up(&r);
    expect_sql(&r, "show work_mem", "3MB");
    rig_stop(&r);
}

static void
failed_migration_is_a_failure(void **state)
{
    static struct rig r;

    (void)state;
    migrate_fails = true;
    rig_start(&r);
    until(&r, &r.failed);
    assert_int_equal(r.e.code, ERR_CONFLICT);
    assert_string_equal(r.e.msg, "the schema is too new");
    assert_false(r.up);
    migrate_fails = false;
    rig_stop(&r);
}

static void
migration_does_not_hold_the_loop_up(void **state)
{
    static struct rig r;
    unsigned before;

    (void)state;
    migrate_ms = 500;
    rig_start(&r);
    until_state(&r, MIGRATE);
    before = r.ticks;
    assert_true(embedded_is_busy(r.em));
    until(&r, &r.up);
    assert_true(r.ticks - before > 20);
    assert_false(embedded_is_busy(r.em));
    migrate_ms = 0;
    rig_stop(&r);
}

static void
server_killed_during_the_migration_is_started_again(void **state)
{
    static struct rig r;

    (void)state;
    migrate_ms = 10 * 1000; /* ended by the death long before */
    rig_start(&r);
    until_state(&r, MIGRATE);
    migrate_ms = 0;
    assert_int_equal(kill(r.em->pid, SIGKILL), 0);
    until(&r, &r.up);
    rig_stop(&r);
}

static void
abandoned_server_recovers(void **state)
{
    static struct rig r;

    (void)state;
    rig_up(&r);
    embedded_abandon(r.em);
    until_state(&r, WAIT);
    until_state(&r, UP);
    expect_sql(&r, "select 1", "1");
    rig_stop(&r);
}

static void
other_major_version_is_refused_with_advice(void **state)
{
    (void)state;
    write_text("db/PG_VERSION", "9\n");
    expect_refused(dir, "was made by PostgreSQL 9, found is ");
    expect_refused(dir, "UPGRADING POSTGRESQL");
}

/* ---- the server's log ------------------------------------------------------------------------------------------------------ */

static void
log_lines_get_their_level(void **state)
{
    static const struct {
        const char *line;
        int level;
        const char *text;
    } rows[] = {
        {"postmaster|00000|7|LOG:  starting PostgreSQL",                                       LOG_LEVEL_INFO,  "starting PostgreSQL"    },
        {"checkpointer|53100|7|PANIC:  could not write",                                       LOG_LEVEL_ERR,   "PANIC:  could not write"},
        {"postmaster|00000|7|LOG:  server process (PID 1) was terminated by signal 9: Killed", LOG_LEVEL_WARN,
         "server process (PID 1) was terminated by signal 9: Killed"                                                                     },
        {"autovacuum worker|57P01|7|FATAL:  terminating autovacuum process",                   LOG_LEVEL_DEBUG,
         "FATAL:  terminating autovacuum process"                                                                                        },
        {"client backend|57P03|7|FATAL:  the database system is starting up",                  LOG_LEVEL_DEBUG,
         "FATAL:  the database system is starting up"                                                                                    },
        {"client backend|28000|7|FATAL:  Peer authentication failed",                          LOG_LEVEL_ERR,
         "FATAL:  Peer authentication failed"                                                                                            },
        {"client backend|23514|7|ERROR:  what a customer wrote",                               LOG_LEVEL_DEBUG, "23514"                  },
        {"client backend|23514|7|DETAIL:  what a customer wrote",                              LOG_LEVEL_DEBUG, "23514"                  },
        {"startup|00000|7|DETAIL:  redo",                                                      LOG_LEVEL_INFO,  "DETAIL:  redo"          },
        {"2026-11-22 FATAL:  configuration file contains errors",                              LOG_LEVEL_ERR,
         "2026-11-22 FATAL:  configuration file contains errors"                                                                         },
        {"\tgoes on",                                                                          LOG_LEVEL_DEBUG, "\tgoes on"              },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char line[256];
        const char *process, *text;

        (void)snprintf(line, sizeof(line), "%s", rows[i].line);
        assert_int_equal(pglog_judge(line, &process, &text), rows[i].level);
        assert_string_equal(text, rows[i].text);
    }
}

/* ---- fixture ----------------------------------------------------------------------------------------------------------------- */

static int
make_dir(void **state)
{
    const char *tmp = getenv("TMPDIR");

    (void)state;
    (void)snprintf(dir, sizeof(dir), "%s/em.XXXXXX", tmp != NULL ? tmp : "/tmp");
    log_set_level(LOG_LEVEL_ERR - 1); /* servers are killed here all the time */
    if (mkdtemp(dir) == NULL) {
        return -1;
    }
    write_text("postgresql.conf", "fsync = off\n"); /* the machine does not go down in between */
    return 0;
}

static int
clean_up(void **state)
{
    (void)state;
    migrate_fails = false;
    migrate_ms = 0;
    if (current != NULL) {
        current->stopped = false;
        rig_stop(current);
    }
    return 0;
}

static int
remove_dir(void **state)
{
    const char *const argv[] = {"/bin/rm", "-rf", dir, NULL};

    (void)state;
    return program_run(argv, NULL, NULL, NULL) ? 0 : -1;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(log_lines_get_their_level, clean_up),
        cmocka_unit_test_teardown(root_is_refused, clean_up),
        cmocka_unit_test_teardown(path_too_long_for_the_socket_is_refused, clean_up),
        cmocka_unit_test_teardown(path_that_could_not_be_quoted_is_refused, clean_up),
        cmocka_unit_test_teardown(folder_of_somebody_else_is_refused, clean_up),
        cmocka_unit_test_teardown(folder_without_programs_is_refused, clean_up),
        cmocka_unit_test_teardown(first_start_makes_the_cluster, clean_up),
        cmocka_unit_test_teardown(others_cannot_look_in, clean_up),
        cmocka_unit_test_teardown(second_owner_is_refused, clean_up),
        cmocka_unit_test_teardown(stop_in_every_state_ends_everything, clean_up),
        cmocka_unit_test_teardown(half_made_cluster_is_made_again, clean_up),
        cmocka_unit_test_teardown(killed_server_is_started_again, clean_up),
        cmocka_unit_test_teardown(leftover_process_is_waited_for_and_killed, clean_up),
        cmocka_unit_test_teardown(server_of_a_killed_owner_is_adopted, clean_up),
        cmocka_unit_test_teardown(stale_pid_file_of_another_process_is_not_adopted, clean_up),
        cmocka_unit_test_teardown(wrong_setting_of_the_administrator_is_a_failure, clean_up),
        cmocka_unit_test_teardown(failed_migration_is_a_failure, clean_up),
        cmocka_unit_test_teardown(migration_does_not_hold_the_loop_up, clean_up),
        cmocka_unit_test_teardown(server_killed_during_the_migration_is_started_again, clean_up),
        cmocka_unit_test_teardown(abandoned_server_recovers, clean_up),
        cmocka_unit_test_teardown(other_major_version_is_refused_with_advice, clean_up),
    };

    return cmocka_run_group_tests_name("embedded", tests, make_dir, remove_dir);
}
