//! What goes wrong with files, schemas, passwords and runners: one clear error each, and nothing lost.

use std::{fs, os::unix::process::CommandExt, path::Path, thread, time::Duration};

use tachograph_store::{ChildRunner, Error, Filter, Question, State, Store, Submission, Worker};

use crate::{
    child, server,
    support::{Place, network, on_both, raw, reading, stored},
};

/// A closed SQLite store with some hundred measurements.
fn filled() -> Place {
    let place = Place::sqlite();
    let store = place.open();
    let key = stored(&store, [4])[0];
    let items: Vec<_> = (0..2000).map(|i| (key, reading(1 + i % 7, 1.0, i as i64))).collect();
    store.put_measurements(&items).unwrap();
    place
}

/// Makes an empty store of the first schema there.
pub fn old(place: &Place) {
    let versions =
        "create table schema_versions (version bigint primary key, program text not null, applied_at text not null);
        insert into schema_versions values (1, 'tachograph 0.1.0', '2026');";
    if place.is_postgres() {
        let tables = include_str!("../../migrations/postgres/0001.sql");
        return raw(place, &format!("create schema tachograph; {versions} {tables}"));
    }
    fs::create_dir_all(Path::new(&place.location).parent().unwrap()).unwrap();
    fs::write(&place.location, "").unwrap();
    raw(place, &format!("{versions} {}", include_str!("../../migrations/sqlite/0001.sql")));
}

fn one_line(error: &Error, location: &str) -> String {
    let message = error.to_string();
    assert!(!message.contains('\n') && message.contains(location), "{message}");
    message
}

#[test]
fn a_torn_file() {
    let place = filled();
    let whole = fs::read(&place.location).unwrap();
    for cut in [whole.len() / 2, whole.len() - 1, 4096, 50] {
        fs::write(&place.location, &whole[..cut]).unwrap();
        for error in [Store::open(&place.location).unwrap_err(), Store::open_read_only(&place.location).unwrap_err()] {
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
            assert!(one_line(&error, &place.location).contains("damaged"));
        }
        assert_eq!(fs::read(&place.location).unwrap(), whole[..cut], "nothing was changed");
    }
    let mut garbled = whole.clone();
    for (i, byte) in garbled.iter_mut().enumerate().skip(100) {
        *byte ^= (i % 251) as u8;
    }
    fs::write(&place.location, &garbled).unwrap();
    let error = Store::open(&place.location).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    // Damage in the middle does not keep the rest from being read, and verifying finds it.
    let mut hole = whole.clone();
    let middle = whole.len() / 4096 / 2 * 4096;
    hole[middle..middle + 4096].fill(0x55);
    fs::write(&place.location, &hole).unwrap();
    match Store::open(&place.location).and_then(|store| store.verify()) {
        Ok(verdict) => assert!(!verdict.is_whole()),
        Err(error) => assert!(matches!(error, Error::Damaged { .. }), "{error}"),
    }
    fs::write(&place.location, b"a text").unwrap();
    assert!(matches!(Store::open(&place.location), Err(Error::Damaged { .. })));
    fs::write(&place.location, &whole).unwrap();
    assert_eq!(place.open().stats().unwrap().measurements, 2000);
}

