/* SPDX-License-Identifier: MIT */
/* A 64-bit hash of bytes, the same on every machine and in every version: it is stored with idempotency keys. */
#ifndef TURNO_HASH_H
#define TURNO_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(uint64_t seed, const void *p, size_t n);

#endif
