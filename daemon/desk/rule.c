/* SPDX-License-Identifier: MIT */
/*
 * Routing rules, compiled from the desk's document. Patterns are the only part that could take long. Each is compiled
 * twice: for PCRE2's backtracking matcher, which is quick with ordinary patterns and here may take few steps from each
 * place of the text, and, when that did not suffice, for its breadth-first matcher with `.*?` before it, which reads the
 * text once whatever the pattern. Both find the same matches, so which of them ran is only a matter of time; back
 * references and the like, which only one of them has, are refused (rule_pattern_ok).
 */
#include "daemon/desk/rule.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/json.h"
#include "common/names.h"
#include "common/strbuf.h"
#include "common/xalloc.h"
#include "daemon/desk/desk.h"
#include "daemon/os/clock.h"

#define QUICK_STEPS 16   /* of the backtracking matcher from one place of the text */
#define DEEP_CALLS  100  /* look-arounds and recursions of the breadth-first one */
#define DEEP_SPACE  1200 /* its workspace in ints: about 200 alternatives at a time */
#define SLOW        2000 /* usec: a pattern that once took longer goes to the breadth-first matcher at once */

/* Both matchers of one pattern. */
struct pattern {
    const char *text;
    pcre2_code *quick, *deep;
    bool slow;
};

struct rule {
    const char *name;
    unsigned classes, channels; /* masks of 1 << enum; 0: any */
    /* NULL-terminated lists; NULL: any */
    const char **asked, **account, **kind, **segment, **lang, **department;
    struct pattern *subject, *body; /* text NULL ends; NULL: any */
    const struct desk_queue *queue; /* NULL: the one asked for */
    int priority;                   /* 0: not said */
    const char **tags;              /* NULL-terminated */
};

struct rules {
    struct arena *a;
    struct rule *v;
    size_t n;
    uint64_t limit_hits;
    pcre2_match_context *quick, *deep;
    pcre2_match_data *data;
    int space[DEEP_SPACE];
};

/* ---- patterns ---------------------------------------------------------------------------------------------------- */

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
rule_pattern_ok(const char *text, struct err *e)
{
    pcre2_code *quick = NULL;
    pcre2_code *deep = NULL;
    const char *extra = pattern_extra(text);
    uint32_t back = 0;
    bool ok = false;

    if (strlen(text) > RULE_PATTERN_MAX) {
        return err_set(e, ERR_INVALID, "it is longer than %d bytes", RULE_PATTERN_MAX);
    }
    if (!json_utf8_ok(text, strlen(text))) {
        return err_set(e, ERR_INVALID, "it is not valid UTF-8");
    }
    if (extra != NULL) {
        return err_set(e, ERR_INVALID, "'%s' is not offered here", extra);
    }
    quick = pattern_compile(text, 0, e);
    if (quick == NULL) {
        return false;
    }
    (void)pcre2_pattern_info(quick, PCRE2_INFO_BACKREFMAX, &back);
    if (back > 0) {
        (void)err_set(e, ERR_INVALID, "back references are not offered here");
        goto out;
    }
    deep = pattern_compile_deep(text, e);
    ok = deep != NULL;
out:
    pcre2_code_free(quick);
    pcre2_code_free(deep);
    return ok;
}

enum verdict { NO, YES, LIMIT };

static enum verdict
verdict_of(int rc)
{
    return rc >= 0 ? YES : rc == PCRE2_ERROR_NOMATCH ? NO : LIMIT;
}

static enum verdict
match_quick(struct rules *r, struct pattern *p, const char *text, size_t n)
{
    usec_t start = clock_mono();
    int rc = pcre2_match(p->quick, (PCRE2_SPTR)text, n, 0, PCRE2_NO_UTF_CHECK, r->data, r->quick);

    p->slow = p->slow || clock_mono() - start > SLOW;
    return verdict_of(rc);
}

static enum verdict
match_deep(struct rules *r, struct pattern *p, const char *text, size_t n)
{
    return verdict_of(pcre2_dfa_match(p->deep, (PCRE2_SPTR)text, n, 0, PCRE2_NO_UTF_CHECK | PCRE2_DFA_SHORTEST, r->data,
                                      r->deep, r->space, DEEP_SPACE));
}

