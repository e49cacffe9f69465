/* SPDX-License-Identifier: MIT */
/*
 * A row a verb of common/transition.def, which its test goes through. $A is who did it, $N the ticket, $Q the queue and $G the
 * agent after it. What is not told to this reader (who was at work on another's ticket) becomes a general word.
 */
#include "cli/sentence.h"

#include <string.h>

#include "cli/api.h"
#include "common/strbuf.h"

static const struct {
    const char *verb, *says;
} rows[] = {
    {"submit",        "$A asked $Q for $N"                                },
    {"claim",         "$G took $N, the first in turn"                     },
    {"offer",         "$N was offered to $G"                              },
    {"accept",        "$A accepted $N"                                    },
    {"lapse",         "$N went back to $Q: the offer was not accepted"    },
    {"idle",          "$N went back to $Q: nobody touched it"             },
    {"warn",          "$G was told that $N will go back soon"             },
    {"touch",         "$A worked on $N"                                   },
    {"release",       "$A gave $N back to $Q"                             },
    {"reply",         "$A answered $N and waits for the customer"         },
    {"keep",          "$A answered $N"                                    },
    {"message",       "$A wrote to $N"                                    },
    {"thank",         "$A said thank you for $N"                          },
    {"contest",       "$A said that $N does not wait for them: back in $Q"},
    {"note",          "$A wrote a note on $N"                             },
    {"park-customer", "$A let $N wait for the customer"                   },
    {"park-vendor",   "$A let $N wait for somebody outside"               },
    {"park-until",    "$A let $N wait for a date"                         },
    {"park-child",    "$A let $N wait for another request"                },
    {"wake",          "$N is back in $Q: its time has come"               },
    {"unblock",       "$N need not wait for another request any more"     },
    {"block",         "$N is blocked by another request"                  },
    {"resolve",       "$A resolved $N"                                    },
    {"decline",       "$A declined $N"                                    },
    {"duplicate",     "$A closed $N: asked before"                        },
    {"spam",          "$A closed $N: not a request"                       },
    {"merge",         "$A merged $N into another ticket"                  },
    {"cancel",        "$A cancelled $N"                                   },
    {"reopen",        "$A reopened $N"                                    },
    {"close",         "$A closed $N, resolved before"                     },
    {"take",          "$A took $N out of turn"                            },
    {"give",          "$A gave $N to $G"                                  },
    {"pass",          "$A handed $N over to $Q"                           },
    {"set-priority",  "$A changed the priority of $N"                     },
    {"set-due",       "$A changed the time that $N is promised for"       },
    {"set-requester", "$A changed who asks for $N"                        },
    {"set-tags",      "$A changed the tags of $N"                         },
    {"rate",          "$A rated $N"                                       },
    {"orphan",        "$N goes on, though what waited for it has ended"   },
    {"widen",         "$N has waited for long: more people may take it"   },
};

static const char *
value(struct arena *a, const json_t *event, char which)
{
    const char *actor = jtext(event, "actor"), *s;

    switch (which) {
    case 'A':
        return !actor ? "somebody" : strcmp(actor, "turno") == 0 ? "the desk" : actor;
    case 'N':
        return arena_printf(a, "%lld", (long long)jint(event, "ticket", 0));
    case 'Q':
        s = jtext(event, "queue");
        return s ? s : "its queue";
    default:
        s = jtext(event, "agent");
        return s ? s : "somebody";
    }
}

const char *
sentence_of(struct arena *a, const json_t *event)
{
    const char *verb = jtext(event, "verb"), *says = NULL, *ret;
    const char *from = jtext(event, "from"), *to = jtext(event, "to");
    struct strbuf sb;

    for (size_t i = 0; verb && i < sizeof rows / sizeof *rows; i++) {
        says = strcmp(verb, rows[i].verb) == 0 ? rows[i].says : says;
    }
    says = says ? says : arena_printf(a, "$A: %s $N", verb ? verb : "");
    strbuf_init(&sb);
    for (const char *p = says; *p; p++) {
        if (*p == '$' && p[1]) {
            strbuf_add(&sb, value(a, event, *++p));
        } else {
            strbuf_addch(&sb, *p);
        }
    }
    /* words that wake it */
    if (verb && strcmp(verb, "message") == 0 && from && to && strcmp(from, to) != 0 && strcmp(to, "queued") == 0) {
        strbuf_addf(&sb, ", which is back in %s", value(a, event, 'Q'));
    }
    ret = arena_strdup(a, sb.p);
    strbuf_release(&sb);
    return ret;
}
