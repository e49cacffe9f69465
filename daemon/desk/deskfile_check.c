/* SPDX-License-Identifier: MIT */
/*
 * What the values of desk.conf mean together: names that are there and used once, targets in order, queues somebody
 * works in, rules that can be reached and treat both classes of customers alike, and nothing private in places where
 * everything ends up. What only the database knows (open requests, names of the past) is judged there: desk_judge in
 * sql/functions/desk.sql.
 */
#include <string.h>

#include "common/i18n.h"
#include "common/names.h"
#include "common/parse.h"
#include "daemon/desk/deskfile_model.h"

struct judge {
    struct f_desk *d;
    struct findings *f;
};

/* ---- looking things up --------------------------------------------------------------------------------------------- */

static bool
same(const struct f_text *t, const char *s)
{
    return t->s != NULL && strcmp(t->s, s) == 0;
}

static struct f_department *
find_department(const struct f_desk *d, const char *name)
{
    EACH(f_department, dep, d->departments)
    {
        if (same(&dep->name, name)) {
            return dep;
        }
    }
    return NULL;
}

static struct f_queue *
find_queue(const struct f_desk *d, const char *name)
{
    EACH(f_department, dep, d->departments)
    {
        EACH(f_queue, q, dep->queues)
        {
            if (same(&q->name, name)) {
                return q;
            }
        }
    }
    return NULL;
}

static struct f_moved *
find_moved(const struct f_desk *d, const char *name)
{
    EACH(f_moved, m, d->moved)
    {
        if (same(&m->queue, name)) {
            return m;
        }
    }
    return NULL;
}

/* The queue a text names, or NULL (said, when a text was given). what: the setting. */
static struct f_queue *
need_queue(struct judge *j, const char *what, const struct f_text *name)
{
    struct f_queue *q = name->s != NULL ? find_queue(j->d, name->s) : NULL;

    if (name->s == NULL || q != NULL) {
        return q;
    }
    if (find_department(j->d, name->s) != NULL) {
        found_mistake(j->f, &name->at, "%s '%s' is a department: name one of its queues", what, name->s);
    } else {
        found_mistake(j->f, &name->at, "%s '%s' is not there", what, name->s);
    }
    return NULL;
}

static void
need_choice(struct judge *j, const char *what, const struct f_text *t, const char *const *choices)
{
    char all[160] = "";
    size_t n = 0;

    for (const char *const *c = choices; t->s != NULL && *c != NULL; c++) {
        size_t k = strlen(*c);
        if (strcmp(*c, t->s) == 0) {
            return;
        }
        if (n + k + 3 < sizeof(all)) {
            memcpy(all + n, n > 0 ? ", " : "", n > 0 ? 2 : 0);
            n += n > 0 ? 2 : 0;
            memcpy(all + n, *c, k + 1);
            n += k;
        }
    }
    if (t->s != NULL) {
        found_mistake(j->f, &t->at, "%s '%s' is none of %s", what, t->s, all);
    }
}

static void
need_choices(struct judge *j, const char *what, const struct f_texts *list, const char *const *choices)
{
    for (int i = 0; i < list->n; i++) {
        need_choice(j, what, &list->v[i], choices);
    }
}

/* ---- departments and queues ---------------------------------------------------------------------------------------- */

static int64_t
first_of(const struct f_time *own, const struct f_time *common, int64_t otherwise)
{
    return own->ok ? own->usec : common->ok ? common->usec : otherwise;
}

static void
judge_targets(struct judge *j, struct f_queue *q)
{
    const struct f_targets *own = &q->targets;
    const struct f_targets *def = &j->d->defaults.targets;
    const struct place *at = own->at.path != NULL ? &own->at : &q->at;

    q->target[0] = first_of(&own->urgent, &def->urgent, USEC_HOUR);
    q->target[1] = first_of(&own->high, &def->high, 4 * USEC_HOUR);
    q->target[2] = first_of(&own->normal, &def->normal, USEC_DAY);
    q->target[3] = first_of(&own->low, &def->low, 3 * USEC_DAY);
    for (int i = 1; i < 4; i++) {
        if (q->target[i] < q->target[i - 1]) {
            found_mistake(j->f, at, "the target of %s is shorter than that of %s", priority_name(PRIORITY_URGENT + i),
                          priority_name(PRIORITY_URGENT + i - 1));
        }
    }
    if (q->age_cap.ok && q->age_cap.usec < q->target[3]) {
        found_mistake(j->f, &q->age_cap.at, "'age_cap' is shorter than the longest target");
    }
}

