//! `query_stream`, on the set of the repository.

use clap::Parser;
use tachograph_research::query_stream::{Args, play};

use crate::at;

/// The more was asked, the more is known.
#[test]
fn a_store_saves_more_as_it_grows() {
    let set = at("datasets/cpu").display().to_string();
    let args = ["query_stream", "--set", &set, "--networks", "40", "--queries", "300"];
    let (networks, tallies) = play(&Args::parse_from(args)).unwrap();
    assert_eq!(networks, "80 networks: 40 generated, 40 of NAS-Bench-201, 0 of timm");
    let (first, last) = (&tallies[0], tallies.last().unwrap());
    let share = |measured: usize, queries: usize| measured as f64 / queries as f64;
    assert!(share(first.measured, first.queries) < share(last.measured, last.queries), "{tallies:?}");
    assert!(1.0 < first.factor() && first.factor() < last.factor(), "{tallies:?}");
    // The same queries again.
    let again = play(&Args::parse_from(args)).unwrap().1;
    assert_eq!(
        again.last().map(|tally| (tally.measured, tally.interpolated)),
        Some((last.measured, last.interpolated))
    );
}
