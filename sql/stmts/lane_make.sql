-- write: the lane of $1 int queue for $2 text[] skills, made when it is new; (lane_id int)
select lane_make($1::int, $2::text[]) as lane_id
