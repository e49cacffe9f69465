/* SPDX-License-Identifier: MIT */
/* editor, draft and compose: drafts are private, nothing written is lost, nothing below the line is sent. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/compose.h"
#include "cli/draft.h"
#include "cli/editor.h"
#include "cli/verbs.h"

static struct arena *a;
static struct err e;
static char dir[] = "/tmp/turno-test-XXXXXX";
static char file[80]; /* in it */
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
    setenv("XDG_STATE_HOME", dir, 1);
    (void)snprintf(file, sizeof file, "%s/file", dir);
    return 0;
}

static int
remove_dir(void **state)
{
    char drafts[80], above[80];

    (void)state;
    (void)unlink(file);
    (void)snprintf(drafts, sizeof drafts, "%s/turno/drafts", dir);
    (void)snprintf(above, sizeof above, "%s/turno", dir);
    return rmdir(drafts) || rmdir(above) || rmdir(dir); /* fails when a test has left a draft behind */
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
    struct draft d, same;
    struct stat st;

    (void)state;
    assert_true(draft_make(a, "42-reply", &d, &e));
    assert_true(draft_put_text(&d, "text", NULL, &e));
    assert_true(draft_put_how(&d, &e));
    assert_int_equal(stat(d.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(arena_printf(a, "%s/42-reply.json", draft_folder(a, &e)), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(draft_folder(a, &e), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_non_null(strstr(d.path, "/42-reply.txt"));
    /* while we work on it nobody else does; a second of that name is another one */
    assert_false(draft_take(a, "42-reply", &same, &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_true(draft_make(a, "42-reply", &same, &e));
    assert_string_equal(same.name, "42-reply-2");
    draft_drop(&same);
    draft_leave(&d);
    assert_true(draft_take(a, "42-reply", &d, &e));
    draft_drop(&d);
    assert_int_equal(stat(d.path, &st), -1);
    assert_false(draft_take(a, "42-reply", &d, &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_false(draft_take(a, "../42-reply", &d, &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
}

static void
a_draft_is_found_by_its_text(void **state)
{
    json_t *how = json_object(), *other = json_pack("{s:[s,s]}", "command", "note", "8");
    const char *const *names;
    struct draft d, again;

    (void)state;
    assert_true(draft_for(a, "7-note", "one", how, &d, &e));
    assert_true(draft_put_text(&d, "one", "context\n", &e));
    (void)json_object_set_new(d.how, "key", json_string("k"));
    assert_true(draft_put_how(&d, &e));
    draft_leave(&d);
    assert_true(draft_for(a, "7-note", "two", how, &d, &e));
    assert_string_equal(d.name, "7-note-2");
    assert_true(draft_put_text(&d, "two", NULL, &e));
    assert_true(draft_put_how(&d, &e));
    draft_leave(&d);
    assert_int_equal(draft_names(a, &names), 2);
    assert_string_equal(names[0], "7-note");
    assert_true(draft_for(a, "7-note", "two", how, &again, &e));
    assert_string_equal(again.name, "7-note-2");
    assert_false(draft_is_unknown(&again));
    draft_drop(&again);
    assert_true(draft_for(a, "7-note", "one", how, &again, &e));
    assert_string_equal(again.name, "7-note");
    assert_true(draft_is_unknown(&again));
    /* a shorter state written over a longer one */
    json_object_clear(again.how);
    assert_true(draft_put_how(&again, &e));
    draft_leave(&again);
    assert_true(draft_take(a, "7-note", &again, &e));
    assert_false(draft_is_unknown(&again));
    draft_leave(&again);
    /* the same words by another command are another text, */
    assert_true(draft_for(a, "7-note", "one", other, &d, &e));
    assert_string_equal(d.name, "7-note-2");
    assert_true(draft_put_text(&d, "one", NULL, &e));
    (void)json_object_update(d.how, other);
    assert_true(draft_put_how(&d, &e));
    draft_leave(&d);
    /* which is found also when the one before it is gone */
    assert_true(draft_take(a, "7-note", &again, &e));
    draft_drop(&again);
    assert_true(draft_for(a, "7-note", "one", other, &d, &e));
    assert_string_equal(d.name, "7-note-2");
    draft_drop(&d);
    json_decref(how);
    json_decref(other);
}

/* Write the file anew and read what would be sent. */
static const char *
read_back(const char *content)
{
    const char *text = NULL;
    FILE *f = fopen(file, "w");

    assert_non_null(f);
    fputs(content, f);
    fclose(f);
    return editor_read(a, file, &text, &e) ? text : NULL;
}

static void
what_stands_below_the_line_is_not_sent(void **state)
{
    (void)state;
    assert_string_equal(read_back("one\ntwo\n\n" EDITOR_LINE "\nTo: Ana\n"), "one\ntwo");
    assert_string_equal(read_back(EDITOR_LINE "\nTo: Ana\n"), "");
    assert_string_equal(read_back("\n \n  indented\n"), "  indented");
    assert_string_equal(read_back("a " EDITOR_LINE "\n"), "a " EDITOR_LINE);
    /* in whatever words it was written */
    assert_string_equal(read_back("one\n" EDITOR_SCISSORS "de aquí no pasa" EDITOR_RULE "\nPara: Ana\n"), "one");
    assert_string_equal(read_back("one\n" EDITOR_SCISSORS "cut\nhere" EDITOR_RULE "\n"),
                        "one\n" EDITOR_SCISSORS "cut\nhere" EDITOR_RULE);
    assert_string_equal(read_back(""), "");
    assert_string_equal(read_back(" \n\t\n"), "");
    assert_null(read_back("\xff\n"));
    assert_non_null(strstr(e.msg, "no UTF-8"));
}

static void
the_editor_gets_text_and_context(void **state)
{
    const char *path = file, *all;

    (void)state;
    assert_true(editor_put(path, "begun", "To: Ana\n", &e));
    assert_true(editor_slurp(a, path, 1000, &all, &e));
    assert_string_equal(all, "begun\n\n" EDITOR_LINE "\nTo: Ana\n");
    setenv("VISUAL", "f() { printf 'changed\\n' > \"$1\"; }; f", 1);
    assert_true(editor_run(a, path, &e));
    assert_true(editor_read(a, path, &all, &e));
    assert_string_equal(all, "changed");
}

static void
a_failed_editor_keeps_the_draft(void **state)
{
    const char *text;

    (void)state;
    assert_true(editor_put(file, "precious", NULL, &e));
    assert_false(editor_run(a, file, &e));
    assert_non_null(strstr(e.msg, "editor failed"));
    assert_true(editor_read(a, file, &text, &e));
    assert_string_equal(text, "precious");
}

static void
a_file_may_be_too_long(void **state)
{
    const char *path = file, *text;

    (void)state;
    assert_true(editor_put(path, "0123456789", NULL, &e));
    assert_true(editor_slurp(a, path, 11, &text, &e));
    assert_false(editor_slurp(a, path, 10, &text, &e));
    assert_non_null(strstr(e.msg, "too long"));
    (void)unlink(path);
    assert_false(editor_slurp(a, path, 10, &text, &e));
}

/* No file may grow beyond n bytes: what a full disk does. */
static void
disk_has(rlim_t n)
{
    struct rlimit lim;

    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &lim), 0);
    lim.rlim_cur = n;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &lim), 0);
}

static void
a_full_disk_leaves_what_was_there(void **state)
{
    struct stat was, is;
    struct draft d;
    const char *text;

    (void)state;
    assert_true(editor_put(file, "precious", NULL, &e));
    assert_int_equal(stat(file, &was), 0);
    assert_true(editor_put(file, "precious", NULL, &e)); /* nothing to do */
    assert_int_equal(stat(file, &is), 0);
    assert_int_equal(is.st_ino, was.st_ino);
    assert_true(draft_make(a, "42-reply", &d, &e));
    (void)json_object_set_new(d.how, "key", json_string("k"));
    assert_true(draft_put_how(&d, &e));
    (void)json_object_set_new(d.how, "body", json_string("much longer"));
    disk_has(18);
    assert_false(editor_put(file, "precious, and much more of it", NULL, &e));
    assert_non_null(strstr(e.msg, "could not write"));
    assert_false(draft_put_how(&d, &e));
    disk_has(RLIM_INFINITY);
    assert_true(editor_read(a, file, &text, &e));
    assert_string_equal(text, "precious");
    draft_leave(&d);
    assert_true(draft_take(a, "42-reply", &d, &e));
    assert_true(draft_is_unknown(&d));
    draft_drop(&d);
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
        assert_true(editor_put(file, in, NULL, &e));
        path = file;
    }
    fd = open(path, O_RDONLY);
    dup2(fd, STDIN_FILENO);
    close(fd);
    *co = (struct compose){.need = need, .given = args_text(&args, "TEXT"), .name = "42-reply"};
    co->empty = "the reply is empty: nothing sent";
    ok = compose(&ctx, co, &e);
    dup2(was, STDIN_FILENO);
    close(was);
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

/* The desk was not there before we came to the text; and where only the desk refused nothing is kept. */
static void
what_was_given_is_kept(void **state)
{
    static const struct err away = {.code = ERR_UNREACHABLE}, refused = {.code = ERR_NOT_FOUND};
    struct compose co;
    struct draft d;
    const char *text;

    (void)state;
    assert_true(run_compose(&co, COMPOSE_MUST, NULL, WORDS("42", "long", "and", "precious", "-r", NULL)));
    compose_unsent(&ctx, &co, &refused);
    assert_false(draft_take(a, "42-reply", &d, &e));
    compose_unsent(&ctx, &co, &away);
    fflush(scr.after);
    assert_non_null(strstr(chat, "turno drafts 42-reply --send sends it"));
    assert_true(draft_take(a, "42-reply", &d, &e));
    assert_true(draft_text(a, &d, &text, &e));
    assert_string_equal(text, "long and precious");
    text = json_dumps(json_object_get(d.how, "command"), JSON_COMPACT);
    assert_string_equal(text, "[\"reply\",\"42\",\"--resolve\"]");
    free((void *)(uintptr_t)text);
    draft_drop(&d);
}

static void
what_cannot_be_kept_is_shown(void **state)
{
    static const struct err away = {.code = ERR_UNREACHABLE};
    struct compose co;
    struct draft d;

    (void)state;
    assert_true(run_compose(&co, COMPOSE_MUST, NULL, WORDS("42", "long", "and", "precious", NULL)));
    disk_has(4);
    compose_unsent(&ctx, &co, &away);
    disk_has(RLIM_INFINITY);
    fflush(scr.after);
    assert_null(strstr(chat, "is kept"));
    assert_non_null(strstr(chat, "your text was:\nlong and precious\n"));
    assert_false(draft_take(a, "42-reply", &d, &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(drafts_are_private, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_draft_is_found_by_its_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_stands_below_the_line_is_not_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_editor_gets_text_and_context, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_editor_keeps_the_draft, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_may_be_too_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_what_was_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_command_line_goes_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(standard_input_is_read_when_a_text_is_needed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_text_is_not_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_given_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_kept_is_shown, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("editor", tests, make_dir, remove_dir);
}
