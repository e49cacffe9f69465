/* SPDX-License-Identifier: MIT */
/*
 * Requests through libcurl, one after another on one kept connection. When the daemon restarts, or says that it cannot
 * serve just now, a request is repeated for about ten seconds; that is safe for writes too, because the Idempotency-Key
 * stays the same. A stream has a handle of its own, so that an offer can be accepted while the stream that brought it is
 * still open: closing it first would give the offer back.
 */
#include "cli/client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/text.h"
#include "common/i18n.h"
#include "common/strbuf.h"
#include "common/utf8.h"
#include "common/uuid.h"

#define BODY_MAX      (64 * 1024 * 1024)
#define CALL_SECONDS  30
#define RETRY_SECONDS 10
#define SILENCE_MAX   45 /* a stream has a comment every 10 s */
#define WHY_MAX       120

struct client {
    struct arena *a;
    const struct endpoint *ep;
    const struct screen *s;
    CURL *curl;
    struct curl_slist *headers;
    char curl_err[CURL_ERROR_SIZE];
    struct strbuf body;       /* of the reply that is arriving */
    bool told;                /* the user knows that we try again */
    bool (*go_on)(void *arg); /* of client_get_while */
    void *go_arg;
};

static void
client_free(void *p)
{
    struct client *c = p;

    curl_slist_free_all(c->headers);
    curl_easy_cleanup(c->curl);
    strbuf_release(&c->body);
    curl_global_cleanup();
}

struct client *
client_new(struct arena *a, const struct endpoint *ep, const struct screen *s, struct err *e)
{
    struct client *c = ARENA_NEW(a, struct client);

    c->a = a;
    c->ep = ep;
    c->s = s;
    strbuf_init(&c->body);
    /* TLS costs more than the rest of a short command: only where it is used. */
    if (curl_global_init(ep->kind == ENDPOINT_HTTPS ? CURL_GLOBAL_ALL : CURL_GLOBAL_NOTHING) != CURLE_OK) {
        (void)err_set(e, ERR_UNREACHABLE, "could not start libcurl");
        return NULL;
    }
    arena_defer(a, client_free, c);
    c->curl = curl_easy_init();
    ensure(c->curl); /* out of memory */
    return c;
}

const struct endpoint *
client_endpoint(const struct client *c)
{
    return c->ep;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
    struct client *c = arg;

    if (c->body.n + size * n > BODY_MAX) {
        return 0; /* gives CURLE_WRITE_ERROR */
    }
    strbuf_addn(&c->body, p, size * n);
    return size * n;
}

static int
on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t e)
{
    struct client *c = arg;

    (void)a, (void)b, (void)d, (void)e;
    return c->go_on(c->go_arg) ? 0 : 1; /* gives CURLE_ABORTED_BY_CALLBACK */
}

static void
add_header(struct client *c, struct curl_slist **list, const char *name, const char *value)
{
    *list = curl_slist_append(*list, arena_printf(c->a, "%s: %s", name, value));
    ensure(*list); /* out of memory */
}

/* What all requests have in common. The returned headers belong to the caller. */
static struct curl_slist *
prepare(struct client *c, CURL *curl, const char *method, const char *path, const char *body, const char *key)
{
    const struct endpoint *ep = c->ep;
    struct curl_slist *headers = NULL;

    curl_easy_setopt(curl, CURLOPT_URL, arena_printf(c->a, "%s%s", ep->base, path));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, c->curl_err);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "turno");
    if (ep->kind != ENDPOINT_HTTPS) {
        curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever the environment says: this is our own machine */
    }
    if (ep->socket) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, ep->socket);
    }
    if (strcmp(method, "GET") == 0) {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    } else if (strcmp(method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? body : "");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)(body ? strlen(body) : 0));
    } else {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    }
    if (c->s->prose && i18n_now() != i18n_languages[0]) {
        add_header(c, &headers, "Accept-Language", i18n_now());
    }
    add_header(c, &headers, "Expect", ""); /* none: the body goes at once */
    if (body) {
        add_header(c, &headers, "Content-Type", "application/json");
    }
    if (key) {
        add_header(c, &headers, "Idempotency-Key", key);
    }
    if (ep->token) {
        add_header(c, &headers, "Authorization", arena_printf(c->a, "Bearer %s", ep->token));
    }
    return headers;
}

