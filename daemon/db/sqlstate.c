/* SPDX-License-Identifier: MIT */
/* One table of SQLSTATEs and classes; the first row that is a prefix decides. */
#include "daemon/db/sqlstate.h"

#include <string.h>

struct row {
    const char *prefix;
    enum sqlstate_act act;
    enum err_code code;
    const char *text;
};

static const struct row rows[] = {
    {"",      SQLSTATE_FAIL,   ERR_INTERNAL, "the database refused the statement"                      }, /* the default */
    {"08",    SQLSTATE_LOST,   ERR_DATABASE, "the connection to the database broke"                    },
    {"57P",   SQLSTATE_LOST,   ERR_DATABASE, "the database is shutting down or starting"               },
    {"25006", SQLSTATE_LOST,   ERR_DATABASE, "the database is read-only"                               },
    {"25P0",  SQLSTATE_LOST,   ERR_DATABASE, "the session was ended by the database"                   },
 /* "cached plan must not change result type", and a prepared statement somebody threw away: a new session has both
     * anew. */
    {"0A000", SQLSTATE_LOST,   ERR_DATABASE, "the schema has changed under the session"                },
    {"26",    SQLSTATE_LOST,   ERR_DATABASE, "the session has lost its statements"                     },
    {"40",    SQLSTATE_AGAIN,  ERR_BUSY,     "others were changing the same things"                    },
    {"55P03", SQLSTATE_AGAIN,  ERR_BUSY,     "others hold what is needed"                              },
    {"57014", SQLSTATE_FAIL,   ERR_DEADLINE, "the database took too long"                              },
    {"21",    SQLSTATE_BISECT, ERR_INVALID,  "a value does not fit"                                    },
    {"22",    SQLSTATE_BISECT, ERR_INVALID,  "a value is not acceptable"                               },
    {"23505", SQLSTATE_BISECT, ERR_CONFLICT, "there is one already"                                    },
    {"23",    SQLSTATE_BISECT, ERR_INVALID,  "a value breaks a rule"                                   },
    {"54",    SQLSTATE_BISECT, ERR_INVALID,  "a value is too large"                                    },
    {"P0",    SQLSTATE_BISECT, ERR_CONFLICT, NULL                                                      },
    {"53",    SQLSTATE_FAIL,   ERR_DATABASE, "the database has run out of space, memory or connections"},
    {"58",    SQLSTATE_FAIL,   ERR_DATABASE, "the database cannot use its disk"                        },
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

    if (r->text == NULL) {
        err_set(e, r->code, "%s", msg);
    } else if (constraint[0] != '\0') {
        err_set(e, r->code, "%s (%s, '%s')", r->text, state, constraint);
    } else {
        err_set(e, r->code, "%s (%s)", r->text, state);
    }
}
