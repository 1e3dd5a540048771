//! Several checkpoints asked as one.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use tachograph_ir::{BoundGraph, Bytes, Quantity};

use crate::{Amount, Bundled, Error, Near, Output, OutputId, Prediction, Predictor, Result, names};

/// Several checkpoints asked as one: the first that knows a device predicts its latency, and memory and energy come from
/// whichever has them. Each is read when it is first needed.
#[derive(Debug)]
pub struct Catalog {
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    place: Place,
    predictor: OnceLock<Predictor>,
}

#[derive(Debug)]
enum Place {
    Bundled(Bundled),
    File(PathBuf),
    /// Ready already, and where from.
    Given(String, Box<Predictor>),
}

/// A device that can be predicted for.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceEntry {
    /// Name that [`Catalog::forecast`] takes.
    pub name: String,
    /// Hardware, threads and library.
    pub ran_on: String,
    /// What is predicted.
    pub quantities: Vec<Quantity>,
    /// The checkpoint that does it: the name of a bundled one, else its path.
    pub checkpoint: String,
}

/// What is predicted of a network on a device.
#[derive(Clone, Debug)]
pub struct Forecast {
    /// Name of the device in the checkpoint.
    pub device: String,
    /// Hardware, threads and library.
    pub ran_on: String,
    /// Of one run of the whole batch.
    pub latency: Prediction,
    /// Peak of a run, where some checkpoint predicts it for the device or for one where the same library runs on as many
    /// threads.
    pub memory: Option<Prediction>,
    /// The device that `memory` is of, where it is another.
    pub memory_as_on: Option<String>,
    /// Of one run, where the checkpoint predicts it.
    pub energy: Option<Prediction>,
    /// What the device lacks of the memory that the network needs, if anything.
    pub shortage: Option<Shortage>,
    /// The memory of the device, where its file says it.
    pub capacity: Option<Bytes>,
    /// The checkpoint of the latency: the name of a bundled one, else its path.
    pub checkpoint: String,
    /// The output of the latency in that checkpoint.
    pub output: OutputId,
}

/// A device whose memory does not suffice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// What the network needs.
    pub needs: Bytes,
    /// What the device has.
    pub has: Bytes,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [needs, has] = [self.needs, self.has].map(|bytes| bytes.0 as f64 / 1e9);
        write!(f, "needs {needs:.1} GB, the device has {has:.1} GB: it does not fit, and no time holds")
    }
}

impl Forecast {
    /// Whether the memory of the device suffices, where it is known.
    pub fn fits(&self) -> Option<bool> {
        self.capacity.map(|_| self.shortage.is_none())
    }
}

impl Catalog {
    /// The checkpoints that come along: for a server's core, and for timm's GPUs and CPUs.
    pub fn bundled() -> Self {
        // NNLP serves as a yardstick: on its only device the first is better.
        let ours = Bundled::ALL.iter().filter(|bundled| bundled.name != "nnlp-cpu");
        Self::of(ours.map(|&bundled| Place::Bundled(bundled)))
    }

    /// Checkpoints in files.
    pub fn open<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> Self {
        Self::of(files.into_iter().map(|path| Place::File(path.as_ref().to_owned())))
    }

    /// Checkpoints by name: a file, or else the name of a bundled one.
    ///
    /// # Errors
    /// Neither a file nor a bundled checkpoint.
    pub fn named<S: AsRef<str>>(names: &[S]) -> Result<Self> {
        let place = |name: &S| {
            let path = Path::new(name.as_ref());
            if path.exists() {
                Ok(Place::File(path.into()))
            } else {
                Ok(Place::Bundled(Bundled::named(name.as_ref())?))
            }
        };
        Ok(Self::of(names.iter().map(place).collect::<Result<Vec<_>>>()?.into_iter()))
    }

    /// With a checkpoint that is ready already before the others, called `name`.
    #[must_use]
    pub fn with_first(mut self, name: impl Into<String>, predictor: Predictor) -> Self {
        let place = Place::Given(name.into(), Box::new(predictor));
        self.sources.insert(0, Source { place, predictor: OnceLock::new() });
        self
    }

    fn of(places: impl Iterator<Item = Place>) -> Self {
        Self { sources: places.map(|place| Source { place, predictor: OnceLock::new() }).collect() }
    }

    /// Every device that can be predicted for.
    ///
    /// # Errors
    /// A checkpoint cannot be read.
    pub fn devices(&self) -> Result<Vec<DeviceEntry>> {
        let mut entries: Vec<DeviceEntry> = Vec::new();
        for source in &self.sources {
            let (manifest, checkpoint) = (source.get()?.manifest(), source.name());
            for (_, output) in manifest.ids() {
                let same = |entry: &&mut DeviceEntry| entry.name == output.name && entry.checkpoint == checkpoint;
                match entries.iter_mut().find(same) {
                    Some(entry) => entry.quantities.push(output.quantity),
                    None => entries.push(DeviceEntry {
                        name: output.name.clone(),
                        ran_on: output.ran_on(),
                        quantities: vec![output.quantity],
                        checkpoint: checkpoint.clone(),
                    }),
                }
            }
        }
        Ok(entries)
    }

