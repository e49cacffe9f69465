/* SPDX-License-Identifier: MIT */
/* err: the table is consistent, texts are cut between characters, a broken invariant aborts. */
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

#include "common/err.h"
#include "common/json.h"

static void
setting_returns_false_and_clears_the_field(void **state)
{
    struct err e = {0};

    (void)state;
    assert_false(err_field(&e, ERR_INVALID, "subject", "'%s' is needed", "subject"));
    assert_int_equal(e.code, ERR_INVALID);
    assert_string_equal(e.field, "subject");
    assert_string_equal(e.msg, "'subject' is needed");
    assert_false(err_set(&e, ERR_BUSY, "no"));
    assert_int_equal(e.code, ERR_BUSY);
    assert_string_equal(e.field, "");
    assert_false(err_set(NULL, ERR_BUSY, "nobody listens"));
    assert_false(err_field(NULL, ERR_BUSY, "x", "nobody listens"));
    err_wrap(NULL, "nobody listens");
}

static void
a_text_from_elsewhere_keeps_its_format(void **state)
{
    static const char fmt[] = "there is no '%s'";
    struct err e = {0};
    char said[300];

    (void)state;
    assert_false(err_text(&e, ERR_INVALID, "queue", "there is no '100%s'", fmt));
    assert_int_equal(e.code, ERR_INVALID);
    assert_string_equal(e.field, "queue");
    assert_string_equal(e.msg, "there is no '100%s'");
    assert_ptr_equal(e.fmt, fmt);
    assert_string_equal(err_said(&e, said, sizeof(said)), e.msg);
    assert_false(err_text(NULL, ERR_INVALID, "", "nobody listens", NULL));
}

static void
wrapping_puts_context_before(void **state)
{
    struct err e;

    (void)state;
    (void)err_field(&e, ERR_DESK, "queues", "no such queue");
    err_wrap(&e, "could not load '%s'", "desk.conf");
    assert_string_equal(e.msg, "could not load 'desk.conf': no such queue");
    assert_int_equal(e.code, ERR_DESK);
    assert_string_equal(e.field, "queues");
}

static void
an_error_may_be_made_of_itself(void **state)
{
    struct err e;

    (void)state;
    (void)err_field(&e, ERR_INVALID, "tags", "bad");
    (void)err_field(&e, ERR_INVALID, e.field, "worse");
    assert_string_equal(e.field, "tags");
    assert_string_equal(e.msg, "worse");
}

static void
long_texts_are_cut_between_characters(void **state)
{
    char longer[600];
    struct err e;

    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        memset(longer, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof(longer) - 1; i += 3) {
            memcpy(longer + i, "\xe2\x82\xac", 4);
        }
        (void)err_field(&e, ERR_INVALID, longer, "%s", longer);
        assert_true(json_utf8_ok(e.msg, strlen(e.msg)));
        assert_true(json_utf8_ok(e.field, strlen(e.field)));
        assert_true(strlen(e.msg) >= sizeof(e.msg) - 4);
        assert_true(strlen(e.field) >= sizeof(e.field) - 4);
        err_wrap(&e, "x%.*s", (int)shift, "yyyy");
        assert_true(json_utf8_ok(e.msg, strlen(e.msg)));
        err_wrap(&e, "%s", longer); /* the context alone is too long */
        assert_true(json_utf8_ok(e.msg, strlen(e.msg)));
    }
}

static void
every_code_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        enum err_code code = (enum err_code)i;
        assert_int_equal(err_from_name(err_name(code)), code);
        assert_true(err_title(code)[0] != '\0');
        assert_true(err_http(code) >= 200 && err_http(code) < 600);
        assert_true(err_exit(code) >= EXIT_OK && err_exit(code) <= EXIT_NOTHING);
    }
    assert_int_equal(err_from_name("never-heard-of"), ERR_INTERNAL);
    assert_int_equal(err_from_name(""), ERR_INTERNAL);
    assert_int_equal(err_from_name(NULL), ERR_INTERNAL);
    assert_int_equal(err_http((enum err_code)9999), 500);
}

/* Who is told 503 comes again, and does it twice where it was done already. */
static void
what_is_not_known_is_not_said_to_be_undone(void **state)
{
    (void)state;
    assert_int_equal(err_http(ERR_UNKNOWN), 504);
    assert_int_equal(err_exit(ERR_UNKNOWN), EXIT_UNREACHABLE);
    assert_string_equal(err_name(ERR_UNKNOWN), "unknown");
}

static void
a_broken_invariant_aborts(void **state)
{
    (void)state;
    ensure(1 + 1 == 2);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(STDERR_FILENO);
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        ensure(pid != 0);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_returns_false_and_clears_the_field),
        cmocka_unit_test(a_text_from_elsewhere_keeps_its_format),
        cmocka_unit_test(wrapping_puts_context_before),
        cmocka_unit_test(an_error_may_be_made_of_itself),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(every_code_has_a_name_of_its_own),
        cmocka_unit_test(what_is_not_known_is_not_said_to_be_undone),
        cmocka_unit_test(a_broken_invariant_aborts),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
