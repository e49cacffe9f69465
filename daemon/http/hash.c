/* SPDX-License-Identifier: MIT */
/*
 * MurmurHash64A (Austin Appleby, public domain), reading little-endian words. Not a defence against collisions made on
 * purpose: who makes one fools only the repeat check of their own key.
 */
#include "daemon/http/hash.h"

#include <endian.h>
#include <string.h>

uint64_t
hash_bytes(uint64_t seed, const void *p, size_t n)
{
    const uint64_t m = UINT64_C(0xc6a4a7935bd1e995);
    const unsigned char *at = p;
    uint64_t h = seed ^ (n * m);

    for (; n >= 8; at += 8, n -= 8) {
        uint64_t k;
        memcpy(&k, at, 8);
        k = le64toh(k) * m;
        k = (k ^ (k >> 47)) * m;
        h = (h ^ k) * m;
    }
    if (n > 0) {
        uint64_t k = 0;
        memcpy(&k, at, n);
        h = (h ^ le64toh(k)) * m;
    }
    h = (h ^ (h >> 47)) * m;
    return h ^ (h >> 47);
}
