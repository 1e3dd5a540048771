//! Published sets and this project's own.

mod with_data;

use tachograph_datasets::*;

#[test]
fn missing_sets_say_where_to_get_them() {
    for about in SETS {
        let error = open(about.name, "nowhere".as_ref()).err().unwrap().to_string();
        assert!(error.contains(about.from) && error.contains(about.folder) && error.contains(DATA), "{error}");
    }
    assert!(matches!(open("imagenet", "nowhere".as_ref()), Err(Error::UnknownSet(_))));
}

#[test]
fn own_measurements_are_a_source() {
    let set = DataSet::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/cpu")).unwrap();
    let samples: Vec<_> = set.samples().unwrap().collect::<Result<_>>().unwrap();
    let timed = set.records().iter().filter(|r| r.median_ms.is_some()).count();
    assert!((samples.len(), timed) == (3003, 3003) && set.records().len() > timed);
    assert!(samples.iter().all(|sample| set.graph(&sample.network).is_ok()));
    assert!(set.graph("vgg:9:9").is_err());
}
