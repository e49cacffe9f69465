/* SPDX-License-Identifier: MIT */
/* Buckets in a fixed table: floods of addresses cost nothing, and push out those that did least. */
#include "daemon/desk/web_limit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "daemon/http/hash.h"

#define ROWS 1024
#define WAYS 8

/* A token bucket told by one instant: when it will be full again. */
struct bucket {
    uint64_t who; /* hash of the address; 0: not in use */
    usec_t full_at;
};

struct web_limit {
    usec_t each, room; /* what one costs, and what an address has */
    uint64_t seed;     /* nobody outside can aim at a row */
    struct bucket rows[ROWS][WAYS];
};

struct web_limit *
web_limit_new(int64_t per_hour)
{
    struct web_limit *l = xcalloc(1, sizeof *l);

    l->each = USEC_HOUR / per_hour;
    l->room = l->each * per_hour;
    arc4random_buf(&l->seed, sizeof l->seed);
    return l;
}

void
web_limit_free(struct web_limit *l)
{
    free(l);
}

bool
web_address(const char *text, struct in6_addr *ret)
{
    struct in_addr four;

    if (inet_pton(AF_INET, text, &four) == 1) {
        memset(ret, 0, sizeof *ret);
        ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
        memcpy(ret->s6_addr + 12, &four, sizeof four);
        return true;
    }
    return inet_pton(AF_INET6, text, ret) == 1;
}

/* What counts as one: an IPv4 address, however it is written, an IPv6 network, or all that is no address. */
static uint64_t
hash_of(const struct web_limit *l, const char *addr)
{
    struct in6_addr six;
    uint64_t h = l->seed;

    if (web_address(addr, &six)) {
        h = hash_bytes(h, &six, IN6_IS_ADDR_V4MAPPED(&six) ? sizeof six : 8);
    }
    return h != 0 ? h : 1;
}

bool
web_limit_take(struct web_limit *l, const char *addr, usec_t now)
{
    uint64_t who = hash_of(l, addr);
    struct bucket *row = l->rows[who % ROWS];
    struct bucket *b = &row[0];

    for (size_t i = 0; i < WAYS && b->who != who; i++) {
        if (row[i].who == who || row[i].full_at < b->full_at) {
            b = &row[i];
        }
    }
    if (b->who != who || b->full_at < now) {
        *b = (struct bucket){who, now};
    }
    if (b->full_at + l->each > now + l->room) {
        return false;
    }
    b->full_at += l->each;
    return true;
}
