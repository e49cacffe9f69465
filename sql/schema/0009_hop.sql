-- What passes to queues that promise less time have brought a key forward, in business time of the queue it is in: the next one
-- begins without (queueing.md 2.5: bouncing neither resets nor buys priority). Of what was passed on before it is not known, and
-- hours in which one calendar is open and the other is not are taken as they come: never later than without a way round.
alter table live add hop bigint not null default 0;