static void
judge_queue(struct judge *j, const struct f_department *dep, struct f_queue *q)
{
    static const char *const takes[] = {"lead", "agent", NULL};
    const struct f_department *namesake = q->name.s != NULL ? find_department(j->d, q->name.s) : NULL;

    judge_targets(j, q);
    need_choice(j, "take", &q->take, takes);
    if (q->name.s == NULL) {
        return;
    }
    if (find_queue(j->d, q->name.s) != q) {
        found_mistake(j->f, &q->name.at, "there is a queue '%s' already", q->name.s);
    }
    if (namesake != NULL && namesake != dep) {
        found_mistake(j->f, &q->name.at, "queue '%s' has the name of another department", q->name.s);
    }
    if (same(&q->name, "turno")) {
        found_mistake(j->f, &q->name.at, "'turno' is the desk itself");
    }
}

static void
judge_twice(struct judge *j, const char *what, const struct f_texts *list)
{
    for (int i = 0; i < list->n; i++) {
        for (int k = 0; k < i; k++) {
            if (same(&list->v[i], list->v[k].s)) {
                found_mistake(j->f, &list->v[i].at, "'%s' is in '%s' twice", list->v[i].s, what);
                break;
            }
        }
    }
}

static void
judge_people(struct judge *j, const struct f_texts *list)
{
    for (int i = 0; i < list->n; i++) {
        if (same(&list->v[i], "turno")) {
            found_mistake(j->f, &list->v[i].at, "'%s' is not a person, but the desk itself", list->v[i].s);
        } else if (find_department(j->d, list->v[i].s) != NULL) {
            found_mistake(j->f, &list->v[i].at, "'%s' is not a person, but a department", list->v[i].s);
        }
    }
}

static void
judge_department(struct judge *j, struct f_department *dep)
{
    if (dep->name.s != NULL && find_department(j->d, dep->name.s) != dep) {
        found_mistake(j->f, &dep->name.at, "there is a department '%s' already", dep->name.s);
    }
    if (same(&dep->name, "turno")) {
        found_mistake(j->f, &dep->name.at, "'turno' is the desk itself");
    }
    judge_twice(j, "groups", &dep->groups);
    judge_twice(j, "lead_groups", &dep->lead_groups);
    judge_twice(j, "members", &dep->members);
    judge_twice(j, "leads", &dep->leads);
    judge_people(j, &dep->members);
    judge_people(j, &dep->leads);
    if (dep->queues.n > 0 && dep->groups.n + dep->lead_groups.n + dep->members.n + dep->leads.n == 0) {
        found_warning(j->f, &dep->at, "department '%s' has queues, but neither groups nor members to work in them",
                      dep->name.s != NULL ? dep->name.s : "?");
    }
    EACH(f_queue, q, dep->queues)
    {
        judge_queue(j, dep, q);
    }
}

static void
judge_defaults(struct judge *j)
{
    static const char *const takes[] = {"lead", "agent", NULL};
    const struct f_text *where = &j->d->default_department;
    const struct f_department *dep = where->s != NULL ? find_department(j->d, where->s) : NULL;
    const struct f_queue *q = need_queue(j, "default_queue", &j->d->default_queue);

    need_choice(j, "take", &j->d->defaults.take, takes);
    judge_twice(j, "admin_groups", &j->d->admin_groups);
    if (q != NULL && q->is_private.v) {
        found_mistake(j->f, &j->d->default_queue.at,
                      "default_queue '%s' is private: what nobody has foreseen would be hidden there", q->name.s);
    }
    if (where->s == NULL) {
        return;
    }
    if (dep == NULL) {
        found_mistake(j->f, &where->at, "default_department '%s' is not there", where->s);
        return;
    }
    EACH(f_queue, one, dep->queues)
    {
        if (one->is_private.v) {
            found_mistake(j->f, &where->at,
                          "default_department '%s' has the private queue '%s': every user could read it", where->s,
                          one->name.s != NULL ? one->name.s : "?");
            return;
        }
    }
    if (dep->queues.n > 0) {
        found_warning(j->f, &where->at, "every user in no other department becomes an agent of default_department '%s'",
                      where->s);
    }
}

