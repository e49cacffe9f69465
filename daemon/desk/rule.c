/* SPDX-License-Identifier: MIT */
/*
 * Routing rules, compiled from the desk's document. A rule is a list of conditions, cheap ones first; patterns, the only
 * ones that could take long, are pattern.c's.
 */
#include "daemon/desk/rule.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/i18n.h"
#include "common/names.h"
#include "common/strbuf.h"
#include "common/xalloc.h"
#include "daemon/desk/desk.h"
#include "daemon/desk/desk_lane.h"
#include "daemon/desk/pattern.h"

struct rule {
    const char *name;
    unsigned classes, channels; /* masks of 1 << enum; 0: any */
    /* NULL-terminated lists; NULL: any */
    const char **asked, **account, **kind, **segment, **lang, **department;
    struct pattern **subject, **body;
    const struct desk_queue *queue; /* NULL: the one asked for */
    int priority;                   /* 0: not said */
    const char **tags, **skills;    /* NULL-terminated */
};

struct rules {
    struct arena *a;
    struct rule *v;
    size_t n;
    struct matcher *matcher;
};

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
mask_of(struct arena *a, const json_t *rule, const char *member, int (*from)(const char *), unsigned *ret,
        struct err *e)
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
drop_pattern(void *p)
{
    pattern_free(p);
}

static bool
patterns_of(struct arena *a, const json_t *rule, const char *member, struct pattern ***ret, struct err *e)
{
    const char **v = texts_of(a, rule, member);
    size_t n = 0;

    while (v != NULL && v[n] != NULL) {
        n++;
    }
    if (n == 0) {
        return true;
    }
    *ret = ARENA_ARRAY(a, n + 1, struct pattern *);
    for (size_t i = 0; i < n; i++) {
        (*ret)[i] = pattern_new(v[i], e);
        if ((*ret)[i] == NULL) {
            return false;
        }
        arena_defer(a, drop_pattern, (*ret)[i]);
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
    ret->skills = texts_of(r->a, json, "skills");
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
    r->matcher = matcher_new();
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
    matcher_free(r->matcher);
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
    return r != NULL ? matcher_limit_hits(r->matcher) : 0;
}

/* ---- matching ------------------------------------------------------------------------------------------------------ */

/* One request as rules see it. */
struct view {
    const struct request_facts *f;
    const char *asked;  /* what is asked for, under its present name; nothing counts as the default queue */
    bool asked_private; /* then only rules that name it in `to` may send it elsewhere */
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
        strbuf_vaddf(v->why, i18n(fmt), ap);
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
    return n > 0 ? no(v, "%s is %s", what, name(n)) : no(v, "%s is not known", what);
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
text_holds(struct view *v, const char *what, const char **list, const char *have,
           bool (*is)(const char *, const char *))
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
pattern_holds(struct rules *r, struct view *v, const char *what, struct pattern **list, const char *text, size_t n)
{
    bool limited = false;

    if (list == NULL) {
        return true;
    }
    for (; *list != NULL; list++) {
        enum pattern_verdict verdict = text != NULL ? pattern_match(r->matcher, *list, text, n) : PATTERN_NO;
        if (verdict == PATTERN_YES) {
            return true;
        }
        limited = limited || verdict == PATTERN_LIMIT;
    }
    v->limited = v->limited || limited;
    return no(v, limited ? N_("%s: a pattern met its limit") : N_("%s does not match"), what);
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

static void
trace_add(json_t *tried, const struct rule *rule, bool matched, const char *why)
{
    json_t *o = json_object();

    (void)json_object_set_new(o, "rule", json_string(rule->name));
    (void)json_object_set_new(o, "matched", json_boolean(matched));
    (void)json_object_set_new(o, "why", json_string(matched ? _("all conditions hold") : why));
    (void)json_array_append_new(tried, o);
}

/* What somebody needs to take it: what the rule says, and the language where the queue asks for it. */
static const char *const *
needed(struct arena *a, const struct rule *rule, const struct desk_queue *q, const char *lang)
{
    size_t n = 0;
    size_t k = 0;
    const char **v;

    while (rule != NULL && rule->skills != NULL && rule->skills[n] != NULL) {
        n++;
    }
    v = ARENA_ARRAY(a, n + 2, const char *);
    for (; k < n; k++) {
        v[k] = arena_strdup(a, rule->skills[k]);
    }
    for (const char *const *l = q->languages; lang != NULL && l != NULL && *l != NULL; l++) {
        if (is_lang(*l, lang)) {
            v[k++] = arena_printf(a, SKILL_LANG "%s", *l);
            break;
        }
    }
    return skills_sort(a, v, k);
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
    struct view v = {.f = f, .subject_n = pattern_sees(f->subject), .body_n = pattern_sees(f->body)};
    const struct rule *taken = NULL;
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
            taken = &r->v[i];
            take_rule(a, taken, (int)i + 1, ret);
            break;
        }
    }
    strbuf_release(&why);
    ret->limited = v.limited;
    if (ret->queue == NULL) {
        ret->queue = f->asked != NULL ? desk_asked(d, f->asked, e) : d->default_queue;
    }
    if (ret->queue == NULL) {
        return false;
    }
    ret->skills = needed(a, taken, ret->queue, f->lang);
    return true;
}

bool
rule_route(const struct desk *d, struct arena *a, const struct request_facts *f, struct route_result *ret,
           struct err *e)
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
