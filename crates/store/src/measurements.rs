//! The measurements of a store.

use std::collections::HashMap;

use serde::Serialize;
use tachograph_datasets::Mode;
use tachograph_ir::DType;

use crate::{
    Error, GraphKey, Moment, Network, Reading, Result, Setup, Store, devices, graphs,
    link::{Fault, Link, Outcome, Row, Value},
    reading::{mode_number, mode_of},
};

/// How many of those to store were new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Added {
    /// Stored now.
    pub new: u64,
    /// There already.
    pub known: u64,
}

/// Which measurements to read; what is not set is not asked.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this graph.
    pub graph: Option<GraphKey>,
    /// On the devices of this name, hardware or alias.
    pub device: Option<String>,
    /// At this batch.
    pub batch: Option<u64>,
    /// Of this kind of run.
    pub mode: Option<Mode>,
    /// With this element type.
    pub dtype: Option<DType>,
    /// With so many threads.
    pub threads: Option<u32>,
    /// With this library and version.
    pub library: Option<String>,
    /// Made since.
    pub since: Option<Moment>,
}

/// Rows of one statement; PostgreSQL takes 65,535 parameters, SQLite 32,766.
const AT_ONCE: usize = 500;

/// Rows of one transaction: others wait as long.
const TOGETHER: usize = 5_000;

/// Rows read at once.
const PAGE: i64 = 20_000;

const COLUMNS: usize = 14;

/// What [`row`] reads, of the tables `m`, `e` and `d`.
pub(crate) const SELECTED: &str = "m.batch, m.mode, m.protocol, m.measured_at, m.median_ms, m.iqr_ms, m.min_ms, m.repeats, \
     m.peak_bytes, m.energy_j, m.who, d.name, d.hardware, e.threads, e.library, e.dtype, e.driver, e.governor";

impl Store {
    /// Stores a measurement of a network, and the network unless it is there. Returns false where it is known already.
    ///
    /// # Errors
    /// [`Reading::check`] refuses it, or the store cannot be written.
    pub fn put(&self, network: &Network, reading: &Reading) -> Result<bool> {
        let key = self.put_graph(network)?;
        Ok(self.put_measurements(&[(key, reading.clone())])?.new == 1)
    }

    /// Stores measurements of graphs that are there. What is there already, and what comes twice, is stored once; so an
    /// import that was interrupted can be done again.
    ///
    /// # Errors
    /// [`Reading::check`] refuses one, before anything is stored; a graph is not there; the store cannot be written. Where
    /// thousands were stored before that, [`Error::Partly`] says how many.
    pub fn put_measurements(&self, items: &[(GraphKey, Reading)]) -> Result<Added> {
        items.iter().try_for_each(|(_, reading)| reading.check())?;
        let mut added = Added::default();
        for items in items.chunks(TOGETHER) {
            let new = match self.write(async |link| put(link, items).await) {
                Err(source) if added != Added::default() => {
                    return Err(Error::Partly { source: Box::new(source), stored: added, line: 0 });
                }
                new => new?,
            };
            added.new += new;
            added.known += items.len() as u64 - new;
        }
        Ok(added)
    }

    /// Hands every measurement that the filter selects to `each`, in the order in which they came. What others store in the
    /// meantime may be among them or not.
    ///
    /// # Errors
    /// The store cannot be read; what `each` returns.
    pub fn each_measurement(
        &self,
        filter: &Filter,
        mut each: impl FnMut(GraphKey, Reading) -> Result<()>,
    ) -> Result<()> {
        let mut after = 0;
        loop {
            let (rows, last) = self.link(async |link| page(link, filter, after, PAGE).await)?;
            let full = rows.len() as i64 == PAGE;
            rows.into_iter().try_for_each(|(key, reading)| each(key, reading))?;
            if !full {
                return Ok(());
            }
            after = last;
        }
    }

    /// The measurements that the filter selects, in the order in which they came.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn measurements(&self, filter: &Filter) -> Result<Vec<(GraphKey, Reading)>> {
        let mut all = Vec::new();
        self.each_measurement(filter, |key, reading| {
            all.push((key, reading));
            Ok(())
        })?;
        Ok(all)
    }
}

/// One page of measurements, and the row at which the next begins.
async fn page(link: &mut Link, filter: &Filter, after: i64, limit: i64) -> Outcome<(Vec<(GraphKey, Reading)>, i64)> {
    let mut args = vec![Value::from(after)];
    let mut conditions = String::new();
    let mut condition = |column: &str, value: Value| {
        args.push(value);
        conditions += &format!(" and {column} ${}", args.len());
    };
    if let Some(key) = &filter.graph {
        condition("m.graph =", graphs::id(link, key).await?.into());
    }
    if let Some(batch) = filter.batch {
        condition("m.batch =", i64::try_from(batch).unwrap_or(i64::MAX).into());
    }
    if let Some(mode) = filter.mode {
        condition("m.mode =", mode_number(mode).into());
    }
    if let Some(dtype) = filter.dtype {
        condition("e.dtype =", dtype.to_string().into());
    }
    if let Some(threads) = filter.threads {
        condition("e.threads =", threads.into());
    }
    if let Some(library) = &filter.library {
        condition("e.library =", library.into());
    }
    if let Some(since) = filter.since {
        condition("m.measured_at >=", since.0.into());
    }
    if let Some(device) = &filter.device {
        conditions += &format!(" and {}", devices::called(device, &mut args));
    }
    let sql = format!(
        "select {SELECTED}, g.hash, g.ordinal, m.id from measurements m join graphs g on g.id = m.graph \
         join environments e on e.id = m.environment join devices d on d.id = e.device \
         where m.id > $1{conditions} order by m.id limit {limit}"
    );
    let rows = link.rows(sql, &args).await?;
    let last = rows.last().map_or(Ok(after), |row| row.int(20))?;
    let read = |row: &Row| Ok((graphs::key(row.bytes(18)?, row.int(19)?)?, reading(row)?));
    Ok((rows.iter().map(read).collect::<Outcome<_>>()?, last))
}

