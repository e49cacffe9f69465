/* SPDX-License-Identifier: MIT */
/*
 * Web pages for people outside: a form, and the page of one request behind its private link. No page needs JavaScript.
 * They do nothing that the API does not do: a page is the show of a ticket as its requester sees it, a button is a verb.
 */
#ifndef TURNO_WEB_H
#define TURNO_WEB_H

#include "daemon/http/op.h"

struct web_conf {
    bool form;            /* the form is offered to everybody */
    const char *title;    /* above every page; "": none */
    const char *url;      /* where customers find the pages, without a slash at its end; "": not told */
    int64_t per_address;  /* letters an hour from one address */
    const char **proxies; /* addresses whose X-Forwarded-For is believed, "unix": the socket; ends with NULL */
};

enum op_next step_web_form(struct op *op);
enum op_next step_web_send(struct op *op);
enum op_next step_web_ticket(struct op *op);
enum op_next step_web_act(struct op *op);
enum op_next step_web_state(struct op *op);
enum op_next step_web_css(struct op *op);
enum op_next step_web_js(struct op *op);
/* http_conf.fail_page */
void web_fail(const struct op *op, const struct err *e, struct strbuf *ret);

#endif
