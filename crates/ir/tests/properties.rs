//! Invariances of random graphs: files, names, node order, topological order.

use proptest::prelude::*;
use rand::{SeedableRng, seq::SliceRandom};
use tachograph_ir::{Assignment, Attr, BoundGraph, Builder, DType, Domain, Graph, TensorId, UpdateRule, attrs};

/// One step of a random graph: an operator and which earlier tensors it reads.
type Step = (u8, prop::sample::Index, prop::sample::Index);

/// Every tensor has shape (batch, 4, 6, 6), so that any tensor fits any operator.
fn build(steps: &[Step]) -> Graph {
    let mut b = Builder::new("random");
    b.hyperparameter("batch", Domain::Range { min: 1, max: 8, step: 1 }, 2);
    let x = b.input("x", DType::F32, vec!["batch".into(), 4.into(), 6.into(), 6.into()]);
    let shared = b.parameter(&[4, 4, 1, 1]);
    let mut tensors = vec![x];
    for (op, i, j) in steps {
        let (x, y) = (*i.get(&tensors), *j.get(&tensors));
        let result = match op % 8 {
            0 => b.op("Relu", &[x]),
            1 => b.op_with("LeakyRelu", &[x], attrs([("alpha", Attr::Float(0.1 * f64::from(*op)))])),
            2 => b.op("Add", &[x, y]),
            3 => b.op("Mul", &[x, y]),
            4 => b.conv(x, 4, [3, 3], 1, 1, 1, op % 3 == 0),
            5 => b.op("Conv", &[x, shared]),
            6 => b.batch_norm(x),
            _ => {
                let both = b.op_with("Concat", &[x, y], attrs([("axis", Attr::Int(1))])).unwrap();
                let bound = b.scalar(f64::NEG_INFINITY);
                let both = b.op("Max", &[both, bound]).unwrap();
                b.conv(both, 4, [1, 1], 1, 0, 2, true)
            }
        };
        tensors.push(result.unwrap());
    }
    let results = tensors.split_off(1);
    b.finish(&results[results.len().saturating_sub(2)..]).unwrap()
}

fn graphs() -> impl Strategy<Value = Graph> {
    prop::collection::vec(any::<Step>(), 1..40).prop_map(|steps| build(&steps))
}

/// The same graph under other names, with nodes and tensors in another order.
fn shuffled(graph: &Graph, seed: u64) -> Graph {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut parts = graph.clone().into_parts();
    let mut order: Vec<u32> = (0..parts.tensors.len() as u32).collect();
    order.shuffle(&mut rng);
    let mut place = vec![0; order.len()];
    order.iter().enumerate().for_each(|(new, &old)| place[old as usize] = new as u32);
    parts.tensors = order.iter().map(|&old| parts.tensors[old as usize].clone()).collect();
    parts.tensors.iter_mut().for_each(|t| t.name = format!("{}'", t.name));
    let relabel = |t: &mut TensorId| t.0 = place[t.index()];
    for node in &mut parts.nodes {
        node.name.insert(0, '_');
        node.inputs.iter_mut().chain(&mut node.outputs).flatten().for_each(relabel);
    }
    parts.inputs.iter_mut().chain(&mut parts.outputs).for_each(relabel);
    parts.nodes.shuffle(&mut rng);
    Graph::new(parts).unwrap()
}

fn bind(graph: &Graph) -> BoundGraph {
    graph.bind(&Assignment::new()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn files_round_trip(graph in graphs()) {
        prop_assert_eq!(&Graph::from_json(&graph.to_json().unwrap()).unwrap(), &graph);
        prop_assert_eq!(&Graph::from_bytes(&graph.to_bytes().unwrap()).unwrap(), &graph);
        let step = bind(&graph).training_graph(UpdateRule::Momentum).unwrap();
        prop_assert_eq!(&Graph::from_bytes(&step.graph().to_bytes().unwrap()).unwrap(), step.graph());
    }

    #[test]
    fn names_and_order_do_not_matter(graph in graphs(), seed: u64) {
        let other = shuffled(&graph, seed);
        let (a, b) = (bind(&graph), bind(&other));
        prop_assert_eq!(a.canonical_hash(), b.canonical_hash());
        prop_assert!(a.same_as(&b));
        prop_assert_eq!(a.cost().unwrap(), b.cost().unwrap());
        let step = a.training_graph(UpdateRule::Momentum).unwrap();
        let other = bind(&shuffled(step.graph(), seed));
        prop_assert_eq!(step.canonical_hash(), other.canonical_hash());
        prop_assert!(step.same_as(&other));
    }

    #[test]
    fn same_as_agrees_with_the_hash(a in graphs(), b in graphs()) {
        let (a, b) = (bind(&a), bind(&b));
        prop_assert_eq!(a.same_as(&b), a.canonical_hash() == b.canonical_hash());
    }

    #[test]
    fn one_changed_attribute_changes_the_hash(graph in graphs(), which: prop::sample::Index) {
        let bound = bind(&graph);
        let live = which.get(bound.live());
        let mut parts = bound.graph().clone().into_parts();
        parts.nodes[live.index()].attrs.insert("extra".into(), Attr::Int(1));
        let other = Graph::new(parts).unwrap().bind(&Assignment::new()).unwrap();
        prop_assert_ne!(bound.canonical_hash(), other.canonical_hash());
        prop_assert!(!bound.same_as(&other));
    }

    #[test]
    fn ids_are_a_topological_order(graph in graphs(), seed: u64) {
        let other = shuffled(&graph, seed);
        prop_assert!(other.edges().all(|(from, to, _)| from < to));
        let step = bind(&other).training_graph(UpdateRule::Adam).unwrap();
        prop_assert!(step.graph().edges().all(|(from, to, _)| from < to));
    }

    #[test]
    fn damaged_bytes_never_panic(graph in graphs(), at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let mut bytes = graph.to_bytes().unwrap();
        let i = at.index(bytes.len());
        let changed = bytes[i] != byte;
        bytes[i] = byte;
        if changed {
            prop_assert!(Graph::from_bytes(&bytes).is_err());
        }
        // With the checksum mended the payload is read: any outcome but a panic.
        if let Some((header, payload)) = bytes.split_at_mut_checked(18) {
            header[14..18].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
        }
        let _ = Graph::from_bytes(&bytes);
        prop_assert!(Graph::from_bytes(&bytes[..cut.index(bytes.len())]).is_err());
    }

    #[test]
    fn training_costs_at_most_three_times_forward_macs(graph in graphs()) {
        let bound = bind(&graph);
        let step = bound.training_graph(UpdateRule::Sgd).unwrap();
        prop_assert!(step.cost().unwrap().macs <= 3 * bound.cost().unwrap().macs);
        prop_assert!(step.peak_memory().unwrap() >= bound.peak_memory().unwrap());
    }
}
