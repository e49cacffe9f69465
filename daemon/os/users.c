/* SPDX-License-Identifier: MIT */
/*
 * Two sorted tables, uid -> name and group -> gid. Texts live in one arena until users_stop, so that a name once given
 * out stays valid over reloads. Changes of /etc/passwd and /etc/group are noticed by their time, looked at once a second
 * at most, and read with fgetpwent, which asks nobody else. What remains unknown becomes a question, put to the system
 * by a child process; a few run at a time.
 */
#include "daemon/os/users.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "common/arena.h"
#include "common/parse.h"
#include "common/xalloc.h"
#include "daemon/os/clock.h"
#include "daemon/os/task.h"

#define PASSWD        "/etc/passwd"
#define GROUP         "/etc/group"
#define QUESTIONS_MAX 4               /* children at a time */
#define NO_FOR        (60 * USEC_SEC) /* how long "no such user" is believed */
#define LOOK_EACH     USEC_SEC        /* at most so often is the time of a file looked at */

struct user {
    uid_t uid;
    const char *name;
};

struct group_id {
    char *name;
    gid_t gid;
};

/* A file of names and what it was like when it was read. */
struct source {
    const char *path;
    struct timespec mtime;
    ino_t ino;
    usec_t looked;
};

struct waiter {
    void (*done)(void *arg, const char *name);
    void *arg;
};

/* Put to the system by a child, or answered "no" a short time ago (until > 0). */
struct question {
    TAILQ_ENTRY(question) link;
    struct users *u;
    char *group; /* NULL: about uid */
    uid_t uid;
    struct task *task; /* NULL: waits for its turn, or is answered */
    char *answer;
    usec_t until;
    struct waiter *waiters;
    size_t nwaiters;
};

struct users {
    struct event_base *base;
    struct arena *names;
    struct user *user;
    size_t nuser;
    const struct user *old; /* the table before, during a reload: its texts are used again */
    size_t nold;
    struct group_id *group;
    size_t ngroup;
    struct source passwd, groups;
    TAILQ_HEAD(questions, question) questions;
};

/* ---- the tables ------------------------------------------------------------------------------------------------------ */

/* Where uid is in a sorted table, or would be put. */
static size_t
user_place(const struct user *user, size_t n, uid_t uid)
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (user[mid].uid < uid) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

static const struct user *
find_user(const struct user *user, size_t n, uid_t uid)
{
    size_t i = user_place(user, n, uid);

    return i < n && user[i].uid == uid ? &user[i] : NULL;
}

static void
put_user(struct users *u, uid_t uid, const char *name)
{
    size_t i = user_place(u->user, u->nuser, uid);
    const struct user *old = find_user(u->old, u->nold, uid);

    if (i == u->nuser || u->user[i].uid != uid) {
        u->user = xrealloc(u->user, (u->nuser + 1) * sizeof(*u->user));
        memmove(&u->user[i + 1], &u->user[i], (u->nuser - i) * sizeof(*u->user));
        u->nuser++;
    } else if (strcmp(u->user[i].name, name) == 0) {
        return;
    }
    u->user[i].uid = uid;
    u->user[i].name = old != NULL && strcmp(old->name, name) == 0 ? old->name : arena_strdup(u->names, name);
}

