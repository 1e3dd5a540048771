//! Assignments of layouts that are worth measuring.

use std::collections::HashSet;

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use tachograph_compile::{Channels, LayoutSpace, Layouts};

/// Shares of the convolutions that are drawn anew.
const CHANGED: [f64; 4] = [0.05, 0.2, 0.5, 1.0];

/// How often data and result of a convolution that is drawn lie alike.
const ALIKE: f64 = 0.7;

/// Draws that may be there already, one after the other, before there are no more.
const PATIENCE: usize = 200;

/// So many different assignments, or all that there are: what `compile` takes; all convolutions alike; the first so many
/// in one layout and the others in another; and of those ones with some convolutions drawn at random.
pub fn assignments(space: &LayoutSpace<'_>, most: usize, seed: u64) -> Vec<Vec<Layouts>> {
    let convolutions = space.convolutions();
    let n = convolutions.len();
    let mut rules = vec![space.default_layouts().to_vec()];
    rules.extend(Channels::ALL.map(|all| vec![[all; 2]; n]));
    for first in Channels::ALL {
        for then in Channels::ALL.into_iter().filter(|then| *then != first) {
            for quarter in 1..4 {
                rules.push((0..n).map(|i| [if i < n * quarter / 4 { first } else { then }; 2]).collect());
            }
        }
    }
    let alike = |layouts: &[Layouts]| -> Vec<Layouts> {
        convolutions.iter().zip(layouts).map(|(conv, &layouts)| conv.alike(layouts)).collect()
    };
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    let mut take = |layouts: Vec<Layouts>, found: &mut Vec<Vec<Layouts>>| {
        let new = seen.insert(layouts.clone());
        if new {
            found.push(layouts);
        }
        new
    };
    for rule in &rules {
        take(alike(rule), &mut found);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut stale = 0;
    while found.len() < most && stale < PATIENCE {
        let mut layouts = rules.choose(&mut rng).cloned().unwrap_or_default();
        let changed = *CHANGED.choose(&mut rng).unwrap_or(&1.0);
        for own in &mut layouts {
            let [read, write] = [(); 2].map(|()| Channels::ALL[rng.random_range(0..Channels::ALL.len())]);
            let (change, same) = (rng.random_bool(changed), rng.random_bool(ALIKE));
            if change {
                *own = [read, if same { read } else { write }];
            }
        }
        stale = if take(alike(&layouts), &mut found) { 0 } else { stale + 1 };
    }
    found.truncate(most);
    found
}

/// Two letters a convolution, for its data and its result: `o` channels outside, `i` inside, `b` in blocks.
pub fn text(layouts: &[Layouts]) -> String {
    let letter = |channels: Channels| match channels {
        Channels::Outside => 'o',
        Channels::Inside => 'i',
        Channels::Blocked => 'b',
    };
    layouts.iter().map(|[read, write]| format!("{}{}", letter(*read), letter(*write))).collect::<Vec<_>>().join(" ")
}
