-- The names behind the stored numbers, as small expressions that the planner puts in place. The numbers are those of
-- common/names.h; tests/sql/test_read.c compares every one of them, so the two cannot drift. Verbs have a table.

create or replace function state_name(n smallint) returns text language sql immutable parallel safe
    as $$ select ('{queued,offered,held,parked,resolved,closed}'::text[])[n] $$;
create or replace function park_name(n smallint) returns text language sql immutable parallel safe
    as $$ select ('{customer,vendor,until,child}'::text[])[n] $$;
create or replace function outcome_name(n smallint) returns text language sql immutable parallel safe
    as $$ select ('{done,declined,duplicate,spam,cancelled,merged}'::text[])[n] $$;
create or replace function priority_name(n smallint) returns text language sql immutable parallel safe
    as $$ select ('{urgent,high,normal,low}'::text[])[n] $$;
create or replace function class_name(n smallint) returns text language sql immutable parallel safe
    as $$ select ('{internal,external}'::text[])[n] $$;
create or replace function channel_name(n smallint) returns text language sql immutable parallel safe
    as $$ select ('{cli,api,web,mail,phone}'::text[])[n] $$;
create or replace function message_name(n smallint) returns text language sql immutable parallel safe
    as $$ select ('{public,note,system}'::text[])[n] $$;
create or replace function label_name(n smallint) returns text language sql immutable parallel safe
    as $$ select ('{queued,offered,held,waiting-customer,waiting-vendor,waiting-until,waiting-child,resolved}'::text[])[n] $$;

-- The label of the time a ticket spends in a state: queued, offered and held are their own, parked says for what.
create or replace function label_of(state smallint, park smallint) returns smallint
    language sql immutable parallel safe
    as $$ select case when state = 4 then 3 + park when state = 5 then 8 else state end::smallint $$;

-- Instants and lengths as the API shows them: UTC with milliseconds, seconds to the microsecond.
create or replace function iso(t timestamptz) returns text language sql stable parallel safe
    as $$ select to_char(t at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;
create or replace function seconds(i interval) returns numeric language sql immutable parallel safe
    as $$ select trim_scale(extract(epoch from i)) $$;

-- A text for people: fmt is English with %s for each argument (and no other sign of percent); null when an argument is. The
-- daemon translates it by the format, which follows the text (daemon/db/said.h) where the session asks for it: an older daemon does
-- not. tests/check/po finds what stands in said('…').
create or replace function said(fmt text, variadic args text[] default '{}') returns text language sql stable parallel safe
    as $$ select case when array_position(args, null) is null then
                translate(format(fmt, variadic args), E'\x1f', ' ')
                || case when current_setting('turno.said', true) = '1' then E'\x1f' || fmt else '' end end $$;
