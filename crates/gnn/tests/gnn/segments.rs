//! The fused kernels against libtorch's own operations: values and gradients.

use proptest::{prelude::*, test_runner::Config};
use tachograph_gnn::{
    GraphBatch, fallback,
    segment::{self, Segments},
};
use tch::{Device, Kind, Tensor};

use crate::{
    graphs::{repetitive, views},
    relative,
};

/// Output and gradients of Σ y·c for a fixed c.
fn differentiate(inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Tensor) -> Vec<Tensor> {
    let leaves: Vec<Tensor> = inputs.iter().map(|x| x.copy().set_requires_grad(true)).collect();
    let y = f(&leaves);
    let cotangent = (Tensor::arange(y.numel() as i64, (y.kind(), y.device())) * 0.37).sin().reshape(y.size());
    (&y * cotangent).sum(y.kind()).backward();
    std::iter::once(y.detach()).chain(leaves.iter().map(Tensor::grad)).collect()
}

fn agree(what: &str, found: &[Tensor], expected: &[Tensor], tolerance: f64) {
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        let error = relative(f, e);
        assert!(error < tolerance, "{what}, tensor {i}: {error:e}");
    }
}

fn check(lengths: &[usize], kind: Kind, heads: i64, device: Device) {
    let segments = Segments::new(lengths, device).unwrap();
    let (n, rows) = (segments.len(), lengths.iter().sum::<usize>() as i64);
    let x = (Tensor::arange(rows * 6, (kind, device)) * 1.7).cos().reshape([rows, 6]) * 3.0;
    // Equal values share the gradient of an extremum.
    let tied = x.round();
    let z = x.narrow(1, 0, heads);
    let index = Tensor::from_slice(&lengths.iter().zip(0i64..).flat_map(|(&l, i)| vec![i; l]).collect::<Vec<_>>())
        .to_device(device);
    assert_eq!(segments.index().unwrap(), &index);
    let tolerance = if kind == Kind::Float { 1e-5 } else { 1e-12 };
    let compare = |what: &str, x: &Tensor, ours: &dyn Fn(&Tensor) -> Tensor, theirs: &dyn Fn(&Tensor) -> Tensor| {
        let inputs = [x.shallow_clone()];
        agree(what, &differentiate(&inputs, |x| ours(&x[0])), &differentiate(&inputs, |x| theirs(&x[0])), tolerance);
    };
    compare("sum", &x, &|x| segment::sum(x, &segments).unwrap(), &|x| fallback::sum(x, &index, n).unwrap());
    compare("max", &tied, &|x| segment::max(x, &segments).unwrap(), &|x| fallback::max(x, None, &index, n).unwrap());
    compare("min", &tied, &|x| segment::min(x, &segments).unwrap(), &|x| -fallback::max(&-x, None, &index, n).unwrap());
    compare("softmax", &z, &|z| segment::softmax(z, &segments).unwrap(), &|z| {
        fallback::softmax(z, None, &index, n).unwrap()
    });
    compare("softmax sum", &x, &|x| segment::softmax_sum(x, 0.7, &segments).unwrap(), &|x| {
        fallback::softmax_sum(x, None, 0.7, &index, n).unwrap()
    });
    compare("log-sum-exp", &x, &|x| segment::log_sum_exp(x, &segments).unwrap().exp(), &|x| {
        fallback::sum(&x.exp(), &index, n).unwrap()
    });
    compare("mean", &x, &|x| segment::mean(x, &segments).unwrap(), &|x| {
        let counts =
            Tensor::from_slice(&lengths.iter().map(|&l| l.max(1) as f64).collect::<Vec<_>>()).to_device(device);
        fallback::sum(x, &index, n).unwrap() / counts.to_kind(kind).unsqueeze(1)
    });
}

on_devices!(fused_segments_agree_with_libtorch);

fn fused_segments_agree_with_libtorch(device: Device) {
    let config = Config { cases: 32, failure_persistence: None, ..Config::default() };
    proptest!(config, |(lengths in prop::collection::vec(0usize..5, 0..8), heads in 1i64..4)| {
        check(&lengths, Kind::Float, heads, device);
        check(&lengths, Kind::Double, heads, device);
    });
}

proptest! {
    #![proptest_config(Config { cases: 32, failure_persistence: None, ..Config::default() })]

    /// Along the edges of whole and compressed batches, where edges count more than once.
    #[test]
    fn fused_messages_agree_with_libtorch(graphs in repetitive(), compressed: bool, heads in 1i64..4) {
        let build = if compressed { GraphBatch::compressed } else { GraphBatch::new };
        let batch = build(&views(&graphs), 2, Device::Cpu).unwrap();
        let edges = &batch.layer_edges(1).unwrap().edges;
        let (n, e) = (edges.rows(), edges.len());
        let x = (Tensor::arange(edges.columns() * 6, (Kind::Double, Device::Cpu)) * 1.7).cos().reshape([-1, 6]);
        let w = (Tensor::arange(e * heads, (Kind::Double, Device::Cpu)) * 2.3).sin().reshape([e, heads]);
        let (index, counts) = (edges.destinations().unwrap(), edges.counts().map(|n| n.to_kind(Kind::Double).unsqueeze(1)));
        let once = |m: Tensor| counts.as_ref().map_or(m.shallow_clone(), |n| &m * n);
        if 6 % heads == 0 {
            let inputs = [x.shallow_clone(), w.shallow_clone()];
            let ours = differentiate(&inputs, |i| edges.sum(&i[0], Some(&i[1])).unwrap());
            let theirs = differentiate(&inputs, |i| {
                let messages = edges.from_sources(&i[0]).unwrap().reshape([e, heads, 6 / heads]) * i[1].unsqueeze(2);
                fallback::sum(&once(messages.reshape([e, 6])), index, n).unwrap()
            });
            agree("weighted sum", &ours, &theirs, 1e-12);
        }
        let inputs = [x.round()];
        let ours = differentiate(&inputs, |i| edges.max(&i[0]).unwrap());
        let theirs = differentiate(&inputs, |i| fallback::max(&edges.from_sources(&i[0]).unwrap(), counts.as_ref(), index, n).unwrap());
        agree("max", &ours, &theirs, 1e-12);
        let inputs = [x];
        let ours = differentiate(&inputs, |i| edges.softmax_sum(&i[0], 1.3).unwrap());
        let theirs = differentiate(&inputs, |i| fallback::softmax_sum(&edges.from_sources(&i[0]).unwrap(), counts.as_ref(), 1.3, index, n).unwrap());
        agree("softmax sum", &ours, &theirs, 1e-12);
        let inputs = [w];
        let ours = differentiate(&inputs, |i| edges.softmax(&i[0]).unwrap());
        let theirs = differentiate(&inputs, |i| fallback::softmax(&i[0], counts.as_ref(), index, n).unwrap());
        agree("softmax", &ours, &theirs, 1e-12);
    }
}

#[test]
fn wrong_shapes_are_named() {
    let segments = Segments::new(&[2, 1], Device::Cpu).unwrap();
    let error = segment::sum(&Tensor::zeros([4, 2], (Kind::Float, Device::Cpu)), &segments).unwrap_err();
    assert_eq!(error.to_string(), "sum over edges: input [4, 2], expected (3, channels)");
}
