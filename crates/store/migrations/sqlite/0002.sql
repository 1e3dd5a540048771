-- When the owner let the graph of a quarantined job go, so that it may be submitted again.
alter table jobs add column released_at integer check (released_at is null or state = 'quarantined');
create index jobs_quarantined on jobs (graph, device) where state = 'quarantined' and released_at is null;

-- What workers are called: a job for a name that none has had may wait for ever.
create table served (
    device text primary key check (length(device) between 1 and 200),
    worker text not null check (length(worker) <= 200),
    announced_at integer not null
) strict;
