//! What a store holds, and whether it is whole.

use serde::Serialize;

use crate::{
    Moment, Network, Result, Store, graphs,
    link::{Link, Outcome, args},
    network::unpacked,
    store::Pool,
};

/// What a store holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stats {
    /// Graphs.
    pub graphs: u64,
    /// Their files, compressed, in bytes.
    pub graph_bytes: u64,
    /// Devices that something was measured on.
    pub devices: u64,
    /// Environments that something was measured in.
    pub environments: u64,
    /// Measurements.
    pub measurements: u64,
    /// The oldest.
    pub oldest: Option<Moment>,
    /// The newest.
    pub newest: Option<Moment>,
    /// Tuning records.
    pub tuning: u64,
    /// Jobs, ended ones included.
    pub jobs: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// All of it on the disk, in bytes.
    pub bytes: u64,
}

/// What [`Store::verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// Graphs that decode and are what their key says.
    pub graphs: u64,
    /// Measurements that are well-formed and refer to a graph and an environment.
    pub measurements: u64,
    /// All that is wrong, one line each; of very much the first thousand.
    pub faults: Vec<String>,
}

const MOST: usize = 1000;

impl Store {
    /// Counts what the store holds.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn stats(&self) -> Result<Stats> {
        self.link(async |link| {
            let count = async |link: &mut Link, table: &str| -> Outcome<u64> {
                let row = link.row(format!("select count(*) from {table}"), args![]).await?;
                row.map_or(Ok(0), |row| row.count(0))
            };
            let graphs = "select count(*), cast(coalesce(sum(length(file)), 0) as bigint) from graphs";
            let graphs = link.rows(graphs, args![]).await?;
            let measured = "select count(*), min(measured_at), max(measured_at) from measurements";
            let measured = link.rows(measured, args![]).await?;
            let bytes = match link.is_postgres() {
                true => {
                    "select cast(coalesce(sum(pg_total_relation_size(c.oid)), 0) as bigint) from pg_class c \
                     join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'tachograph' and c.relkind = 'r'"
                }
                false => "select page_count * page_size from pragma_page_count(), pragma_page_size()",
            };
            let bytes = link.row(bytes, args![]).await?.map_or(Ok(0), |row| row.count(0))?;
            let (graphs, measured) = match (graphs.first(), measured.first()) {
                (Some(graphs), Some(measured)) => (graphs, measured),
                _ => return Err(crate::link::Fault::Strange("a count has no answer".into())),
            };
            Ok(Stats {
                graphs: graphs.count(0)?,
                graph_bytes: graphs.count(1)?,
                devices: count(link, "devices").await?,
                environments: count(link, "environments").await?,
                measurements: measured.count(0)?,
                oldest: measured.maybe_int(1)?.map(Moment),
                newest: measured.maybe_int(2)?.map(Moment),
                tuning: count(link, "tuning").await?,
                jobs: count(link, "jobs").await?,
                checkpoints: count(link, "checkpoints").await?,
                bytes,
            })
        })
    }

    /// Reads all there is: every graph decodes and hashes to its key, graphs that share a hash differ, every measurement is
    /// well-formed and refers to what is there; of a file, SQLite's own check of its pages and keys.
    ///
    /// # Errors
    /// The store cannot be read at all. What is wrong in it is no error but in the verdict.
    pub fn verify(&self) -> Result<Verdict> {
        let mut verdict = Verdict::default();
        if let Pool::Sqlite(_) = self.pool() {
            let pages = self.link(async |link| {
                let rows = link.rows("pragma integrity_check(100)", args![]).await?;
                rows.iter().map(|row| row.text(0)).collect::<Outcome<Vec<_>>>()
            })?;
            pages.into_iter().filter(|page| page != "ok").for_each(|page| verdict.fault(page));
        }
        self.verify_graphs(&mut verdict)?;
        let orphans = self.link(async |link| {
            let mut found = Vec::new();
            for (table, column, other) in [
                ("measurements", "graph", "graphs"),
                ("measurements", "environment", "environments"),
                ("environments", "device", "devices"),
                ("tuning", "device", "devices"),
                ("jobs", "graph", "graphs"),
                ("jobs", "result", "measurements"),
            ] {
                let sql = format!(
                    "select t.id from {table} t where t.{column} is not null \
                     and not exists (select 1 from {other} o where o.id = t.{column}) limit 100"
                );
                for row in link.rows(sql, args![]).await? {
                    found.push(format!("row {} of {table} refers to {other} that are not there", row.int(0)?));
                }
            }
            Ok(found)
        })?;
        orphans.into_iter().for_each(|orphan| verdict.fault(orphan));
        self.each_measurement(&crate::Filter::default(), |key, reading| {
            match reading.check() {
                Ok(()) => verdict.measurements += 1,
                Err(error) => verdict.fault(format!("a measurement of graph {key}: {error}")),
            }
            Ok(())
        })?;
        Ok(verdict)
    }

    fn verify_graphs(&self, verdict: &mut Verdict) -> Result<()> {
        let mut alike: Vec<Network> = Vec::new();
        let mut after = (Vec::new(), -1);
        loop {
            // By hash, so that those that share one come together; a few at a time, since files may be large.
            let rows = self.link(async |link| {
                let sql = "select hash, ordinal, file from graphs where hash > $1 or (hash = $1 and ordinal > $2) \
                           order by hash, ordinal limit 100";
                link.rows(sql, args![after.0.clone(), after.1]).await
            })?;
            let Some(last) = rows.last() else { return Ok(()) };
            let read = |fault| crate::fault::said(self.location(), fault);
            after = (last.bytes(0).map_err(read)?.to_vec(), last.int(1).map_err(read)?);
            for row in &rows {
                let key = graphs::key(row.bytes(0).map_err(read)?, row.int(1).map_err(read)?).map_err(read)?;
                let network = unpacked(row.bytes(2).map_err(read)?).and_then(|file| Network::from_file(&file));
                match network {
                    Err(message) => verdict.fault(format!("graph {key}: {message}")),
                    Ok(network) if network.hash() != key.hash => {
                        verdict.fault(format!("graph {key} is graph {}", network.hash()));
                    }
                    Ok(network) => {
                        alike.retain(|other| other.hash() == network.hash());
                        if alike.iter().any(|other| other.same_as(&network)) {
                            verdict.fault(format!("graph {key} is there twice"));
                        }
                        alike.push(network);
                        verdict.graphs += 1;
                    }
                }
            }
        }
    }
}

impl Verdict {
    /// True where nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }

    fn fault(&mut self, fault: String) {
        if self.faults.len() < MOST {
            self.faults.push(fault);
        }
    }
}
