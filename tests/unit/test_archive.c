/* SPDX-License-Identifier: MIT */
/* archive: a backup file is read as it was written, and whatever is changed in it is found. */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "daemon/db/archive.h"

static const struct archive_facts facts = {
    .turno = "0.1",
    .dump = 15,
    .of = {.server = 15,
           .migrations = 9,
           .database = "a name\nwith a break",
           .taken = "2026-11-27T02:00:00Z",
           .tickets = 7,
           .messages = 8,
           .events = INT64_C(9000000000)},
};

/* A whole backup with n bytes of data, in a file of its own. */
static int
file_of(size_t n)
{
    int fd = memfd_create("backup", MFD_CLOEXEC);
    struct archive *a = archive_new(fd);
    char head[ARCHIVE_HEAD], *data = xmalloc(n + 1);
    struct err e;

    memset(data, 'x', n);
    archive_head(&facts, head);
    assert_true(archive_write(a, head, sizeof(head), &e) && archive_write(a, data, n, &e) && archive_end(a, &e));
    archive_free(a);
    free(data);
    return fd;
}

static void
fails(int fd, const char *why)
{
    struct archive_facts got;
    struct err e = {ERR_NONE, "", ""};
    int64_t n;

    assert_false(archive_verify(fd, &got, &n, NULL, &e));
    if (strstr(e.msg, why) == NULL) {
        fail_msg("it says \"%s\", not \"%s\"", e.msg, why);
    }
}

static void
what_is_written_is_read(void **state)
{
    static const size_t sizes[] = {0, 1, 1 << 20, (1 << 20) + 1};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int fd = file_of(sizes[i]);
        struct archive_facts got;
        struct err e;
        int64_t n;

        assert_true(archive_verify(fd, &got, &n, NULL, &e));
        assert_int_equal(n, sizes[i]);
        assert_string_equal(got.turno, facts.turno);
        assert_int_equal(got.dump, 15);
        assert_int_equal(got.of.server, 15);
        assert_int_equal(got.of.migrations, 9);
        assert_string_equal(got.of.database, "a name?with a break");
        assert_string_equal(got.of.taken, facts.of.taken);
        assert_int_equal(got.of.tickets, 7);
        assert_int_equal(got.of.messages, 8);
        assert_true(got.of.events == facts.of.events);
        (void)close(fd);
    }
}

/* Each byte of head, data and tail counts. */
static void
any_changed_byte_is_found(void **state)
{
    int fd = file_of(10);
    off_t size = lseek(fd, 0, SEEK_END);

    (void)state;
    for (off_t at = 0; at < size; at++) {
        struct archive_facts got;
        struct err e;
        int64_t n;
        char c, other;

        assert_int_equal(pread(fd, &c, 1, at), 1);
        other = (char)(c ^ 4);
        assert_int_equal(pwrite(fd, &other, 1, at), 1);
        assert_false(archive_verify(fd, &got, &n, NULL, &e));
        assert_int_equal(pwrite(fd, &c, 1, at), 1);
    }
    (void)close(fd);
}

static void
a_cut_file_is_found(void **state)
{
    int fd = file_of(1000);
    off_t size = lseek(fd, 0, SEEK_END);

    (void)state;
    assert_int_equal(ftruncate(fd, size - 1), 0);
    fails(fd, "no checksum at its end");
    assert_int_equal(ftruncate(fd, ARCHIVE_HEAD + 5), 0);
    fails(fd, "cut short");
    assert_int_equal(ftruncate(fd, 100), 0);
    fails(fd, "no backup of turno");
    assert_int_equal(ftruncate(fd, 0), 0);
    fails(fd, "no backup of turno");
    (void)close(fd);
}

static bool
stops(int64_t done, int64_t all)
{
    assert_true(done <= all);
    return false;
}

static void
reading_can_be_stopped(void **state)
{
    int fd = file_of(1000), fds[2];
    struct archive_facts got;
    struct err e;
    int64_t n;

    (void)state;
    assert_false(archive_verify(fd, &got, &n, stops, &e));
    assert_int_equal(e.code, ERR_STOPPING);
    (void)close(fd);
    assert_int_equal(pipe(fds), 0);
    fails(fds[0], "no file that can be read twice");
    (void)close(fds[0]);
    (void)close(fds[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(any_changed_byte_is_found),
        cmocka_unit_test(a_cut_file_is_found),
        cmocka_unit_test(reading_can_be_stopped),
    };

    return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
