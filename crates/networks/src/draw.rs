//! Random choices that the families share.

use std::ops::RangeInclusive;

use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use tachograph_import::nas::layers::divisible;

/// Source of randomness: portable across platforms and releases.
pub(super) struct Draw(pub ChaCha8Rng);

impl Draw {
    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.0.random_bool(p)
    }

    /// One of `range`, uniformly.
    pub fn between(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.0.random_range(range)
    }

    /// One of `options`, uniformly; the default of `T` when there are none.
    pub fn pick<T: Copy + Default>(&mut self, options: &[T]) -> T {
        options.choose(&mut self.0).copied().unwrap_or_default()
    }

    /// Log-uniform in `min..max`.
    pub fn log(&mut self, min: f64, max: f64) -> f64 {
        self.0.random_range(min.ln()..max.ln()).exp()
    }

    /// A number of channels, log-uniform: a multiple of 8 in nine cases of ten.
    pub fn width(&mut self, min: u64, max: u64) -> u64 {
        let width = self.log(min as f64, max as f64);
        if self.chance(0.9) { divisible(width) } else { width.round().max(1.0) as u64 }
    }

    /// A number of channels between half and twice `base`.
    pub fn near(&mut self, base: u64) -> u64 {
        self.width(base.div_ceil(2), 2 * base.max(1))
    }

    /// Height and width of an image: a multiple of 16 in nine cases of ten.
    pub fn resolution(&mut self, min: u64, max: u64) -> u64 {
        if self.chance(0.9) { 16 * self.between(min.div_ceil(16)..=max / 16) } else { self.between(min..=max) }
    }

    /// A number of classes.
    pub fn classes(&mut self) -> u64 {
        self.pick(&[10, 100, 200, 1000, 1000])
    }

    /// A batch size: mostly 1.
    pub fn batch(&mut self) -> u64 {
        self.pick(&[1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4, 4, 4, 8, 8, 16])
    }
}
