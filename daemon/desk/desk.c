/* SPDX-License-Identifier: MIT */
/*
 * The desk as one immutable value. It is built from the document that deskfile.c checked when it was applied, so that
 * what is wrong here is a fault of ours or a document of another release: it is refused as a whole, with the first
 * reason. Departments and queues are few; they are looked up by walking through them.
 */
#include "daemon/desk/desk.h"

#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "common/parse.h"
#include "common/xalloc.h"
#include "daemon/desk/desk_lane.h"
#include "daemon/desk/rule.h"

/* A queue of the database, whether it is on this desk or has left. */
struct known_queue {
    int32_t queue_id;
    const char *name;
};

struct desk_inner {
    struct arena *a;
    json_t *document;
    struct known_queue *known;
    size_t nknown;
};

/* ---- members of JSON objects --------------------------------------------------------------------------------------- */

static const char *
text_of(struct arena *a, const json_t *o, const char *member)
{
    return arena_strdup(a, json_string_value(json_object_get(o, member)));
}

/* A list of texts; empty when the member is absent. */
static const char *const *
texts_of(struct arena *a, const json_t *o, const char *member)
{
    const json_t *list = json_object_get(o, member);
    size_t n = json_array_size(list);
    const char **v = ARENA_ARRAY(a, n + 1, const char *);
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(list, i));
        if (s != NULL) {
            v[k++] = arena_strdup(a, s);
        }
    }
    return v;
}

static int64_t
usec_of(const json_t *o, const char *member)
{
    const json_t *v = json_object_get(o, member);

    return json_is_integer(v) ? json_integer_value(v) : USEC_NONE;
}

/* The entry of ids' list `member` with this name, or NULL. */
static const json_t *
id_of(const json_t *ids, const char *member, const char *name)
{
    const json_t *list = json_object_get(ids, member);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        const char *s = json_string_value(json_object_get(entry, "name"));
        if (s != NULL && strcmp(s, name) == 0) {
            return entry;
        }
    }
    return NULL;
}

static int32_t
i32_of(const json_t *o, const char *member)
{
    return (int32_t)json_integer_value(json_object_get(o, member));
}

/* ---- building ------------------------------------------------------------------------------------------------------ */

struct builder {
    struct desk *d;
    struct arena *a;
    struct desk_department *departments;
    struct desk_queue *queues;
    const json_t *ids;
    struct err *e;
};

static bool
read_queue(struct builder *b, struct desk_queue *q, const struct desk_department *dep, const json_t *json)
{
    const json_t *targets = json_object_get(json, "targets");
    const char *take = json_string_value(json_object_get(json, "take"));

    *q = (struct desk_queue){
        .name = text_of(b->a, json, "name"),
        .title = text_of(b->a, json, "title"),
        .department = dep,
        .is_private = json_is_true(json_object_get(json, "private")),
        .age_cap = usec_of(json, "age_cap"),
        .burst = usec_of(json, "burst"),
        .offer_limit = usec_of(json, "offer_limit"),
        .idle_limit = usec_of(json, "idle_limit"),
        .auto_close = usec_of(json, "auto_close"),
        .languages = texts_of(b->a, json, "languages"),
        .sticky = usec_of(json, "sticky"),
        .weight = json_object_get(json, "weight") != NULL ? i32_of(json, "weight") : 1,
        .widen = json_object_get(json, "widen"),
        .agents_may_take = take != NULL && strcmp(take, "agent") == 0,
        .calendar = text_of(b->a, json, "calendar"),
    };
    if (q->name == NULL || q->title == NULL || json_array_size(targets) != 4 || q->age_cap < 0 || q->offer_limit < 0 ||
        q->auto_close < 0) {
        return err_set(b->e, ERR_DESK, "a queue of department '%s' is not complete", dep->name);
    }
    for (size_t i = 0; i < 4; i++) {
        q->targets[PRIORITY_URGENT + i] = json_integer_value(json_array_get(targets, i));
    }
    if (b->ids != NULL) {
        const json_t *id = id_of(b->ids, "queues", q->name);
        q->queue_id = i32_of(id, "id");
        q->lane_id = i32_of(id, "lane");
        q->calendar_id = i32_of(id, "calendar");
        if (q->queue_id == 0 || q->lane_id == 0) {
            return err_set(b->e, ERR_DESK, "queue '%s' has no row in the database", q->name);
        }
    }
    return true;
}