/* ---- rules --------------------------------------------------------------------------------------------------------- */

static bool
has_conditions(const struct f_rule *r)
{
    return r->class_of.at.path != NULL || r->channel.at.path != NULL || r->to.at.path != NULL ||
           r->account.at.path != NULL || r->kind.at.path != NULL || r->segment.at.path != NULL ||
           r->lang.at.path != NULL || r->department.at.path != NULL || r->subject.at.path != NULL ||
           r->body.at.path != NULL;
}

/* Conditions that ask who somebody is instead of what they need. */
static const char *
class_condition(const struct f_rule *r)
{
    return r->class_of.n > 0     ? "class"
           : r->account.n > 0    ? "account"
           : r->kind.n > 0       ? "kind"
           : r->segment.n > 0    ? "segment"
           : r->department.n > 0 ? "department"
                                 : NULL;
}

static void
judge_conditions(struct judge *j, const struct f_rule *r)
{
    static const char *const kinds[] = {"customer", "supplier", "creditor", "government", "organisation",
                                        "public",   "employee", "manager",  "contractor", NULL};
    static const char *const segments[] = {"loyal", "occasional", "executive", "commercial", "operational", NULL};
    static const char *const classes[] = {
#define X(id, number, name) name,
        CLASS_TABLE(X) NULL};
    static const char *const channels[] = {CHANNEL_TABLE(X) NULL};
#undef X
    const struct f_texts *const lists[] = {&r->class_of, &r->channel, &r->to,         &r->account, &r->kind,
                                           &r->segment,  &r->lang,    &r->department, &r->subject, &r->body};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        /* v is there when the value had the right type */
        if (lists[i]->at.path != NULL && lists[i]->v != NULL && lists[i]->v[0].at.path == NULL) {
            found_mistake(j->f, &lists[i]->at, "the list is empty: leave the setting out when it does not matter");
        }
    }
    need_choices(j, "class", &r->class_of, classes);
    need_choices(j, "channel", &r->channel, channels);
    need_choices(j, "kind", &r->kind, kinds);
    need_choices(j, "segment", &r->segment, segments);
    for (int i = 0; i < r->to.n; i++) {
        const char *name = r->to.v[i].s;
        if (find_queue(j->d, name) == NULL && find_department(j->d, name) == NULL) {
            found_mistake(j->f, &r->to.v[i].at, "there is no department or queue '%s'", name);
        }
    }
    for (int i = 0; i < r->department.n; i++) {
        if (find_department(j->d, r->department.v[i].s) == NULL) {
            found_mistake(j->f, &r->department.v[i].at, "there is no department '%s'", r->department.v[i].s);
        }
    }
}

