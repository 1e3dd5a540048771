//! Each role may do what it is for, and is refused the rest.

use std::time::Duration;

use tachograph_store::{
    Contents, Error, Fingerprint, NewCheckpoint, Question, State, Store, Submission, Tuned, TuningRecord,
};

use crate::{
    server,
    support::{network, reading, stored},
};

fn refused<T: std::fmt::Debug>(what: &str, done: Result<T, Error>) {
    assert!(matches!(done, Err(Error::Refused { .. })), "{what}: {done:?}");
}

fn tuning() -> TuningRecord {
    TuningRecord {
        workload: "w".into(),
        device: "bench-cpu".into(),
        hardware: "Test CPU 3000".into(),
        compiler: "c".into(),
        trace: serde_json::json!([]),
        outcome: Tuned::Failure("none".into()),
        date: tachograph_store::Moment(0),
    }
}

fn checkpoint() -> NewCheckpoint {
    NewCheckpoint {
        name: "cpu".into(),
        device: String::new(),
        contents: Contents::Bytes(vec![1]),
        learned: Fingerprint { measurements: 0, digest: "0".into() },
        score: 1.0,
    }
}

#[test]
fn each_may_do_its_own() {
    let server = server::shared();
    let database = server.database();
    let admin = Store::open(&server.location(&database)).unwrap();
    admin.grant_roles().unwrap();
    admin.grant_roles().unwrap();
    let open = |role: &str| {
        let user = format!("{database}_{role}");
        let sql = format!("create user {user} password 'pw' in role tachograph_{role}");
        server.execute("postgres", &sql).unwrap();
        Store::open(&server.location_as(&user, "pw", &database)).unwrap()
    };
    let [reader, submitter, worker, owner] = ["reader", "submitter", "worker", "owner"].map(open);
    let key = stored(&admin, [4])[0];
    admin.put(&network(4), &reading(1, 2.0, 0)).unwrap();
    let job = Submission::new(key, 1, "bench-cpu");
    let lease = Duration::from_secs(30);
    let called = ["bench-cpu".to_owned()];

    for store in [&reader, &submitter, &worker, &owner] {
        assert!(store.query(&network(4), &Question::latency("bench-cpu", 1)).unwrap().is_some());
        assert_eq!(store.stats().unwrap().measurements, 1);
        store.top().unwrap();
    }

    let id = submitter.submit(&job).unwrap();
    refused("reader submits", reader.submit(&job));
    refused("reader cancels", reader.cancel(id, ""));
    refused("reader takes", reader.claim("r", &called, lease));
    refused("reader adds", reader.put_measurements(&[(key, reading(1, 1.0, 1))]));
    refused("reader adds a graph", reader.put_graph(&network(8)));
    refused("reader installs", reader.put_checkpoint(&checkpoint()));
    assert_eq!(reader.wait(id, Duration::from_millis(10)).unwrap().state, State::Queued);

    submitter.put_graph(&network(12)).unwrap();
    refused("submitter adds", submitter.put_measurements(&[(key, reading(1, 1.0, 1))]));
    refused("submitter takes", submitter.claim("s", &called, lease));
    refused("submitter tunes", submitter.put_tuning(&[tuning()]));
    refused("submitter installs", submitter.put_checkpoint(&checkpoint()));
    let other = submitter.submit(&job).unwrap();
    assert!(submitter.cancel(other, "").unwrap());

    let claim = worker.claim("w", &called, lease).unwrap().unwrap();
    refused("submitter ends", submitter.finish(&claim.lease, &reading(1, 1.0, 1)));
    worker.renew(&claim.lease, lease).unwrap();
    worker.finish(&claim.lease, &reading(1, 1.0, 1)).unwrap();
    worker.put_measurements(&[(key, reading(2, 1.0, 1))]).unwrap();
    worker.put_tuning(&[tuning()]).unwrap();
    refused("worker submits", worker.submit(&job));
    refused("worker adds a graph", worker.put_graph(&network(16)));
    refused("worker cancels", worker.cancel(other, ""));
    refused("worker installs", worker.put_checkpoint(&checkpoint()));
    for store in [&reader, &submitter, &worker] {
        refused("makes roles", store.grant_roles());
    }

    refused("worker lets go", {
        submitter.submit(&job).unwrap();
        let claim = worker.claim("w", &called, lease).unwrap().unwrap();
        worker.quarantine(&claim.lease, "signal 11").unwrap();
        assert!(matches!(submitter.submit(&job), Err(Error::Quarantined { .. })));
        refused("submitter lets go", submitter.release(claim.job.id));
        refused("reader lets go", reader.release(claim.job.id));
        let done = worker.release(claim.job.id);
        assert_eq!(owner.release(claim.job.id).unwrap(), 1);
        done
    });
    worker.announce("w", &called).unwrap();
    for store in [&reader, &submitter] {
        assert!(store.is_served("bench-cpu").unwrap());
        refused("announces", store.announce("w", &called));
    }

    let id = owner.put_checkpoint(&checkpoint()).unwrap();
    owner.install(id).unwrap();
    owner.submit(&job).unwrap();
    owner.put_graph(&network(24)).unwrap();

    // What the library never does, but a client of the database could.
    let may = |role: &str, sql: &str| {
        let location = server.location_as(&format!("{database}_{role}"), "pw", &database);
        server::execute(&location, &format!("set search_path = tachograph; {sql}")).is_ok()
    };
    for (role, sql) in [
        ("reader", "select tachograph_sweep()"),
        (
            "submitter",
            "insert into jobs (ticket, graph, batch, device, priority, max_attempts, submitter, submitted_at, \
                       state, result, ended_at) values ('x', 1, 1, 'd', 0, 1, '', 0, 'done', 1, 0)",
        ),
        ("submitter", "update jobs set priority = 1000"),
        ("submitter", "update graphs set file = 'x'"),
        ("submitter", "delete from jobs"),
        ("worker", "update measurements set median_ms = 1"),
        ("worker", "delete from measurements"),
        ("worker", "update jobs set priority = 1000"),
        ("worker", "update graphs set file = 'x'"),
        ("worker", "drop table jobs"),
        ("worker", "create table mine (id int)"),
        ("worker", "truncate measurements"),
        ("worker", "update jobs set released_at = 1"),
        ("worker", "insert into schema_versions values (99, '', '')"),
    ] {
        assert!(!may(role, sql), "{role}: {sql}");
    }
    assert!(may("owner", "alter table jobs add column remark text"));

    let file = crate::support::Place::sqlite().open_kept();
    assert!(matches!(file.store.grant_roles(), Err(Error::Invalid(_))));
}

/// Roles that were made for the first schema have what they need of the next.
#[test]
fn roles_are_brought_up_with_the_schema() {
    let server = server::shared();
    // Roles are of the whole server, which several stores may be set up on at once.
    std::thread::scope(|scope| {
        for location in [(); 4].map(|()| server.location(&server.database())) {
            scope.spawn(move || Store::open(&location).unwrap().grant_roles().unwrap());
        }
    });
    let place = crate::support::Place::postgres();
    crate::trouble::old(&place);
    crate::support::raw(
        &place,
        "grant all on schema tachograph to tachograph_owner; grant usage on schema tachograph to tachograph_worker",
    );
    let database = place.location.rsplit('/').next().unwrap().to_owned();
    let user = format!("{database}_board");
    let sql = format!("create user {user} password 'pw' in role tachograph_worker");
    server.execute("postgres", &sql).unwrap();
    drop(place.open());
    let location = server.location_as(&user, "pw", &database);
    let sql = "insert into tachograph.served values ('b', 'w', 1); update tachograph.served set worker = 'v'";
    server::execute(&location, sql).unwrap();
    assert!(server::execute(&location, "delete from tachograph.served").is_err());
}
