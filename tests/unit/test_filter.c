/* SPDX-License-Identifier: MIT */
/* filter: words come back as they were saved, and a file that somebody keeps by hand stays theirs. */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/editor.h"
#include "cli/filter.h"

static struct arena *a;
static struct err e;
static char dir[] = "/tmp/turno-filter-XXXXXX";

static int
set_up(void **state)
{
    (void)state;
    a = arena_new();
    e = (struct err){0};
    (void)unlink(arena_printf(a, "%s/turno/filters", dir));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

static void
words_come_back(void **state)
{
    static const char *const words[] = {"--queue=it", "two words", "a\"quote", "back\\slash",
                                        "",           "\ttab",     "#5",       "ñandú"};
    const char *back[FILTER_WORDS_MAX];
    size_t n;

    (void)state;
    assert_true(filter_split(a, filter_join(a, words, 8), back, &n, &e));
    assert_int_equal(n, 8);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(back[i], words[i]);
    }
    assert_true(filter_split(a, "  -q it  \"on floor 2\"x\\ y ", back, &n, &e));
    assert_int_equal(n, 3);
    assert_string_equal(back[2], "on floor 2x y");
    assert_true(filter_split(a, " ", back, &n, &e));
    assert_int_equal(n, 0);
    assert_false(filter_split(a, "a \"b", back, &n, &e));
    assert_non_null(strstr(e.msg, "quote"));
    assert_false(filter_split(a,
                              "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 "
                              "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1",
                              back, &n, &e));
}

static const char *
file(void)
{
    const char *text;

    assert_true(filters_read(a, &text, &e));
    return text;
}

static void
a_file_is_changed_where_it_must(void **state)
{
    const char *name;
    struct stat st;

    (void)state;
    assert_string_equal(file(), "");
    assert_null(filters_nth(a, file(), 0, &name));
    assert_false(filters_set(a, "late", NULL, &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_true(filters_set(a, "late", "--queue=it", &e));
    assert_string_equal(file(), "late --queue=it\n");
    assert_true(editor_put(arena_printf(a, "%s/turno/filters", dir),
                           "# mine\nlate\t-q it\n\n  hot   --priority=urgent  \nlater x", NULL, &e));
    assert_string_equal(filters_nth(a, file(), 0, &name), "-q it");
    assert_string_equal(name, "late");
    assert_string_equal(filters_nth(a, file(), 1, &name), "--priority=urgent  ");
    assert_string_equal(name, "hot");
    assert_string_equal(filters_nth(a, file(), 2, &name), "x");
    assert_null(filters_nth(a, file(), 3, &name));
    assert_true(filters_set(a, "late", "--tag=vip", &e));
    assert_true(filters_set(a, "hot", NULL, &e));
    assert_true(filters_set(a, "new", "y", &e));
    assert_string_equal(file(), "# mine\nlate --tag=vip\n\nlater x\nnew y\n");
    assert_int_equal(stat(arena_printf(a, "%s/turno/filters", dir), &st), 0);
    assert_int_equal(access(arena_printf(a, "%s/turno/filters.new", dir), F_OK), -1);
}

static void
all_at_once_lose_none(void **state)
{
    const char *name;
    size_t n = 0;
    pid_t pid;

    (void)state;
    assert_true(editor_put(arena_printf(a, "%s/turno/filters", dir), "", NULL, &e));
    for (int i = 0; i < 8; i++) {
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            bool ok = true;
            for (int k = 0; ok && k < 5; k++) {
                ok = filters_set(a, arena_printf(a, "f%d.%d", i, k), "x", &e);
            }
            _exit(ok ? 0 : 1);
        }
    }
    for (int i = 0, status; i < 8; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    while (filters_nth(a, file(), n, &name)) {
        n++;
    }
    assert_int_equal(n, 40);
}

static void
names_are_words(void **state)
{
    (void)state;
    assert_true(filter_is_name("hot-2.x_Y"));
    assert_false(filter_is_name(""));
    assert_false(filter_is_name("a b"));
    assert_false(filter_is_name("#a"));
    assert_false(filter_is_name("ñ"));
}

static int
make_dir(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    setenv("XDG_CONFIG_HOME", dir, 1);
    return 0;
}

static int
remove_dir(void **state)
{
    char path[100];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/turno/filters", dir);
    (void)unlink(path);
    *strrchr(path, '/') = '\0';
    (void)rmdir(path);
    return rmdir(dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_changed_where_it_must, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_at_once_lose_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_words, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("filter", tests, make_dir, remove_dir);
}
