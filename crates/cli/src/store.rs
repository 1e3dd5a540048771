//! The store on the command line: which one, and how it is opened.

use anyhow::Result;
use tachograph_store::{Error, LOCATION, Location, Options, Store};

use crate::exit::{self, Usage};

/// Which store.
#[derive(clap::Args)]
pub struct Place {
    /// The store of measurements: a file, or postgres://USER@HOST/DATABASE without a password. Without it, what
    /// TACHOGRAPH_STORE says, else a file in your data directory.
    #[arg(long, value_name = "LOCATION")]
    store: Option<String>,
}

impl Place {
    /// Whether the command line names it.
    pub fn is_named(&self) -> bool {
        self.store.is_some()
    }

    /// Where it is.
    ///
    /// # Errors
    /// No location; one with a password on the command line, where every user of the machine sees it.
    pub fn location(&self) -> Result<Location> {
        let Some(text) = &self.store else { return Ok(Location::default_location()?) };
        let location: Location = text.parse()?;
        if location.has_password() {
            let message = format!(
                "--store {location}: a password on the command line is seen in every list of processes; put it into \
                 ~/.pgpass or PGPASSWORD, or the whole address into {LOCATION}"
            );
            return Err(Usage(message).into());
        }
        Ok(location)
    }

    /// To write; made where there is none.
    ///
    /// # Errors
    /// As [`Self::location`] and [`Store::open_with`].
    pub fn open(&self) -> Result<Store> {
        Ok(Store::open_with(&self.location()?, Options::default())?)
    }

    /// To ask alone; `None` where there is none yet, which is no reason to make one.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn ask(&self) -> Result<Option<Store>> {
        let location = self.location()?;
        if location.path().is_some_and(|path| !path.exists()) {
            return Ok(None);
        }
        let read_only = Options { read_only: true, ..Options::default() };
        match Store::open_with(&location, read_only) {
            // An older one is brought up by whoever may write it.
            Err(Error::OlderSchema { .. }) => Ok(Some(Store::open_with(&location, Options::default())?)),
            store => Ok(Some(store?)),
        }
    }

    /// To ask alone, where there must be one.
    ///
    /// # Errors
    /// As [`Self::ask`]; there is none.
    pub fn existing(&self) -> Result<Store> {
        match self.ask()? {
            Some(store) => Ok(store),
            None => anyhow::bail!(
                "no store at {} yet: `tachograph profile`, `collect` and `store import` make one",
                self.location()?
            ),
        }
    }
}

/// The store that what is measured goes to, unless it is told not to.
#[derive(clap::Args)]
#[cfg_attr(not(feature = "torch"), allow(dead_code, reason = "help and the check of values alone"))]
pub struct Record {
    #[command(flatten)]
    place: Place,
    /// Do not write what is measured to the store.
    #[arg(long)]
    no_store: bool,
}

#[cfg_attr(not(feature = "torch"), allow(dead_code, reason = "measuring needs libtorch"))]
impl Record {
    /// The store to write to. One that nobody named and that cannot be opened is no reason not to measure.
    ///
    /// # Errors
    /// The store that the command line names cannot be opened.
    pub fn open(&self) -> Result<Option<Store>> {
        if self.no_store {
            return Ok(None);
        }
        match self.place.open() {
            Ok(store) => Ok(Some(store)),
            Err(error) if self.place.is_named() => Err(error),
            Err(error) => {
                exit::warn(&format!("what is measured is not stored (--no-store says so without a warning): {error}"));
                Ok(None)
            }
        }
    }

    /// The store to ask alone, also where nothing is written; `None` where there is none yet.
    ///
    /// # Errors
    /// As [`Place::ask`].
    pub fn ask(&self) -> Result<Option<Store>> {
        self.place.ask()
    }
}

/// Who measures or asks: the user of this process.
pub fn who() -> String {
    let set = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
    ["USER", "LOGNAME", "USERNAME"].iter().find_map(set).unwrap_or_default()
}
