/* SPDX-License-Identifier: MIT */
/*
 * What turno can do, a row a verb. A new verb is a row here, a function in a verb_*.c file, and a paragraph in turno.1
 * (a test compares them); parsing, help and completion follow from the row.
 */
#include "cli/verbs.h"

#include <stddef.h>

#include "common/i18n.h"

#define PRIORITIES "urgent|high|normal|low"
#define STATES     "queued|offered|held|parked|resolved|closed"
#define CLASSES    "internal|external"
#define CHANNELS   "cli|api|web|mail|phone"
#define COLUMNS                                                                                                        \
    {                                                                                                                  \
        'o', "columns", OPT_CHOICES, false,                                                                            \
            "ticket|state|park|priority|class|queue|requester|agent|opened|since|target|subject|department|account|"   \
            "tags",                                                                                                    \
            N_("these columns, in this order")                                                                         \
    }
/* of the verbs with a text (cli/compose.h) */
#define COMPOSE_OPTS                                                                                                   \
    {'m', "message", OPT_TEXT, false, "TEXT", N_("the text; - reads it from standard input")},                         \
    {                                                                                                                  \
        'e', "edit", OPT_FLAG, false, NULL, N_("write the text in $VISUAL or $EDITOR")                                 \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        0, NULL, OPT_FLAG, false, NULL, NULL                                                                           \
    }

