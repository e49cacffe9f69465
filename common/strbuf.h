/* SPDX-License-Identifier: MIT */
/* Growable text. `p` is never NULL after strbuf_init and always NUL-terminated; bytes may hold NUL inside. */
#ifndef TURNO_STRBUF_H
#define TURNO_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf {
    char *p;    /* points at a shared empty string until the first byte is added */
    size_t n;   /* bytes without the terminating NUL */
    size_t cap; /* 0: nothing allocated */
};

/* libconfig 1.5 exports a strbuf_release and a strbuf_append of its own: ours must not be taken for them. */
#pragma GCC visibility push(hidden)

void strbuf_init(struct strbuf *sb);    /* no allocation */
void strbuf_release(struct strbuf *sb); /* frees; the buffer is as after strbuf_init */
void strbuf_clear(struct strbuf *sb);   /* empty, memory kept */
char *strbuf_detach(struct strbuf *sb); /* the text as malloc'd memory; the buffer is empty afterwards */
void strbuf_reserve(struct strbuf *sb, size_t more);
void strbuf_add(struct strbuf *sb, const char *s);
void strbuf_addn(struct strbuf *sb, const void *s, size_t n);
void strbuf_addch(struct strbuf *sb, char c);
void strbuf_addf(struct strbuf *sb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* s as a quoted JSON string (UTF-8 kept, control characters escaped); NULL becomes null. */
void strbuf_add_json(struct strbuf *sb, const char *s);
void strbuf_add_json_n(struct strbuf *sb, const char *s, size_t n);

#pragma GCC visibility pop

#endif
