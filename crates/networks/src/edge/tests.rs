use std::collections::HashSet;

use tachograph_import::tflite;
use tachograph_ir::Assignment;

use super::{NODES, PARAMETERS, Space, sample};

#[test]
fn samples_are_deterministic_distinct_and_within_bounds() {
    for space in Space::ALL {
        let mut seen = HashSet::new();
        for index in 0..12 {
            let graph = sample(space, 3, index).unwrap();
            let again = serde_json::to_string(&sample(space, 3, index).unwrap()).unwrap();
            let mut parts = graph.clone().into_parts();
            assert_eq!(serde_json::to_string(&graph).unwrap(), again);
            let bound = graph.bind(&Assignment::new()).unwrap();
            let cost = bound.cost().unwrap();
            assert!(NODES.contains(&graph.len()) && cost.parameters <= PARAMETERS, "{space} {index}");
            assert_eq!(bound.unknown_nodes().count(), 0, "{space} {index}");
            parts.name.clear();
            assert!(seen.insert(serde_json::to_string(&parts).unwrap()), "{space} {index} is a repetition");
        }
    }
}

/// The file has the arithmetic and the shapes of results of the graph that it was written from.
#[test]
fn samples_are_written_and_read_back() {
    for space in Space::ALL {
        for index in 0..25 {
            let place = format!("{space} {index}");
            let graph = sample(space, 5, index).unwrap();
            let bound = graph.bind(&Assignment::new()).unwrap();
            let bytes = tflite::write(&bound).unwrap_or_else(|e| panic!("{place}: {e}"));
            let read = tflite::read(&bytes.into(), &place).unwrap_or_else(|e| panic!("{place}: {e}"));
            assert_eq!(read.warnings, Vec::<String>::new(), "{place}");
            let back = read.graph.bind(&Assignment::new()).unwrap_or_else(|e| panic!("{place}: {e}"));
            let (a, b) = (bound.cost().unwrap(), back.cost().unwrap());
            // Batch normalisation that stands alone is a product and a sum, which are no multiply–accumulates.
            assert_eq!(a.macs, b.macs, "{place}");
            for (&x, &y) in graph.outputs().iter().zip(read.graph.outputs()) {
                assert_eq!(bound.shape(x), back.shape(y), "{place}");
            }
        }
    }
}

#[test]
fn names_parse() {
    for space in Space::ALL {
        assert_eq!(space.to_string().parse::<Space>().unwrap(), space);
    }
    assert!("edge".parse::<Space>().is_err());
}
