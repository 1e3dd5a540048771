//! What a driver says, in this crate's words.

use crate::{Error, link::Fault, location::Location};

impl Fault {
    /// True where the connection is of no further use.
    pub fn cuts(&self) -> bool {
        match self {
            Self::Driver(sqlx::Error::Database(error)) => error.code().is_some_and(|code| is_passing(&code)),
            Self::Driver(_) | Self::Silent(_) => true,
            Self::Ours(_) | Self::Strange(_) => false,
        }
    }

    /// True for a server that is about to be ready.
    pub fn starts_up(&self) -> bool {
        match self {
            Self::Driver(sqlx::Error::Database(error)) => error.code().as_deref() == Some("57P03"),
            _ => false,
        }
    }
}

/// States of PostgreSQL in which the same may succeed later.
fn is_passing(code: &str) -> bool {
    ["40001", "40P01", "53300", "55P03"].contains(&code) || code.starts_with("57P0") || code.starts_with("08")
}

/// What went wrong, with the password taken out.
pub(crate) fn said(place: &Location, fault: Fault) -> Error {
    let location = place.to_string();
    match fault {
        Fault::Ours(error) => error,
        Fault::Strange(message) => Error::Damaged { location, message },
        Fault::Silent(limit) => {
            Error::Unreachable { location, message: format!("no answer within {} s", limit.as_secs_f64()) }
        }
        Fault::Driver(sqlx::Error::Database(error)) => {
            let message = place.redacted(error.message());
            let code = error.code().unwrap_or_default();
            match place.path() {
                Some(path) => sqlite(location, &code, message, path.exists()),
                None => postgres(location, &code, message),
            }
        }
        Fault::Driver(error) => {
            let message = place.redacted(&error.to_string());
            match error {
                sqlx::Error::Io(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::BeginFailed
                | sqlx::Error::Tls(_) => Error::Unreachable { location, message },
                _ => Error::Database { location, message },
            }
        }
    }
}

/// By SQLite's result codes, <https://www.sqlite.org/rescode.html>.
fn sqlite(location: String, code: &str, message: String, exists: bool) -> Error {
    match code.parse::<u32>().map_or(1, |code| code & 0xff) {
        5 | 6 => Error::Unreachable { location, message: format!("{message}: another program holds its lock") },
        8 => Error::ReadOnly { location, message },
        14 if exists => Error::ReadOnly { location, message },
        14 => Error::Unreachable { location, message: "there is no such file, and none can be made".into() },
        13 => Error::Full { location },
        11 | 26 => Error::Damaged { location, message },
        _ => Error::Database { location, message },
    }
}

/// By PostgreSQL's error codes, appendix A of its manual.
fn postgres(location: String, code: &str, message: String) -> Error {
    match code {
        "42501" => Error::Refused { location, message },
        "25006" => Error::ReadOnly { location, message },
        "53100" => Error::Full { location },
        "XX001" | "XX002" => Error::Damaged { location, message },
        code if code.starts_with("28") => Error::Refused { location, message },
        code if is_passing(code) => Error::Unreachable { location, message },
        _ => Error::Database { location, message },
    }
}
