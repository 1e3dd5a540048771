//! Random schedules of random workloads, lowered and run, against the interpreter of workloads.

mod common;

use proptest::prelude::*;

fn check(seed: u64) -> Result<(), String> {
    let mut rng = common::rng(seed);
    let workload = common::workload(&mut rng);
    let data = common::data(&workload, &mut rng);
    let schedule = common::schedule(&workload, &mut rng, 30);
    let describe = |what: String| format!("seed {seed}: {what}\n{workload}\n{schedule}");
    let nest = match schedule.lower(&workload) {
        Ok(nest) => nest,
        // What a step cannot see: loops around the loop.
        Err(error) => {
            let mut allowed = vec!["parallel loop lies inside", "vector loop has loops inside", "blocked axis"];
            // What was asked for may be in memory no longer, or too much.
            if schedule.steps.iter().any(|step| matches!(step, tachograph_program::Step::Prefetch { .. })) {
                allowed.extend([
                    "in memory before it is needed",
                    "does not load",
                    "loop is gone",
                    "follow one another",
                ]);
                allowed.push("asks for");
            }
            let text = error.to_string();
            return if allowed.iter().any(|a| text.contains(a)) { Ok(()) } else { Err(describe(text)) };
        }
    };
    let expected = workload.run(&data).map_err(|error| describe(error.to_string()))?;
    let found = nest.run(&data).map_err(|error| describe(format!("{error}\n{nest}")))?;
    for output in workload.outputs() {
        common::close(&expected[output], &found[output]).map_err(|error| describe(format!("{error}\n{nest}")))?;
    }
    let text = serde_json::to_string(&schedule).unwrap();
    let again = tachograph_program::Schedule::from_json(&text).map_err(|error| describe(error.to_string()))?;
    if again.lower(&workload).ok() != Some(nest) {
        return Err(describe("the schedule read back gives another nest".into()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nests_compute_what_workloads_say(seed: u64) {
        if let Err(message) = check(seed) {
            return Err(TestCaseError::fail(message));
        }
    }
}

/// `TACHOGRAPH_POINTS=10000 cargo test --release -p tachograph-program --test schedules many -- --ignored`
#[test]
#[ignore = "takes minutes"]
fn many() {
    let points = std::env::var("TACHOGRAPH_POINTS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    let failed: Vec<String> = (0..points).filter_map(|seed| check(seed).err()).collect();
    for failure in failed.iter().take(3) {
        eprintln!("{failure}");
    }
    assert!(failed.is_empty(), "{} of {points} failed", failed.len());
}
