/* SPDX-License-Identifier: MIT */
/*
 * The document of a desk: what the database keeps and daemons work by. Complete (each default is written out, each list
 * is there) and in one order, so that equal files give equal bytes.
 */
#include "common/err.h"
#include "common/parse.h"
#include "daemon/desk/deskfile_model.h"

/* json_object_set_new fails only without memory, or when value is NULL for a text that is no UTF-8: those are mistakes
 * found before. */
static void
put(json_t *o, const char *member, json_t *value)
{
    ensure(json_object_set_new(o, member, value) == 0);
}

static json_t *
text(const struct f_text *t)
{
    return t->s != NULL ? json_string(t->s) : json_null();
}

static json_t *
texts(const struct f_texts *t)
{
    json_t *list = json_array();

    for (int i = 0; i < t->n; i++) {
        ensure(json_array_append_new(list, json_string(t->v[i].s)) == 0);
    }
    return list;
}

/* The first of three that says something; none at all is JSON's null. */
static json_t *
usec(const struct f_time *own, const struct f_time *common, int64_t otherwise)
{
    const struct f_time *t = own->ok ? own : common;

    if (t->ok && t->is_none) {
        return json_null();
    }
    return json_integer(t->ok ? t->usec : otherwise);
}

static json_t *
number(const struct f_int *n)
{
    return n->ok ? json_integer(n->v) : json_null();
}

static json_t *
render_widen(const struct f_queue *q)
{
    const struct f_widen *steps = q->widen.v;
    json_t *list = json_array();

    for (int i = 0; i < q->widen.n; i++) {
        json_t *o = json_object();
        put(o, "after", number(&steps[i].after));
        put(o, "drop", texts(&steps[i].drop));
        put(o, "overflow", text(&steps[i].overflow));
        (void)json_array_append_new(list, o);
    }
    return list;
}

static json_t *
render_queue(const struct f_queue *q, const struct f_defaults *def)
{
    const struct f_time not_given = {.ok = false};
    json_t *o = json_object();
    json_t *targets = json_array();

    for (int i = 0; i < 4; i++) {
        (void)json_array_append_new(targets, json_integer(q->target[i]));
    }
    put(o, "name", text(&q->name));
    put(o, "title", text(q->title.s != NULL ? &q->title : &q->name));
    put(o, "private", json_boolean(q->is_private.v));
    put(o, "targets", targets);
    put(o, "age_cap", usec(&q->age_cap, &not_given, 2 * q->target[3]));
    put(o, "burst", usec(&q->burst, &def->burst, 2 * q->target[2]));
    put(o, "offer_limit", usec(&q->offer_limit, &def->offer_limit, DESK_OFFER_LIMIT));
    put(o, "idle_limit", usec(&q->idle_limit, &def->idle_limit, DESK_IDLE_LIMIT));
    put(o, "auto_close", usec(&q->auto_close, &def->auto_close, DESK_AUTO_CLOSE));
    put(o, "take",
        q->take.s != NULL     ? text(&q->take)
        : def->take.s != NULL ? text(&def->take)
                              : json_string(DESK_TAKE));
    put(o, "calendar", q->hours != NULL ? text(&q->hours->name) : json_null());
    put(o, "languages", texts(&q->languages));
    put(o, "sticky", usec(&q->sticky, &def->sticky, DESK_STICKY));
    put(o, "weight", q->weight.ok ? number(&q->weight) : json_integer(1));
    put(o, "widen", render_widen(q));
    return o;
}

static json_t *
render_department(const struct f_department *d, const struct f_defaults *def)
{
    const struct f_queue *queues = d->queues.v;
    json_t *o = json_object();
    json_t *list = json_array();

    put(o, "name", text(&d->name));
    put(o, "title", text(d->title.s != NULL ? &d->title : &d->name));
    put(o, "groups", texts(&d->groups));
    put(o, "lead_groups", texts(&d->lead_groups));
    put(o, "members", texts(&d->members));
    put(o, "leads", texts(&d->leads));
    for (int i = 0; i < d->queues.n; i++) {
        (void)json_array_append_new(list, render_queue(&queues[i], def));
    }
    put(o, "queues", list);
    return o;
}

static json_t *
render_rule(const struct f_rule *r)
{
    json_t *o = json_object();

    put(o, "name", text(&r->name));
    put(o, "class", texts(&r->class_of));
    put(o, "channel", texts(&r->channel));
    put(o, "to", texts(&r->to));
    put(o, "account", texts(&r->account));
    put(o, "kind", texts(&r->kind));
    put(o, "segment", texts(&r->segment));
    put(o, "lang", texts(&r->lang));
    put(o, "department", texts(&r->department));
    put(o, "subject", texts(&r->subject));
    put(o, "body", texts(&r->body));
    put(o, "queue", text(&r->queue));
    put(o, "priority", text(&r->priority));
    put(o, "tags", texts(&r->tags));
    put(o, "skills", texts(&r->skills));
    put(o, "parity_exception", text(&r->parity_exception));
    return o;
}

static json_t *
render_person(const struct f_person *p)
{
    json_t *o = json_object();

    put(o, "name", text(&p->name));
    put(o, "skills", texts(&p->skills));
    put(o, "languages", texts(&p->languages));
    put(o, "capacity", number(&p->capacity));
    return o;
}

json_t *
deskfile_render(const struct f_desk *d)
{
    const struct f_department *departments = d->departments.v;
    const struct f_rule *rules = d->rules.v;
    const struct f_moved *moved = d->moved.v;
    const struct f_calendar *calendars = d->calendars.v;
    const struct f_person *people = d->people.v;
    json_t *o = json_object();
    json_t *list = json_array();

    for (int i = 0; i < d->departments.n; i++) {
        (void)json_array_append_new(list, render_department(&departments[i], &d->defaults));
    }
    put(o, "departments", list);
    put(o, "default_department", text(&d->default_department));
    put(o, "default_queue", text(&d->default_queue));
    if (d->admin_groups.n > 0) { /* so that documents of before stay what they are */
        put(o, "admin_groups", texts(&d->admin_groups));
    }
    list = json_array();
    for (int i = 0; i < d->rules.n; i++) {
        (void)json_array_append_new(list, render_rule(&rules[i]));
    }
    put(o, "rules", list);
    list = json_array();
    for (int i = 0; i < d->moved.n; i++) {
        json_t *m = json_object();
        put(m, "queue", text(&moved[i].queue));
        put(m, "to", text(&moved[i].to));
        (void)json_array_append_new(list, m);
    }
    put(o, "moved", list);
    list = json_array();
    for (int i = 0; i < d->calendars.n; i++) {
        (void)json_array_append_new(list, calendarfile_render(&calendars[i]));
    }
    put(o, "calendars", list);
    list = json_array();
    for (int i = 0; i < d->people.n; i++) {
        (void)json_array_append_new(list, render_person(&people[i]));
    }
    put(o, "people", list);
    return o;
}