#[test]
fn a_database_of_something_else() {
    let place = Place::sqlite();
    fs::create_dir_all(Path::new(&place.location).parent().unwrap()).unwrap();
    fs::write(&place.location, "").unwrap();
    raw(&place, "create table albums (title text)");
    for error in [Store::open(&place.location).unwrap_err(), Store::open_read_only(&place.location).unwrap_err()] {
        assert!(matches!(error, Error::Foreign { .. }), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let error = Store::open(&folder.path().display().to_string()).unwrap_err();
    assert!(error.to_string().contains("it is a folder"), "{error}");
    let nothing = folder.path().join("none.sqlite").display().to_string();
    let error = Store::open_read_only(&nothing).unwrap_err();
    assert!(error.to_string().contains("no such file"), "{error}");
    assert!(!Path::new(&nothing).exists());
}

#[test]
fn a_folder_that_cannot_be_written() {
    let place = filled();
    place.open().put(&network(4), &reading(1, 1.0, 5000)).unwrap();
    let folder = Path::new(&place.location).parent().unwrap();
    let program = tempfile::tempdir().unwrap();
    let mut command = child::command("read-only", &place.location, 0);
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(Path::new(&place.location), 0o444);
    mode(folder, 0o555);
    mode(folder.parent().unwrap(), 0o755);
    // SAFETY: always succeeds.
    if unsafe { libc::geteuid() } == 0 {
        // Root may write anywhere. Somebody else may not be allowed to see where this program lies.
        let copy = program.path().join("program");
        fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        mode(program.path(), 0o755);
        let mut other = std::process::Command::new(copy);
        other.args(command.get_args()).uid(65534).gid(65534).current_dir("/");
        other.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command = other;
    }
    let said = child::said(&mut command);
    mode(folder, 0o755);
    assert!(said[0].contains("can be read but not written"), "{said:?}");
    assert_eq!(said[1], "true");
    assert!(said[2].contains("can be read but not written"), "{said:?}");
}

#[test]
fn a_full_disk() {
    let place = filled();
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("store.sqlite").display().to_string();
    // SAFETY: always succeeds.
    let root = unsafe { libc::geteuid() } == 0;
    let mut command = child::command("full", &disk, if root { 0 } else { 3 << 20 });
    if root {
        let target = std::ffi::CString::new(folder.path().display().to_string()).unwrap();
        // SAFETY: system calls alone. A disk of 3 MB that this one process sees.
        unsafe {
            command.pre_exec(move || {
                let check = |done| if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) };
                let none = std::ptr::null();
                check(libc::unshare(libc::CLONE_NEWNS))?;
                check(libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, none.cast()))?;
                check(libc::mount(c"none".as_ptr(), target.as_ptr(), c"tmpfs".as_ptr(), 0, c"size=3m".as_ptr().cast()))
            });
        }
    }
    let said = child::said(&mut command);
    match root {
        true => assert!(said[0].contains("the disk is full"), "{said:?}"),
        false => assert!(said[0].contains("store.sqlite"), "{said:?}"),
    }
    let counts: Vec<u64> = said[1].split(' ').map(|count| count.parse().unwrap()).collect();
    assert!(counts[0] > 1000 && counts[0] == counts[1], "{said:?}");
    drop(place);
}

/// An import that the disk stops says what is stored, and the same import goes on from there.
#[test]
fn an_import_that_finds_the_disk_full() {
    let place = Place::sqlite();
    let source = Place::sqlite().open_kept();
    drop(place.open());
    let lines = crate::rest::many(&source.store, 30_000);
    fs::write(format!("{}.jsonl", place.location), lines.join("\n")).unwrap();
    let said = child::said(&mut child::command("import", &place.location, 3 << 20));
    let store = place.open();
    let stored = store.stats().unwrap().measurements;
    assert!((5_000..30_000).contains(&stored) && stored.is_multiple_of(5_000), "{stored} {said:?}");
    let what = format!("; before that {stored} measurements were stored (0 known), all up to line {}; ", stored + 1);
    assert!(said[0].contains("store.sqlite") && said[0].contains(&what), "{said:?}");
    let added = store.import_lines(lines.join("\n").as_bytes()).unwrap();
    assert_eq!((added.new, added.known), (30_000 - stored, stored));
}

