/* SPDX-License-Identifier: MIT */
/* editor and compose: drafts are private, nothing written is lost, nothing below the line is sent. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/compose.h"
#include "cli/editor.h"
#include "cli/verbs.h"

static struct arena *a;
static struct err e;
static char dir[] = "/tmp/turno-test-XXXXXX";
static char *chat;
static size_t chat_n;
static struct screen scr;
static struct args args;
static struct ctx ctx;

static int
make_dir(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    setenv("TMPDIR", dir, 1);
    return 0;
}

static int
remove_dir(void **state)
{
    (void)state;
    return rmdir(dir); /* fails when a test has left a draft behind */
}

static int
set_up(void **state)
{
    (void)state;
    a = arena_new();
    e = (struct err){0};
    scr = (struct screen){.out = stdout, .after = open_memstream(&chat, &chat_n)};
    ctx = (struct ctx){.a = a, .s = &scr, .args = &args};
    unsetenv("VISUAL");
    setenv("EDITOR", "false", 1);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    fclose(scr.after);
    free(chat);
    arena_free(a);
    return 0;
}

/* ---- the draft ---- */

static void
drafts_are_private(void **state)
{
    const char *path;
    struct stat st;

    (void)state;
    assert_true(editor_create(a, "42-reply", "text", NULL, &path, &e));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(arena_strndup(a, path, (size_t)(strrchr(path, '/') - path)), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_non_null(strstr(path, "/42-reply.txt"));
    editor_remove(path);
    assert_int_equal(stat(path, &st), -1);
}

/* Write the file anew and read what would be sent. */
static const char *
read_back(const char *content)
{
    const char *path, *text = NULL;
    FILE *f;

    assert_true(editor_create(a, "x", "", NULL, &path, &e));
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(content, f);
    fclose(f);
    if (!editor_read(a, path, &text, &e)) {
        text = NULL;
    }
    editor_remove(path);
    return text;
}

static void
what_stands_below_the_line_is_not_sent(void **state)
{
    (void)state;
    assert_string_equal(read_back("one\ntwo\n\n" EDITOR_LINE "\nTo: Ana\n"), "one\ntwo");
    assert_string_equal(read_back(EDITOR_LINE "\nTo: Ana\n"), "");
    assert_string_equal(read_back("\n \n  indented\n"), "  indented");
    assert_string_equal(read_back("a " EDITOR_LINE "\n"), "a " EDITOR_LINE);
    assert_string_equal(read_back(""), "");
    assert_string_equal(read_back(" \n\t\n"), "");
    assert_null(read_back("\xff\n"));
    assert_non_null(strstr(e.msg, "no UTF-8"));
}

static void
the_editor_gets_text_and_context(void **state)
{
    const char *path, *all;

    (void)state;
    assert_true(editor_create(a, "x", "begun", "To: Ana\n", &path, &e));
    assert_true(editor_slurp(a, path, 1000, &all, &e));
    assert_string_equal(all, "begun\n\n" EDITOR_LINE "\nTo: Ana\n");
    setenv("VISUAL", "f() { printf 'changed\\n' > \"$1\"; }; f", 1);
    assert_true(editor_run(a, path, &e));
    assert_true(editor_read(a, path, &all, &e));
    assert_string_equal(all, "changed");
    editor_remove(path);
}

static void
a_failed_editor_keeps_the_draft(void **state)
{
    const char *path, *text;

    (void)state;
    assert_true(editor_create(a, "x", "precious", NULL, &path, &e));
    assert_false(editor_run(a, path, &e));
    assert_non_null(strstr(e.msg, path));
    assert_true(editor_read(a, path, &text, &e));
    assert_string_equal(text, "precious");
    editor_remove(path);
}

static void
a_file_may_be_too_long(void **state)
{
    const char *path, *text;

    (void)state;
    assert_true(editor_create(a, "x", "0123456789", NULL, &path, &e));
    assert_true(editor_slurp(a, path, 11, &text, &e));
    assert_false(editor_slurp(a, path, 10, &text, &e));
    assert_non_null(strstr(e.msg, "too long"));
    editor_remove(path);
    assert_false(editor_slurp(a, path, 10, &text, &e));
}

/* ---- where a text comes from ---- */

/* `turno reply …` with standard input from a file holding `in`; NULL: from /dev/null. */
static bool
run_compose(struct compose *co, enum compose_need need, const char *in, const char *const *words)
{
    char *argv[8] = {arena_strdup(a, "turno"), arena_strdup(a, "reply")};
    int argc = 2, was = dup(STDIN_FILENO), fd;
    const char *path = "/dev/null";
    bool ok;

    while (*words) {
        argv[argc++] = arena_strdup(a, *words++);
    }
    assert_true(args_parse(a, cli_verbs, argc, argv, 0, &args, &e));
    if (in) {
        assert_true(editor_create(a, "stdin", in, NULL, &path, &e));
    }
    fd = open(path, O_RDONLY);
    dup2(fd, STDIN_FILENO);
    close(fd);
    *co = (struct compose){.need = need, .given = args_text(&args, "TEXT"), .name = "42-reply", .what = "reply"};
    ok = compose(&ctx, co, &e);
    dup2(was, STDIN_FILENO);
    close(was);
    if (in) {
        editor_remove(path);
    }
    return ok;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__})

