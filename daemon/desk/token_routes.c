/* SPDX-License-Identifier: MIT */
/* Tokens over the API. A secret is made here, answered once and forgotten; the database gets its hash. */
#include <openssl/crypto.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/parse.h"
#include "daemon/desk/desk_routes.h"
#include "daemon/desk/state.h"
#include "daemon/desk/token.h"
#include "daemon/os/clock.h"

enum op_next
step_token_list(struct op *op)
{
    if (op->step == 1) {
        return op_reply_row(op);
    }
    op->step = 1;
    (void)op_call(op, STMT_TOKEN_LIST);
    return op_send(op);
}

struct token_body {
    const char *person, *account, *name, *kind, *segment, *scope, *label, *expires;
    int64_t expires_at;
    char secret[TOKEN_SECRET_MAX];
};

static bool
one_line(const char *field, const char *s, struct err *e)
{
    if (s != NULL && (s[0] == '\0' || strpbrk(s, "\r\n\t") != NULL)) {
        return err_field(e, ERR_INVALID, field, "'%s' must be one line of text", field);
    }
    return true;
}

static bool
is_one_of(const char *s, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (strcmp(*list, s) == 0) {
            return true;
        }
    }
    return false;
}

const char *const token_scopes[] = {"submit", "agent", "admin", "read", NULL};
const char *const account_kinds[] = {"customer", "supplier", "creditor", "government", "organisation", "public", NULL};
const char *const account_segments[] = {"loyal", "occasional", NULL};

static bool
token_check(struct token_body *b, struct err *e)
{
    if ((b->person != NULL) == (b->account != NULL)) {
        return err_field(e, ERR_INVALID, "person", "a token is for a 'person', or for an 'account' and a 'name' there");
    }
    if ((b->account != NULL) != (b->name != NULL)) {
        return err_field(e, ERR_INVALID, "name", "'account' and 'name' go together");
    }
    if (b->account == NULL && (b->kind != NULL || b->segment != NULL)) {
        return err_field(e, ERR_INVALID, "kind", "'kind' and 'segment' are for a new account");
    }
    if (!is_one_of(b->scope, token_scopes)) {
        return err_field(e, ERR_INVALID, "scope", "scope '%s' is none of submit, agent, admin, read", b->scope);
    }
    if (b->kind != NULL && !is_one_of(b->kind, account_kinds)) {
        return err_field(e, ERR_INVALID, "kind", "kind '%s' is not known", b->kind);
    }
    if (b->segment != NULL && !is_one_of(b->segment, account_segments)) {
        return err_field(e, ERR_INVALID, "segment", "segment '%s' is none of loyal, occasional", b->segment);
    }
    if (b->expires != NULL &&
        (!parse_when(b->expires, clock_wall(), &b->expires_at) || b->expires_at <= clock_wall())) {
        return err_field(e, ERR_INVALID, "expires", "'expires' must be a time to come, like 2027-01-31 or 90d");
    }
    return one_line("person", b->person, e) && one_line("account", b->account, e) && one_line("name", b->name, e) &&
           one_line("label", b->label, e);
}

#define FIELD(name, member, max, required)                                                                             \
    {                                                                                                                  \
        name, JSON_KIND_TEXT, required, offsetof(struct token_body, member), 0, max                                    \
    }
static const struct json_field fields[] = {
    FIELD("person", person, 100, false), FIELD("account", account, 100, false), FIELD("name", name, 100, false),
    FIELD("kind", kind, 40, false),      FIELD("segment", segment, 40, false),  FIELD("scope", scope, 20, true),
    FIELD("label", label, 200, false),   FIELD("expires", expires, 40, false),
};
#undef FIELD
const struct json_shape token_shape = JSON_SHAPE(fields);

static struct token_body *
token_read(struct op *op)
{
    struct token_body *b = ARENA_NEW(op->a, struct token_body);
    struct err e;

    b->expires_at = USEC_NONE;
    if (!json_bind(op->a, op->body, fields, sizeof(fields) / sizeof(fields[0]), b, &e) || !token_check(b, &e)) {
        (void)op_fail_err(op, &e);
        return NULL;
    }
    return b;
}

static enum op_next
token_answer(struct op *op, struct token_body *b)
{
    const struct db_row *row = op->res->rows[0];
    const char *error = db_text(row, 0, NULL);
    char ends[32];
    struct strbuf sb;

    if (error != NULL) {
        return op_fail_said(op, err_from_name(error), db_text(row, 1, NULL), db_text(row, 2, NULL));
    }
    log_notice("a token was made token=%d person=%d scope=%s by=%s", (int)db_i64(row, 3), (int)db_i64(row, 4), b->scope,
               op->who.name);
    if (b->expires_at != USEC_NONE) {
        format_iso(b->expires_at, ends);
    }
    strbuf_init(&sb);
    strbuf_addf(&sb, "{\"token_id\":%d,\"secret\":\"%s\",\"person\":", (int)db_i64(row, 3), b->secret);
    strbuf_add_json(&sb, db_text(row, 5, NULL));
    strbuf_add(&sb, ",\"account\":");
    strbuf_add_json(&sb, db_text(row, 6, NULL));
    strbuf_addf(&sb, ",\"scope\":\"%s\",\"expires_at\":", b->scope);
    strbuf_add_json(&sb, b->expires_at != USEC_NONE ? ends : NULL);
    strbuf_addch(&sb, '}');
    OPENSSL_cleanse(b->secret, sizeof(b->secret));
    return op_reply_buf(op, 201, &sb);
}

enum op_next
step_token_add(struct op *op)
{
    struct token_body *b = op->mine;
    uint8_t hash[32];
    struct db_call *c;

    if (op->step == 1) {
        return token_answer(op, b);
    }
    b = token_read(op);
    if (b == NULL) {
        return OP_DONE;
    }
    op->mine = b;
    op->step = 1;
    token_make(b->secret);
    token_hash(b->secret, hash);
    c = op_call(op, STMT_TOKEN_ADD);
    db_bind_i32(c, op->who.person_id);
    db_bind_bytes(c, hash, sizeof(hash));
    db_bind_text(c, b->scope);
    db_bind_text(c, b->label != NULL ? b->label : b->person != NULL ? b->person : b->name);
    db_bind_time(c, b->expires_at);
    db_bind_text(c, b->person);
    db_bind_text(c, b->account);
    db_bind_text(c, b->kind);
    db_bind_text(c, b->segment);
    db_bind_text(c, b->name);
    return op_send(op);
}

enum op_next
step_token_revoke(struct op *op)
{
    if (op->step == 1) {
        if (op->res->nrows > 0) {
            char payload[32];
            (void)snprintf(payload, sizeof(payload), "token:%d", (int)op->path_i64[0]);
            people_token_ended(op->app->people, (int32_t)op->path_i64[0]);
            db_notify(op->app->db, payload);
            log_notice("a token was revoked token=%d by=%s", (int)op->path_i64[0], op->who.name);
        }
        return op_reply_row(op);
    }
    if (op->path_i64[0] > INT32_MAX) {
        return op_fail(op, ERR_NOT_FOUND, "there is no token %lld", (long long)op->path_i64[0]);
    }
    op->step = 1;
    db_bind_i32(op_call(op, STMT_TOKEN_REVOKE), (int32_t)op->path_i64[0]);
    return op_send(op);
}
