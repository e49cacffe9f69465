/* SPDX-License-Identifier: MIT */
/* xalloc: what it returns is there; sizes nobody can have end the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/xalloc.h"

static void
nothing_is_still_something(void **state)
{
    (void)state;
    void *blocks[] = {xmalloc(0), xcalloc(0, 8), xcalloc(8, 0), xrealloc(NULL, 0)};

    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        assert_non_null(blocks[i]);
        free(blocks[i]);
    }
}

static void
calloc_gives_zeroes_and_realloc_keeps_bytes(void **state)
{
    (void)state;
    char *p = xcalloc(100, 3);

    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(p[i], 0);
    }
    memset(p, 'x', 300);
    p = xrealloc(p, 100000);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(p[i], 'x');
    }
    free(p);
}

static void
strings_are_copied_and_cut(void **state)
{
    (void)state;
    char not_terminated[3] = {'a', 'b', 'c'};
    char *whole = xstrdup("turno"), *cut = xstrndup(not_terminated, 3), *none = xstrndup("abc", 0);
    char *shorter = xstrndup("ab", 100), *text = xasprintf("%s-%d", "n", 7);

    assert_string_equal(whole, "turno");
    assert_string_equal(cut, "abc");
    assert_string_equal(none, "");
    assert_string_equal(shorter, "ab");
    assert_string_equal(text, "n-7");
    free(whole);
    free(cut);
    free(none);
    free(shorter);
    free(text);
}

static void
child_wants_too_much(size_t n, size_t size)
{
    (void)close(STDERR_FILENO);
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    free(xcalloc(n, size));
    _exit(0); /* it came back: wrong, whatever it gave */
}

static void
an_overflowing_size_aborts(void **state)
{
    (void)state;
    /* volatile: the compiler must not judge the sizes */
    static volatile size_t sizes[][2] = {
        {SIZE_MAX / 2, 4       },
        {SIZE_MAX,     SIZE_MAX}
    };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            child_wants_too_much(sizes[i][0], sizes[i][1]);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        /* a sanitizer ends it with an exit status of its own */
        assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_still_something),
        cmocka_unit_test(calloc_gives_zeroes_and_realloc_keeps_bytes),
        cmocka_unit_test(strings_are_copied_and_cut),
        cmocka_unit_test(an_overflowing_size_aborts),
    };
    return cmocka_run_group_tests_name("xalloc", tests, NULL, NULL);
}
