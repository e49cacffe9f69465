/* SPDX-License-Identifier: MIT */
/*
 * Each pattern is compiled twice: for PCRE2's backtracking matcher, which is quick with ordinary patterns and here may
 * take few steps from each place of the text, and, where that does not suffice, for its breadth-first matcher with `.*?`
 * before it, which reads the text once whatever the pattern. Both find the same, so which of them is asked first is only
 * a matter of time; back references and the like, which only one of them has, are refused (pattern_ok).
 */
#include "daemon/desk/pattern.h"

#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/json.h"
#include "common/parse.h"
#include "common/utf8.h"
#include "common/xalloc.h"
#include "daemon/os/clock.h"

#define QUICK_STEPS 16   /* of the backtracking matcher from one place of the text */
#define DEEP_CALLS  100  /* look-arounds and recursions of the breadth-first one */
#define DEEP_SPACE  1200 /* its workspace in ints: about 200 alternatives at a time */
#define SLOW        2000 /* usec: a pattern that once took longer goes to the breadth-first matcher at once */

struct pattern {
    pcre2_code *quick, *deep;
    bool slow;
};

struct matcher {
    uint64_t limit_hits;
    pcre2_match_context *quick, *deep;
    pcre2_match_data *data;
    int space[DEEP_SPACE];
};

/* ---- compiling ---------------------------------------------------------------------------------------------------- */

static pcre2_code *
pattern_compile(const char *text, uint32_t options, struct err *e)
{
    const uint32_t common = PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS | PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_BACKSLASH_C;
    PCRE2_UCHAR8 why[120];
    PCRE2_SIZE at;
    int code;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, common | options, &code, &at, NULL);

    if (re == NULL) {
        (void)pcre2_get_error_message(code, why, sizeof(why));
        (void)err_set(e, ERR_INVALID, "%s, at character %zu", (const char *)why, (size_t)at + 1);
    }
    return re;
}

static pcre2_code *
pattern_compile_deep(const char *text, struct err *e)
{
    char *whole = xasprintf("(?s:.*?)(?:%s)", text);
    pcre2_code *re = pattern_compile(whole, PCRE2_ANCHORED, e);

    free(whole);
    return re;
}

struct pattern *
pattern_new(const char *text, struct err *e)
{
    struct pattern *p = xcalloc(1, sizeof(*p));

    p->quick = pattern_compile(text, 0, e);
    p->deep = p->quick != NULL ? pattern_compile_deep(text, e) : NULL;
    if (p->deep == NULL) {
        pattern_free(p);
        return NULL;
    }
    return p;
}

void
pattern_free(struct pattern *p)
{
    if (p != NULL) {
        pcre2_code_free(p->quick);
        pcre2_code_free(p->deep);
        free(p);
    }
}

static const char *
skip_blanks(const char *p)
{
    return p + strspn(p, " \t\r\n"); /* ignored after (?x) */
}

/* A possessive repetition of a group begins at its closing bracket: ")++", "){2,}+". PCRE2 10.42's breadth-first matcher
 * does not find it where the group is empty. */
static bool
is_possessive(const char *p)
{
    const char *end = NULL;

    p = skip_blanks(p + 1);
    if (*p == '+' || *p == '*' || *p == '?') {
        end = p;
    } else if (*p == '{') {
        end = strchr(p, '}');
    }
    return end != NULL && *skip_blanks(end + 1) == '+';
}

/* What the two matchers do not do alike, or what would change our limits. */
static const char *
pattern_extra(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (p[0] == '\\' && p[1] != '\0') {
            if (p[1] == 'K' || p[1] == 'G') {
                return p[1] == 'K' ? "\\K" : "\\G";
            }
            p++;
        } else if (p[0] == ')' && is_possessive(p)) {
            return ")++";
        } else if (strncmp(p, "(*", 2) == 0) {
            return "(*";
        } else if (strncmp(p, "(?(", 3) == 0) {
            return "(?(";
        }
    }
    return NULL;
}

