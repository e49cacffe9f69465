/* SPDX-License-Identifier: MIT */
/*
 * A pattern, a line feed, a text: the pattern is refused or tried on the text, and when both matchers have an answer it
 * is the same. pattern.c is included for its two matchers.
 */
#include <stdint.h>
#include <stdlib.h>

#include "daemon/desk/pattern.c" /* NOLINT(bugprone-suspicious-include) */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_pattern(const char *pattern, const char *text)
{
    struct matcher *m = matcher_new();
    struct pattern *p = pattern_new(pattern, NULL);
    size_t n = pattern_sees(text);
    enum pattern_verdict quick;
    enum pattern_verdict deep;

    ensure(p != NULL); /* pattern_ok has said so */
    quick = match_quick(m, p, text, n);
    deep = match_deep(m, p, text, n);
    ensure(quick == deep || quick == PATTERN_LIMIT || deep == PATTERN_LIMIT);
    pattern_free(p);
    matcher_free(m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *all = xmalloc(size + 1);
    char *text;

    if (size > 0) {
        memcpy(all, data, size);
    }
    all[size] = '\0';
    text = strchr(all, '\n');
    if (text != NULL && text > all) {
        *text++ = '\0';
        if (pattern_ok(all, NULL)) {
            try_pattern(all, text);
        }
    }
    free(all);
    return 0;
}