/* ---- errors ---- */

static const char *
member(json_t *doc, const char *name)
{
    const char *s = json_string_value(json_object_get(doc, name));

    return s ? s : "";
}

void
client_problem(const struct reply *r, struct err *e)
{
    struct arena *a = arena_new();
    const char *title = text_line(a, member(r->doc, "title")), *detail = text_line(a, member(r->doc, "detail"));
    const char *field = text_line(a, member(r->doc, "field")), *code = member(r->doc, "code");
    enum err_code known = *code ? err_from_name(code) : ERR_INTERNAL;

    if (!*code) {
        known = r->status == 404   ? ERR_NOT_FOUND
                : r->status == 403 ? ERR_FORBIDDEN
                : r->status == 401 ? ERR_UNAUTHORIZED
                : r->status == 503 ? ERR_BUSY
                                   : ERR_INTERNAL;
    }
    /* the field is named only where the sentence does not do it already */
    if (*field && !strstr(detail, field)) {
        title = arena_printf(a, "%s ('%s')", *title ? title : i18n(err_title(known)), field);
    }
    if (!*title && !*detail) {
        (void)err_set(e, known, "the answer is HTTP %d without an explanation", r->status);
    } else if (*title && *detail && strncmp(title, detail, strlen(title)) != 0) {
        (void)err_field(e, known, field, "%s: %s", title, detail);
    } else {
        (void)err_field(e, known, field, "%s", *detail ? detail : title);
    }
    arena_free(a);
}

/* Why no reply came. *ret_again: a later attempt may succeed; *ret_sent: the daemon may have done it. */
static void
lost(struct client *c, CURL *curl, CURLcode rc, bool *ret_again, bool *ret_sent, struct err *e)
{
    const char *why = c->curl_err[0] ? c->curl_err : curl_easy_strerror(rc);

    *ret_again = false;
    *ret_sent = true;
    if (rc == CURLE_COULDNT_CONNECT || rc == CURLE_COULDNT_RESOLVE_HOST) {
        *ret_sent = false;
        if (c->ep->socket && access(c->ep->socket, F_OK) != 0) {
            (void)err_set(e, ERR_UNREACHABLE, "no daemon answers: there is no socket %s", c->ep->socket);
        } else if (c->ep->socket && access(c->ep->socket, W_OK) != 0) {
            (void)err_set(e, ERR_FORBIDDEN, "you may not use the socket %s", c->ep->socket);
        } else {
            *ret_again = rc == CURLE_COULDNT_CONNECT;
            (void)err_set(e, ERR_UNREACHABLE, "no daemon answers at %s", c->ep->url);
        }
    } else if (rc == CURLE_OPERATION_TIMEDOUT) {
        (void)err_set(e, ERR_UNREACHABLE, "the daemon at %s has not answered in time", c->ep->url);
    } else if (rc == CURLE_SEND_ERROR || rc == CURLE_RECV_ERROR || rc == CURLE_GOT_NOTHING ||
               rc == CURLE_PARTIAL_FILE) {
        *ret_again = true;
        (void)err_set(e, ERR_UNREACHABLE, "the connection to %s was lost", c->ep->url);
    } else if (rc == CURLE_WRITE_ERROR) {
        (void)err_set(e, ERR_INTERNAL, "the answer is too large");
    } else {
        long os = 0;
        (void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os);
        (void)err_set(e, ERR_UNREACHABLE, "%s: %s%s%s", c->ep->url, why, os ? ": " : "", os ? strerror((int)os) : "");
    }
}

/* ---- one request ---- */

static void
decref(void *p)
{
    json_decref(p);
}

