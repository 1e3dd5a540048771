//! The cases that are measured beside PyTorch Geometric, ours alone.
//!
//!     cargo bench -p tachograph-benches --bench gnn -- train

use criterion::{Criterion, criterion_group, criterion_main};
use tachograph_benches::gnn::{CASES, open, prepare};

fn gnn(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gnn");
    group.sample_size(10);
    for case in &CASES {
        group.bench_function(case.name, |bencher| {
            let folder = tempfile::tempdir().unwrap();
            prepare(case, folder.path()).unwrap();
            let mut work = open(case, folder.path()).unwrap();
            bencher.iter(|| work.run().unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, gnn);
criterion_main!(benches);
