//! What a checkpoint says about itself.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tachograph_features::Featurizer;
use tachograph_ir::{DeviceKind, Quantity};

use crate::{DeviceScale, Error, OutputScale, PredictionInterval, Result, Seen};

/// Version of the checkpoint format that this library writes.
///
/// 1: weights in milliseconds. 2: adds the target's scale, the fingerprint of the training data and the calibration of
/// devices. 3: a device has a quantity, a target and a range of its own. 4: ensembles. 5: what an output has seen.
pub const FORMAT: u32 = 5;

/// What a checkpoint says about itself. Stored as JSON in the metadata of the safetensors file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the checkpoint format.
    pub format: u32,
    /// Version of the library that wrote it.
    pub library: String,
    /// Settings of the network.
    pub model: NetworkSpec,
    /// Networks of these settings whose mean is predicted, each trained on its own. Since format 4; before, one.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub members: usize,
    /// Featuriser with schema and normaliser.
    pub featurizer: Featurizer,
    /// Outputs in the order of the heads: quantities on devices.
    #[serde(alias = "devices")]
    pub outputs: Vec<Output>,
    /// What it was trained on.
    pub training: Training,
}

impl Manifest {
    /// Reads a manifest of any format up to the present.
    ///
    /// # Errors
    /// No JSON of a manifest.
    pub fn parse(text: &str) -> serde_json::Result<Self> {
        let mut manifest: Value = serde_json::from_str(text)?;
        // Before format 3 one target served every head.
        let target = manifest.as_object_mut().and_then(|fields| fields.remove("target"));
        let key = if manifest.get("outputs").is_some() { "outputs" } else { "devices" };
        let outputs = manifest.get_mut(key).and_then(Value::as_array_mut);
        for device in outputs.into_iter().flatten().filter_map(Value::as_object_mut) {
            if let Some(target) = &target {
                device.insert("target".into(), target.clone());
            }
        }
        serde_json::from_value(manifest)
    }

    /// Every output, with what is known of it.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = (OutputId, &Output)> + Clone {
        self.outputs.iter().enumerate().map(|(i, output)| (OutputId(i), output))
    }

    /// An output by device and quantity; without a device, the first of the quantity.
    ///
    /// # Errors
    /// The checkpoint has no such output.
    pub fn output(&self, device: Option<&str>, quantity: Quantity) -> Result<OutputId> {
        let wanted = |output: &Output| output.quantity == quantity && device.is_none_or(|name| output.name == name);
        let found = self.ids().find(|(_, output)| wanted(output));
        found.map(|(id, _)| id).ok_or_else(|| self.unknown_device(device.unwrap_or_default()))
    }

    /// The output at a position.
    ///
    /// # Errors
    /// There are fewer.
    pub fn id(&self, index: usize) -> Result<OutputId> {
        self.get(OutputId(index)).map(|_| OutputId(index))
    }

    /// What is known of an output.
    ///
    /// # Errors
    /// An output of another checkpoint.
    pub fn get(&self, id: OutputId) -> Result<&Output> {
        self.outputs.get(id.0).ok_or(Error::Output { index: id.0, outputs: self.outputs.len() })
    }

    /// Whether a value lies outside the range trained on by more than a factor of 1.5.
    pub(crate) fn extrapolates(&self, output: &Output, value: f64) -> bool {
        let (low, high) = output.range.unwrap_or(self.training.range_ms);
        value < low / 1.5 || value > high * 1.5
    }

    pub(crate) fn unknown_device(&self, name: &str) -> Error {
        let known = self.outputs.iter().map(Output::title).collect::<Vec<_>>().join(", ");
        Error::Device { name: name.into(), known }
    }
}

/// Which network: its kind, and settings as a run's config has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// Name of the kind, such as `nnlp`.
    pub kind: String,
    /// What is set of it.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

impl NetworkSpec {
    /// Of a config that has its kind in the field `kind`.
    ///
    /// # Errors
    /// It has none.
    pub fn of(config: &impl Serialize) -> serde_json::Result<Self> {
        serde_json::to_value(config).and_then(serde_json::from_value)
    }

