/* SPDX-License-Identifier: MIT */
/*
 * The daemon's replies as the verbs use them. They are read leniently: a daemon newer than this program may say more,
 * and what it leaves out is shown as empty.
 */
#include "cli/api.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/text.h"
#include "common/i18n.h"
#include "common/strbuf.h"

const char *
jtext(const json_t *obj, const char *name)
{
    return json_string_value(json_object_get(obj, name));
}

int64_t
jint(const json_t *obj, const char *name, int64_t def)
{
    const json_t *v = json_object_get(obj, name);

    return json_is_integer(v) ? json_integer_value(v) : def;
}

bool
jbool(const json_t *obj, const char *name)
{
    return json_is_true(json_object_get(obj, name));
}

double
jnum(const json_t *obj, const char *name)
{
    const json_t *v = json_object_get(obj, name);

    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

usec_t
jtime(const json_t *obj, const char *name)
{
    return text_instant(jtext(obj, name));
}

json_t *
jlist(const json_t *obj, const char *name)
{
    json_t *v = json_object_get(obj, name);

    return json_is_array(v) ? v : NULL;
}

const char *
jjoin(struct arena *a, const json_t *list, const char *sep)
{
    struct strbuf sb;
    const char *s;

    strbuf_init(&sb);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        s = json_is_object(v) ? jtext(v, "name") : json_string_value(v);
        s = s ? s : json_is_object(v) ? jtext(v, "queue") : NULL;
        if (s) {
            strbuf_addf(&sb, "%s%s", sb.n > 0 ? sep : "", s);
        }
    }
    s = arena_strdup(a, sb.p);
    strbuf_release(&sb);
    return s;
}

bool
jhas(const json_t *list, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *s = json_string_value(json_array_get(list, i));
        if (s && strcmp(s, text) == 0) {
            return true;
        }
    }
    return false;
}

void
jset(json_t *obj, const char *name, const char *text)
{
    if (text) {
        /* no UTF-8: sent as its nearest, so that the daemon never sees a broken text */
        json_t *v = json_string(text);
        (void)json_object_set_new(obj, name, v ? v : json_string(""));
    }
}

static void
decref(void *p)
{
    json_decref(p);
}

json_t *
api_object(struct ctx *c)
{
    json_t *obj = json_object();

    ensure(obj); /* out of memory */
    arena_defer(c->a, decref, obj);
    return obj;
}

bool
api_number(struct ctx *c, bool offer, int64_t *ret, struct err *e)
{
    const json_t *holding;
    struct strbuf list;
    struct reply r;
    size_t n = 0;

    *ret = c->args->n;
    if (*ret > 0) {
        return true;
    }
    if (!client_get(c->client, "/v1/whoami", &r, e)) {
        return false;
    }
    holding = jlist(r.doc, "holding");
    strbuf_init(&list);
    for (size_t i = 0; i < json_array_size(holding); i++) {
        const json_t *t = json_array_get(holding, i);
        const char *state = jtext(t, "state");
        if (!offer || (state && strcmp(state, "offered") == 0)) {
            *ret = jint(t, "ticket", 0);
            strbuf_addf(&list, "%s%lld", n++ > 0 ? ", " : "", (long long)*ret);
        }
    }
    if (n == 0 && offer) {
        (void)err_set(e, ERR_NOTHING, "nothing is offered to you");
    } else if (n == 0) {
        (void)err_set(e, ERR_USAGE, "you have no ticket in hand: say which one is meant");
    } else if (n >= 100) {
        (void)err_set(e, ERR_AMBIGUOUS, "you have %zu or more tickets in hand (%.150s): say which one is meant", n,
                      list.p);
    } else if (n > 1) {
        (void)err_set(e, ERR_AMBIGUOUS, "you have %zu tickets in hand (%.150s): say which one is meant", n, list.p);
    }
    strbuf_release(&list);
    return n == 1;
}

bool
api_ticket(struct ctx *c, int64_t n, const char *query, struct reply *ret, struct err *e)
{
    return client_get(c->client, arena_printf(c->a, "/v1/tickets/%lld%s", (long long)n, query), ret, e);
}

const char *
api_act_path(struct ctx *c, int64_t n, const char *verb)
{
    return arena_printf(c->a, "/v1/tickets/%lld/%s", (long long)n, verb);
}

bool
api_act(struct ctx *c, int64_t n, const char *verb, json_t *body, struct reply *ret, struct err *e)
{
    return client_post(c->client, api_act_path(c, n, verb), body ? body : api_object(c), ret, e);
}

bool
api_may(const json_t *ticket, const char *verb)
{
    return jhas(jlist(ticket, "actions"), verb);
}

