/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a stream of server-sent events as turno reads it. The first byte says in which pieces the rest arrives,
 * the second after how many events the reader has enough. Whole and in pieces must give the same events and the same end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "common/json.h"
#include "common/strbuf.h"
#include "common/xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
    struct strbuf text; /* all events, one behind the other */
    unsigned n, enough;
    bool left, bad;
};

static bool
on_event(void *arg, const char *event, const char *id, json_t *data)
{
    struct heard *h = arg;
    char *text = json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS);

    ensure(event && *event && id && json_is_object(data) && text);
    ensure(!strpbrk(event, "\n") && !strpbrk(id, "\n"));
    strbuf_addf(&h->text, "%s|%s|%s\n", event, id, text);
    free(text);
    return ++h->n < h->enough;
}

static void
hear(struct arena *a, const uint8_t *p, size_t n, size_t step, struct heard *h)
{
    struct sse *sse = sse_new(a, on_event, h);
    bool more = true;

    strbuf_init(&h->text);
    for (size_t at = 0; more && at < n; at += step) {
        size_t k = n - at < step ? n - at : step;
        char *piece = xmalloc(k); /* with no byte behind its end */
        memcpy(piece, p + at, k);
        more = sse_feed(sse, piece, k, &h->bad);
        free(piece);
    }
    h->left = !more;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    size_t step = data[0] ? data[0] : 256, n = size - 2;
    struct heard whole = {.enough = data[1] ? data[1] : 1000000}, pieces = {.enough = whole.enough};
    struct arena *a = arena_new();

    hear(a, data + 2, n, n, &whole);
    hear(a, data + 2, n, step, &pieces);
    ensure(whole.n == pieces.n && whole.left == pieces.left && whole.bad == pieces.bad);
    ensure(whole.text.n == pieces.text.n && memcmp(whole.text.p, pieces.text.p, whole.text.n) == 0);
    ensure(!whole.bad || whole.left);
    ensure(whole.bad || whole.left == (whole.n == whole.enough));
    strbuf_release(&whole.text);
    strbuf_release(&pieces.text);
    arena_free(a);
    return 0;
}
