-- The tables of a desk. Applied once, in one transaction, as the owner; the daemon's role owns nothing.
-- Numbers for states, verbs and the like come from common/names.h and common/transition.def.
-- Append-only tables are range-partitioned by ticket number; number_lease() makes their partitions.

-- ---- time --------------------------------------------------------------------------------------------------------
-- The only clock of all SQL. Tests replace it to live in virtual time.
create function desk_now() returns timestamptz language sql stable as 'select statement_timestamp()';
-- Instants as microseconds since 1970, for keys; exact until 2106 (tests/sql/test_read.c). Made of immutable parts
-- only, or the planner would call them a row instead of putting them in place.
create function usec(t timestamptz) returns bigint language sql immutable parallel safe
    as $$ select (date_part('epoch', t at time zone 'UTC') * 1000000)::bigint $$;
create function at_usec(u bigint) returns timestamptz language sql immutable parallel safe
    as $$ select to_timestamp(u::float8 / 1000000) $$;

-- ---- people ------------------------------------------------------------------------------------------------------
create table account (
    account_id int generated always as identity primary key,
    name text not null unique,
    kind text not null default 'customer'
        check (kind in ('customer', 'supplier', 'creditor', 'government', 'organisation', 'public')),
    segment text not null default 'occasional' check (segment in ('loyal', 'occasional')),
    created_at timestamptz not null default desk_now()
);

create table person (
    person_id int generated always as identity primary key,
    kind text not null check (kind in ('human', 'department', 'system')),
    name text not null,                      -- login name, department name, or what an outside system calls itself
    account_id int references account,       -- external people belong to an account
    department_id smallint,                  -- first department of an internal person
    employment text not null default 'employee' check (employment in ('employee', 'manager', 'contractor')),
    segment text not null default 'operational' check (segment in ('executive', 'commercial', 'operational')),
    uid bigint,                              -- last seen Unix user id
    admin boolean not null default false,
    departments smallint[] not null default '{}',   -- member of, lead of, and the persons of those departments:
    leads smallint[] not null default '{}',         -- copies of `member` kept by its trigger (functions/sees.sql), so
    stands int[] not null default '{}',             -- that rights cost one look-up
    email text,
    lang text,
    created_at timestamptz not null default desk_now()
);
create unique index person_internal on person (name) where account_id is null;
create unique index person_external on person (account_id, name) where account_id is not null;
insert into person (kind, name) values ('system', 'turno');        -- person 1: the desk itself

