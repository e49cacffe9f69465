/* SPDX-License-Identifier: MIT */
/*
 * Identity. What the database says of a user or a token is remembered under a key: the credentials of a socket, or the
 * SHA-256 of a token; refusals too, for a shorter time. Everything is forgotten when a desk is applied or a token is
 * revoked; what another daemon revokes it tells, and it is noticed within MEMORY_TOKEN anyhow. Ops use what is remembered
 * in place, and keep it as long as they live.
 *
 * An answer that was asked for before something was forgotten is used for its own request, but not remembered. A token is
 * asked for again: what it opens may be a stream, which would outlive it.
 */
#include "daemon/desk/person.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/i18n.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/xalloc.h"
#include "daemon/db/db.h"
#include "daemon/desk/desk_store.h"
#include "daemon/desk/token.h"
#include "daemon/http/http.h"
#include "daemon/http/route.h"
#include "daemon/os/clock.h"
#include "daemon/os/users.h"

#define MEMORY_UNIX    (5 * USEC_MIN)
#define MEMORY_TOKEN   (30 * USEC_SEC)
#define MEMORY_REFUSED (5 * USEC_SEC)
#define MEMORY_MAX     8192 /* entries; above, all are forgotten */
#define MEMORY_SIZE    512  /* what a person takes, names of usual length */
#define BUCKETS        1024

struct key {
    const void *p;
    size_t n;
};

struct memory {
    struct memory *next;
    struct arena *a;
    unsigned refs; /* the table, and ops */
    struct key key;
    usec_t until;       /* monotonic */
    usec_t valid_until; /* wall; the token's own end, or INT64_MAX */
    int32_t token_id;   /* 0: a user */
    int64_t ticket_id;  /* of a private link; 0: it is none */
    const char *scope;  /* of a token, or NULL */
    struct person who;  /* person_id 0: refused */
};

/* An op that is a stream of a token, or may become one. In its arena. */
struct held {
    TAILQ_ENTRY(held) link;
    struct people *people;
    struct op *op;
    usec_t valid_until;
    struct event *timer; /* for that; NULL: it has no end */
};

struct people {
    struct people_conf conf;
    struct memory *buckets[BUCKETS];
    unsigned generation; /* of what is remembered */
    struct people_stats stats;
    TAILQ_HEAD(, held) held;
    usec_t probed;
    struct arena *a; /* of the probe under way */
    struct db_call call;
};

/* One identification under way; in the op's arena, found by op->mine until the op's own step begins. */
struct asking {
    struct people *people;
    struct op *op;
    struct key key;
    unsigned generation;
    uid_t uid;
    const gid_t *gids;
    int ngids;
};

struct people *
people_new(const struct people_conf *conf)
{
    struct people *p = xcalloc(1, sizeof(*p));

    p->conf = *conf;
    TAILQ_INIT(&p->held);
    return p;
}

static void
memory_drop(void *arg)
{
    struct memory *m = arg;

    if (--m->refs == 0) {
        arena_free(m->a);
    }
}

void
people_forget(struct people *p)
{
    p->generation++;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (p->buckets[i] != NULL) {
            struct memory *m = p->buckets[i];
            p->buckets[i] = m->next;
            memory_drop(m);
        }
    }
    p->stats.remembered = 0;
}

void
people_free(struct people *p)
{
    if (p != NULL) {
        people_forget(p);
        arena_free(p->a);
        free(p);
    }
}

void
people_get_stats(const struct people *p, struct people_stats *ret)
{
    *ret = p->stats;
}

/* ---- persons --------------------------------------------------------------------------------------------------------- */

/* "1,2,30" as numbers. */
static const int32_t *
numbers_of(struct arena *a, const char *text, int *ret_n)
{
    size_t n = text != NULL ? strlen(text) : 0;
    int32_t *v = ARENA_ARRAY(a, n / 2 + 1, int32_t);
    int k = 0;

    while (text != NULL && *text != '\0') {
        char *end;
        v[k++] = (int32_t)strtol(text, &end, 10);
        text = *end == ',' ? end + 1 : "";
    }
    *ret_n = k;
    return v;
}

