/* SPDX-License-Identifier: MIT */
/*
 * For a test program of its own: the table of statements with some rows replaced by ones that suit tests of daemon/db.
 * To be included by the test's one file, before anything else of ours: it defines `stmts`.
 */
#ifndef TURNO_TEST_OWN_STMTS_H
#define TURNO_TEST_OWN_STMTS_H

#include <string.h>

/* The real table under another name; ours is a copy with some rows replaced. */
#define stmts real_stmts
#include "daemon/db/stmt.h"
#include "stmts.c"
#undef stmts
struct stmt stmts[STMT_COUNT];
extern struct stmt stmts[STMT_COUNT];

#include "tests/sql/cluster.h"
#include "tests/sql/loop.h"

static const char put_sql[] =
    "with gate as (insert into t_gate values ($1::uuid) on conflict do nothing returning 1), "
    "put as (insert into t_item select u.id, u.v from unnest($2::bigint[], $3::text[]) as u(id, v) "
    "        where exists (select from gate) returning id) "
    "select u.ord::int, case when exists (select from gate) then 'done' else 'known' end as outcome, u.id, "
    "       (select count(*) from unnest($2::bigint[])) as size "
    "from unnest($2::bigint[]) with ordinality as u(id, ord) order by 1";

static const char types_sql[] =
    "select u.ord, 'done', u.a, u.b, u.c, u.d, u.e, u.f, u.g, u.h, u.i, "
    "       array[u.b, null, 7], array[u.f, null, ''], array[u.c]::bigint[], array[u.h], '{}'::int[], $1::uuid, "
    "$11::int "
    "from unnest($2::smallint[], $3::int[], $4::bigint[], $5::bool[], $6::timestamptz[], $7::text[], $8::uuid[], "
    "            $9::jsonb[], $10::bytea[]) with ordinality as u(a, b, c, d, e, f, g, h, i, ord)";

static const char again_sql[] =
    "select u.ord, case when $1::uuid is not null and exists (select from t_busy b where b.id = u.id) then 'again' "
    "else 'done' end, u.id from unnest($2::bigint[]) with ordinality as u(id, ord)";

static const char read_sql[] =
    "select $1::smallint, $2::int, $3::bigint, $4::boolean, $5::timestamptz, $6::text, $7::uuid, $8::jsonb, $9::bytea, "
    "       $10::json, $11::int[], $12::bigint[], $13::text[]";

/* A cluster with the tables those statements want; *ret_owner: a connection as its owner. */
static inline struct cluster *
own_start(PGconn **ret_owner)
{
    struct cluster *c;
    PGconn *owner;

    memcpy(stmts, real_stmts, sizeof(stmts));
    c = cluster_start();
    owner = cluster_connect_owner(c);
    (void)cluster_sql(
        owner, "create table t_gate (key uuid primary key);"
               "create table t_item (id bigint primary key, v text, n serial, check (id <> 13));"
               "create table t_busy (id bigint primary key);"
               "create function t_sleep() returns trigger language plpgsql as "
               "$$ begin perform pg_sleep(20); return null; end $$;"
               "grant all on t_gate, t_item, t_busy to turnod; grant all on all sequences in schema turno to turnod");
    stmts[PUT].text = put_sql;
    stmts[TYPES].text = types_sql;
    stmts[AGAIN].text = again_sql;
    stmts[READ].text = read_sql;
    stmts[WRITE].text = "select pg_sleep($1::int)";
    *ret_owner = owner;
    return c;
}

static inline void
own_empty(PGconn *owner)
{
    (void)cluster_sql(owner, "truncate t_item, t_gate, t_busy; drop trigger if exists slow on t_item;");
}

#endif
