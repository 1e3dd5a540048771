//! Where a store is, and how it is shown: never with its password.

use std::{env, fmt, path::PathBuf, str::FromStr};

use sqlx::postgres::PgConnectOptions;

use crate::{Error, Result};

/// Names the store where the command line does not.
pub const LOCATION: &str = "TACHOGRAPH_STORE";

/// Where a store is: a file, or a PostgreSQL database. Shown without its password.
#[derive(Clone)]
pub struct Location(Kind);

#[derive(Clone)]
pub(crate) enum Kind {
    File(PathBuf),
    Server { options: Box<PgConnectOptions>, shown: String, secrets: Vec<String> },
}

impl Location {
    /// The store that is meant where none is named: what the environment variable `TACHOGRAPH_STORE` says, else
    /// `tachograph/store.sqlite` in the user's data directory.
    ///
    /// # Errors
    /// The variable names no store, or nothing says where the user's data lies.
    pub fn default_location() -> Result<Self> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        if let Some(location) = set(LOCATION) {
            return location.to_string_lossy().parse();
        }
        let home = || Some(PathBuf::from(set("HOME").or_else(|| set("USERPROFILE"))?));
        let data = match set("XDG_DATA_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute()) {
            Some(folder) => Some(folder),
            None if cfg!(target_os = "macos") => home().map(|home| home.join("Library/Application Support")),
            None if cfg!(windows) => set("APPDATA").map(PathBuf::from),
            None => home().map(|home| home.join(".local/share")),
        };
        let data = data.ok_or_else(|| Error::Location {
            location: String::new(),
            message: format!("no home directory; set {LOCATION} to a file or a postgres:// address"),
        })?;
        Ok(Self(Kind::File(data.join("tachograph").join("store.sqlite"))))
    }

    /// A file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Kind::File(path.into()))
    }

    /// The file, where it is one.
    pub fn path(&self) -> Option<&std::path::Path> {
        match &self.0 {
            Kind::File(path) => Some(path),
            Kind::Server { .. } => None,
        }
    }

    /// True where the text itself holds a password, which any user of the machine sees in a list of processes when it is
    /// on a command line. `PGPASSWORD` and `~/.pgpass` are better places.
    pub fn has_password(&self) -> bool {
        matches!(&self.0, Kind::Server { secrets, .. } if !secrets.is_empty())
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0
    }

    /// Takes the password out of the words of a driver or a server.
    pub(crate) fn redacted(&self, message: &str) -> String {
        let mut message = message.to_owned();
        if let Kind::Server { secrets, .. } = &self.0 {
            let environment = env::var("PGPASSWORD").ok();
            for secret in secrets.iter().chain(&environment).filter(|secret| !secret.is_empty()) {
                message = message.replace(secret.as_str(), "***");
            }
        }
        message
    }
}

impl FromStr for Location {
    type Err = Error;

    /// `postgres://user@host/database?sslmode=verify-full`, `sqlite:///path`, or a path.
    fn from_str(text: &str) -> Result<Self> {
        if ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            return server(text);
        }
        let refuse =
            |location: &str, message: &str| Error::Location { location: location.into(), message: message.into() };
        let path = match text.strip_prefix("sqlite:") {
            Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
            None if text.contains("://") => {
                // What is before the scheme's end holds no password, what follows may.
                let scheme = text.split("://").next().unwrap_or_default();
                return Err(refuse(scheme, "a path, sqlite:///path or postgres://user@host/database is"));
            }
            None => text,
        };
        match path.is_empty() || path.contains('\0') {
            true => Err(refuse(text, "it names no file")),
            false => Ok(Self::file(path)),
        }
    }
}

/// Parameters of an address that are understood. Of any other sqlx would log the value, which may be a misspelt password.
const PARAMETERS: [&str; 12] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

fn server(text: &str) -> Result<Location> {
    let (shown, secrets) = without_password(text);
    let refuse = |message: String| Error::Location { location: shown.clone(), message };
    let parameters = text.split_once('?').map_or("", |(_, rest)| rest);
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let name = parameter.split('=').next().unwrap_or_default();
        if !PARAMETERS.contains(&name) {
            return Err(refuse(format!("it has an unknown parameter; known are {}", PARAMETERS.join(", "))));
        }
    }
    let options = PgConnectOptions::from_str(text).map_err(|error| {
        let hidden = secrets.iter().fold(error.to_string(), |message, secret| message.replace(secret.as_str(), "***"));
        refuse(hidden)
    })?;
    let options = Box::new(options.application_name("tachograph"));
    Ok(Location(Kind::Server { options, shown, secrets }))
}

/// The address without its password, and the password as it is written and as it is meant.
fn without_password(text: &str) -> (String, Vec<String>) {
    let mut secrets = Vec::new();
    let mut keep = |secret: &str| {
        if !secret.is_empty() {
            secrets.push(secret.to_owned());
            secrets.push(decoded(secret));
        }
    };
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (address, parameters) = rest.split_once('?').map_or((rest, None), |(address, rest)| (address, Some(rest)));
    // A password may hold an unescaped `@` or `/`: all up to the last `@` is the user's.
    let address = match address.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, password)) => {
                keep(password);
                format!("{user}@{host}")
            }
            None => format!("{user}@{host}"),
        },
        None => address.to_owned(),
    };
    let mut shown = format!("{scheme}://{address}");
    let mut kept = Vec::new();
    for parameter in parameters.unwrap_or_default().split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some((name @ ("sslmode" | "sslrootcert" | "host" | "hostaddr" | "port" | "dbname" | "user"), value)) => {
                kept.push(format!("{name}={value}"));
            }
            Some((_, value)) => keep(value),
            None => {}
        }
    }
    if !kept.is_empty() {
        shown = format!("{shown}?{}", kept.join("&"));
    }
    secrets.dedup();
    (shown, secrets)
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [a, b, ..]) => {
                let digit = |c: u8| (c as char).to_digit(16);
                digit(*a).zip(digit(*b)).map(|(a, b)| (a * 16 + b) as u8)
            }
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = &rest[if escaped.is_some() { 3 } else { 1 }..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::File(path) => path.display().fmt(f),
            Kind::Server { shown, .. } => f.write_str(shown),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_addresses() {
        for text in ["sqlite:///tmp/a b.sqlite", "/tmp/a b.sqlite", "sqlite:/tmp/a b.sqlite"] {
            assert_eq!(text.parse::<Location>().unwrap().to_string(), "/tmp/a b.sqlite");
        }
        for text in
            ["mysql://x/y", "", "sqlite:", "postgres://u:secret@h/d?pasword=secret", "postgres://u:secret@h:port/d"]
        {
            let error = text.parse::<Location>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for text in [
            "postgres://me:s3cret@db.lab:5433/farm?sslmode=require",
            "postgres://me:s3cret%40x@db.lab:5433/farm",
            "postgresql://me@db.lab/farm?password=s3cret&sslmode=disable",
            "postgres://me:a@s3cret@db.lab/farm",
        ] {
            let location = text.parse::<Location>().unwrap();
            let shown = format!("{location} {location:?}");
            assert!(shown.contains("me@") && shown.contains("db.lab") && !shown.contains("s3cret"), "{shown}");
            assert!(location.has_password());
        }
        let plain = "postgres://me@db.lab/farm".parse::<Location>().unwrap();
        assert!(!plain.has_password());
        let location = "postgres://me:s3cret%40x@h/d".parse::<Location>().unwrap();
        assert_eq!(location.redacted("for `s3cret@x` and s3cret%40x"), "for `***` and ***");
    }
}
