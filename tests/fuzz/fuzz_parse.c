/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: the small texts of common/parse.h and uuid. Whatever is read must lie in its bounds, and what is written
 * must fit and be read again as the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/parse.h"
#include "common/uuid.h"
#include "common/xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_instants(const char *text)
{
    static const usec_t nows[] = {0, INT64_C(1795338000) * USEC_SEC, INT64_C(253402300799) * USEC_SEC};
    char out[32];
    usec_t t, again;

    for (size_t i = 0; i < sizeof(nows) / sizeof(nows[0]); i++) {
        if (parse_when(text, nows[i], &t)) {
            format_iso(t, out);
            ensure(strlen(out) < sizeof(out));
            if (t >= 0 && t <= INT64_C(253402300799) * USEC_SEC) {
                ensure(parse_when(out, 0, &again) && again == t - t % USEC_SEC);
            }
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xstrndup((const char *)data, size); /* ends at the first NUL */
    char out[37];
    int64_t v;
    struct uuid u, again;

    if (parse_i64(text, -100, 100, &v)) {
        ensure(v >= -100 && v <= 100);
    }
    if (parse_duration(text, &v)) {
        ensure(v >= 0);
        format_duration(v, out);
        format_duration(-v, out);
        ensure(strlen(out) < 32);
    }
    if (parse_size(text, &v)) {
        ensure(v >= 0);
    }
    if (uuid_parse(text, &u)) {
        uuid_format(&u, out);
        ensure(uuid_parse(out, &again) && memcmp(&u, &again, sizeof(u)) == 0);
    }
    try_instants(text);
    free(text);
    return 0;
}
