/* SPDX-License-Identifier: MIT */
/*
 * Names of Unix users and groups, without a blocking look-up in the loop. All that getpwent and getgrent list is read
 * at start and at reload. Whatever is not among it is looked for at once in /etc/passwd or /etc/group, if the file has
 * changed since, and asked of the system (LDAP and the like, which often list nothing) by a child process.
 */
#ifndef TURNO_USERS_H
#define TURNO_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct event_base;
struct users;

/* Blocks while it reads. base: the loop that child processes report to; NULL: none are started. */
struct users *users_start(struct event_base *base);
/* Read everything again; blocks. Pointers got from users_name stay valid. */
void users_reload(struct users *u);
/* Pending users_ask callbacks are called with NULL first. NULL is accepted. */
void users_stop(struct users *u);

/* Name of a user, or NULL when it is not known (yet). The text lives as long as u. Never blocks. */
const char *users_name(struct users *u, uid_t uid);
/* The same, but the system is asked when the table does not know: done(arg, name or NULL) is called exactly once,
 * from the loop or, when the name is known, before users_ask returns. An answer "no such user" is kept for a minute. */
void users_ask(struct users *u, uid_t uid, void (*done)(void *arg, const char *name), void *arg);
/* Forget a question: its done is not called any more. */
void users_forget(struct users *u, void *arg);

/* Id of a group. False when it is not known; then the system is asked behind the scenes, so that a later call may
 * know. Never blocks. */
bool users_gid(struct users *u, const char *group, gid_t *ret);
/* uid is a member of no group here: membership comes with the peer (SO_PEERGROUPS). */

size_t users_count(const struct users *u); /* users known, for logs */

#endif
