/* SPDX-License-Identifier: MIT */
/* Random 128-bit identities and their text form. */
#include "common/uuid.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#include "common/err.h"

struct uuid
uuid_random(void)
{
    struct uuid u;
    ssize_t n;

    /* 16 bytes come whole once the pool is seeded; before that a signal may interrupt the wait */
    do {
        n = getrandom(u.b, sizeof(u.b), 0);
    } while (n < 0 && errno == EINTR);
    ensure(n == (ssize_t)sizeof(u.b));
    u.b[6] = (uint8_t)((u.b[6] & 0x0f) | 0x40); /* version 4 */
    u.b[8] = (uint8_t)((u.b[8] & 0x3f) | 0x80); /* variant of RFC 9562 */
    return u;
}

bool
uuid_is_none(const struct uuid *u)
{
    static const struct uuid none;

    return memcmp(u, &none, sizeof(none)) == 0;
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

static bool
is_dash_place(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

bool
uuid_parse(const char *text, struct uuid *ret)
{
    struct uuid u;
    const char *p = text;

    for (size_t i = 0; i < sizeof(u.b); i++) {
        if (is_dash_place(i) && *p++ != '-') {
            return false;
        }
        int high = hex_value(p[0]);
        int low = high < 0 ? -1 : hex_value(p[1]); /* never look behind the end */
        if (low < 0) {
            return false;
        }
        u.b[i] = (uint8_t)(high << 4 | low);
        p += 2;
    }
    if (*p != '\0') {
        return false;
    }
    *ret = u;
    return true;
}

void
uuid_format(const struct uuid *u, char out[37])
{
    static const char digits[] = "0123456789abcdef";
    char *p = out;

    for (size_t i = 0; i < sizeof(u->b); i++) {
        if (is_dash_place(i)) {
            *p++ = '-';
        }
        *p++ = digits[u->b[i] >> 4];
        *p++ = digits[u->b[i] & 0x0f];
    }
    *p = '\0';
}