/// Stores measurements; returns how many were new.
pub(crate) async fn put(link: &mut Link, items: &[(GraphKey, Reading)]) -> Outcome<u64> {
    let mut graph_ids = HashMap::new();
    let mut setups: HashMap<&Setup, i64> = HashMap::new();
    let mut values = Vec::with_capacity(items.len().min(AT_ONCE) * COLUMNS);
    let mut new = 0;
    for items in items.chunks(AT_ONCE) {
        values.clear();
        for (key, reading) in items {
            let graph = match graph_ids.get(key) {
                Some(&id) => id,
                None => *graph_ids.entry(*key).or_insert(graphs::id(link, key).await?),
            };
            let environment = match setups.get(&reading.setup) {
                Some(&id) => id,
                None => *setups.entry(&reading.setup).or_insert(devices::environment(link, &reading.setup).await?),
            };
            values.extend(columns(graph, environment, reading));
        }
        new += link.run(insert(link, items.len(), "on conflict do nothing"), &values).await?;
    }
    Ok(new)
}

/// Stores one measurement; returns its row.
pub(crate) async fn put_one(link: &mut Link, graph: i64, reading: &Reading) -> Outcome<i64> {
    let environment = devices::environment(link, &reading.setup).await?;
    let values = columns(graph, environment, reading);
    if let Some(row) = link.row(insert(link, 1, "on conflict do nothing returning id"), &values).await? {
        return row.int(0);
    }
    let same = "select id from measurements where graph = $1 and environment = $2 and batch = $3 and mode = $4 \
                and protocol = $5 and measured_at = $6 and digest = $7";
    let row = link.row(same, &values[..7]).await?;
    row.ok_or_else(|| Fault::Strange("a measurement is neither there nor can it be stored".into()))?.int(0)
}

fn insert(link: &Link, rows: usize, end: &str) -> String {
    let postgres = link.is_postgres();
    let place = |place: usize| match postgres {
        true => format!("${place}"),
        // SQLite searches a list for every parameter with a name: of thousands that takes longer than storing the rows.
        false => "?".into(),
    };
    let row = |row: usize| {
        let places: Vec<_> = (1..=COLUMNS).map(|column| place(row * COLUMNS + column)).collect();
        format!("({})", places.join(","))
    };
    let rows: Vec<_> = (0..rows).map(row).collect();
    format!(
        "insert into measurements (graph, environment, batch, mode, protocol, measured_at, digest, median_ms, iqr_ms, \
         min_ms, repeats, peak_bytes, energy_j, who) values {} {end}",
        rows.join(",")
    )
}

fn columns(graph: i64, environment: i64, reading: &Reading) -> [Value; COLUMNS] {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    [
        graph.into(),
        environment.into(),
        whole(reading.batch).into(),
        mode_number(reading.mode).into(),
        reading.protocol.into(),
        reading.date.0.into(),
        reading.digest().into(),
        reading.median_ms.into(),
        reading.iqr_ms.into(),
        reading.min_ms.into(),
        reading.repeats.into(),
        reading.peak_bytes.map(whole).into(),
        reading.energy_j.into(),
        (&reading.who).into(),
    ]
}

/// Reads the columns of [`SELECTED`].
pub(crate) fn reading(row: &Row) -> Outcome<Reading> {
    let dtype = row.text(15)?;
    let small = |column| Ok::<_, Fault>(u32::try_from(row.count(column)?).unwrap_or(u32::MAX));
    Ok(Reading {
        batch: row.count(0)?,
        mode: mode_of(row.int(1)?),
        protocol: small(2)?,
        date: Moment(row.int(3)?),
        median_ms: row.maybe_real(4)?,
        iqr_ms: row.maybe_real(5)?,
        min_ms: row.maybe_real(6)?,
        repeats: small(7)?,
        peak_bytes: row.maybe_int(8)?.and_then(|bytes| u64::try_from(bytes).ok()),
        energy_j: row.maybe_real(9)?,
        who: row.text(10)?,
        setup: Setup {
            device: row.text(11)?,
            hardware: row.text(12)?,
            threads: small(13)?,
            library: row.text(14)?,
            dtype: dtype.parse().map_err(|_| Fault::Strange(format!("`{dtype}` is no element type")))?,
            driver: row.text(16)?,
            governor: row.text(17)?,
        },
    })
}
