//! What was not measured is predicted.

use std::cell::OnceCell;

use anyhow::{Result, bail};
use tachograph_ir::BoundGraph;
use tachograph_predict::{Catalog, Error};
use tachograph_transfer::rates::{Rates, costs};

use super::{Ask, KnownBy, Line};
use crate::{
    device::{Target, doubts, unknown, unmeasured},
    table::counted,
    wanted::Wanted,
};

/// Rates of kernels on a device, and what they are from.
struct Known {
    rates: Rates,
    measurements: usize,
    /// The fastest and the slowest.
    range: (f64, f64),
}

/// What predicts a device, read once.
pub struct Predictors {
    name: String,
    catalog: OnceCell<Catalog>,
    rates: OnceCell<Option<Known>>,
}

impl Predictors {
    pub fn new(wanted: &Wanted) -> Self {
        Self { name: wanted.name.clone(), catalog: OnceCell::new(), rates: OnceCell::new() }
    }

    /// The newest checkpoint that knows the device, else the rates of what was measured there.
    pub fn predict(&self, ask: &Ask<'_>, line: &mut Line) -> Result<()> {
        if self.catalog.get().is_none() {
            self.catalog.set(ask.wanted.catalog(ask.store)?).ok();
        }
        let Some(catalog) = self.catalog.get() else { return Ok(()) };
        let bound = &ask.model.bound;
        match Target::of(catalog, Some(&self.name), None, true) {
            Ok(target) => {
                by_checkpoint(catalog, &target, bound, line)?;
                ask.agree(line, |bound| Ok(catalog.forecast(bound, Some(&target.name))?.latency.value.value()))
            }
            Err(Error::Device { .. } | Error::NoLatency { .. }) => self.by_rates(ask, line, catalog),
            Err(error) => Err(error.into()),
        }
    }

    fn by_rates(&self, ask: &Ask<'_>, line: &mut Line, catalog: &Catalog) -> Result<()> {
        if self.rates.get().is_none() {
            let rates = match ask.store {
                Some(store) => match ask.wanted.measured(store)? {
                    Some((_, timed)) => {
                        let range = timed.iter().fold((f64::INFINITY, 0.0f64), |(a, b), t| (a.min(t.ms), b.max(t.ms)));
                        let known = |(rates, measurements)| Known { rates, measurements, range };
                        ask.wanted.rates(store, &timed)?.map(known)
                    }
                    None => None,
                },
                None => None,
            };
            self.rates.set(rates).ok();
        }
        let Some(Known { rates, measurements, range }) = self.rates.get().and_then(Option::as_ref) else {
            if ask.wanted.here.is_none() {
                bail!(unknown(catalog, &self.name)?);
            }
            let nothing = unmeasured(&self.name);
            if !ask.args.device.is_empty() {
                bail!(nothing);
            }
            let other = Target::of(catalog, None, None, false)?;
            by_checkpoint(catalog, &other, &ask.model.bound, line)?;
            line.warnings.insert(0, format!("this is the time of another machine, {}; {nothing}", other.name));
            return Ok(());
        };
        let time = rates.predict(&costs(&ask.model.bound)?)?;
        line.known_by = KnownBy::Predicted;
        line.latency_ms = Some(time.ms);
        (line.interval_low_ms, line.interval_high_ms) = (Some(time.low), Some(time.high));
        (line.interval_percent, line.interval_source) = (Some(80.0), Some("rates of kernels".into()));
        line.predicted_by = Some(format!("rates, from {} there", counted(*measurements, "measurement")));
        line.warnings.extend(doubts(&self.name, &ask.model.bound, time.ms, *range)?);
        ask.agree(line, |bound| Ok(rates.predict(&costs(bound)?)?.ms))
    }
}

impl Ask<'_> {
    /// Where the network was measured at another batch, what is predicted for this one does not contradict that.
    fn agree(&self, line: &mut Line, predict: impl Fn(&BoundGraph) -> Result<f64>) -> Result<()> {
        let Some(store) = self.store else { return Ok(()) };
        let Some(key) = store.find(self.network)? else { return Ok(()) };
        let Some(there) = self.wanted.neighbour(store, &key, &self.question())? else { return Ok(()) };
        line.agree(&there, predict(&store.bound(&key, there.batch)?)?);
        Ok(())
    }
}

fn by_checkpoint(catalog: &Catalog, target: &Target, bound: &BoundGraph, line: &mut Line) -> Result<()> {
    let forecast = catalog.forecast(bound, Some(&target.name))?;
    let (predictor, _) = catalog.find(Some(&target.name))?;
    line.forecast(&forecast, predictor.manifest().training.to_string());
    line.warnings.splice(..0, target.warnings(&forecast));
    let uncounted = bound.uncounted()?;
    line.warnings.extend((!uncounted.is_empty()).then(|| uncounted.to_string()));
    Ok(())
}
