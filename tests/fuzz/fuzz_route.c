/* SPDX-License-Identifier: MIT */
/*
 * Route matching: the first byte chooses the method, the rest is the path. A row that is found must give the path back
 * when its values are put into it, and no other row of the method may fit.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "daemon/http/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum op_next
step_none(struct op *op)
{
    (void)op;
    return OP_DONE;
}

#define ROW(method, path)                                                                                              \
    {                                                                                                                  \
        method, path, PERM_PERSON, 0, "", step_none, "a row"                                                           \
    }

static const struct route table[] = {
    ROW(METHOD_GET, "/v1"),
    ROW(METHOD_GET, "/v1/tickets"),
    ROW(METHOD_POST, "/v1/tickets"),
    ROW(METHOD_GET, "/v1/tickets/{id}"),
    ROW(METHOD_GET, "/v1/tickets/{id}/waits"),
    ROW(METHOD_POST, "/v1/tickets/{id}/reply"),
    ROW(METHOD_POST, "/v1/tickets/{id}/park-customer"),
    ROW(METHOD_DELETE, "/v1/tokens/{id}"),
    ROW(METHOD_GET, "/v1/{word}/of/{word}/{id}/{word}"),
    ROW(METHOD_GET, "/healthz"),
    {0, NULL, 0, 0, NULL, NULL, NULL},
};

static void
check_found(const struct route *r, const char *path, const struct op *op)
{
    struct strbuf sb;
    int value = 0;

    strbuf_init(&sb);
    for (const char *p = r->path; *p; p++) {
        if (*p == '{') {
            char number[24];
            (void)snprintf(number, sizeof(number), "%lld", (long long)op->path_i64[value]);
            ensure(p[1] != 'i' || strcmp(number, op->path_text[value]) == 0);
            strbuf_add(&sb, op->path_text[value++]);
            p = strchr(p, '}');
        } else {
            strbuf_addch(&sb, *p);
        }
    }
    ensure(strcmp(sb.p, path) == 0 && value == op->npath);
    strbuf_release(&sb);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum method methods[] = {METHOD_GET, METHOD_POST, METHOD_DELETE, (enum method)0};
    struct op op = {.a = arena_new()};
    unsigned allow = 0;
    struct err e = {0};

    if (size > 0) {
        enum method m = methods[data[0] % 4];
        const char *path = arena_strndup(op.a, (const char *)data + 1, size - 1);
        const struct route *r = route_find(table, m, path, &op, &allow, &e);
        if (r) {
            ensure(r->method == m);
            check_found(r, path, &op);
        } else {
            ensure(e.code == (allow ? ERR_METHOD : ERR_NOT_FOUND) && op.npath == 0 && !(allow & m));
        }
    }
    arena_free(op.a);
    return 0;
}