void
person_from_row(struct arena *a, const struct db_row *row, int first, struct person *ret)
{
    *ret = (struct person){
        .person_id = (int32_t)db_i64(row, first),
        .name = arena_strdup(a, db_text(row, first + 1, NULL)),
        .kind_of = arena_strdup(a, db_text(row, first + 2, NULL)),
        .admin = db_bool(row, first + 3),
        .agent = db_bool(row, first + 4),
        .lead = db_bool(row, first + 5),
        .account_id = (int32_t)db_i64(row, first + 6),
        .account = arena_strdup(a, db_text(row, first + 7, NULL)),
        .kind = arena_strdup(a, db_text(row, first + 8, NULL)),
        .segment = arena_strdup(a, db_text(row, first + 9, NULL)),
        .lang = arena_strdup(a, db_text(row, first + 10, NULL)),
        .department_id = (int32_t)db_i64(row, first + 11),
        .department = arena_strdup(a, db_text(row, first + 12, NULL)),
    };
    ret->departments = numbers_of(a, db_text(row, first + 13, NULL), &ret->ndepartments);
    ret->leads = numbers_of(a, db_text(row, first + 14, NULL), &ret->nleads);
}

/* What a person may do here, with a token of this scope (NULL: at the Unix socket). */
static unsigned
perms_of(const struct person *p, const char *scope, enum method method)
{
    unsigned own = PERM_PERSON | PERM_SUBMIT | (p->agent ? PERM_AGENT : 0U) | (p->lead ? PERM_LEAD : 0U);
    unsigned all = own | (p->admin ? PERM_ADMIN : 0U);

    if (scope == NULL || strcmp(scope, "admin") == 0) {
        return all;
    }
    if (strcmp(scope, "agent") == 0) {
        return own;
    }
    if (strcmp(scope, "link") == 0) { /* for one ticket, on its page */
        return PERM_LINK;
    }
    if (strcmp(scope, "read") == 0) {
        return method == METHOD_GET ? all & ~(unsigned)PERM_SUBMIT : 0;
    }
    return strcmp(scope, "submit") == 0 ? PERM_PERSON | PERM_SUBMIT
                                        : 0; /* of a scope it does not know nothing is known */
}

/* ---- what is remembered ---------------------------------------------------------------------------------------------- */

static size_t
bucket_of(struct key key)
{
    const unsigned char *p = key.p;
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < key.n; i++) {
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    }
    return (size_t)(h ^ h >> 32) % BUCKETS;
}

/* The entry of a key, or NULL. Entries past their time are removed on the way. */
static struct memory *
recall(struct people *p, struct key key)
{
    struct memory **at = &p->buckets[bucket_of(key)];
    usec_t now = clock_mono();

    while (*at != NULL) {
        struct memory *m = *at;
        if (m->until <= now || m->valid_until <= clock_wall()) {
            *at = m->next;
            memory_drop(m);
            p->stats.remembered--;
            continue;
        }
        if (m->key.n == key.n && CRYPTO_memcmp(m->key.p, key.p, key.n) == 0) {
            return m;
        }
        at = &m->next;
    }
    return NULL;
}

/* What will be known under q's key; of a person, if any, filled in by the caller. The caller's to drop. */
static struct memory *
memory_new(const struct asking *q)
{
    struct arena *a = arena_new_of(MEMORY_SIZE);
    struct memory *m = ARENA_NEW(a, struct memory);
    void *key = arena_alloc(a, q->key.n);

    memcpy(key, q->key.p, q->key.n);
    m->a = a;
    m->refs = 1;
    m->key = (struct key){key, q->key.n};
    m->valid_until = INT64_MAX;
    return m;
}

static void
remember(struct asking *q, struct memory *m, usec_t how_long)
{
    struct people *p = q->people;

    if (q->generation != p->generation || recall(p, q->key) != NULL) {
        return;
    }
    if (p->stats.remembered >= MEMORY_MAX) {
        people_forget(p);
    }
    m->refs++;
    m->until = clock_mono() + how_long;
    m->next = p->buckets[bucket_of(m->key)];
    p->buckets[bucket_of(m->key)] = m;
    p->stats.remembered++;
}

static void
remember_refused(struct asking *q)
{
    struct memory *m = memory_new(q);

    remember(q, m, MEMORY_REFUSED);
    memory_drop(m);
}

