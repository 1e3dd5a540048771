//! Records of tuned tensor programs: which schedule of a workload took how long on a device, or why it failed.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Error, Moment, Result, Store, devices,
    link::{Fault, Outcome, Row, Value, args},
    reading::{bounded, short},
};

/// One schedule of a workload that was compiled and run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuningRecord {
    /// Key of the workload: the operator with its shapes and types.
    pub workload: String,
    /// What the device is called.
    pub device: String,
    /// Model of the CPU or GPU.
    pub hardware: String,
    /// Compiler with its version and flags.
    pub compiler: String,
    /// The schedule, as its tuner writes it: JSON.
    pub trace: serde_json::Value,
    /// What came out.
    #[serde(flatten)]
    pub outcome: Tuned,
    /// When.
    pub date: Moment,
}

/// Times, or the reason why there are none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tuned {
    /// Of each run, in milliseconds.
    TimesMs(Vec<f64>),
    /// It did not compile, or did not run.
    Failure(String),
}

impl TuningRecord {
    fn check(&self) -> Result<()> {
        let refuse = |message: &str| Err(Error::Invalid(format!("tuning record: {message}")));
        for (field, text, most) in [
            ("workload", &self.workload, 1000),
            ("device", &self.device, 200),
            ("hardware", &self.hardware, 200),
            ("compiler", &self.compiler, 200),
        ] {
            bounded(field, text, most)?;
        }
        match &self.outcome {
            _ if self.workload.is_empty() || self.device.is_empty() => refuse("no workload or no device"),
            Tuned::TimesMs(times) if times.is_empty() || times.len() > 2000 => refuse("1 to 2,000 times"),
            Tuned::TimesMs(times) if !times.iter().all(|t| *t > 0.0 && *t < 1e12) => refuse("a time that is none"),
            Tuned::Failure(why) => bounded("failure", why, 4000),
            Tuned::TimesMs(_) => Ok(()),
        }
    }
}

impl Store {
    /// Stores tuning records; returns how many were new. A record is the same where workload, device, compiler, schedule and
    /// time are.
    ///
    /// # Errors
    /// A record outside its bounds, before anything is stored; the store cannot be written.
    pub fn put_tuning(&self, records: &[TuningRecord]) -> Result<u64> {
        records.iter().try_for_each(TuningRecord::check)?;
        let mut new = 0;
        for records in records.chunks(1000) {
            new += self.write(async |link| {
                let mut new = 0;
                for record in records {
                    let device = devices::device(link, &record.device, &record.hardware).await?;
                    let trace = record.trace.to_string();
                    let digest = short(Sha256::new_with_prefix(&trace));
                    let (times, best, failure) = match &record.outcome {
                        Tuned::TimesMs(times) => {
                            (times.as_slice(), times.iter().copied().reduce(f64::min), None)
                        }
                        Tuned::Failure(why) => (&[][..], None, Some(why.as_str())),
                    };
                    let times = serde_json::to_string(times).map_err(|error| Error::Invalid(error.to_string()))?;
                    let sql = "insert into tuning (workload, device, compiler, trace, trace_digest, times_ms, best_ms, \
                               failure, recorded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing";
                    let args = args![
                        &record.workload, device, &record.compiler, trace, digest, times, best, failure, record.date.0
                    ];
                    new += link.run(sql, args).await?;
                }
                Ok(new)
            })?;
        }
        Ok(new)
    }

    /// Records of a workload on a device that is called so, the fastest first and failures last; so many at most.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn tuning(&self, workload: &str, device: &str, limit: u32) -> Result<Vec<TuningRecord>> {
        self.link(async |link| {
            let mut args = vec![Value::from(workload)];
            let called = devices::called(device, &mut args).replace("e.device", "t.device");
            let sql = format!(
                "select t.workload, d.name, d.hardware, t.compiler, t.trace, t.times_ms, t.failure, t.recorded_at \
                 from tuning t join devices d on d.id = t.device where t.workload = $1 and {called} \
                 order by t.best_ms is null, t.best_ms, t.id limit {limit}"
            );
            link.rows(sql, &args).await?.iter().map(record).collect()
        })
    }
}

fn record(row: &Row) -> Outcome<TuningRecord> {
    let strange = |error: serde_json::Error| Fault::Strange(format!("a tuning record: {error}"));
    Ok(TuningRecord {
        workload: row.text(0)?,
        device: row.text(1)?,
        hardware: row.text(2)?,
        compiler: row.text(3)?,
        trace: serde_json::from_str(&row.text(4)?).map_err(strange)?,
        outcome: match row.maybe_text(6)? {
            Some(why) => Tuned::Failure(why),
            None => Tuned::TimesMs(serde_json::from_str(&row.text(5)?).map_err(strange)?),
        },
        date: Moment(row.int(7)?),
    })
}
