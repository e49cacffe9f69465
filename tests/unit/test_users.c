/* SPDX-License-Identifier: MIT */
/* Names of users and groups: tables, files that change, and questions to a system that is played by the test. */
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/parse.h"

/* The system knows user 70001 "ldap" and group "far" 80001, and nothing else. */
static struct passwd *
fake_getpwuid(uid_t uid)
{
    static char name[] = "ldap";
    static struct passwd pw = {.pw_name = name};

    return uid == 70001 ? &pw : NULL;
}

static struct group *
fake_getgrnam(const char *name)
{
    static struct group gr = {.gr_gid = 80001};

    return strcmp(name, "far") == 0 ? &gr : NULL;
}

static usec_t clock_at = 1000 * USEC_SEC;

static usec_t
fake_clock(void)
{
    return clock_at;
}

#define getpwuid   fake_getpwuid
#define getgrnam   fake_getgrnam
#define clock_mono fake_clock
#include "daemon/os/clock.h"
#include "daemon/os/users.c"

static char dir[256], passwd_path[300], group_path[300];
static struct event_base *base;
static struct users *u;

static void
write_text(const char *path, const char *text)
{
    char temp[320];
    FILE *f;

    (void)snprintf(temp, sizeof(temp), "%s.new", path); /* as useradd does it: a new file in its place */
    f = fopen(temp, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(temp, path), 0);
}

static void
users_of_the_system_are_known(void **state)
{
    gid_t gid = 0;

    (void)state;
    assert_string_equal(users_name(u, 0), "root");
    assert_true(users_gid(u, "root", &gid));
    assert_int_equal(gid, 0);
    assert_true(users_count(u) > 1);
}

static void
new_line_in_the_file_is_seen_within_a_second(void **state)
{
    gid_t gid = 0;

    (void)state;
    write_text(passwd_path, "root:x:0:0::/:/bin/sh\nnova:x:60001:60001::/:/bin/sh\nsecond:x:60001:60001::/:/bin/sh\n");
    write_text(group_path, "wh:x:60100:\n");
    assert_null(users_name(u, 60001)); /* looked a moment ago */
    clock_at += 2 * USEC_SEC;
    assert_string_equal(users_name(u, 60001), "nova"); /* the first line of two counts */
    assert_true(users_gid(u, "wh", &gid));
    assert_int_equal(gid, 60100);
}

static void
renamed_user_is_seen_and_the_old_text_stays(void **state)
{
    const char *old = users_name(u, 60001);

    (void)state;
    write_text(passwd_path, "root:x:0:0::/:/bin/sh\nnovo:x:60001:60001::/:/bin/sh\n");
    clock_at += 2 * USEC_SEC;
    assert_string_equal(users_name(u, 60001), "novo");
    assert_string_equal(old, "nova");
}

static void
texts_stay_valid_over_reloads(void **state)
{
    const char *root = users_name(u, 0);

    (void)state;
    for (int i = 0; i < 3; i++) {
        users_reload(u);
        assert_ptr_equal(users_name(u, 0), root);
    }
}

static const char *answer;
static int answers;

static void
on_name(void *arg, const char *name)
{
    (void)arg;
    answer = name;
    answers++;
}

static void
until_answers(int n)
{
    while (answers < n) {
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    }
}

static void
unknown_user_is_asked_for_once(void **state)
{
    (void)state;
    answers = 0;
    assert_null(users_name(u, 70001));
    users_ask(u, 70001, on_name, NULL);
    users_ask(u, 70001, on_name, NULL);
    assert_int_equal(answers, 0);
    until_answers(2);
    assert_string_equal(answer, "ldap");
    users_ask(u, 70001, on_name, NULL);
    assert_int_equal(answers, 3); /* known now */
    assert_string_equal(users_name(u, 70001), "ldap");
}

static void
no_is_believed_for_a_minute(void **state)
{
    (void)state;
    answers = 0;
    users_ask(u, 70002, on_name, NULL);
    until_answers(1);
    assert_null(answer);
    users_ask(u, 70002, on_name, NULL);
    assert_int_equal(answers, 2); /* at once */
    clock_at += 61 * USEC_SEC;
    users_ask(u, 70002, on_name, NULL);
    assert_int_equal(answers, 2); /* asked again */
    until_answers(3);
    assert_null(answer);
}

static void
many_questions_are_all_answered(void **state)
{
    (void)state;
    answers = 0;
    for (uid_t uid = 71000; uid < 71020; uid++) { /* more than run at a time */
        users_ask(u, uid, on_name, NULL);
    }
    until_answers(20);
}

static void
forgotten_question_is_not_answered(void **state)
{
    int mine, other;

    (void)state;
    answers = 0;
    users_ask(u, 72000, on_name, &mine);
    users_ask(u, 72000, on_name, &other);
    users_forget(u, &mine);
    until_answers(1); /* both would have been answered together */
    assert_int_equal(answers, 1);
}

static void
group_is_asked_for_behind_the_scenes(void **state)
{
    gid_t gid = 0;

    (void)state;
    assert_false(users_gid(u, "far", &gid));
    while (!users_gid(u, "far", &gid)) {
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    }
    assert_int_equal(gid, 80001);
    assert_false(users_gid(u, "nowhere", &gid));
}

static void
stop_answers_what_is_open(void **state)
{
    (void)state;
    answers = 0;
    users_ask(u, 73000, on_name, NULL);
    users_stop(u);
    assert_int_equal(answers, 1);
    assert_null(answer);
    users_stop(NULL);
    u = users_start(NULL); /* without a loop nobody is asked */
    users_ask(u, 73000, on_name, NULL);
    assert_int_equal(answers, 2);
}

static int
set_up(void **state)
{
    const char *tmp = getenv("TMPDIR");

    (void)state;
    (void)snprintf(dir, sizeof(dir), "%s/users.XXXXXX", tmp != NULL ? tmp : "/tmp");
    base = event_base_new();
    if (mkdtemp(dir) == NULL || base == NULL) {
        return -1;
    }
    (void)snprintf(passwd_path, sizeof(passwd_path), "%s/passwd", dir);
    (void)snprintf(group_path, sizeof(group_path), "%s/group", dir);
    u = users_start(base);
    u->passwd.path = passwd_path; /* from here on the files are ours */
    u->groups.path = group_path;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    users_stop(u);
    event_base_free(base);
    (void)unlink(passwd_path);
    (void)unlink(group_path);
    return rmdir(dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_of_the_system_are_known),
        cmocka_unit_test(new_line_in_the_file_is_seen_within_a_second),
        cmocka_unit_test(renamed_user_is_seen_and_the_old_text_stays),
        cmocka_unit_test(texts_stay_valid_over_reloads),
        cmocka_unit_test(unknown_user_is_asked_for_once),
        cmocka_unit_test(no_is_believed_for_a_minute),
        cmocka_unit_test(many_questions_are_all_answered),
        cmocka_unit_test(forgotten_question_is_not_answered),
        cmocka_unit_test(group_is_asked_for_behind_the_scenes),
        cmocka_unit_test(stop_answers_what_is_open),
    };

    return cmocka_run_group_tests_name("users", tests, set_up, tear_down);
}
