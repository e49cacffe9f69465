/* SPDX-License-Identifier: MIT */
/*
 * client: requests against a server that plays a script from a child process, one answer a connection. What is looked at:
 * the key of a repeated write, what is repeated at all, how errors become ours, and streams in any pieces.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/client.h"
#include "common/strbuf.h"

#define COUNT(t) (sizeof(t) / sizeof((t)[0]))
#define OK_JSON                                                                                                        \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "                       \
    "12\r\n\r\n{\"ticket\":7}"
#define BUSY                                                                                                           \
    "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 44\r\n\r\n{\"code\":\"busy\",\"title\":\"too "          \
    "much\",\"detail\":0}"
#define UNKNOWN                                                                                                        \
    "HTTP/1.1 504 Gateway Timeout\r\nConnection: close\r\n\r\n{\"code\":\"unknown\",\"title\":\"whether it was done "  \
    "is not known\",\"detail\":\"whether it was done is not known: the connection to the database broke\"}"
#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"

static struct arena *a;
static struct screen scr;
static struct err e;
static char dir[] = "/tmp/turno-test-XXXXXX", path[64], url[80];
static int requests = -1; /* pipe: what the server was asked, a line for each request */
static pid_t server;
static char *chat;
static size_t chat_n;

static int
make_dir(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "%s/s", mkdtemp(dir));
    (void)snprintf(url, sizeof url, "unix://%s", path);
    return 0;
}

static int
remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

static int
set_up(void **state)
{
    (void)state;
    a = arena_new();
    scr = (struct screen){.out = stdout, .chat = open_memstream(&chat, &chat_n)};
    setenv("HOME", dir, 1);
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("TURNO_TOKEN");
    unsetenv("TURNO_URL");
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    arena_free(a);
    fclose(scr.chat);
    free(chat);
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
        server = 0;
    }
    if (requests >= 0) {
        close(requests);
        requests = -1;
    }
    unlink(path);
    return 0;
}

/* ---- the server ---- */

/* Read one request; its head and body, line ends as blanks, as one line into the pipe. */
static void
take_request(int fd, int log)
{
    struct strbuf sb;
    char buf[4096], *end = NULL;
    size_t want = SIZE_MAX;
    ssize_t n = 1;

    strbuf_init(&sb);
    while (sb.n < want && (n = read(fd, buf, sizeof buf)) > 0) {
        strbuf_addn(&sb, buf, (size_t)n);
        end = end ? end : strstr(sb.p, "\r\n\r\n");
        if (end && want == SIZE_MAX) {
            const char *len = strcasestr(sb.p, "\r\nContent-Length:");
            want = (size_t)(end - sb.p) + 4 + (len && len < end ? strtoul(len + 17, NULL, 10) : 0);
            end = sb.p; /* found */
        }
    }
    for (size_t i = 0; i < sb.n; i++) {
        sb.p[i] = sb.p[i] == '\r' || sb.p[i] == '\n' ? ' ' : sb.p[i];
    }
    strbuf_addch(&sb, '\n');
    (void)!write(log, sb.p, sb.n);
    strbuf_release(&sb);
}

/* script: the answers, connection after connection; NULL: close without one. */
static void
play(const char *const *script, size_t n)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), log[2];

    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(pipe(log), 0);
    server = fork();
    assert_true(server >= 0);
    if (server == 0) {
        for (size_t i = 0; i < n; i++) {
            int c = accept(fd, NULL, NULL);
            take_request(c, log[1]);
            if (script[i]) {
                (void)!write(c, script[i], strlen(script[i]));
            }
            shutdown(c, SHUT_RDWR);
            close(c);
        }
        _exit(0);
    }
    close(fd);
    close(log[1]);
    requests = log[0];
}

/* All requests the server has got, after it has played its script. */
static char *
asked(void)
{
    struct strbuf sb;
    char buf[4096], *s;
    ssize_t n;

    strbuf_init(&sb);
    while ((n = read(requests, buf, sizeof buf)) > 0) {
        strbuf_addn(&sb, buf, (size_t)n);
    }
    s = arena_strdup(a, sb.p);
    strbuf_release(&sb);
    return s;
}

