//! Graphs, measurements and answers.

use std::time::Duration;

use tachograph_ir::{Assignment, Attr, BoundGraph, Builder, DType, Domain, Quantity, attrs};
use tachograph_store::{Answer, Error, Filter, Network, Question, Reading, Setup, Store};

use crate::support::{graph, network, on_both, reading, setup, stored};

/// The same network as another exporter writes it: other names, another order, the batch fixed.
fn exported_otherwise(channels: u64) -> BoundGraph {
    let mut b = Builder::new("other name");
    let x = b.input("input.1", DType::F32, vec![1.into(), 3.into(), 8.into(), 8.into()]);
    let unused = b.op("Sigmoid", &[x]).unwrap();
    let y = b.conv(x, channels, [3, 3], 1, 1, 1, true).unwrap();
    let y = b.op("Relu", &[y]).unwrap();
    let _ = unused;
    b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap()
}

/// Flattens by a shape that follows the batch, or by one that is true of batch 1 alone.
fn flattened(follows: bool) -> BoundGraph {
    let mut b = Builder::new("flat");
    b.hyperparameter("batch", Domain::POSITIVE, 1);
    let x = b.input("x", DType::F32, vec!["batch".into(), 4.into(), 2.into(), 2.into()]);
    let shape = match follows {
        true => {
            let shape = b.op("Shape", &[x]).unwrap();
            let zero = b.ints(&[0]);
            let batch = b.op_with("Gather", &[shape, zero], attrs([("axis", Attr::Int(0))])).unwrap();
            let rest = b.ints(&[16]);
            b.op_with("Concat", &[batch, rest], attrs([("axis", Attr::Int(0))])).unwrap()
        }
        false => b.ints(&[1, 16]),
    };
    let y = b.op("Reshape", &[x, shape]).unwrap();
    let y = b.op("Relu", &[y]).unwrap();
    b.finish(&[y]).unwrap().bind(&Assignment::from([("batch".into(), 1)])).unwrap()
}

fn latency(store: &Store, channels: u64, batch: u64) -> Option<Answer> {
    store.query(&network(channels), &Question::latency("bench-cpu", batch)).unwrap()
}

