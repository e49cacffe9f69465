/* SPDX-License-Identifier: MIT */
/* Requests and replies byte by byte: framing, smuggling, methods, targets, bodies, identity, pipelines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/proto/client.h"

/* Sent on a fresh Unix connection: the answer is this problem. With closes, the connection ends behind it. */
static void
expect_problem(const struct toy *t, const char *bytes, size_t n, int status, const char *code, const char *field,
               bool closes)
{
    struct client c;
    struct reply r;

    client_unix(&c, t);
    client_send(&c, bytes, n);
    client_read(&c, &r, false);
    reply_expect_problem(&r, status, code, field);
    if (closes) {
        char value[16];
        assert_string_equal(reply_header(&r, "Connection", value, sizeof(value)), "close");
        assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
        client_expect_close(&c);
    } else {
        json_decref(client_ask(&c, GET("/v1"), 200)); /* still usable */
    }
    reply_free(&r);
    client_close(&c);
}

struct bad {
    const char *bytes;
    size_t n; /* 0: strlen */
    int status;
    const char *code, *field;
};

static void
expect_all(const struct toy *t, const struct bad *bad, size_t n, bool closes)
{
    for (size_t i = 0; i < n; i++) {
        expect_problem(t, bad[i].bytes, bad[i].n ? bad[i].n : strlen(bad[i].bytes), bad[i].status, bad[i].code,
                       bad[i].field, closes);
    }
    json_t *j = NULL;
    struct client c;
    client_unix(&c, t);
    j = client_ask(&c, GET("/v1"), 200);
    json_decref(j);
    client_close(&c);
}

static void
malformed_requests_are_refused_and_closed(void **state)
{
    static const struct bad bad[] = {
        {"\r\n\r\n",                                              0,  400, "syntax", NULL    },
        {"\x16\x03\x01\x02",                                      0,  400, "syntax", NULL    }, /* TLS on a plain socket */
        {"GET\r\n\r\n",                                           0,  400, "syntax", NULL    },
        {"GET /v1\r\n\r\n",                                       0,  400, "syntax", NULL    },
        {"GET /v1 HTTP/0.9\r\n\r\n",                              0,  400, "syntax", NULL    },
        {"GET /v1 HTTP/2.0\r\n" HOST "\r\n",                      0,  400, "syntax", NULL    },
        {"GET /v1 HTTP/1.2\r\n" HOST "\r\n",                      0,  400, "syntax", NULL    },
        {"GET /v1 http/1.1\r\n" HOST "\r\n",                      0,  400, "syntax", NULL    },
        {"GET  /v1 HTTP/1.1\r\n" HOST "\r\n",                     0,  400, "syntax", NULL    },
        {"GET /v1 x HTTP/1.1\r\n" HOST "\r\n",                    0,  400, "syntax", NULL    },
        {"GET /v1\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n",              0,  400, "syntax", NULL    },
        {"G(T /v1 HTTP/1.1\r\n" HOST "\r\n",                      0,  400, "syntax", NULL    },
        {"GET /v1 HTTP/1.1\r\n\r\n",                              0,  400, "syntax", "Host"  },
        {"GET /v1 HTTP/1.1\r\n" HOST HOST "\r\n",                 0,  400, "syntax", "Host"  },
        {"GET /v1 HTTP/1.1\r\n" HOST "NoColon\r\n\r\n",           0,  400, "syntax", NULL    },
        {"GET /v1 HTTP/1.1\r\n" HOST "A : b\r\n\r\n",             0,  400, "syntax", NULL    },
        {"GET /v1 HTTP/1.1\r\n" HOST ": b\r\n\r\n",               0,  400, "syntax", NULL    },
        {"GET /v1 HTTP/1.1\r\n" HOST "A: b\r\n folded\r\n\r\n",   0,  400, "syntax", NULL    },
        {"GET /v1 HTTP/1.1\r\n" HOST "A: b\x01\r\n\r\n",          0,  400, "syntax", NULL    },
        {"GET /v1 HTTP/1.1\r\n" HOST "A: b\x7f\r\n\r\n",          0,  400, "syntax", NULL    },
        {"GET /v1 HTTP/1.1\r\n" HOST "A: b\0c\r\n\r\n",           39, 400, "syntax", NULL    },
        {"GET /v1\0 HTTP/1.1\r\n" HOST "\r\n",                    32, 400, "syntax", NULL    },
        {"GET /v1 HTTP/1.1\r\n" HOST "Expect: 200-maybe\r\n\r\n", 0,  400, "syntax", "Expect"},
    };

    expect_all(*state, bad, sizeof(bad) / sizeof(bad[0]), true);
}

