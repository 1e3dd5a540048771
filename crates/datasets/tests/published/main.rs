//! Published sets and this project's own.

mod modules;
mod with_data;

use tachograph_datasets::*;
use tachograph_ir::Quantity;

#[test]
fn missing_sets_say_where_to_get_them() {
    for about in SETS {
        let error = open(about.name.as_ref(), Some("nowhere".as_ref())).err().unwrap().to_string();
        assert!(error.contains(about.from) && error.contains(about.folder) && error.contains(DATA), "{error}");
    }
    assert!(matches!(open("imagenet".as_ref(), Some("nowhere".as_ref())), Err(Error::UnknownSet(_))));
}

#[test]
fn own_measurements_are_a_source() {
    let set = DataSet::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/cpu")).unwrap();
    let measurements: Vec<_> = set.measurements().unwrap().collect::<Result<_>>().unwrap();
    let count = |quantity| measurements.iter().filter(|m| m.value.quantity() == Some(quantity)).count();
    assert_eq!((count(Quantity::Latency), count(Quantity::Memory), count(Quantity::Energy)), (3003, 3003, 0));
    assert!(measurements.iter().all(|measurement| set.graph(&measurement.network).is_ok()));
    assert_eq!(set.ran_on("xeon-spr-1t").unwrap().threads, 1);
    assert!(set.graph("vgg:9:9").is_err());
}
