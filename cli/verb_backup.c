/* SPDX-License-Identifier: MIT */
/*
 * backup and restore: done by turnod, which knows the configuration, the embedded cluster and PostgreSQL; turno knows none of
 * them (and links none of their libraries), and only finds the program.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/verbs.h"

#define ARGV_MAX (2 * OPTS_MAX + 8)

/* turnod lies beside turno in a tree that was built, in sbin/ beside bin/ where it was installed. */
static const char *
beside(struct ctx *c, const char *how)
{
    char exe[4096];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    char *slash;

    exe[n > 0 ? n : 0] = '\0';
    slash = strrchr(exe, '/');
    if (slash == NULL) {
        return NULL;
    }
    *slash = '\0';
    return arena_printf(c->a, "%s/%s", exe, how);
}

static bool
hand_over(struct ctx *c, const char *what, const char *own, struct err *e)
{
    const char *places[] = {beside(c, "turnod"), beside(c, "../sbin/turnod"), "turnod"};
    const char *value;
    char *argv[ARGV_MAX];
    size_t n = 0;

    argv[n++] = arena_strdup(c->a, "turnod");
    argv[n++] = arena_strdup(c->a, what);
    argv[n++] = arena_strdup(c->a, args_text(c->args, "FILE"));
    if (own != NULL) {
        argv[n++] = arena_strdup(c->a, own);
    }
    if ((value = args_opt(c->args, "config")) != NULL) {
        argv[n++] = arena_strdup(c->a, "-f");
        argv[n++] = arena_strdup(c->a, value);
    }
    for (size_t i = 0; (value = args_nth(c->args, "set", i)) != NULL; i++) {
        argv[n++] = arena_strdup(c->a, "-o");
        argv[n++] = arena_strdup(c->a, value);
    }
    argv[n] = NULL;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (places[i] != NULL) {
            (void)execvp(places[i], argv);
        }
    }
    return err_set(e, ERR_UNREACHABLE, "turnod could not be started, it must be on this machine: %s", strerror(errno));
}

bool
run_backup(struct ctx *c, struct err *e)
{
    return hand_over(c, "--backup", args_has(c->args, "force") ? "--force" : NULL, e);
}

bool
run_restore(struct ctx *c, struct err *e)
{
    const char *skip = args_opt(c->args, "skip");

    return hand_over(c, "--restore", skip != NULL ? arena_printf(c->a, "--skip=%s", skip) : NULL, e);
}