static void
the_command_line_goes_first(void **state)
{
    struct compose co;

    (void)state;
    assert_true(run_compose(&co, COMPOSE_MUST, "from stdin", WORDS("from", "args", NULL)));
    assert_string_equal(co.text, "from args");
    assert_true(run_compose(&co, COMPOSE_MUST, "from stdin", WORDS("-m", "from m", NULL)));
    assert_string_equal(co.text, "from m");
    assert_true(run_compose(&co, COMPOSE_MUST, "\nfrom stdin\n\n", WORDS("-m", "-", NULL)));
    assert_string_equal(co.text, "from stdin");
    assert_false(run_compose(&co, COMPOSE_MUST, NULL, WORDS("-m", "a", "b", NULL)));
    assert_non_null(strstr(e.msg, "twice"));
}

static void
standard_input_is_read_when_a_text_is_needed(void **state)
{
    struct compose co;

    (void)state;
    assert_true(run_compose(&co, COMPOSE_MUST, "from stdin\n", WORDS(NULL)));
    assert_string_equal(co.text, "from stdin");
    assert_true(run_compose(&co, COMPOSE_MAYBE, "from stdin\n", WORDS(NULL)));
    assert_string_equal(co.text, "from stdin");
    assert_true(run_compose(&co, COMPOSE_MAY, "from stdin\n", WORDS(NULL)));
    assert_null(co.text);
    assert_true(run_compose(&co, COMPOSE_MAYBE, NULL, WORDS(NULL)));
    assert_null(co.text);
    assert_true(run_compose(&co, COMPOSE_MAYBE, "from stdin\n", WORDS("-m", "", NULL)));
    assert_null(co.text);
}

static void
an_empty_text_is_not_sent(void **state)
{
    struct compose co;

    (void)state;
    assert_false(run_compose(&co, COMPOSE_MUST, "\n \n", WORDS(NULL)));
    assert_string_equal(e.msg, "the reply is empty: nothing sent");
    assert_false(run_compose(&co, COMPOSE_MUST, NULL, WORDS(NULL)));
    assert_int_equal(err_exit(e.code), EXIT_REFUSED);
    assert_false(run_compose(&co, COMPOSE_MUST, NULL, WORDS("-e", NULL)));
    assert_non_null(strstr(e.msg, "terminal"));
}

static void
what_could_not_be_sent_is_kept(void **state)
{
    struct compose co;
    const char *text;

    (void)state;
    assert_true(run_compose(&co, COMPOSE_MUST, "long and precious\n", WORDS(NULL)));
    compose_keep(&ctx, &co, NULL);
    fflush(scr.after);
    assert_non_null(co.path);
    assert_non_null(strstr(chat, co.path));
    assert_true(editor_slurp(a, co.path, 100, &text, &e));
    assert_string_equal(text, "long and precious\n");
    compose_sent(&co);
    assert_null(co.path);
    /* what was typed is still in the shell's history */
    assert_true(run_compose(&co, COMPOSE_MUST, NULL, WORDS("short", NULL)));
    compose_keep(&ctx, &co, NULL);
    assert_null(co.path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(drafts_are_private, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_stands_below_the_line_is_not_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_editor_gets_text_and_context, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_editor_keeps_the_draft, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_may_be_too_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_command_line_goes_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(standard_input_is_read_when_a_text_is_needed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_text_is_not_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_could_not_be_sent_is_kept, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("editor", tests, make_dir, remove_dir);
}
