/* SPDX-License-Identifier: MIT */
/* 128-bit identities: op ids and batch gates. All zero means "none". */
#ifndef TURNO_UUID_H
#define TURNO_UUID_H

#include <stdbool.h>
#include <stdint.h>

struct uuid {
    uint8_t b[16];
};

struct uuid uuid_random(void); /* version 4, from the kernel (getrandom) */
bool uuid_is_none(const struct uuid *u);
bool uuid_parse(const char *text, struct uuid *ret); /* 8-4-4-4-12 hex; false leaves ret alone */
void uuid_format(const struct uuid *u, char out[37]);

#endif
