/* SPDX-License-Identifier: MIT */
/* machine: which Unix groups of a machine are departments. The system's lists are played. */
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/machine.h"

static char *nobody[] = {NULL};
static char *ana[] = {(char[]){"ana"}, NULL};
static char *two[] = {(char[]){"luis"}, (char[]){"eva"}, NULL};
static char *many[] = {(char[]){"p1"}, (char[]){"p2"}, (char[]){"p3"}, (char[]){"p4"}, (char[]){"p5"}, NULL};

static struct group groups[] = {
    {(char[]){"warehouse"}, NULL, 1005,  two   },
    {(char[]){"sudo"},      NULL, 27,    ana   }, /* the system's */
    {(char[]){"ana"},       NULL, 1001,  nobody}, /* her own */
    {(char[]){"empty"},     NULL, 1002,  nobody},
    {(char[]){"sales"},     NULL, 1003,  nobody}, /* somebody's first one */
    {(char[]){"nogroup"},   NULL, 65534, two   },
    {(char[]){"all"},       NULL, 1004,  many  },
};
static struct passwd users[] = {
    {.pw_name = (char[]){"root"},  .pw_uid = 0,    .pw_gid = 0   },
    {.pw_name = (char[]){"ana"},   .pw_uid = 1001, .pw_gid = 1001},
    {.pw_name = (char[]){"sam"},   .pw_uid = 1002, .pw_gid = 1003},
    {.pw_name = (char[]){"robot"}, .pw_uid = 200,  .pw_gid = 1002}, /* no human */
};
static size_t group_at, user_at;

void
setgrent(void)
{
    group_at = 0;
}

struct group *
getgrent(void)
{
    return group_at < sizeof(groups) / sizeof(groups[0]) ? &groups[group_at++] : NULL;
}

void
endgrent(void)
{
}

struct group *
getgrnam(const char *name)
{
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (strcmp(groups[i].gr_name, name) == 0) {
            return &groups[i];
        }
    }
    return NULL;
}

void
setpwent(void)
{
    user_at = 0;
}

struct passwd *
getpwent(void)
{
    return user_at < sizeof(users) / sizeof(users[0]) ? &users[user_at++] : NULL;
}

void
endpwent(void)
{
}

static void
groups_with_people_are_offered_by_name(void **state)
{
    struct arena *a = arena_new();
    size_t n;
    const struct machine_group *list = machine_groups(a, &n);

    (void)state;
    assert_int_equal(n, 3);
    assert_string_equal(list[0].name, "all");
    assert_string_equal(list[0].people, "p1, p2, p3, p4, ...");
    assert_int_equal(list[0].npeople, 5);
    assert_string_equal(list[1].name, "sales");
    assert_string_equal(list[1].people, "sam");
    assert_string_equal(list[2].name, "warehouse");
    assert_string_equal(list[2].people, "luis, eva");
    arena_free(a);
}

static void
any_group_is_known_by_name(void **state)
{
    struct arena *a = arena_new();
    struct machine_group g;

    (void)state;
    assert_true(machine_group(a, "sudo", &g));
    assert_string_equal(g.people, "ana");
    assert_true(machine_group(a, "ana", &g));
    assert_int_equal(g.npeople, 0);
    assert_false(machine_group(a, "nobody-here", &g));
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_with_people_are_offered_by_name),
        cmocka_unit_test(any_group_is_known_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