static void
a_host_is_a_host(void **state)
{
    static const char *const bad[] = {"a b",    "a,b",  "u@toy", "toy/v1", "toy:80:80",
                                      "toy:8x", "[::1", "::1",   "[]x",    "t\xc3\xa9"};
    static const char *const good[] = {"",         "toy:8080",     "127.0.0.1", "[::1]",
                                       "[::1]:80", "A-b.example.", "a_b~1",     "toy:"};
    struct client c;
    char text[128];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int n = snprintf(text, sizeof(text), "GET /v1 HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
        expect_problem(*state, text, (size_t)n, 400, "syntax", "Host", true);
    }
    client_unix(&c, *state);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        (void)snprintf(text, sizeof(text), "GET /v1 HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
        json_decref(client_ask(&c, text, 200));
    }
    client_close(&c);
}

static void
bare_line_ends_are_refused(void **state)
{
    static const struct bad bad[] = {
        {"GET /v1 HTTP/1.1\nHost: toy\n\n",                     0, 400, "syntax", NULL},
        {"GET /v1 HTTP/1.1\r\nHost: toy\n\r\n",                 0, 400, "syntax", NULL},
        {"GET /v1 HTTP/1.1\r\nHost: toy\r\n\n",                 0, 400, "syntax", NULL},
        {"GET /v1 HTTP/1.1\r\nHost: toy\r\nA: b\rC: d\r\n\r\n", 0, 400, "syntax", NULL},
        {"GET /v1\r HTTP/1.1\r\nHost: toy\r\n\r\n",             0, 400, "syntax", NULL},
        {"GET /v1 HTTP/1.1\r\r\nHost: toy\r\n\r\n",             0, 400, "syntax", NULL},
    };

    expect_all(*state, bad, sizeof(bad) / sizeof(bad[0]), true);
}

#define POST_ECHO "POST /v1/echo HTTP/1.1\r\n" HOST JSON

static void
ambiguous_lengths_are_refused(void **state)
{
    static const struct bad bad[] = {
        {POST_ECHO "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",                          0, 400, "syntax", "Content-Length"   },
        {POST_ECHO "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",                          0, 400, "syntax", "Content-Length"   },
        {POST_ECHO "Content-Length: 2, 2\r\n\r\n{}",                                            0, 400, "syntax", "Content-Length"   },
        {POST_ECHO "Content-Length: +2\r\n\r\n{}",                                              0, 400, "syntax", "Content-Length"   },
        {POST_ECHO "Content-Length: -2\r\n\r\n{}",                                              0, 400, "syntax", "Content-Length"   },
        {POST_ECHO "Content-Length: 0x2\r\n\r\n{}",                                             0, 400, "syntax", "Content-Length"   },
        {POST_ECHO "Content-Length: 2 2\r\n\r\n{}",                                             0, 400, "syntax", "Content-Length"   },
        {POST_ECHO "Content-Length:\r\n\r\n{}",                                                 0, 400, "syntax", "Content-Length"   },
        {POST_ECHO "Content-Length: 99999999999999999999\r\n\r\n{}",                            0, 400, "syntax", "Content-Length"   },
        {POST_ECHO "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",          0, 400, "syntax",
         "Content-Length"                                                                                                            },
        {POST_ECHO "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",          0, 400, "syntax",
         "Content-Length"                                                                                                            },
        {POST_ECHO "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",                         0, 400, "syntax", "Transfer-Encoding"},
        {POST_ECHO "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",                      0, 400, "syntax", "Transfer-Encoding"},
        {POST_ECHO "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",                0, 400, "syntax", "Transfer-Encoding"},
        {POST_ECHO "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",                              0, 400, "syntax", "Transfer-Encoding"},
        {POST_ECHO "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",                           0, 400, "syntax", "Transfer-Encoding"},
        {POST_ECHO "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, 400, "syntax",
         "Transfer-Encoding"                                                                                                         },
        {POST_ECHO "Transfer-Encoding:\r\n\r\n0\r\n\r\n",                                       0, 400, "syntax", "Transfer-Encoding"},
        {"POST /v1/echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",               0, 400, "syntax",
         "Transfer-Encoding"                                                                                                         },
    };

    expect_all(*state, bad, sizeof(bad) / sizeof(bad[0]), true);
}

