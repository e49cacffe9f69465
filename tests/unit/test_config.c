/* SPDX-License-Identifier: MIT */
/* The table of keys, what it refuses, reload, and that sample file and man page say the same as the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/strbuf.h"
#include "daemon/os/conffile.h"
#include "daemon/os/config.h"

static char dir[256];
static struct strbuf complaints;

static void
complain(void *arg, const char *line)
{
    (void)arg;
    strbuf_addf(&complaints, "%s\n", line);
}

static const char *
write_file(const char *text)
{
    static char path[512];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/t.conf", dir);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    return path;
}

static struct config *
load(const char *text, const char *const *overrides, size_t n)
{
    strbuf_clear(&complaints);
    return config_load(text != NULL ? write_file(text) : NULL, true, overrides, n, complain, NULL);
}

/* Refused, and for this reason (DIR stands for the folder). */
static void
expect_mistake(const char *text, const char *wanted)
{
    struct config *c = load(text, NULL, 0);
    struct strbuf full;
    const char *at = strstr(wanted, "FILE");

    strbuf_init(&full);
    if (at != NULL) {
        strbuf_addn(&full, wanted, (size_t)(at - wanted));
        strbuf_addf(&full, "%s/t.conf%s", dir, at + 4);
    } else {
        strbuf_add(&full, wanted);
    }
    assert_null(c);
    if (strstr(complaints.p, full.p) == NULL) {
        fail_msg("wanted: %s\ngot: %s", full.p, complaints.p);
    }
    strbuf_release(&full);
}

static void
expect_override_mistake(const char *override, const char *wanted)
{
    struct config *c = load(NULL, &override, 1);

    assert_null(c);
    if (strstr(complaints.p, wanted) == NULL) {
        fail_msg("wanted: %s\ngot: %s", wanted, complaints.p);
    }
}

static void
defaults_are_complete(void **state)
{
    struct config *c = load(NULL, NULL, 0);

    (void)state;
    assert_non_null(c);
    assert_string_equal(c->state_dir, "/var/lib/turno");
    assert_string_equal(c->socket, "/run/turno/turno.sock");
    assert_int_equal(c->socket_mode, 0666);
    assert_null(c->listen[0]);
    assert_string_equal(c->database.conninfo, "");
    assert_int_equal(c->database.batch_max, 128);
    assert_int_equal(c->limits.body, 1024 * 1024);
    assert_int_equal(c->limits.idle_timeout, 10 * USEC_MIN);
    assert_int_equal(c->log_level, LOG_LEVEL_INFO);
    config_free(c);
}

static void
file_that_is_not_there_counts_only_when_it_must(void **state)
{
    struct config *c;

    (void)state;
    strbuf_clear(&complaints);
    c = config_load("/nowhere/t.conf", false, NULL, 0, complain, NULL);
    assert_non_null(c);
    assert_null(c->file);
    config_free(c);
    assert_null(config_load("/nowhere/t.conf", true, NULL, 0, complain, NULL));
    assert_non_null(strstr(complaints.p, "could not open '/nowhere/t.conf'"));
}

static void
file_sets_and_override_wins(void **state)
{
    static const char *const overrides[] = {"limits.body=2M", "listen=127.0.0.1:1,[::1]:2", "desk=here/desk.conf"};
    struct config *c = load("state_dir = \"/srv/turno\";\nsocket_mode = \"0660\";\nlisten = [\"127.0.0.1:8080\"];\n"
                            "limits: { body = 65536; deadline = \"1m\"; connections = 7; };\n"
                            "database: { statement_timeout = \"60s\"; };\n",
                            overrides, 3);
    char *cwd = getcwd(NULL, 0);

    (void)state;
    if (c == NULL) {
        fail_msg("%s", complaints.p);
        return;
    }
    assert_string_equal(c->state_dir, "/srv/turno");
    assert_int_equal(c->socket_mode, 0660);
    assert_int_equal(c->limits.body, 2 * 1024 * 1024);
    assert_int_equal(c->limits.connections, 7);
    assert_int_equal(c->limits.deadline, USEC_MIN);
    assert_string_equal(c->listen[0], "127.0.0.1:1");
    assert_string_equal(c->listen[1], "[::1]:2");
    assert_null(c->listen[2]);
    assert_int_equal(strncmp(c->desk, cwd, strlen(cwd)), 0); /* typed relative to where we are */
    free(cwd);
    config_free(c);
}

