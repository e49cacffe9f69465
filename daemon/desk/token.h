/* SPDX-License-Identifier: MIT */
/* Tokens: secrets that stand for a person, shown once and stored as SHA-256. */
#ifndef TURNO_TOKEN_H
#define TURNO_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKEN_PREFIX     "turno_"
#define TOKEN_SECRET_MAX 64 /* bytes with prefix and NUL: 6 + 43 + 1 */

/* A new secret: prefix and 32 random bytes as base64url. */
/* What a token may be for, and what an account may be; NULL ends each. */
extern const char *const token_scopes[], *const account_kinds[], *const account_segments[];

void token_make(char ret[TOKEN_SECRET_MAX]);
/* Has the shape of one of our secrets. */
bool token_is_formed(const char *secret);
void token_hash(const char *secret, uint8_t ret[32]);
bool token_hash_equal(const uint8_t a[32], const uint8_t b[32]); /* in constant time */

#endif
