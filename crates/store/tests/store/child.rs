//! Processes of their own: the test program once more, told what to do by its environment.

use std::{
    env,
    process::{Child, Command, Stdio},
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tachograph_store::{
    ChildRunner, Claim, Failure, Held, Location, Moment, Options, Question, Reading, Report, Runner, Store, Worker,
};

use crate::support::{network, reading, stored};

const TASK: &str = "TACHOGRAPH_TEST_TASK";
const LOCATION: &str = "TACHOGRAPH_TEST_LOCATION";
const NUMBER: &str = "TACHOGRAPH_TEST_NUMBER";

/// A process that does `task` on the store at `location`.
pub fn command(task: &str, location: &str, number: u64) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "child::this_is_not_a_test_but_a_process", "--nocapture", "--test-threads=1"]);
    command.env(TASK, task).env(LOCATION, location).env(NUMBER, number.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn spawn(task: &str, location: &str, number: u64) -> Child {
    let mut command = command(task, location, number);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// What it says, line by line.
pub fn said(command: &mut Command) -> Vec<String> {
    let out = command.output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let said: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("> ").map(str::to_owned)).collect();
    assert!(out.status.success() && !said.is_empty(), "{text}\n{}", String::from_utf8_lossy(&out.stderr));
    said
}

#[test]
fn this_is_not_a_test_but_a_process() {
    let Ok(task) = env::var(TASK) else { return };
    let location = env::var(LOCATION).unwrap();
    let number: u64 = env::var(NUMBER).unwrap().parse().unwrap();
    // The harness prints the test's name without an end of line.
    println!();
    match task.as_str() {
        "open" => match Store::open(&location) {
            Ok(store) => println!("> opened {:?}", store.stats().unwrap().measurements),
            Err(error) => println!("> {error}"),
        },
        "default" => match Location::default_location() {
            Ok(place) => println!("> {place}"),
            Err(error) => println!("> {error}"),
        },
        "write" => write(&Store::open(&location).unwrap(), number),
        "work" => work(&location, number),
        "hang" => hang(&location),
        "measure" => measure(&location),
        "read-only" => read_only(&location),
        "full" => full(&location, number),
        "import" => import(&location, number),
        other => panic!("{other}"),
    }
}

/// Ten thousand measurements, which those of the same number modulo 4 write too.
fn write(store: &Store, number: u64) {
    let keys = stored(store, [4, 8, 12, 16]);
    let key = keys[number as usize % 4];
    let items: Vec<_> = (0..10_000).map(|i| (key, reading(1 + i % 64, 1.0 + i as f64, i as i64 / 64))).collect();
    let added = items.chunks(500).map(|items| store.put_measurements(items).unwrap().new).sum::<u64>();
    println!("> {added}");
}

struct Sleeper;

impl Runner for Sleeper {
    /// Never the same twice, so that a job that was measured and stored twice shows.
    fn run(&self, claim: &Claim, _: &Held) -> Result<Reading, Failure> {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        thread::sleep(Duration::from_millis((nanos % 40) as u64));
        let median = 1.0 + (nanos % 1_000_000_007) as f64;
        Ok(Reading { date: Moment::now(), ..reading(claim.job.batch, median, 0) })
    }
}

pub fn sleeper() -> impl Runner {
    Sleeper
}

/// Works until it is killed.
fn work(location: &str, number: u64) {
    let options = Options { connections: 2, ..Options::default() };
    let store = Store::open_with(&location.parse().unwrap(), options).unwrap();
    let worker = Worker { lease: Duration::from_millis(400), ..Worker::new(format!("worker {number}"), ["bench-cpu"]) };
    worker.run(&store, &Sleeper, &AtomicBool::new(false), |_, _| {}).unwrap();
}

/// Has one job measured by a command that fails where it can see how the store is opened.
fn measure(location: &str) {
    let store = Store::open(location).unwrap();
    let good = serde_json::to_string(&Report::Reading(Box::new(reading(1, 2.5, 7)))).unwrap();
    let script = format!("test -z \"$PGPASSFILE$TACHOGRAPH_STORE\" && echo '{good}'");
    let runner = ChildRunner::new(["sh", "-c", &script], Duration::from_secs(5));
    let (job, _) = Worker::new("w", ["bench-cpu"]).run_one(&store, &runner).unwrap().unwrap();
    println!("> {}", store.job(job.id).unwrap().state);
}

/// Has a job measured that never ends, by a process that says who it is.
fn hang(location: &str) {
    let script = format!("echo $$ > {location}.new; mv {location}.new {location}.pid; exec sleep 60");
    let runner = ChildRunner::new(["sh", "-c", &script], Duration::from_secs(60));
    Worker::new("w", ["bench-cpu"]).run_one(&Store::open(location).unwrap(), &runner).unwrap();
}

fn read_only(location: &str) {
    match Store::open(location) {
        Ok(_) => println!("> opened"),
        Err(error) => println!("> {error}"),
    }
    let store = Store::open_read_only(location).unwrap();
    let answer = store.query(&network(4), &Question::latency("bench-cpu", 1)).unwrap();
    println!("> {}", answer.is_some());
    println!("> {}", store.put(&network(4), &reading(1, 2.0, 9)).unwrap_err());
}

/// Imports lines where no file may be larger than so many bytes.
fn import(location: &str, number: u64) {
    let lines = std::fs::File::open(format!("{location}.jsonl")).unwrap();
    let store = Store::open(location).unwrap();
    limit_files(number);
    println!("> {}", store.import_lines(std::io::BufReader::new(lines)).unwrap_err());
}

fn limit_files(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: plain system calls on this process.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &limit), 0);
    }
}

/// Writes until the disk is full: a small one where `number` is 0, else files of so many bytes.
fn full(location: &str, number: u64) {
    if number > 0 {
        limit_files(number);
    }
    let store = Store::open(location).unwrap();
    let key = stored(&store, [4])[0];
    let mut written = 0;
    let error = loop {
        let items: Vec<_> = (0..200).map(|i| (key, reading(1 + i, 1.0, written + i as i64))).collect();
        match store.put_measurements(&items) {
            Ok(added) => written += added.new as i64,
            Err(error) => break error,
        }
    };
    println!("> {error}");
    println!("> {written} {}", store.stats().unwrap().measurements);
}