static void
each_mistake_has_its_line(void **state)
{
    (void)state;
    expect_mistake("state_dir = \"/x\";\nstate_dri = \"/y\";\n", "FILE:2: there is no key 'state_dri'\n");
    expect_mistake("limits: { bodys = 1; };\n", "FILE:1: there is no key 'limits.bodys'\n");
    expect_mistake("\n\nlimits = 3;\n", "FILE:3: limits: a group is wanted");
    expect_mistake("socket: { x = 1; };\n", "FILE:1: socket: a text in quotes is wanted");
    expect_mistake("socket = 3;\n", "FILE:1: socket: a text in quotes is wanted");
    expect_mistake("socket = \"turno.sock\";\n", "FILE:1: socket: must be an absolute path, not 'turno.sock'");
    expect_mistake("state_dir = \"\";\n", "FILE:1: state_dir: may not be empty");
    expect_mistake("listen = \"127.0.0.1:80\";\n", "FILE:1: listen: a list of texts is wanted");
    expect_mistake("listen = [1];\n", "FILE:1: listen: every entry must be a text");
    expect_mistake("database: { batch_max = \"9\"; };\n", "FILE:1: database.batch_max: a whole number without quotes");
    expect_mistake("database: {\n batch_max = 501; };\n", "FILE:2: database.batch_max: must be 1 to 500, not '501'");
    expect_mistake("limits: { deadline = \"5\"; };\n", "FILE:1: limits.deadline: must be a duration");
    expect_mistake("limits: { deadline = \"0s\"; };\n", "FILE:1: limits.deadline: must be 1 s to ");
    expect_mistake("limits: { body = \"1X\"; };\n", "FILE:1: limits.body: must be a size");
    expect_mistake("socket_mode = \"0888\";\n", "FILE:1: socket_mode: must be an octal mode");
    expect_mistake("log_level = \"loud\";\n", "FILE:1: log_level: must be one of err, warn, notice, info, debug");
    expect_mistake("state_dir = ;\n", "FILE:1: syntax error\n");
    expect_mistake("\nweb: {\n  form = \"on\";\n#};\n\n", "syntax error: the bracket in line 2 is not closed\n");
    expect_mistake("web: {\n proxies = [\"}\"; };\n", "FILE:2: syntax error: the bracket in line 2 is not closed\n");
    expect_mistake("web: { form = \"on\"; };\n};\n", "FILE:2: syntax error\n");
    expect_mistake("socket = \"/a\";\nsocket = \"/b\";\n", "FILE:2: duplicate setting name");
}

static void
all_mistakes_are_told_at_once(void **state)
{
    static const char *const overrides[] = {"nothing", "limits.headers=9"};

    (void)state;
    assert_null(
        load("socket = 3;\nlog_level = \"loud\";\nlimits: { x = 1; };\nlisten = [\"8.8.8.8:80\"];\n", overrides, 2));
    assert_non_null(strstr(complaints.p, ":1: socket:"));
    assert_non_null(strstr(complaints.p, ":2: log_level:"));
    assert_non_null(strstr(complaints.p, ":3: there is no key 'limits.x'"));
    assert_non_null(strstr(complaints.p, "listen: '8.8.8.8:80' is not on loopback"));
    assert_non_null(strstr(complaints.p, "-o nothing: the form is key=value"));
    assert_non_null(strstr(complaints.p, "-o limits.headers: must be 1024 to 1048576"));
}

