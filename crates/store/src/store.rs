//! Opening a store, and running what is asked of it.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use sqlx::{PgPool, SqlitePool};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::{
    Error, Result,
    fault::said,
    jobs::{Bell, listen},
    link::{Connection, Link, Outcome},
    location::Location,
    pool::pool,
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
