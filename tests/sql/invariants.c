/* SPDX-License-Identifier: MIT */
/* See invariants.h. The queries are tests/check/invariants.sql: each returns nothing, or what is broken and where. */
#include "tests/sql/invariants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/strbuf.h"

/* malloc'd. Tests run in the top folder of the tree, or say where it is. */
static char *
read_queries(void)
{
    const char *top = getenv("TURNO_TOP");
    struct strbuf sb;
    char buf[4096];
    size_t n;
    FILE *f;

    strbuf_init(&sb);
    strbuf_addf(&sb, "%s/tests/check/invariants.sql", top != NULL ? top : ".");
    f = fopen(sb.p, "r");
    if (f == NULL) {
        fail_msg("%s is not there", sb.p);
        abort();
    }
    strbuf_clear(&sb);
    while ((n = fread(buf, 1, sizeof(buf), f)) > 0) {
        strbuf_addn(&sb, buf, n);
    }
    (void)fclose(f);
    return strbuf_detach(&sb);
}

void
invariants_check(struct desk *d)
{
    static char *queries; /* read once */
    PGresult *res;
    int broken = 0;

    queries = queries != NULL ? queries : read_queries();
    assert_int_equal(PQsendQuery(d->owner, queries), 1);
    while ((res = PQgetResult(d->owner)) != NULL) {
        if (PQresultStatus(res) != PGRES_TUPLES_OK) {
            print_message("# %s\n", PQresultErrorMessage(res));
            broken++;
        }
        for (int i = 0; i < PQntuples(res); i++) {
            if (broken++ < 20) {
                print_message("# broken: %s: %s\n", PQgetvalue(res, i, 0), PQgetvalue(res, i, 1));
            }
        }
        PQclear(res);
    }
    assert_int_equal(broken, 0);
}
