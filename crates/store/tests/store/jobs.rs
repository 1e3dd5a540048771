//! Jobs, one after the other.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use tachograph_store::{
    Claim, Error, Failure, Filter, GraphKey, Held, JobFilter, JobId, Outcome, Reading, Runner, State, Store,
    Submission, Worker,
};

use crate::support::{on_both, reading, stored};

const LEASE: Duration = Duration::from_secs(30);

fn submit(store: &Store, key: GraphKey) -> JobId {
    store.submit(&Submission::new(key, 1, "Bench-CPU")).unwrap()
}

fn claim(store: &Store) -> Option<Claim> {
    store.claim("worker 1", &["bench-cpu".into()], LEASE).unwrap()
}

/// Measures what it is told.
struct Scripted<F>(F);

impl<F: Fn(&Claim, &Held) -> Result<Reading, Failure> + Sync> Runner for Scripted<F> {
    fn run(&self, claim: &Claim, held: &Held) -> Result<Reading, Failure> {
        (self.0)(claim, held)
    }
}

on_both! {
    fn a_job_is_taken_measured_and_done(place) {
        let store = place.open();
        let key = stored(&store, [4])[0];
        let id = submit(&store, key);
        assert!(store.claim("w", &["other".into()], LEASE).unwrap().is_none());
        let taken = claim(&store).unwrap();
        assert_eq!((taken.job.id, taken.job.state, taken.job.attempts), (id, State::Leased, 1));
        assert_eq!(taken.network.at(1).unwrap().batch(), 1);
        assert!(claim(&store).is_none());
        store.renew(&taken.lease, LEASE).unwrap();
        let other_batch = store.finish(&taken.lease, &reading(2, 1.0, 0)).unwrap_err();
        assert!(matches!(other_batch, Error::Invalid(_)), "{other_batch}");
        store.finish(&taken.lease, &reading(1, 1.0, 0)).unwrap();
        store.finish(&taken.lease, &reading(1, 1.0, 0)).unwrap();
        let job = store.job(id).unwrap();
        assert_eq!((job.state, job.result), (State::Done, Some(reading(1, 1.0, 0))));
        assert_eq!(store.measurements(&Filter::default()).unwrap().len(), 1);
        assert!(matches!(store.job(JobId(id.0 + 1)), Err(Error::UnknownJob(_))));
    }

    fn the_most_urgent_comes_first(place) {
        let store = place.open();
        let keys = stored(&store, [4, 8, 12]);
        let submissions = keys.iter().zip([0, -5, 7]).map(|(&key, priority)| Submission {
            priority, ..Submission::new(key, 1, "bench-cpu")
        });
        let ids: Vec<_> = submissions.map(|job| store.submit(&job).unwrap()).collect();
        let taken: Vec<_> = std::iter::from_fn(|| claim(&store)).map(|claim| claim.job.id).collect();
        assert_eq!(taken, [ids[2], ids[0], ids[1]]);
        assert!(store.submit(&Submission { priority: 2000, ..Submission::new(keys[0], 1, "x") }).is_err());
        assert!(store.submit(&Submission::new(keys[0], 1, " ")).is_err());
        assert!(store.submit(&Submission::new(keys[0], 0, "x")).is_err());
    }

    fn a_lease_runs_out(place) {
        let store = place.open();
        let key = stored(&store, [4])[0];
        let id = store.submit(&Submission { max_attempts: 2, ..Submission::new(key, 1, "bench-cpu") }).unwrap();
        let short = Duration::from_millis(50);
        let first = store.claim("worker 1", &["bench-cpu".into()], short).unwrap().unwrap();
        thread::sleep(short * 2);
        let second = store.claim("worker 2", &["bench-cpu".into()], short).unwrap().unwrap();
        assert_eq!((second.job.id, second.job.attempts), (id, 2));
        assert!(second.job.reason.unwrap().contains("`worker 1` stopped answering"));
        for lost in [store.finish(&first.lease, &reading(1, 1.0, 0)), store.renew(&first.lease, LEASE)] {
            assert!(matches!(lost, Err(Error::LeaseLost { .. })), "{lost:?}");
        }
        assert!(store.measurements(&Filter::default()).unwrap().is_empty(), "both or neither");
        thread::sleep(short * 2);
        assert!(claim(&store).is_none());
        let job = store.job(id).unwrap();
        assert_eq!(job.state, State::Failed);
        assert_eq!(job.reason.unwrap(), "tried 2 times; the last worker, `worker 2`, stopped answering");
    }

    fn failures_are_bounded_and_say_why(place) {
        let store = place.open();
        let key = stored(&store, [4])[0];
        let id = submit(&store, key);
        for attempt in 1..=3 {
            let taken = claim(&store).unwrap();
            assert_eq!(taken.job.attempts, attempt);
            store.fail(&taken.lease, "out of memory", true).unwrap();
        }
        assert!(claim(&store).is_none());
        assert_eq!(store.job(id).unwrap().reason.unwrap(), "tried 3 times: out of memory");
        let id = submit(&store, key);
        store.fail(&claim(&store).unwrap().lease, "no kernel", false).unwrap();
        assert_eq!(store.job(id).unwrap().state, State::Failed);
        let id = submit(&store, key);
        let taken = claim(&store).unwrap();
        store.give_back(&taken.lease).unwrap();
        assert_eq!((store.job(id).unwrap().state, store.job(id).unwrap().attempts), (State::Queued, 0));
        store.quarantine(&claim(&store).unwrap().lease, "signal 11").unwrap();
        let job = store.job(id).unwrap();
        assert_eq!((job.state, job.reason.as_deref()), (State::Quarantined, Some("signal 11")));
        let failed = store.jobs(&JobFilter { state: Some(State::Failed), ..JobFilter::default() }).unwrap();
        assert_eq!(failed.len(), 2);
    }

    fn what_crashed_is_not_tried_again_unasked(place) {
        let store = place.open();
        let keys = stored(&store, [4, 8]);
        let id = submit(&store, keys[0]);
        store.quarantine(&claim(&store).unwrap().lease, "killed by signal 11").unwrap();
        for batch in [1, 2] {
            let again = Submission::new(keys[0], batch, "BENCH-cpu");
            let error = store.submit(&again).unwrap_err();
            assert!(matches!(&error, Error::Quarantined { job, batch: 1, .. } if *job == id), "{error:?}");
            assert!(error.to_string().contains("killed by signal 11") && error.to_string().contains("bench-cpu"), "{error}");
        }
        assert!(claim(&store).is_none());
        // Another network, another device, and who knows of it.
        submit(&store, keys[1]);
        store.submit(&Submission::new(keys[0], 1, "another")).unwrap();
        let knowing = store.submit(&Submission { retry: true, ..Submission::new(keys[0], 1, "bench-cpu") }).unwrap();
        assert!(matches!(store.release(knowing), Err(Error::Invalid(_))), "it waits");
        claim(&store).unwrap();
        store.quarantine(&claim(&store).unwrap().lease, "killed by signal 7").unwrap();
        let error = store.submit(&Submission::new(keys[0], 4, "bench-cpu")).unwrap_err();
        assert!(matches!(&error, Error::Quarantined { job, .. } if *job == knowing), "the newest: {error:?}");
        // Let go, whichever of its jobs one names.
        assert_eq!(store.release(id).unwrap(), 2);
        assert_eq!(store.release(id).unwrap(), 0);
        assert!(store.job(knowing).unwrap().released_at.is_some());
        submit(&store, keys[0]);
        assert!(matches!(store.release(JobId(12345)), Err(Error::UnknownJob(_))));
    }

    fn who_serves_what_is_known(place) {
        let store = place.open();
        assert!(store.served().unwrap().is_empty() && !store.is_served("bench-cpu").unwrap());
        let worker = Worker::new("here", ["Bench-CPU", "Tesla T4"]);
        let stop = AtomicBool::new(false);
        let runner = Scripted(|_: &Claim, _: &Held| Err(Failure::Refused("none".into())));
        thread::scope(|scope| {
            scope.spawn(|| worker.run(&store, &runner, &stop, |_, _| {}).unwrap());
            let since = Instant::now();
            while store.served().unwrap().is_empty() && since.elapsed() < Duration::from_secs(20) {
                thread::sleep(Duration::from_millis(20));
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(store.served().unwrap(), ["bench-cpu", "tesla t4"]);
        for (name, served) in [("BENCH-CPU ", true), ("t4", true), ("bench-gpu", false), ("p4", false)] {
            assert_eq!(store.is_served(name).unwrap(), served, "{name}");
        }
        worker.announce(&store).unwrap();
        assert_eq!(store.served().unwrap().len(), 2);
    }

    fn cancelled_or_too_late(place) {
        let store = place.open();
        let key = stored(&store, [4])[0];
        let id = submit(&store, key);
        let taken = claim(&store).unwrap();
        assert!(store.cancel(id, "not needed").unwrap());
        assert!(!store.cancel(id, "again").unwrap());
        assert!(matches!(store.renew(&taken.lease, LEASE), Err(Error::LeaseLost { .. })));
        assert!(matches!(store.finish(&taken.lease, &reading(1, 1.0, 0)), Err(Error::LeaseLost { .. })));
        assert_eq!(store.job(id).unwrap().state, State::Cancelled);
        let soon = Submission { deadline: Some(Duration::from_millis(30)), ..Submission::new(key, 1, "nobody has it") };
        let id = store.submit(&soon).unwrap();
        let job = store.wait(id, Duration::from_secs(10)).unwrap();
        assert_eq!(job.state, State::Failed);
        assert!(job.reason.unwrap().contains("deadline"));
        assert!(matches!(store.cancel(JobId(12345), ""), Err(Error::UnknownJob(_))));
    }

    fn a_worker_works_and_a_waiter_is_woken(place) {
        let store = place.open();
        let other = place.open();
        let keys = stored(&store, [4, 8, 12, 16]);
        let stop = AtomicBool::new(false);
        let worker = Worker::new("here", ["bench-cpu"]);
        let runner = Scripted(|claim: &Claim, _: &Held| {
            match claim.network.graph().name() {
                "tiny 8" => panic!("no luck"),
                "tiny 12" => Err(Failure::Refused("no kernel".into())),
                "tiny 16" => Ok(reading(9, 1.0, 0)),
                _ => Ok(reading(claim.job.batch, 1.5, 0)),
            }
        });
        thread::scope(|scope| {
            scope.spawn(|| worker.run(&other, &runner, &stop, |_, _| {}).unwrap());
            // The worker is idle by then.
            thread::sleep(Duration::from_millis(300));
            let since = Instant::now();
            let jobs: Vec<_> = keys.iter().map(|&key| submit(&store, key)).collect();
            let ended: Vec<_> = jobs.iter().map(|&id| store.wait(id, Duration::from_secs(20)).unwrap()).collect();
            stop.store(true, Ordering::Relaxed);
            let states: Vec<_> = ended.iter().map(|job| job.state).collect();
            assert_eq!(states, [State::Done, State::Quarantined, State::Failed, State::Failed]);
            assert!(ended[1].reason.as_deref().unwrap().contains("no luck"));
            assert!(ended[3].reason.as_deref().unwrap().contains("at batch 9"));
            assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
        });
        let queue = &store.top().unwrap()[0];
        assert_eq!((queue.device.as_str(), queue.done, queue.failed, queue.quarantined), ("bench-cpu", 1, 2, 1));
    }

    fn a_lease_is_renewed_while_it_runs(place) {
        let store = place.open();
        let key = stored(&store, [4])[0];
        let id = store.submit(&Submission { max_attempts: 1, ..Submission::new(key, 1, "bench-cpu") }).unwrap();
        let worker = Worker { lease: Duration::from_millis(300), ..Worker::new("slow", ["bench-cpu"]) };
        let slow = Scripted(|_: &Claim, held: &Held| {
            thread::sleep(Duration::from_millis(900));
            assert!(!held.is_lost());
            Ok(reading(1, 1.0, 0))
        });
        assert_eq!(worker.run_one(&store, &slow).unwrap().unwrap().1, Outcome::Done);
        assert_eq!(store.job(id).unwrap().state, State::Done);
        let id = submit(&store, key);
        let cancelled = Scripted(|_: &Claim, held: &Held| {
            store.cancel(id, "").unwrap();
            let since = Instant::now();
            while !held.is_lost() && since.elapsed() < Duration::from_secs(10) {
                thread::sleep(Duration::from_millis(10));
            }
            Ok(reading(1, 3.0, 0))
        });
        assert_eq!(worker.run_one(&store, &cancelled).unwrap().unwrap().1, Outcome::Lost);
        assert_eq!(store.measurements(&Filter::default()).unwrap().len(), 1);
    }
}
