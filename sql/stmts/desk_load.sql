-- read: the current desk: (version int, sha256, document, ids); version 0: nothing was applied, the rest is null.
-- ids: what the document's names are in this database, queues that left included.
select c.version, d.sha256, d.document::text as document,
       case when d.version is not null then (
           select json_build_object(
               'departments', (select json_agg(json_build_object('id', o.department_id, 'name', o.name, 'person', o.person_id)
                                               order by o.department_id) from department o where o.active),
               'queues', (select json_agg(json_build_object('id', q.queue_id, 'name', q.name, 'active', q.active, 'moved_to', q.moved_to, 'calendar', q.calendar_id,
                                                            'lane', (select min(l.lane_id) from lane l where l.queue_id = q.queue_id and l.skills = '{}' and l.also = '{}'))
                                          order by q.queue_id) from queue q),
               'lanes', (select json_agg(json_build_object('id', l.lane_id, 'queue', l.queue_id, 'skills', l.skills, 'also', l.also,
                                                           'after', l.wider_after) order by l.lane_id)
                         from lane l join queue q using (queue_id) where q.active))::text)
       end as ids
from desk_current c left join desk d on d.version = c.version