/* The reply that has just arrived in c->body. False (e filled) when it is an error or no JSON. */
static bool
take_reply(struct client *c, long status, struct reply *ret, struct err *e)
{
    ret->status = (int)status;
    ret->text = arena_strndup(c->a, c->body.p, c->body.n);
    ret->n = c->body.n;
    ret->doc = json_loadb(c->body.p, c->body.n, JSON_DECODE_ANY, NULL);
    if (ret->doc) {
        arena_defer(c->a, decref, ret->doc);
    }
    if (status >= 400) {
        client_problem(ret, e);
        return false;
    }
    if (status < 200 || status >= 300 || (!ret->doc && ret->n > 0)) {
        return err_set(e, ERR_INTERNAL, "%s does not answer like a turno daemon (HTTP %ld)", c->ep->url, status);
    }
    return true;
}

static int64_t
monotonic_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t
back_off_ms(int attempt)
{
    return attempt > 4 ? 2000 : 100 << attempt;
}

static void
sleep_ms(int64_t ms)
{
    (void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000},
                    NULL); /* shorter is fine */
}

static void
tell(struct client *c, const struct err *why)
{
    if (!c->told) {
        fprintf(c->s->chat, _("turno: %s, trying again …\n"), why->msg);
        (void)fflush(c->s->chat);
        c->told = true;
    }
}

bool
client_back_off(struct client *c, int attempt, int most, const struct err *why)
{
    int64_t sum = 0;

    for (int i = 0; i <= attempt; i++) {
        sum += back_off_ms(i);
    }
    if (sum > most * INT64_C(1000)) {
        return false;
    }
    if (attempt > 0) {
        tell(c, why); /* the first gap is too short to speak of */
    }
    sleep_ms(back_off_ms(attempt));
    return true;
}

/* A request with what is needed to send it again. */
struct sending {
    const char *method, *path, *body, *key;
    bool once;
};

/* One attempt. *ret_wait: milliseconds until the next makes sense, -1: never. */
static bool
attempt(struct client *c, const struct sending *rq, int64_t *ret_wait, bool *ret_sent, struct reply *ret, struct err *e)
{
    struct curl_slist *headers;
    long status = 0;
    bool again = false;
    CURLcode rc;

    curl_easy_reset(c->curl); /* keeps the connection */
    headers = prepare(c, c->curl, rq->method, rq->path, rq->body, rq->key);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, (long)CALL_SECONDS);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, c);
    if (c->go_on) {
        curl_easy_setopt(c->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(c->curl, CURLOPT_XFERINFODATA, c);
        curl_easy_setopt(c->curl, CURLOPT_NOPROGRESS, 0L);
    }
    strbuf_clear(&c->body);
    c->curl_err[0] = '\0';
    rc = curl_easy_perform(c->curl);
    curl_slist_free_all(headers);
    *ret_wait = -1;
    if (rc != CURLE_OK) {
        bool sent;
        lost(c, c->curl, rc, &again, &sent, e);
        *ret_sent = *ret_sent || sent;
        *ret_wait = again ? 0 : -1;
        return false;
    }
    (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    if (take_reply(c, status, ret, e)) {
        return true;
    }
    /* a fault on the way back (of a proxy, too) says nothing about what was done */
    *ret_sent = *ret_sent || (status >= 500 && status != 503) || (status >= 200 && status < 300);
    if (status == 503) {
        curl_off_t after = 0;
        (void)curl_easy_getinfo(c->curl, CURLINFO_RETRY_AFTER, &after);
        *ret_wait = after > 0 && after <= RETRY_SECONDS ? (int64_t)after * 1000 : 0;
    } else if (status == 504) {
        *ret_wait = 0;
    }
    return false;
}

/* The answer is about the request, and not about who asks, how often, or how slowly it came. */
static bool
is_judgement(int status)
{
    return status >= 400 && status < 500 && status != 401 && status != 403 && status != 407 && status != 408 &&
           status != 429;
}

static bool
call(struct client *c, const struct sending *rq, struct reply *ret, struct err *e)
{
    int64_t end = monotonic_ms() + RETRY_SECONDS * INT64_C(1000), wait;
    bool sent = false;

    for (int i = 0;; i++) {
        *ret = (struct reply){0};
        if (attempt(c, rq, &wait, &sent, ret, e)) {
            return true;
        }
        if (wait < 0 || rq->once) {
            break;
        }
        wait = wait > back_off_ms(i) ? wait : back_off_ms(i);
        if (monotonic_ms() + wait > end) {
            break;
        }
        if (i > 0) {
            tell(c, e);
        }
        sleep_ms(wait);
    }
    ret->judged = is_judgement(ret->status);
    ret->unknown = sent && rq->key && !ret->judged;
    if (ret->unknown) {
        enum err_code code = err_exit(e->code) == EXIT_UNREACHABLE ? e->code : ERR_UNREACHABLE;
        size_t n = strlen(e->msg) > WHY_MAX ? utf8_cut(e->msg, WHY_MAX) : strlen(e->msg);
        const char *why = arena_strndup(c->a, e->msg, n);
        if (code == ERR_UNKNOWN) {
            (void)err_set(e, code, "%s; look before you repeat it", why);
        } else {
            (void)err_set(e, code, "%s; nobody knows whether it was done: look before you repeat it", why);
        }
    }
    return false;
}

const char *
client_key(struct arena *a)
{
    struct uuid u = uuid_random();
    char key[37];

    uuid_format(&u, key);
    return arena_strdup(a, key);
}

/* Complete rq by the bytes of body, and send it. */
static bool
request(struct client *c, struct sending rq, json_t *body, struct reply *ret, struct err *e)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    bool ok;

    if (body && !text) {
        return err_set(e, ERR_INVALID, "the text is no UTF-8");
    }
    rq.body = text;
    ok = call(c, &rq, ret, e);
    free(text);
    return ok;
}