/* The answer of whichever matcher has one: which is asked first depends on time, what comes out does not. */
static enum verdict
pattern_match(struct rules *r, struct pattern *p, const char *text, size_t n)
{
    bool was_slow = p->slow;
    enum verdict v = was_slow ? match_deep(r, p, text, n) : match_quick(r, p, text, n);

    if (v == LIMIT) {
        v = was_slow ? match_quick(r, p, text, n) : match_deep(r, p, text, n);
    }
    r->limit_hits += v == LIMIT;
    return v;
}

/* ---- from the document ------------------------------------------------------------------------------------------- */

/* A list of texts, or NULL when the member is absent or empty: any. */
static const char **
texts_of(struct arena *a, const json_t *rule, const char *member)
{
    const json_t *list = json_object_get(rule, member);
    size_t n = json_array_size(list);
    const char **v = n > 0 ? ARENA_ARRAY(a, n + 1, const char *) : NULL;
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(list, i));
        if (s != NULL) {
            v[k++] = arena_strdup(a, s);
        }
    }
    return v;
}

static bool
mask_of(struct arena *a, const json_t *rule, const char *member, int (*from)(const char *), unsigned *ret, struct err *e)
{
    const char **v = texts_of(a, rule, member);

    for (; v != NULL && *v != NULL; v++) {
        int n = from(*v);
        if (n <= 0 || n > 30) {
            return err_set(e, ERR_DESK, "%s '%s' is not known", member, *v);
        }
        *ret |= 1U << n;
    }
    return true;
}

static void
code_free(void *code)
{
    pcre2_code_free((pcre2_code *)code);
}

static bool
patterns_of(struct arena *a, const json_t *rule, const char *member, struct pattern **ret, struct err *e)
{
    const char **v = texts_of(a, rule, member);
    size_t n = 0;

    if (v == NULL) {
        return true;
    }
    while (v[n] != NULL) {
        n++;
    }
    *ret = ARENA_ARRAY(a, n + 1, struct pattern);
    for (size_t i = 0; i < n; i++) {
        struct pattern *p = &(*ret)[i];
        p->text = v[i];
        p->quick = pattern_compile(v[i], 0, e);
        if (p->quick == NULL) {
            return false;
        }
        arena_defer(a, code_free, p->quick);
        p->deep = pattern_compile_deep(v[i], e);
        if (p->deep == NULL) {
            return false;
        }
        arena_defer(a, code_free, p->deep);
    }
    return true;
}

static bool
rule_read(struct rules *r, struct rule *ret, const struct desk *d, const json_t *json, struct err *e)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *queue = json_string_value(json_object_get(json, "queue"));
    const char *priority = json_string_value(json_object_get(json, "priority"));

    ret->name = arena_strdup(r->a, name != NULL ? name : "?");
    if (!mask_of(r->a, json, "class", class_from, &ret->classes, e) ||
        !mask_of(r->a, json, "channel", channel_from, &ret->channels, e) ||
        !patterns_of(r->a, json, "subject", &ret->subject, e) || !patterns_of(r->a, json, "body", &ret->body, e)) {
        return false;
    }
    ret->asked = texts_of(r->a, json, "to");
    ret->account = texts_of(r->a, json, "account");
    ret->kind = texts_of(r->a, json, "kind");
    ret->segment = texts_of(r->a, json, "segment");
    ret->lang = texts_of(r->a, json, "lang");
    ret->department = texts_of(r->a, json, "department");
    ret->tags = texts_of(r->a, json, "tags");
    if (queue != NULL) {
        ret->queue = desk_queue(d, queue);
        if (ret->queue == NULL) {
            return err_set(e, ERR_DESK, "queue '%s' is not known", queue);
        }
    }
    if (priority != NULL) {
        ret->priority = priority_from(priority);
        if (ret->priority == 0) {
            return err_set(e, ERR_DESK, "priority '%s' is not known", priority);
        }
    }
    return true;
}