/* ---- what tokens hold open ------------------------------------------------------------------------------------------- */

static void
held_drop(void *arg)
{
    struct held *h = arg;

    TAILQ_REMOVE(&h->people->held, h, link);
    if (h->timer != NULL) {
        event_free(h->timer);
    }
}

static void
held_end(struct held *h)
{
    op_end(h->op, ERR_UNAUTHORIZED, N_("the token has ended or was revoked"));
}

static void
held_arm(struct held *h)
{
    usec_t left = h->valid_until - clock_wall();
    struct timeval tv = {.tv_sec = 0};

    if (left > 0) {
        tv = (struct timeval){.tv_sec = left / USEC_SEC, .tv_usec = left % USEC_SEC};
    }
    evtimer_add(h->timer, &tv);
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
    struct held *h = arg;

    (void)fd;
    (void)what;
    if (h->valid_until > clock_wall()) { /* it was set back */
        held_arm(h);
    } else {
        held_end(h);
    }
}

static void
hold(struct people *p, struct op *op, const struct memory *m)
{
    struct held *h = ARENA_NEW(op->a, struct held);

    *h = (struct held){.people = p, .op = op, .valid_until = m->valid_until};
    TAILQ_INSERT_TAIL(&p->held, h, link);
    arena_defer(op->a, held_drop, h);
    if (m->valid_until != INT64_MAX) {
        h->timer = evtimer_new(p->conf.base, on_end, h);
        held_arm(h);
    }
}

void
people_token_ended(struct people *p, int32_t token_id)
{
    struct held *h = TAILQ_FIRST(&p->held);

    people_forget(p);
    while (h != NULL) {
        struct held *next = TAILQ_NEXT(h, link);
        if (h->op->who.token_id == token_id) {
            held_end(h);
        }
        h = next;
    }
}

static void
on_probed(struct db_call *call, const struct db_result *res)
{
    struct people *p = call->arg;
    struct arena *a = p->a;

    p->a = NULL;
    for (int i = 0; i < res->nrows; i++) {
        people_token_ended(p, (int32_t)db_i64(res->rows[i], 0));
    }
    arena_free(a);
}

void
people_probe(struct people *p)
{
    const struct held *h;
    int32_t *ids;
    size_t n = 0;

    if (p->a != NULL || TAILQ_EMPTY(&p->held) || clock_mono() - p->probed < MEMORY_TOKEN) {
        return;
    }
    p->probed = clock_mono();
    TAILQ_FOREACH(h, &p->held, link) {
        n++;
    }
    p->a = arena_new();
    ids = ARENA_ARRAY(p->a, n, int32_t);
    n = 0;
    TAILQ_FOREACH(h, &p->held, link) {
        ids[n++] = h->op->who.token_id;
    }
    db_call_init(&p->call, p->a, STMT_TOKEN_ENDED);
    db_bind_i32s(&p->call, ids, n);
    p->call.done = on_probed;
    p->call.arg = p;
    db_call_send(p->conf.db, &p->call);
}

/* ---- who it is ------------------------------------------------------------------------------------------------------- */

/* The op is this person's. */
static void
become(struct people *people, struct op *op, struct memory *m)
{
    const struct person *p = &m->who;
    unsigned perms = perms_of(p, m->scope, op->route->method);

    m->refs++;
    arena_defer(op->a, memory_drop, m);
    op->who = (struct actor){
        .person_id = p->person_id,
        .name = p->name,
        .admin = (perms & PERM_ADMIN) != 0,
        .agent = (perms & PERM_AGENT) != 0,
        .lead = (perms & PERM_LEAD) != 0,
        .external = p->account_id != 0,
        .account_id = p->account_id,
        .department_id = p->department_id,
        .perms = perms,
        .token_id = m->token_id,
        .ticket_id = m->ticket_id,
        .scope = m->scope,
        .person = p,
    };
    if (m->token_id != 0 && (op->route->flags & ROUTE_STREAM) != 0) {
        hold(people, op, m);
    }
}

static void
refuse_token(struct people *p, struct op *op)
{
    p->stats.refused++;
    if (op->route->perm == PERM_LINK) {
        (void)op_fail(op, ERR_NOT_FOUND, "this link is not known, or it has ended");
        return;
    }
    op_header(op, "WWW-Authenticate", "Bearer");
    (void)op_fail(op, ERR_UNAUTHORIZED, "the token is not known, has ended or was revoked");
}