#define CHUNKED POST_ECHO "Transfer-Encoding: chunked\r\n\r\n"

static void
malformed_chunks_are_refused(void **state)
{
    static const struct bad bad[] = {
        {CHUNKED "x\r\n",                                               0, 400, "syntax",    NULL},
        {CHUNKED "-2\r\n{}\r\n0\r\n\r\n",                               0, 400, "syntax",    NULL},
        {CHUNKED "+2\r\n{}\r\n0\r\n\r\n",                               0, 400, "syntax",    NULL},
        {CHUNKED " 2\r\n{}\r\n0\r\n\r\n",                               0, 400, "syntax",    NULL},
        {CHUNKED "2 \r\n{}\r\n0\r\n\r\n",                               0, 400, "syntax",    NULL},
        {CHUNKED "0x2\r\n{}\r\n0\r\n\r\n",                              0, 400, "syntax",    NULL},
        {CHUNKED "2\n{}\r\n0\r\n\r\n",                                  0, 400, "syntax",    NULL},
        {CHUNKED "\r\n{}\r\n0\r\n\r\n",                                 0, 400, "syntax",    NULL},
        {CHUNKED "2\r\n{}x\r\n0\r\n\r\n",                               0, 400, "syntax",    NULL},
        {CHUNKED "2\r\n{}\n0\r\n\r\n",                                  0, 400, "syntax",    NULL},
        {CHUNKED "2;a\x01=b\r\n{}\r\n0\r\n\r\n",                        0, 400, "syntax",    NULL},
        {CHUNKED "2\r\n{}\r\n0\r\nTrailer: x\r\n\r\n",                  0, 400, "syntax",    NULL},
        {CHUNKED "2\r\n{}\r\n0\r\nGET /v1 HTTP/1.1\r\nHost: a\r\n\r\n", 0, 400, "syntax",    NULL},
        {CHUNKED
         "1;0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
         "01234567890123456789012345678901234567890123456789", 0, 400, "syntax",    NULL},
        {CHUNKED "fffffffff\r\n",                                       0, 413, "too-large", NULL},
        {CHUNKED "10001\r\n",                                           0, 413, "too-large", NULL},
    };

    expect_all(*state, bad, sizeof(bad) / sizeof(bad[0]), true);
}

static void
chunked_bodies_arrive_in_any_pieces(void **state)
{
    static const char bytes[] = CHUNKED "1\r\n{\r\n5;ext=\"a b\"\r\n\"a\":1\r\n0001\r\n}\r\n00\r\n\r\n" GET("/v1");
    const size_t n = sizeof(bytes) - 1;
    struct client c;
    struct reply r;

    for (size_t step = 1; step <= n; step += step < 8 ? 1 : 17) {
        client_unix(&c, *state);
        for (size_t at = 0; at < n; at += step) {
            client_send(&c, bytes + at, step < n - at ? step : n - at);
        }
        client_read(&c, &r, false);
        assert_int_equal(r.status, 201);
        assert_non_null(strstr(r.body, "{\"body\":{\"a\":1}"));
        reply_free(&r);
        client_read(&c, &r, false); /* the request behind the chunks */
        assert_string_equal(r.body, "{\"ok\":true}");
        reply_free(&r);
        client_close(&c);
    }
}

