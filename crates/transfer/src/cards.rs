//! A card that few or no networks were measured on, from what other cards measured with the same software.

use tachograph_ir::{DType, Device};

use crate::{
    Error, Observation, Result, Transfer,
    rates::{RatePrior, Relative},
};

/// Standard deviations of the logarithm of a rate of one card relative to others, of which
/// [`choose_deviation`](Cards::choose_deviation) takes one.
const DEVIATIONS: [f64; 4] = [0.05, 0.1, 0.2, 0.4];

/// What a card measured with one setting of software.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The card.
    pub device: &'static Device,
    /// Networks were compiled.
    pub compiled: bool,
    /// Layout of images in memory, such as `nchw`.
    pub layout: String,
    /// Version of the software, as a number that grows.
    pub version: i64,
    /// Times of all networks in ms; NaN where there is none.
    pub times: Vec<f64>,
}

/// Cards that measured many of the same networks.
#[derive(Clone, Debug)]
pub struct Cards {
    settings: Vec<Setting>,
    costs: Vec<Vec<f64>>,
    /// Of the card of each setting: the geometric mean of peak (in f32, which is proportional to the number of cores and
    /// their clock) and bandwidth.
    speeds: Vec<f64>,
}

/// What other cards say of a setting: the geometric mean of the settings most like it.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Networks that the setting and all its likes measured.
    pub networks: Vec<usize>,
    /// Their times on the others, in ms.
    pub times: Vec<f64>,
    /// From there to the new card, by the device files alone.
    pub scale: f64,
}

impl Cards {
    /// From settings, and the costs of all networks as [`rates::costs`](crate::rates::costs) has them.
    ///
    /// # Errors
    /// Another number of times than of costs; a device file without a bandwidth or a peak for f32.
    pub fn new(settings: Vec<Setting>, costs: Vec<Vec<f64>>) -> Result<Self> {
        if let Some(odd) = settings.iter().find(|s| s.times.len() != costs.len()) {
            return Err(Error::Mismatch { what: "times of a card", found: odd.times.len(), expected: costs.len() });
        }
        let speeds = settings.iter().map(|s| speed(s.device)).collect::<Result<_>>()?;
        Ok(Self { settings, costs, speeds })
    }

    /// The settings.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// Settings of other cards than that of a setting, among `known`.
    pub fn others(&self, setting: usize, known: &[usize]) -> Vec<usize> {
        let device = &self.settings[setting].device.name;
        known.iter().copied().filter(|&other| self.settings[other].device.name != *device).collect()
    }

    /// Averages the settings among `known` that are compiled and laid out like `setting`, with the nearest version.
    ///
    /// # Errors
    /// None is known.
    pub fn reference(&self, setting: usize, known: &[usize]) -> Result<Reference> {
        let new = &self.settings[setting];
        let unlike = |&other: &usize| {
            let s = &self.settings[other];
            (s.compiled != new.compiled, s.layout != new.layout, (s.version - new.version).abs())
        };
        let Some(nearest) = known.iter().map(unlike).min() else {
            return Err(Error::TooFew { what: "a reference for a card", samples: 0, needed: 1 });
        };
        let alike: Vec<usize> = known.iter().copied().filter(|other| unlike(other) == nearest).collect();
        let mean = |of: &dyn Fn(usize) -> f64| alike.iter().map(|&other| of(other)).sum::<f64>() / alike.len() as f64;
        let time = |other: usize, network: usize| self.settings[other].times[network];
        let all = |&network: &usize| alike.iter().chain([&setting]).all(|&other| time(other, network).is_finite());
        let networks: Vec<usize> = (0..self.costs.len()).filter(all).collect();
        Ok(Reference {
            times: networks.iter().map(|&network| mean(&|other| time(other, network).ln()).exp()).collect(),
            networks,
            scale: mean(&|other| (self.speeds[other] / self.speeds[setting]).ln()).exp(),
        })
    }

    /// A prior for the networks of `reference`, in their order; see [`Relative`].
    ///
    /// # Errors
    /// As [`Relative::new`].
    pub fn relative(&self, reference: &Reference, deviation: f64) -> Result<Relative> {
        let mut priors = self.relatives(reference, &[deviation])?;
        priors.pop().ok_or(Error::TooFew { what: "a prior for a card", samples: 0, needed: 1 })
    }

    fn relatives(&self, reference: &Reference, deviations: &[f64]) -> Result<Vec<Relative>> {
        let costs: Vec<Vec<f64>> = reference.networks.iter().map(|&n| self.costs[n].clone()).collect();
        let times = reference.times.iter().enumerate().map(|(network, &ms)| Observation { network, ms });
        let rates = RatePrior::gpu().adapt(&times.collect::<Vec<_>>(), &costs)?;
        let prior = |&deviation: &f64| Relative::with(&rates, &reference.times, &costs, deviation, Relative::NOISE);
        deviations.iter().map(prior).collect()
    }

