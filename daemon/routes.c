/* SPDX-License-Identifier: MIT */
/*
 * What the API offers: one row a route, nothing else. A new row needs a step function (daemon/desk/), a line in the
 * README's API chapter, and what it answers in daemon/openapi.json: `make check` holds all of them against this table.
 */
#include <stddef.h>

#include "daemon/desk/desk_routes.h"
#include "daemon/desk/doctor.h"
#include "daemon/desk/feed.h"
#include "daemon/desk/health.h"
#include "daemon/desk/openapi.h"
#include "daemon/desk/reads.h"
#include "daemon/desk/submit.h"
#include "daemon/desk/verbs.h"
#include "daemon/desk/wait.h"
#include "daemon/desk/web.h"
#include "daemon/http/route.h"

#define GET    METHOD_GET
#define POST   METHOD_POST
#define DELETE METHOD_DELETE
#define WORK   (PERM_AGENT | PERM_LEAD | PERM_ADMIN)
#define LEAD   (PERM_LEAD | PERM_ADMIN)
#define VERB(word, perm, summary)                                                                                      \
    {                                                                                                                  \
        POST, "/v1/tickets/{id}/" word, perm, ROUTE_MAYBE, "", step_verb, summary                                      \
    }

#define LIST_QUERY "q queue department state agent asked mine class priority tag limit after"

