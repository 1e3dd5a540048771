//! Who may do what on a shared server.

use crate::{
    Error, Result, Store,
    link::{Link, Outcome, args},
};

/// The roles of PostgreSQL that [`Store::grant_roles`] makes, each with the least that it needs. None can log in: a person or
/// a board has a login of its own, which is made a member, `create user board1 in role tachograph_worker`.
pub const ROLES: [&str; 4] = ["tachograph_reader", "tachograph_submitter", "tachograph_worker", "tachograph_owner"];

const LOCK: i64 = 0x7461_6368_726f;

/// What each role may do, beyond reading, which all may. What is not here is refused.
const GRANTS: &str = "
    revoke all on all tables in schema tachograph from tachograph_reader, tachograph_submitter, tachograph_worker;
    revoke all on all functions in schema tachograph from tachograph_reader, tachograph_submitter, tachograph_worker;
    grant usage on schema tachograph to tachograph_reader, tachograph_submitter, tachograph_worker;
    grant select on all tables in schema tachograph to tachograph_reader, tachograph_submitter, tachograph_worker;
    grant execute on function tachograph.tachograph_now() to tachograph_reader, tachograph_submitter, tachograph_worker;

    grant insert on tachograph.graphs to tachograph_submitter;
    grant insert (ticket, graph, batch, mode, device, priority, deadline, max_attempts, submitter, submitted_at)
        on tachograph.jobs to tachograph_submitter;
    grant execute on function tachograph.tachograph_cancel(bigint, text) to tachograph_submitter;
    grant execute on function tachograph.tachograph_sweep() to tachograph_submitter;

    grant insert on tachograph.devices, tachograph.environments, tachograph.measurements, tachograph.tuning
        to tachograph_worker;
    grant insert, update on tachograph.served to tachograph_worker;
    grant update (state, attempts, lease, lease_until, worker, reason, ended_at, result)
        on tachograph.jobs to tachograph_worker;
    grant execute on function tachograph.tachograph_sweep() to tachograph_worker;

    alter schema tachograph owner to tachograph_owner;
";

impl Store {
    /// Makes the [`ROLES`] on a PostgreSQL server, and gives each what it needs and no more; doing it again puts right what
    /// was changed. The owner, of which the present user becomes a member, owns all tables and brings the schema up.
    ///
    /// A reader asks and exports. A submitter also adds graphs and jobs, and cancels. A worker also takes jobs, ends them and
    /// adds measurements and tuning records; neither of the two changes or deletes what was measured.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a file; [`Error::Refused`] where the user may not make roles.
    pub fn grant_roles(&self) -> Result<()> {
        if self.location().path().is_some() {
            return Err(Error::Invalid("roles are of a PostgreSQL server; a file has the rights of its folder".into()));
        }
        self.write(async |link| {
            link.run("select pg_advisory_xact_lock($1)", args![LOCK]).await?;
            for role in ROLES {
                if link.row("select 1 from pg_roles where rolname = $1", args![role]).await?.is_none() {
                    // Roles belong to the whole server, locks to one database: another store on it may be set up at once.
                    let create = format!(
                        "do $$ begin create role {role} nologin; \
                         exception when duplicate_object or unique_violation then null; end $$"
                    );
                    link.run(create, args![]).await?;
                }
            }
            let member = "select 1 where pg_has_role(current_user, 'tachograph_owner', 'member')";
            if link.row(member, args![]).await?.is_none() {
                link.run("grant tachograph_owner to current_user", args![]).await?;
            }
            owned(link).await?;
            link.script(GRANTS).await
        })
    }
}

/// Hands every table and function to the owner, who can then change them with a later schema.
async fn owned(link: &mut Link) -> Outcome<()> {
    // What one may own in a schema one must be able to make there.
    link.script("grant all on schema tachograph to tachograph_owner").await?;
    let tables = "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                  where n.nspname = 'tachograph' and c.relkind = 'r'";
    for row in link.rows(tables, args![]).await? {
        link.run(format!("alter table tachograph.\"{}\" owner to tachograph_owner", row.text(0)?), args![]).await?;
    }
    let functions = "select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace \
                     where n.nspname = 'tachograph'";
    for row in link.rows(functions, args![]).await? {
        link.run(format!("alter function {} owner to tachograph_owner", row.text(0)?), args![]).await?;
    }
    Ok(())
}