struct rules *
rules_new(const struct desk *d, const json_t *array, struct err *e)
{
    struct rules *r = xcalloc(1, sizeof(*r));

    r->a = arena_new();
    r->n = json_array_size(array);
    r->v = ARENA_ARRAY(r->a, r->n + 1, struct rule);
    r->data = pcre2_match_data_create(1, NULL);
    r->quick = pcre2_match_context_create(NULL);
    r->deep = pcre2_match_context_create(NULL);
    ensure(r->data != NULL && r->quick != NULL && r->deep != NULL);
    (void)pcre2_set_match_limit(r->quick, QUICK_STEPS);
    (void)pcre2_set_depth_limit(r->quick, QUICK_STEPS);
    (void)pcre2_set_heap_limit(r->quick, 256); /* KiB */
    (void)pcre2_set_match_limit(r->deep, DEEP_CALLS);
    (void)pcre2_set_depth_limit(r->deep, DEEP_CALLS);
    (void)pcre2_set_heap_limit(r->deep, 1024);
    for (size_t i = 0; i < r->n; i++) {
        if (!rule_read(r, &r->v[i], d, json_array_get(array, i), e)) {
            err_wrap(e, "rule '%s'", r->v[i].name);
            rules_free(r);
            return NULL;
        }
    }
    return r;
}

void
rules_free(struct rules *r)
{
    if (r == NULL) {
        return;
    }
    pcre2_match_data_free(r->data);
    pcre2_match_context_free(r->quick);
    pcre2_match_context_free(r->deep);
    arena_free(r->a);
    free(r);
}

size_t
rules_count(const struct rules *r)
{
    return r != NULL ? r->n : 0;
}

uint64_t
rules_limit_hits(const struct rules *r)
{
    return r != NULL ? r->limit_hits : 0;
}

/* ---- matching ------------------------------------------------------------------------------------------------------ */

/* One request as rules see it. */
struct view {
    const struct request_facts *f;
    const char *asked;     /* what is asked for, under its present name; nothing counts as the default queue */
    bool asked_private;    /* then only rules that name it in `to` may send it elsewhere */
    size_t subject_n, body_n;
    bool limited;
    struct strbuf *why; /* NULL: nobody wants to know */
};

__attribute__((format(printf, 2, 3))) static bool
no(struct view *v, const char *fmt, ...)
{
    if (v->why != NULL) {
        va_list ap;
        va_start(ap, fmt);
        strbuf_vaddf(v->why, fmt, ap);
        va_end(ap);
    }
    return false;
}

static bool
mask_holds(struct view *v, const char *what, unsigned mask, int n, const char *(*name)(int))
{
    if (mask == 0 || (n > 0 && n < 31 && (mask & 1U << n) != 0)) {
        return true;
    }
    return no(v, "%s is %s", what, n > 0 ? name(n) : "not known");
}

static bool
is_same(const char *want, const char *have)
{
    return strcmp(want, have) == 0;
}

/* "es" holds for es, ES and es-MX. */
static bool
is_lang(const char *want, const char *have)
{
    size_t n = strlen(want);

    return strncasecmp(want, have, n) == 0 && (have[n] == '\0' || have[n] == '-' || have[n] == '_');
}

static bool
text_holds(struct view *v, const char *what, const char **list, const char *have, bool (*is)(const char *, const char *))
{
    if (list == NULL) {
        return true;
    }
    if (have == NULL) {
        return no(v, "%s is not known", what);
    }
    for (const char **want = list; *want != NULL; want++) {
        if (is(*want, have)) {
            return true;
        }
    }
    return no(v, "%s is '%s'", what, have);
}

static bool
pattern_holds(struct rules *r, struct view *v, const char *what, struct pattern *list, const char *text, size_t n)
{
    bool limited = false;

    if (list == NULL) {
        return true;
    }
    for (struct pattern *p = list; p->text != NULL; p++) {
        enum verdict verdict = text != NULL ? pattern_match(r, p, text, n) : NO;
        if (verdict == YES) {
            return true;
        }
        limited = limited || verdict == LIMIT;
    }
    v->limited = v->limited || limited;
    return no(v, limited ? "%s: a pattern met its limit" : "%s does not match", what);
}

/* Cheap conditions first. */
static bool
rule_holds(struct rules *r, struct rule *rule, struct view *v)
{
    const struct request_facts *f = v->f;

    if (v->asked_private && rule->asked == NULL) {
        return no(v, "to is '%s', which is private: only rules that name it apply", v->asked);
    }
    return mask_holds(v, "class", rule->classes, f->class, class_name) &&
           mask_holds(v, "channel", rule->channels, f->channel, channel_name) &&
           text_holds(v, "to", rule->asked, v->asked, is_same) &&
           text_holds(v, "account", rule->account, f->account, is_same) &&
           text_holds(v, "kind", rule->kind, f->kind, is_same) &&
           text_holds(v, "segment", rule->segment, f->segment, is_same) &&
           text_holds(v, "lang", rule->lang, f->lang, is_lang) &&
           text_holds(v, "department", rule->department, f->department, is_same) &&
           pattern_holds(r, v, "subject", rule->subject, f->subject, v->subject_n) &&
           pattern_holds(r, v, "body", rule->body, f->body, v->body_n);
}