static void
refuse_user(struct people *p, struct op *op)
{
    p->stats.refused++;
    (void)op_fail(
        op, ERR_FORBIDDEN,
        "you belong to no department of this desk; its administrator adds your login name or one of your groups "
        "to the desk file");
}

/* Answer from memory. */
static bool
identify_known(struct people *p, struct op *op, struct memory *m, bool is_token)
{
    if (m->who.person_id == 0) {
        if (is_token) {
            refuse_token(p, op);
        } else {
            refuse_user(p, op);
        }
        return false;
    }
    p->stats.hits++;
    become(p, op, m);
    return true;
}

/* The database has answered: m is the person of its row. */
static void
identified(struct asking *q, struct memory *m, usec_t how_long)
{
    struct op *op = q->op;

    remember(q, m, how_long);
    op->mine = NULL;
    become(q->people, op, m);
    memory_drop(m);
    http_identified(op);
}

/* ---- tokens ---------------------------------------------------------------------------------------------------------- */

static void ask_token(struct asking *q);

static void
on_token(struct op *op)
{
    struct asking *q = op->mine;
    const struct db_row *row = op->res->nrows == 1 ? op->res->rows[0] : NULL;
    struct memory *m;

    q->people->stats.token_reads++;
    if (q->generation != q->people->generation) {
        ask_token(q);
        return;
    }
    if (row == NULL) {
        remember_refused(q);
        refuse_token(q->people, op);
        return;
    }
    m = memory_new(q);
    m->token_id = (int32_t)db_i64(row, 0);
    m->scope = arena_strdup(m->a, db_text(row, 1, NULL));
    if (!db_null(row, 2)) {
        m->valid_until = db_i64(row, 2);
    }
    m->ticket_id = db_null(row, 3) ? 0 : db_i64(row, 3);
    person_from_row(m->a, row, 4, &m->who);
    identified(q, m, MEMORY_TOKEN);
}

static void
ask_token(struct asking *q)
{
    const uint8_t *key = q->key.p;

    q->generation = q->people->generation;
    db_bind_bytes(op_call(q->op, STMT_TOKEN_AUTH), key + 1, 32);
    op_send_then(q->op, on_token);
}

static bool
identify_token(struct people *p, struct op *op, const char *secret)
{
    uint8_t *key = arena_alloc(op->a, 33); /* of odd length: never the key of a user */
    uint8_t *hash = key + 1;
    struct asking *q;
    struct memory *m;

    if (!token_is_formed(secret)) {
        refuse_token(p, op);
        return false;
    }
    token_hash(secret, hash);
    m = recall(p, (struct key){key, 33});
    if (m != NULL) {
        return identify_known(p, op, m, true);
    }
    q = ARENA_NEW(op->a, struct asking);
    *q = (struct asking){
        .people = p, .op = op, .key = {key, 33}
    };
    op->mine = q;
    ask_token(q);
    return false;
}

/* ---- Unix users ------------------------------------------------------------------------------------------------------ */

/* Somebody became an administrator, or is none any more: what is remembered of them by other credentials is of another
 * person, and a token may be good no longer. */
static void
forget_rights(struct asking *q, const struct person *who)
{
    struct people *p = q->people;
    bool differs = false;

    for (size_t i = 0; i < BUCKETS && !differs; i++) {
        for (const struct memory *m = p->buckets[i]; m != NULL && !differs; m = m->next) {
            differs = m->who.person_id == who->person_id && m->who.admin != who->admin;
        }
    }
    if (differs) {
        bool is_fresh = q->generation == p->generation;
        people_forget(p);
        if (is_fresh) {
            q->generation = p->generation;
        }
    }
}

