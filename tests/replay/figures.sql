-- What a live run tells of itself, a line each.
select 'tickets: ' || count(*) || ', of which ' || count(*) filter (where subject ~ '^\[c') || ' handed in (internal '
       || count(*) filter (where subject ~ '^\[c' and class = 1) || ', external ' || count(*) filter (where subject ~ '^\[c' and class = 2)
       || '), ' || count(*) filter (where subject like 'for [%') || ' asked by departments, ' || count(follows) || ' following closed ones' from ticket;
select 'events: ' || count(*) || ', messages: ' || (select count(*) from message) || ', spans: ' || (select count(*) from span) from event;
select 'done steps: ' || string_agg(v.name || ' ' || n, ', ' order by v.verb)
from (select verb, count(*) as n from event group by verb) e join verb v using (verb) where v.name in ('pass', 'park-child', 'reply', 'park-vendor', 'park-until', 'message', 'reopen', 'cancel', 'rate', 'resolve', 'close', 'idle', 'lapse', 'release');
select 'outcomes: ' || string_agg(outcome_name(outcome) || ' ' || n, ', ') from (select outcome, count(*) as n from closed group by outcome) c;
select 'resolved and not yet closed: ' || count(*) from live;
select 'wait in queue, ' || case class when 1 then 'internal' else 'external' end || ': n ' || count(*) || ', median '
       || round(percentile_disc(0.5) within group (order by w)::numeric, 2) || ' s, p90 ' || round(percentile_disc(0.9) within group (order by w)::numeric, 2) || ' s'
from (select t.class, s.ticket_id, extract(epoch from sum(s.to_at - s.from_at)) as w from span s join ticket t using (ticket_id)
      where s.label = 1 and t.subject ~ '^\[c' group by 1, 2) x group by class order by class;
select 'acknowledged: ' || count(*) filter (where what = 'submitted') || ' submissions, ' || count(*) filter (where what in ('acted', 'cli')) || ' verbs ('
       || count(*) filter (where what = 'cli') || ' by turno); repeats answered as such: ' || count(*) filter (where d = '1' and what in ('submitted', 'acted')) from ledger;
select 'longest time until an answer: ' || coalesce(max(a::numeric), 0) || ' s; looks by the stranger: ' || (select count(*) from ledger where what = 'looked') from ledger where what = 'outage';
select 'refused: ' || coalesce(string_agg(n || ' x ' || what, ', '), 'nothing')
from (select count(*) as n, b || ' ' || coalesce(c, '') || ' ' || case when d ~ '^c\d' then 'submit' when d like 'child%' then 'ask' else split_part(d, ' ', 1) end as what
      from ledger where what = 'refused' group by 2 order by 1 desc) r;
