/* SPDX-License-Identifier: MIT */
/* The pages as HTML, in the language that is in use (common/i18n.h). */
#ifndef TURNO_WEB_PAGE_H
#define TURNO_WEB_PAGE_H

#include <jansson.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "daemon/desk/desk.h"

/* What every page shows around its own text. */
struct web_frame {
    const char *lang;  /* one of i18n_languages */
    const char *title; /* of the desk; "": none */
};

/* What was typed so far; NULL: nothing. */
struct web_letter {
    const char *name, *contact, *to, *subject, *body;
};

/* The form for a new request. link: the secret it will be found by. problem: a sentence about what was typed, or NULL. */
void web_page_form(struct strbuf *ret, const struct web_frame *f, const struct desk *desk, const char *link,
                   const struct web_letter *letter, const char *problem);
struct web_view {
    const char *link, *key;       /* where it is; for the next thing that is done on it */
    const char *done;             /* the verb that has just been done, or NULL */
    const json_t *ticket, *waits; /* the bodies of GET /v1/tickets/{id} and its /waits, as the requester gets them */
};
/* The page of a request. */
void web_page_ticket(struct strbuf *ret, const struct web_frame *f, const struct desk *desk, const struct web_view *v);
/* What went wrong, and (if link is not NULL) the way back to the request. typed: the form that was refused, to be sent
 * again: a new request's or, with a link, that of this verb; or NULL. */
void web_page_error(struct strbuf *ret, const struct web_frame *f, const struct err *e, const char *link,
                    const char *verb, const json_t *typed);

#endif
