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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "daemon/db/archive.h"
#include "daemon/os/pgbin.h"
#include "daemon/os/program.h"
#include "daemon/tool.h"

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
    struct err e = {0};
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

/* A folder with a pg_restore that says it is of this version. */
static void
install(const char *top, int major, struct strbuf *path)
{
    char *dir = xasprintf("%s/%d", top, major), *file = xasprintf("%s/pg_restore", dir);
    FILE *f;

    assert_int_equal(mkdir(dir, 0700), 0);
    f = fopen(file, "w");
    assert_non_null(f);
    assert_true(fprintf(f, "#!/bin/sh\necho 'pg_restore (PostgreSQL) %d.1'\n", major) > 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(file, 0700), 0);
    strbuf_addf(path, "%s%s", path->n > 0 ? ":" : "", dir);
    free(file);
    free(dir);
}

static void
chooses(int wanted, enum pgbin_choice choice, int expected)
{
    static const char *const programs[] = {"pg_restore", NULL};
    struct strbuf others;
    int major;

    strbuf_init(&others);
    free(pgbin_find(programs, "", wanted, choice, &major, &others));
    strbuf_release(&others);
    assert_int_equal(major, expected);
}

/* Versions that no machine has in its usual places. */
static void
the_nearest_program_is_taken(void **state)
{
    static const int majors[] = {903, 905, 901, 904};
    char top[] = "/tmp/turno.XXXXXX", *before = xstrdup(getenv("PATH"));
    struct strbuf path;

    (void)state;
    assert_non_null(mkdtemp(top));
    strbuf_init(&path);
    for (size_t i = 0; i < sizeof(majors) / sizeof(majors[0]); i++) {
        install(top, majors[i], &path);
    }
    assert_int_equal(setenv("PATH", path.p, 1), 0);
    chooses(901, PGBIN_OLDEST, 901);
    chooses(902, PGBIN_OLDEST, 903);
    chooses(906, PGBIN_OLDEST, 0);
    chooses(904, PGBIN_ONLY, 904);
    chooses(902, PGBIN_ONLY, 0);
    assert_int_equal(setenv("PATH", before, 1), 0);
    for (size_t i = 0; i < sizeof(majors) / sizeof(majors[0]); i++) {
        char *file = xasprintf("%s/%d/pg_restore", top, majors[i]);

        assert_int_equal(unlink(file), 0);
        *strrchr(file, '/') = '\0';
        assert_int_equal(rmdir(file), 0);
        free(file);
    }
    assert_int_equal(rmdir(top), 0);
    strbuf_release(&path);
    free(before);
}

static void
a_program_too_new_for_the_server_is_known(void **state)
{
    (void)state;
    assert_true(tool_is_too_new(17, 16));
    assert_true(tool_is_too_new(18, 15));
    assert_false(tool_is_too_new(17, 17));
    assert_false(tool_is_too_new(16, 15));
    assert_false(tool_is_too_new(18, 17));
}

/* In a child, which may lose what cmocka needs. */
static const char *
environment_left(void)
{
    static const char *const kept[] = {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TERM", "PGPASSFILE"};
    static const char *const gone[] = {"VAULT_TOKEN", "LD_LIBRARY_PATH", "PATHS", "XDG_STATE_HOME", "SSH_AUTH_SOCK"};
    const char *wrong = NULL;

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        (void)setenv(kept[i], "C", 1);
    }
    for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
        (void)setenv(gone[i], "secret", 1);
    }
    program_forget_private();
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        wrong = getenv(kept[i]) == NULL ? kept[i] : wrong;
    }
    for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
        wrong = getenv(gone[i]) != NULL ? gone[i] : wrong;
    }
    return wrong;
}

static void
nothing_private_goes_along(void **state)
{
    int status = -1;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        const char *wrong = environment_left();

        if (wrong != NULL) {
            (void)fprintf(stderr, "# %s\n", wrong);
        }
        _exit(wrong != NULL);
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    assert_int_equal(status, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),      cmocka_unit_test(any_changed_byte_is_found),
        cmocka_unit_test(a_cut_file_is_found),          cmocka_unit_test(reading_can_be_stopped),
        cmocka_unit_test(the_nearest_program_is_taken), cmocka_unit_test(a_program_too_new_for_the_server_is_known),
        cmocka_unit_test(nothing_private_goes_along),
    };

    return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
