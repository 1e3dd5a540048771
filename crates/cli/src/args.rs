//! The command line: what all verbs share, and values that are checked before any work.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    thread,
};

use anyhow::{Context, Result, ensure};
use clap::{Command, CommandFactory, FromArgMatches, ValueEnum, error::ErrorKind};
use tachograph_import::tflite::Weights;

use crate::exit;

/// Most values that a range may mean, so that a slip is no hour of work.
const MOST: u64 = 100_000;

/// What weights are that nobody knows.
#[derive(Clone, Copy, ValueEnum)]
pub enum Fill {
    /// Bell-shaped, as of trained networks.
    Bell,
    /// Zeros, which a compiler packs to almost nothing.
    Zero,
    /// Every byte as likely as any other, which no compiler packs.
    Noise,
}

impl From<Fill> for Weights {
    fn from(fill: Fill) -> Self {
        match fill {
            Fill::Bell => Self::Bell,
            Fill::Zero => Self::Zero,
            Fill::Noise => Self::Noise,
        }
    }
}

/// The command line as `P`; else the exit code, after help was written or what is wrong was said in a line.
pub fn parse<P: CommandFactory + FromArgMatches>() -> Result<P, ExitCode> {
    let parsed = numbers(P::command()).try_get_matches().and_then(|matches| P::from_arg_matches(&matches));
    parsed.map_err(|error| match error.kind() {
        // As output like any other, which can fail.
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => exit::with(|| {
            let text = error.render();
            let colours = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            exit::write(&if colours { text.ansi().to_string() } else { text.to_string() });
            Ok(())
        }),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
        _ => {
            eprintln!("{}", in_a_line(&error.render().to_string()));
            ExitCode::from(2)
        }
    })
}

/// With negative numbers as values of options, which say themselves what is wrong with them, and not as unknown options.
fn numbers(command: Command) -> Command {
    let option = |arg: clap::Arg| match arg.get_long().is_some() && arg.get_action().takes_values() {
        true => arg.allow_negative_numbers(true),
        false => arg,
    };
    command.mut_args(option).mut_subcommands(numbers)
}

/// What clap says in paragraphs, without the usage.
fn in_a_line(text: &str) -> String {
    let paragraphs = text.split("\n\n").filter(|part| !part.starts_with("Usage: ") && !part.starts_with("For more "));
    let line = |part: &str| part.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    format!("{}; --help says more", paragraphs.map(line).collect::<Vec<_>>().join("; "))
}

/// As many threads as the machine has cores: more only wait for each other.
pub fn threads(text: &str) -> Result<i32> {
    let cores = thread::available_parallelism().map_or(1, |cores| i32::try_from(cores.get()).unwrap_or(i32::MAX));
    let threads = text.parse().ok().filter(|threads| (1..=cores).contains(threads));
    threads.with_context(|| format!("must be 1 to {cores}, the cores of this machine"))
}

/// A number of things.
pub fn count(text: &str) -> Result<usize> {
    text.parse().ok().context("must be a whole number, 0 or more")
}

/// An amount of something.
pub fn positive(text: &str) -> Result<f64> {
    text.parse().ok().filter(|amount: &f64| amount.is_finite() && *amount > 0.0).context("must be a number above 0")
}

/// A name that is not empty.
pub fn name(text: &str) -> Result<String> {
    ensure!(!text.trim().is_empty(), "must be a name, not empty");
    Ok(text.to_owned())
}

/// A name and its values: numbers with commas, and ranges as `1..=8`, both ends included.
pub fn axis(text: &str) -> Result<(String, Vec<u64>)> {
    // A range has an `=` of its own.
    let at = text.replace("..=", "...").rfind('=').context("expected NAME=VALUE,VALUE,… such as batch=1,2,4")?;
    let (name, values) = (text[..at].trim(), &text[at + 1..]);
    ensure!(!name.is_empty(), "no name before `=`");
    let mut all = Vec::new();
    for part in values.split(',').map(str::trim) {
        let number = |text: &str| {
            text.trim()
                .parse::<u64>()
                .ok()
                .with_context(|| format!("`{part}` is no value: a whole number such as 8, or a range such as 1..=8"))
        };
        match part.split_once("..=").or_else(|| part.split_once("..")) {
            Some((from, to)) => {
                let (from, to) = (number(from)?, number(to)?);
                ensure!(part.contains("..="), "write {from}..={to} for {from} to {to}, both included");
                ensure!(from <= to && to - from < MOST, "`{part}` must go up, over at most {MOST} values");
                all.extend(from..=to);
            }
            None => all.push(number(part)?),
        }
    }
    Ok((name.to_owned(), all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_the_cores_at_most() {
        let cores = thread::available_parallelism().unwrap().get() as i32;
        assert_eq!((threads("1").unwrap(), threads(&cores.to_string()).unwrap()), (1, cores));
        for wrong in ["0", "-1", "100000", "1.5", "many", "", &(cores + 1).to_string()] {
            let message = threads(wrong).unwrap_err().to_string();
            assert_eq!(message, format!("must be 1 to {cores}, the cores of this machine"), "{wrong}");
        }
    }

    #[test]
    fn amounts_and_names() {
        assert_eq!((positive("0.5").unwrap(), count("0").unwrap()), (0.5, 0));
        assert!(["0", "-1", "nan", "inf", "much"].iter().all(|wrong| positive(wrong).is_err()));
        assert!(["-1", "1.5", "ten"].iter().all(|wrong| count(wrong).is_err()));
        assert!(name("").is_err() && name(" ").is_err() && name("h100").is_ok());
    }

    #[test]
    fn values_and_ranges() {
        let read = |text| axis(text).map_err(|error| error.to_string());
        assert_eq!(read("batch=1, 2,8"), Ok(("batch".into(), vec![1, 2, 8])));
        assert_eq!(read("a=b=1..=3,8"), Ok(("a=b".into(), vec![1, 2, 3, 8])));
        assert_eq!(read("batch=1..4").unwrap_err(), "write 1..=4 for 1 to 4, both included");
        assert!(read("batch=4..=1").unwrap_err().contains("must go up"));
        assert!(read("batch=1..=1000000").unwrap_err().contains("at most 100000 values"));
        assert!(read("batch=-1").unwrap_err().contains("`-1` is no value"));
        assert!(read("batch").unwrap_err().starts_with("expected NAME=") && read("=3").is_err());
    }

    #[test]
    fn a_line_says_what_is_wrong() {
        let text = "error: invalid value 'x'\n  [possible values: a, b]\n\n  tip: a\n\nUsage: t [OPTIONS]\n\nFor more information, try '--help'.\n";
        assert_eq!(in_a_line(text), "error: invalid value 'x' [possible values: a, b]; tip: a; --help says more");
    }
}
