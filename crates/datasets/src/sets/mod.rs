//! Readers of published sets, one file a set. Each has typed records and is a [`Source`](crate::Source).
//!
//! A new set is a file here that holds its [`About`], its reader and its tests, and a line in the list below.

use std::path::Path;

use tachograph_ir::Graph;

use crate::{About, Error, Result};

macro_rules! sets {
    ($($module:ident: $($about:ident),+;)+) => {
        $(mod $module;)+
        $(pub use $module::*;)+

        /// All published sets.
        pub static SETS: &[&About] = &[$($(&$module::$about),+),+];
    };
}

sets! {
    help: NAS_BENCH_201, FBNET, OFA;
    ncnn: NCNN;
    timm: TIMM;
    neusight: NEUSIGHT;
    tpugraphs: TPUGRAPHS;
    layerdag: LAYERDAG_TILE;
    vela: VELA;
}

/// An error for a network of `about` whose graph cannot be had.
fn no_graph<E: ToString>(about: &'static About, network: &str) -> impl FnOnce(E) -> Error {
    move |cause| Error::NoGraph { set: about.name.into(), network: network.into(), message: cause.to_string() }
}

/// Reads the model file of a network.
pub(crate) fn import(about: &'static About, network: &str, path: &Path) -> Result<Graph> {
    if !path.exists() {
        return Err(no_graph(about, network)(format!("{} is not there", path.display())));
    }
    tachograph_import::load(path).map(|model| model.graph).map_err(no_graph(about, network))
}
