-- read: a version of the desk as JSON; $1 int version, null: the current one; (status int, body, error, message)
select case when d.version is null then 404 else 200 end as status,
       case when d.version is not null then
           json_build_object('version', d.version, 'current', d.version = c.version, 'applied_at', iso(d.applied_at),
                             'applied_by', (select p.name from person p where p.person_id = d.applied_by),
                             'sha256', d.sha256, 'summary', d.summary, 'file', d.file, 'files', d.files, 'document', d.document)::text
       end as body,
       'not-found' as error,
       case when c.version = 0 then said('no desk has been applied yet')
            else said('there is no version %s of the desk; the current one is %s', coalesce($1::int, c.version)::text, c.version::text) end as message
from desk_current c left join desk d on d.version = coalesce($1::int, c.version)
