/* SPDX-License-Identifier: MIT */
/* One table of SQLSTATEs and classes; the first row that is a prefix decides. */
#include "daemon/db/sqlstate.h"

#include <stdio.h>
#include <string.h>

#include "common/i18n.h"

struct row {
    const char *prefix;
    enum sqlstate_act act;
    enum err_code code;
    const char *text; /* NULL: as the database says it */
};

static const struct row rows[] = {
    {"",      SQLSTATE_FAIL,   ERR_INTERNAL, N_("the database refused the statement (%s)")                      }, /* the default */
    {"08",    SQLSTATE_LOST,   ERR_DATABASE, N_("the connection to the database broke (%s)")                    },
    {"57P",   SQLSTATE_LOST,   ERR_DATABASE, N_("the database is shutting down or starting (%s)")               },
    {"25006", SQLSTATE_LOST,   ERR_DATABASE, N_("the database is read-only (%s)")                               },
    {"25P0",  SQLSTATE_LOST,   ERR_DATABASE, N_("the session was ended by the database (%s)")                   },
 /* "cached plan must not change result type", and a prepared statement somebody threw away: a new session has both
     * anew. */
    {"0A000", SQLSTATE_LOST,   ERR_DATABASE, N_("the schema has changed under the session (%s)")                },
    {"26",    SQLSTATE_LOST,   ERR_DATABASE, N_("the session has lost its statements (%s)")                     },
    {"40",    SQLSTATE_AGAIN,  ERR_BUSY,     N_("others were changing the same things (%s)")                    },
    {"55P03", SQLSTATE_AGAIN,  ERR_BUSY,     N_("others hold what is needed (%s)")                              },
    {"57014", SQLSTATE_FAIL,   ERR_DEADLINE, N_("the database took too long (%s)")                              },
    {"21",    SQLSTATE_BISECT, ERR_INVALID,  N_("a value does not fit (%s)")                                    },
    {"22",    SQLSTATE_BISECT, ERR_INVALID,  N_("a value is not acceptable (%s)")                               },
    {"23505", SQLSTATE_BISECT, ERR_CONFLICT, N_("there is one already (%s)")                                    },
    {"23",    SQLSTATE_BISECT, ERR_INVALID,  N_("a value breaks a rule (%s)")                                   },
    {"54",    SQLSTATE_BISECT, ERR_INVALID,  N_("a value is too large (%s)")                                    },
    {"P0",    SQLSTATE_BISECT, ERR_CONFLICT, NULL                                                               },
    {"53",    SQLSTATE_FAIL,   ERR_DATABASE, N_("the database has run out of space, memory or connections (%s)")},
    {"58",    SQLSTATE_FAIL,   ERR_DATABASE, N_("the database cannot use its disk (%s)")                        },
};

static const struct row *
row_of(const char *state)
{
    for (size_t i = 1; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strncmp(state, rows[i].prefix, strlen(rows[i].prefix)) == 0) {
            return &rows[i];
        }
    }
    return &rows[0];
}

enum sqlstate_act
sqlstate_act(const char *state)
{
    return row_of(state)->act;
}

void
sqlstate_err(const char *state, const char *msg, const char *constraint, struct err *e)
{
    const struct row *r = row_of(state);
    char where[128], said[sizeof(e->msg)];

    if (r->text == NULL) {
        err_set(e, r->code, "%s", msg);
        return;
    }
    if (constraint[0] != '\0') {
        (void)snprintf(where, sizeof(where), "%s, '%s'", state, constraint);
    } else {
        (void)snprintf(where, sizeof(where), "%s", state);
    }
    (void)snprintf(said, sizeof(said), "%.*s (%s)", (int)(strlen(r->text) - strlen(" (%s)")), r->text, where);
    (void)err_text(e, r->code, "", said, r->text);
}
