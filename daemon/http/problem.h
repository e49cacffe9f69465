/* SPDX-License-Identifier: MIT */
/* Errors as problem details (RFC 9457). */
#ifndef TURNO_PROBLEM_H
#define TURNO_PROBLEM_H

#include <stdint.h>

#include "common/err.h"
#include "common/strbuf.h"

#define PROBLEM_TYPE "application/problem+json"

/* Append the JSON body. id: the op's. lang: one of i18n_languages. extra: further members as JSON text
 * ("name":value,…) or NULL. */
void problem_render(struct strbuf *sb, const struct err *e, uint64_t id, const char *lang, const char *extra);
/* Header lines that go with the error: Retry-After, WWW-Authenticate; "" when none do. */
const char *problem_headers(enum err_code code);

#endif