static bool
read_department(struct builder *b, struct desk_department *dep, int first_queue, const json_t *json)
{
    const json_t *queues = json_object_get(json, "queues");
    int n = (int)json_array_size(queues);
    const struct desk_queue **list = ARENA_ARRAY(b->a, n + 1, const struct desk_queue *);

    *dep = (struct desk_department){
        .name = text_of(b->a, json, "name"),
        .title = text_of(b->a, json, "title"),
        .queues = list,
        .nqueues = n,
        .groups = texts_of(b->a, json, "groups"),
        .lead_groups = texts_of(b->a, json, "lead_groups"),
        .members = texts_of(b->a, json, "members"),
        .leads = texts_of(b->a, json, "leads"),
    };
    if (dep->name == NULL || dep->title == NULL) {
        return err_set(b->e, ERR_DESK, "a department has no name or no title");
    }
    if (b->ids != NULL) {
        const json_t *id = id_of(b->ids, "departments", dep->name);
        dep->department_id = i32_of(id, "id");
        dep->person_id = i32_of(id, "person");
        if (dep->department_id == 0) {
            return err_set(b->e, ERR_DESK, "department '%s' has no row in the database", dep->name);
        }
    }
    for (int i = 0; i < n; i++) {
        list[i] = &b->queues[first_queue + i];
        if (!read_queue(b, &b->queues[first_queue + i], dep, json_array_get(queues, (size_t)i))) {
            return false;
        }
    }
    return true;
}

static bool
read_departments(struct builder *b, const json_t *document)
{
    const json_t *list = json_object_get(document, "departments");
    size_t n = json_array_size(list);
    size_t nqueues = 0;
    int k = 0;

    for (size_t i = 0; i < n; i++) {
        nqueues += json_array_size(json_object_get(json_array_get(list, i), "queues"));
    }
    b->departments = ARENA_ARRAY(b->a, n + 1, struct desk_department);
    b->queues = ARENA_ARRAY(b->a, nqueues + 1, struct desk_queue);
    b->d->departments = b->departments;
    b->d->queues = b->queues;
    for (size_t i = 0; i < n; i++) {
        if (!read_department(b, &b->departments[i], k, json_array_get(list, i))) {
            return false;
        }
        k += b->departments[i].nqueues;
    }
    b->d->ndepartments = (int)n;
    b->d->nqueues = k;
    return true;
}

static bool
read_rest(struct builder *b, const json_t *document)
{
    struct desk *d = b->d;
    const char *department = json_string_value(json_object_get(document, "default_department"));
    const char *queue = json_string_value(json_object_get(document, "default_queue"));
    const json_t *moved = json_object_get(document, "moved");
    struct desk_moved *list = ARENA_ARRAY(b->a, json_array_size(moved) + 1, struct desk_moved);

    d->admin_groups = texts_of(b->a, document, "admin_groups");
    if (department != NULL) {
        d->default_department = desk_department(d, department);
        if (d->default_department == NULL) {
            return err_set(b->e, ERR_DESK, "default_department '%s' is not known", department);
        }
    }
    d->default_queue = queue != NULL ? desk_queue(d, queue) : NULL;
    if (d->default_queue == NULL) {
        return err_set(b->e, ERR_DESK, "default_queue is not known");
    }
    d->moved = list;
    for (size_t i = 0; i < json_array_size(moved); i++) {
        const json_t *m = json_array_get(moved, i);
        const char *to = json_string_value(json_object_get(m, "to"));
        list[i].name = text_of(b->a, m, "queue");
        list[i].to = to != NULL ? desk_queue(d, to) : NULL;
        if (list[i].name == NULL || list[i].to == NULL) {
            return err_set(b->e, ERR_DESK, "an entry of moved is not complete");
        }
        d->nmoved++;
    }
    d->rules = rules_new(d, json_object_get(document, "rules"), b->e);
    return d->rules != NULL;
}

static void
read_known(struct desk_inner *in, const json_t *ids)
{
    const json_t *list = json_object_get(ids, "queues");

    in->nknown = json_array_size(list);
    in->known = ARENA_ARRAY(in->a, in->nknown + 1, struct known_queue);
    for (size_t i = 0; i < in->nknown; i++) {
        in->known[i].queue_id = i32_of(json_array_get(list, i), "id");
        in->known[i].name = text_of(in->a, json_array_get(list, i), "name");
    }
}

