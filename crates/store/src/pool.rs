//! Opening what a store is in: a file, which may be torn, or a server, which may not be up yet.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions, Connection, PgConnection, SqliteConnection,
    pool::PoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::{
    Error, Options, Result,
    fault::said,
    link::Fault,
    location::{Kind, Location},
    store::Pool,
};

/// Connections to the store at a location.
pub(crate) async fn pool(location: &Location, options: &Options) -> Result<Pool> {
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
    let opened = match SqliteConnection::connect_with(&file).await {
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
        Err(_) if path.is_file() && log(path).is_none_or(|length| length == 0) => file.immutable(true),
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
