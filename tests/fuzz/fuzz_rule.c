/* SPDX-License-Identifier: MIT */
/*
 * A pattern, a line feed, a text: the pattern is refused or tried on the text, and when both matchers have an answer it
 * is the same. rule.c is included for its two matchers.
 */
#include "daemon/desk/rule.c" /* NOLINT(bugprone-suspicious-include) */

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_pattern(const char *pattern, const char *text)
{
    struct err e;
    json_t *list = json_pack("[{s:s, s:[s]}]", "name", "r", "body", pattern);
    struct rules *r = rules_new(NULL, list, &e);
    struct pattern *p;
    size_t n = visible(text);
    enum verdict quick;
    enum verdict deep;

    ensure(r != NULL); /* rule_pattern_ok has said so */
    p = r->v[0].body;
    quick = match_quick(r, p, text, n);
    deep = match_deep(r, p, text, n);
    ensure(quick == deep || quick == LIMIT || deep == LIMIT);
    rules_free(r);
    json_decref(list);
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
        if (rule_pattern_ok(all, NULL)) {
            try_pattern(all, text);
        }
    }
    free(all);
    return 0;
}
