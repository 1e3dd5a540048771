//! The devices of a store, and the environments that measurements were made in.

use serde::Serialize;
use tachograph_ir::Device;

use crate::{
    Moment, Result, Setup, Store,
    link::{Fault, Link, Outcome, Value, args},
};

/// A device that something was measured on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnownDevice {
    /// What it is called.
    pub name: String,
    /// Model of the CPU or GPU.
    pub hardware: String,
    /// Measurements on it.
    pub measurements: u64,
    /// The newest.
    pub newest: Option<Moment>,
}

impl Store {
    /// The devices that something was measured on, by name.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn devices(&self) -> Result<Vec<KnownDevice>> {
        let sql = "select d.name, d.hardware, count(m.id), max(m.measured_at) from devices d \
                   left join environments e on e.device = d.id left join measurements m on m.environment = e.id \
                   group by d.id, d.name, d.hardware order by d.name, d.hardware";
        self.link(async |link| {
            let rows = link.rows(sql, args![]).await?;
            let device = |row: &crate::link::Row| {
                Ok(KnownDevice {
                    name: row.text(0)?,
                    hardware: row.text(1)?,
                    measurements: row.count(2)?,
                    newest: row.maybe_int(3)?.map(Moment),
                })
            };
            rows.iter().map(device).collect()
        })
    }

    /// Names and hardware of the devices that it knows, by name. Takes no longer however much was measured.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn device_names(&self) -> Result<Vec<(String, String)>> {
        self.link(async |link| {
            let rows = link.rows("select name, hardware from devices order by name, hardware", args![]).await?;
            rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
        })
    }
}

/// All that a device may be called in lower case, if `name` is one of the bundled devices'.
pub(crate) fn names(name: &str) -> Vec<String> {
    // SQLite knows the case of ASCII alone, PostgreSQL what its locale says.
    let mut names = vec![name.trim().to_lowercase(), name.trim().to_ascii_lowercase()];
    if let Ok(device) = Device::builtin(name.trim()) {
        names.extend(device.aliases.iter().chain([&device.name]).map(|name| name.to_lowercase()));
    }
    names.sort();
    names.dedup();
    names
}

/// The condition that a row of `e` is of a device called `name`, with its parameters added to `args`.
pub(crate) fn called(name: &str, args: &mut Vec<Value>) -> String {
    let mut places = Vec::new();
    for name in names(name) {
        args.push(name.into());
        places.push(format!("${}", args.len()));
    }
    let places = places.join(",");
    format!("e.device in (select id from devices where lower(name) in ({places}) or lower(hardware) in ({places}))")
}

/// The row of a device; made where there is none.
pub(crate) async fn device(link: &mut Link, name: &str, hardware: &str) -> Outcome<i64> {
    let there = "select id from devices where name = $1 and hardware = $2";
    if let Some(row) = link.row(there, args![name, hardware]).await? {
        return row.int(0);
    }
    link.run("insert into devices (name, hardware) values ($1, $2) on conflict do nothing", args![name, hardware])
        .await?;
    let row = link.row(there, args![name, hardware]).await?;
    row.ok_or_else(|| Fault::Strange("a device is neither there nor can it be stored".into()))?.int(0)
}

/// The row of an environment; made where there is none.
pub(crate) async fn environment(link: &mut Link, setup: &Setup) -> Outcome<i64> {
    let device = device(link, &setup.device, &setup.hardware).await?;
    let there = "select id from environments where device = $1 and threads = $2 and library = $3 and dtype = $4 \
                 and driver = $5 and governor = $6";
    let Setup { threads, library, dtype, driver, governor, .. } = setup;
    let args = args![device, *threads, library, dtype.to_string(), driver, governor];
    if let Some(row) = link.row(there, args).await? {
        return row.int(0);
    }
    let new = "insert into environments (device, threads, library, dtype, driver, governor) \
               values ($1, $2, $3, $4, $5, $6) on conflict do nothing";
    link.run(new, args).await?;
    let row = link.row(there, args).await?;
    row.ok_or_else(|| Fault::Strange("an environment is neither there nor can it be stored".into()))?.int(0)
}
