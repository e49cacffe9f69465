/* SPDX-License-Identifier: MIT */
/* The batch kind `claim`: how a claim's fields travel, one statement for all who take from the same lanes. */
#include "daemon/desk/claim.h"

#include <stddef.h>

#include "common/names.h"
#include "common/parse.h"
#include "daemon/desk/lane.h"

#define COL(type, field)                                                                                               \
    {                                                                                                                  \
        BATCH_##type, offsetof(struct claim, field)                                                                    \
    }

static const struct batch_col cols[] = {COL(I32, agent), COL(UUID, op_id), COL(BOOL, offer), COL(UUID, key)};

/* The lanes of the batch's agents and where to start in each. */
static void
bind_lanes(struct db_call *call, const struct item *first, void *arg)
{
    const struct claim *c = (const struct claim *)first;
    struct lanes *lanes = c->app->lanes;
    const struct lane_set *set = lane_set_by_id(lanes, c->set_id);
    int64_t *floors = arena_alloc(call->a, (size_t)set->n * sizeof *floors);

    (void)arg;
    for (int i = 0; i < set->n; i++) {
        floors[i] = lane_get(lanes, set->lane_ids[i])->floor;
    }
    db_bind_i32s(call, set->lane_ids, (size_t)set->n);
    db_bind_i64s(call, floors, (size_t)set->n);
}

static const struct batch_kind kind = {
    .name = "claim",
    .stmt = STMT_TICKET_CLAIM,
    .has_plain = true,
    .plain = STMT_TICKET_CLAIM_PLAIN,
    .cols = cols,
    .ncols = (int)(sizeof cols / sizeof cols[0]),
    .unique_offset = -1,
    .group_offset = offsetof(struct claim, set_id),
    .lock_offset = -1,
    .extra = bind_lanes,
};

void
claim_add(struct claim *c)
{
    batch_add(c->app->db, &kind, &c->item);
}

void
claim_render(struct strbuf *sb, struct app *app, const struct db_row *row)
{
    char iso[32];
    int state = (int)db_i64(row, CLAIM_STATE);

    strbuf_addf(sb,
                "{\"ticket\":%lld,\"epoch\":%lld,\"state\":\"%s\",\"subject\":", (long long)db_i64(row, CLAIM_TICKET),
                (long long)db_i64(row, CLAIM_EPOCH), state_name(state));
    strbuf_add_json(sb, db_text(row, CLAIM_SUBJECT, NULL));
    strbuf_add(sb, ",\"queue\":");
    strbuf_add_json(sb, desk_queue_name(app_desk(app), (int32_t)db_i64(row, CLAIM_QUEUE)));
    strbuf_addf(sb,
                ",\"priority\":\"%s\",\"class\":\"%s\",\"requester\":", priority_name((int)db_i64(row, CLAIM_PRIORITY)),
                class_name((int)db_i64(row, CLAIM_CLASS)));
    strbuf_add_json(sb, db_text(row, CLAIM_REQUESTER, NULL));
    format_iso(db_i64(row, CLAIM_OPENED), iso);
    strbuf_addf(sb, ",\"opened\":\"%s\"", iso);
    format_iso(db_i64(row, CLAIM_KEY), iso);
    strbuf_addf(sb, ",\"target\":\"%s\"", iso);
    if (state == STATE_OFFERED) {
        format_iso(db_i64(row, CLAIM_DUE), iso);
        strbuf_addf(sb, ",\"accept_by\":\"%s\"", iso);
    }
    strbuf_addch(sb, '}');
}
