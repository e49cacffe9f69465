/* SPDX-License-Identifier: MIT */
/*
 * The framing of HTTP/1.1 requests as pure functions over bytes: where a head ends, what it says, how a chunked body is
 * cut. Everything two parsers could read in two ways is refused: bare CR or LF, NUL, folded lines, blanks before a
 * colon, two lengths, a length beside chunks, repeated single headers, trailers.
 */
#ifndef TURNO_HEAD_H
#define TURNO_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* Borrowed bytes; p is NULL when there is nothing. */
struct slice {
    const char *p;
    size_t n;
};

enum head_state { HEAD_MORE, HEAD_DONE, HEAD_BAD };

/* How far a head that arrives in pieces has been looked at; all zero at its start. */
struct head_scan {
    size_t seen; /* bytes looked at */
    size_t line; /* where the present line began */
};

/* Look for the end of the head in the n bytes at p, of which earlier calls have seen a part. HEAD_DONE: the head is
 * *ret_n bytes with its empty line. HEAD_BAD: e is filled. */
enum head_state head_scan(const char *p, size_t n, struct head_scan *s, size_t *ret_n, struct err *e);

#define HEAD_LINES_MAX 100

/* Headers that mean something here; all others are checked for form and forgotten. */
enum head_field {
    HEAD_HOST,
    HEAD_CONTENT_LENGTH,
    HEAD_TRANSFER_ENCODING,
    HEAD_CONTENT_TYPE,
    HEAD_CONTENT_ENCODING,
    HEAD_EXPECT,
    HEAD_AUTHORIZATION,
    HEAD_IDEMPOTENCY_KEY,
    HEAD_LAST_EVENT_ID,
    HEAD_CONNECTION,
    HEAD_ACCEPT,
    HEAD_ACCEPT_LANGUAGE,
    HEAD_FORWARDED_FOR,
    HEAD_FETCH_SITE,
    HEAD_FIELD_COUNT
};

struct head {
    struct slice method;
    struct slice target; /* visible ASCII */
    bool is_old;         /* HTTP/1.0 */
    bool close;          /* the client wants the connection closed afterwards */
    bool chunked;
    bool expects_continue;
    bool accepts_stream;    /* text/event-stream is among the accepted types */
    int64_t content_length; /* -1: not given */
    struct slice field[HEAD_FIELD_COUNT];
};

/* Read a whole head (as head_scan measured it). The slices point into p. */
bool head_parse(const char *p, size_t n, struct head *ret, struct err *e);

/* ---- chunked bodies ---- */

enum chunk_state { CHUNK_SIZE, CHUNK_DATA, CHUNK_DATA_END, CHUNK_LAST, CHUNK_OVER };

struct chunk {
    enum chunk_state state;
    uint64_t left; /* data bytes of the present chunk still to come */
};

/*
 * Decode in place: buf[0..*body_n) is the body so far, buf[*body_n..*n) raw bytes. Takes what is there, moves the data
 * down to follow the body, and closes the gap: on return buf[*body_n..*n) is what could not be used yet, or, when
 * c->state is CHUNK_OVER, the begin of the next request. False: e is filled (malformed, or the body grows over
 * body_max).
 */
bool chunk_decode(struct chunk *c, char *buf, size_t *body_n, size_t *n, size_t body_max, struct err *e);

#endif