bool
client_get(struct client *c, const char *path, struct reply *ret, struct err *e)
{
    return request(c, (struct sending){.method = "GET", .path = path}, NULL, ret, e);
}

bool
client_post_as(struct client *c, const char *key, const char *path, json_t *body, struct reply *ret, struct err *e)
{
    return request(c, (struct sending){.method = "POST", .path = path, .key = key}, body, ret, e);
}

bool
client_get_once(struct client *c, const char *path, struct reply *ret, struct err *e)
{
    return request(c, (struct sending){.method = "GET", .path = path, .once = true}, NULL, ret, e);
}

bool
client_get_in(struct client *c, struct arena *a, const char *path, struct reply *ret, struct err *e)
{
    struct arena *own = c->a;
    bool ok;

    c->a = a;
    ok = client_get(c, path, ret, e);
    c->a = own;
    return ok;
}

bool
client_get_while(struct client *c, struct arena *a, const char *path, bool (*go_on)(void *arg), void *arg,
                 struct reply *ret, struct err *e)
{
    struct arena *own = c->a;
    bool ok;

    c->a = a;
    c->go_on = go_on;
    c->go_arg = arg;
    ok = request(c, (struct sending){.method = "GET", .path = path, .once = true}, NULL, ret, e);
    c->a = own;
    c->go_on = NULL;
    return ok;
}

bool
client_post(struct client *c, const char *path, json_t *body, struct reply *ret, struct err *e)
{
    return client_post_as(c, client_key(c->a), path, body, ret, e);
}

bool
client_post_once(struct client *c, const char *path, json_t *body, struct err *e)
{
    struct reply r;

    return request(c, (struct sending){.method = "POST", .path = path, .key = client_key(c->a), .once = true}, body, &r,
                   e);
}

bool
client_delete(struct client *c, const char *path, struct reply *ret, struct err *e)
{
    return request(c, (struct sending){.method = "DELETE", .path = path, .key = client_key(c->a)}, NULL, ret, e);
}

