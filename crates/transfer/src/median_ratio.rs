//! The plainest way to know a new device, which every other must beat.

use crate::{
    Error, Estimate, Observation, Posterior, Result, Transfer, adapt,
    statistics::{finite, median, quantile},
};

/// Every network takes as many times longer than on a known device as the median of the measured ones does.
#[derive(Clone, Debug)]
pub struct MedianRatio {
    times: Vec<f64>,
}

impl MedianRatio {
    /// From the times of all networks on the known device, in ms.
    ///
    /// # Errors
    /// Times that are not positive and finite.
    pub fn new(times: Vec<f64>) -> Result<Self> {
        finite("the time", &times)?;
        match times.iter().position(|&ms| ms <= 0.0) {
            Some(sample) => Err(Error::Value { what: "the time", sample, value: times[sample] }),
            None => Ok(Self { times }),
        }
    }
}

struct Scaled<'a> {
    times: &'a [f64],
    /// Median of the measured ratios, and the quantiles that 80 % of them lie between.
    ratio: Estimate,
}

impl Transfer for MedianRatio {
    fn networks(&self) -> usize {
        self.times.len()
    }

    fn adapt<'a>(&'a self, observations: &[Observation]) -> Result<Box<dyn Posterior + 'a>> {
        adapt::check(observations, self.networks())?;
        let ratios: Vec<f64> = observations.iter().map(|o| o.ms / self.times[o.network]).collect();
        let [low, high] = [0.1, 0.9].map(|share| quantile(&ratios, share));
        Ok(Box::new(Scaled { times: &self.times, ratio: Estimate { ms: median(ratios), low, high } }))
    }
}

impl Posterior for Scaled<'_> {
    fn predict(&self, network: usize) -> Result<Estimate> {
        adapt::known(network, self.times.len())?;
        Ok(self.ratio.times(self.times[network]))
    }

    fn predict_all(&self) -> Vec<f64> {
        self.times.iter().map(|ms| self.ratio.ms * ms).collect()
    }
}