/* Bytes of text that patterns may see: whole characters, and none at all when it is not UTF-8. */
static size_t
visible(const char *text)
{
    size_t n = text != NULL ? strnlen(text, RULE_BODY_MAX) : 0;

    if (n == RULE_BODY_MAX) {
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) {
            n--;
        }
    }
    return n > 0 && json_utf8_ok(text, n) ? n : 0;
}

static void
trace_add(json_t *tried, const struct rule *rule, bool matched, const char *why)
{
    json_t *o = json_object();

    (void)json_object_set_new(o, "rule", json_string(rule->name));
    (void)json_object_set_new(o, "matched", json_boolean(matched));
    (void)json_object_set_new(o, "why", json_string(matched ? "all conditions hold" : why));
    (void)json_array_append_new(tried, o);
}

static void
take_rule(struct arena *a, const struct rule *rule, int position, struct route_result *ret)
{
    size_t n = 0;
    const char **tags;

    ret->rule = arena_strdup(a, rule->name);
    ret->position = position;
    ret->queue = rule->queue;
    if (rule->priority != 0) {
        ret->priority = rule->priority;
        ret->priority_ruled = true;
    }
    while (rule->tags != NULL && rule->tags[n] != NULL) {
        n++;
    }
    tags = ARENA_ARRAY(a, n + 1, const char *);
    for (size_t i = 0; i < n; i++) {
        tags[i] = arena_strdup(a, rule->tags[i]);
    }
    ret->tags = tags;
}

static bool
see_asked(const struct desk *d, const char *asked, struct view *v, struct err *e)
{
    const struct desk_queue *q;

    if (asked == NULL) {
        v->asked = d->default_queue != NULL ? d->default_queue->name : NULL;
        return true;
    }
    if (!desk_asked_name(d, asked, &v->asked, e)) {
        return false;
    }
    q = desk_asked(d, v->asked, NULL);
    v->asked_private = q != NULL && q->is_private;
    return true;
}

static bool
route(const struct desk *d, struct arena *a, const struct request_facts *f, struct route_result *ret, json_t *tried,
      struct err *e)
{
    struct rules *r = d->rules;
    struct view v = {.f = f, .subject_n = visible(f->subject), .body_n = visible(f->body)};
    struct strbuf why;

    *ret = (struct route_result){.priority = PRIORITY_NORMAL, .tags = ARENA_ARRAY(a, 1, const char *)};
    if (d->version == 0 && d->nqueues == 0) {
        return err_set(e, ERR_CONFLICT, "no desk has been applied yet");
    }
    if (!see_asked(d, f->asked, &v, e)) {
        return false;
    }
    strbuf_init(&why);
    v.why = tried != NULL ? &why : NULL;
    for (size_t i = 0; r != NULL && i < r->n; i++) {
        bool matched = rule_holds(r, &r->v[i], &v);
        if (tried != NULL) {
            trace_add(tried, &r->v[i], matched, why.p);
            strbuf_clear(&why);
        }
        if (matched) {
            take_rule(a, &r->v[i], (int)i + 1, ret);
            break;
        }
    }
    strbuf_release(&why);
    ret->limited = v.limited;
    if (ret->queue == NULL) {
        ret->queue = f->asked != NULL ? desk_asked(d, f->asked, e) : d->default_queue;
    }
    return ret->queue != NULL;
}

bool
rule_route(const struct desk *d, struct arena *a, const struct request_facts *f, struct route_result *ret, struct err *e)
{
    return route(d, a, f, ret, NULL, e);
}

bool
rule_trace(const struct desk *d, struct arena *a, const struct request_facts *f, struct route_result *ret,
           json_t **ret_tried, struct err *e)
{
    *ret_tried = json_array();
    return route(d, a, f, ret, *ret_tried, e);
}
