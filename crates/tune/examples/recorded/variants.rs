//! Variants of our tuner: one thing changed at a time.

use tachograph_tune::{
    models::{Kernel, Shape},
    strategies::{Acquisition, Gaussian, GaussianOptions, Start, Target},
};

use crate::Contender;

pub fn all() -> Vec<Contender> {
    let plain = GaussianOptions::PLAIN;
    let additive = Kernel { additive: true, ..Kernel::MATERN };
    let base = GaussianOptions { start: Start::Spread(5), target: Target::Clipped(0.75), kernel: additive, ..plain };
    let whole = GaussianOptions {
        start: Start::Spread(8),
        target: Target::Clipped(0.6),
        acquisition: Acquisition::Bound(2.0),
        products: true,
        ..base
    };
    let rows = [
        ("A", whole),
        ("B", GaussianOptions { start: Start::Spread(8), products: true, ..base }),
        ("A improvement", GaussianOptions { acquisition: Acquisition::Improvement, ..whole }),
        ("A no addition", GaussianOptions { kernel: Kernel::MATERN, ..whole }),
        ("A spread 5", GaussianOptions { start: Start::Spread(5), ..whole }),
        ("A bound 1.5", GaussianOptions { acquisition: Acquisition::Bound(1.5), ..whole }),
        ("A no products", GaussianOptions { products: false, ..whole }),
        ("plain", plain),
        ("base", base),
        ("products", GaussianOptions { products: true, ..base }),
        ("products, no addition", GaussianOptions { products: true, kernel: Kernel::MATERN, ..base }),
        ("products, unclipped", GaussianOptions { products: true, target: Target::Log, ..base }),
        ("no addition", GaussianOptions { kernel: Kernel::MATERN, ..base }),
        ("rbf", GaussianOptions { kernel: Kernel { shape: Shape::Rbf, additive: true }, ..base }),
        ("unclipped", GaussianOptions { target: Target::Log, ..base }),
        ("clipped 0.6", GaussianOptions { target: Target::Clipped(0.6), ..base }),
        ("spread 3", GaussianOptions { start: Start::Spread(3), ..base }),
        ("spread 8", GaussianOptions { start: Start::Spread(8), ..base }),
        ("bound 1.5", GaussianOptions { acquisition: Acquisition::Bound(1.5), ..base }),
        ("bound 2", GaussianOptions { acquisition: Acquisition::Bound(2.0), ..base }),
    ];
    let row = |(name, options): (&str, GaussianOptions)| Contender {
        name: name.into(),
        make: Box::new(move || Box::new(Gaussian::new(options))),
    };
    rows.into_iter().map(row).collect()
}