static void
keys_are_checked_against_each_other(void **state)
{
    char long_path[300];

    (void)state;
    (void)snprintf(long_path, sizeof(long_path), "socket = \"/%0120d\";\n", 1);
    expect_mistake(long_path, "socket: a socket's path may have 107 bytes, this one has 121");
    (void)snprintf(long_path, sizeof(long_path), "state_dir = \"/%099d\";\n", 1);
    expect_mistake(long_path, "state_dir: the database's socket in it would have 118 bytes");
    expect_mistake("limits: { deadline = \"2s\"; };\n",
                   "database.statement_timeout: may not be longer than limits.deadline");
    expect_mistake("web: { url = \"help.example.com\"; };\n",
                   "web.url: an address like https://help.example.com, with nothing "
                   "behind the host, not 'help.example.com'");
    expect_mistake("web: { url = \"https://\"; };\n", "not 'https://'");
    expect_mistake("web: { url = \"https://help.example.com/\"; };\n", "not 'https://help.example.com/'");
    expect_mistake("web: { url = \"https://help.example.com:\"; };\n", "not 'https://help.example.com:'");
    expect_mistake("web: { url = \"https://a b\"; };\n", "not 'https://a b'");
    expect_mistake("web: { proxies = [\"::1\", \"localhost\"]; };\n",
                   "web.proxies: 'localhost' is no address, nor unix");
    expect_mistake("database: { owner_conninfo = \"user=x\"; };\n", "database.owner_conninfo: only together with");
    expect_mistake("database: { conninfo = \"host=h\"; role = \"a b\"; };\n", "database.role: small letters");
}

static void
override_mistakes_name_the_key(void **state)
{
    (void)state;
    expect_override_mistake("state_dri=/x", "-o state_dri: there is no such key\n");
    expect_override_mistake("limits.body=x", "-o limits.body: must be a size");
    expect_override_mistake("listen=nowhere", "listen: 'nowhere' is no address with a port");
}

static void
include_is_refused(void **state)
{
    (void)state;
    expect_mistake("socket = \"/a\";\n  @include \"/etc/shadow\"\n", "FILE:2: @include is not allowed");
    assert_int_equal(conffile_include_line("a = 1;\n\t@include \"x\"\n"), 2);
    assert_int_equal(conffile_include_line("@include \"x\""), 1);
    assert_int_equal(conffile_include_line("a = \"\\\"\n@include\";\n"), 0);
    assert_int_equal(conffile_include_line("/*\n@include \"x\"\n*/"), 0);
    assert_int_equal(conffile_include_line("/*\n*/\n# \"\n@include \"x\"\n"), 4);
    assert_int_equal(conffile_include_line("// \"\n@include \"x\"\n"), 2);
    assert_int_equal(conffile_include_line("x = 1; @include \"x\"\n"), 0); /* no directive there: a syntax error */
    assert_int_equal(conffile_include_line("\"open"), 0);
    assert_int_equal(conffile_include_line("/* open"), 0);
}

static void
bytes_that_are_no_text_are_refused(void **state)
{
    (void)state;
    expect_mistake("socket = \"\xff\";\n", "is not a text in UTF-8");
    strbuf_clear(&complaints);
    assert_null(config_load(dir, true, NULL, 0, complain, NULL));
    assert_non_null(strstr(complaints.p, "is not a file"));
}

static void
note_key(void *arg, const char *key)
{
    (void)arg;
    strbuf_addf(&complaints, "%s\n", key);
}

