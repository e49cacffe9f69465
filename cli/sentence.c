/* SPDX-License-Identifier: MIT */
/*
 * A row a verb of common/transition.def, which its test goes through. What is not told to this reader (who was at work on another's
 * ticket) becomes a general word.
 */
#include "cli/sentence.h"

#include <string.h>

#include "cli/api.h"
#include "cli/text.h"
#include "common/i18n.h"
#include "common/strbuf.h"

/* TRANSLATORS: in all texts like this $A is who did it, $N the number of the ticket, $Q the queue and $G the agent after it */
static const char *const woken = N_("$A wrote to $N, which is back in $Q");

/* TRANSLATORS: $S is the score */
static const char *const scored = N_("$A rated $N: $S of 5");

static const struct {
    const char *verb, *says;
} rows[] = {
    {"submit",        N_("$A handed in $N at $Q")                             },
    {"claim",         N_("$G took $N, the first in turn")                     },
    {"offer",         N_("$N was offered to $G")                              },
    {"accept",        N_("$A accepted $N")                                    },
    {"lapse",         N_("$N went back to $Q: the offer was not accepted")    },
    {"idle",          N_("$N went back to $Q: nobody touched it")             },
    {"warn",          N_("$G was told that $N will go back soon")             },
    {"touch",         N_("$A worked on $N")                                   },
    {"release",       N_("$A gave $N back to $Q")                             },
    {"reply",         N_("$A answered $N and waits for the customer")         },
    {"keep",          N_("$A answered $N")                                    },
    {"message",       N_("$A wrote to $N")                                    },
    {"thank",         N_("$A said thank you for $N")                          },
    {"contest",       N_("$A said that $N does not wait for them: back in $Q")},
    {"note",          N_("$A wrote a note on $N")                             },
    {"park-customer", N_("$A let $N wait for the customer")                   },
    {"park-vendor",   N_("$A let $N wait for somebody outside")               },
    {"park-until",    N_("$A let $N wait for a date")                         },
    {"park-child",    N_("$A let $N wait for another request")                },
    {"wake",          N_("$N is back in $Q: its time has come")               },
    {"unblock",       N_("$N need not wait for another request any more")     },
    {"block",         N_("$N is blocked by another request")                  },
    {"resolve",       N_("$A resolved $N")                                    },
    {"decline",       N_("$A declined $N")                                    },
    {"duplicate",     N_("$A closed $N: asked before")                        },
    {"spam",          N_("$A closed $N: not a request")                       },
    {"merge",         N_("$A merged $N into another ticket")                  },
    {"cancel",        N_("$A cancelled $N")                                   },
    {"reopen",        N_("$A reopened $N")                                    },
    {"close",         N_("$A closed $N, resolved before")                     },
    {"take",          N_("$A took $N out of turn")                            },
    {"give",          N_("$A gave $N to $G")                                  },
    {"pass",          N_("$A handed $N over to $Q")                           },
    {"set-priority",  N_("$A changed the priority of $N")                     },
    {"set-due",       N_("$A changed the time that $N is promised for")       },
    {"set-requester", N_("$A changed who asks for $N")                        },
    {"set-tags",      N_("$A changed the tags of $N")                         },
    {"rate",          N_("$A rated $N")                                       },
    {"orphan",        N_("$N goes on, though what waited for it has ended")   },
    {"widen",         N_("$N has waited for long: more people may take it")   },
};

static const char *
value(struct arena *a, const json_t *event, char which, bool people)
{
    const char *actor = jtext(event, "actor"), *s;

    switch (which) {
    case 'A':
        return !actor                        ? text_said(people, N_("somebody"))
               : strcmp(actor, "turno") == 0 ? text_said(people, N_("the desk"))
                                             : actor;
    case 'N':
        return arena_printf(a, "%lld", (long long)jint(event, "ticket", 0));
    case 'S':
        return arena_printf(a, "%lld", (long long)jint(json_object_get(event, "data"), "score", 0));
    case 'Q':
        s = jtext(event, "queue");
        return s ? s : text_said(people, N_("its queue"));
    default:
        s = jtext(event, "agent");
        return s ? s : text_said(people, N_("somebody"));
    }
}

const char *
sentence_of(struct arena *a, const json_t *event, bool people)
{
    const char *verb = jtext(event, "verb"), *says = NULL, *ret;
    const char *from = jtext(event, "from"), *to = jtext(event, "to");
    struct strbuf sb;

    for (size_t i = 0; verb && i < sizeof rows / sizeof *rows; i++) {
        says = strcmp(verb, rows[i].verb) == 0 ? rows[i].says : says;
    }
    if (verb && strcmp(verb, "message") == 0 && from && to && strcmp(from, to) != 0 && strcmp(to, "queued") == 0) {
        says = woken;
    }
    /* the history of one ticket tells how much, the log of all does not */
    if (verb && strcmp(verb, "rate") == 0 &&
        json_is_integer(json_object_get(json_object_get(event, "data"), "score"))) {
        says = scored;
    }
    says = says ? text_said(people, says) : arena_printf(a, "$A: %s $N", verb ? verb : "");
    strbuf_init(&sb);
    for (const char *p = says; *p; p++) {
        if (*p == '$' && p[1]) {
            strbuf_add(&sb, value(a, event, *++p, people));
        } else {
            strbuf_addch(&sb, *p);
        }
    }
    ret = arena_strdup(a, sb.p);
    strbuf_release(&sb);
    return ret;
}