static struct client *
new_client(void)
{
    struct endpoint *ep = ARENA_NEW(a, struct endpoint);
    struct client *c;

    setenv("TURNO_URL", url, 1);
    assert_true(endpoint_find(a, ep, &e));
    c = client_new(a, ep, &scr, &e);
    assert_non_null(c);
    return c;
}

static const char *
key_in(const char *line)
{
    const char *p = strstr(line, "Idempotency-Key: ");

    return p ? arena_strndup(a, p + 17, 36) : NULL;
}

/* ---- requests ---- */

static void
a_read_carries_no_key(void **state)
{
    static const char *const script[] = {OK_JSON};
    struct reply r;

    (void)state;
    play(script, 1);
    assert_true(client_get(new_client(), "/v1/tickets/7", &r, &e));
    assert_int_equal(r.status, 200);
    assert_int_equal(json_integer_value(json_object_get(r.doc, "ticket")), 7);
    assert_int_equal(r.n, 12);
    assert_memory_equal(asked(), "GET /v1/tickets/7 HTTP/1.1 ", 27);
    assert_null(key_in(asked()));
}

static void
a_repeated_write_keeps_its_key(void **state)
{
    static const char *const script[] = {NULL, BUSY, OK_JSON};
    json_t *body = json_pack("{s:s}", "subject", "x");
    struct reply r;
    char *first, *second, *third;

    (void)state;
    play(script, 3);
    setenv("TURNO_TOKEN", "s3cret", 1);
    assert_true(client_post(new_client(), "/v1/tickets", body, &r, &e));
    json_decref(body);
    first = asked();
    second = strchr(first, '\n') + 1;
    third = strchr(second, '\n') + 1;
    assert_non_null(key_in(first));
    assert_string_equal(key_in(first), key_in(second));
    assert_string_equal(key_in(first), key_in(third));
    assert_non_null(strstr(third, "Authorization: Bearer s3cret "));
    assert_non_null(strstr(third, "Content-Type: application/json "));
    assert_non_null(strstr(third, " {\"subject\":\"x\"}"));
    fflush(scr.chat);
    assert_non_null(strstr(chat, "trying again"));
}

static void
an_unknown_outcome_is_asked_for_again(void **state)
{
    static const char *const script[] = {UNKNOWN, OK_JSON};
    struct reply r;
    char *first;

    (void)state;
    play(script, 2);
    assert_true(client_post(new_client(), "/v1/tickets", NULL, &r, &e));
    first = asked();
    assert_string_equal(key_in(first), key_in(strchr(first, '\n') + 1));
}

static void
two_writes_have_two_keys(void **state)
{
    static const char *const script[] = {OK_JSON, OK_JSON};
    struct client *c;
    struct reply r;
    char *first;

    (void)state;
    play(script, 2);
    c = new_client();
    assert_true(client_post(c, "/v1/back", NULL, &r, &e));
    assert_true(client_delete(c, "/v1/tokens/3", &r, &e));
    first = asked();
    assert_string_not_equal(key_in(first), key_in(strchr(first, '\n') + 1));
    assert_non_null(strstr(first, "\nDELETE /v1/tokens/3 "));
}

static void
a_refusal_is_not_repeated(void **state)
{
    static const char *const script[] = {
        "HTTP/1.1 409 Conflict\r\nConnection: close\r\n\r\n"
        "{\"title\":\"there is a newer message\",\"detail\":\"Ana wrote\",\"code\":\"news\",\"message\":{}}"};
    struct reply r;

    (void)state;
    play(script, 1);
    assert_false(client_post(new_client(), "/v1/tickets/7/reply", NULL, &r, &e));
    assert_int_equal(e.code, ERR_NEWS);
    assert_int_equal(err_exit(e.code), EXIT_CONFLICT);
    assert_string_equal(e.msg, "there is a newer message: Ana wrote");
    assert_true(json_is_object(json_object_get(r.doc, "message")));
}

static void
a_touch_is_tried_once(void **state)
{
    static const char *const script[] = {BUSY};

    (void)state;
    play(script, 1);
    assert_false(client_post_once(new_client(), "/v1/tickets/7/touch", NULL, &e));
    assert_int_equal(e.code, ERR_BUSY);
}