on_both! {
    fn a_newer_schema_is_refused_by_name(place) {
        drop(place.open());
        raw(&place, "insert into schema_versions (version, program, applied_at) values (7, 'tachograph 9', '2030')");
        for opened in [Store::open(&place.location), Store::open_read_only(&place.location)] {
            let message = opened.unwrap_err().to_string();
            assert!(message.contains("was written by a newer tachograph (schema 7; this program knows 2)"), "{message}");
        }
    }

    fn an_older_schema_is_brought_up(place) {
        old(&place);
        raw(&place, "insert into devices (name, hardware) values ('bench-cpu', 'Test CPU 3000')");
        let error = Store::open_read_only(&place.location).unwrap_err();
        assert!(matches!(error, Error::OlderSchema { found: 1, known: 2, .. }), "{error}");
        let store = place.open();
        assert_eq!(store.device_names().unwrap(), [("bench-cpu".to_owned(), "Test CPU 3000".to_owned())]);
        store.put(&network(4), &reading(1, 2.0, 0)).unwrap();
        let key = stored(&store, [4])[0];
        store.submit(&Submission::new(key, 1, "bench-cpu")).unwrap();
        assert!(store.verify().unwrap().is_whole());
        assert!(Store::open_read_only(&place.location).is_ok());
    }

    fn two_programs_migrate_at_once(place) {
        let opening: Vec<_> = (0..6)
            .map(|_| {
                let location = place.location.clone();
                thread::spawn(move || child::said(&mut child::command("open", &location, 0)))
            })
            .collect();
        for opened in opening {
            assert_eq!(opened.join().unwrap(), ["opened 0"]);
        }
        assert!(place.open().verify().unwrap().is_whole());
    }

    fn reading_alone_changes_nothing(place) {
        assert!(Store::open_read_only(&place.location).is_err(), "nothing is there");
        let store = place.open();
        store.put(&network(4), &reading(1, 2.0, 0)).unwrap();
        let reader = Store::open_read_only(&place.location).unwrap();
        assert!(reader.query(&network(4), &Question::latency("bench-cpu", 1)).unwrap().is_some());
        let error = reader.put(&network(4), &reading(1, 2.0, 1)).unwrap_err();
        assert!(matches!(error, Error::ReadOnly { .. }), "{error}");
        store.put(&network(4), &reading(1, 2.0, 2)).unwrap();
        assert_eq!(reader.stats().unwrap().measurements, 2, "it sees what others write");
    }

    fn a_child_measures_refuses_hangs_or_dies(place) {
        let store = place.open();
        let key = stored(&store, [4])[0];
        let good = serde_json::to_string(&tachograph_store::Report::Reading(Box::new(reading(1, 2.5, 0)))).unwrap();
        let worker = Worker::new("w", ["bench-cpu"]);
        for (script, state, why) in [
            (format!("read sheet; case \"$sheet\" in *tiny*) echo '{good}';; esac"), State::Done, ""),
            ("echo '{\"refused\":\"no such kernel\"}'".into(), State::Failed, "no such kernel"),
            ("echo nonsense; echo broken >&2; exit 3".into(), State::Failed, "broken"),
            ("head -c 300000 /dev/zero | tr '\\0' x >&2; exit 1".into(), State::Failed, "without an answer"),
            ("echo out of bounds >&2; kill -SEGV $$".into(), State::Quarantined, "killed by signal 11: out of bounds"),
            ("kill -9 $$".into(), State::Quarantined, "killed by signal 9"),
            ("exit 101".into(), State::Quarantined, "panicked"),
            // As a service manager tells all processes of a service that ends.
            (format!("kill -TERM $$; echo '{good}'"), State::Done, ""),
            ("sleep 60".into(), State::Failed, "took more than 0.7 s"),
        ] {
            let job = Submission { max_attempts: 1, retry: true, ..Submission::new(key, 1, "bench-cpu") };
            let id = store.submit(&job).unwrap();
            let runner = ChildRunner::new(["sh", "-c", &script], Duration::from_millis(700));
            worker.run_one(&store, &runner).unwrap().unwrap();
            let job = store.job(id).unwrap();
            assert_eq!(job.state, state, "{script:.200} {job:?}");
            assert!(job.reason.as_deref().unwrap_or_default().contains(why), "{job:?}");
        }
        let id = store.submit(&Submission { retry: true, ..Submission::new(key, 1, "bench-cpu") }).unwrap();
        let nothing = ChildRunner::new(["/nonexistent/program"], Duration::from_secs(1));
        assert!(matches!(worker.run_one(&store, &nothing), Err(Error::Runner(_))));
        assert_eq!((store.job(id).unwrap().state, store.job(id).unwrap().attempts), (State::Queued, 0));
        assert_eq!(store.measurements(&Filter::default()).unwrap().len(), 1);
        let mut other = child::command("measure", &place.location, 0);
        let said = child::said(other.env("PGPASSFILE", "/secret").env("TACHOGRAPH_STORE", "secret"));
        assert_eq!(said, ["done"], "a runner does not know how to open the store");
    }
}

#[test]
fn a_password_is_nowhere_to_be_seen() {
    let server = server::shared();
    let database = server.database();
    let wrong = server.location_as("postgres", "wr0ng-s3cret", &database);
    let error = Store::open(&wrong).unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("wr0ng"), "{error}");
    let store = Store::open(&server.location(&database)).unwrap();
    let shown = format!("{store:?} {} {:?}", store.location(), store.location());
    assert!(!shown.contains("s3cret") && shown.contains(&database), "{shown}");
    // Better places for it: the environment, and a file that nobody else reads.
    let bare = format!("postgres://postgres@127.0.0.1:{}/{database}", server.port);
    assert_eq!(child::said(child::command("open", &bare, 0).env("PGPASSWORD", server::PASSWORD)), ["opened 0"]);
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("pgpass");
    fs::write(&file, format!("127.0.0.1:*:*:postgres:{}\n", server::PASSWORD)).unwrap();
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(child::said(child::command("open", &bare, 0).env("PGPASSFILE", &file)), ["opened 0"]);
    let refused = child::said(child::command("open", &bare, 0).env("PGPASSWORD", "wr0ng-s3cret"));
    assert!(!refused[0].contains("wr0ng") && refused[0].contains("not allowed"), "{refused:?}");
}

#[test]
fn over_tls_with_the_right_authority_alone() {
    let server = server::shared();
    let location = server.location(&server.database());
    let root = server.folder().join("root.crt");
    let right = format!("{location}?sslmode=verify-full&sslrootcert={}", root.display());
    Store::open(&right).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.crt");
    fs::write(&path, other.cert.pem()).unwrap();
    let error = Store::open(&format!("{location}?sslmode=verify-full&sslrootcert={}", path.display())).unwrap_err();
    assert!(error.to_string().contains("cannot be reached"), "{error}");
    // Nobody there at all.
    let nobody = Store::open("postgres://me@127.0.0.1:1/farm").unwrap_err();
    assert!(matches!(nobody, Error::Unreachable { .. }), "{nobody}");
}