static size_t
group_place(const struct users *u, const char *name)
{
    size_t lo = 0, hi = u->ngroup;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (strcmp(u->group[mid].name, name) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

static bool
group_is_at(const struct users *u, size_t i, const char *name)
{
    return i < u->ngroup && strcmp(u->group[i].name, name) == 0;
}

static void
put_group(struct users *u, const char *name, gid_t gid)
{
    size_t i = group_place(u, name);

    if (!group_is_at(u, i, name)) {
        u->group = xrealloc(u->group, (u->ngroup + 1) * sizeof(*u->group));
        memmove(&u->group[i + 1], &u->group[i], (u->ngroup - i) * sizeof(*u->group));
        u->ngroup++;
        u->group[i].name = xstrdup(name);
    }
    u->group[i].gid = gid;
}

static void
clear_groups(struct users *u)
{
    while (u->ngroup > 0) {
        free(u->group[--u->ngroup].name);
    }
    free(u->group);
    u->group = NULL;
}

/* Two lines for one uid: the first counts, as it does for getpwuid. So rows are put in reverse order. */
static void
put_users_reversed(struct users *u, FILE *f)
{
    struct {
        uid_t uid;
        char *name;
    } *list = NULL;
    size_t n = 0;
    const struct passwd *pw;

    while ((pw = f != NULL ? fgetpwent(f) : getpwent()) != NULL) {
        list = xrealloc(list, (n + 1) * sizeof(*list));
        list[n].uid = pw->pw_uid;
        list[n++].name = xstrdup(pw->pw_name);
    }
    while (n > 0) {
        n--;
        put_user(u, list[n].uid, list[n].name);
        free(list[n].name);
    }
    free(list);
}

/* Has the file changed since it was read? Looks at it only when a second has passed since the last look. */
static bool
source_changed(struct source *s)
{
    usec_t now = clock_mono();
    struct stat st;

    if (s->looked != 0 && now - s->looked < LOOK_EACH) {
        return false;
    }
    s->looked = now;
    if (stat(s->path, &st) != 0 ||
        (st.st_mtim.tv_sec == s->mtime.tv_sec && st.st_mtim.tv_nsec == s->mtime.tv_nsec && st.st_ino == s->ino)) {
        return false;
    }
    s->mtime = st.st_mtim;
    s->ino = st.st_ino;
    return true;
}

static void
refresh_users(struct users *u)
{
    FILE *f;

    if (!source_changed(&u->passwd) || (f = fopen(u->passwd.path, "re")) == NULL) {
        return;
    }
    put_users_reversed(u, f);
    (void)fclose(f);
}

static void
refresh_groups(struct users *u)
{
    const struct group *gr;
    FILE *f;

    if (!source_changed(&u->groups) || (f = fopen(u->groups.path, "re")) == NULL) {
        return;
    }
    while ((gr = fgetgrent(f)) != NULL) {
        put_group(u, gr->gr_name, gr->gr_gid);
    }
    (void)fclose(f);
}

/* ---- questions -------------------------------------------------------------------------------------------------------- */

/* In the child. Says the name or the number; says nothing when there is none. */
static bool
ask_system(struct task_out *out, void *arg, struct err *e)
{
    const struct question *q = arg;
    const struct passwd *pw;
    const struct group *gr;

    (void)e;
    if (q->group != NULL) {
        gr = getgrnam(q->group);
        if (gr != NULL) {
            task_say(out, "%u", gr->gr_gid);
        }
    } else {
        pw = getpwuid(q->uid);
        if (pw != NULL) {
            task_say(out, "%s", pw->pw_name);
        }
    }
    return true;
}

static void
on_answer(void *arg, const char *line)
{
    struct question *q = arg;

    free(q->answer);
    q->answer = xstrdup(line);
}

static void
free_question(struct question *q)
{
    TAILQ_REMOVE(&q->u->questions, q, link);
    task_stop(q->task);
    free(q->group);
    free(q->answer);
    free(q->waiters);
    free(q);
}

static void start_questions(struct users *u);

/* Tell everybody who waits. A callback may ask and forget; this question is answered, so nobody is added to it. */
static void
tell_waiters(struct question *q, const char *name)
{
    for (size_t i = 0; i < q->nwaiters; i++) {
        if (q->waiters[i].done != NULL) {
            q->waiters[i].done(q->waiters[i].arg, name);
        }
    }
    q->nwaiters = 0;
}

static void
on_asked(void *arg, const struct err *e)
{
    struct question *q = arg;
    struct users *u = q->u;
    int64_t gid;

    (void)e; /* a child that died has answered nothing: "no" for a while */
    q->task = NULL;
    q->until = clock_mono() + NO_FOR;
    if (q->answer != NULL && q->group == NULL) {
        put_user(u, q->uid, q->answer);
        tell_waiters(q, users_name(u, q->uid));
    } else if (q->answer != NULL && parse_i64(q->answer, 0, UINT32_MAX, &gid)) {
        put_group(u, q->group, (gid_t)gid);
    } else {
        tell_waiters(q, NULL);
    }
    if (q->answer != NULL) {
        free_question(q);
    }
    start_questions(u);
}

static void
start_questions(struct users *u)
{
    struct question *q;
    int running = 0;

    TAILQ_FOREACH(q, &u->questions, link) {
        running += q->task != NULL;
    }
    for (q = TAILQ_FIRST(&u->questions); q != NULL && running < QUESTIONS_MAX; q = TAILQ_NEXT(q, link)) {
        struct task_conf conf = {.name = "a look-up of a name",
                                 .run = ask_system,
                                 .run_arg = q,
                                 .on_line = on_answer,
                                 .on_end = on_asked,
                                 .arg = q};

        if (q->task == NULL && q->until == 0) {
            q->task = task_start(u->base, &conf, NULL);
            q->until = q->task != NULL ? 0 : clock_mono() + NO_FOR;
            running++;
        }
    }
}

/* The question about uid or group, which may be answered "no"; NULL: none yet. */
static struct question *
find_question(struct users *u, uid_t uid, const char *group)
{
    struct question *q;

    TAILQ_FOREACH(q, &u->questions, link) {
        if (group != NULL ? q->group != NULL && strcmp(q->group, group) == 0 : q->group == NULL && q->uid == uid) {
            return q;
        }
    }
    return NULL;
}

static struct question *
ask(struct users *u, uid_t uid, const char *group)
{
    struct question *q = find_question(u, uid, group);

    if (q != NULL && q->until != 0 && clock_mono() >= q->until) {
        free_question(q);
        q = NULL;
    }
    if (q == NULL) {
        q = xcalloc(1, sizeof(*q));
        q->u = u;
        q->uid = uid;
        q->group = group != NULL ? xstrdup(group) : NULL;
        TAILQ_INSERT_TAIL(&u->questions, q, link);
        start_questions(u);
    }
    return q;
}

/* ---- interface --------------------------------------------------------------------------------------------------------- */

void
users_reload(struct users *u)
{
    struct user *old = u->user;
    const struct group *gr;

    u->old = old;
    u->nold = u->nuser;
    u->user = NULL;
    u->nuser = 0;
    clear_groups(u);
    (void)source_changed(&u->passwd); /* notes the time first: a change while we read is seen later */
    (void)source_changed(&u->groups);
    setpwent();
    put_users_reversed(u, NULL);
    endpwent();
    u->old = NULL;
    u->nold = 0;
    free(old);
    setgrent();
    while ((gr = getgrent()) != NULL) {
        put_group(u, gr->gr_name, gr->gr_gid);
    }
    endgrent();
}

struct users *
users_start(struct event_base *base)
{
    struct users *u = xcalloc(1, sizeof(*u));

    u->base = base;
    u->names = arena_new();
    u->passwd.path = PASSWD;
    u->groups.path = GROUP;
    TAILQ_INIT(&u->questions);
    users_reload(u);
    return u;
}

void
users_stop(struct users *u)
{
    struct question *q;

    if (u == NULL) {
        return;
    }
    while ((q = TAILQ_FIRST(&u->questions)) != NULL) {
        q->until = 1; /* closed */
        tell_waiters(q, NULL);
        free_question(q);
    }
    clear_groups(u);
    arena_free(u->names);
    free(u->user);
    free(u);
}

const char *
users_name(struct users *u, uid_t uid)
{
    const struct user *user;

    refresh_users(u);
    user = find_user(u->user, u->nuser, uid);
    return user != NULL ? user->name : NULL;
}

void
users_ask(struct users *u, uid_t uid, void (*done)(void *arg, const char *name), void *arg)
{
    const char *name = users_name(u, uid);
    struct question *q = name == NULL && u->base != NULL ? ask(u, uid, NULL) : NULL;

    if (q == NULL || q->until != 0) {
        done(arg, name);
        return;
    }
    q->waiters = xrealloc(q->waiters, (q->nwaiters + 1) * sizeof(*q->waiters));
    q->waiters[q->nwaiters++] = (struct waiter){done, arg};
}

void
users_forget(struct users *u, void *arg)
{
    struct question *q;

    TAILQ_FOREACH(q, &u->questions, link) {
        for (size_t i = 0; i < q->nwaiters; i++) {
            if (q->waiters[i].arg == arg) {
                q->waiters[i].done = NULL;
            }
        }
    }
}

bool
users_gid(struct users *u, const char *group, gid_t *ret)
{
    size_t i;

    refresh_groups(u);
    i = group_place(u, group);
    if (group_is_at(u, i, group)) {
        *ret = u->group[i].gid;
        return true;
    }
    if (u->base != NULL) {
        (void)ask(u, 0, group);
    }
    return false;
}

size_t
users_count(const struct users *u)
{
    return u->nuser;
}