static const struct opt opts_ask[] = {
    COMPOSE_OPTS,
    {'b', "blocks",   OPT_TICKET, true,  "N",              N_("ticket N (in hand: the one) waits for this")         },
    {'k', "keep",     OPT_FLAG,   false, NULL,             N_("with --blocks: keep N in hand instead of parking it")},
    {'p', "priority", OPT_CHOICE, false, PRIORITIES,       N_("for agents and leads")                               },
    {'f', "from",     OPT_TEXT,   false, "PERSON",         N_("the person the request is for")                      },
    {'a', "account",  OPT_TEXT,   false, "ACCOUNT",        N_("with --from: somebody of this account, outside")     },
    {0,   "via",      OPT_CHOICE, false, "phone|mail|web", N_("how the request came in")                            },
    {'t', "tag",      OPT_TEXT,   false, "TAG",            N_("may be repeated, or several with commas")            },
    {'l', "lang",     OPT_TEXT,   false, "LANG",           N_("language of the text: en, es, zh")                   },
    {0,   "attr",     OPT_TEXT,   false, "NAME=VALUE",     N_("further facts; may be repeated")                     },
    {0,   "follows",  OPT_TICKET, false, "N",              N_("the closed ticket this one follows")                 },
    END,
};
static const struct opt opts_asked[] = {
    {'s', "state", OPT_CHOICES, false, STATES, N_("only those in these states")},
    {'n', "limit", OPT_COUNT,   false, "N",    N_("at most so many (100)")     },
    COLUMNS,
    END,
};
static const struct opt opts_show[] = {
    {'w', "waits",       OPT_FLAG, false, NULL, N_("its life by holder, drawn as bars")},
    {'c', "as-customer", OPT_FLAG, false, NULL, N_("only what its requester sees")     },
    {0,   "events",      OPT_FLAG, false, NULL, N_("with everything that happened")    },
    END,
};
static const struct opt opts_list[] = {
    {'q', "queue",      OPT_TEXT,    false, "QUEUE",    N_("only in this queue")                           },
    {'d', "department", OPT_TEXT,    false, "DEPT",     N_("only in this department")                      },
    {'s', "state",      OPT_CHOICES, false, STATES,     N_("only in these states")                         },
    {'a', "agent",      OPT_TEXT,    false, "NAME",     N_("only those this agent has (me: yourself)")     },
    {'c', "class",      OPT_CHOICE,  false, CLASSES,    N_("only of this class")                           },
    {'p', "priority",   OPT_CHOICE,  false, PRIORITIES, N_("only of this priority")                        },
    {'t', "tag",        OPT_TEXT,    false, "TAG",      N_("only with this tag")                           },
    {'n', "limit",      OPT_COUNT,   false, "N",        N_("at most so many (100)")                        },
    {0,   "after",      OPT_TEXT,    false, "CURSOR",   N_("go on where the last list ended")              },
    {0,   "save",       OPT_TEXT,    false, "FILTER",   N_("do not list: save these words under that name")},
    {0,   "saved",      OPT_FLAG,    false, NULL,       N_("the filters that are saved")                   },
    {0,   "forget",     OPT_TEXT,    false, "FILTER",   N_("remove a saved one")                           },
    COLUMNS,
    END,
};
static const struct opt opts_mine[] = {
    {'n', "limit", OPT_COUNT, false, "N",      N_("at most so many (100)")          },
    {0,   "after", OPT_TEXT,  false, "CURSOR", N_("go on where the last list ended")},
    COLUMNS,
    END,
};
static const struct opt opts_text[] = {
    COMPOSE_OPTS,
    END,
};
static const struct opt opts_reply[] = {
    {'w', "wait",    OPT_FLAG, false, NULL, N_("agents: then wait for the answer (the default)")},
    {'k', "keep",    OPT_FLAG, false, NULL, N_("agents: keep it in hand")                       },
    {'r', "resolve", OPT_FLAG, false, NULL, N_("agents: that was the last word, resolve it")    },
    COMPOSE_OPTS,
    END,
};
static const struct opt opts_resolve[] = {
    {'a', "as",   OPT_CHOICE, false, "done|declined|duplicate|spam|merged", N_("how it ends (done)")                        },
    {0,   "into", OPT_TICKET, false, "M",                                   N_("with --as merged: the ticket it goes on in")},
    COMPOSE_OPTS,
    END,
};
static const struct opt opts_next[] = {
    {'w', "wait", OPT_DURATION, true, "TIME", N_("wait until there is one, at most TIME (30m)")},
    END,
};
static const struct opt opts_link[] = {
    {0, "revoke", OPT_FLAG, false, NULL, N_("end all links of the ticket")},
    END,
};
static const struct opt opts_park[] = {
    {'c', "customer", OPT_FLAG,   false, NULL,   N_("for the customer's answer")                    },
    {'v', "vendor",   OPT_TEXT,   false, "NAME", N_("for somebody outside")                         },
    {'u', "until",    OPT_WHEN,   false, "T",    N_("until a time: 14:30, tomorrow, 2026-12-24, 4h")},
    {'o', "on",       OPT_TICKET, false, "M",    N_("for another ticket")                           },
    COMPOSE_OPTS,
    END,
};
static const struct opt opts_feed[] = {
    {0,   "after", OPT_TEXT,  false, "CURSOR", N_("begin behind this event")  },
    {'n', "limit", OPT_COUNT, false, "N",      N_("stop after so many events")},
    END,
};
static const struct opt opts_log[] = {
    {'f', "follow", OPT_FLAG,  false, NULL, N_("go on with what happens now, until Ctrl-C")   },
    {'s', "since",  OPT_PAST,  false, "T",  N_("from: today, 09:00, 2026-11-01, 2h (ago; 8h)")},
    {'n', "limit",  OPT_COUNT, false, "N",  N_("the last N (100); with -f: stop after N")     },
    END,
};
static const struct opt opts_drafts[] = {
    {'s', "send", OPT_FLAG, false, NULL, N_("send it now")     },
    {'d', "drop", OPT_FLAG, false, NULL, N_("it is not needed")},
    END,
};
static const struct opt opts_person[] = {
    {'a', "account", OPT_TEXT,  false, "ACCOUNT", N_("somebody of this account")                },
    {'i', "inside",  OPT_FLAG,  false, NULL,      N_("somebody of the company, or a department")},
    {'n', "limit",   OPT_COUNT, false, "N",       N_("at most so many that are done (10)")      },
    {0,   "after",   OPT_TEXT,  false, "CURSOR",  N_("go on where the last list ended")         },
    END,
};
static const struct opt opts_stats[] = {
    {'b', "by",    OPT_CHOICE, false, "queue|department|class|agent|priority", N_("a row each (queue)")                 },
    {'s', "since", OPT_PAST,   false, "T",                                     N_("from: today, 2026-11-01, 7d (ago)")  },
    {'u', "until", OPT_PAST,   false, "T",                                     N_("to: yesterday, 2026-12-01, 1d (ago)")},
    END,
};
static const struct opt opts_fairness[] = {
    {'q', "queue", OPT_TEXT, false, "QUEUE", N_("this queue alone")                   },
    {'s', "since", OPT_PAST, false, "T",     N_("from: today, 2026-11-01, 7d (ago)")  },
    {'u', "until", OPT_PAST, false, "T",     N_("to: yesterday, 2026-12-01, 1d (ago)")},
    END,
};
static const struct opt opts_init[] = {
    {'y', "yes",          OPT_FLAG, false, NULL,    N_("ask nothing: the defaults, and what the options say")},
    {'g', "group",        OPT_TEXT, false, "GROUP", N_("a Unix group that is a department; may be repeated") },
    {'q', "queue",        OPT_TEXT, false, "GROUP", N_("the department of requests that name none")          },
    {'z', "zone",         OPT_TEXT, false, "ZONE",  N_("time zone: Europe/Madrid")                           },
    {'H', "hours",        OPT_TEXT, false, "HOURS", N_("working hours: 'mon-fri 09:00-17:00', or none")      },
    {'A', "admin",        OPT_TEXT, false, "GROUP", N_("the Unix group that administers it, or none")        },
    {'m', "members-only", OPT_FLAG, false, NULL,    N_("users in none of the departments are refused")       },
    {'f', "force",        OPT_FLAG, false, NULL,    N_("overwrite a file that is there (it is kept as .old)")},
    {0,   "apply",        OPT_FLAG, false, NULL,    N_("put it in force at once")                            },
    END,
};
static const struct opt opts_brief[] = {
    {'s', "since",      OPT_PAST, false, "T",    N_("what came back since: yesterday, 2026-11-01, 7d (a day)")},
    {'d', "department", OPT_TEXT, false, "DEPT", N_("this department alone")                                  },
    END,
};
static const struct opt opts_agents[] = {
    {'d', "department", OPT_TEXT,  false, "DEPT", N_("of this department alone")},
    {'n', "limit",      OPT_COUNT, false, "N",    N_("at most so many (100)")   },
    END,
};
static const struct opt opts_top[] = {
    {'d', "department", OPT_TEXT,     false, "DEPT", N_("this department alone")               },
    {'e', "every",      OPT_DURATION, false, "TIME", N_("look again after so long (2s)")       },
    {0,   "once",       OPT_FLAG,     false, NULL,   N_("print it once as text, and that's it")},
    END,
};
static const struct opt opts_desk_show[] = {
    {0, "version", OPT_COUNT, false, "N",    N_("an earlier version")                 },
    {0, "file",    OPT_TEXT,  false, "NAME", N_("a file beside it (holidays) instead")},
    {0, "output",  OPT_TEXT,  false, "FILE", N_("write it there, whole or not at all")},
    END,
};
static const struct opt opts_route[] = {
    {'m', "body",       OPT_TEXT,   false, "TEXT",    N_("text of the request")          },
    {'t', "to",         OPT_TEXT,   false, "DEPT",    N_("department or queue asked for")},
    {'c', "class",      OPT_CHOICE, false, CLASSES,   N_("class of the requester")       },
    {0,   "channel",    OPT_CHOICE, false, CHANNELS,  N_("how it comes in")              },
    {'a', "account",    OPT_TEXT,   false, "ACCOUNT", N_("account of the requester")     },
    {0,   "kind",       OPT_TEXT,   false, "KIND",    N_("kind of the account or person")},
    {0,   "segment",    OPT_TEXT,   false, "SEGMENT", N_("segment of the requester")     },
    {'l', "lang",       OPT_TEXT,   false, "LANG",    N_("language")                     },
    {'d', "department", OPT_TEXT,   false, "DEPT",    N_("department of the requester")  },
    END,
};
static const struct opt opts_token[] = {
    {'s', "scope",   OPT_CHOICE, false, "submit|agent|admin|read", N_("what it may do (submit)")               },
    {'a', "account", OPT_TEXT,   false, "ACCOUNT",                 N_("the person is somebody of this account")},
    {'p', "person",  OPT_TEXT,   false, "PERSON",                  N_("the person, as an option")              },
    {'n', "name",    OPT_TEXT,   false, "PERSON",                  N_("the same, for somebody of an account")  },
    {'l', "label",   OPT_TEXT,   false, "TEXT",                    N_("what it is for")                        },
    {'x', "expires", OPT_WHEN,   false, "T",                       N_("when it ends: 2027-12-31, 90d")         },
    END,
};
static const struct opt opts_backup[] = {
    {0,   "force",  OPT_FLAG, false, NULL,        N_("replace a file that is there")                       },
    {'c', "config", OPT_TEXT, false, "CONFIG",    N_("the daemon's configuration (/etc/turno/turnod.conf)")},
    {0,   "set",    OPT_TEXT, false, "KEY=VALUE", N_("a key of it, as turnod's -o; may be repeated")       },
    END,
};
static const struct opt opts_restore[] = {
    {0,   "skip",   OPT_TEXT, false, "N",         N_("ticket numbers to pass over (100000)")               },
    {'c', "config", OPT_TEXT, false, "CONFIG",    N_("the daemon's configuration (/etc/turno/turnod.conf)")},
    {0,   "set",    OPT_TEXT, false, "KEY=VALUE", N_("a key of it, as turnod's -o; may be repeated")       },
    END,
};

