/* SPDX-License-Identifier: MIT */
/* sql/embed.sh: what it makes of the tree's SQL, and what it refuses. Run in the top folder of the tree. */
#include <setjmp.h> /* cmocka needs these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/strbuf.h"
#include "daemon/db/stmt.h"
#include "schema.h"

static void
read_file(const char *path, struct strbuf *sb)
{
    char buf[4096];
    FILE *f = fopen(path, "r");
    size_t n;

    strbuf_clear(sb);
    assert_non_null(f);
    while ((n = fread(buf, 1, sizeof(buf), f)) > 0) {
        strbuf_addn(sb, buf, n);
    }
    (void)fclose(f);
}

static void
texts_are_the_files(void **state)
{
    struct strbuf sb;
    char path[200];

    (void)state;
    strbuf_init(&sb);
    for (int i = 0; i < STMT_COUNT; i++) {
        /* one of two forms has no file of its own: what makes it is tested below */
        bool is_form = strstr(stmts[i].name, "_plain") != NULL ||
                       (i + 1 < STMT_COUNT && strstr(stmts[i + 1].name, "_plain") != NULL);
        static const char *const kinds[] = {"read", "write", "batch", "flush", "owner", "listen"};
        char first[40];

        if (!is_form) {
            (void)snprintf(path, sizeof(path), "sql/stmts/%s.sql", stmts[i].name);
            read_file(path, &sb);
            assert_string_equal(stmts[i].text, sb.p);
        }
        (void)snprintf(first, sizeof(first), "-- %s: ", kinds[stmts[i].conn]);
        assert_memory_equal(stmts[i].text, first, strlen(first));
    }
    for (size_t i = 0; i < schema_migration_count; i++) {
        assert_int_equal(schema_migrations[i].number, (int)i + 1);
        (void)snprintf(path, sizeof(path), "sql/schema/%04d_%s.sql", schema_migrations[i].number,
                       schema_migrations[i].name);
        read_file(path, &sb);
        assert_string_equal(schema_migrations[i].text, sb.p);
    }
    for (size_t i = 0; i + 1 < schema_repeatable_count; i++) {
        assert_true(i == 0 || strcmp(schema_repeatables[i - 1].name, schema_repeatables[i].name) < 0);
        (void)snprintf(path, sizeof(path), "sql/functions/%s.sql", schema_repeatables[i].name);
        read_file(path, &sb);
        assert_string_equal(schema_repeatables[i].text, sb.p);
    }
    assert_string_equal(schema_repeatables[schema_repeatable_count - 1].name, "transition");
    assert_string_equal(stmts[STMT_LINK_LOCK].name, "link_lock");
    strbuf_release(&sb);
}

static char dir[] = "/tmp/turno-stmt-XXXXXX";

/* A tree of its own with these files; the exit status of embed.sh, whose words are in dir/said. */
static int
embed(const char *script)
{
    char command[2000];
    int st;

    (void)snprintf(command, sizeof(command),
                   "set -e; rm -rf '%s'; mkdir -p '%s/sql/stmts' '%s/sql/functions' '%s/sql/schema'; "
                   "cp sql/embed.sh '%s/sql/'; cd '%s'; "
                   "echo '-- read: one' > sql/stmts/one.sql; echo 'select 1' > sql/schema/0001_core.sql; %s; "
                   "sql/embed.sh out >said 2>&1",
                   dir, dir, dir, dir, dir, dir, script);
    st = system(command);
    return WIFEXITED(st) ? WEXITSTATUS(st) : 255;
}

static void
assert_said(const char *words)
{
    struct strbuf sb;
    char path[60];

    (void)snprintf(path, sizeof(path), "%s/said", dir);
    strbuf_init(&sb);
    read_file(path, &sb);
    if (strstr(sb.p, words) == NULL) {
        fail_msg("'%s' is not in '%s'", words, sb.p);
    }
    strbuf_release(&sb);
}