static void
what_may_be_done_is_said_once(void **state)
{
    static const char *const script[] = {UNKNOWN};

    (void)state;
    play(script, 1);
    assert_false(client_post_once(new_client(), "/v1/tickets/7/touch", NULL, &e));
    assert_int_equal(e.code, ERR_UNKNOWN);
    assert_int_equal(err_exit(e.code), EXIT_UNREACHABLE);
    assert_string_equal(e.msg, "whether it was done is not known: the connection to the database broke; "
                               "look before you repeat it");
}

/* What is known after the last of these answers. */
static void
only_a_judgement_makes_it_known(void **state)
{
#define REFUSED(status, code)                                                                                          \
    "HTTP/1.1 " status " No\r\nConnection: close\r\n\r\n{\"title\":\"no\",\"code\":\"" code "\"}"
    static const struct {
        const char *first, *then;
        bool unknown, judged;
    } cases[] = {
        {REFUSED("409",                                                              "news"),      NULL,  false, true  },
        {REFUSED("403",                                                              "forbidden"), NULL,  false, false },
        {REFUSED("429",                                                              "too-often"), NULL,  false, false },
        {REFUSED("500",                                                              "internal"),  NULL,  true,  false },
        {"HTTP/1.1 502 Bad\r\nConnection: close\r\nContent-Length: 6\r\n\r\n<html>", NULL,         true,  false},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\n<html>",                                                                      NULL,         true, false     },
        {UNKNOWN,                                                               REFUSED("409",                                                                      "conflict"),  false,      true      },
        {UNKNOWN,                                                                REFUSED("422",                                                                       "invalid"),  false,      true},
        {UNKNOWN,                                                           REFUSED("401",                                                                   "unauthorized"), true,      false},
        {UNKNOWN,                                                              REFUSED("403",                                                                      "forbidden"), true,      false},
        {UNKNOWN,                                                              REFUSED("429",                                                                      "too-often"), true,      false      },
    };
    struct reply r;

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *script[] = {cases[i].first, cases[i].then};
        play(script, cases[i].then ? 2 : 1);
        assert_false(client_post(new_client(), "/v1/tickets", NULL, &r, &e));
        assert_int_equal(r.unknown, cases[i].unknown);
        assert_int_equal(r.judged, cases[i].judged);
        assert_int_equal(err_exit(e.code) == EXIT_UNREACHABLE, cases[i].unknown);
        tear_down(state);
        set_up(state);
    }
#undef REFUSED
}

static void
without_a_socket_it_fails_at_once(void **state)
{
    struct reply r;

    (void)state;
    assert_false(client_get(new_client(), "/v1/whoami", &r, &e));
    assert_int_equal(e.code, ERR_UNREACHABLE);
    assert_non_null(strstr(e.msg, "there is no socket"));
    fflush(scr.chat);
    assert_string_equal(chat ? chat : "", "");
}

static void
what_is_no_turnod_is_noticed(void **state)
{
    static const char *const script[] = {
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\n<html>",
        "HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 502 Bad\r\nConnection: close\r\nContent-Length: 6\r\n\r\n<html>"};
    struct client *c;
    struct reply r;

    (void)state;
    play(script, 3);
    c = new_client();
    assert_false(client_get(c, "/v1/whoami", &r, &e));
    assert_non_null(strstr(e.msg, "does not answer like a turno daemon"));
    assert_false(client_get(c, "/v1/whoami", &r, &e));
    assert_non_null(strstr(e.msg, "HTTP 302"));
    assert_false(client_get(c, "/v1/whoami", &r, &e));
    assert_string_equal(e.msg, "the answer is HTTP 502 without an explanation");
}

/* ---- problems ---- */

