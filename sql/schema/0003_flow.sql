-- What the key adds for bursts (queueing.md 2.1), and what it needs to know for it. A flow is who brings requests: an
-- account, a department, or a person of neither (flow_of). Counts and rates are a snapshot that one daemon renews about
-- once a second (functions/flow.sql); the statement that takes requests in only reads, by key.
alter table queue add burst_cap bigint not null default 0;   -- usec at most added (C of queueing.md 2.1); 0: nothing is
alter table ticket add penalty bigint;                       -- usec that were added; null: nothing

create table flow (
    queue_id int not null,
    flow int not null,
    waiting int not null default 0,          -- requests in the queue, when they were counted last
    score float8 not null default 0,         -- arrivals, each fading within days; as of `at`
    at bigint not null default 0,            -- usec
    primary key (queue_id, flow)
) with (fillfactor = 50);

create table pace (                          -- one row a queue
    queue_id int primary key,
    flows int not null default 0,            -- that have something waiting (B)
    head bigint,                             -- usec since when the first in turn waits; null: nothing waits
    worst int not null default -5,           -- most that any flow has above its allowance, rounded up; negative: below it
    delta bigint,                            -- usec one flow needs for a request when all take turns (B / r); null: not known
    served float8 not null default 0,        -- requests dealt out, each fading within a day of business time; as of served_at
    served_at bigint,                        -- usec
    since bigint,                            -- usec of the first thing known of this queue
    touched bigint[] not null default '{}',  -- usec of business time that the last holds after a child's return took
    reserve bigint not null default 0        -- their median: a child request is due so much before its parent
) with (fillfactor = 50);

create type flow_count as (queue_id int, flow int, n int, head bigint[]);   -- head: key and since of the first in turn
create table flow_state (                    -- one row: how far the renewing has come
    one boolean primary key default true check (one),
    next_at timestamptz not null default '-infinity',
    xid bigint not null default 0,           -- events of earlier transactions are in scores and rates
    block bigint not null default 0,         -- place in `live` up to where this round of counting has come
    counted flow_count[] not null default '{}'
) with (fillfactor = 50);
insert into flow_state default values;

-- For measuring how long something takes, never for what is stored: that goes by desk_now().
create function stopwatch() returns bigint language sql volatile
    as $$ select (date_part('epoch', clock_timestamp()) * 1000000)::bigint $$;