static struct desk *
desk_alloc(int version)
{
    struct desk *d = xcalloc(1, sizeof(*d));

    d->inner = xcalloc(1, sizeof(*d->inner));
    d->inner->a = arena_new();
    d->version = version;
    d->sha256 = "";
    return d;
}

struct desk *
desk_empty(void)
{
    struct desk *d = desk_alloc(0);

    d->rules = rules_new(d, NULL, NULL);
    return d;
}

struct desk *
desk_new(int version, const char *sha256, json_t *document, const json_t *ids, struct err *e)
{
    struct desk *d = desk_alloc(version);
    struct builder b = {.d = d, .a = d->inner->a, .ids = ids, .e = e};

    d->inner->document = json_incref(document);
    d->document = document;
    if (sha256 != NULL) {
        d->sha256 = arena_strdup(b.a, sha256);
    }
    if (!read_departments(&b, document) || !read_rest(&b, document)) {
        err_wrap(e, "version %d of the desk cannot be used", version);
        desk_free(d);
        return NULL;
    }
    read_known(d->inner, ids);
    desk_read_lanes(d, b.a, document, ids);
    return d;
}

void
desk_free(struct desk *d)
{
    if (d == NULL) {
        return;
    }
    rules_free(d->rules);
    json_decref(d->inner->document);
    arena_free(d->inner->a);
    free(d->inner);
    free(d);
}

/* ---- look-ups ------------------------------------------------------------------------------------------------------ */

const struct desk_department *
desk_department(const struct desk *d, const char *name)
{
    for (int i = 0; i < d->ndepartments; i++) {
        if (strcmp(d->departments[i].name, name) == 0) {
            return &d->departments[i];
        }
    }
    return NULL;
}

const struct desk_department *
desk_department_by_id(const struct desk *d, int32_t department_id)
{
    for (int i = 0; i < d->ndepartments; i++) {
        if (d->departments[i].department_id == department_id) {
            return &d->departments[i];
        }
    }
    return NULL;
}

const struct desk_queue *
desk_queue(const struct desk *d, const char *name)
{
    for (int i = 0; i < d->nqueues; i++) {
        if (strcmp(d->queues[i].name, name) == 0) {
            return &d->queues[i];
        }
    }
    return NULL;
}

const struct desk_queue *
desk_queue_by_id(const struct desk *d, int32_t queue_id)
{
    for (int i = 0; i < d->nqueues; i++) {
        if (d->queues[i].queue_id == queue_id) {
            return &d->queues[i];
        }
    }
    return NULL;
}

const char *
desk_queue_name(const struct desk *d, int32_t queue_id)
{
    for (size_t i = 0; i < d->inner->nknown; i++) {
        if (d->inner->known[i].queue_id == queue_id && d->inner->known[i].name != NULL) {
            return d->inner->known[i].name;
        }
    }
    return "?";
}

bool
desk_asked_name(const struct desk *d, const char *name, const char **ret, struct err *e)
{
    const struct desk_queue *q = desk_queue(d, name);
    const struct desk_department *dep = q == NULL ? desk_department(d, name) : NULL;

    if (q != NULL || dep != NULL) {
        *ret = q != NULL ? q->name : dep->name;
        return true;
    }
    for (int i = 0; i < d->nmoved; i++) {
        if (strcmp(d->moved[i].name, name) == 0) {
            *ret = d->moved[i].to->name;
            return true;
        }
    }
    return err_field(e, ERR_INVALID, "to", "there is no department or queue '%s'", name);
}

const struct desk_queue *
desk_asked(const struct desk *d, const char *name, struct err *e)
{
    const struct desk_queue *q;
    const struct desk_department *dep;

    if (!desk_asked_name(d, name, &name, e)) {
        return NULL;
    }
    q = desk_queue(d, name);
    if (q != NULL) {
        return q;
    }
    dep = desk_department(d, name);
    if (dep == NULL || dep->nqueues == 0) {
        (void)err_field(e, ERR_INVALID, "to", "department '%s' has no queue: it takes no requests", name);
        return NULL;
    }
    return dep->queues[0];
}