bool
pattern_ok(const char *text, struct err *e)
{
    const char *extra = pattern_extra(text);
    struct pattern *p;
    uint32_t back = 0;

    if (strlen(text) > PATTERN_MAX) {
        return err_set(e, ERR_INVALID, "it is longer than %d bytes", PATTERN_MAX);
    }
    if (!json_utf8_ok(text, strlen(text))) {
        return err_set(e, ERR_INVALID, "it is not valid UTF-8");
    }
    if (extra != NULL) {
        return err_set(e, ERR_INVALID, "'%s' is not offered here", extra);
    }
    p = pattern_new(text, e);
    if (p == NULL) {
        return false;
    }
    (void)pcre2_pattern_info(p->quick, PCRE2_INFO_BACKREFMAX, &back);
    pattern_free(p);
    return back == 0 || err_set(e, ERR_INVALID, "back references are not offered here");
}

size_t
pattern_sees(const char *text)
{
    size_t n = text != NULL ? strnlen(text, PATTERN_TEXT_MAX + 1) : 0;

    if (n > PATTERN_TEXT_MAX) {
        n = utf8_cut(text, PATTERN_TEXT_MAX);
    }
    return n > 0 && json_utf8_ok(text, n) ? n : 0;
}

struct matcher *
matcher_new(void)
{
    struct matcher *m = xcalloc(1, sizeof(*m));

    m->data = pcre2_match_data_create(1, NULL);
    m->quick = pcre2_match_context_create(NULL);
    m->deep = pcre2_match_context_create(NULL);
    ensure(m->data != NULL && m->quick != NULL && m->deep != NULL);
    (void)pcre2_set_match_limit(m->quick, QUICK_STEPS);
    (void)pcre2_set_depth_limit(m->quick, QUICK_STEPS);
    (void)pcre2_set_heap_limit(m->quick, 256); /* KiB */
    (void)pcre2_set_match_limit(m->deep, DEEP_CALLS);
    (void)pcre2_set_depth_limit(m->deep, DEEP_CALLS);
    (void)pcre2_set_heap_limit(m->deep, 1024);
    return m;
}

void
matcher_free(struct matcher *m)
{
    if (m == NULL) {
        return;
    }
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->quick);
    pcre2_match_context_free(m->deep);
    free(m);
}

uint64_t
matcher_limit_hits(const struct matcher *m)
{
    return m->limit_hits;
}

static enum pattern_verdict
verdict_of(int rc)
{
    return rc >= 0 ? PATTERN_YES : rc == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_LIMIT;
}

static enum pattern_verdict
match_quick(struct matcher *m, struct pattern *p, const char *text, size_t n)
{
    usec_t start = clock_mono();
    int rc = pcre2_match(p->quick, (PCRE2_SPTR)text, n, 0, PCRE2_NO_UTF_CHECK, m->data, m->quick);

    p->slow = p->slow || clock_mono() - start > SLOW;
    return verdict_of(rc);
}

static enum pattern_verdict
match_deep(struct matcher *m, struct pattern *p, const char *text, size_t n)
{
    return verdict_of(pcre2_dfa_match(p->deep, (PCRE2_SPTR)text, n, 0, PCRE2_NO_UTF_CHECK | PCRE2_DFA_SHORTEST, m->data,
                                      m->deep, m->space, DEEP_SPACE));
}

/* The answer of whichever matcher has one: which is asked first depends on time, what comes out does not. */
enum pattern_verdict
pattern_match(struct matcher *m, struct pattern *p, const char *text, size_t n)
{
    bool was_slow = p->slow;
    enum pattern_verdict v = was_slow ? match_deep(m, p, text, n) : match_quick(m, p, text, n);

    if (v == PATTERN_LIMIT) {
        v = was_slow ? match_quick(m, p, text, n) : match_deep(m, p, text, n);
    }
    m->limit_hits += v == PATTERN_LIMIT;
    return v;
}