static void
on_login(struct op *op)
{
    struct asking *q = op->mine;
    const struct db_row *row = op->res->nrows == 1 ? op->res->rows[0] : NULL;
    const char *outcome = row != NULL ? db_text(row, 0, NULL) : NULL;
    struct memory *m;

    q->people->stats.logins++;
    if (outcome == NULL || strcmp(outcome, "done") != 0) {
        remember_refused(q);
        refuse_user(q->people, op);
        return;
    }
    m = memory_new(q);
    person_from_row(m->a, row, 1, &m->who);
    forget_rights(q, &m->who);
    log_debug("known user=%s uid=%lu person=%d", m->who.name, (unsigned long)q->uid, m->who.person_id);
    identified(q, m, MEMORY_UNIX);
}

static bool
is_in_group(const struct asking *q, const char *const *groups)
{
    gid_t gid;

    for (; groups != NULL && *groups != NULL; groups++) {
        if (!users_gid(q->people->conf.users, *groups, &gid)) {
            continue;
        }
        for (int i = 0; i < q->ngids; i++) {
            if (q->gids[i] == gid) {
                return true;
            }
        }
    }
    return false;
}

static void
send_login(struct asking *q, const char *name)
{
    const struct desk *d = desk_current(q->people->conf.desks);
    int32_t *in = ARENA_ARRAY(q->op->a, d->ndepartments + 1, int32_t);
    int32_t *leads = ARENA_ARRAY(q->op->a, d->ndepartments + 1, int32_t);
    size_t n = 0;
    size_t nleads = 0;
    struct db_call *c = op_call(q->op, STMT_PERSON_LOGIN);

    for (int i = 0; i < d->ndepartments; i++) {
        const struct desk_department *dep = &d->departments[i];
        if (is_in_group(q, dep->lead_groups)) {
            leads[nleads++] = dep->department_id;
            in[n++] = dep->department_id;
        } else if (is_in_group(q, dep->groups)) {
            in[n++] = dep->department_id;
        }
    }
    db_bind_text(c, name != NULL ? name : arena_printf(q->op->a, "uid:%lu", (unsigned long)q->uid));
    db_bind_i64(c, (int64_t)q->uid);
    db_bind_bool(c, q->uid == 0 || q->uid == geteuid() || is_in_group(q, d->admin_groups));
    db_bind_i32s(c, in, n);
    db_bind_i32s(c, leads, nleads);
    if (d->default_department != NULL) {
        db_bind_i32(c, d->default_department->department_id);
    } else {
        db_bind_null(c);
    }
    q->op->mine = q;
    op_send_then(q->op, on_login);
}

/* users_ask has the name, or there is none. */
static void
on_name(void *arg, const char *name)
{
    struct asking *q = arg;

    if (op_back(q->op)) {
        send_login(q, name);
    }
}

static bool
identify_unix(struct people *p, struct op *op, const struct http_peer *peer)
{
    size_t n = sizeof(uint32_t) * (1 + (size_t)peer->ngids);
    uint32_t *ids = arena_alloc(op->a, n);
    struct asking *q;
    struct memory *m;
    const char *name;

    ids[0] = peer->uid;
    for (int i = 0; i < peer->ngids; i++) {
        ids[i + 1] = peer->gids[i];
    }
    m = recall(p, (struct key){ids, n});
    if (m != NULL) {
        return identify_known(p, op, m, false);
    }
    q = ARENA_NEW(op->a, struct asking);
    *q = (struct asking){
        .people = p,
        .op = op,
        .key = {ids, n},
        .generation = p->generation,
        .uid = peer->uid,
        .gids = ids + 1,
        .ngids = peer->ngids,
    };
    name = users_name(p->conf.users, peer->uid);
    if (name != NULL) {
        send_login(q, name);
    } else {
        op_lend(op);
        users_ask(p->conf.users, peer->uid, on_name, q);
    }
    return false;
}

bool
person_identify(struct people *p, struct op *op, const struct http_peer *peer)
{
    if (op->route->perm == PERM_ANYONE) {
        op->who.perms = PERM_ANYONE;
        return true;
    }
    if (op->route->perm == PERM_LINK) {
        return identify_token(p, op, op->path_text[0]);
    }
    if (peer->token != NULL) {
        return identify_token(p, op, peer->token);
    }
    if (peer->is_unix) {
        return identify_unix(p, op, peer);
    }
    p->stats.refused++;
    op_header(op, "WWW-Authenticate", "Bearer");
    (void)op_fail(op, ERR_UNAUTHORIZED, "a token is needed here: Authorization: Bearer ...");
    return false;
}
