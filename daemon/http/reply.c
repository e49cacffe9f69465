/* SPDX-License-Identifier: MIT */
/*
 * Replies: the bytes of an answer and what becomes of the op behind it. Each reply ends the op; replying to an op that
 * is answered already does nothing, because its deadline may have come first.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/i18n.h"
#include "common/log.h"
#include "daemon/db/said.h"
#include "daemon/http/page.h"
#include "daemon/http/problem.h"
#include "daemon/http/request.h"
#include "daemon/http/route.h"

const char *
reply_reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {200, "OK"                             },
        {201, "Created"                        },
        {202, "Accepted"                       },
        {204, "No Content"                     },
        {303, "See Other"                      },
        {304, "Not Modified"                   },
        {400, "Bad Request"                    },
        {401, "Unauthorized"                   },
        {403, "Forbidden"                      },
        {404, "Not Found"                      },
        {405, "Method Not Allowed"             },
        {408, "Request Timeout"                },
        {409, "Conflict"                       },
        {413, "Content Too Large"              },
        {415, "Unsupported Media Type"         },
        {422, "Unprocessable Content"          },
        {429, "Too Many Requests"              },
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"          },
        {503, "Service Unavailable"            },
        {504, "Gateway Timeout"                },
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status) {
            return reasons[i].text;
        }
    }
    return "Other";
}

void
reply_head(struct http_request *rq, int status, const char *type, const char *more, int64_t length, struct strbuf *ret)
{
    struct http_conn *c = rq->conn;
    char first[256];
    int n = snprintf(first, sizeof(first), "HTTP/1.1 %d %s\r\nDate: %s\r\nCache-Control: no-store\r\n", status,
                     reply_reason(status), server_date(c->h));

    c->close = c->close || c->h->draining;
    strbuf_addn(ret, first, (size_t)n);
    if (length >= 0 && status != 204 && status != 304) {
        n = snprintf(first, sizeof(first), "Content-Length: %" PRId64 "\r\n", length);
        strbuf_addn(ret, first, (size_t)n);
    } else if (length < 0 && !rq->is_old) {
        strbuf_add(ret, "Transfer-Encoding: chunked\r\n");
    }
    if (type && !rq->has_type && length != 0) {
        n = snprintf(first, sizeof(first), "Content-Type: %s\r\n", type);
        strbuf_addn(ret, first, (size_t)n);
    }
    strbuf_add(ret, more);
    strbuf_addn(ret, rq->headers.p, rq->headers.n);
    strbuf_add(ret, c->close ? "Connection: close\r\n\r\n" : "\r\n");
}

/* One line a request, at debug only. Paths as in the route table: what people search for is nobody's business. */
static void
log_access(const struct http_request *rq, int status, size_t bytes)
{
    if (log_get_level() >= LOG_LEVEL_DEBUG) {
        const struct op *op = &rq->op;
        log_debug("http reply op=%" PRIx64 " method=%s path=%s status=%d bytes=%zu person=%d usec=%" PRId64, op->id,
                  rq->method ? rq->method : "-", op->route ? op->route->path : "-", status, bytes,
                  (int)op->who.person_id, deadline_now() - op->started);
    }
}

void
request_free(struct http_request *rq)
{
    struct http *h = rq->h;
    size_t working = rq->working;
    json_t *body = rq->op.body;

    deadline_drop(&rq->deadline);
    strbuf_release(&rq->headers);
    arena_free(rq->op.a); /* rq lies in it */
    json_decref(body);
    if (h) {
        h->stats.ops--;
        h->working -= working;
        if (h->draining) {
            server_reap_soon(h); /* it may have been the last */
        }
    }
}

void
request_answered(struct http_request *rq, int status, size_t bytes)
{
    struct http *h = rq->h;
    struct http_conn *c = rq->conn;

    log_access(rq, status, bytes);
    rq->op.replied = true;
    rq->conn = NULL;
    if (status >= 100 && status <= 599) {
        h->stats.replies_by_class[status / 100]++;
    }
    if (rq->op.running || rq->op.pending > 0) {
        deadline_put(&h->queues[QUEUE_LATE], &rq->deadline, 0);
    } else {
        deadline_put(&h->queues[QUEUE_OVER], &rq->deadline, 0); /* our caller may still look at it */
        server_reap_soon(h);
    }
    if (c) {
        http_conn_answered(c);
    }
}

static enum op_next
answer(struct op *op, int status, const char *type, const char *more, const char *body, size_t n)
{
    struct http_request *rq = op->req;

    if (op->replied) {
        return OP_DONE;
    }
    if (rq->conn) {
        struct strbuf head;
        strbuf_init(&head);
        if (status == 204 || status == 304) {
            n = 0;
        }
        reply_head(rq, status, type, more, (int64_t)n, &head);
        union {
            const char *in;
            void *out; /* sendmsg does not write to it */
        } bytes = {body};
        struct iovec v[] = {
            {head.p,    head.n             },
            {bytes.out, rq->is_head ? 0 : n}
        };
        http_conn_send(rq->conn, v, v[1].iov_len > 0 ? 2 : 1);
        strbuf_release(&head);
    }
    request_answered(rq, status, n);
    return OP_DONE;
}

enum op_next
op_reply(struct op *op, int status, const char *json, size_t n)
{
    return answer(op, status, "application/json", "", json, n);
}

