/* SPDX-License-Identifier: MIT */
/*
 * The batch kind `act`: how an act's fields travel to sql/stmts/ticket_act.sql and how its row comes back. Also wakes
 * the lanes into which tickets returned, here and (by NOTIFY) in other daemons.
 */
#include "daemon/desk/act.h"

#include <stdlib.h>
#include <string.h>

#include "common/i18n.h"
#include "common/log.h"
#include "common/names.h"
#include "common/xalloc.h"
#include "daemon/desk/machine.h"
#include "daemon/desk/wait.h"

#define COL(type, field)                                                                                               \
    {                                                                                                                  \
        BATCH_##type, offsetof(struct act, field)                                                                      \
    }

static const struct batch_col cols[] = {
    COL(I64, ticket_id), COL(UUID, op_id),  COL(I16, verb),    COL(I32, actor),    COL(I32, epoch),
    COL(I32, seen),      COL(I32, version), COL(TEXT, body),   COL(I32, queue_id), COL(TEXT, agent),
    COL(I16, priority),  COL(TIME, at),     COL(TEXT, note),   COL(I64, other),    COL(TEXT, requester),
    COL(TEXT, tags),     COL(I16, score),   COL(I64, request),
};

static const struct batch_kind kind = {
    .name = "act",
    .stmt = STMT_TICKET_ACT,
    .has_plain = true,
    .plain = STMT_TICKET_ACT_PLAIN,
    .cols = cols,
    .ncols = (int)(sizeof cols / sizeof cols[0]),
    .unique_offset = offsetof(struct act, ticket_id),
    .group_offset = -1,
    .lock_offset = offsetof(struct act, links),
};

/* Columns of the statement's row. */
enum {
    C_ORD,
    C_OUTCOME,
    C_TICKET,
    C_STATE,
    C_PARK,
    C_VERSION,
    C_EPOCH,
    C_QUEUE,
    C_LANE,
    C_KEY,
    C_AGENT,
    C_AGENT_NAME,
    C_MESSAGE,
    C_CLOSED_AS,
    C_ROLES,
    C_NEWS,
    C_WOKEN
};

static void
copy_text(char *to, size_t size, const char *from)
{
    size_t n = from != NULL ? strlen(from) : 0;

    if (n >= size) {
        n = size - 1;
    }
    if (n > 0) {
        memcpy(to, from, n);
    }
    to[n] = '\0';
}

/* "3:1795404565226686,7:…": the lanes where something waits again, with its key; -5 for person 5. */
static void
wake_list(struct app *app, const char *list)
{
    while (list != NULL && *list != '\0') {
        char *end;
        long lane_id = strtol(list, &end, 10);
        if (*end != ':') {
            return;
        }
        long long key = strtoll(end + 1, &end, 10);
        if (lane_id < 0) { /* kept for its last agent */
            wait_kept(app, (int32_t)-lane_id, true);
        } else {
            wait_came(app, (int32_t)lane_id, (int64_t)key, true);
        }
        list = *end == ',' ? end + 1 : NULL;
    }
}

/* A claim may have passed over it while it was locked. */
static void
still_waits(const struct act *act, const struct db_row *row)
{
    int32_t lane_id = (int32_t)db_i64(row, C_LANE);
    const char *woken = db_text(row, C_WOKEN, NULL); /* itself, too, when it has moved */

    if (act->is.state == STATE_QUEUED && lane_id > 0 && (woken == NULL || *woken == '\0')) {
        wait_came(act->app, lane_id, db_i64(row, C_KEY), true);
    }
}

static void
on_done(struct item *item, const struct db_row *row, const struct err *e)
{
    struct act *act = (struct act *)item;
    struct act_result *is = &act->is;

    if (e != NULL) {
        copy_text(is->outcome, sizeof is->outcome, "error");
        is->err = *e;
        act->done(act);
        return;
    }
    copy_text(is->outcome, sizeof is->outcome, db_text(row, C_OUTCOME, NULL));
    is->state = (int)db_i64(row, C_STATE);
    is->park = (int)db_i64(row, C_PARK);
    is->version = (int)db_i64(row, C_VERSION);
    is->epoch = (int)db_i64(row, C_EPOCH);
    is->queue_id = (int32_t)db_i64(row, C_QUEUE);
    is->agent = (int32_t)db_i64(row, C_AGENT);
    copy_text(is->agent_name, sizeof is->agent_name, db_text(row, C_AGENT_NAME, NULL));
    is->message = (int)db_i64(row, C_MESSAGE);
    is->closed_as = (int)db_i64(row, C_CLOSED_AS);
    is->roles = (int)db_i64(row, C_ROLES);
    is->news = (int)db_i64(row, C_NEWS);
    if (strcmp(is->outcome, "done") == 0) {
        act->app->count.acted++;
        wake_list(act->app, db_text(row, C_WOKEN, NULL));
        still_waits(act, row);
        if ((is->roles & ROLE_HOLDER) != 0 || is->agent == act->actor) {
            wait_worked(act->app, act->actor, is->agent != act->actor);
        }
        wait_settled(act->app, act->ticket_id, is->state, is->epoch);
        wait_changed(act->app);
    } else if (strcmp(is->outcome, "known") == 0) {
        act->app->count.repeated++;
        still_waits(act, row); /* it may have gone back there by a sending whose answer was lost */
        wait_settled(act->app, act->ticket_id, is->state, is->epoch);
    } else {
        act->app->count.refused++;
    }
    act->done(act);
}

