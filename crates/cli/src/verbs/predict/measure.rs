//! Measuring beside a prediction. A prediction for one machine says nothing about another, so the measurement stands beside
//! one for this machine.

use anyhow::Result;
use tachograph_ir::BoundGraph;
use tachograph_profile::{Protocol, measure, quick_look};
use tachograph_store::Store;
use tachograph_transfer::{
    Observation,
    rates::{RatePrior, Rates, costs},
};
use tch::Device;

use super::line::Here;
use crate::{device::Target, measured::keep, store::Record};

/// This machine, on one thread.
pub struct Bench {
    /// Its rates, where some target is another machine.
    rates: Option<Rates>,
    store: Option<Store>,
}

impl Bench {
    pub fn new(targets: &[Target], record: &Record) -> Result<Self> {
        let store = record.open()?;
        tch::set_num_threads(1);
        if targets.iter().all(|target| target.here) {
            return Ok(Self { rates: None, store });
        }
        let look = quick_look(Device::Cpu)?;
        let rows = look.iter().map(|(bound, _)| costs(bound)).collect::<Result<Vec<_>, _>>()?;
        let samples = look.iter().enumerate().map(|(network, (_, time))| Observation { network, ms: time.0 });
        Ok(Self { rates: Some(RatePrior::cpu().adapt(&samples.collect::<Vec<_>>(), &rows)?), store })
    }

    pub fn measure(&self, bound: &BoundGraph, target: &Target, latency_ms: f64) -> Result<Here> {
        let (predicted_here_ms, by) = match &self.rates {
            Some(rates) if !target.here => {
                (rates.predict(&costs(bound)?)?.ms, "by rates, from a quick look at other networks")
            }
            _ => (latency_ms, "by the checkpoint"),
        };
        let measured = measure(bound, Device::Cpu, &Protocol::default())?;
        keep(self.store.as_ref(), bound, &measured);
        Ok(Here {
            measured_here_ms: measured.median_ms,
            predicted_here_ms,
            predicted_here_by: by.to_owned(),
            hardware_here: measured.environment.device,
        })
    }
}