#[test]
fn where_it_is_when_nothing_says() {
    let with = |set: &[(&str, &str)]| {
        let mut command = child::command("default", "", 0);
        for name in ["TACHOGRAPH_STORE", "XDG_DATA_HOME", "HOME", "USERPROFILE"] {
            command.env_remove(name);
        }
        child::said(command.envs(set.iter().copied())).remove(0)
    };
    if cfg!(target_os = "linux") {
        assert_eq!(with(&[("HOME", "/home/me")]), "/home/me/.local/share/tachograph/store.sqlite");
    }
    assert_eq!(with(&[("HOME", "/home/me"), ("XDG_DATA_HOME", "/data")]), "/data/tachograph/store.sqlite");
    let shared = [("HOME", "/home/me"), ("TACHOGRAPH_STORE", "postgres://me:s3cret@db/farm")];
    assert_eq!(with(&shared), "postgres://me@db/farm");
    assert!(with(&[]).contains("set TACHOGRAPH_STORE"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_runner_dies_with_its_worker() {
    let place = Place::sqlite();
    let store = place.open();
    let key = stored(&store, [4])[0];
    store.submit(&Submission::new(key, 1, "bench-cpu")).unwrap();
    let mut worker = child::spawn("hang", &place.location, 0);
    let until = std::time::Instant::now() + Duration::from_secs(20);
    let pid = loop {
        if let Ok(pid) = fs::read_to_string(format!("{}.pid", place.location)) {
            break pid.trim().to_owned();
        }
        assert!(std::time::Instant::now() < until, "no runner");
        thread::sleep(Duration::from_millis(10));
    };
    worker.kill().unwrap();
    worker.wait().unwrap();
    while alive(&pid) {
        assert!(std::time::Instant::now() < until, "the runner lives on");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Until somebody waits for it, what is dead is still listed.
#[cfg(target_os = "linux")]
fn alive(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// However a child ends, what it started ends too: at its limit, cancelled, interrupted, crashed, and done.
#[cfg(target_os = "linux")]
#[test]
fn no_process_is_left_behind() {
    use std::{sync::atomic::Ordering, time::Instant};

    let place = Place::sqlite();
    let store = place.open();
    let key = stored(&store, [4])[0];
    let good = serde_json::to_string(&tachograph_store::Report::Reading(Box::new(reading(1, 2.5, 0)))).unwrap();
    let told = format!("{}.pid", place.location);
    for (i, (then, limit, state)) in [
        ("wait", 1, State::Failed),
        ("wait", 60, State::Cancelled),
        ("wait", 60, State::Queued),
        ("kill -SEGV $$", 60, State::Quarantined),
        (&format!("echo '{good}'"), 60, State::Done),
    ]
    .into_iter()
    .enumerate()
    {
        // A process of the child's, and one of that one's.
        let script = format!(
            "(sleep 50 & echo $! > {told}.new; mv {told}.new {told}; wait) & while ! test -e {told}; do :; done; {then}"
        );
        let runner = ChildRunner::new(["sh", "-c", &script], Duration::from_secs(limit));
        let job = Submission { max_attempts: 1, retry: true, ..Submission::new(key, 1 + i as u64 % 4, "bench-cpu") };
        let id = store.submit(&job).unwrap();
        let worker = Worker { lease: Duration::from_millis(300), ..Worker::new("w", ["bench-cpu"]) };
        let since = Instant::now();
        let pid = thread::scope(|scope| {
            let working = scope.spawn(|| worker.run_one(&store, &runner));
            let pid = loop {
                match fs::read_to_string(&told) {
                    Ok(pid) => break pid.trim().to_owned(),
                    Err(_) => assert!(since.elapsed() < Duration::from_secs(20), "{then}: nothing was started"),
                }
                thread::sleep(Duration::from_millis(5));
            };
            match state {
                State::Cancelled => assert!(store.cancel(id, "").unwrap()),
                State::Queued => runner.interrupted.store(true, Ordering::SeqCst),
                _ => {}
            }
            let ended = working.join().unwrap();
            assert_eq!(matches!(ended, Err(Error::Runner(_))), state == State::Queued, "{ended:?}");
            pid
        });
        assert!(since.elapsed() < Duration::from_secs(20), "{then}: the pipes were held open");
        assert_eq!(store.job(id).unwrap().state, state, "{then}");
        while alive(&pid) {
            assert!(since.elapsed() < Duration::from_secs(20), "{then}, {state}: what it started lives on");
            thread::sleep(Duration::from_millis(10));
        }
        store.cancel(id, "").unwrap();
        fs::remove_file(&told).unwrap();
    }
}
