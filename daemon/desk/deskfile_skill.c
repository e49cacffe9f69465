/* SPDX-License-Identifier: MIT */
/*
 * What desk.conf says of skills, languages and people, judged together: a request that needs what nobody has would wait for
 * ever, so that is said beforehand.
 */
#include <string.h>

#include "daemon/desk/deskfile_model.h"

static bool
holds(const struct f_texts *list, const char *s)
{
    for (int i = 0; i < list->n; i++) {
        if (list->v[i].s != NULL && strcmp(list->v[i].s, s) == 0) {
            return true;
        }
    }
    return false;
}

static void
judge_twice(struct findings *f, const char *what, const struct f_texts *list)
{
    for (int i = 0; i < list->n; i++) {
        for (int k = 0; k < i; k++) {
            if (strcmp(list->v[i].s, list->v[k].s) == 0) {
                found_mistake(f, &list->v[i].at, "'%s' is in '%s' twice", list->v[i].s, what);
                break;
            }
        }
    }
}

static bool
somebody_has(const struct f_desk *d, const char *skill)
{
    EACH(f_person, p, d->people)
    {
        if (holds(&p->skills, skill)) {
            return true;
        }
    }
    return false;
}

static bool
somebody_speaks(const struct f_desk *d, const char *language)
{
    EACH(f_person, p, d->people)
    {
        if (holds(&p->languages, language)) {
            return true;
        }
    }
    return false;
}

static bool
somebody_needs(const struct f_desk *d, const char *skill)
{
    EACH(f_rule, r, d->rules)
    {
        if (holds(&r->skills, skill)) {
            return true;
        }
    }
    return false;
}

static void
judge_people(const struct f_desk *d, struct findings *f)
{
    EACH(f_person, p, d->people)
    {
        judge_twice(f, "skills", &p->skills);
        judge_twice(f, "languages", &p->languages);
        if (p->name.s == NULL) {
            continue;
        }
        EACH(f_person, other, d->people)
        {
            if (other < p && other->name.s != NULL && strcmp(other->name.s, p->name.s) == 0) {
                found_mistake(f, &p->name.at, "'%s' is in 'people' twice", p->name.s);
                break;
            }
        }
        EACH(f_department, dep, d->departments)
        {
            if (dep->name.s != NULL && strcmp(dep->name.s, p->name.s) == 0) {
                found_mistake(f, &p->name.at, "'%s' is not a person, but a department", p->name.s);
            }
        }
    }
}

static const struct f_queue *
find_queue(const struct f_desk *d, const char *name)
{
    EACH(f_department, dep, d->departments)
    {
        EACH(f_queue, q, dep->queues)
        {
            if (q->name.s != NULL && strcmp(q->name.s, name) == 0) {
                return q;
            }
        }
    }
    return NULL;
}

static void
judge_widen(const struct f_desk *d, struct findings *f, const struct f_queue *q)
{
    int64_t last = 0;

    EACH(f_widen, w, q->widen)
    {
        const struct f_queue *over = w->overflow.s != NULL ? find_queue(d, w->overflow.s) : NULL;
        if (w->after.ok && w->after.v <= last) {
            found_mistake(f, &w->after.at, "the steps of 'widen' must come one after the other");
        }
        last = w->after.ok ? w->after.v : last;
        if (w->drop.n == 0 && w->overflow.at.path == NULL) {
            found_mistake(f, &w->at, "this step of 'widen' changes nothing: it needs 'drop' or 'overflow'");
        }
        if (w->overflow.s != NULL && over == NULL) {
            found_mistake(f, &w->overflow.at, "overflow '%s' is no queue", w->overflow.s);
        } else if (over == q) {
            found_mistake(f, &w->overflow.at, "queue '%s' cannot overflow to itself", w->overflow.s);
        } else if (over != NULL && q->is_private.v) {
            found_mistake(f, &w->overflow.at, "queue '%s' is private: its requests cannot go to agents of '%s'",
                          q->name.s != NULL ? q->name.s : "?", w->overflow.s);
        }
        for (int i = 0; i < w->drop.n; i++) {
            if (!somebody_needs(d, w->drop.v[i].s)) {
                found_warning(f, &w->drop.v[i].at, "no rule asks for the skill '%s'", w->drop.v[i].s);
            }
        }
    }
}

void
deskfile_judge_skills(const struct f_desk *d, struct findings *f)
{
    judge_people(d, f);
    EACH(f_department, dep, d->departments)
    {
        EACH(f_queue, q, dep->queues)
        {
            judge_twice(f, "languages", &q->languages);
            judge_widen(d, f, q);
            for (int i = 0; i < q->languages.n; i++) {
                if (!somebody_speaks(d, q->languages.v[i].s)) {
                    found_warning(f, &q->languages.v[i].at,
                                  "nobody in 'people' speaks '%s': requests in it would wait for ever",
                                  q->languages.v[i].s);
                }
            }
        }
    }
    EACH(f_rule, r, d->rules)
    {
        judge_twice(f, "skills", &r->skills);
        for (int i = 0; i < r->skills.n; i++) {
            if (!somebody_has(d, r->skills.v[i].s)) {
                found_warning(f, &r->skills.v[i].at,
                              "nobody in 'people' has the skill '%s': such requests would wait for ever",
                              r->skills.v[i].s);
            }
        }
    }
}
