/* SPDX-License-Identifier: MIT */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef TURNO_UTF8_H
#define TURNO_UTF8_H

#include <stddef.h>

/* Bytes of the character at s (1..4), of which at most n may be read; 0 when there is none or it is not valid. */
size_t utf8_len(const char *s, size_t n);
/* The longest prefix of s (n bytes) that does not end inside a character. For cutting text at a limit. */
size_t utf8_cut(const char *s, size_t n);

#endif
