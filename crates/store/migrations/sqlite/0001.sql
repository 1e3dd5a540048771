-- Times are milliseconds since 1970, UTC. Texts, sizes and counts are bounded here, so that nothing that writes to the
-- file by other means can make it hold what the library does not expect.

create table graphs (
    id integer primary key,
    hash blob not null check (length(hash) = 32),
    -- Distinguishes graphs that share a hash.
    ordinal integer not null check (ordinal between 0 and 1000),
    name text not null check (length(name) <= 500),
    -- The hyperparameter that is the batch, where the graph leaves it free.
    batch_name text check (length(batch_name) between 1 and 500),
    nodes integer not null check (nodes >= 0),
    -- A binary graph file, compressed with Zstandard.
    file blob not null check (length(file) between 1 and 67108864),
    added_at integer not null,
    unique (hash, ordinal)
) strict;

create table devices (
    id integer primary key,
    name text not null check (length(name) between 1 and 200),
    hardware text not null check (length(hardware) <= 200),
    unique (name, hardware)
) strict;
create index devices_by_name on devices (lower(name));
create index devices_by_hardware on devices (lower(hardware));

create table environments (
    id integer primary key,
    device integer not null references devices (id),
    threads integer not null check (threads between 0 and 100000),
    library text not null check (length(library) <= 200),
    dtype text not null check (length(dtype) between 1 and 20),
    driver text not null check (length(driver) <= 200),
    governor text not null check (length(governor) <= 100),
    unique (device, threads, library, dtype, driver, governor)
) strict;

create table measurements (
    id integer primary key,
    graph integer not null references graphs (id),
    environment integer not null references environments (id),
    batch integer not null check (batch >= 1),
    mode integer not null check (mode in (0, 1)),
    protocol integer not null check (protocol >= 0),
    measured_at integer not null,
    -- Of the numbers below: what was measured twice at one time is the same measurement only if they agree.
    digest integer not null,
    median_ms real check (median_ms > 0 and median_ms < 1e12),
    iqr_ms real check (iqr_ms >= 0 and iqr_ms < 1e12),
    min_ms real check (min_ms > 0 and min_ms <= median_ms),
    repeats integer not null check (repeats between 0 and 4294967295),
    peak_bytes integer check (peak_bytes >= 0),
    energy_j real check (energy_j > 0 and energy_j < 1e12),
    who text not null check (length(who) <= 200),
    check ((median_ms is null) = (min_ms is null) and (median_ms is null) = (iqr_ms is null)),
    check (median_ms is not null or peak_bytes is not null)
) strict;
-- What is asked for, and what makes a measurement the same, in one index.
create unique index measurements_same
    on measurements (graph, environment, batch, mode, protocol, measured_at, digest);

create table tuning (
    id integer primary key,
    workload text not null check (length(workload) between 1 and 1000),
    device integer not null references devices (id),
    compiler text not null check (length(compiler) <= 200),
    trace text not null check (length(trace) <= 1048576),
    trace_digest integer not null,
    times_ms text not null check (length(times_ms) <= 65536),
    best_ms real check (best_ms > 0 and best_ms < 1e12),
    failure text check (length(failure) <= 4000),
    recorded_at integer not null,
    check ((best_ms is null) = (failure is not null)),
    unique (workload, device, compiler, trace_digest, recorded_at)
) strict;

create table jobs (
    id integer primary key autoincrement,
    ticket text not null unique check (length(ticket) between 1 and 100),
    graph integer not null references graphs (id),
    batch integer not null check (batch >= 1),
    mode integer not null default 0 check (mode in (0, 1)),
    device text not null check (length(device) between 1 and 200),
    priority integer not null check (priority between -1000 and 1000),
    deadline integer,
    max_attempts integer not null check (max_attempts between 1 and 100),
    submitter text not null check (length(submitter) <= 200),
    submitted_at integer not null,
    state text not null default 'queued'
        check (state in ('queued', 'leased', 'done', 'failed', 'quarantined', 'cancelled')),
    attempts integer not null default 0 check (attempts between 0 and max_attempts),
    lease text check (length(lease) between 1 and 100),
    lease_until integer,
    worker text check (length(worker) <= 200),
    reason text check (length(reason) <= 4000),
    ended_at integer,
    result integer references measurements (id),
    check ((state = 'leased') = (lease_until is not null)),
    check ((state = 'done') = (result is not null)),
    check ((state in ('queued', 'leased')) = (ended_at is null))
) strict;
create index jobs_queued on jobs (device, priority desc, id) where state = 'queued';
create index jobs_leased on jobs (lease_until) where state = 'leased';
create index jobs_by_lease on jobs (lease) where lease is not null;
create index jobs_deadline on jobs (deadline) where state = 'queued' and deadline is not null;
create index jobs_ended on jobs (ended_at) where ended_at is not null;

create table checkpoints (
    id integer primary key autoincrement,
    name text not null check (length(name) between 1 and 200),
    device text not null check (length(device) <= 200),
    -- The file itself, or where it lies.
    file blob check (length(file) between 1 and 268435456),
    path text check (length(path) between 1 and 4000),
    measurements integer not null check (measurements >= 0),
    fingerprint text not null check (length(fingerprint) between 1 and 200),
    score real not null,
    state text not null check (state in ('kept', 'installed', 'rolled back')),
    made_at integer not null,
    installed_at integer,
    check ((file is null) <> (path is null)),
    check (state = 'kept' or installed_at is not null)
) strict;
create unique index checkpoints_installed on checkpoints (name) where state = 'installed';