static void
problems_become_errors(void **state)
{
    static const struct {
        int status;
        const char *json, *msg;
        enum err_code code;
    } cases[] = {
        {422,
         "{\"title\":\"a value is not acceptable\",\"detail\":\"no queue 'x'\",\"code\":\"invalid\",\"field\":\"to\"}", "a value is not acceptable ('to'): no queue 'x'", ERR_INVALID  },
        {422, "{\"title\":\"t\",\"detail\":\"'to' is wrong\",\"code\":\"invalid\",\"field\":\"to\"}",
         "t: 'to' is wrong",                                                                                                                                              ERR_INVALID  },
        {404, "{\"title\":\"not found\",\"detail\":\"not found\",\"code\":\"not-found\"}",                              "not found",                                      ERR_NOT_FOUND},
        {409, "{\"title\":\"odd\",\"code\":\"of tomorrow\"}",                                                           "odd",                                            ERR_INTERNAL },
        {403, "{}",                                                                                                     "the answer is HTTP 403 without an explanation",  ERR_FORBIDDEN},
        {409, "{\"detail\":\"a\\u001b[31mb\\nc\",\"code\":\"stale\"}",                                                  "a[31mb c",                                       ERR_STALE    },
        {500, "[1]",                                                                                                    "the answer is HTTP 500 without an explanation",  ERR_INTERNAL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply r = {.status = cases[i].status, .doc = json_loads(cases[i].json, 0, NULL)};
        client_problem(&r, &e);
        assert_string_equal(e.msg, cases[i].msg);
        assert_int_equal(e.code, cases[i].code);
        json_decref(r.doc);
    }
    assert_string_equal(err_name(ERR_NEWS), "news");
}

/* ---- streams ---- */

struct seen {
    struct strbuf text;
    int stop_after;
};

static bool
note(void *arg, const char *event, const char *id, json_t *data)
{
    struct seen *s = arg;

    strbuf_addf(&s->text, "%s/%s/%lld ", event, id, (long long)json_integer_value(json_object_get(data, "n")));
    return --s->stop_after != 0;
}

static const char events[] =
    ": hello\n\nevent: offer\nid: a1\ndata: {\"n\":1}\n\nevent: offer\r\ndata: {\"n\":\r\ndata: 2}\r\n\r\n"
    "data: no json\n\nretry: 3\ndata:{\"n\":3}\n\n";

static void
events_come_in_any_pieces(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < sizeof events; piece++) {
        struct seen s = {.stop_after = -1};
        struct sse *sse = sse_new(a, note, &s);
        bool bad;
        strbuf_init(&s.text);
        for (size_t i = 0; i < sizeof events - 1; i += piece) {
            size_t n = sizeof events - 1 - i < piece ? sizeof events - 1 - i : piece;
            assert_true(sse_feed(sse, events + i, n, &bad));
        }
        assert_string_equal(s.text.p, "offer/a1/1 offer/a1/2 message/a1/3 ");
        strbuf_release(&s.text);
    }
}

static void
an_endless_line_is_refused(void **state)
{
    struct seen s = {.stop_after = -1};
    struct sse *sse = sse_new(a, note, &s);
    char *x = arena_alloc(a, 100000);
    bool bad = false;
    int i = 0;

    (void)state;
    memset(x, 'x', 100000);
    while (i < 100 && sse_feed(sse, x, 100000, &bad)) {
        i++;
    }
    assert_true(bad);
    assert_in_range(i, 5, 15);
}

static void
a_stream_ends_in_four_ways(void **state)
{
    static const char *const script[] = {
        STREAM "data: {\"n\":1}\n\ndata: {\"n\":2}\n\n",
        STREAM "data: {\"n\":1}\n\n",
        "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 409 Conflict\r\nConnection: close\r\n\r\n{\"title\":\"away\",\"code\":\"away\"}",
        NULL,
        UNKNOWN,
    };
    struct seen s = {.stop_after = 2};
    struct client *c;

    (void)state;
    strbuf_init(&s.text);
    play(script, COUNT(script));
    c = new_client();
    assert_int_equal(client_stream(c, "/v1/feed", NULL, note, &s, &e), STREAM_LEFT);
    assert_int_equal(client_stream(c, "/v1/feed", NULL, note, &s, &e), STREAM_LOST);
    assert_int_equal(client_stream(c, "/v1/feed", NULL, note, &s, &e), STREAM_EMPTY);
    assert_int_equal(client_stream(c, "/v1/feed", NULL, note, &s, &e), STREAM_FAILED);
    assert_int_equal(e.code, ERR_AWAY);
    assert_int_equal(client_stream(c, "/v1/feed", NULL, note, &s, &e), STREAM_LOST);
    assert_int_equal(client_stream(c, "/v1/feed", NULL, note, &s, &e), STREAM_LOST);
    assert_string_equal(s.text.p, "message//1 message//2 message//1 ");
    strbuf_release(&s.text);
    assert_non_null(strstr(asked(), "Accept: text/event-stream"));
}