static void
mistakes_stop_the_build(void **state)
{
    (void)state;
    assert_int_equal(embed(":"), 0);
    assert_int_not_equal(embed("echo 'select 1' > sql/stmts/two.sql"), 0);
    assert_said("two.sql:1: the first line must be");
    assert_int_not_equal(embed("echo '-- wrong: x' > sql/stmts/two.sql"), 0);
    assert_said("two.sql:1");
    assert_int_not_equal(embed("echo 1 > sql/schema/0003_x.sql"), 0);
    assert_said("0003_x.sql: migrations are numbered without gaps; 2 comes next");
    assert_int_not_equal(embed("echo '-- read: x' > 'sql/stmts/a-b.sql'"), 0);
    assert_said("a name may have");
    assert_int_not_equal(embed("rm sql/stmts/one.sql"), 0);
}

/* A file with `--[` makes two statements. */
static void
a_file_has_two_forms(void **state)
{
    (void)state;
    assert_int_equal(
        embed("printf '%s\\n' '-- read: two' a '--[' b c '--|' d '--]' e '--[' f '--]' g > sql/stmts/two.sql"), 0);
    assert_int_equal(
        system("cd /tmp/turno-stmt-?????? && sql/embed.sh --form whole sql/stmts/two.sql | tr '\n' ' ' > said"), 0);
    assert_said("-- read: two a b c e f g ");
    assert_int_equal(
        system("cd /tmp/turno-stmt-?????? && sql/embed.sh --form plain sql/stmts/two.sql | tr '\n' ' ' > said"), 0);
    assert_said("-- read: two a d e g ");
    assert_int_equal(embed("printf '%s\\n' '-- read: two' '--[' b > sql/stmts/two.sql"), 1);
    assert_said("sql/stmts/two.sql:3: --[, --| and --] do not match");
    assert_int_equal(embed("printf '%s\\n' '-- read: two' '--[' b '--]' '--|' > sql/stmts/two.sql"), 1);
    assert_said("do not match");
}

/* Bytes that C would read as something else, a file without an end of line, and a name that begins like another. */
static void
every_byte_survives(void **state)
{
    static const char odd[] = "select '\"\\n\\\\', '\\\"' ?\?= ?\?/ % \t \xc3\xb1 \r\n\n-- end";
    struct strbuf sb;
    char path[60], command[300];
    FILE *f;

    (void)state;
    assert_int_equal(embed(":"), 0);
    (void)snprintf(path, sizeof(path), "%s/sql/functions/odd.sql", dir);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(odd, 1, sizeof(odd) - 1, f), sizeof(odd) - 1);
    assert_int_equal(fclose(f), 0);
    (void)snprintf(command, sizeof(command),
                   "cd '%s' && sql/embed.sh out && printf '%%s' '#include \"schema.h\"\n#include <stdio.h>\n"
                   "int main(void) { return fputs(schema_repeatables[0].text, stdout) < 0; }' > m.c && "
                   "cc -std=c17 -Werror -Iout -o m m.c out/schema.c && ./m > said",
                   dir);
    assert_int_equal(system(command), 0);
    strbuf_init(&sb);
    (void)snprintf(path, sizeof(path), "%s/said", dir);
    read_file(path, &sb);
    assert_int_equal(sb.n, sizeof(odd)); /* and the end of line that was missing */
    assert_memory_equal(sb.p, odd, sizeof(odd) - 1);
    assert_int_equal(sb.p[sb.n - 1], '\n');
    strbuf_release(&sb);
}

static int
setup(void **state)
{
    (void)state;
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
    char command[60];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_the_files),
        cmocka_unit_test(mistakes_stop_the_build),
        cmocka_unit_test(a_file_has_two_forms),
        cmocka_unit_test(every_byte_survives),
    };

    return cmocka_run_group_tests_name("stmt", tests, setup, teardown);
}
