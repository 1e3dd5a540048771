//! Opening a store, and running what is asked of it.

use std::{
    fmt, fs,
    path::Path,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions, Connection as _, PgConnection, PgPool, SqlitePool,
    pool::PoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::{
    Error, Result,
    fault::said,
    jobs::{Bell, listen},
    link::{Connection, Fault, Link, Outcome},
    location::{Kind, Location},
    schema,
};

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only queries: nothing is created, brought to a newer schema or written.
    pub read_only: bool,
    /// Connections at once.
    pub connections: u32,
    /// How long a server that stopped answering, or a lock, is waited for before a call fails. What is called is then
    /// tried again; nothing is stored twice by that.
    pub patience: Duration,
    /// How long one statement may take before the connection counts as cut.
    pub answer_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read_only: false,
            connections: 8,
            patience: Duration::from_secs(30),
            answer_within: Duration::from_secs(120),
        }
    }
}

/// A database of graphs, devices, measurements, tuning records, jobs and checkpoints: a file (SQLite) or a server
/// (PostgreSQL). Threads may share one; every call waits until it is done.
pub struct Store {
    pool: Pool,
    // Taken when the store is dropped.
    runtime: Option<Runtime>,
    location: Location,
    options: Options,
    bell: OnceLock<Arc<Bell>>,
}

pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Store {
    /// Opens the store at a path, `sqlite:///path` or `postgres://user@host/database`; makes it where there is none, and
    /// brings an older one to the present schema.
    ///
    /// # Errors
    /// [`Error::Location`], [`Error::Unreachable`], [`Error::NewerSchema`], [`Error::Foreign`], [`Error::Damaged`],
    /// [`Error::ReadOnly`], [`Error::Refused`].
    pub fn open(location: &str) -> Result<Self> {
        Self::open_with(&location.parse()?, Options::default())
    }

    /// Opens the store at [`Location::default_location`].
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_default() -> Result<Self> {
        Self::open_with(&Location::default_location()?, Options::default())
    }

    /// Opens a store to read alone. A file in a folder that cannot be written is no hindrance.
    ///
    /// # Errors
    /// As [`Store::open`]; [`Error::OlderSchema`].
    pub fn open_read_only(location: &str) -> Result<Self> {
        Self::open_with(&location.parse()?, Options { read_only: true, ..Options::default() })
    }

    /// Opens a store.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(location: &Location, options: Options) -> Result<Self> {
        let unready = |source| Error::Io { path: "threads of the store".into(), source };
        // Statements run on the thread that asks; these two keep connections and their timers.
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("store").enable_all().build();
        let runtime = runtime.map_err(unready)?;
        let pool = {
            let _within = runtime.enter();
            apart(|| runtime.block_on(pool(location, &options)))?
        };
        let store = Self { pool, runtime: Some(runtime), location: location.clone(), options, bell: OnceLock::new() };
        let read_only = store.options.read_only;
        store.link(async |link| {
            schema::bring(link, &store.location, read_only).await?;
            if !read_only && !link.is_postgres() {
                // A file that cannot be written shows only when one tries.
                link.begin().await?;
                link.roll_back().await;
            }
            Ok(())
        })?;
        Ok(store)
    }

    /// Where it is; shown without a password.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Whether it was opened to read alone.
    pub fn is_read_only(&self) -> bool {
        self.options.read_only
    }

    /// Rings when jobs may have changed.
    pub(crate) fn bell(&self) -> &Arc<Bell> {
        self.bell.get_or_init(|| {
            let bell = Arc::new(Bell::default());
            if let (Pool::Postgres(pool), Some(runtime)) = (&self.pool, &self.runtime) {
                runtime.spawn(listen(pool.clone(), bell.clone()));
            }
            bell
        })
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Runs `work` on a connection, again where the connection was cut.
    pub(crate) fn link<T: Send>(&self, work: impl AsyncFn(&mut Link) -> Outcome<T> + Sync) -> Result<T> {
        self.block(async || {
            let mut link = self.connect().await?;
            let done = work(&mut link).await;
            if let Err(fault) = &done {
                link.roll_back().await;
                if fault.cuts() {
                    link.discard();
                }
            }
            done
        })
    }

    /// Runs `work` in a transaction. Where the connection was cut all of it is done again, so `work` must come to the same
    /// when it has been done already.
    pub(crate) fn write<T: Send>(&self, work: impl AsyncFn(&mut Link) -> Outcome<T> + Sync) -> Result<T> {
        if self.options.read_only {
            let message = "it was opened to read alone".into();
            return Err(Error::ReadOnly { location: self.location.to_string(), message });
        }
        self.link(async |link| {
            link.begin().await?;
            let done = work(link).await?;
            link.commit().await?;
            Ok(done)
        })
    }

    /// Runs `attempt` until it succeeds, fails for good, or patience ends.
    pub(crate) fn block<T: Send>(&self, attempt: impl AsyncFn() -> Outcome<T> + Sync) -> Result<T> {
        let since = Instant::now();
        let mut pause = Duration::from_millis(10);
        apart(|| {
            self.runtime()?.block_on(async {
                loop {
                    let error = match attempt().await {
                        Ok(done) => return Ok(done),
                        Err(fault) => said(&self.location, fault),
                    };
                    if !error.is_passing() || since.elapsed() + pause > self.options.patience {
                        return Err(error);
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_millis(500));
                }
            })
        })
    }

    fn runtime(&self) -> Result<&Runtime> {
        self.runtime.as_ref().ok_or_else(|| Error::Invalid("the store is closed".into()))
    }

    async fn connect(&self) -> Outcome<Link> {
        let connection = match &self.pool {
            Pool::Sqlite(pool) => Connection::Sqlite(pool.acquire().await?),
            Pool::Postgres(pool) => Connection::Postgres(pool.acquire().await?),
        };
        Ok(Link::new(connection, self.options.answer_within))
    }
}