static void
bodies_with_a_length_arrive_in_any_pieces(void **state)
{
    static const char bytes[] = POST_ECHO "Content-Length: 9\r\n\r\n{\"b\":[1]}" GET("/v1");
    const size_t n = sizeof(bytes) - 1;
    struct client c;
    struct reply r;

    for (size_t step = 1; step <= n; step += step < 8 ? 1 : 13) {
        client_tcp(&c, *state);
        client_printf(&c, "%s", "");
        for (size_t at = 0; at < n; at += step) {
            client_send(&c, bytes + at, step < n - at ? step : n - at);
        }
        client_read(&c, &r, false);
        reply_expect_problem(&r, 401, "unauthorized", NULL); /* no token on TCP */
        reply_free(&r);
        client_read(&c, &r, false);
        reply_expect_problem(&r, 401, "unauthorized", NULL);
        reply_free(&r);
        client_close(&c);
    }
}

static void
bodies_are_checked(void **state)
{
    static const struct bad bad[] = {
        {POST_ECHO "Content-Length: 0\r\n\r\n",                                                              0, 400, "syntax",     NULL              },
        {POST_ECHO "\r\n",                                                                                   0, 400, "syntax",     NULL              },
        {"POST /v1/echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}",                                    0, 415, "media-type", "Content-Type"    },
        {"POST /v1/echo HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",        0, 415,
         "media-type",                                                                                                             "Content-Type"    },
        {"POST /v1/echo HTTP/1.1\r\n" HOST "Content-Type: application/jsonx\r\nContent-Length: 2\r\n\r\n{}", 0, 415,
         "media-type",                                                                                                             "Content-Type"    },
        {"POST /v1/echo HTTP/1.1\r\n" HOST
         "Content-Type: application/json; charset=latin1\r\nContent-Length: 2\r\n\r\n{}",           0, 415, "media-type", "Content-Type"    },
        {POST_ECHO "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",                                  0, 415, "media-type", "Content-Encoding"},
        {POST_ECHO "Content-Length: 1\r\n\r\n{",                                                             0, 400, "syntax",     NULL              },
        {POST_ECHO "Content-Length: 3\r\n\r\n{}x",                                                           0, 400, "syntax",     NULL              },
        {POST_ECHO "Content-Length: 8\r\n\r\n{\"a\":\"\xff\"",                                               0, 400, "syntax",     NULL              },
        {POST_ECHO "Content-Length: 9\r\n\r\n{\"a\":\"\xc0\x80\"",                                           0, 400, "syntax",     NULL              },
        {POST_ECHO "Content-Length: 13\r\n\r\n{\"a\":1,\"a\":2}",                                            0, 400, "syntax",     NULL              },
        {POST_ECHO "Content-Length: 14\r\n\r\n{\"a\":\"\\u0000\"}",                                          0, 400, "syntax",     NULL              },
        {POST_ECHO "Content-Length: 36\r\n\r\n[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]",                         0, 400, "syntax",     NULL              },
        {POST_ECHO "Content-Length: 2\r\n\r\n[]",                                                            0, 422, "invalid",    NULL              },
        {"GET /v1 HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}",                                     0, 400, "syntax",     NULL              },
    };
    static const char *const good[] = {
        "POST /v1/echo HTTP/1.1\r\n" HOST "content-type: Application/JSON;charset=UTF-8\r\nContent-Length: 2\r\n\r\n{}",
        "POST /v1/echo HTTP/1.1\r\n" HOST "CONTENT-TYPE:application/json\t\r\nContent-Length:2 \r\n\r\n{}",
        "POST /v1/list HTTP/1.1\r\n" HOST JSON "Content-Length: 7\r\n\r\n[{},{}]",
        "POST /v1/maybe HTTP/1.1\r\n" HOST "\r\n",
        "POST /v1/maybe HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n",
        "POST /v1/maybe HTTP/1.1\r\n" HOST JSON "Content-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
        "POST /v1/maybe HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
    };
    struct client c;

    expect_all(*state, bad, sizeof(bad) / sizeof(bad[0]), false);
    client_unix(&c, *state);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        json_decref(client_ask(&c, good[i], 201));
    }
    client_close(&c);
}

