//! What a new checkpoint must not be worse than.

use anyhow::Result;
use serde::Serialize;
use tachograph_predict::{Catalog, Error};
use tachograph_store::{Checkpoint, Store};
use tachograph_transfer::rates::costs;

use super::part::{Part, Predict};
use crate::wanted::Wanted;

/// What answers now, and how far off it is on what was held out.
#[derive(Debug, Serialize)]
pub struct Rival {
    pub name: String,
    pub mape_percent: f64,
}

/// A name, and what it predicts.
pub type Predicts = (String, Box<Predict<'static>>);

/// The installed checkpoint; where none is, the bundled one that knows the device and the rates of what was measured.
pub fn all(wanted: &Wanted, store: &Store, part: &Part, installed: Option<&Checkpoint>) -> Result<Vec<Predicts>> {
    let of = |name: String, catalog: Catalog| -> Result<Option<Predicts>> {
        let device = wanted.name.clone();
        match catalog.find(Some(&device)) {
            Ok(_) => Ok(Some((
                name,
                Box::new(move |bound| {
                    let (predictor, output) = catalog.find(Some(&device))?;
                    Ok(predictor.predict(bound, output)?.value.value())
                }),
            ))),
            Err(Error::Device { .. } | Error::NoLatency { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    };
    if let Some(installed) = installed {
        let name = format!("checkpoint {}, which is installed", installed.id);
        return Ok(of(name, wanted.catalog(Some(store))?)?.into_iter().collect());
    }
    let mut rivals: Vec<Predicts> = of("the bundled checkpoint".into(), Catalog::bundled())?.into_iter().collect();
    if let Some((rates, measurements)) = wanted.rates(store, &part.learned)? {
        let name = format!("rates, from {measurements} of them");
        rivals.push((name, Box::new(move |bound| Ok(rates.predict(&costs(bound)?)?.ms))));
    }
    Ok(rivals)
}
