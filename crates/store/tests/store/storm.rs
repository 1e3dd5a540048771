//! Everything at once, and things that die in the middle.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tachograph_store::{JobFilter, JobId, Options, State, Store, Submission, Worker};

use crate::{
    child,
    proxy::Proxy,
    server::Server,
    support::{on_both, reading, stored},
};

/// Queues jobs that may be tried often.
fn queue(store: &Store, count: u64) -> Vec<JobId> {
    let keys = stored(store, [4, 8, 12, 16]);
    let submit = |i: u64| {
        let job = Submission::new(keys[i as usize % 4], 1 + i / 4, "bench-cpu");
        store.submit(&Submission { max_attempts: 100, ..job }).unwrap()
    };
    (0..count).map(submit).collect()
}

/// Waits for all, and checks that each ended once.
fn each_ended_once(store: &Store, jobs: &[JobId]) {
    let until = Instant::now() + Duration::from_secs(60);
    for &id in jobs {
        let job = store.wait(id, until.saturating_duration_since(Instant::now())).unwrap();
        assert_eq!(job.state, State::Done, "{job:?}");
        assert_eq!(job.result.as_ref().map(|r| r.batch), Some(job.batch));
    }
    let done = store.jobs(&JobFilter { state: Some(State::Done), ..JobFilter::default() }).unwrap();
    assert_eq!(done.len(), jobs.len());
    // No two measurements of the runner are alike, so that a second one of a job would count.
    assert_eq!(store.stats().unwrap().measurements, jobs.len() as u64);
    assert!(store.verify().unwrap().is_whole());
}

on_both! {
    fn eight_writers_lose_nothing_and_double_nothing(place) {
        let store = place.open();
        let writers: Vec<_> = (0..8)
            .map(|number| {
                let location = place.location.clone();
                thread::spawn(move || child::said(&mut child::command("write", &location, number))[0].parse::<u64>().unwrap())
            })
            .collect();
        let added: u64 = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        assert_eq!((added, store.stats().unwrap().measurements), (40_000, 40_000));
    }

    fn workers_are_killed_fifty_times(place) {
        let store = place.open();
        let jobs = queue(&store, 120);
        let mut random = ChaCha8Rng::seed_from_u64(50);
        let mut workers: Vec<_> = (0..3).map(|number| child::spawn("work", &place.location, number)).collect();
        for number in 3..53 {
            thread::sleep(Duration::from_millis(random.random_range(20..120)));
            let worker = &mut workers[random.random_range(0..3)];
            worker.kill().unwrap();
            worker.wait().unwrap();
            *worker = child::spawn("work", &place.location, number);
        }
        each_ended_once(&store, &jobs);
        for mut worker in workers {
            worker.kill().unwrap();
            worker.wait().unwrap();
        }
    }
}

/// Writers and workers on one store, while `trouble` happens; nothing may be lost or doubled.
fn under(store: &Store, calm: &Store, trouble: impl FnOnce()) {
    let jobs = queue(calm, 150);
    let stop = AtomicBool::new(false);
    let written = AtomicU64::new(0);
    let runner = child::sleeper();
    thread::scope(|scope| {
        for number in 0..2 {
            let (stop, runner) = (&stop, &runner);
            scope.spawn(move || {
                let worker =
                    Worker { lease: Duration::from_millis(500), ..Worker::new(format!("{number}"), ["bench-cpu"]) };
                worker.run(store, runner, stop, |_, _| {}).unwrap();
            });
        }
        // On its own device, so that it does not count as a job's.
        let key = stored(calm, [20])[0];
        for number in 0..2 {
            let (stop, written) = (&stop, &written);
            scope.spawn(move || {
                for i in 0.. {
                    let items: Vec<_> = (0..50).map(|j| (key, reading(1 + number, 1.0, i * 50 + j))).collect();
                    let added = store.put_measurements(&items).unwrap();
                    written.fetch_add(added.new + added.known, Ordering::SeqCst);
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    thread::sleep(Duration::from_millis(20));
                }
            });
        }
        trouble();
        let until = Instant::now() + Duration::from_secs(60);
        for &id in &jobs {
            let job = calm.wait(id, until.saturating_duration_since(Instant::now())).unwrap();
            assert_eq!(job.state, State::Done, "{job:?}");
        }
        stop.store(true, Ordering::SeqCst);
    });
    let expected = jobs.len() as u64 + written.load(Ordering::SeqCst);
    assert_eq!(calm.stats().unwrap().measurements, expected);
    assert!(calm.verify().unwrap().is_whole());
}

#[test]
fn a_server_is_killed_ten_times() {
    let server = Server::new();
    let mut pid = server.start();
    let location = server.location(&server.database());
    let (store, calm) = (Store::open(&location).unwrap(), Store::open(&location).unwrap());
    let mut random = ChaCha8Rng::seed_from_u64(10);
    under(&store, &calm, || {
        for _ in 0..10 {
            thread::sleep(Duration::from_millis(random.random_range(50..250)));
            // SAFETY: the server that this test started.
            unsafe { libc::kill(pid, libc::SIGKILL) };
            pid = server.start();
        }
    });
    // SAFETY: as above.
    unsafe { libc::kill(pid, libc::SIGQUIT) };
}

#[test]
fn the_network_is_cut() {
    let server = crate::server::shared();
    let database = server.database();
    let proxy = Proxy::to(server.port);
    let through = server.location(&database).replace(&format!(":{}/", server.port), &format!(":{}/", proxy.port));
    let calm = Store::open(&server.location(&database)).unwrap();
    // Over a network that swallows packets no error comes: a second without an answer is one.
    let options = Options { answer_within: Duration::from_secs(1), ..Options::default() };
    let store = Store::open_with(&through.parse().unwrap(), options).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(20);
    under(&store, &calm, || {
        for i in 0..20 {
            thread::sleep(Duration::from_millis(random.random_range(20..150)));
            match i % 7 {
                6 => proxy.swallow(Duration::from_millis(1500)),
                _ => proxy.cut(),
            }
        }
    });
}
