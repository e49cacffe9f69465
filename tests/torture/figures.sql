-- What a run tells of itself, a line each.
select 'acknowledged: ' || count(*) filter (where what = 'submitted') || ' requests, ' || count(*) filter (where what = 'acted') || ' verbs, '
       || count(*) filter (where what = 'claimed') || ' claims; ' || count(*) filter (where repeated = 1) || ' of them repeats, '
       || count(*) filter (where tries > 1 and what in ('submitted', 'acted', 'claimed')) || ' after more than one try (at most '
       || coalesce(max(tries), 0) || ')' from ledger;
select 'refused: ' || count(*) filter (where what = 'refused') || ', of which stale ' || count(*) filter (where what = 'refused' and detail like '409 stale%')
       || ', conflict ' || count(*) filter (where what = 'refused' and detail like '409 conflict%') || '; never answered: '
       || count(*) filter (where what = 'unknown') from ledger;
select 'tickets: ' || (select count(*) from ticket) || ', events ' || (select count(*) from event) || ', messages ' || (select count(*) from message)
       || ', spans ' || (select count(*) from span);
select 'verbs: ' || string_agg(v.name || ' ' || n, ', ' order by n desc)
from (select verb, count(*) as n from event group by verb) e join verb v using (verb);
