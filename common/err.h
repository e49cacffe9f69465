/* SPDX-License-Identifier: MIT */
/*
 * One error as a value: a code from the table below, one sentence for the reader, the field it is about.
 * From the table come the `code` and HTTP status of problem details (RFC 9457) and the CLI's exit codes.
 * Functions that take a struct err return false exactly when they filled it.
 */
#ifndef TURNO_ERR_H
#define TURNO_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Exit codes of the CLI (turno(1), EXIT STATUS). */
enum exit_code {
    EXIT_OK = 0,
    EXIT_REFUSED = 1,     /* the desk said no */
    EXIT_USAGE = 2,       /* the command line is not understood */
    EXIT_NOT_FOUND = 3,   /* no such thing, or not yours to see */
    EXIT_CONFLICT = 4,    /* changed meanwhile: look again */
    EXIT_DENIED = 5,      /* not permitted */
    EXIT_UNREACHABLE = 6, /* no daemon, or it cannot serve now */
    EXIT_NOTHING = 7,     /* next: nothing waits for you */
};

/* clang-format off */
/*  code          JSON name          HTTP  exit              title */
#define ERR_TABLE(X)                                                                                   \
    X(NONE,        "none",            200, EXIT_OK,           "no error")                              \
    X(SYNTAX,      "syntax",          400, EXIT_REFUSED,      "the request is not well-formed")        \
    X(UNAUTHORIZED,"unauthorized",    401, EXIT_DENIED,       "a valid token is needed")               \
    X(FORBIDDEN,   "forbidden",       403, EXIT_DENIED,       "not permitted")                         \
    X(NOT_FOUND,   "not-found",       404, EXIT_NOT_FOUND,    "not found")                             \
    X(METHOD,      "method",          405, EXIT_REFUSED,      "this method is not offered here")       \
    X(TIMEOUT,     "timeout",         408, EXIT_UNREACHABLE,  "the request took too long to arrive")   \
    X(CONFLICT,    "conflict",        409, EXIT_CONFLICT,     "not possible in the present state")     \
    X(STALE,       "stale",           409, EXIT_CONFLICT,     "someone else has changed it meanwhile") \
    X(NEWS,        "news",            409, EXIT_CONFLICT,     "there is a newer message")              \
    X(BLOCKED,     "blocked",         409, EXIT_CONFLICT,     "open requests block it")                \
    X(AWAY,        "away",            409, EXIT_CONFLICT,     "you are away")                          \
    X(FULL,        "full",            409, EXIT_CONFLICT,     "you have as much in hand as you may")   \
    X(AMBIGUOUS,   "ambiguous",       409, EXIT_USAGE,        "more than one fits")                    \
    X(TOO_LARGE,   "too-large",       413, EXIT_REFUSED,      "the request is too large")              \
    X(MEDIA,       "media-type",      415, EXIT_REFUSED,      "only application/json is understood")   \
    X(INVALID,     "invalid",         422, EXIT_REFUSED,      "a value is not acceptable")             \
    X(MISMATCH,    "mismatch",        422, EXIT_REFUSED,      "the Idempotency-Key was used for another request") \
    X(DESK,        "desk",            422, EXIT_REFUSED,      "the desk file has mistakes")            \
    X(OFTEN,       "too-often",       429, EXIT_REFUSED,      "too often: wait a while")              \
    X(HEADERS,     "headers",         431, EXIT_REFUSED,      "the headers are too large")             \
    X(INTERNAL,    "internal",        500, EXIT_UNREACHABLE,  "a fault in turno")                      \
    X(BUSY,        "busy",            503, EXIT_UNREACHABLE,  "too much is waiting, try again")        \
    X(DATABASE,    "database",        503, EXIT_UNREACHABLE,  "the database cannot be reached")        \
    X(STOPPING,    "stopping",        503, EXIT_UNREACHABLE,  "the daemon is stopping")                \
    X(DEADLINE,    "deadline",        504, EXIT_UNREACHABLE,  "the answer took too long")              \
    X(UNKNOWN,     "unknown",         504, EXIT_UNREACHABLE,  "whether it was done is not known")      \
    /* local to a program, never sent */                                                               \
    X(USAGE,       "usage",           400, EXIT_USAGE,        "wrong usage")                           \
    X(UNREACHABLE, "unreachable",     503, EXIT_UNREACHABLE,  "no daemon answers")                     \
    X(NOTHING,     "nothing",         200, EXIT_NOTHING,      "nothing waits")
/* clang-format on */

enum err_code {
#define X(id, name, http, exit, title) ERR_##id,
    ERR_TABLE(X)
#undef X
        ERR_COUNT
};

struct err {
    enum err_code code;
    char msg[256];   /* lower case, no full stop; names in single quotes */
    char field[64];  /* the JSON member, query parameter or configuration key, or empty */
    const char *fmt; /* what msg was made from, for its translation; NULL: not known */
};

/* Fill e (NULL is accepted) and return false, so that callers can write `return err_set(...)`. The text is translated into
 * the language in use (common/i18n.h); the formats are found by tests/check/po and need no mark. fmt is a literal. */
bool err_set(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool err_field(struct err *e, enum err_code code, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
bool err_vset(struct err *e, enum err_code code, const char *field, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));
/* The same with a text from elsewhere: msg, which was made from fmt (NULL: it has no arguments). fmt must live as long as e. */
bool err_text(struct err *e, enum err_code code, const char *field, const char *msg, const char *fmt);
/* What an error that was set in English says in the language in use now: its msg, or its title without one. In buf, or a text
 * that lives as long as e. */
const char *err_said(const struct err *e, char *buf, size_t size);
/* Put `context: ` before the message. */
void err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *err_name(enum err_code code);
const char *err_title(enum err_code code);
int err_http(enum err_code code);
int err_exit(enum err_code code);
/* The code of a problem's JSON name; ERR_INTERNAL when unknown. */
enum err_code err_from_name(const char *name);

/* A broken invariant is a bug: say where and abort, in release builds too. */
#define ensure(cond)         ((cond) ? (void)0 : ensure_failed(#cond, __FILE__, __LINE__))
#define ensure_unreachable() ensure_failed("unreachable", __FILE__, __LINE__)
void ensure_failed(const char *cond, const char *file, int line) __attribute__((noreturn));

#endif