/// Runs `work`, which blocks, on a thread of its own where this one belongs to a runtime, which would not allow it.
fn apart<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    if Handle::try_current().is_err() {
        return work();
    }
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

async fn pool(location: &Location, options: &Options) -> Result<Pool> {
    match location.kind() {
        Kind::File(path) => file(location, path, options).await,
        Kind::Server { options: server, .. } => {
            let mut server =
                server.as_ref().clone().options([("search_path", "tachograph")]).disable_statement_logging();
            if options.read_only {
                server = server.options([("default_transaction_read_only", "on")]);
            }
            // The pool says only that time ran out; a connection of our own says why.
            let since = Instant::now();
            loop {
                let connected = tokio::time::timeout(options.patience, PgConnection::connect_with(&server)).await;
                let fault = match connected {
                    Ok(Ok(connection)) => {
                        connection.close().await.ok();
                        break;
                    }
                    Ok(Err(error)) => Fault::from(error),
                    Err(_) => Fault::Silent(options.patience),
                };
                if !fault.starts_up() || since.elapsed() > options.patience {
                    return Err(said(location, fault));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            // One is kept by who listens.
            let more = Options { connections: options.connections.saturating_add(1), ..options.clone() };
            Ok(Pool::Postgres(pooled(&more).connect_lazy_with(server)))
        }
    }
}

async fn file(location: &Location, path: &Path, options: &Options) -> Result<Pool> {
    let base = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(options.patience)
        .foreign_keys(true)
        .disable_statement_logging();
    if !options.read_only {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.into(), source })?;
        }
        whole(location, path)?;
        // A measurement takes seconds; that it is on the disk when a call returns is worth some milliseconds.
        let file =
            base.create_if_missing(true).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        return Ok(Pool::Sqlite(pooled(options).connect_lazy_with(file)));
    }
    whole(location, path)?;
    let file = base.create_if_missing(false).read_only(true);
    let opened = match sqlx::SqliteConnection::connect_with(&file).await {
        Ok(mut connection) => {
            let read = sqlx::query("select count(*) from sqlite_master").fetch_one(&mut connection).await;
            connection.close().await.ok();
            read.map(drop)
        }
        Err(error) => Err(error),
    };
    let file = match opened {
        Ok(()) => file,
        // The log beside the file can neither be read nor made. Where there is none the file is all there is.
        Err(_) if path.is_file() && !log(path).is_some_and(|length| length > 0) => file.immutable(true),
        Err(_) if path.is_file() && log(path).is_some() => {
            let message =
                "what was written last lies in the file `-wal` beside it, which cannot be used in a folder that \
                           cannot be written; open it once where it can"
                    .into();
            return Err(Error::Database { location: location.to_string(), message });
        }
        Err(error) => return Err(said(location, error.into())),
    };
    Ok(Pool::Sqlite(pooled(options).connect_lazy_with(file)))
}

fn pooled<D: sqlx::Database>(options: &Options) -> PoolOptions<D> {
    PoolOptions::new()
        .max_connections(options.connections.max(1))
        .acquire_timeout(options.patience.max(Duration::from_secs(1)))
        // Costs a round trip each time; a connection that was cut is noticed, and the work done again.
        .test_before_acquire(false)
}

/// Length of the log beside a file, where there is one.
fn log(path: &Path) -> Option<u64> {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    Some(fs::metadata(name).ok()?.len())
}

/// Refuses a file that is shorter than it says itself. SQLite would notice only when it comes to what is missing.
fn whole(location: &Location, path: &Path) -> Result<()> {
    let damaged = |message: String| Err(Error::Damaged { location: location.to_string(), message });
    let Ok(meta) = fs::metadata(path) else { return Ok(()) };
    if meta.is_dir() {
        return Err(Error::Location { location: location.to_string(), message: "it is a folder".into() });
    }
    let length = meta.len();
    // With a log beside it the file may rightly be behind.
    if length == 0 || log(path).is_some_and(|length| length > 0) {
        return Ok(());
    }
    let mut header = [0; 100];
    let read = fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut header));
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            return damaged(format!("{length} bytes are no database"));
        }
        Err(source) => return Err(Error::Io { path: path.into(), source }),
        Ok(()) if !header.starts_with(b"SQLite format 3\0") => return damaged("it is not an SQLite file".into()),
        Ok(()) => {}
    }
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let page = match u64::from(u16::from_be_bytes([header[16], header[17]])) {
        1 => 65536,
        size => size,
    };
    let expected = page * u64::from(number(28));
    // Whoever closed it in the meantime may have written the log into it.
    let length = fs::metadata(path).map_or(length, |meta| meta.len());
    // The count of pages is to be believed where it was written together with the last change.
    match number(24) == number(92) && expected > length {
        true => damaged(format!("{length} bytes where it says {expected}")),
        false => Ok(()),
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        let pool = &self.pool;
        let close = || {
            // Closing the last connection writes SQLite's log back into the file.
            runtime.block_on(async {
                let closed = async {
                    match pool {
                        Pool::Sqlite(pool) => pool.close().await,
                        Pool::Postgres(pool) => pool.close().await,
                    }
                };
                tokio::time::timeout(Duration::from_secs(5), closed).await.ok();
            });
            Ok(())
        };
        apart(close).ok();
        // A runtime may not wait for its threads on a thread of another one.
        runtime.shutdown_background();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("location", &self.location)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
