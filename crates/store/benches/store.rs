//! What a store does in a second, with a million measurements in it. `cargo bench -p tachograph-store`, or with fewer of them
//! `cargo bench -p tachograph-store -- 100000`.

use std::{
    thread,
    time::{Duration, Instant},
};

use tachograph_ir::{Assignment, Builder, DType, Domain};
use tachograph_networks::{Family, sample};
use tachograph_store::{Answer, GraphKey, Moment, Network, Question, Reading, Setup, Store};

#[allow(dead_code)]
#[path = "../tests/store/server.rs"]
mod server;

/// Measurements of one graph: five devices, twenty batches, five dates.
const EACH: usize = 500;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test --benches` only asks whether it runs.
    let default = if arguments.iter().any(|a| a == "--bench") { 1_000_000 } else { 5_000 };
    let rows = arguments.iter().skip(1).find_map(|a| a.replace('_', "").parse().ok()).unwrap_or(default);
    let networks: Vec<_> = (0..(rows / EACH).max(1)).map(|i| network(i as u64)).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.sqlite").display().to_string();
    on("SQLite", &Store::open(&file).unwrap(), &networks);
    let server = server::shared();
    on("PostgreSQL", &Store::open(&server.location(&server.database())).unwrap(), &networks);
    import();
}

fn on(name: &str, store: &Store, networks: &[Network]) {
    let since = Instant::now();
    let keys: Vec<GraphKey> = networks.chunks(500).flat_map(|some| store.put_graphs(some).unwrap()).collect();
    println!("{name}: {} graphs in {:.1} s", keys.len(), since.elapsed().as_secs_f64());

    let since = Instant::now();
    let mut stored = 0;
    for keys in keys.chunks(10) {
        let items: Vec<_> = keys.iter().flat_map(|key| (0..EACH).map(|i| (*key, reading(i)))).collect();
        stored += store.put_measurements(&items).unwrap().new;
    }
    let rate = stored as f64 / since.elapsed().as_secs_f64();
    println!("{name}: {stored} measurements, {rate:.0} inserts/s in batches of {}", 10 * EACH);
    if store.location().path().is_none() {
        // As the server does by itself after a while.
        server::execute(&server::shared().location("test_0"), "vacuum analyze").unwrap();
    }
    let bytes = store.stats().unwrap().bytes;
    println!("{name}: {:.0} MB, {:.0} bytes a measurement", bytes as f64 / 1e6, bytes as f64 / stored as f64);

    let ask = |i: usize| {
        // A stride that visits graphs, devices and batches in no order that caches like.
        let i = i * 7919;
        let question = Question::latency(format!("device {}", i % 5), 1 + (i / 5 % 20) as u64);
        let answer = store.query(&networks[i % networks.len()], &question).unwrap();
        assert!(matches!(answer, Some(Answer::Measured(found)) if found.count == 5));
    };
    (0..200).for_each(ask);
    let mut times: Vec<Duration> = (0..2000)
        .map(|i| {
            let since = Instant::now();
            ask(i);
            since.elapsed()
        })
        .collect();
    times.sort();
    let at = |share: f64| times[(share * (times.len() - 1) as f64) as usize].as_secs_f64() * 1e6;
    println!("{name}: a hit takes {:.0} µs (median), {:.0} µs (99 %)", at(0.5), at(0.99));

    for threads in [1, 4, 8] {
        let (since, before) = (Instant::now(), processor_time());
        thread::scope(|scope| {
            for t in 0..threads {
                let ask = &ask;
                scope.spawn(move || (0..4000 / threads).for_each(|i| ask(t * 10_000 + i)));
            }
        });
        let (rate, after) = (4000.0 / since.elapsed().as_secs_f64(), processor_time());
        let each = (after - before) * 1e6 / 4000.0;
        println!("{name}: {rate:.0} hits/s from {threads} threads, {each:.0} µs of processor time each");
    }
}

/// Seconds that this process and the server's have computed so far. On a busy machine it says more than a rate.
fn processor_time() -> f64 {
    let ticks = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<i64> = stat.rsplit_once(')')?.1.split_whitespace().map(|f| f.parse().unwrap_or(0)).collect();
        Some((*fields.get(1)?, fields.get(11)? + fields.get(12)?))
    };
    let own = ticks("self").map_or(0, |(_, ticks)| ticks);
    let server = server::pid().map(i64::from);
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let of_server = |entry: std::fs::DirEntry| {
        let (parent, ticks) = ticks(entry.file_name().to_str()?)?;
        (server == Some(parent)).then_some(ticks)
    };
    let ticks = own + processes.filter_map(of_server).sum::<i64>();
    // SAFETY: a plain question.
    ticks as f64 / unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64
}

/// What comes before: making a network of a bound graph, which hashes it.
fn import() {
    for family in [Family::ResNet, Family::MobileNetV2, Family::Vit] {
        let bound = sample(family, 1, 0).unwrap().graph.bind(&Assignment::new()).unwrap();
        let since = Instant::now();
        for _ in 0..20 {
            Network::new(&bound).unwrap();
        }
        let ms = since.elapsed().as_secs_f64() * 1e3 / 20.0;
        println!("{family} of {} operators: {ms:.2} ms to hash and encode", bound.graph().len());
    }
}

/// Networks of some layers, no two alike.
fn network(i: u64) -> Network {
    let mut b = Builder::new(format!("network {i}"));
    b.hyperparameter("batch", Domain::POSITIVE, 1);
    let mut x = b.input("x", DType::F32, vec!["batch".into(), 3.into(), 32.into(), 32.into()]);
    for digit in [i % 20, i / 20 % 20, i / 400] {
        x = b.conv(x, 8 + digit, [3, 3], 1, 1, 1, true).unwrap();
        x = b.op("Relu", &[x]).unwrap();
    }
    Network::new(&b.finish(&[x]).unwrap().bind(&Assignment::new()).unwrap()).unwrap()
}

fn reading(i: usize) -> Reading {
    let (device, batch, date) = (i % 5, 1 + i / 5 % 20, i / 100);
    let median = 0.1 * batch as f64 + 0.01 * date as f64 + 1.0 / (1 + device) as f64;
    Reading {
        batch: batch as u64,
        mode: tachograph_datasets::Mode::Inference,
        setup: Setup {
            device: format!("device {device}"),
            hardware: format!("Hardware {device}"),
            threads: 1,
            library: "libtorch 2.11.0".into(),
            dtype: DType::F32,
            driver: String::new(),
            governor: "performance".into(),
        },
        protocol: 2,
        median_ms: Some(median),
        iqr_ms: Some(median / 50.0),
        min_ms: Some(median * 0.95),
        repeats: 30,
        peak_bytes: Some(123_456_789),
        energy_j: None,
        date: Moment(1_767_323_045_000 + date as i64 * 86_400_000),
        who: "somebody@somewhere".into(),
    }
}
