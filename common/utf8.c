/* SPDX-License-Identifier: MIT */
/* Table 3-7 of the Unicode standard: the second byte's range depends on the first, the others are 80..BF. */
#include "common/utf8.h"

#include <stdbool.h>

static bool
is_tail(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t
utf8_len(const char *s, size_t n)
{
    if (n == 0) {
        return 0;
    }
    unsigned char first = (unsigned char)s[0];
    unsigned char low = 0x80, high = 0xbf;
    size_t len;

    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        len = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        len = 3;
        low = first == 0xe0 ? 0xa0 : low;
        high = first == 0xed ? 0x9f : high;
    } else if (first >= 0xf0 && first <= 0xf4) {
        len = 4;
        low = first == 0xf0 ? 0x90 : low;
        high = first == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (n < len || (unsigned char)s[1] < low || (unsigned char)s[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (!is_tail(s[i])) {
            return 0;
        }
    }
    return len;
}

size_t
utf8_cut(const char *s, size_t n)
{
    size_t start = n;

    /* back to the first byte of the last character, which is at most four bytes long */
    while (start > 0 && n - start < 3 && is_tail(s[start - 1])) {
        start--;
    }
    if (start == 0 || (unsigned char)s[start - 1] < 0xc2) {
        return n; /* it ends in ASCII, or is no UTF-8 at all */
    }
    start--;
    return utf8_len(s + start, n - start) > 0 ? n : start;
}