void
act_init(struct act *act, struct app *app, int64_t ticket_id, int verb, int32_t actor)
{
    *act = (struct act){
        .ticket_id = ticket_id,
        .op_id = uuid_random(),
        .verb = (int16_t)verb,
        .actor = actor,
        .epoch = BATCH_NONE32,
        .seen = BATCH_NONE32,
        .version = BATCH_NONE32,
        .queue_id = BATCH_NONE32,
        .priority = BATCH_NONE16,
        .at = BATCH_NONE64,
        .other = BATCH_NONE64,
        .score = BATCH_NONE16,
        .request = BATCH_NONE64,
        .app = app,
    };
    act->item.done = on_done;
}

void
act_send(struct act *act)
{
    ensure(act->done != NULL);
    act->item.whole = !machine_is_plain(act->verb);
    batch_add(act->app->db, &kind, &act->item);
}

static void
on_fired(struct act *act)
{
    const struct act_result *is = &act->is;

    if (strcmp(is->outcome, "error") == 0) {
        log_debug("act not done verb=%s ticket=%lld error=%s", verb_name(act->verb), (long long)act->ticket_id,
                  is->err.msg);
    } else if (act->verb == VERB_LAPSE && strcmp(is->outcome, "done") == 0) {
        act->app->count.lapsed++;
    }
    free(act);
}

void
act_fire(struct app *app, int64_t ticket_id, int verb, int32_t actor, int32_t epoch, int32_t version)
{
    struct act *act = xmalloc(sizeof *act);

    act_init(act, app, ticket_id, verb, actor);
    act->epoch = epoch;
    act->version = version;
    act->done = on_fired;
    act_send(act);
}

void
act_error(const struct act *act, struct err *e)
{
    static const struct {
        const char *outcome;
        enum err_code code;
        const char *field, *say;
    } words[] = {
        {"none",      ERR_NOT_FOUND, "",          N_("there is no such ticket")                                   },
        {"forbidden", ERR_FORBIDDEN, "",          N_("this is not yours to do on this ticket")                    },
        {"stale",     ERR_STALE,     "epoch",     N_("the ticket has moved on since you looked: show it again")   },
        {"news",      ERR_NEWS,      "seen",      N_("there is a newer message that you have not seen")           },
        {"not-asked", ERR_CONFLICT,  "",          N_("nothing we wrote awaits the customer's answer: write first")},
        {"blocked",   ERR_BLOCKED,   "",          N_("requests that block this ticket are open")                  },
        {"no-child",  ERR_CONFLICT,  "on",        N_("no open request blocks this ticket: name one with 'on'")    },
        {"circle",    ERR_CONFLICT,  "on",        N_("they would wait for each other")                            },
        {"deep",      ERR_CONFLICT,  "on",        N_("the chain of requests would be longer than 16")             },
        {"no-other",  ERR_INVALID,   "",
         N_("the other ticket does not fit: it is not there, not open or not yours to see")                       },
        {"no-agent",  ERR_INVALID,   "agent",     N_("this is no agent of the ticket's department")               },
        {"no-queue",  ERR_INVALID,   "queue",     N_("there is no other queue of this name")                      },
        {"no-person", ERR_INVALID,   "requester", N_("there is no such person")                                   },
        {"invalid",   ERR_INVALID,   "",          N_("a value that this verb needs is missing")                   },
        {"mismatch",  ERR_MISMATCH,  "",          N_("this Idempotency-Key was used for another request")         },
        {"closed",    ERR_CONFLICT,  "",          N_("the ticket is closed")                                      },
    };

    if (strcmp(act->is.outcome, "error") == 0) {
        *e = act->is.err;
        return;
    }
    if (strcmp(act->is.outcome, "conflict") == 0) {
        err_set(e, ERR_CONFLICT, "'%s' is not possible while the ticket is %s", verb_name(act->verb),
                state_name(act->is.state));
        return;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(act->is.outcome, words[i].outcome) == 0) {
            err_field(e, words[i].code, words[i].field, "%s", words[i].say);
            return;
        }
    }
    err_set(e, ERR_INTERNAL, "outcome '%s' is not expected", act->is.outcome);
}
