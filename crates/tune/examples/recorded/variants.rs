//! Variants of our tuner: one thing changed at a time, first from the textbook's process, then from a base.

use tachograph_tune::{
    DEFAULT,
    models::{Kernel, Shape},
    strategies::{Acquisition, Gaussian, GaussianOptions, Start, Target, Transfer},
    tuner,
};

use crate::{Contender, transfer::Row};

pub fn all() -> Vec<Contender> {
    let plain = GaussianOptions::PLAIN;
    let shape = |shape| Kernel { shape, additive: false };
    let additive = |shape| Kernel { shape, additive: true };
    let base = GaussianOptions {
        start: Start::Spread(5),
        target: Target::Clipped(0.75),
        kernel: additive(Shape::Matern52),
        ..plain
    };
    let eight = GaussianOptions { start: Start::Spread(8), ..base };
    let together =
        GaussianOptions { target: Target::Clipped(0.6), acquisition: Acquisition::Bound(2.0), products: true, ..eight };
    let rows = [
        ("plain", plain),
        ("spread 10", GaussianOptions { start: Start::Spread(10), ..plain }),
        ("spread 5", GaussianOptions { start: Start::Spread(5), ..plain }),
        ("random 5", GaussianOptions { start: Start::Random(5), ..plain }),
        ("random 20", GaussianOptions { start: Start::Random(20), ..plain }),
        ("rbf", GaussianOptions { kernel: shape(Shape::Rbf), ..plain }),
        ("matern 3/2", GaussianOptions { kernel: shape(Shape::Matern32), ..plain }),
        ("bound 1", GaussianOptions { acquisition: Acquisition::Bound(1.0), ..plain }),
        ("bound 2", GaussianOptions { acquisition: Acquisition::Bound(2.0), ..plain }),
        ("thompson", GaussianOptions { acquisition: Acquisition::Thompson, ..plain }),
        ("greedy 2", GaussianOptions { acquisition: Acquisition::Greedy(2), ..plain }),
        ("greedy 4", GaussianOptions { acquisition: Acquisition::Greedy(4), ..plain }),
        ("clipped 0.5", GaussianOptions { target: Target::Clipped(0.5), ..plain }),
        ("clipped 0.75", GaussianOptions { target: Target::Clipped(0.75), ..plain }),
        ("compressed", GaussianOptions { target: Target::Compressed, ..plain }),
        ("base", base),
        ("base without addition", GaussianOptions { kernel: Kernel::MATERN, ..base }),
        ("base rbf", GaussianOptions { kernel: additive(Shape::Rbf), ..base }),
        ("base unclipped", GaussianOptions { target: Target::Log, ..base }),
        ("base clipped 0.6", GaussianOptions { target: Target::Clipped(0.6), ..base }),
        ("base spread 3", GaussianOptions { start: Start::Spread(3), ..base }),
        ("base spread 8", eight),
        ("base bound 1.5", GaussianOptions { acquisition: Acquisition::Bound(1.5), ..base }),
        ("base bound 2", GaussianOptions { acquisition: Acquisition::Bound(2.0), ..base }),
        ("base products", GaussianOptions { products: true, ..base }),
        ("base spread 8 products", GaussianOptions { products: true, ..eight }),
        ("together", together),
    ];
    contenders(&rows)
}

fn contenders(rows: &[(&str, GaussianOptions)]) -> Vec<Contender> {
    let row = |&(name, options): &(&str, GaussianOptions)| Contender {
        name: name.into(),
        reader: tuner(DEFAULT).expect("ours"),
        make: Box::new(move || Box::new(Gaussian::new(options))),
    };
    rows.iter().map(row).collect()
}

/// How ours may use the formula of a program's time, one thing changed at a time.
pub fn programs() -> Vec<Contender> {
    let ours = GaussianOptions::TACHOGRAPH;
    let with = |transfer: Transfer| GaussianOptions { transfer: Some(transfer), ..ours };
    let base = Transfer::CHOSEN;
    contenders(&[
        ("no formula", GaussianOptions { formula: None, ..ours }),
        ("as it is", ours),
        ("rest 0.25", with(Transfer { rest: 0.25, ..base })),
        ("rest 1", with(Transfer { rest: 1.0, ..base })),
        ("doubt 0.2", with(Transfer { doubt: 0.2, ..base })),
        ("doubt 1", with(Transfer { doubt: 1.0, ..base })),
        ("clip 0.25", with(Transfer { clip: 0.25, ..base })),
        ("clip 0.75", with(Transfer { clip: 0.75, ..base })),
        ("clip 1", with(Transfer { clip: 1.0, ..base })),
        ("columns", with(Transfer { columns: true, ..base })),
        ("lengths", with(Transfer { lengths: false, ..base })),
        ("bound 1", GaussianOptions { acquisition: Acquisition::Bound(1.0), ..ours }),
        ("greedy 2", GaussianOptions { acquisition: Acquisition::Greedy(2), ..ours }),
        ("not additive", GaussianOptions { kernel: Kernel::MATERN, ..ours }),
    ])
}

/// How ours may use records, one thing changed at a time.
pub fn transfer() -> Vec<Row> {
    let chosen = Transfer { clip: 0.75, ..Transfer::CHOSEN };
    let with = |transfer: Transfer| GaussianOptions { transfer: Some(transfer), ..GaussianOptions::TACHOGRAPH };
    let base = with(chosen);
    let both = Transfer { clip: 0.5, rest: 0.25, ..chosen };
    let rows = [
        ("base", base),
        ("plain", GaussianOptions { transfer: Some(chosen), ..GaussianOptions::PLAIN }),
        ("clip 0.5", with(Transfer { clip: 0.5, ..chosen })),
        ("clip 1", with(Transfer { clip: 1.0, ..chosen })),
        ("doubt 0.2", with(Transfer { doubt: 0.2, ..chosen })),
        ("doubt 1", with(Transfer { doubt: 1.0, ..chosen })),
        ("rest 0.25", with(Transfer { rest: 0.25, ..chosen })),
        ("rest 1", with(Transfer { rest: 1.0, ..chosen })),
        ("columns", with(Transfer { columns: true, ..chosen })),
        ("own lengths", with(Transfer { lengths: false, ..chosen })),
        ("bound 1", GaussianOptions { acquisition: Acquisition::Bound(1.0), ..base }),
        ("greedy 3", GaussianOptions { acquisition: Acquisition::Greedy(3), ..base }),
        ("not additive", GaussianOptions { kernel: Kernel::MATERN, ..base }),
        ("unclipped", GaussianOptions { target: Target::Log, ..base }),
        ("both", with(both)),
        ("both doubt 0.2", with(Transfer { doubt: 0.2, ..both })),
        ("both clip 0.3", with(Transfer { clip: 0.3, ..both })),
        ("both rest 0.15", with(Transfer { rest: 0.15, ..both })),
        ("both columns", with(Transfer { columns: true, ..both })),
        ("both own lengths", with(Transfer { lengths: false, ..both })),
        ("both not additive", GaussianOptions { kernel: Kernel::MATERN, ..with(both) }),
        ("both plain", GaussianOptions { transfer: Some(both), ..GaussianOptions::PLAIN }),
    ];
    let row = |(name, options): (&str, GaussianOptions)| Row {
        name: name.into(),
        make: Box::new(move || Box::new(Gaussian::new(options))),
        records: true,
    };
    let without = Row {
        name: "without records".into(),
        make: Box::new(|| Box::new(Gaussian::new(GaussianOptions::TACHOGRAPH))),
        records: false,
    };
    rows.into_iter().map(row).chain([without]).collect()
}