    /// A switch among the settings; off where it is not set.
    pub(crate) fn is_on(&self, setting: &str) -> bool {
        self.settings.get(setting).and_then(Value::as_bool).unwrap_or_default()
    }
}

fn one() -> usize {
    1
}

fn is_one(members: &usize) -> bool {
    *members == 1
}

/// Hardware or library of an output of which it is not known.
pub const NOT_RECORDED: &str = "not recorded";

/// An output among those of one checkpoint. Only its [`Manifest`] gives it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutputId(pub(crate) usize);

impl OutputId {
    /// Its position in [`Manifest::outputs`].
    pub fn index(self) -> usize {
        self.0
    }
}

/// An output of a checkpoint: a quantity on a device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Name in the data set.
    pub name: String,
    /// Model of the CPU or GPU.
    pub hardware: String,
    /// Threads of the measured computation; 0 where it is not recorded.
    pub threads: u32,
    /// Library that ran the networks.
    pub library: String,
    /// What is predicted. Since format 3.
    #[serde(default, skip_serializing_if = "Quantity::is_latency")]
    pub quantity: Quantity,
    /// From what its head puts out to the quantity. Since format 3; before, the manifest had one.
    #[serde(default, skip_serializing_if = "OutputScale::is_identity")]
    pub target: OutputScale,
    /// Smallest and largest value trained on. Since format 3; before, [`Training::range_ms`] says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(f64, f64)>,
    /// From there to the device that it was adapted to; a fit to that device's measurements. Since format 2.
    #[serde(default, skip_serializing_if = "DeviceScale::is_identity")]
    pub calibration: DeviceScale,
    /// Where measurements lie beside predictions, where that is known. Since format 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<PredictionInterval>,
    /// What bounds its predictions. Since format 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

impl Output {
    /// An output of which nothing but device and quantity is recorded.
    pub fn new(name: impl Into<String>, quantity: Quantity) -> Self {
        let other = || NOT_RECORDED.to_owned();
        Self { name: name.into(), hardware: other(), threads: 1, library: other(), quantity, ..Self::default() }
    }

    /// Hardware, threads and library, as far as they are recorded.
    pub fn ran_on(&self) -> String {
        // Of a GPU it is the thread that starts its kernels.
        let gpu = self.device_file().is_some_and(|device| device.kind == DeviceKind::Gpu);
        let threads = (self.threads > 0 && !gpu).then(|| format!("{} thread(s)", self.threads));
        [Some(self.hardware.clone()), threads, Some(self.library.clone())]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Its value, of what the network puts out.
    pub fn decode(&self, output: f64) -> f64 {
        self.calibration.apply(self.target.decode(output))
    }

    /// What the output is called in reports: the device, and the quantity where it is not the latency.
    pub fn title(&self) -> String {
        match self.quantity {
            Quantity::Latency => self.name.clone(),
            quantity => format!("{} {quantity}", self.name),
        }
    }
}

impl std::fmt::Display for Training {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { networks, data, split, seed, .. } = self;
        write!(f, "{networks} networks of {data} (split {split}, seed {seed})")?;
        self.validation_mape.map_or(Ok(()), |mape| write!(f, ", validation MAPE {mape:.1} %"))
    }
}

/// The data and the split behind a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// The data set.
    pub data: String,
    /// Hash of the samples trained on, with their features; empty in format 1.
    #[serde(default)]
    pub fingerprint: String,
    /// Samples trained on.
    pub networks: usize,
    /// Hash of the split.
    pub split: String,
    /// Seed of the run.
    pub seed: u64,
    /// Epoch of the weights, chosen on the validation set; 0 before the first.
    pub epoch: u32,
    /// Validation error at that epoch, MAPE in percent, the mean over outputs; `None` where the validation part was
    /// learned from as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_mape: Option<f64>,
    /// Smallest and largest value of the first output trained on.
    pub range_ms: (f64, f64),
}
