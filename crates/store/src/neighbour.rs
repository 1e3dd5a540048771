//! A prediction beside what was measured of the same network at another batch.

use serde::Serialize;

use crate::{
    GraphKey, Moment, Question, Reading, Result, Setup, Store,
    answer::{found, readings},
};

/// The measured batch that is next to the one asked for, in the setup that was measured last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Neighbour {
    /// The batch.
    pub batch: u64,
    /// What it takes, in the [`unit`](tachograph_ir::Quantity::unit) of the quantity.
    pub value: f64,
    /// How far apart runs are, relative to the value; see [`Found::spread`](crate::Found::spread).
    pub spread: Option<f64>,
    /// The newest measurement.
    pub newest: Moment,
    /// On what and with what.
    pub setup: Setup,
}

impl Store {
    /// What was measured of a graph nearest to the batch asked for, whatever lies between; `None` where nothing was. For
    /// what [`Store::answer`] does not know: beyond the smallest or largest batch, or between those of different setups.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn neighbour(&self, key: &GraphKey, question: &Question) -> Result<Option<Neighbour>> {
        let readings = self.link(async |link| readings(link, key, question, false).await)?;
        let Some(newest) = readings.first() else { return Ok(None) };
        let alike = |r: &&Reading| (&r.setup, r.protocol) == (&newest.setup, newest.protocol);
        let apart = |batch: u64| (batch as f64 / question.batch as f64).ln().abs();
        let nearest = readings.iter().filter(alike).map(|r| r.batch).min_by(|a, b| apart(*a).total_cmp(&apart(*b)));
        let there = readings.iter().filter(alike).filter(|r| Some(r.batch) == nearest).cloned().collect::<Vec<_>>();
        Ok(nearest.zip(found(&there, question)).map(|(batch, found)| Neighbour {
            batch,
            value: found.value,
            spread: found.spread,
            newest: found.newest,
            setup: found.setup,
        }))
    }
}

impl Neighbour {
    /// What a prediction at `batch`, the lower end, the value and the upper end, becomes beside this measurement: scaled as
    /// the prediction `here`, at the batch of the measurement, must be to agree with it; and then within what follows from
    /// *more samples never take less, and never more a sample*, for the ends widened by half the spread.
    ///
    /// A network that takes `m` at batch `b` takes between `m` and `m · batch / b` at a larger batch, between `m · batch / b`
    /// and `m` at a smaller one.
    pub fn agree(&self, batch: u64, [low, value, high]: [f64; 3], here: f64) -> [f64; 3] {
        let each = self.value * batch as f64 / self.batch as f64;
        let (least, most) = (self.value.min(each), self.value.max(each));
        let wider = 1.0 + self.spread.filter(|spread| spread.is_finite()).map_or(0.0, |spread| spread.max(0.0) / 2.0);
        let scale = if here.is_finite() && here > 0.0 { self.value / here } else { 1.0 };
        let value = (value * scale).max(least).min(most);
        let end = |end: f64| (end * scale).max(least / wider).min(most * wider);
        [end(low).min(value), value, end(high).max(value)]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tachograph_ir::DType;

    use super::*;

    fn neighbour(batch: u64, value: f64, spread: Option<f64>) -> Neighbour {
        let setup = Setup {
            device: "d".into(),
            hardware: String::new(),
            threads: 1,
            library: String::new(),
            dtype: DType::F32,
            driver: String::new(),
            governor: String::new(),
        };
        Neighbour { batch, value, spread, newest: Moment(0), setup }
    }

    proptest! {
        /// Whatever was predicted, it does not contradict what was measured.
        #[test]
        fn no_contradiction(
            at in 1u64..5000, batch in 1u64..5000, measured in 1e-4..1e4f64, spread in 0.0..2.0f64,
            value in 1e-5..1e6f64, below in 0.0..1.0f64, above in 1.0..10.0f64, here in 1e-5..1e6f64,
        ) {
            let there = neighbour(at, measured, Some(spread));
            let [low, y, high] = there.agree(batch, [value * below, value, value * above], here);
            let slack = 1.0 + 1e-12;
            prop_assert!(low <= y && y <= high);
            let each = (y / batch as f64, measured / at as f64);
            match batch >= at {
                true => prop_assert!(y * slack >= measured && each.0 <= each.1 * slack),
                false => prop_assert!(y <= measured * slack && each.0 * slack >= each.1),
            }
            if batch == at {
                prop_assert!((y / measured - 1.0).abs() < 1e-12);
            }
        }

        /// What keeps the rule and is off by a factor is set right.
        #[test]
        fn a_factor_is_set_right(
            fixed in 0.01..100.0f64, each in 0.001..10.0f64, at in 1u64..500, batch in 1u64..500, factor in 0.01..100.0f64,
        ) {
            let time = |batch: u64| fixed + each * batch as f64;
            let predicted = |batch: u64| factor * time(batch);
            let y = neighbour(at, time(at), None).agree(batch, [0.0, predicted(batch), 1e9], predicted(at));
            prop_assert!((y[1] / time(batch) - 1.0).abs() < 1e-9, "{:?} {}", y, time(batch));
        }
    }
}