static void
reload_keeps_what_needs_a_restart(void **state)
{
    struct config *old = load("listen = [\"127.0.0.1:1\"];\nlog_level = \"warn\";\n", NULL, 0);
    struct config *next = load("listen = [\"127.0.0.1:2\", \"[::1]:2\"];\nlog_level = \"debug\";\nsocket = \"/x\";\n"
                               "limits: { stop_timeout = \"3s\"; connections = 5; };\n",
                               NULL, 0);

    (void)state;
    assert_non_null(old);
    assert_non_null(next);
    strbuf_clear(&complaints);
    assert_int_equal(config_adopt(next, old, note_key, NULL), 3);
    config_free(old);
    assert_string_equal(complaints.p, "socket\nlisten\nlimits.connections\n");
    assert_int_equal(next->log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(next->limits.stop_timeout, 3 * USEC_SEC);
    assert_int_equal(next->limits.connections, 12000);
    assert_string_equal(next->socket, "/run/turno/turno.sock");
    assert_string_equal(next->listen[0], "127.0.0.1:1");
    assert_null(next->listen[1]);
    config_free(next);
}

/* ---- the table against its documents ---------------------------------------------------------------------------------- */

static char *
read_document(const char *name)
{
    const char *top = getenv("TURNO_TOP");
    struct strbuf path;
    struct err e = {0};
    char *text = NULL;

    strbuf_init(&path);
    strbuf_addf(&path, "%s/%s", top != NULL ? top : ".", name);
    if (!conffile_read(path.p, &text, NULL, &e)) {
        fail_msg("%s", e.msg);
    }
    strbuf_release(&path);
    return text;
}

static void
sample_shows_every_key_with_its_default(void **state)
{
    char *text = read_document("conf/turnod.conf");
    struct config_key k;

    (void)state;
    for (size_t i = 0; config_key(i, &k); i++) {
        const char *dot = strchr(k.name, '.');
        struct strbuf line;

        /* Commented out: "#   batch_max = 128;" in its group. */
        strbuf_init(&line);
        if (strcmp(k.type, "number") == 0) {
            strbuf_addf(&line, "%s = %s;", dot != NULL ? dot + 1 : k.name, k.def);
        } else if (strcmp(k.type, "list of texts") == 0) {
            strbuf_addf(&line, "%s = [", dot != NULL ? dot + 1 : k.name);
        } else {
            strbuf_addf(&line, "%s = \"%s\";", dot != NULL ? dot + 1 : k.name, k.def);
        }
        if (strstr(text, line.p) == NULL) {
            fail_msg("conf/turnod.conf does not show: %s", line.p);
        }
        strbuf_release(&line);
    }
    free(text);
}

/* The sample as it is, and with every commented setting switched on. */
static void
sample_is_valid(void **state)
{
    char *text = read_document("conf/turnod.conf");
    struct config *c = load(text, NULL, 0);

    (void)state;
    if (c == NULL) {
        fail_msg("%s", complaints.p);
    }
    config_free(c);
    for (char *p = text; p != NULL; p = strchr(p, '\n')) {
        p += *p == '\n';
        p += strspn(p, " ");
        if (p[0] == '#' && p[1] != ' ' && p[1] != '\n') { /* "#key", while explanations are "# Words" */
            p[0] = ' ';
        }
    }
    c = load(text, NULL, 0);
    if (c == NULL) {
        fail_msg("%s", complaints.p);
    }
    config_free(c);
    free(text);
}

static void
man_page_describes_every_key(void **state)
{
    char *text = read_document("conf/turnod.conf.5");
    struct config_key k;

    (void)state;
    for (size_t i = 0; config_key(i, &k); i++) {
        struct strbuf line;

        strbuf_init(&line);
        strbuf_addf(&line, ".It Ic %s ", k.name);
        if (strstr(text, line.p) == NULL) {
            fail_msg("conf/turnod.conf.5 has no entry: %s", line.p);
        }
        strbuf_clear(&line);
        if (k.def[0] != '\0') {
            strbuf_addf(&line, ".It Ic %s Pq %s, default %s", k.name, k.type, k.def);
        } else {
            strbuf_addf(&line, ".It Ic %s Pq %s", k.name, k.type);
        }
        if (strstr(text, line.p) == NULL) {
            fail_msg("conf/turnod.conf.5 has another type or default than: %s", line.p);
        }
        strbuf_release(&line);
    }
    free(text);
}

static int
set_up(void **state)
{
    const char *tmp = getenv("TMPDIR");

    (void)state;
    strbuf_init(&complaints);
    (void)snprintf(dir, sizeof(dir), "%s/config.XXXXXX", tmp != NULL ? tmp : "/tmp");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    strbuf_release(&complaints);
    (void)unlink(write_file(""));
    return rmdir(dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_complete),
        cmocka_unit_test(file_that_is_not_there_counts_only_when_it_must),
        cmocka_unit_test(file_sets_and_override_wins),
        cmocka_unit_test(each_mistake_has_its_line),
        cmocka_unit_test(all_mistakes_are_told_at_once),
        cmocka_unit_test(keys_are_checked_against_each_other),
        cmocka_unit_test(override_mistakes_name_the_key),
        cmocka_unit_test(include_is_refused),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(reload_keeps_what_needs_a_restart),
        cmocka_unit_test(sample_shows_every_key_with_its_default),
        cmocka_unit_test(sample_is_valid),
        cmocka_unit_test(man_page_describes_every_key),
    };

    return cmocka_run_group_tests_name("config", tests, set_up, tear_down);
}
