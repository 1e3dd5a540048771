//! Devices on the command line: what to predict for, and with which checkpoints.

use anyhow::{Result, bail};
use tachograph_ir::{BoundGraph, Device};
use tachograph_predict::{Catalog, Error, Forecast, Outside, Shortage};

use crate::{
    args,
    here::{CPU, Here},
};

/// Devices and checkpoints.
#[derive(clap::Args)]
pub struct Devices {
    /// A device by any of its names (see `tachograph devices`), or `cpu` for the processor of this machine; give it again
    /// for several. Without it, this machine, if a checkpoint knows it, else the first device of the first checkpoint.
    #[arg(long, value_parser = args::name)]
    device: Vec<String>,
    /// A checkpoint to predict with, a file or the name of a bundled one; give it again for several. Without it, the
    /// bundled ones.
    #[arg(long, value_parser = args::name)]
    checkpoint: Vec<String>,
}

/// A device to predict for.
pub struct Target {
    /// Its name in the checkpoint.
    pub name: String,
    /// Hardware, threads and library.
    pub ran_on: String,
    /// Its device file, where one is bundled.
    pub file: Option<&'static Device>,
    /// Whether it is this machine.
    pub here: bool,
    /// Whether the user named it.
    pub named: bool,
}

impl Target {
    /// What `name` means to the checkpoints; without one, the first device of the first. `here` is this machine.
    ///
    /// # Errors
    /// No checkpoint knows the device, or one cannot be read.
    pub fn of(catalog: &Catalog, name: Option<&str>, here: Option<&str>, named: bool) -> Result<Self, Error> {
        let found = match (catalog.find(name), name) {
            (Err(Error::Device { .. }), Some(CPU)) if here.is_some() => catalog.find(here),
            (found, _) => found,
        };
        let (predictor, output) = found?;
        let output = predictor.manifest().get(output)?;
        let (name, ran_on) = (output.name.clone(), output.ran_on());
        Ok(Self { file: output.device_file(), here: here == Some(name.as_str()), name, ran_on, named })
    }

    /// Whose times these are: what an answer begins with.
    pub fn title(&self) -> String {
        let whose = match self {
            Self { here: true, .. } => "; this machine",
            Self { named: true, .. } => "",
            Self { .. } => "; no checkpoint knows this machine, so this is not its time",
        };
        format!("{} ({}{whose})", self.name, self.ran_on)
    }

    /// What to know before trusting a forecast for it, whether it runs there at all first.
    pub fn warnings(&self, forecast: &Forecast) -> Vec<String> {
        let mut warnings: Vec<String> = forecast.shortage.iter().map(ToString::to_string).collect();
        let parts = [
            ("", Some(&forecast.latency)),
            ("memory: ", forecast.memory.as_ref()),
            ("energy: ", forecast.energy.as_ref()),
        ];
        for (of, prediction) in parts {
            for outside in prediction.iter().flat_map(|prediction| &prediction.outside) {
                // What holds of the network holds of all that is predicted of it.
                if of.is_empty() || matches!(outside, Outside::Value { .. }) {
                    warnings.push(format!("{of}{outside}"));
                }
            }
        }
        warnings
    }
}

impl Devices {
    /// The checkpoints.
    pub fn catalog(&self) -> Result<Catalog> {
        Ok(if self.checkpoint.is_empty() { Catalog::bundled() } else { Catalog::named(&self.checkpoint)? })
    }

    /// What to predict for, each once.
    ///
    /// # Errors
    /// A checkpoint that cannot be read; a device that none knows, with those that are near it and what to do.
    pub fn targets(&self, catalog: &Catalog) -> Result<Vec<Target>> {
        let here = catalog.here()?;
        let mut names: Vec<Option<&str>> = self.device.iter().map(|name| Some(name.as_str())).collect();
        if names.is_empty() {
            names.push(here.as_deref());
        }
        let target = |name: &Option<&str>| match Target::of(catalog, *name, here.as_deref(), !self.device.is_empty()) {
            Err(Error::Device { name, .. }) => match Here::cpu().filter(|_| name.eq_ignore_ascii_case(CPU)) {
                Some(here) => bail!(unmeasured(&here.name)),
                None => bail!(unknown(catalog, &name)?),
            },
            target => Ok(target?),
        };
        let mut targets: Vec<Target> = Vec::new();
        for one in names.iter().map(target) {
            let one = one?;
            if targets.iter().all(|known| known.name != one.name) {
                targets.push(one);
            }
        }
        Ok(targets)
    }
}

/// What to know before trusting a time by rates of kernels, which extrapolate without bound: whether the network runs there at
/// all, as far as the device has a file, and whether it is far from all that was measured.
///
/// # Errors
/// Memory that exceeds 64 bits.
pub fn doubts(device: &str, bound: &BoundGraph, ms: f64, (fastest, slowest): (f64, f64)) -> Result<Vec<String>> {
    const FAR: f64 = 10.0;
    let mut doubts = Vec::new();
    let needs = bound.peak_memory()?;
    let has = Device::builtin(device).ok().and_then(|device| device.memory);
    doubts.extend(has.filter(|has| needs > *has).map(|has| Shortage { needs, has }.to_string()));
    if ms > FAR * slowest || ms * FAR < fastest {
        doubts.push(format!(
            "far from all that was measured on {device}, {fastest:.3} to {slowest:.3} ms: the interval does not hold there"
        ));
    }
    Ok(doubts)
}

/// What to do about this machine, of which nothing is known.
pub fn unmeasured(name: &str) -> String {
    format!(
        "nothing was measured on this machine yet ({name}) and no checkpoint knows it: `tachograph query --measure` or \
         `profile` measures here (libtorch), `query` then answers from that; `tachograph devices` lists what can be predicted for"
    )
}

/// What to do about a device that no checkpoint knows.
pub fn unknown(catalog: &Catalog, name: &str) -> Result<String> {
    // One that a device file describes is compared by its figures, though its name be a slip.
    let meant = Device::builtin(name).ok().or_else(|| Device::meant(name));
    let near = catalog.nearest(meant.map_or(name, |device| &device.name))?;
    let slip = meant.filter(|device| !device.is_called(name));
    let slip = slip
        .map_or(String::new(), |device| format!("did you mean `{}`, which no checkpoint knows either? ", device.name));
    let near = near.iter().take(3).map(|near| match near.distance {
        Some(distance) => {
            format!("{} (peak, bandwidth and memory within a factor of {:.2})", near.name, distance.exp())
        }
        None => format!("{} (by its name)", near.name),
    });
    let quoted = if name.contains(char::is_whitespace) { format!("'{name}'") } else { name.to_owned() };
    Ok(format!(
        "unknown device `{name}`; {slip}nearest are {}; `tachograph devices` lists all; to predict for it, measure ten models \
         there, write mine.csv (file,device,latency_ms, and batch where it is open) and run `tachograph transfer mine.csv \
         --device {quoted} MODEL`",
        near.collect::<Vec<_>>().join(", ")
    ))
}