enum op_next
op_reply_buf(struct op *op, int status, struct strbuf *json)
{
    enum op_next next = answer(op, status, "application/json", "", json->p, json->n);

    strbuf_release(json);
    return next;
}

/* What every page says to the browser: nothing from elsewhere, nothing to elsewhere, in nobody's frame. */
static void
op_header_page(struct op *op)
{
    op_header(op, "Content-Security-Policy",
              "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
              "form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
    op_header(op, "Referrer-Policy", "no-referrer");
    op_header(op, "X-Content-Type-Options", "nosniff");
    op_header(op, "X-Frame-Options", "DENY");
    op_header(op, "X-Robots-Tag", "noindex");
}

enum op_next
op_reply_page(struct op *op, int status, struct strbuf *html)
{
    op_header_page(op);
    enum op_next next = answer(op, status, PAGE_TYPE, "", html->p, html->n);
    strbuf_release(html);
    return next;
}

enum op_next
op_reply_asset(struct op *op, const char *type, const char *text)
{
    op_header(op, "X-Content-Type-Options", "nosniff");
    return answer(op, 200, type, "", text, strlen(text));
}

enum op_next
op_redirect(struct op *op, const char *path)
{
    op_header(op, "Location", path);
    op_header(op, "Referrer-Policy", "no-referrer");
    return answer(op, 303, NULL, "", "", 0);
}

/* A statement's message begins with the query parameter it is about: "after: not a cursor". */
static const char *
field_of(struct op *op, const char *msg)
{
    const char *name = arena_strndup(op->a, msg, strcspn(msg, ":"));

    return op_query(op, name) ? name : "";
}

enum op_next
op_fail_said(struct op *op, enum err_code code, const char *field, const char *text)
{
    struct said s = said_split(op->a, text ? text : err_title(code));
    struct err e;

    (void)err_text(&e, code, field ? field : field_of(op, s.msg), s.msg, s.fmt);
    return op_fail_err(op, &e);
}

enum op_next
op_reply_row(struct op *op)
{
    const struct db_row *row = op->res && op->res->nrows > 0 ? op->res->rows[0] : NULL;
    size_t n = 0;

    if (!row) {
        return op_fail(op, ERR_NOT_FOUND, "there is no such thing, or it is not yours to see");
    }
    int status = (int)db_i64(row, 0);
    const char *body = db_text(row, 1, &n);
    if (body || status < 400) {
        return op_reply(op, status, body, body ? n : 0);
    }
    const char *name = db_text(row, 2, NULL);
    return op_fail_said(op, name ? err_from_name(name) : ERR_INTERNAL, NULL, db_text(row, 3, NULL));
}

enum op_next
op_fail_extra(struct op *op, const struct err *e, const char *extra)
{
    struct strbuf body;

    if (op->replied) {
        return OP_DONE;
    }
    if (e->code == ERR_INTERNAL) {
        log_err("http internal fault op=%" PRIx64 " path=%s: %s", op->id, op->route ? op->route->path : "-", e->msg);
    }
    strbuf_init(&body);
    op->req->has_type = false;
    if ((op->route ? op->route->flags & ROUTE_PAGE : op->req->is_page) && op->req->h->conf.fail_page) {
        op_header_page(op);
        op->req->h->conf.fail_page(op, e, &body);
        (void)answer(op, err_http(e->code), PAGE_TYPE, problem_headers(e->code), body.p, body.n);
    } else {
        problem_render(&body, e, op->id, op_language(op), extra);
        (void)answer(op, err_http(e->code), PROBLEM_TYPE, problem_headers(e->code), body.p, body.n);
    }
    strbuf_release(&body);
    return OP_DONE;
}

enum op_next
op_fail_err(struct op *op, const struct err *e)
{
    return op_fail_extra(op, e, NULL);
}

enum op_next
op_fail(struct op *op, enum err_code code, const char *fmt, ...)
{
    struct err e;
    va_list ap;

    va_start(ap, fmt);
    (void)err_vset(&e, code, "", fmt, ap);
    va_end(ap);
    return op_fail_extra(op, &e, NULL);
}

enum op_next
op_fail_field(struct op *op, enum err_code code, const char *field, const char *fmt, ...)
{
    struct err e;
    va_list ap;

    va_start(ap, fmt);
    (void)err_vset(&e, code, field, fmt, ap);
    va_end(ap);
    return op_fail_extra(op, &e, NULL);
}

const char *
op_language(struct op *op)
{
    const char *lang = i18n_choose(op->req->accept_language);

    op_header(op, "Vary", "Accept-Language");
    if (lang != i18n_languages[0]) {
        op_header(op, "Content-Language", lang);
    }
    return lang;
}

void
op_header(struct op *op, const char *name, const char *value)
{
    struct http_request *rq = op->req;

    rq->has_type = rq->has_type || strcasecmp(name, "Content-Type") == 0;
    strbuf_add(&rq->headers, name);
    strbuf_add(&rq->headers, ": ");
    for (const char *p = value; *p; p++) {
        /* a value with a line's end would become two headers */
        strbuf_addch(&rq->headers, (unsigned char)*p < 0x20 || *p == 0x7f ? ' ' : *p);
    }
    strbuf_add(&rq->headers, "\r\n");
}
