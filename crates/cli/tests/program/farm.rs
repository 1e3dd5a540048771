//! A team with one PostgreSQL: the program as a worker and as who asks, on the real server, with both killed in the middle.

use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tachograph_store::{JobFilter, JobId, State, Store};

use crate::{RESNET, Ran, image, models, server::Server, write_model};

/// The program in `folder`, as `user` of the server's only store.
struct Farm<'a> {
    folder: &'a Path,
    server: &'a Server,
    database: String,
}

impl Farm<'_> {
    fn command(&self, user: &str, password: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tachograph"));
        // No password on a command line: everybody sees those.
        let store = format!("postgres://{user}@127.0.0.1:{}/{}", self.server.port, self.database);
        command.args(args).args(["--store", &store]).env("PGPASSWORD", password).current_dir(self.folder);
        command
    }

    fn run(&self, user: &str, args: &[&str]) -> Ran {
        let Output { status, stdout, stderr } = self.command(user, "pw", args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
    }

    fn worker(&self) -> Child {
        let args = ["worker", "--name", "board", "--lease", "2"];
        self.command("board1", "pw", &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

fn within<T>(limit: u64, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(since.elapsed() < Duration::from_secs(limit), "{what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_farm_whose_workers_and_server_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::new();
    let mut postgres = server.start();
    let farm = Farm { folder: folder.path(), server: &server, database: server.database() };
    let location = server.location(&farm.database);

    let roles = farm.command("postgres", crate::server::PASSWORD, &["store", "roles"]).output().unwrap();
    assert!(roles.status.success(), "{}", String::from_utf8_lossy(&roles.stderr));
    let logins = "create user board1 password 'pw' in role tachograph_worker;
        create user ann password 'pw' in role tachograph_submitter;
        create user eve password 'pw' in role tachograph_reader";
    server.execute("postgres", logins).unwrap();

    // Nobody serves the board yet, and who may only read submits nothing.
    let resnet = models().join(RESNET);
    let ask = |model: &str, batch: &str| -> Vec<String> {
        ["query", model, "--bind", batch, "--device", "board", "--measure", "--json"].map(str::to_owned).to_vec()
    };
    let ran = |user: &str, args: Vec<String>, more: &[&str]| {
        let args: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
        farm.run(user, &args)
    };
    write_model(folder.path(), "tiny.onnx", image("batch", 16), 4);
    assert!(ran("eve", ask("tiny.onnx", "batch=1"), &["--no-wait"]).failed().contains("not allowed"));
    let line = ran("ann", ask("tiny.onnx", "batch=1"), &["--no-wait"]).well().json().remove(0);
    assert!(line["warnings"][0].as_str().unwrap().starts_with("no worker has ever served `board`"), "{line}");

    let mut workers = vec![farm.worker(), farm.worker()];
    let mut long = Vec::new();
    for batch in ["batch=2", "batch=3"] {
        let line = ran("ann", ask(resnet.to_str().unwrap(), batch), &["--no-wait"]).well().json().remove(0);
        long.push(JobId(line["job"].as_i64().unwrap()));
        ran("ann", ask("tiny.onnx", batch), &["--no-wait"]).well();
    }
    let store = Store::open(&location).unwrap();
    // Whoever is at a long one is killed, and the server once; others come.
    for id in long {
        let (place, _) = within(120, "nobody is at it", || {
            let job = store.job(id).ok().filter(|job| job.state == State::Leased)?;
            let pid: u32 = job.worker?.rsplit(' ').next()?.parse().ok()?;
            workers.iter().enumerate().find(|(_, worker)| worker.id() == pid)
        });
        let mut killed = workers.swap_remove(place);
        killed.kill().unwrap();
        killed.wait().unwrap();
        workers.push(farm.worker());
    }
    // SAFETY: the server that this test started.
    unsafe { libc::kill(postgres, libc::SIGKILL) };
    postgres = server.start();

    // Who asks again gets the measurement, whoever made it.
    let line = ran("ann", ask("tiny.onnx", "batch=5"), &["--wait", "240"]).well().json().remove(0);
    assert_eq!((&line["known_by"], &line["device"]), (&"measured".into(), &"board".into()), "{line}");
    let jobs = within(240, "jobs are left", || {
        let jobs = store.jobs(&JobFilter::default()).ok()?;
        jobs.iter().all(|job| job.state.is_ended()).then_some(jobs)
    });
    assert!(jobs.iter().all(|job| job.state == State::Done), "{jobs:?}");
    assert_eq!((jobs.len(), store.stats().unwrap().measurements), (6, 6), "each once");
    assert!(jobs.iter().any(|job| job.attempts > 1), "a job of the killed was taken by another: {jobs:?}");
    let line = ran("eve", ask("tiny.onnx", "batch=3").into_iter().filter(|word| word != "--measure").collect(), &[]);
    assert_eq!(line.well().json().remove(0)["known_by"], "measured");
    let top = farm.run("eve", &["store", "top", "--json"]).well().json();
    assert_eq!((top[0]["device"].as_str(), top[0]["done"].as_u64()), (Some("board"), Some(6)), "{top:?}");
    // As a service manager ends them.
    for worker in &workers {
        // SAFETY: a process that this test started.
        unsafe { libc::kill(worker.id() as i32, libc::SIGTERM) };
    }
    for mut worker in workers {
        assert!(within(60, "a worker does not end", || worker.try_wait().unwrap()).success());
    }
    drop(store);
    // SAFETY: as above.
    unsafe { libc::kill(postgres, libc::SIGQUIT) };
}
