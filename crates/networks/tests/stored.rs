//! The networks of `datasets/cpu`, which were measured, are those that the generator makes: what was learned from them
//! can be checked on new ones.

use tachograph_datasets::{DataSet, NetworkId};
use tachograph_networks::{Family, sample};

#[test]
fn measured_networks_are_made_again() {
    let set = DataSet::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/cpu")).unwrap();
    let mut families = std::collections::BTreeSet::new();
    for (id, stored) in set.graphs().iter().step_by(9) {
        let NetworkId::Generated { family, seed, index } = id else { panic!("{id} was not generated") };
        let family: Family = family.parse().unwrap();
        families.insert(family);
        let graph = sample(family, *seed, *index).unwrap().graph;
        assert_eq!(graph.to_json().unwrap(), stored.to_json().unwrap(), "{id}");
    }
    assert_eq!(families.len(), Family::ALL.len());
}
