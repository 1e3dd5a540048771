//! Which devices have workers.

use crate::{
    Error, Result, Store, devices,
    link::{Value, args},
    reading::bounded,
};

impl Store {
    /// Says what a worker is called, so that whoever submits a job for a name that none has is told.
    ///
    /// # Errors
    /// A name outside its bounds; the store cannot be written.
    pub fn announce(&self, worker: &str, called: &[String]) -> Result<()> {
        bounded("worker", worker, 200)?;
        called.iter().try_for_each(|name| bounded("device", name, 200))?;
        self.write(async |link| {
            for name in called.iter().map(|name| super::demand(name)).filter(|name| !name.is_empty()) {
                let sql = "insert into served (device, worker, announced_at) values ($1, $2, {now}) \
                           on conflict (device) do update set worker = excluded.worker, announced_at = excluded.announced_at";
                link.run(sql, args![name, worker]).await?;
            }
            Ok(())
        })
    }

    /// The devices that workers have served, by name.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn served(&self) -> Result<Vec<String>> {
        self.link(async |link| {
            let sql = "select device from served union select device from jobs where worker is not null order by 1";
            link.rows(sql, args![]).await?.iter().map(|row| row.text(0)).collect()
        })
    }

    /// Whether a worker has ever served a device, by any of its names.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn is_served(&self, device: &str) -> Result<bool> {
        let names = devices::names(device);
        let announced = self.link(async |link| {
            let places: Vec<_> = (1..=names.len()).map(|place| format!("${place}")).collect();
            let sql = format!("select 1 from served where device in ({}) limit 1", places.join(","));
            let args: Vec<Value> = names.iter().map(Value::from).collect();
            Ok(link.row(sql, &args).await?.is_some())
        })?;
        // Workers of the first schema did not say; of very many jobs that takes a while.
        Ok(announced || self.served()?.iter().any(|served| names.contains(served)))
    }

    /// As [`Store::announce`], where it is no matter whether it succeeds.
    pub(crate) fn announce_if_allowed(&self, worker: &str, called: &[String]) -> Result<()> {
        match self.announce(worker, called) {
            // Roles that were made before there was such a thing; taking jobs will show what else is wrong.
            Err(Error::Refused { .. } | Error::ReadOnly { .. }) => Ok(()),
            done => done,
        }
    }
}