/* clang-format off */
const struct route routes[] = {
    {GET,    "/v1",                        PERM_PERSON, 0,             "",                    step_routes,       "this list"},
    {GET,    "/v1/openapi.json",           PERM_NONE,   0,             "",                    step_openapi,      "the API for programs, as OpenAPI 3.1"},
    {GET,    "/v1/whoami",                 PERM_PERSON, 0,             "",                    step_whoami,       "who I am, what I hold (a hundred at most)"},
    {POST,   "/v1/tickets",                PERM_SUBMIT, ROUTE_BODY | ROUTE_ARRAY, "",         step_submit,       "hand in one request, or an array of up to 1,000"},
    {GET,    "/v1/tickets",                PERM_PERSON, 0,             LIST_QUERY,            step_list,         "tickets I may see, filtered, a page at a time"},
    {GET,    "/v1/tickets/{id}",           PERM_PERSON, 0,             "events",              step_show,         "one ticket with its messages and my next actions"},
    {GET,    "/v1/tickets/{id}/waits",     PERM_PERSON, 0,             "",                    step_waits,        "its life in spans, by holder"},
    {GET,    "/v1/tickets/{id}/why",       PERM_PERSON, 0,             "",                    step_why,          "why it is where it is: rule, key, who is ahead"},
    VERB("accept",        WORK,        "take the offer"),
    VERB("touch",         WORK,        "I am at it: the idle clock starts again"),
    VERB("release",       WORK,        "back to its queue, place kept"),
    VERB("reply",         WORK,        "write to the customer and wait for the answer"),
    VERB("keep",          WORK,        "write to the customer and go on"),
    VERB("message",       PERM_PERSON, "the customer writes"),
    VERB("thank",         PERM_PERSON, "the customer says thank you"),
    VERB("contest",       PERM_PERSON, "the customer says it does not wait for them: back in line, place kept"),
    VERB("note",          WORK,        "a note among colleagues"),
    VERB("park-customer", WORK,        "wait for the customer"),
    VERB("park-vendor",   WORK,        "wait for somebody outside, by name"),
    VERB("park-until",    WORK,        "wait until a date, with a reason"),
    VERB("park-child",    WORK,        "wait for another request"),
    VERB("resolve",       WORK,        "done"),
    VERB("decline",       WORK,        "closed: will not be done"),
    VERB("duplicate",     WORK,        "closed: asked before"),
    VERB("spam",          WORK,        "closed: not a request"),
    VERB("merge",         WORK,        "closed: goes on in another ticket"),
    VERB("cancel",        PERM_PERSON, "the customer no longer needs it"),
    VERB("reopen",        PERM_PERSON, "not done after all"),
    VERB("close",         LEAD,        "close a resolved ticket now"),
    VERB("take",          WORK,        "take it out of turn"),
    VERB("give",          LEAD,        "hand it to an agent"),
    VERB("pass",          WORK,        "hand it over to another queue"),
    VERB("set-priority",  LEAD,        "change its priority"),
    VERB("set-due",       LEAD,        "change the time it is promised for"),
    VERB("set-requester", LEAD,        "change who asks"),
    VERB("set-tags",      WORK,        "change its tags"),
    VERB("rate",          PERM_PERSON, "how it was, 1 to 5"),
    {POST,   "/v1/tickets/{id}/link",      WORK,        0,             "",                    step_link_add,     "make a private link for a customer; its address is shown once"},
    {DELETE, "/v1/tickets/{id}/link",      WORK,        0,             "",                    step_link_end,     "end all its private links"},
    {POST,   "/v1/next",                   WORK,        ROUTE_MAYBE | ROUTE_STREAM, "",       step_next,         "the first in turn for me; with wait: a stream"},
    {POST,   "/v1/away",                   WORK,        ROUTE_MAYBE,   "",                    step_away,         "nothing more for me; what I hold goes back"},
    {POST,   "/v1/back",                   WORK,        ROUTE_MAYBE,   "",                    step_back,         "I am back"},
    {GET,    "/v1/queues",                 PERM_PERSON, 0,             "",                    step_queues,       "the catalogue: queues, what waits, targets"},
    {GET,    "/v1/persons",                WORK,        0,             "name account inside limit after", step_person, "the history of a person, by name"},
    {GET,    "/v1/brief",                  WORK,        0,             "department since only limit", step_brief,    "late, in hand, parked, come back, out of turn"},
    {GET,    "/v1/agents",                 WORK,        0,             "department limit",    step_agents,       "who works on what: agents of the departments I see"},
    {GET,    "/v1/feed",                   PERM_PERSON, ROUTE_STREAM,  "after limit",         step_feed,         "what happened, in order; as a page or a stream"},
    {GET,    "/v1/stats/fairness",         PERM_PERSON, 0,             "queue since until",   step_stats_fairness, "was it fair: overtaking, waits and parity, audited"},
    {GET,    "/v1/stats/waits",            PERM_PERSON, 0,             "by since until",      step_stats_waits,  "waits by queue, department, class, agent or priority"},
    {GET,    "/v1/desk",                   PERM_PERSON, 0,             "version",             step_desk_show,    "the applied desk"},
    {GET,    "/v1/desk/calendars",         PERM_PERSON, 0,             "name",                step_desk_calendars, "its calendars: hours, next openings, holidays"},
    {POST,   "/v1/desk/check",             PERM_ADMIN,  ROUTE_BODY | ROUTE_READS, "",         step_desk_check,   "the mistakes of a desk file"},
    {POST,   "/v1/desk/diff",              PERM_ADMIN,  ROUTE_BODY | ROUTE_READS, "",         step_desk_diff,    "what a desk file would change"},
    {POST,   "/v1/desk/apply",             PERM_ADMIN,  ROUTE_BODY,    "",                    step_desk_apply,   "apply a desk file"},
    {POST,   "/v1/route/test",             WORK,        ROUTE_BODY | ROUTE_READS, "",         step_route_test,   "where a request would go, and why"},
    {GET,    "/v1/doctor",                 PERM_ADMIN,  0,             "",                    step_doctor,       "what is wrong with the desk, and what to do"},
    {GET,    "/v1/tokens",                 PERM_ADMIN,  0,             "",                    step_token_list,   "tokens, without their secrets"},
    {POST,   "/v1/tokens",                 PERM_ADMIN,  ROUTE_BODY,    "",                    step_token_add,    "make a token; its secret is shown once"},
    {DELETE, "/v1/tokens/{id}",            PERM_ADMIN,  0,             "",                    step_token_revoke, "revoke a token"},
    {GET,    "/",                          PERM_ANYONE, ROUTE_PAGE, "",        step_web_form,     "web: the form for a new request"},
    {POST,   "/",                          PERM_ANYONE, ROUTE_PAGE | ROUTE_BODY, "", step_web_send, "web: hand it in"},
    {GET,    "/t/{word}",                  PERM_LINK,   ROUTE_PAGE, "done",    step_web_ticket,   "web: the page of one request"},
    {GET,    "/t/{word}/{word}",           PERM_LINK,   ROUTE_PAGE, "",        step_web_state,    "web: state: has that page changed; else back to it"},
    {POST,   "/t/{word}/{word}",           PERM_LINK,   ROUTE_PAGE | ROUTE_BODY, "", step_web_act, "web: answer, contest, cancel, reopen, thank, rate"},
    {GET,    "/page.css",                  PERM_NONE,   ROUTE_PAGE,    "",                    step_web_css,      "web: how pages look"},
    {GET,    "/page.js",                   PERM_NONE,   ROUTE_PAGE,    "",                    step_web_js,       "web: keeps a page fresh"},
    {GET,    "/healthz",                   PERM_NONE,   ROUTE_HIDDEN,  "",                    step_healthz,      "the daemon lives"},
    {GET,    "/readyz",                    PERM_NONE,   ROUTE_HIDDEN,  "",                    step_readyz,       "it can serve, and how durably"},
    {GET,    "/metrics",                   PERM_NONE,   ROUTE_HIDDEN,  "",                    step_metrics,      "figures for Prometheus"},
    {0},
};
/* clang-format on */