/* ---- where the daemon is ---- */

static void
urls_are_read_strictly(void **state)
{
    static const struct {
        const char *url;
        enum endpoint_kind kind;
        const char *base, *socket;
    } good[] = {
        {"unix:///run/turno/turno.sock", ENDPOINT_UNIX,  "http://turno",             "/run/turno/turno.sock"},
        {"http://127.0.0.1:8080",        ENDPOINT_HTTP,  "http://127.0.0.1:8080",    NULL                   },
        {"http://[::1]:80/",             ENDPOINT_HTTP,  "http://[::1]:80",          NULL                   },
        {"http://localhost",             ENDPOINT_HTTP,  "http://localhost",         NULL                   },
        {"https://desk.example.com/",    ENDPOINT_HTTPS, "https://desk.example.com", NULL                   },
        {"ssh://ana@desk:22",            ENDPOINT_SSH,   NULL,                       NULL                   },
    };
    static const char *const bad[] = {
        "desk",
        "ftp://x",
        "unix://relative",
        "http://desk.example.com",
        "http://127.0.0.1.evil.com",
        "http://localhostess",
        "https://",
        "https://desk/path",
        "https://user@desk",
        "ssh://-oProxyCommand=x",
        "https://a b",
        "http://127.0.0.1:80/x",
    };
    struct endpoint ep;

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(endpoint_parse(a, good[i].url, &ep, &e));
        assert_int_equal(ep.kind, good[i].kind);
        if (good[i].base) {
            assert_string_equal(ep.base, good[i].base);
        }
        if (good[i].socket) {
            assert_string_equal(ep.socket, good[i].socket);
        }
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (endpoint_parse(a, bad[i], &ep, &e)) {
            fail_msg("%s is taken", bad[i]);
        }
        assert_int_equal(e.code, ERR_USAGE);
    }
}

static void
a_token_others_can_read_is_refused(void **state)
{
    char *folder = arena_printf(a, "%s/turno", dir), *file = arena_printf(a, "%s/turno/token", dir);
    struct endpoint ep;
    FILE *f;

    (void)state;
    setenv("XDG_CONFIG_HOME", dir, 1);
    assert_true(endpoint_find(a, &ep, &e));
    assert_null(ep.token);
    assert_int_equal(mkdir(folder, 0700), 0);
    f = fopen(file, "w");
    assert_non_null(f);
    fputs("abc-123\n", f);
    fclose(f);
    assert_int_equal(chmod(file, 0640), 0);
    assert_false(endpoint_find(a, &ep, &e));
    assert_non_null(strstr(e.msg, "chmod 600"));
    assert_int_equal(chmod(file, 0600), 0);
    assert_true(endpoint_find(a, &ep, &e));
    assert_string_equal(ep.token, "abc-123");
    setenv("TURNO_TOKEN", "from-environment", 1);
    assert_true(endpoint_find(a, &ep, &e));
    assert_string_equal(ep.token, "from-environment");
    setenv("TURNO_TOKEN", "two\r\nlines", 1);
    assert_false(endpoint_find(a, &ep, &e));
    unsetenv("XDG_CONFIG_HOME");
    unlink(file);
    rmdir(folder);
}

static void
parts_of_urls_are_escaped(void **state)
{
    (void)state;
    assert_string_equal(client_escape(a, "a b&c=d/é"), "a%20b%26c%3Dd%2F%C3%A9");
    assert_string_equal(client_escape(a, "Az09-_.~"), "Az09-_.~");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_read_carries_no_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_repeated_write_keeps_its_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_outcome_is_asked_for_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_writes_have_two_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_is_not_repeated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_touch_is_tried_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_may_be_done_is_said_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_a_judgement_makes_it_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_socket_it_fails_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_turnod_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(problems_become_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_come_in_any_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_endless_line_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stream_ends_in_four_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(urls_are_read_strictly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_token_others_can_read_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parts_of_urls_are_escaped, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("client", tests, make_dir, remove_dir);
}
