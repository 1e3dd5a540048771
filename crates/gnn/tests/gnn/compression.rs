//! A compressed batch gives what the whole batch gives.

use proptest::{prelude::*, test_runner::Config};
use tachograph_gnn::{Context, Conv, GraphBatch, Linear, Sage, SageConfig};
use tch::{Device, Kind, Tensor, nn};

use crate::{
    graphs::{Owned, WIDTH, repetitive, views},
    relative,
};

struct Net {
    vs: nn::VarStore,
    layers: Vec<Sage>,
    head: Linear,
}

impl Net {
    fn new(layers: usize, normalize: bool, device: Device) -> Self {
        tch::manual_seed(11);
        let vs = nn::VarStore::new(device);
        let layer = |l| {
            let inputs = if l == 0 { WIDTH as i64 } else { 8 };
            Sage::new(&(vs.root() / l), inputs, 8, SageConfig { normalize, ..SageConfig::default() }).unwrap()
        };
        let layers = (0..layers).map(layer).collect();
        let head = Linear::new(&(vs.root() / "head"), 8, 1, true).unwrap();
        Self { vs, layers, head }
    }

    /// Outputs, and the gradients of all parameters one after the other.
    fn run(&self, batch: &GraphBatch) -> (Tensor, Tensor) {
        let mut h = batch.nodes.shallow_clone();
        for (l, layer) in self.layers.iter().enumerate() {
            h = layer.forward(&h, batch.layer_edges(l).unwrap(), &Context::default()).unwrap().relu();
        }
        let y = self.head.forward(&batch.graph_of_row.sum(&h, None).unwrap()).unwrap();
        self.vs.variables().values_mut().for_each(Tensor::zero_grad);
        y.square().sum(Kind::Float).backward();
        let variables: std::collections::BTreeMap<_, _> = self.vs.variables().into_iter().collect();
        let gradients: Vec<Tensor> = variables.values().map(|v| v.grad().copy().flatten(0, -1)).collect();
        (y.detach(), Tensor::cat(&gradients, 0))
    }
}

fn agree(graphs: &[Owned], layers: usize, normalize: bool, device: Device) {
    let net = Net::new(layers, normalize, device);
    let views = views(graphs);
    let whole = GraphBatch::new(&views, layers, device).unwrap();
    let small = GraphBatch::compressed(&views, layers, device).unwrap();
    assert!(small.nodes.size()[0] <= 3 && small.len() == whole.len());
    let ((y, gradients), (small_y, small_gradients)) = (net.run(&whole), net.run(&small));
    let errors = (relative(&small_y, &y), relative(&small_gradients, &gradients));
    assert!(errors.0 < 1e-5 && errors.1 < 1e-5, "{layers} layers, normalize {normalize}, {device:?}: {errors:?}");
}

proptest! {
    #![proptest_config(Config { cases: 48, failure_persistence: None, ..Config::default() })]

    #[test]
    fn compression_changes_neither_outputs_nor_gradients(graphs in repetitive(), layers in 2usize..4, normalize: bool) {
        agree(&graphs, layers, normalize, Device::Cpu);
    }
}

on_devices!(compression_is_exact_on_every_device);

/// A chain, the same chain with a doubled edge and a self-loop, and the first again.
fn compression_is_exact_on_every_device(device: Device) {
    let chain = Owned { nodes: [1.0, 0.0, 2.0].repeat(6), edges: (0..5).map(|i| (i, i + 1)).collect() };
    let mut knotted = chain.clone();
    knotted.edges.extend([(2, 3), (4, 4)]);
    agree(&[chain.clone(), knotted, chain], 3, true, device);
}
