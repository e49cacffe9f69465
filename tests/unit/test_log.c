/* SPDX-License-Identifier: MIT */
/* log: one event is one short line, whatever it holds; errno survives. stderr is a pipe here, as under systemd. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/json.h"
#include "common/log.h"

static char got[4096];

/* What the calls between begin and end wrote to stderr. */
static int pipe_fd[2], saved_stderr;

static void
begin(void)
{
    assert_int_equal(pipe(pipe_fd), 0);
    saved_stderr = dup(STDERR_FILENO);
    assert_true(dup2(pipe_fd[1], STDERR_FILENO) >= 0);
}

static const char *
end(void)
{
    assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
    (void)close(saved_stderr);
    (void)close(pipe_fd[1]);
    size_t n = 0;
    for (ssize_t r; (r = read(pipe_fd[0], got + n, sizeof(got) - 1 - n)) > 0;) {
        n += (size_t)r;
    }
    (void)close(pipe_fd[0]);
    got[n] = '\0';
    return got;
}

static void
each_level_has_its_prefix(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_DEBUG);
    begin();
    log_err("e %d", 1);
    log_warn("w");
    log_notice("n");
    log_info("i");
    log_debug("d");
    assert_string_equal(end(), "<3>e 1\n<4>w\n<5>n\n<6>i\n<7>d\n");
}

static void
the_level_decides_what_is_written(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_WARN);
    assert_int_equal(log_get_level(), LOG_LEVEL_WARN);
    begin();
    log_notice("no");
    log_info("no");
    log_debug("no");
    log_warn("yes");
    assert_string_equal(end(), "<4>yes\n");
}

static void
control_characters_do_not_make_lines(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_INFO);
    begin();
    log_info("name=%s", "a\n<0>forged\r\x1b[31m\x7f");
    assert_string_equal(end(), "<6>name=a <0>forged  [31m \n");
}

static void
long_lines_are_cut_between_characters(void **state)
{
    char text[1000];

    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 4 < sizeof(text) - 1; i += 4) {
            memcpy(text + i, "\xf0\x9f\x98\x80", 5);
        }
        begin();
        log_info("%s", text);
        size_t n = strlen(end());
        assert_true(n >= 288 && n <= 291); /* 290 and the newline */
        assert_int_equal(got[n - 1], '\n');
        assert_null(memchr(got, '\n', n - 1));
        assert_true(json_utf8_ok(got, n));
    }
}

static void
errno_is_kept(void **state)
{
    (void)state;
    begin();
    errno = ENOENT;
    log_info("%s", strerror(errno));
    int after = errno;
    assert_string_equal(end(), "<6>No such file or directory\n");
    assert_int_equal(after, ENOENT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_level_has_its_prefix),
        cmocka_unit_test(the_level_decides_what_is_written),
        cmocka_unit_test(control_characters_do_not_make_lines),
        cmocka_unit_test(long_lines_are_cut_between_characters),
        cmocka_unit_test(errno_is_kept),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
