-- Ten million numbers a partition. A statement that looks a ticket up starts a scan of each partition, whichever one it needs:
-- with a million each, a hundred million tickets made claims 2.5 times and other verbs several times as expensive.
update numbering set step = 10000000;
