/* SPDX-License-Identifier: MIT */
/*
 * Private links that somebody of the desk makes, for a customer who telephones or writes. As with tokens (token_routes.c) the
 * secret is made here, answered once and forgotten; web.c opens the page behind it.
 */
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "common/log.h"
#include "daemon/desk/desk_routes.h"
#include "daemon/desk/state.h"
#include "daemon/desk/token.h"

#define LINKS_MAX 10 /* of a ticket */

/* An outcome of link_make or link_end. */
static enum op_next
refuse(struct op *op, const char *outcome)
{
    static const struct {
        const char *outcome;
        enum err_code code;
        const char *say;
    } words[] = {
        {"none",      ERR_NOT_FOUND, N_("there is no such ticket")                                                  },
        {"forbidden", ERR_FORBIDDEN, N_("this is not yours to do on this ticket")                                   },
        {"inside",    ERR_CONFLICT,  N_("private links are for customers outside; whoever asks here is a colleague")},
        {"ended",     ERR_CONFLICT,  N_("it was closed more than 90 days ago: a link would lead nowhere")           },
        {"full",      ERR_CONFLICT,  N_("this ticket has ten private links already: end them all, then make one")   },
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(outcome, words[i].outcome) == 0) {
            return op_fail(op, words[i].code, "%s", words[i].say);
        }
    }
    return op_fail(op, ERR_INTERNAL, "outcome '%s' is not expected", outcome);
}

static enum op_next
answer(struct op *op, char *secret, int32_t token_id)
{
    const char *url = op->app->conf.web.url;
    const char *path = arena_printf(op->a, "/t/%s", secret);
    struct strbuf sb;

    log_notice("a private link was made token=%d ticket=%lld by=%s", (int)token_id, (long long)op->path_i64[0],
               op->who.name);
    strbuf_init(&sb);
    strbuf_addf(&sb, "{\"ticket\":%lld,\"link\":", (long long)op->path_i64[0]);
    strbuf_add_json(&sb, url[0] != '\0' ? arena_printf(op->a, "%s%s", url, path) : NULL);
    strbuf_addf(&sb, ",\"path\":\"%s\"}", path);
    OPENSSL_cleanse(secret, TOKEN_SECRET_MAX);
    return op_reply_buf(op, 201, &sb);
}

enum op_next
step_link_add(struct op *op)
{
    const struct db_row *row = op->step > 0 && op->res->nrows == 1 ? op->res->rows[0] : NULL;
    char *secret = op->mine;
    uint8_t hash[32];
    struct db_call *c;

    if (op->step++ > 0) {
        const char *outcome = row != NULL ? db_text(row, 0, NULL) : "";
        return strcmp(outcome, "done") == 0 ? answer(op, secret, (int32_t)db_i64(row, 1)) : refuse(op, outcome);
    }
    if (!op->app->conf.web.form && op->app->conf.web.url[0] == '\0') {
        return op_fail(
            op, ERR_CONFLICT,
            "this desk has no pages outside: its administrator sets web.url in turnod.conf to their address");
    }
    op->mine = secret = arena_alloc(op->a, TOKEN_SECRET_MAX);
    token_make(secret);
    token_hash(secret, hash);
    c = op_call(op, STMT_LINK_MAKE);
    db_bind_i32(c, op->who.person_id);
    db_bind_i64(c, op->path_i64[0]);
    db_bind_bytes(c, hash, sizeof hash);
    db_bind_i32(c, LINKS_MAX);
    return op_send(op);
}

/* They open nothing from here on, at other daemons as soon as they hear it or, if that is lost, ask again (half a minute). */
static enum op_next
ended(struct op *op, const struct db_row *row)
{
    struct strbuf sb;
    int n = (int)db_i64(row, 1);

    if (n > 0) {
        int32_t token_id = (int32_t)db_i64(row, 2); /* who hears of one forgets all that is remembered */
        char payload[32];

        (void)snprintf(payload, sizeof payload, "token:%d", (int)token_id);
        people_token_ended(op->app->people, token_id);
        db_notify(op->app->db, payload);
        log_notice("private links were revoked n=%d ticket=%lld by=%s", n, (long long)op->path_i64[0], op->who.name);
    }
    strbuf_init(&sb);
    strbuf_addf(&sb, "{\"ticket\":%lld,\"revoked\":%d}", (long long)op->path_i64[0], n);
    return op_reply_buf(op, 200, &sb);
}

enum op_next
step_link_end(struct op *op)
{
    const struct db_row *row = op->step > 0 && op->res->nrows == 1 ? op->res->rows[0] : NULL;
    struct db_call *c;

    if (op->step++ > 0) {
        const char *outcome = row != NULL ? db_text(row, 0, NULL) : "";
        return strcmp(outcome, "done") == 0 ? ended(op, row) : refuse(op, outcome);
    }
    c = op_call(op, STMT_LINK_END);
    db_bind_i32(c, op->who.person_id);
    db_bind_i64(c, op->path_i64[0]);
    return op_send(op);
}