static void
expect_allow(struct client *c, const char *method, const char *path, const char *allow)
{
    struct reply r;
    char value[64];

    client_printf(c, "%s %s HTTP/1.1\r\n" HOST "\r\n", method, path);
    client_read(c, &r, false);
    reply_expect_problem(&r, 405, "method", NULL);
    assert_string_equal(reply_header(&r, "Allow", value, sizeof(value)), allow);
    reply_free(&r);
}

static void
methods_and_paths_come_from_the_table(void **state)
{
    static const char *const missing[] = {
        "/",           "/v2",           "/v1/",           "/v1/items/0",         "/v1/items/01",
        "/v1/items/x", "/v1/items/-1",  "/v1/items/5/..", "/v1/items/5/a%20b",   "/v1/items/99999999999999999999",
        "//v1",        "/v1/items/5/%", "/v1/../v1",      "/v1/items/5/a%2Fb/c", "/%76%31x",
    };
    struct client c;
    struct reply r;

    client_unix(&c, *state);
    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
        client_printf(&c, "GET %s HTTP/1.1\r\n" HOST "\r\n", missing[i]);
        client_read(&c, &r, false);
        assert_true(r.status == 404 || (r.status == 400 && strchr(missing[i], '%')));
        reply_free(&r);
    }
    expect_allow(&c, "POST", "/v1", "GET, HEAD");
    expect_allow(&c, "PATCH", "/v1/items/5", "GET, HEAD, DELETE");
    expect_allow(&c, "OPTIONS", "/v1/echo", "POST");
    expect_allow(&c, "get", "/v1", "GET, HEAD");
    expect_allow(&c, "BREW", "/v1/stream", "GET, HEAD, POST");

    json_t *j = client_ask(&c, GET("/v1/items/9223372036854775807/a-b_c.d?q=a%20b%2Bc+d%C3%A9&limit=500"), 200);
    assert_int_equal(json_integer_value(json_object_get(j, "id")), INT64_MAX);
    assert_string_equal(json_string_value(json_object_get(j, "word")), "a-b_c.d");
    assert_string_equal(json_string_value(json_object_get(j, "q")), "a b+c d\xc3\xa9");
    assert_int_equal(json_integer_value(json_object_get(j, "limit")), 500);
    json_decref(j);
    json_decref(client_ask(&c, GET("http://elsewhere:80/v1/items/5?"), 200));
    json_decref(client_ask(&c, GET("/%76%31"), 200));
    assert_null(client_ask(&c, "DELETE /v1/items/5 HTTP/1.1\r\n" HOST "\r\n", 204));
    json_decref(client_ask(&c, GET("/v1"), 200));
    client_close(&c);
}

static void
query_parameters_are_checked(void **state)
{
    static const struct bad bad[] = {
        {GET("/v1/items/5?limits=3"),    0, 422, "invalid", "limits" },
        {GET("/v1/items/5?lim=3"),       0, 422, "invalid", "lim"    },
        {GET("/v1/items/5?limit%20q=3"), 0, 422, "invalid", "limit q"},
        {GET("/v1/items/5?=3"),          0, 422, "invalid", NULL     },
        {GET("/v1/items/5?q=1&q=2"),     0, 422, "invalid", "q"      },
        {GET("/v1/items/5?q=%00"),       0, 400, "syntax",  "q"      },
        {GET("/v1/items/5?q=%ff"),       0, 400, "syntax",  "q"      },
        {GET("/v1/items/5?q=%4"),        0, 400, "syntax",  "q"      },
        {GET("/v1/items/5?%zz=1"),       0, 400, "syntax",  NULL     },
        {GET("/v1/items/5?limit=0"),     0, 422, "invalid", "limit"  },
        {GET("/v1/items/5?limit=501"),   0, 422, "invalid", "limit"  },
        {GET("/v1/items/5?limit=1e2"),   0, 422, "invalid", "limit"  },
        {GET("/v1/items/5?limit="),      0, 422, "invalid", "limit"  },
        {GET("/v1?q=1"),                 0, 422, "invalid", "q"      },
        {GET("/v1#top"),                 0, 400, "syntax",  NULL     },
        {GET("*"),                       0, 400, "syntax",  NULL     },
        {GET("v1"),                      0, 400, "syntax",  NULL     },
    };

    expect_all(*state, bad, sizeof(bad) / sizeof(bad[0]), false);
}

