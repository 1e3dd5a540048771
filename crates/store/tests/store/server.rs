//! The PostgreSQL server of a test run: Debian's, in a temporary folder, on a free port, gone when the run is.

use std::{
    fs::{self, File},
    net::TcpListener,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicI32, AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// The password of its superuser.
pub const PASSWORD: &str = "s3cret of the tests";

/// A server.
pub struct Server {
    pub port: u16,
    folder: PathBuf,
    bin: PathBuf,
}

/// The process of the shared server, for the end of the run.
static PID: AtomicI32 = AtomicI32::new(0);
static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// The server that the tests share.
pub fn shared() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = Server::new();
        FOLDER.set(server.folder.clone()).unwrap();
        PID.store(server.start(), Ordering::SeqCst);
        // SAFETY: `stop` touches statics alone.
        unsafe { libc::atexit(stop) };
        server
    })
}

/// The process of the shared server, if it runs.
#[allow(dead_code)]
pub fn pid() -> Option<i32> {
    Some(PID.load(Ordering::SeqCst)).filter(|pid| *pid > 0)
}

extern "C" fn stop() {
    let pid = PID.load(Ordering::SeqCst);
    if pid > 0 {
        // SAFETY: a process that this one started. SIGQUIT is an immediate shutdown.
        unsafe { libc::kill(pid, libc::SIGQUIT) };
        let until = Instant::now() + Duration::from_secs(3);
        // SAFETY: as above; signal 0 asks whether it is there.
        while Instant::now() < until && unsafe { libc::kill(pid, 0) } == 0 {
            thread::sleep(Duration::from_millis(10));
        }
    }
    if let Some(folder) = FOLDER.get() {
        fs::remove_dir_all(folder).ok();
    }
}

impl Server {
    /// A new cluster, not started.
    pub fn new() -> Self {
        let bin = bin();
        let folder = tempfile::Builder::new().prefix("tachograph-pg").tempdir().unwrap().keep();
        let password = folder.join("password");
        fs::write(&password, PASSWORD).unwrap();
        if let Some(user) = unprivileged() {
            chown(&folder, Some(user), Some(user)).unwrap();
            chown(&password, Some(user), Some(user)).unwrap();
        }
        let mut initdb = command(&bin.join("initdb"));
        initdb.args(["--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]);
        initdb.arg(format!("--pwfile={}", password.display())).arg("--pgdata").arg(folder.join("data"));
        let out = initdb.output().unwrap();
        assert!(out.status.success(), "initdb: {}", String::from_utf8_lossy(&out.stderr));
        // For this machine alone, signed by an authority that nobody else knows.
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = authority.self_signed(&key).unwrap();
        let own = KeyPair::generate().unwrap();
        let issuer = Issuer::new(authority, key);
        let certificate = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap().signed_by(&own, &issuer).unwrap();
        fs::write(folder.join("root.crt"), root.pem()).unwrap();
        for (name, text) in [("server.crt", certificate.pem()), ("server.key", own.serialize_pem())] {
            let path = folder.join("data").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            if let Some(user) = unprivileged() {
                chown(&path, Some(user), Some(user)).unwrap();
            }
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { port, folder, bin }
    }

    /// Starts it, and waits until it answers; returns its process.
    pub fn start(&self) -> i32 {
        self.start_with(&[])
    }

    /// Starts it with further settings.
    pub fn start_with(&self, settings: &[&str]) -> i32 {
        let mut postgres = command(&self.bin.join("postgres"));
        postgres.arg("-D").arg(self.folder.join("data")).arg("-k").arg(&self.folder);
        postgres.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        // A test kills the process, not the machine: what was handed to the system is safe.
        for setting in ["fsync=off", "max_connections=200", "shared_buffers=64MB", "max_wal_size=2GB", "ssl=on"]
            .iter()
            .chain(settings)
        {
            postgres.arg("-c").arg(setting);
        }
        let log = File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        postgres.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        // SAFETY: prctl is async-signal-safe. The server dies with the thread that started it, so that one never ends.
        unsafe {
            postgres.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let (send, pid) = mpsc::channel();
        thread::spawn(move || {
            // What is left of a server that was killed may hold on to its memory for a moment; then it does not start.
            loop {
                let mut child: Child = postgres.spawn().unwrap();
                let gone = send.send(child.id() as i32).is_err();
                let status = child.wait().unwrap();
                if gone || status.code() != Some(1) {
                    return;
                }
                thread::sleep(Duration::from_millis(50));
            }
        });
        let until = Instant::now() + Duration::from_secs(60);
        let mut last = pid.recv().unwrap();
        while let Err(error) = self.execute("postgres", "select 1") {
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "PostgreSQL does not start: {error}\n{}", log());
            thread::sleep(Duration::from_millis(20));
            last = pid.try_iter().last().unwrap_or(last);
        }
        pid.try_iter().last().unwrap_or(last)
    }

    /// Where a database of it is.
    pub fn location(&self, database: &str) -> String {
        self.location_as("postgres", PASSWORD, database)
    }

    /// Where it is for a user.
    pub fn location_as(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{}@127.0.0.1:{}/{database}", password.replace(' ', "%20"), self.port)
    }

    /// A new database.
    pub fn database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.execute("postgres", &format!("create database {name}")).unwrap();
        name
    }

    /// Runs statements as superuser.
    pub fn execute(&self, database: &str, sql: &str) -> Result<(), sqlx::Error> {
        execute(&self.location(database), sql)
    }

    /// The folder of its certificate authority, `root.crt`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Runs statements on a database.
pub fn execute(location: &str, sql: &str) -> Result<(), sqlx::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(location).await?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        connection.close().await
    })
}

/// The folder of the server's programs. Debian keeps them out of the path.
fn bin() -> PathBuf {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|e| e.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = installed.chain(std::env::split_paths(&path)).collect();
    folders.retain(|folder| folder.join("initdb").exists() && folder.join("postgres").exists());
    folders.into_iter().max().expect("these tests need the PostgreSQL server: apt-get install postgresql")
}

/// The user that the server runs as, where this process is root, which it refuses.
fn unprivileged() -> Option<u32> {
    // SAFETY: always succeeds.
    (unsafe { libc::geteuid() } == 0).then_some(65534)
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    // Those of the user would reach the server and its clients.
    for name in ["PGPASSWORD", "PGUSER", "PGHOST", "PGPORT", "PGDATABASE", "LC_ALL"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C").current_dir("/");
    if let Some(user) = unprivileged() {
        command.uid(user).gid(user);
    }
    command
}
