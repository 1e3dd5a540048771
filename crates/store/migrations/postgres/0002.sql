-- When the owner let the graph of a quarantined job go, so that it may be submitted again.
alter table jobs add column released_at bigint check (released_at is null or state = 'quarantined');
create index jobs_quarantined on jobs (graph, device) where state = 'quarantined' and released_at is null;

-- What workers are called: a job for a name that none has had may wait for ever.
create table served (
    device text primary key check (length(device) between 1 and 200),
    worker text not null check (length(worker) <= 200),
    announced_at bigint not null
);

-- Where there are roles already, they have what `store roles` gives them.
do $$ begin
    if exists (select from pg_roles where rolname = 'tachograph_owner')
        and pg_has_role(current_user, 'tachograph_owner', 'member')
        and has_schema_privilege('tachograph_owner', 'tachograph', 'create') then
        alter table served owner to tachograph_owner;
        grant select on served to tachograph_reader, tachograph_submitter, tachograph_worker;
        grant insert, update on served to tachograph_worker;
    end if;
end $$;
