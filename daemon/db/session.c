/* SPDX-License-Identifier: MIT */
/*
 * The settings of our PostgreSQL sessions, all in the two tables below. They travel in the start packet (libpq's
 * `options`), so a session never runs a statement without them. What the administrator's own conninfo says wins over
 * the tunable settings, and loses against the fixed ones, without which the daemon would be wrong.
 */
#include "daemon/db/session.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "common/strbuf.h"
#include "common/xalloc.h"

#define ON(role) (1u << (role))
#define ALL      ((1u << SESSION_ROLES) - 1)

struct setting {
    unsigned roles;
    const char *name;
    const char *value;
};

/* Plans: measured in research/calibration.md. Generic plans, because a flip costs 60-fold; no merge joins and no
 * bitmap scans, which win only for row counts a batch never has; no JIT, which costs more than any statement of ours.
 */
static const struct setting tunable[] = {
    {ON(SESSION_WRITE) | ON(SESSION_READ), "jit",                                 "off"               },
    {ON(SESSION_WRITE),                    "plan_cache_mode",                     "force_generic_plan"},
    {ON(SESSION_WRITE),                    "enable_mergejoin",                    "off"               },
    {ON(SESSION_WRITE),                    "enable_bitmapscan",                   "off"               },
    {ON(SESSION_WRITE),                    "enable_seqscan",                      "off"               },
    {ON(SESSION_LISTEN),                   "synchronous_commit",                  "off"               },
    {ON(SESSION_WRITE) | ON(SESSION_READ), "idle_in_transaction_session_timeout", "30s"               },
    {ON(SESSION_OWNER),                    "idle_in_transaction_session_timeout", "0"                 },
    {ON(SESSION_WRITE),                    "lock_timeout",                        "1s"                },
    {ON(SESSION_READ) | ON(SESSION_OWNER), "lock_timeout",                        "2s"                },
};

static const struct setting fixed[] = {
    {ALL, "search_path",                   "turno,pg_temp"   },
    {ALL, "timezone",                      "UTC"             },
    {ALL, "datestyle",                     "ISO"             },
    {ALL, "intervalstyle",                 "postgres"        },
    {ALL, "client_min_messages",           "warning"         },
    {ALL, "turno.said",                    "1"               }, /* texts come with their formats (said.h) */
    {ALL, "default_transaction_isolation", "read\\ committed"}, /* stricter ones fail at the commit */
};

/* Keywords of conninfo we set when it does not. */
static const struct setting keyword[] = {
    {ALL, "application_name",     SESSION_NAME},
    {ALL, "target_session_attrs", "read-write"},
    {ALL, "keepalives_idle",      "5"         },
    {ALL, "keepalives_interval",  "2"         },
    {ALL, "keepalives_count",     "3"         },
    {ALL, "tcp_user_timeout",     "6000"      },
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
add_settings(struct strbuf *sb, const struct setting *table, size_t n, enum session_role role)
{
    for (size_t i = 0; i < n; i++) {
        if (table[i].roles & ON(role)) {
            strbuf_addf(sb, " -c %s=%s", table[i].name, table[i].value);
        }
    }
}

static char *
options_of(const char *own, enum session_role role, int statement_timeout_ms)
{
    struct strbuf sb;

    strbuf_init(&sb);
    add_settings(&sb, tunable, COUNT(tunable), role);
    if (own != NULL) {
        strbuf_addf(&sb, " %s", own);
    }
    if (statement_timeout_ms > 0) {
        strbuf_addf(&sb, " -c statement_timeout=%d", statement_timeout_ms);
    }
    add_settings(&sb, fixed, COUNT(fixed), role);
    return strbuf_detach(&sb);
}

static unsigned
entries(const char *list)
{
    unsigned n = 1;

    for (; *list != '\0'; list++) {
        n += *list == ',';
    }
    return n;
}

/* "a,b,c" by 1 is "b,c,a". A list of one entry stands for all hosts and stays. */
static char *
rotated(const char *list, unsigned by)
{
    const char *cut = list;

    by %= entries(list);
    if (by == 0) {
        return xstrdup(list);
    }
    for (; by > 0; by--) {
        cut = strchr(cut, ',') + 1;
    }
    return xasprintf("%s,%.*s", cut, (int)(cut - list - 1), list);
}

static void
put(struct session *s, size_t *n, const char *name, char *value)
{
    s->keywords[*n] = xstrdup(name);
    s->values[*n] = value;
    (*n)++;
}

static bool
is_host_list(const char *name)
{
    return strcmp(name, "host") == 0 || strcmp(name, "hostaddr") == 0 || strcmp(name, "port") == 0;
}

bool
session_init(struct session *s, const char *conninfo, enum session_role role, int statement_timeout_ms, unsigned rotate,
             struct err *e)
{
    char *why = NULL;
    PQconninfoOption *opts = PQconninfoParse(conninfo, &why);
    size_t n = 0, nopts = 0;
    bool has[COUNT(keyword)] = {false};
    const char *own = NULL;

    if (opts == NULL) {
        err_field(e, ERR_INVALID, "database.conninfo", "%.*s", why != NULL ? (int)strcspn(why, "\n") : 0,
                  why != NULL ? why : "");
        PQfreemem(why);
        return false;
    }
    while (opts[nopts].keyword != NULL) {
        nopts++;
    }
    s->keywords = xcalloc(nopts + COUNT(keyword) + 3, sizeof(*s->keywords));
    s->values = xcalloc(nopts + COUNT(keyword) + 3, sizeof(*s->values));
    for (size_t i = 0; i < nopts; i++) {
        const char *name = opts[i].keyword, *value = opts[i].val;

        if (value == NULL || strcmp(name, "client_encoding") == 0) {
            continue;
        }
        if (strcmp(name, "options") == 0) {
            own = value;
            continue;
        }
        for (size_t k = 0; k < COUNT(keyword); k++) {
            has[k] |= strcmp(name, keyword[k].name) == 0;
        }
        put(s, &n, name, is_host_list(name) ? rotated(value, rotate) : xstrdup(value));
    }
    for (size_t k = 0; k < COUNT(keyword); k++) {
        if (!has[k]) {
            put(s, &n, keyword[k].name, xstrdup(keyword[k].value));
        }
    }
    put(s, &n, "client_encoding", xstrdup("UTF8"));
    put(s, &n, "options", options_of(own, role, statement_timeout_ms));
    PQconninfoFree(opts);
    return true;
}

void
session_release(struct session *s)
{
    for (size_t i = 0; s->keywords != NULL && s->keywords[i] != NULL; i++) {
        free(s->keywords[i]);
        free(s->values[i]);
    }
    free(s->keywords);
    free(s->values);
    s->keywords = NULL;
    s->values = NULL;
}