on_both! {
    fn a_graph_is_known_by_what_it_computes(place) {
        let store = place.open();
        let keys = stored(&store, [4, 8]);
        assert_ne!(keys[0], keys[1]);
        assert_eq!(stored(&store, [4, 8]), keys);
        let other = Network::new(&exported_otherwise(4)).unwrap();
        assert_eq!(store.find(&other).unwrap(), Some(keys[0]));
        assert_eq!(store.find(&Network::new(&graph(4, 64)).unwrap()).unwrap(), Some(keys[0]));
        assert_eq!(store.find(&network(16)).unwrap(), None);
        assert_eq!(store.graphs().unwrap().len(), 2);
        assert!(store.bound(&keys[1], 32).unwrap().same_as(&graph(8, 32)));
        assert!(matches!(store.graph(&store.put_graph(&network(4)).unwrap()), Ok(g) if g.len() == 2));
        let unknown = network(99);
        let key = tachograph_store::GraphKey { hash: unknown.hash(), ordinal: 0 };
        assert!(matches!(store.graph(&key), Err(Error::UnknownGraph(_))));
    }

    fn a_fixed_export_does_not_stand_in_the_way(place) {
        let store = place.open();
        let fixed = Network::new(&exported_otherwise(4)).unwrap();
        let key = store.put_graph(&fixed).unwrap();
        assert!(store.bound(&key, 8).is_err());
        assert_eq!(store.put_graph(&network(4)).unwrap(), key);
        assert_eq!(store.bound(&key, 8).unwrap().batch(), 8);
        assert_eq!(store.put_graph(&fixed).unwrap(), key);
    }

    fn a_shared_hash_is_not_trusted(place) {
        let store = place.open();
        let (follows, fixed) = (Network::new(&flattened(true)).unwrap(), Network::new(&flattened(false)).unwrap());
        assert_eq!(follows.hash(), fixed.hash(), "equal at batch 1");
        let keys = [store.put_graph(&follows).unwrap(), store.put_graph(&fixed).unwrap()];
        assert_eq!(keys.map(|key| key.ordinal), [0, 1]);
        assert_eq!([store.find(&follows).unwrap(), store.find(&fixed).unwrap()], keys.map(Some));
        assert_eq!(keys[1].to_string().parse::<tachograph_store::GraphKey>().unwrap(), keys[1]);
    }

    fn a_measurement_is_stored_once(place) {
        let store = place.open();
        let key = stored(&store, [4])[0];
        let first = reading(1, 2.0, 0);
        let items = [(key, first.clone()), (key, reading(1, 2.1, 60)), (key, first.clone())];
        let added = store.put_measurements(&items).unwrap();
        assert_eq!((added.new, added.known), (2, 1));
        assert_eq!(store.put_measurements(&items).unwrap().new, 0);
        assert!(!store.put(&network(4), &first).unwrap());
        assert!(store.put(&network(8), &first).unwrap());
        let all = store.measurements(&Filter::default()).unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!(all[0], (key, first), "what is read is what was written");
        let only_memory = Reading { median_ms: None, iqr_ms: None, min_ms: None, repeats: 0, ..reading(4, 1.0, 0) };
        assert!(store.put(&network(4), &only_memory).unwrap());
        assert_eq!(store.measurements(&Filter { batch: Some(4), ..Filter::default() }).unwrap()[0].1, only_memory);
    }

    fn what_cannot_be_is_refused(place) {
        let store = place.open();
        let key = stored(&store, [4])[0];
        let good = reading(1, 2.0, 0);
        for bad in [
            Reading { batch: 0, ..good.clone() },
            Reading { median_ms: Some(-1.0), ..good.clone() },
            Reading { median_ms: Some(f64::NAN), ..good.clone() },
            Reading { median_ms: Some(1e13), ..good.clone() },
            Reading { who: "x".repeat(201), ..good.clone() },
            Reading { who: "a\0b".into(), ..good.clone() },
            Reading { peak_bytes: Some(u64::MAX), ..good.clone() },
            Reading { setup: Setup { device: String::new(), ..setup() }, ..good.clone() },
        ] {
            let error = store.put_measurements(&[(key, good.clone()), (key, bad.clone())]).unwrap_err();
            assert!(matches!(error, Error::Invalid(_)), "{error} {bad:?}");
        }
        assert!(store.measurements(&Filter::default()).unwrap().is_empty());
    }

    fn a_measurement_answers_first(place) {
        let store = place.open();
        assert_eq!(latency(&store, 4, 1), None);
        for (second, ms) in [(0, 2.0), (60, 2.2), (120, 2.1)] {
            store.put(&network(4), &reading(1, ms, second)).unwrap();
        }
        let Some(Answer::Measured(found)) = latency(&store, 4, 1) else { panic!("not measured") };
        assert_eq!((found.value, found.count, found.setup), (2.1, 3, setup()));
        assert!((found.spread.unwrap() - 0.2 / 2.1).abs() < 1e-12);
        assert_eq!(found.newest.age(found.oldest.after(Duration::from_secs(180))), Duration::from_secs(60));
        // Another setup that was measured later answers, unless one asks for the first.
        let threads = Setup { threads: 8, ..setup() };
        store.put(&network(4), &Reading { setup: threads, ..reading(1, 0.5, 200) }).unwrap();
        let Some(Answer::Measured(found)) = latency(&store, 4, 1) else { panic!("not measured") };
        assert_eq!((found.value, found.count, found.setup.threads), (0.5, 1, 8));
        let one = Question { threads: Some(1), ..Question::latency("BENCH-CPU", 1) };
        let Some(Answer::Measured(found)) = store.query(&network(4), &one).unwrap() else { panic!("not measured") };
        assert_eq!(found.value, 2.1);
        let memory = Question { quantity: Quantity::Memory, ..one };
        let Some(Answer::Measured(found)) = store.query(&network(4), &memory).unwrap() else { panic!("not measured") };
        assert_eq!((found.value, found.spread), (1.048576, None));
        let energy = Question { quantity: Quantity::Energy, ..memory };
        assert_eq!(store.query(&network(4), &energy).unwrap(), None);
    }

    fn between_batches_and_not_beyond(place) {
        let store = place.open();
        for (batch, ms) in [(1, 2.0), (4, 4.0), (16, 14.0)] {
            store.put(&network(4), &reading(batch, ms, batch as i64)).unwrap();
        }
        let Some(Answer::Interpolated(between)) = latency(&store, 4, 8) else { panic!("not interpolated") };
        assert_eq!((between.below, between.above), ((4, 4.0), (16, 14.0)));
        assert!((between.value - 56.0f64.sqrt()).abs() < 1e-9, "{between:?}");
        // At least half of batch 16, at most twice batch 4; one per cent wider.
        assert!((between.low - 7.0 / 1.01).abs() < 1e-9 && (between.high - 8.08).abs() < 1e-9, "{between:?}");
        assert_eq!(latency(&store, 4, 17), None);
        // Beyond, the nearest says what a prediction must agree with.
        let key = stored(&store, [4])[0];
        let nearest = |batch| store.neighbour(&key, &Question::latency("bench-cpu", batch)).unwrap().map(|n| (n.batch, n.value));
        assert_eq!([nearest(17), nearest(300), nearest(3)], [Some((16, 14.0)), Some((16, 14.0)), Some((4, 4.0))]);
        assert_eq!(store.neighbour(&key, &Question::latency("other", 17)).unwrap(), None);
        assert_eq!(latency(&store, 8, 8), None);
        // Of two setups neither of which has both neighbours there is nothing to say.
        store.put(&network(16), &reading(1, 2.0, 0)).unwrap();
        let other = Setup { threads: 4, ..setup() };
        store.put(&network(16), &Reading { setup: other, ..reading(4, 2.0, 0) }).unwrap();
        assert_eq!(latency(&store, 16, 2), None);
    }

    fn a_device_goes_by_all_its_names(place) {
        let store = place.open();
        let t4 = Setup { device: "lab-2".into(), hardware: "Tesla T4".into(), ..setup() };
        store.put(&network(4), &Reading { setup: t4, ..reading(1, 2.0, 0) }).unwrap();
        for name in ["lab-2", "LAB-2", "tesla t4", "t4", "T4"] {
            assert!(store.query(&network(4), &Question::latency(name, 1)).unwrap().is_some(), "{name}");
        }
        assert_eq!(store.query(&network(4), &Question::latency("p4", 1)).unwrap(), None);
        let devices = store.devices().unwrap();
        assert_eq!((devices.len(), devices[0].name.as_str(), devices[0].measurements), (1, "lab-2", 1));
        let filter = Filter { device: Some("t4".into()), ..Filter::default() };
        assert_eq!(store.measurements(&filter).unwrap().len(), 1);
    }

    fn a_runtime_of_others_is_no_hindrance(place) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = place.open();
            assert!(store.put(&network(4), &reading(1, 2.0, 0)).unwrap());
            assert!(latency(&store, 4, 1).is_some());
        });
    }
}
