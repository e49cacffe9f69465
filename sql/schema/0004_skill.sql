-- Who may take what: skills and languages, lanes that widen, a bounded number of tickets in hand, tickets kept for the
-- agent who knows them.

alter table queue
    add languages text[] not null default '{}',  -- a request in one of these needs somebody who speaks it
    add sticky interval,                         -- how long what returns is for its last agent alone; null: not at all
    add weight smallint not null default 1 check (weight between 1 and 100),   -- slots one of its tickets takes
    add widen jsonb not null default '[]';       -- [{after: percent of the target, drop: skills, overflow: queue_id or null}]

-- A lane never changes what it is. `wider`: where its tickets go when they have waited for so long.
alter table lane
    add also int[] not null default '{}',        -- queues whose agents may take from it too
    add wider int references lane,
    add wider_after smallint check (wider_after between 0 and 100),   -- percent of the target
    drop constraint lane_queue_id_skills_key,
    add unique (queue_id, skills, also),
    add check ((wider is null) = (wider_after is null));

-- One row for everybody who is a member somewhere: locked by each claim (in share; to be changed by it when there is a
-- capacity), so that who goes away, or fills up, does so before or after a claim, never in the midst of it.
alter table agent_state
    add skills text[] not null default '{}',     -- as the desk says, languages as lang:es
    add capacity int check (capacity > 0),       -- slots; null: no bound
    add lapses smallint not null default 0,      -- offers in a row that were not accepted
    add claims bigint not null default 0;        -- counts claims under a capacity: who sees another number looks again
alter table agent_state alter away set default false, alter since set default desk_now();
insert into agent_state (person_id) select distinct person_id from member on conflict do nothing;

-- What is kept for its last agent stands in lane -lane_id: no agent's claim for lanes finds it, one look here does.
create index live_kept on live (last_agent, key, ticket_id) where state = 1 and lane_id < 0;
