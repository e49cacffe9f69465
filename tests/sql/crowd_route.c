/* SPDX-License-Identifier: MIT */
/* See crowd_route.h. */
#include "tests/sql/crowd_route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/names.h"
#include "common/xalloc.h"
#include "daemon/desk/desk.h"
#include "daemon/desk/deskfile.h"
#include "daemon/desk/rule.h"

struct routes {
    struct arena *a;
    struct desk *desk;
};

struct routes *
routes_new(const char *rules)
{
    struct routes *r = xcalloc(1, sizeof(*r));
    struct deskfile file;
    struct err e;
    const char *text;

    r->a = arena_new();
    text = arena_printf(
        r->a,
        "departments = ( { name = \"warehouse\"; members = \"luis\"; queues = ( { name = \"warehouse\"; }, "
        "{ name = \"returns\"; } ); }, { name = \"it\"; members = \"ian\"; queues = ( { name = \"it\"; } "
        "); } ); default_queue = \"returns\"; rules = ( %s );",
        rules);
    deskfile_check(r->a, "crowd", text, strlen(text), &file);
    if (file.nmistakes > 0) {
        fail_msg("%s", file.found[0].message);
    }
    r->desk = desk_new(1, file.sha256, file.document, NULL, &e);
    assert_non_null(r->desk);
    return r;
}

void
routes_free(struct routes *r)
{
    desk_free(r->desk);
    arena_free(r->a);
    free(r);
}

const char *
routes_find(struct routes *r, bool outside, const char *subject, int *ret_priority)
{
    struct arena *a = arena_new();
    struct route_result result;
    struct err e;
    struct request_facts facts = {
        .class = outside ? CLASS_EXTERNAL : CLASS_INTERNAL,
        .channel = CHANNEL_CLI,
        .kind = outside ? "customer" : "employee",
        .segment = outside ? "loyal" : "operational",
        .account = outside ? "somebody" : NULL,
        .department = outside ? NULL : "something",
        .subject = subject,
        .body = "",
    };

    assert_true(rule_route(r->desk, a, &facts, &result, &e));
    *ret_priority = result.priority;
    arena_free(a);
    return result.queue->name;
}
