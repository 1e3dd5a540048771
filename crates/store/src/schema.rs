//! Versions of the schema, and the steps from each to the next.

use crate::{
    Error,
    link::{Link, Outcome, args},
    location::Location,
};

/// The steps, in order: SQLite's and PostgreSQL's. A step that has been released never changes.
const STEPS: [(&str, &str); 2] = [
    (include_str!("../migrations/sqlite/0001.sql"), include_str!("../migrations/postgres/0001.sql")),
    (include_str!("../migrations/sqlite/0002.sql"), include_str!("../migrations/postgres/0002.sql")),
];

/// The newest schema that this program knows.
pub(crate) const KNOWN: i64 = STEPS.len() as i64;

/// Any number will do that no other program takes.
const LOCK: i64 = 0x7461_6368_6f67;

/// Brings the schema to [`KNOWN`], or says why not.
pub(crate) async fn bring(link: &mut Link, location: &Location, read_only: bool) -> Outcome<()> {
    if current(link, location).await? == KNOWN {
        return Ok(());
    }
    if read_only {
        let found = current(link, location).await?;
        return Err(Error::OlderSchema { location: location.to_string(), found, known: KNOWN }.into());
    }
    link.begin().await?;
    if link.is_postgres() {
        // Two programs may open a new database at once; the second finds the work done.
        link.run("select pg_advisory_xact_lock($1)", args![LOCK]).await?;
        link.script("create schema if not exists tachograph").await?;
    }
    let found = current(link, location).await?;
    if found == 0 {
        link.script(
            "create table if not exists schema_versions (version bigint primary key, program text not null, applied_at text not null)",
        )
        .await?;
    }
    for (version, (sqlite, postgres)) in (1..).zip(STEPS).skip(found as usize) {
        link.script(if link.is_postgres() { postgres } else { sqlite }).await?;
        link.run(
            "insert into schema_versions (version, program, applied_at) values ($1, $2, cast(current_timestamp as text))",
            args![version as i64, concat!("tachograph ", env!("CARGO_PKG_VERSION"))],
        )
        .await?;
    }
    link.commit().await
}

/// The schema that is there; 0 where there is none.
async fn current(link: &mut Link, location: &Location) -> Outcome<i64> {
    let there = match link.is_postgres() {
        true => link.rows("select 1 where to_regclass('tachograph.schema_versions') is not null", args![]).await?,
        false => {
            let tables = link.rows("select name from sqlite_master where type = 'table'", args![]).await?;
            let ours = tables.iter().any(|row| row.text(0).is_ok_and(|name| name == "schema_versions"));
            if !ours && !tables.is_empty() {
                return Err(Error::Foreign { location: location.to_string() }.into());
            }
            if ours { tables } else { Vec::new() }
        }
    };
    if there.is_empty() {
        return Ok(0);
    }
    let row = link.row("select coalesce(max(version), 0) from schema_versions", args![]).await?;
    let found = row.map_or(Ok(0), |row| row.int(0))?;
    match found > KNOWN {
        true => Err(Error::NewerSchema { location: location.to_string(), found, known: KNOWN }.into()),
        false => Ok(found),
    }
}
