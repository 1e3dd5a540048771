//! What a new checkpoint must not be worse than.

use anyhow::Result;
use serde::Serialize;
use tachograph_predict::{Catalog, Error};
use tachograph_store::{Checkpoint, Store};
use tachograph_transfer::rates::costs;

use super::part::Part;
use crate::wanted::Wanted;

/// What answers now, and how far off it is on what was held out.
#[derive(Debug, Serialize)]
pub struct Rival {
    pub name: String,
    pub mape_percent: f64,
}

/// The installed checkpoint; where none is, the bundled one that knows the device and the rates of what was measured.
pub fn all(wanted: &Wanted, store: &Store, part: &Part, installed: Option<&Checkpoint>) -> Result<Vec<Rival>> {
    let mut rivals = Vec::new();
    let mut of = |name: String, catalog: &Catalog| -> Result<()> {
        match catalog.find(Some(&wanted.name)) {
            Ok((predictor, output)) => {
                let mape = part.error(store, |bound| Ok(predictor.predict(bound, output)?.value.value()))?;
                rivals.push(Rival { name, mape_percent: 100.0 * mape });
                Ok(())
            }
            Err(Error::Device { .. } | Error::NoLatency { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    };
    if let Some(installed) = installed {
        of(format!("checkpoint {}, which is installed", installed.id), &wanted.catalog(Some(store))?)?;
        return Ok(rivals);
    }
    of("the bundled checkpoint".into(), &Catalog::bundled())?;
    if let Some((rates, measurements)) = wanted.rates(store, &part.learned)? {
        let mape = part.error(store, |bound| Ok(rates.predict(&costs(bound)?)?.ms))?;
        rivals.push(Rival { name: format!("rates, from {measurements} of them"), mape_percent: 100.0 * mape });
    }
    Ok(rivals)
}
