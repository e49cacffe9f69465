/* SPDX-License-Identifier: MIT */
/* SHA-256, with OpenSSL's method looked up once: each request needs it, and the look-up costs more than hashing a token. */
#ifndef TURNO_DIGEST_H
#define TURNO_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE 32

/* The SHA-256 of n bytes. */
void digest_sha256(const void *p, size_t n, uint8_t ret[DIGEST_SIZE]);

#endif
