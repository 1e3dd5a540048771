//! Tables in Markdown.

use tachograph_metrics::median;
use tachograph_tune::Recorded;

use crate::Replay;

/// Trials to come within 5 % of the best.
pub fn gpu(names: &[&str], spaces: &[Recorded], replays: &[Replay], cap: usize, each: bool) {
    let trials = |replay: &Replay| {
        let goal = spaces[replay.space].best_ms().unwrap_or(0.0) * 1.05;
        let at = replay.best.iter().position(|&t| t <= goal);
        at.map_or(f64::INFINITY, |at| at as f64 + 1.0)
    };
    // Draws without repetition until one of the good ones: (n + 1) / (good + 1) on average.
    let draws: Vec<f64> =
        spaces.iter().map(|s| (s.outcomes().len() as f64 + 1.0) / (s.within(0.05) as f64 + 1.0)).collect();
    let shown = |value: f64| if value.is_finite() { format!("{value:.0}") } else { format!("> {cap}") };
    let middle = |values: &[f64]| shown(median(values).unwrap_or(f64::NAN));
    println!("| tuner | trials, median | where random needs > 50 | mean (at most {cap}) | never | s a replay |");
    println!("|---|---|---|---|---|---|");
    for (i, name) in names.iter().enumerate() {
        let mine: Vec<&Replay> = replays.iter().filter(|replay| replay.contender == i).collect();
        let all: Vec<f64> = mine.iter().map(|replay| trials(replay)).collect();
        let hard = mine.iter().filter(|replay| draws[replay.space] > 50.0);
        let hard: Vec<f64> = hard.map(|replay| trials(replay)).collect();
        let never = all.iter().filter(|t| t.is_infinite()).count();
        let mean = all.iter().map(|t| t.min(cap as f64)).sum::<f64>() / all.len().max(1) as f64;
        let seconds = mine.iter().map(|replay| replay.seconds).sum::<f64>() / mine.len().max(1) as f64;
        let (all_median, hard_median) = (middle(&all), middle(&hard));
        println!("| {name} | {all_median} | {hard_median} | {mean:.0} | {never} | {seconds:.2} |");
    }
    if each {
        println!("\n| space | n | draws | {} |", names.join(" | "));
        println!("|---|---|---|{}", "---|".repeat(names.len()));
        for (s, space) in spaces.iter().enumerate() {
            let of = |i: usize| {
                let mine = replays.iter().filter(|replay| replay.contender == i && replay.space == s);
                middle(&mine.map(trials).collect::<Vec<f64>>())
            };
            let row: Vec<String> = (0..names.len()).map(of).collect();
            println!("| {} | {} | {:.0} | {} |", space.name, space.outcomes().len(), draws[s], row.join(" | "));
        }
    }
}

/// How near to the best after so many trials.
pub fn cpu(names: &[&str], spaces: &[Recorded], replays: &[Replay], after: &[usize], each: bool) {
    let share = |replay: &Replay, after: usize| {
        let found = replay.best.get(after - 1).or(replay.best.last()).copied().unwrap_or(f64::INFINITY);
        spaces[replay.space].best_ms().unwrap_or(0.0) / found
    };
    let middle = after[after.len() / 2];
    let titles = after.iter().map(usize::to_string).collect::<Vec<_>>().join(" | ");
    println!("| tuner | after {titles} | spread at {middle} | s a replay |");
    println!("|---|{}---|---|", "---|".repeat(after.len()));
    for (i, name) in names.iter().enumerate() {
        let mine: Vec<&Replay> = replays.iter().filter(|replay| replay.contender == i).collect();
        let n = mine.len().max(1) as f64;
        let mean = |after: usize| mine.iter().map(|replay| share(replay, after)).sum::<f64>() / n;
        let at = mean(middle);
        let spread = (mine.iter().map(|replay| (share(replay, middle) - at).powi(2)).sum::<f64>() / n).sqrt();
        let seconds = mine.iter().map(|replay| replay.seconds).sum::<f64>() / n;
        let shares: Vec<String> = after.iter().map(|&after| format!("{:.2} %", 100.0 * mean(after))).collect();
        println!("| {name} | {} | {:.2} | {seconds:.2} |", shares.join(" | "), 100.0 * spread);
    }
    if each {
        println!("\n| space | n | {} |", names.join(" | "));
        println!("|---|---|{}", "---|".repeat(names.len()));
        for (s, space) in spaces.iter().enumerate() {
            let of = |i: usize| {
                let mine = replays.iter().filter(|replay| replay.contender == i && replay.space == s);
                let shares: Vec<f64> = mine.map(|replay| share(replay, middle)).collect();
                format!("{:.1}", 100.0 * shares.iter().sum::<f64>() / shares.len().max(1) as f64)
            };
            let row: Vec<String> = (0..names.len()).map(of).collect();
            println!("| {} | {} | {} |", space.name, space.outcomes().len(), row.join(" | "));
        }
    }
}