static void
judge_rule(struct judge *j, const struct f_rule *r)
{
    static const char *const priorities[] = {
#define X(id, number, name) name,
        PRIORITY_TABLE(X) NULL};
#undef X
    const struct f_queue *q = need_queue(j, "queue", &r->queue);
    const char *by = class_condition(r);
    const char *name = r->name.s != NULL ? r->name.s : "?";

    judge_conditions(j, r);
    need_choice(j, "priority", &r->priority, priorities);
    EACH(f_rule, other, j->d->rules)
    {
        if (other >= r) {
            break;
        }
        if (r->name.s != NULL && same(&other->name, r->name.s)) {
            found_mistake(j->f, &r->name.at, "there is a rule '%s' already", name);
            break;
        }
    }
    if (by != NULL && r->priority.s != NULL && r->parity_exception.at.path == NULL) {
        found_mistake(j->f, &r->priority.at,
                      "rule '%s' gives a priority by %s: say why with parity_exception, or leave the priority out",
                      name, by);
    }
    if (by != NULL && r->priority.s != NULL && r->parity_exception.s != NULL) {
        found_remark(j->f, &r->parity_exception.at, "exception from parity: rule '%s' gives the priority %s by %s: %s",
                     name, r->priority.s, by, r->parity_exception.s);
    }
    if (r->parity_exception.s != NULL && (by == NULL || r->priority.s == NULL)) {
        found_warning(j->f, &r->parity_exception.at, "rule '%s' treats everybody alike: it needs no parity_exception",
                      name);
    }
    if (q != NULL && q->is_private.v && !has_conditions(r)) {
        found_mistake(j->f, &r->queue.at, "rule '%s' sends everything to the private queue '%s'", name, q->name.s);
    }
    if (r->at.path != NULL && r->queue.at.path == NULL && r->priority.at.path == NULL && r->tags.at.path == NULL &&
        r->skills.at.path == NULL && !has_conditions(r)) {
        found_mistake(j->f, &r->at, "rule '%s' asks nothing and does nothing", name);
    }
}

static void
judge_rules(struct judge *j)
{
    const struct f_rule *last = NULL; /* the first rule without conditions */

    EACH(f_rule, r, j->d->rules)
    {
        judge_rule(j, r);
        if (last != NULL) {
            found_warning(j->f, &r->at,
                          "rule '%s' is never reached: '%s' above it, without conditions, takes everything",
                          r->name.s != NULL ? r->name.s : "?", last->name.s != NULL ? last->name.s : "?");
        } else if (!has_conditions(r)) {
            last = r;
        }
    }
}

/* ---- queues that left ---------------------------------------------------------------------------------------------- */

/* Does following `moved` from m come back to m? Each step needs an entry, so there are at most n. */
static bool
is_circle(const struct f_desk *d, const struct f_moved *m)
{
    const struct f_moved *next = m;

    for (int i = 0; i <= d->moved.n && next != NULL && next->to.s != NULL; i++) {
        if (same(&m->queue, next->to.s)) {
            return true;
        }
        next = find_moved(d, next->to.s);
    }
    return false;
}

static void
judge_moved(struct judge *j)
{
    EACH(f_moved, m, j->d->moved)
    {
        if (m->queue.s == NULL) {
            continue;
        }
        if (find_moved(j->d, m->queue.s) != m) {
            found_mistake(j->f, &m->queue.at, "queue '%s' has moved already", m->queue.s);
        }
        if (find_queue(j->d, m->queue.s) != NULL) {
            found_mistake(j->f, &m->queue.at, "queue '%s' has not left: it is still in a department", m->queue.s);
        }
        if (find_department(j->d, m->queue.s) != NULL) {
            found_mistake(j->f, &m->queue.at,
                          "'%s' is a department: what leaves is a queue, and its name does not come back", m->queue.s);
        }
        if (m->to.s == NULL) {
            continue;
        }
        if (is_circle(j->d, m)) {
            found_mistake(j->f, &m->to.at, "queue '%s' moves in a circle", m->queue.s);
        } else if (find_moved(j->d, m->to.s) != NULL && find_queue(j->d, m->to.s) == NULL) {
            found_mistake(j->f, &m->to.at, "queue '%s' has moved itself: name where it went to", m->to.s);
        } else {
            (void)need_queue(j, "queue", &m->to);
        }
    }
}

void
deskfile_judge(struct f_desk *d, const struct deskfile_input *in, struct findings *found)
{
    struct judge j = {d, found};
    int nqueues = 0;

    EACH(f_department, dep, d->departments)
    {
        judge_department(&j, dep);
        nqueues += dep->queues.n;
    }
    if (d->departments.v != NULL && nqueues == 0) {
        found_mistake(found, &d->departments.at, "a desk needs a department with a queue");
    }
    calendarfile_judge(d, in, found);
    judge_defaults(&j);
    judge_rules(&j);
    judge_moved(&j);
    deskfile_judge_skills(d, found);
}
