/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: an error reply as turno shows it. Input: a byte for the status, then the body, which may come from a daemon
 * or from whatever else answers there. There is always a sentence, and it can be printed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int statuses[] = {400, 401, 403, 404, 409, 422, 500, 503, 504, 599};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    struct reply r = {.status = statuses[data[0] % (sizeof(statuses) / sizeof(statuses[0]))], .n = size - 1};
    struct err e = {0};

    r.text = (const char *)data + 1;
    r.doc = json_loadb(r.text, r.n, JSON_DECODE_ANY, NULL);
    client_problem(&r, &e);
    ensure(e.code != ERR_NONE && e.msg[0] && err_exit(e.code) != EXIT_OK);
    ensure(json_utf8_ok(e.msg, strlen(e.msg)) && json_utf8_ok(e.field, strlen(e.field)));
    for (const char *p = e.msg; *p; p++) {
        ensure((unsigned char)*p >= 0x20 && *p != 0x7f);
    }
    ensure(!strstr(e.msg, "\xc2\x9b") && !strpbrk(e.field, "\n\t\r\x1b\x7f"));
    json_decref(r.doc);
    return 0;
}