    /// The devices that it knows, the nearest to `name` first; see [`Manifest::nearest`](crate::Manifest::nearest).
    ///
    /// # Errors
    /// A checkpoint cannot be read.
    pub fn nearest(&self, name: &str) -> Result<Vec<Near>> {
        // All together, so that a name that is alike in the second checkpoint comes before one of the first that is not.
        let mut outputs = Vec::new();
        for source in &self.sources {
            outputs.extend(source.get()?.manifest().outputs.iter().cloned());
        }
        Ok(names::nearest(&outputs, name))
    }

    /// The checkpoint that predicts the latency of a device, and which of its outputs that is; without a device, the first
    /// latency of the first checkpoint.
    ///
    /// # Errors
    /// No checkpoint knows the device, or one cannot be read.
    pub fn find(&self, device: Option<&str>) -> Result<(&Predictor, OutputId)> {
        let (source, output) = self.source(device)?;
        Ok((source.get()?, output))
    }

    /// Latency, memory and energy of a network on a device, as far as they are known; without a device, on the first of the
    /// first checkpoint.
    ///
    /// # Errors
    /// No checkpoint knows the device, one cannot be read, or the graph cannot be featurised.
    pub fn forecast(&self, bound: &BoundGraph, device: Option<&str>) -> Result<Forecast> {
        let (source, output) = self.source(device)?;
        let predictor = source.get()?;
        let manifest = predictor.manifest();
        let known = manifest.get(output)?;
        let energy = manifest.output(Some(&known.name), Quantity::Energy).ok();
        let mut outputs: Vec<OutputId> =
            [Some(output), manifest.memory(output), energy].into_iter().flatten().collect();
        outputs.dedup();
        let mut predictions = predictor.predict_outputs(bound, &outputs)?.into_iter();
        let latency = predictions.next().ok_or_else(|| manifest.unknown_device(&known.name))?;
        let mut forecast = Forecast {
            device: known.name.clone(),
            ran_on: known.ran_on(),
            latency,
            memory: None,
            memory_as_on: None,
            energy: None,
            shortage: None,
            capacity: known.device_file().and_then(|device| device.memory),
            checkpoint: source.name(),
            output,
        };
        for prediction in predictions {
            match prediction.value.quantity() {
                Quantity::Energy => forecast.energy = Some(prediction),
                Quantity::Memory => forecast.memory = Some(prediction),
                Quantity::Latency => (),
            }
        }
        let other = |of: &Output| (of.name != known.name).then(|| of.name.clone());
        match manifest.memory(output) {
            Some(memory) => forecast.memory_as_on = other(manifest.get(memory)?),
            None => {
                if let Some((predictor, memory)) = self.memory_elsewhere(source, &known.name)? {
                    forecast.memory = Some(predictor.predict(bound, memory)?);
                    forecast.memory_as_on = other(predictor.manifest().get(memory)?);
                }
            }
        }
        let needs = match &forecast.memory {
            Some(Prediction { value: Amount::Memory(bytes), .. }) => *bytes,
            _ => bound.peak_memory()?,
        };
        forecast.shortage = forecast.capacity.filter(|has| needs > *has).map(|has| Shortage { needs, has });
        Ok(forecast)
    }

    fn source(&self, device: Option<&str>) -> Result<(&Source, OutputId)> {
        let first = self.sources.first().ok_or(Error::NoCheckpoint)?;
        let Some(name) = device else { return Ok((first, first.get()?.output(None, Quantity::Latency)?)) };
        for source in &self.sources {
            if let Ok(output) = source.get()?.find(name) {
                return Ok((source, output));
            }
        }
        let devices = self.devices()?;
        if let Some(entry) = devices.iter().find(|entry| entry.name == name) {
            let known = entry.quantities.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(Error::NoLatency { name: name.into(), known });
        }
        let known: Vec<String> = devices.into_iter().map(|entry| entry.name).collect();
        Err(Error::Device { name: name.into(), known: known.join(", ") })
    }

    /// The peak memory of a device from another checkpoint than that of its latency.
    fn memory_elsewhere(&self, latency: &Source, device: &str) -> Result<Option<(&Predictor, OutputId)>> {
        for source in self.sources.iter().filter(|source| !std::ptr::eq(*source, latency)) {
            let predictor = source.get()?;
            let memory = predictor.find(device).ok().and_then(|output| predictor.manifest().memory(output));
            if let Some(memory) = memory {
                return Ok(Some((predictor, memory)));
            }
        }
        Ok(None)
    }
}

impl Source {
    fn get(&self) -> Result<&Predictor> {
        if let Some(predictor) = self.predictor.get() {
            return Ok(predictor);
        }
        let predictor = match &self.place {
            Place::Bundled(bundled) => bundled.load()?,
            Place::File(path) => Predictor::load(path)?,
            Place::Given(_, predictor) => return Ok(predictor),
        };
        Ok(self.predictor.get_or_init(|| predictor))
    }

    fn name(&self) -> String {
        match &self.place {
            Place::Bundled(bundled) => bundled.name.into(),
            Place::File(path) => path.display().to_string(),
            Place::Given(name, _) => name.clone(),
        }
    }
}