const char *
client_escape(struct arena *a, const char *s)
{
    struct strbuf sb;
    const char *ret;

    strbuf_init(&sb);
    for (; *s; s++) {
        bool plain =
            (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr("-_.~", *s);
        if (plain) {
            strbuf_addch(&sb, *s);
        } else {
            strbuf_addf(&sb, "%%%02X", (unsigned)(unsigned char)*s);
        }
    }
    ret = arena_strdup(a, sb.p);
    strbuf_release(&sb);
    return ret;
}

/* ---- streams ---- */

struct streaming {
    struct client *c;
    CURL *curl;
    struct sse *sse;
    struct strbuf other; /* what came instead of events: a problem */
    bool left, bad;
};

static size_t
on_stream(char *p, size_t size, size_t n, void *arg)
{
    struct streaming *st = arg;
    char *type = NULL;
    long status = 0;

    (void)curl_easy_getinfo(st->curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(st->curl, CURLINFO_CONTENT_TYPE, &type);
    if (status != 200 || !type || strncmp(type, "text/event-stream", 17) != 0) {
        if (st->other.n + size * n > 65536) {
            return 0;
        }
        strbuf_addn(&st->other, p, size * n);
        return size * n;
    }
    if (!sse_feed(st->sse, p, size * n, &st->bad)) {
        st->left = !st->bad;
        return 0; /* ends the transfer */
    }
    return size * n;
}

/* What the end of the transfer means. */
static enum client_stream
stream_end(struct streaming *st, CURLcode rc, struct err *e)
{
    struct client *c = st->c;
    struct reply r = {0};
    bool again, sent;
    long status = 0;

    (void)curl_easy_getinfo(st->curl, CURLINFO_RESPONSE_CODE, &status);
    if (st->left) {
        return STREAM_LEFT;
    }
    if (st->bad) {
        (void)err_set(e, ERR_INTERNAL, "the stream from %s cannot be understood", c->ep->url);
        return STREAM_FAILED;
    }
    if (status >= 300) {
        strbuf_clear(&c->body);
        strbuf_addn(&c->body, st->other.p, st->other.n);
        if (!take_reply(c, status, &r, e)) {
            return status == 503 || status == 504 ? STREAM_LOST : STREAM_FAILED;
        }
    }
    if (status == 204) {
        return STREAM_EMPTY;
    }
    if (status == 200 && st->other.n > 0) {
        (void)err_set(e, ERR_INTERNAL, "%s does not answer with a stream", c->ep->url);
        return STREAM_FAILED;
    }
    if (status == 200 && (rc == CURLE_OK || rc == CURLE_OPERATION_TIMEDOUT)) {
        (void)err_set(e, ERR_UNREACHABLE, "the connection to %s was lost", c->ep->url);
        return STREAM_LOST;
    }
    lost(c, st->curl, rc, &again, &sent, e);
    return again ? STREAM_LOST : STREAM_FAILED;
}

enum client_stream
client_stream(struct client *c, const char *path, json_t *body, client_event_fn *on_event, void *arg, struct err *e)
{
    struct streaming st = {.c = c, .sse = sse_new(c->a, on_event, arg)};
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct curl_slist *headers;
    enum client_stream ret;
    CURLcode rc;

    st.curl = curl_easy_init();
    ensure(st.curl && (text || !body)); /* out of memory */
    strbuf_init(&st.other);
    headers = prepare(c, st.curl, body ? "POST" : "GET", path, text, NULL);
    add_header(c, &headers, "Accept", "text/event-stream");
    curl_easy_setopt(st.curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(st.curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(st.curl, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_MAX);
    curl_easy_setopt(st.curl, CURLOPT_WRITEFUNCTION, on_stream);
    curl_easy_setopt(st.curl, CURLOPT_WRITEDATA, &st);
    c->curl_err[0] = '\0';
    rc = curl_easy_perform(st.curl);
    ret = stream_end(&st, rc, e);
    curl_slist_free_all(headers);
    curl_easy_cleanup(st.curl);
    strbuf_release(&st.other);
    free(text);
    return ret;
}
