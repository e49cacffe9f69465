/* SPDX-License-Identifier: MIT */
/* common/transition.def unfolded into a C array: about a hundred rows, looked through one by one. */
#include "daemon/desk/machine.h"

#include <stddef.h>

#include "common/names.h"

enum { STATE_SAME = 0, PARK_ANY = 0, NO_EPOCH = 0, EPOCH = 1 };
enum { TEXT_NONE, TEXT_NOTE, TEXT_PUBLIC, TEXT_NOTE_MAY, TEXT_PUBLIC_MAY };
enum { KEY_KEEP, KEY_SAVE, KEY_RESUME, KEY_TRANSFER, KEY_REOPEN, KEY_PRIORITY, KEY_DUE, KEY_PLACE };
/* the names the rows use for roles */
enum {
    CUSTOMER = ROLE_CUSTOMER,
    AGENT = ROLE_AGENT,
    HOLDER = ROLE_HOLDER,
    PREVIOUS = ROLE_PREVIOUS,
    LEAD = ROLE_LEAD,
    TAKER = ROLE_TAKER,
    SYSTEM = ROLE_SYSTEM
};

static const struct row {
    int from, why, verb, to, park, who;
    bool epoch;
    int text;
    bool plain; /* sql/stmts/ticket_act.sql does it in its plain form, if no other ticket has to do with it */
} rows[] = {
#define ROW(from, why, verb, to, who, epoch, key, agent, park, blocked, text, outcome, check)                          \
    {STATE_##from,                                                                                                     \
     PARK_##why,                                                                                                       \
     VERB_##verb,                                                                                                      \
     STATE_##to,                                                                                                       \
     PARK_##park,                                                                                                      \
     who,                                                                                                              \
     epoch,                                                                                                            \
     TEXT_##text,                                                                                                      \
     KEY_##key <= KEY_RESUME && (int)STATE_##to != STATE_CLOSED && (int)PARK_##park != PARK_CHILD &&                   \
         VERB_##verb <= VERB_PASS},
#include "common/transition.def"
};
#define NROWS (sizeof rows / sizeof rows[0])

void
machine_actions(struct strbuf *json, int state, int park, int roles)
{
    int last = 0;
    int printed = 0;

    strbuf_addch(json, '[');
    for (;;) { /* ascending by verb number, each once */
        int best = 0;
        for (size_t i = 0; i < NROWS; i++) {
            const struct row *r = &rows[i];
            if (r->from == state && (r->why == PARK_ANY || r->why == park) && (r->who & roles & ~ROLE_SYSTEM) != 0 &&
                r->verb > last && (best == 0 || r->verb < best) && r->verb != VERB_CLAIM && r->verb != VERB_OFFER) {
                best = r->verb;
            }
        }
        if (best == 0) {
            break;
        }
        strbuf_addf(json, "%s\"%s\"", printed++ > 0 ? "," : "", verb_name(best));
        last = best;
    }
    strbuf_addch(json, ']');
}

bool
machine_needs_epoch(int verb)
{
    /* A verb without the epoch in some other state is sent without it there: the statement tells. */
    bool needs = false;

    for (size_t i = 0; i < NROWS; i++) {
        if (rows[i].verb == verb) {
            if (!rows[i].epoch) {
                return false;
            }
            needs = true;
        }
    }
    return needs;
}

bool
machine_needs_body(int verb)
{
    for (size_t i = 0; i < NROWS; i++) {
        if (rows[i].verb == verb) {
            return rows[i].text == TEXT_NOTE || rows[i].text == TEXT_PUBLIC;
        }
    }
    return false;
}

static void
describe_state(struct strbuf *text, int state, int park)
{
    strbuf_add(text, state_name(state));
    if (park != PARK_ANY) {
        strbuf_addf(text, " (%s)", park_name(park));
    }
}

void
machine_describe(struct strbuf *text, int verb)
{
    for (size_t i = 0; i < NROWS; i++) {
        const struct row *r = &rows[i];
        const char *sep = ": ";
        if (r->verb != verb || r->who == ROLE_SYSTEM) {
            continue;
        }
        strbuf_add(text, "- ");
        describe_state(text, r->from, r->why);
        if (r->to != STATE_SAME) {
            strbuf_add(text, " → ");
            describe_state(text, r->to, r->park);
        }
        for (int role = ROLE_CUSTOMER; role < ROLE_SYSTEM; role *= 2) {
            if (r->who & role) {
                strbuf_addf(text, "%s%s", sep, role_name(role));
                sep = ", ";
            }
        }
        strbuf_add(text, "\n");
    }
}

const char *
machine_text(int verb)
{
    static const char *const what[] = {
        [TEXT_NONE] = NULL,
        [TEXT_NOTE] = "a note, which colleagues see",
        [TEXT_PUBLIC] = "a message, which the customer sees",
        [TEXT_NOTE_MAY] = "a note, which colleagues see, if there is one",
        [TEXT_PUBLIC_MAY] = "a message, which the customer sees, if there is one",
    };

    for (size_t i = 0; i < NROWS; i++) {
        if (rows[i].verb == verb) {
            return what[rows[i].text];
        }
    }
    return NULL;
}

bool
machine_is_plain(int verb)
{
    for (size_t i = 0; i < NROWS; i++) {
        if (rows[i].verb == verb && rows[i].plain) {
            return true;
        }
    }
    return false;
}