    /// What `setting` measured of some networks of `reference`, by their places there.
    pub fn observe(&self, setting: usize, reference: &Reference, places: &[usize]) -> Vec<Observation> {
        let time = |&place: &usize| self.settings[setting].times[reference.networks[place]];
        places.iter().map(|place| Observation { network: *place, ms: time(place) }).collect()
    }

    /// The standard deviation with the smallest error where each card of `known` is the new one and the others are known:
    /// of `draws` draws of candidates among so many networks, `measured` are chosen and measured each time.
    ///
    /// # Errors
    /// One card alone; more to choose than there are candidates; otherwise as [`Relative::new`].
    pub fn choose_deviation(
        &self,
        known: &[usize],
        measured: usize,
        draws: u64,
        candidates: impl Fn(usize, u64) -> Vec<usize>,
    ) -> Result<f64> {
        let mut errors = [0.0; DEVIATIONS.len()];
        for &setting in known {
            let reference = self.reference(setting, &self.others(setting, known))?;
            for (error, prior) in errors.iter_mut().zip(self.relatives(&reference, &DEVIATIONS)?) {
                for draw in 0..draws {
                    let chosen = prior.select(&candidates(reference.networks.len(), draw), measured)?;
                    let device = prior.adapt(&self.observe(setting, &reference, &chosen))?;
                    *error += self.error(setting, &reference, &chosen, &device.predict_all());
                }
            }
        }
        let best = errors.iter().zip(DEVIATIONS).min_by(|a, b| a.0.total_cmp(b.0));
        Ok(best.map_or(DEVIATIONS[0], |(_, deviation)| deviation))
    }

    /// Mean relative error on what was not measured.
    fn error(&self, setting: usize, reference: &Reference, measured: &[usize], predicted: &[f64]) -> f64 {
        let others: Vec<usize> = (0..predicted.len()).filter(|place| !measured.contains(place)).collect();
        let truth = self.observe(setting, reference, &others);
        truth.iter().map(|o| (predicted[o.network] / o.ms - 1.0).abs()).sum::<f64>() / truth.len().max(1) as f64
    }
}

fn speed(device: &Device) -> Result<f64> {
    let lacks = |what| Error::Device { device: device.name.clone(), what };
    let peak = device.peak.get(&DType::F32).ok_or_else(|| lacks("peak.f32"))?;
    Ok((peak * device.bandwidth.ok_or_else(|| lacks("bandwidth"))?).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rates::Column;

    /// Networks that launch kernels and move bytes, on cards of so many ms for each.
    fn cards() -> Cards {
        let width = Column::all().len();
        let costs: Vec<Vec<f64>> = (0..20)
            .map(|i| {
                let mut row = vec![0.0; width];
                (row[0], row[1]) = (f64::from(1 + i % 3), f64::from(1 + i));
                row
            })
            .collect();
        let setting = |name: &str, version: i64, [launch, byte]: [f64; 2]| Setting {
            device: Device::builtin(name).unwrap(),
            compiled: false,
            layout: "nchw".into(),
            version,
            times: costs.iter().map(|row| launch * row[0] + byte * row[1]).collect(),
        };
        let mut settings = vec![
            setting("rtx-3090", 291, [1.0, 2.0]),
            setting("rtx-4090", 291, [0.8, 1.2]),
            setting("rtx-4090", 210, [9.0, 9.0]),
            setting("rtx-5090", 291, [0.6, 1.0]),
        ];
        settings[0].times[7] = f64::NAN;
        Cards::new(settings, costs).unwrap()
    }

    #[test]
    fn the_reference_is_the_mean_of_like_settings_of_other_cards() {
        let cards = cards();
        let known = cards.others(3, &[0, 1, 2, 3]);
        assert_eq!(known, [0, 1, 2]);
        let reference = cards.reference(3, &known).unwrap();
        assert_eq!(reference.networks.len(), 19, "one was not measured everywhere");
        let expected = ((1.0 + 2.0f64) * (0.8 + 1.2)).sqrt();
        assert!((reference.times[0] - expected).abs() < 1e-12);
        assert!(reference.scale < 1.0, "a newer card is faster: {}", reference.scale);
        assert!(cards.reference(3, &[]).is_err());
    }

    #[test]
    fn a_few_networks_tell_a_card() {
        let cards = cards();
        let known = cards.others(3, &[0, 1, 3]);
        let reference = cards.reference(3, &known).unwrap();
        let all = |networks: usize, _: u64| (0..networks).collect::<Vec<_>>();
        let deviation = cards.choose_deviation(&known, 3, 1, all).unwrap();
        let prior = cards.relative(&reference, deviation).unwrap();
        let chosen = prior.select(&all(reference.networks.len(), 0), 3).unwrap();
        let device = prior.adapt(&cards.observe(3, &reference, &chosen)).unwrap();
        let error = cards.error(3, &reference, &chosen, &device.predict_all());
        assert!(error < 0.03, "{error}");
    }
}
