//! Which schedule is taken: the same from the same records, whoever asks and in whatever order they were made.

use tachograph_program::Schedule;

use super::{Known, Timed};

/// Times that differ by no more than this share are tied, or by no more than the spread of the fastest where that is larger,
/// up to ten times this.
pub const TIED: f64 = 0.01;

/// The schedule that is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Winner<'a> {
    /// The schedule.
    pub schedule: &'a Schedule,
    /// Its time.
    pub timed: Timed,
    /// The fastest time, which another may have that is tied with it.
    pub fastest_ms: f64,
}

/// Of the schedules that are tied with the fastest the one that stands first in a fixed order: the untuned one, then those
/// with fewer steps, then by their text. `None` where none has a time.
pub fn winner<'a>(untuned: &Schedule, known: impl IntoIterator<Item = &'a Known>) -> Option<Winner<'a>> {
    let timed = known.into_iter().filter_map(|known| Some((&known.schedule, *known.outcome.as_ref().ok()?)));
    let timed: Vec<(&Schedule, Timed)> = timed.collect();
    // Of equal times the smallest spread, so that nothing depends on the order of the records.
    let fastest = timed.iter().map(|(_, timed)| timed);
    let fastest = fastest.min_by(|a, b| a.ms.total_cmp(&b.ms).then(a.spread.total_cmp(&b.spread)))?;
    let most = fastest.ms * (1.0 + fastest.spread.clamp(TIED, 10.0 * TIED));
    let order = |schedule: &Schedule| (schedule != untuned, schedule.steps.len(), schedule.to_string());
    let tied = timed.iter().filter(|(_, timed)| timed.ms <= most);
    let first = tied.min_by(|a, b| order(a.0).cmp(&order(b.0)).then(a.1.ms.total_cmp(&b.1.ms)))?;
    Some(Winner { schedule: first.0, timed: first.1, fastest_ms: fastest.ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(factor: u64, ms: f64, spread: f64) -> Known {
        Known { schedule: Schedule::new().split("s", "i", &[factor]), outcome: Ok(Timed { ms, spread }) }
    }

    #[test]
    fn ties_go_to_the_untuned_and_then_to_a_fixed_order() {
        let untuned = Schedule::new();
        let mut all = vec![
            Known { schedule: untuned.clone(), outcome: Ok(Timed { ms: 1.02, spread: 0.0 }) },
            known(4, 1.0, 0.0),
            known(2, 1.009, 0.0),
            known(8, 0.5, 0.2),
            Known { schedule: Schedule::new().split("s", "j", &[2]), outcome: Err("Crash: it did".into()) },
        ];
        assert_eq!(winner(&untuned, &all).unwrap().timed.ms, 0.5);
        all.remove(3);
        for _ in 0..4 {
            // The untuned one is two per cent slower: that is no tie. Of the other two `by 2` comes first.
            assert_eq!(winner(&untuned, &all).unwrap().schedule, &all_of(&all, 1.009).schedule);
            all.rotate_left(1);
        }
        // A fastest one that is not sure of its time.
        let unsure = known(16, 0.99, 0.05);
        let found = winner(&untuned, all.iter().chain([&unsure])).unwrap();
        assert_eq!((found.schedule, found.timed.ms, found.fastest_ms), (&untuned, 1.02, 0.99));
        assert_eq!(winner(&untuned, &[]), None);
    }

    fn all_of(all: &[Known], ms: f64) -> &Known {
        all.iter().find(|known| known.outcome.as_ref().is_ok_and(|timed| timed.ms == ms)).unwrap()
    }
}
