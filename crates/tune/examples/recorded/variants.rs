//! Variants of our tuner: one thing changed at a time.

use tachograph_tune::{
    models::Kernel,
    strategies::{Acquisition, Gaussian, GaussianOptions, Start, Target},
};

use crate::Contender;

pub fn all() -> Vec<Contender> {
    let plain = GaussianOptions::PLAIN;
    let rows = [
        ("plain", plain),
        ("spread 10", GaussianOptions { start: Start::Spread(10), ..plain }),
        ("spread 5", GaussianOptions { start: Start::Spread(5), ..plain }),
        ("random 5", GaussianOptions { start: Start::Random(5), ..plain }),
        ("random 20", GaussianOptions { start: Start::Random(20), ..plain }),
        ("rbf", GaussianOptions { kernel: Kernel::Rbf, ..plain }),
        ("matern 3/2", GaussianOptions { kernel: Kernel::Matern32, ..plain }),
        ("bound 1", GaussianOptions { acquisition: Acquisition::Bound(1.0), ..plain }),
        ("bound 2", GaussianOptions { acquisition: Acquisition::Bound(2.0), ..plain }),
        ("thompson", GaussianOptions { acquisition: Acquisition::Thompson, ..plain }),
        ("greedy 2", GaussianOptions { acquisition: Acquisition::Greedy(2), ..plain }),
        ("greedy 4", GaussianOptions { acquisition: Acquisition::Greedy(4), ..plain }),
        ("clipped 0.5", GaussianOptions { target: Target::Clipped(0.5), ..plain }),
        ("clipped 0.75", GaussianOptions { target: Target::Clipped(0.75), ..plain }),
        ("compressed", GaussianOptions { target: Target::Compressed, ..plain }),
    ];
    let row = |(name, options): (&str, GaussianOptions)| Contender {
        name: name.into(),
        make: Box::new(move || Box::new(Gaussian::new(options))),
    };
    rows.into_iter().map(row).collect()
}
