//! What the cases share.

use sqlx::{AssertSqlSafe, Connection};
use tachograph_datasets::Mode;
use tachograph_ir::{Assignment, BoundGraph, Builder, DType, Domain};
use tachograph_store::{GraphKey, Moment, Network, Reading, Setup, Store};
use tempfile::TempDir;

use crate::server;

/// An empty store somewhere.
pub struct Place {
    pub location: String,
    _folder: Option<TempDir>,
}

impl Place {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().join("deep/store.sqlite").display().to_string();
        Self { location, _folder: Some(folder) }
    }

    pub fn postgres() -> Self {
        let server = server::shared();
        Self { location: server.location(&server.database()), _folder: None }
    }

    pub fn open(&self) -> Store {
        Store::open(&self.location).unwrap()
    }

    pub fn is_postgres(&self) -> bool {
        self.location.starts_with("postgres")
    }
}

/// Makes of each function two tests: one a database.
macro_rules! on_both {
    ($($(#[$attribute:meta])* fn $name:ident($place:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn case($place: $crate::support::Place) $body

            #[test]
            $(#[$attribute])*
            fn sqlite() {
                case($crate::support::Place::sqlite());
            }

            #[test]
            $(#[$attribute])*
            fn postgres() {
                case($crate::support::Place::postgres());
            }
        }
    )*};
}
pub(crate) use on_both;

/// A convolution with so many channels, its batch free.
pub fn graph(channels: u64, batch: u64) -> BoundGraph {
    let mut b = Builder::new(format!("tiny {channels}"));
    b.hyperparameter("batch", Domain::POSITIVE, 1);
    let x = b.input("x", DType::F32, vec!["batch".into(), 3.into(), 8.into(), 8.into()]);
    let x = b.conv(x, channels, [3, 3], 1, 1, 1, true).unwrap();
    let x = b.op("Relu", &[x]).unwrap();
    b.finish(&[x]).unwrap().bind(&Assignment::from([("batch".into(), batch)])).unwrap()
}

pub fn network(channels: u64) -> Network {
    Network::new(&graph(channels, 1)).unwrap()
}

/// Stores networks of so many channels.
pub fn stored(store: &Store, channels: impl IntoIterator<Item = u64>) -> Vec<GraphKey> {
    channels.into_iter().map(|channels| store.put_graph(&network(channels)).unwrap()).collect()
}

pub fn setup() -> Setup {
    Setup {
        device: "bench-cpu".into(),
        hardware: "Test CPU 3000".into(),
        threads: 1,
        library: "libtorch 2.11.0".into(),
        dtype: DType::F32,
        driver: String::new(),
        governor: "none".into(),
    }
}

/// A plausible measurement, `second` seconds after the first.
pub fn reading(batch: u64, median_ms: f64, second: i64) -> Reading {
    Reading {
        batch,
        mode: Mode::Inference,
        setup: setup(),
        protocol: 2,
        median_ms: Some(median_ms),
        iqr_ms: Some(median_ms * 0.02),
        min_ms: Some(median_ms * 0.9),
        repeats: 30,
        peak_bytes: Some(1 << 20),
        energy_j: None,
        date: Moment(1_767_323_045_000 + second * 1000),
        who: "tests".into(),
    }
}

/// A store with the folder that it is in.
pub struct Opened {
    pub store: Store,
    _place: Place,
}

impl Place {
    pub fn open_kept(self) -> Opened {
        Opened { store: self.open(), _place: self }
    }
}

/// Runs a statement as another program would.
pub fn try_raw(place: &Place, sql: &str) -> Result<(), sqlx::Error> {
    if place.is_postgres() {
        return server::execute(&place.location, &format!("set search_path = tachograph; {sql}"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&place.location).foreign_keys(true);
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        connection.close().await
    })
}

pub fn raw(place: &Place, sql: &str) {
    try_raw(place, sql).unwrap();
}