bool
api_json(struct ctx *c, const struct reply *r)
{
    if (!c->json) {
        return false;
    }
    if (c->s->tty && r->doc) {
        api_print_json(c, r->doc);
    } else if (r->n > 0) {
        (void)fwrite(r->text, 1, r->n, c->s->out); /* errors are found by screen_stop */
        if (r->text[r->n - 1] != '\n') {
            fputc('\n', c->s->out);
        }
    }
    return true;
}

void
api_print_json(struct ctx *c, const json_t *doc)
{
    char *s = json_dumps(doc, (c->s->tty ? JSON_INDENT(2) : JSON_COMPACT) | JSON_ENCODE_ANY);
    struct strbuf safe;

    ensure(s); /* out of memory */
    strbuf_init(&safe);
    if (c->s->tty) {
        text_json_safe(&safe, s, strlen(s));
    } else {
        strbuf_add(&safe, s);
    }
    fprintf(c->s->out, "%s\n", safe.p);
    strbuf_release(&safe);
    free(s);
}

/* verbs of the API that are said otherwise here; among the actions NULL is part of the one before, or nothing one says */
static const struct {
    const char *api, *ours, *typed;
} names[] = {
    {"keep",          "reply -k",        "reply -k"              },
    {"message",       "reply",           "reply"                 },
    {"park-customer", "park --customer", "park --customer"       },
    {"park-vendor",   "park --vendor",   "park --vendor"         },
    {"park-until",    "park --until",    "park --until"          },
    {"park-child",    "park --on",       "park --on"             },
    {"decline",       NULL,              "resolve --as declined" },
    {"duplicate",     NULL,              "resolve --as duplicate"},
    {"spam",          NULL,              "resolve --as spam"     },
    {"merge",         NULL,              "resolve --as merged"   },
    {"set-priority",  "set priority=",   "set priority="         },
    {"set-due",       "set due=",        "set due="              },
    {"set-requester", "set requester=",  "set requester="        },
    {"set-tags",      "set tags=",       "set tags="             },
    {"touch",         NULL,              NULL                    },
    {"close",         NULL,              NULL                    },
};

/* The verb of the API in e's quotes, as it is typed. */
static void
say_as_typed(struct ctx *c, const char *verb, struct err *e)
{
    const char *quoted = arena_printf(c->a, "'%s'", verb), *at = strstr(e->msg, quoted);

    for (size_t i = 0; at && i < sizeof names / sizeof *names; i++) {
        if (names[i].typed && strcmp(names[i].api, verb) == 0) {
            const char *before = arena_strndup(c->a, e->msg, (size_t)(at - e->msg));
            const char *after = arena_strdup(c->a, at + strlen(quoted));
            (void)err_text(e, e->code, e->field, arena_printf(c->a, "%s'%s'%s", before, names[i].typed, after), NULL);
            return;
        }
    }
}

void
api_refused(struct ctx *c, int64_t n, const char *verb, struct err *e)
{
    const char *agent, *department, *said = arena_strdup(c->a, e->msg);
    struct err ignored;
    struct reply t;

    /* not what is only wrong with the token */
    bool forbidden = e->code == ERR_FORBIDDEN && strstr(e->msg, _("this is not yours to do on this ticket"));

    if ((e->code != ERR_CONFLICT && !forbidden) ||
        !client_get_once(c->client, arena_printf(c->a, "/v1/tickets/%lld", (long long)n), &t, &ignored)) {
        say_as_typed(c, verb, e);
        return;
    }
    agent = api_may(t.doc, "touch") ? NULL : jtext(t.doc, "agent"); /* the holder knows */
    department = jtext(t.doc, "department");
    if (agent && forbidden && department) {
        (void)err_set(e, e->code, "%s; %.60s (%.60s) has it", said, text_line(c->a, agent),
                      text_line(c->a, department));
    } else if (agent) {
        (void)err_set(e, e->code, "%s; %.60s has it", said, text_line(c->a, agent));
    } else if (forbidden && department) {
        (void)err_set(e, e->code, "%s; its department is %.60s", said, text_line(c->a, department));
    }
    say_as_typed(c, verb, e);
}

const char *
api_actions(struct arena *a, const json_t *list)
{
    json_t *seen = json_array();
    const char *ret;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *s = json_string_value(json_array_get(list, i));
        for (size_t k = 0; s && k < sizeof names / sizeof *names; k++) {
            if (strcmp(s, names[k].api) == 0) {
                s = names[k].ours;
            }
        }
        if (s && !jhas(seen, s)) {
            (void)json_array_append_new(seen, json_string(s));
        }
    }
    ret = jjoin(a, seen, ", ");
    json_decref(seen);
    return ret;
}