create table token (
    token_id int generated always as identity primary key,
    hash bytea not null unique check (octet_length(hash) = 32),     -- SHA-256 of the secret
    person_id int not null references person,
    scope text not null check (scope in ('submit', 'agent', 'admin', 'read')),
    label text not null,
    created_by int not null references person,
    created_at timestamptz not null default desk_now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

create table agent_state (                  -- people who said they are away
    person_id int primary key references person,
    away boolean not null,
    reason text,
    since timestamptz not null
);

-- ---- the desk: what desk.conf says, applied --------------------------------------------------------------------------
create table desk (
    version int primary key,
    applied_at timestamptz not null default desk_now(),
    applied_by int not null references person,
    sha256 text not null,                    -- of the file's bytes
    file text not null,                      -- the file as it was
    document jsonb not null,                 -- the same, checked and complete; what daemons work by
    summary text not null default ''         -- what changed, in words
);
-- One row, so that writers can look at the version without an aggregate.
create table desk_current (one boolean primary key default true check (one), version int not null);
insert into desk_current values (true, 0);

create table department (
    department_id smallint primary key,
    name text not null unique,
    title text not null,
    person_id int not null references person,     -- the department as a customer
    active boolean not null default true
);
create table queue (
    queue_id int primary key,
    name text not null unique,
    title text not null,
    department_id smallint not null references department,
    private boolean not null default false,
    targets bigint[] not null check (array_length(targets, 1) = 4),   -- usec by priority: urgent, high, normal, low
    age_cap bigint not null,                 -- usec a key may lie in the past (G of queueing.md 2.5)
    offer_limit interval not null default '30 seconds',
    idle_limit interval,                     -- null: holds do not go back by themselves
    auto_close interval not null default '7 days',
    take_right text not null default 'lead' check (take_right in ('lead', 'agent')),
    active boolean not null default true,
    moved_to int references queue            -- where its tickets went
);
create table lane (                          -- queue + skill set; skills come later, each queue has one lane now
    lane_id int primary key,
    queue_id int not null references queue,
    skills text[] not null default '{}',
    unique (queue_id, skills)
);
create table member (                        -- who belongs where; source tells who may take it away again
    person_id int not null references person,
    department_id smallint not null references department,
    lead boolean not null,
    source text not null check (source in ('desk', 'group')),
    primary key (person_id, department_id, source)
);
create index member_department on member (department_id);

-- ---- tickets ---------------------------------------------------------------------------------------------------------
-- Indexes with the ticket's number in second place are partial (`where the first column is not null`), which is no
-- restriction: in a table that the statistics call empty the planner would take them for a look-up by number, and read
-- them whole while the table grows. tests/sql/test_plans.c looks after that.
create table ticket (                        -- what was asked; not updated by transitions
    ticket_id bigint not null,
    op_id uuid not null,
    requester int not null,                  -- person who waits (a department for its blocking requests)
    submitter int not null,                  -- person who typed it
    department_id smallint,                  -- the asking department, internal requests only
    account_id int,                          -- external requests only
    class smallint not null,
    channel smallint not null,
    kind text not null,                      -- of the account or the employment: to report by
    segment text not null,
    asked text,                              -- department or queue name asked for, if any
    rule text,                               -- name of the routing rule that decided
    desk int not null,                       -- desk version it was routed by
    queue_id int not null,                   -- where it was routed first
    priority smallint not null,
    lang text,
    subject text not null,
    body text not null,
    attrs jsonb,
    follows bigint,                          -- the closed ticket it follows
    opened timestamptz not null,
    primary key (ticket_id)
) partition by range (ticket_id);
create index ticket_follows on ticket (follows) where follows is not null;

create table live (                          -- one row an unclosed ticket
    ticket_id bigint primary key,
    state smallint not null,
    version int not null default 1,
    epoch int not null default 0,
    department_id smallint not null,
    queue_id int not null,
    lane_id int not null,
    priority smallint not null,
    class smallint not null,
    key bigint not null,                     -- usec; order of the queue: (key, ticket_id)
    remaining bigint,                        -- usec of budget left, while parked; may be negative
    anchor timestamptz not null,             -- when this wait began
    opened timestamptz not null,
    since timestamptz not null,              -- start of the open span
    agent int,                               -- has the offer or the hold
    last_agent int,                          -- had it last
    park smallint,                           -- reason, while parked
    park_note text,                          -- vendor's name, reason of a date
    open_children int not null default 0,    -- open requests that block this one
    due_at timestamptz,                      -- next thing the clock does: lapse, warn, idle, wake, close
    warned boolean not null default false,   -- idle warning given for this hold
    requester int not null,
    submitter int not null,
    from_department smallint,                -- the asking department
    account_id int,
    stations smallint[] not null,            -- departments that had it, in order, returns repeated
    messages int not null default 0,         -- number of the last message; 0 is the request itself
    public_last int not null default 0,      -- number of the last public message
    public_by int not null,                  -- its author
    asked_out boolean not null default false,-- the last public word is ours: the customer may answer
    first_reply timestamptz,                 -- first public message from our side
    first_held timestamptz,
    resolved_at timestamptz,
    reopens int not null default 0,
    taken int not null default 0,            -- times taken out of turn
    tags text[] not null default '{}'
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0, vacuum_index_cleanup = on, vacuum_truncate = off);
create index live_queue on live (lane_id, key, ticket_id) where state = 1;      -- the queue
create index live_due on live (due_at) where due_at is not null;
create index live_offer on live (agent, key, ticket_id) where state = 2;       -- found however much the agent holds
create index live_agent on live (agent) where agent is not null;
create index live_requester on live (requester, ticket_id) where requester is not null;    -- with the number: lists
create index live_from on live (from_department, ticket_id) where from_department is not null;
create index live_department on live (department_id, ticket_id) where department_id is not null;    -- page through them

create table closed (
    ticket_id bigint not null primary key,
    version int not null,
    outcome smallint not null,
    merged_into bigint,
    department_id smallint not null,
    queue_id int not null,
    priority smallint not null,
    class smallint not null,
    opened timestamptz not null,
    first_reply timestamptz,
    first_held timestamptz,
    resolved_at timestamptz,
    closed_at timestamptz not null,
    agent int,                               -- who had it last
    requester int not null,
    submitter int not null,
    from_department smallint,
    account_id int,
    stations smallint[] not null,
    messages int not null,
    reopens int not null,
    taken int not null,
    tags text[] not null
) partition by range (ticket_id);
create index closed_requester on closed (requester, ticket_id) where requester is not null;

create table message (
    ticket_id bigint not null,
    number int not null,                     -- 1.. within the ticket
    kind smallint not null,                  -- public, note, system
    author int not null,
    at timestamptz not null,
    recorded_at timestamptz not null default desk_now(),
    private_queue int,                       -- notes of a private queue are seen by its department only
    op_id uuid not null,
    body text not null,
    primary key (ticket_id, number)
) partition by range (ticket_id);

create table event (                         -- append-only truth
    ticket_id bigint not null,
    op_id uuid not null,
    verb smallint not null,
    version int not null,                    -- of the ticket after it
    actor int not null,
    from_state smallint not null,            -- 0: none
    to_state smallint not null,
    queue_id int not null,                   -- after it
    agent int,                               -- after it
    at timestamptz not null,                 -- when it happened
    recorded_at timestamptz not null,
    xid bigint not null,                     -- transaction order for feeds
    request bigint,                          -- hash of the client's request, to tell a repeat from another one
    data jsonb,
    primary key (ticket_id, op_id)
) partition by range (ticket_id);
create index event_order on event (xid, ticket_id) where xid is not null;

create table span (                          -- closed intervals of a ticket's life; the open one is live.since
    ticket_id bigint not null,
    from_at timestamptz not null,
    to_at timestamptz not null,
    label smallint not null,
    department_id smallint,                  -- queued, offered, held: whose; the others: where it will come back
    queue_id int not null,
    agent int,                               -- offered, held
    note text,                               -- vendor's name, reason of a date
    version int not null,                    -- of the ticket after the change that ended it
    primary key (ticket_id, version),
    check (to_at >= from_at)
) partition by range (ticket_id);

create table look (                          -- an admin read a ticket of a private queue, by that right alone
    ticket_id bigint not null,
    person_id int not null,
    what text not null check (what in ('list', 'show', 'waits', 'why', 'feed')),
    at timestamptz not null
);
create index look_ticket on look (ticket_id);

create table rating (
    ticket_id bigint primary key,
    person_id int not null,
    score smallint not null check (score between 1 and 5),
    comment text,
    at timestamptz not null
);

create table link (                          -- ticket_id blocks `blocks`
    ticket_id bigint not null,
    blocks bigint not null,
    open boolean not null,                   -- counted in live.open_children of `blocks`
    child boolean not null,                  -- made as a child request; else linked by park --on
    created_at timestamptz not null,
    primary key (ticket_id, blocks),
    check (ticket_id <> blocks)
);
create index link_blocks on link (blocks);

create table op (                            -- repeats: one row a client key and one a batch, for 24 hours
    key uuid primary key,
    request bigint,                          -- hash of the request; null: a batch's gate
    ticket_id bigint,
    tickets bigint[],                        -- claims: what the batch took, by place of the item (null: nothing)
    at timestamptz not null
);
create index op_at on op using brin (at);

-- ---- the state machine (rows come with every start of a daemon, from common/transition.def) ----------------------------
create table verb (verb smallint primary key, name text not null unique, help text not null);
create table transition (
    from_state smallint not null,
    why smallint not null,                   -- park reason; 0: any
    verb smallint not null,
    to_state smallint not null,              -- 0: same
    who int not null,                        -- mask of roles
    needs_epoch boolean not null,
    key_rule text not null,
    agent_rule text not null,
    park smallint not null,                  -- reason stored; 0: none
    blocked text not null,                   -- NONE, ENDS, BEGINS
    message text not null,                   -- NONE, NOTE, PUBLIC, NOTE_MAY, PUBLIC_MAY
    outcome smallint not null,
    check_news boolean not null,
    check_asked boolean not null,
    check_free boolean not null,
    primary key (from_state, why, verb)
);

-- ---- numbers and partitions ---------------------------------------------------------------------------------------------
-- Blocks of ticket numbers, handed out only after their partitions exist.
create table numbering (one boolean primary key default true check (one), next bigint not null, made_to bigint not null,
                        step bigint not null);
insert into numbering values (true, 1, 1, 1000000);

create table migration (
    number int primary key,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default statement_timestamp(),
    ms int not null
);
create table repeatable (name text primary key, sha256 text not null, applied_at timestamptz not null default statement_timestamp());
