/* SPDX-License-Identifier: MIT */
/* Any bytes as desk.conf: read or refused with a reason; what was accepted makes a desk, and always the same document. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "daemon/desk/desk.h"
#include "daemon/desk/deskfile.h"
#include "daemon/desk/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void); /* NOLINT: the sanitizer's name */

/* libconfig 1.5 forgets a string or two at each syntax error. */
const char *
__lsan_default_suppressions(void)
{
    return "leak:libconfig";
}

static void
use(struct arena *a, const struct deskfile *f)
{
    struct route_result r;
    struct err e;
    struct desk *d = desk_new(1, f->sha256, f->document, NULL, &e);
    struct request_facts facts = {
        .class = 2, .channel = 1, .asked = d != NULL ? d->queues[0].name : NULL, .subject = "a", .body = "b"};

    ensure(d != NULL);
    ensure(rule_route(d, a, &facts, &r, &e));
    ensure(desk_diff(d, d, a)[0] == NULL);
    desk_free(d);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct deskfile f;
    struct deskfile again;
    json_t *list;

    deskfile_check(a, "fuzz", (const char *)data, size, &f);
    ensure((f.document != NULL) == (f.nmistakes == 0));
    list = deskfile_mistakes(&f);
    for (size_t i = 0; i < json_array_size(list); i++) {
        ensure(json_string_value(json_object_get(json_array_get(list, i), "message")) != NULL);
    }
    json_decref(list);
    if (f.document != NULL) {
        char *one = deskfile_dump(f.document);
        char *two;
        use(a, &f);
        deskfile_check(a, "fuzz", (const char *)data, size, &again);
        two = deskfile_dump(again.document);
        ensure(strcmp(one, two) == 0);
        free(one);
        free(two);
    }
    arena_free(a);
    return 0;
}
