//! The search for a configuration.

use std::collections::BTreeMap;

use tachograph_ir::{Builder, Bytes, DType, Dim, Domain, Graph, Millis};
use tachograph_predict::{Budget, choose};

/// x (batch, width) → Relu.
fn graph() -> Graph {
    let mut b = Builder::new("one");
    b.hyperparameter("batch", Domain::POSITIVE, 1);
    b.hyperparameter("width", Domain::POSITIVE, 8);
    let x = b.input("x", DType::F32, vec![Dim::Free("batch".into()), Dim::Free("width".into())]);
    let x = b.op("Relu", &[x]).unwrap();
    b.finish(&[x]).unwrap()
}

/// A millisecond, and one for each sample above four; a MB for each column of each sample.
fn predict(bound: &tachograph_ir::BoundGraph) -> tachograph_predict::Result<(Millis, Bytes)> {
    let elements = bound.shape(bound.graph().inputs()[0]).unwrap().iter().product::<u64>();
    Ok((Millis(1.0 + bound.batch().saturating_sub(4) as f64), Bytes(elements << 20)))
}

fn axes(batch: &[u64], width: &[u64]) -> BTreeMap<String, Vec<u64>> {
    BTreeMap::from([("batch".into(), batch.to_vec()), ("width".into(), width.to_vec())])
}

#[test]
fn the_feasible_set_and_the_best_of_it() {
    let budget = Budget { memory: Some(Bytes(64 << 20)), time: Some(Millis(5.0)) };
    let found = choose(&graph(), &axes(&[1, 4, 8, 16], &[4, 8, 16]), &budget, predict).unwrap();
    let list: Vec<(u64, u64)> = found.feasible.iter().map(|c| (c.config["batch"], c.config["width"])).collect();
    // Four a millisecond; then eight in five; then one in one, the narrow one first.
    assert_eq!(list, [(4, 4), (4, 8), (4, 16), (8, 4), (8, 8), (1, 4), (1, 8), (1, 16)]);
    assert_eq!(found.feasible[0].throughput(), 4000.0);
    assert_eq!(found.beyond.len(), 4);
    let all = choose(&graph(), &axes(&[1, 4], &[8]), &Budget::default(), predict).unwrap();
    assert_eq!((all.feasible.len(), all.beyond.len(), all.refused.len()), (2, 0, 0));
}

#[test]
fn what_does_not_bind_is_listed_and_what_is_not_free_is_an_error() {
    let found = choose(&graph(), &axes(&[0, 2], &[8]), &Budget::default(), predict).unwrap();
    assert_eq!((found.feasible.len(), found.refused.len()), (1, 1));
    assert!(found.refused[0].1.contains("batch"), "{:?}", found.refused);
    let unknown = BTreeMap::from([("height".to_owned(), vec![1])]);
    let error = choose(&graph(), &unknown, &Budget::default(), predict).unwrap_err().to_string();
    assert!(error.contains("`height` is not free in `one`; free are: batch, width"), "{error}");
    let many = axes(&(1..1000).collect::<Vec<_>>(), &(1..1000).collect::<Vec<_>>());
    assert!(choose(&graph(), &many, &Budget::default(), predict).is_err());
}
