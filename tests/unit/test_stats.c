/* SPDX-License-Identifier: MIT */
/* The page of figures: its format, escaping, and what Prometheus' own checker says of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/os/program.h"
#include "daemon/os/stats.h"

static void
collect(struct stats_page *p, void *arg)
{
    stats_family(p, "turno_test_tickets", STATS_GAUGE, "Tickets of a test.");
    stats_sample(p, 3, "queue", "it \"q\"\\\n", "state", "held", NULL);
    stats_sample(p, 0.25, "queue", "hr", "state", "held", NULL);
    stats_family(p, "turno_test_requests_total", STATS_COUNTER, "Requests of a test.");
    stats_sample(p, *(const double *)arg, NULL);
}

static void
page_has_table_process_and_collectors(void **state)
{
    double big = 9007199254740991.0;
    struct strbuf page;

    (void)state;
    stats_start();
    stats_set(STATS_READY, 1);
    stats_add(STATS_RELOADS, 2);
    assert_int_equal(stats_get(STATS_RELOADS), 2);
    stats_register(collect, &big);
    strbuf_init(&page);
    stats_render(&page);
    assert_non_null(strstr(page.p, "# TYPE turno_reloads_total counter\nturno_reloads_total 2\n"));
    assert_non_null(strstr(page.p, "# TYPE turno_ready gauge\nturno_ready 1\n"));
    assert_non_null(strstr(page.p, "\nprocess_resident_memory_bytes "));
    assert_non_null(strstr(page.p, "turno_test_tickets{queue=\"it \\\"q\\\"\\\\\\n\",state=\"held\"} 3\n"));
    assert_non_null(strstr(page.p, "turno_test_tickets{queue=\"hr\",state=\"held\"} 0.25\n"));
    assert_non_null(strstr(page.p, "turno_test_requests_total 9007199254740991\n"));
    stats_unregister(collect, &big);
    strbuf_clear(&page);
    stats_render(&page);
    assert_null(strstr(page.p, "turno_test_tickets"));
    strbuf_release(&page);
}

/* promtool lies in build/tools (tests/deps), which tests/run puts into PATH. */
static void
prometheus_accepts_the_page(void **state)
{
    const char *top = getenv("TURNO_TOP");
    double one = 1;
    struct strbuf page, tool, out;
    struct err e = {0};

    (void)state;
    strbuf_init(&tool);
    strbuf_addf(&tool, "%s/build/tools/promtool", top != NULL ? top : ".");
    if (access(tool.p, X_OK) != 0) {
        strbuf_release(&tool);
        skip();
    }
    strbuf_init(&page);
    strbuf_init(&out);
    stats_register(collect, &one);
    stats_render(&page);
    stats_unregister(collect, &one);
    if (!program_run((const char *const[]){tool.p, "check", "metrics", NULL}, page.p, &out, &e)) {
        fail_msg("%s", out.p);
    }
    assert_string_equal(out.p, "");
    strbuf_release(&page);
    strbuf_release(&out);
    strbuf_release(&tool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_has_table_process_and_collectors),
        cmocka_unit_test(prometheus_accepts_the_page),
    };

    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