/* clang-format off */
const struct cli_verb cli_verbs[] = {
    /* everyone */
    {"ask [DEPT] [SUBJECT...]", opts_ask, 0, run_ask, N_("ask a department for work; alone: whom you can ask"), HAT_EVERYONE,
     "turno ask warehouse \"12 boxes to Lugo\" -m \"By Friday, please.\"\n"
     "turno ask --blocks warehouse \"is part 7741 in stock?\"\n"
     "turno ask \"the printer on floor 2 eats paper\"",
     N_("With a department and a subject the request is handed in at once; a text may come with -m, from standard input, or "
        "with -e from the editor. With a department alone the editor opens: the first line is the subject. A single argument "
        "with a blank in it is a subject: the desk's rules find the department. When standard input is a pipe or a file it is "
        "read as the text; in loops give -m '' to leave it alone.")},
    {"asked", opts_asked, 0, run_asked, N_("what you or your department wait for"), HAT_EVERYONE, "turno asked --state parked", NULL},
    {"queues", NULL, 0, run_queues, N_("whom you can ask, what waits there, and the targets"), HAT_EVERYONE, "turno queues", NULL},
    {"show [N]", opts_show, 0, run_show, N_("one ticket in full"), HAT_EVERYONE,
     "turno show 42\nturno show 42 --waits",
     N_("Without N: the ticket in hand.")},
    {"reply [N] [TEXT...]", opts_reply, 0, run_reply, N_("write to the other side"), HAT_EVERYONE,
     "turno reply 42 \"Which floor is it?\"\nturno reply -r \"The new cartridge is in.\"\nturno reply 42 < answer.txt",
     N_("The customer's words go to the desk. An agent's words go to the customer, and the ticket then waits for the answer "
        "(-w), stays in hand (-k) or is resolved (-r). The recipient is shown before anything is sent. Without a text the "
        "editor opens. When a newer message has come meanwhile nothing is sent: it is shown, and your text stays as a draft.")},
    {"drafts [DRAFT]", opts_drafts, 0, run_drafts, N_("what you wrote and the desk does not have yet"), HAT_EVERYONE,
     "turno drafts\nturno drafts 42-reply\nturno drafts 42-reply --send",
     N_("A text that could not be sent is kept: the desk was not there, refused it, or you broke off. Without a name they are listed. "
        "The next editor for the same ticket begins with it. Where nobody knows whether it was done, --send asks with the key of "
        "that request, so that it is not done twice. It goes to the ticket and the desk it was written for; one that names no "
        "ticket is refused, and how it is sent is printed.")},
    {"thank N [TEXT...]", opts_text, 0, run_thank, N_("say thank you: nothing to do for anybody"), HAT_EVERYONE, "turno thank 42", NULL},
    {"contest N", NULL, 0, run_contest, N_("it does not wait for you: its old place back"), HAT_EVERYONE, "turno contest 42",
     N_("For a request that is said to wait for you. It goes back to the queue with the place it had, as if it had not been put "
        "aside. That is recorded and counted for the queue. If you have an answer, reply: that brings it back, too.")},
    {"rate N SCORE [COMMENT...]", NULL, 0, run_rate, N_("say how it was, from 1 (bad) to 5 (good)"), HAT_EVERYONE,
     "turno rate 42 5 \"faster than promised\"", NULL},
    {"cancel N [TEXT...]", opts_text, 0, run_cancel, N_("you no longer need it"), HAT_EVERYONE, "turno cancel 42 \"found it\"", NULL},
    {"reopen N [TEXT...]", opts_text, 0, run_reopen, N_("resolved, but not done after all"), HAT_EVERYONE,
     "turno reopen 42 \"it jams again\"", NULL},
    {"list [WORDS...]", opts_list, 0, run_list, N_("tickets by words and filters"), HAT_EVERYONE,
     "turno list printer --state queued,held\nturno list --queue it --priority urgent -o ticket,target,subject\n"
     "turno list --save hot --queue it --priority urgent\nturno list @hot printer",
     N_("@FILTER stands for what was saved under that name (--save); more words and filters may stand beside it, and go before it.")},
    {"why [N]", NULL, VERB_PROSE, run_why, N_("why it stands where it stands"), HAT_EVERYONE, "turno why 42", NULL},
    {"whoami", NULL, 0, run_whoami, N_("who you are here and what you have in hand"), HAT_EVERYONE, "turno whoami", NULL},
    {"log [N]", opts_log, 0, run_log, N_("what happened, in plain words"), HAT_EVERYONE,
     "turno log 42\nturno log --since today\nturno log -f",
     N_("Of one ticket, or of all that you may see, in the order in which it was recorded. It is the feed in words: what a program "
        "should follow is turno feed, which has cursors. With -f it goes on from now, or from --since, also when the daemon is "
        "started again meanwhile.")},
    {"feed", opts_feed, 0, run_feed, N_("the same as it happens, raw, for programs"), HAT_EVERYONE, "turno feed --limit 10",
     N_("A line an event, with its cursor first: --after CURSOR goes on behind it, or --after 2h from two hours ago. turno log tells "
        "it in words.")},
    {"tutorial", NULL, VERB_LOCAL, run_tutorial, N_("practise on a desk of your own, step by step"), HAT_EVERYONE, "turno tutorial",
     N_("It starts a desk in a folder that is removed at the end, plays a customer and a colleague, tells what to try, and looks "
        "whether it was done. quit leaves.")},
    {"help [VERB...]", NULL, VERB_LOCAL, run_help, N_("all verbs, or how one is used"), HAT_EVERYONE, "turno help park", NULL},
    {"version", NULL, VERB_LOCAL, run_version, N_("print the version"), HAT_EVERYONE, "turno version", NULL},
    {"completion SHELL", NULL, VERB_LOCAL, run_completion, N_("print the completion script for a shell"), HAT_EVERYONE,
     "turno completion bash > ~/.local/share/bash-completion/completions/turno\n"
     "turno completion zsh > ~/.zfunc/_turno\n"
     "turno completion fish > ~/.config/fish/completions/turno.fish",
     N_("For bash, zsh and fish. Ticket numbers, queues and people are those of the desk, at that moment. For zsh the folder must be "
        "in fpath before compinit runs.")},
    {"complete [WORD...]", NULL, VERB_HIDDEN | VERB_LOCAL, run_complete, N_("what a half-typed line could go on with"), HAT_EVERYONE,
     "turno complete -- show \"\"", NULL},
    /* agents */
    {"next", opts_next, 0, run_next, N_("take the ticket whose turn it is"), HAT_AGENT,
     "turno next\nturno next --wait 30m",
     N_("With --wait an offer is accepted as it comes and shown. Ctrl-C before that leaves nothing in your hand. When nothing "
        "comes the exit status is 7.")},
    {"accept [N]", NULL, 0, run_accept, N_("take what was offered to you"), HAT_AGENT, "turno accept", NULL},
    {"mine", opts_mine, 0, run_mine, N_("what you have in hand"), HAT_AGENT, "turno mine", NULL},
    {"note [N] [TEXT...]", opts_text, 0, run_note, N_("write a note among colleagues"), HAT_AGENT,
     "turno note \"called, nobody answers before ten\"", NULL},
    {"pass [N] DEPT [LINE...]", opts_text, 0, run_pass, N_("hand it over to another department"), HAT_AGENT,
     "turno pass 42 billing \"the invoice is theirs\"", NULL},
    {"park [N] [REASON...]", opts_park, 0, run_park, N_("let it wait for somebody or for a time"), HAT_AGENT,
     "turno park --customer\nturno park --vendor HP --until tomorrow\nturno park --until 14:30 \"they open again\"\nturno park 42 --on 57",
     N_("It comes back by itself when the customer answers, the time has come, or the other ticket is done.")},
    {"release [N] [LINE...]", opts_text, 0, run_release, N_("give it back to its queue, place kept"), HAT_AGENT, "turno release", NULL},
    {"resolve [N] [TEXT...]", opts_resolve, 0, run_resolve, N_("done, or ended in another way"), HAT_AGENT,
     "turno resolve 42 \"The new cartridge is in.\"\nturno resolve 42 --as merged --into 40", NULL},
    {"take N", NULL, 0, run_take, N_("take one out of turn (recorded)"), HAT_AGENT, "turno take 42", NULL},
    {"link N", opts_link, 0, run_link, N_("a private link for a customer who calls or writes"), HAT_AGENT,
     "turno link 42\nturno link 42 --revoke",
     N_("Its address is printed once, for you to give to the customer: whoever has it follows the request there, answers and rates, "
        "until 90 days after it was closed. --revoke ends all links of the ticket, also that of the form.")},
    {"person NAME...", opts_person, 0, run_person, N_("somebody on the line: what they asked, how it went"), HAT_AGENT,
     "turno person María Pérez\nturno person maria --account ACME",
     N_("Who they are, what is open, and the last that are done: how long they waited, what became of it, their rating; only of "
        "tickets you may see, the totals too. When nobody is called exactly so, a part of the name or the name of the account will "
        "do; when several fit they are listed. WAITED is what the desk took, without what waited for them; ANSWERED is the time to the "
        "first answer.")},
    {"away [REASON...]", NULL, 0, run_away, N_("nothing more for you; what you hold goes back"), HAT_AGENT, "turno away lunch", NULL},
    {"back", NULL, 0, run_back, N_("you are there again"), HAT_AGENT, "turno back", NULL},
    /* leads */
    {"give [N] AGENT [LINE...]", opts_text, 0, run_give, N_("hand it to an agent"), HAT_LEAD, "turno give 42 luis", NULL},
    {"set [N] KEY=VALUE...", NULL, 0, run_set, N_("change priority, due, requester or tags"), HAT_LEAD,
     "turno set 42 priority=high due=14:30\nturno set 42 tags=vip,printer", NULL},
    {"brief", opts_brief, 0, run_brief, N_("what is late, held, parked, come back"), HAT_LEAD,
     "turno brief\nturno brief --department warehouse --since 7d",
     N_("Of your departments (administrators: all, or one). Late is what is past its target, or will be within the hour. LAST SEEN is "
        "when somebody last did something with a ticket. A figure with + is at least so much: no more was counted.")},
    {"agents", opts_agents, 0, run_agents, N_("who works on what, and who is away"), HAT_LEAD,
     "turno agents --department warehouse",
     N_("Busiest first. Somebody waits who has turno next --wait running (at this daemon), is there who has nothing in hand and is not "
        "away. SLOTS are those used of a capacity. Only tickets that you may see are shown and counted.")},
    {"top", opts_top, 0, run_top, N_("queues, agents, what is late: live"), HAT_LEAD,
     "turno top\nturno top --department warehouse --every 5s\nturno top --once",
     N_("Keys: arrows or j and k choose a queue, Enter shows what waits in it, s sorts, p pauses, ? helps, q ends. The line of each queue "
        "draws what waited since turno top runs. When standard output is no terminal it is printed once, as text.")},
    {"stats fairness", opts_fairness, 0, run_stats_fairness, N_("whether order, waits and parity kept to the rules"), HAT_LEAD,
     "turno stats fairness --since 30d\nturno stats fairness --queue it --json",
     N_("An audit of what is recorded. MAX GAP is how much later somebody came who went first; it may never exceed BOUND (RATIO at "
        "most 1). WAITS, of which IN REACH were so long that the rule says something about them, of which WITHIN kept to it. "
        "Ratios are internal to external, with the interval they lie in with 95 %; none without 20 of each.")},
    {"stats waits", opts_stats, 0, run_stats_waits, N_("how long who waited, and whether it was fair"), HAT_LEAD,
     "turno stats waits --by department --since 7d", NULL},
    /* administrators */
    {"desk check FILE", NULL, VERB_PROSE, run_desk_check, N_("find the mistakes in a desk file"), HAT_ADMIN, "turno desk check desk.conf", NULL},
    {"desk diff FILE", NULL, VERB_PROSE, run_desk_diff, N_("what a desk file would change"), HAT_ADMIN, "turno desk diff desk.conf", NULL},
    {"desk apply FILE", NULL, VERB_PROSE, run_desk_apply, N_("put a desk file in force"), HAT_ADMIN, "turno desk apply desk.conf", NULL},
    {"desk calendar [CALENDAR]", NULL, 0, run_desk_calendar, N_("business hours, as understood"), HAT_ADMIN,
     "turno desk calendar\nturno desk calendar office",
     N_("Times are those of the calendar's own zone. With a name that calendar alone, with its hours of the week.")},
    {"desk edit [FILE]", NULL, 0, run_desk_edit, N_("edit the desk in force, check it, look, apply it"), HAT_ADMIN,
     "turno desk edit\nturno desk edit /etc/turno/desk.conf",
     N_("The editor opens; then mistakes are shown, or what would change, and you say what becomes of it. A desk that somebody else "
        "applied meanwhile is not overwritten: the draft is kept. A FILE is written only when what stands in it is in force.")},
    {"desk init [FILE]", opts_init, 0, run_desk_init, N_("write a desk file for this machine"), HAT_ADMIN,
     "turno desk init\nturno desk init --yes --group sales,warehouse --zone Europe/Madrid desk.conf",
     N_("Departments come from the Unix groups that have people in them; a few questions, with defaults. FILE is /etc/turno/desk.conf "
        "when left out; - prints it. The file is checked, and applied if you want it.")},
    {"desk show", opts_desk_show, 0, run_desk_show, N_("the desk that is in force"), HAT_ADMIN, "turno desk show --output desk.conf", NULL},
    {"doctor", NULL, VERB_PROSE, run_doctor, N_("what is wrong with the desk, and what to do"), HAT_ADMIN, "turno doctor\nturno doctor --json",
     N_("Socket, service, daemon, database, desk, people and tokens are looked at; each finding has a code, says what was seen and "
        "what to do. It says something useful where no daemon runs at all. The exit status is 1 where something needs somebody "
        "(an error or a warning), else 0.")},
    {"route test SUBJECT...", opts_route, VERB_PROSE, run_route_test, N_("where a request would go, and by which rule"), HAT_ADMIN,
     "turno route test \"no network on floor 3\" --class external --account ACME", NULL},
    {"token add [PERSON]", opts_token, 0, run_token_add, N_("make a token; its secret is shown once"), HAT_ADMIN,
     "turno token add ana --scope agent --label laptop\nturno token add shop --account ACME --scope submit", NULL},
    {"token list", NULL, 0, run_token_list, N_("the tokens there are"), HAT_ADMIN, "turno token list", NULL},
    {"token revoke TOKEN", NULL, 0, run_token_revoke, N_("end a token"), HAT_ADMIN, "turno token revoke 3", NULL},
    {"backup FILE", opts_backup, VERB_LOCAL, run_backup, N_("write the desk's database to a file"), HAT_ADMIN,
     "turno backup /var/backups/turno-monday\nturno backup - > /mnt/vault/turno-monday",
     N_("While everybody works; what was acknowledged before is in it. FILE is whole or not there. Run it on the machine of the "
        "database's turnod, as root or as its user; of a stopped desk it starts the embedded database for the time it takes.")},
    {"restore FILE", opts_restore, VERB_LOCAL, run_restore, N_("bring a backup into an empty place"), HAT_ADMIN,
     "turno restore /var/backups/turno-monday\nturno restore /var/backups/turno-monday --set state_dir=/srv/turno",
     N_("The place is the one of the configuration: an embedded database that does not exist yet, or a database of yours without a turno "
        "schema. Numbers go on behind those that may have been given out since the backup; say --skip 0 when the old desk was "
        "stopped before it. turnod(8) tells the rest.")},
    {NULL, NULL, 0, NULL, NULL, HAT_EVERYONE, NULL, NULL},
};
/* clang-format on */