static void
head_is_get_without_the_body(void **state)
{
    struct client c;
    struct reply r;
    char value[32];

    client_unix(&c, *state);
    client_printf(&c, "HEAD /v1 HTTP/1.1\r\n" HOST "\r\n" GET("/v1/items/7"));
    client_read(&c, &r, true);
    assert_int_equal(r.status, 200);
    assert_string_equal(reply_header(&r, "Content-Length", value, sizeof(value)), "11");
    client_read(&c, &r, false);
    assert_string_equal(r.body, "{\"id\":7,\"limit\":100,\"word\":null,\"q\":null}");
    reply_free(&r);
    client_close(&c);
}

static void
replies_carry_their_headers(void **state)
{
    struct client c;
    struct reply r;
    char value[64];

    client_unix(&c, *state);
    client_printf(&c, "%s", GET("/v1"));
    client_read(&c, &r, false);
    assert_string_equal(reply_header(&r, "Content-Type", value, sizeof(value)), "application/json");
    assert_string_equal(reply_header(&r, "Cache-Control", value, sizeof(value)), "no-store");
    assert_null(reply_header(&r, "Connection", value, sizeof(value)));
    reply_free(&r);
    client_printf(&c, "%s", GET("/healthz"));
    client_read(&c, &r, false);
    assert_string_equal(r.body, "ok\n");
    assert_string_equal(reply_header(&r, "Content-Type", value, sizeof(value)), "text/plain");
    reply_free(&r);
    client_printf(&c, "DELETE /v1/items/1 HTTP/1.1\r\n" HOST "\r\n");
    client_read(&c, &r, false);
    assert_int_equal(r.status, 204);
    assert_null(reply_header(&r, "Content-Length", value, sizeof(value)));
    assert_null(reply_header(&r, "Content-Type", value, sizeof(value)));
    client_close(&c);
}

static void
connection_close_is_honoured(void **state)
{
    static const char *const requests[] = {
        "GET /v1 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
        "GET /v1 HTTP/1.1\r\n" HOST "Connection: keep-alive, Close\r\n\r\n",
        "GET /v1 HTTP/1.0\r\n\r\n",
        "GET /v1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    };
    struct client c;
    struct reply r;
    char value[16];

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        client_tcp(&c, *state);
        client_printf(&c, "%s", requests[i]);
        client_read(&c, &r, false);
        assert_string_equal(reply_header(&r, "Connection", value, sizeof(value)), "close");
        client_expect_close(&c);
        reply_free(&r);
        client_close(&c);
    }
}

static void
expect_continue_is_answered_before_the_body(void **state)
{
    struct client c;
    struct reply r;

    client_unix(&c, *state);
    client_printf(&c, POST_ECHO "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    client_read(&c, &r, false);
    assert_int_equal(r.status, 100);
    client_printf(&c, "{}");
    client_read(&c, &r, false);
    assert_int_equal(r.status, 201);
    reply_free(&r);
    /* a body that is too large is refused instead */
    client_printf(&c, POST_ECHO "Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n");
    client_read(&c, &r, false);
    reply_expect_problem(&r, 413, "too-large", NULL);
    reply_free(&r);
    client_close(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_requests_are_refused_and_closed),
        cmocka_unit_test(a_host_is_a_host),
        cmocka_unit_test(bare_line_ends_are_refused),
        cmocka_unit_test(ambiguous_lengths_are_refused),
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(chunked_bodies_arrive_in_any_pieces),
        cmocka_unit_test(bodies_with_a_length_arrive_in_any_pieces),
        cmocka_unit_test(bodies_are_checked),
        cmocka_unit_test(methods_and_paths_come_from_the_table),
        cmocka_unit_test(query_parameters_are_checked),
        cmocka_unit_test(head_is_get_without_the_body),
        cmocka_unit_test(replies_carry_their_headers),
        cmocka_unit_test(connection_close_is_honoured),
        cmocka_unit_test(expect_continue_is_answered_before_the_body),
    };

    return cmocka_run_group_tests_name("http", tests, toy_setup, toy_teardown);
}
