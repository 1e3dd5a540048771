//! What networks took on a few devices, with their graphs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;
use tachograph_ir::{Assignment, BoundGraph, Graph, Millis};

use crate::{Error, Measured, Measurement, Mode, RanOn, Result, Source};

/// Latencies on some devices of the networks of a set, each bound as it was measured.
#[derive(Debug)]
pub struct DeviceTimes {
    /// Networks that were measured on at least one of the devices, in the order of the set.
    pub networks: Vec<TimedNetwork>,
    /// What each of the devices is, where the set says.
    pub ran_on: Vec<Option<RanOn>>,
    /// Networks whose graph could not be had, and why.
    pub left_out: BTreeMap<String, String>,
    /// Measurements of what was measured before on the same device: of each the fastest stands.
    pub repeated: usize,
}

/// A network and its latencies.
#[derive(Debug)]
pub struct TimedNetwork {
    /// Its name in the set.
    pub name: String,
    /// The batch.
    pub batch: u64,
    /// Its graph.
    pub graph: BoundGraph,
    /// Milliseconds on each of the devices asked for; of several measurements the fastest, since interference only slows
    /// down.
    pub ms: Vec<Option<f64>>,
}

impl DeviceTimes {
    /// Reads the inferences that `devices` measured, by their names whatever the case, dashes and spaces; without any device, the networks of all. With `batch`, times are scaled
    /// to it in proportion, for devices that measured at batches of their own which fill them.
    ///
    /// # Errors
    /// A set that cannot be read or whose values have no unit; a device that measured nothing; no graph of any network.
    pub fn read(source: &dyn Source, devices: &[&str], batch: Option<u64>) -> Result<Self> {
        let mut measured = Vec::new();
        for measurement in source.measurements()? {
            let Measurement { network, device, assignment, phase, value, .. } = measurement?;
            match value {
                Measured::Latency(Millis(ms)) if phase == Mode::Inference => {
                    let (ms, assignment) = at_batch(ms, assignment, batch);
                    measured.push((network, device, assignment, ms));
                }
                Measured::Normalised(_) => return Err(Error::NoUnit { set: source.name(), unit: value.unit() }),
                _ => {}
            }
        }
        if measured.is_empty() {
            return Err(Error::Empty { set: source.name() });
        }
        let known: BTreeSet<&str> = measured.iter().map(|(_, device, ..)| device.as_str()).collect();
        let devices = devices.iter().map(|name| device(name, &known)).collect::<Result<Vec<_>>>()?;
        let (mut rows, mut places, mut repeated) = (Vec::<Row<'_>>::new(), HashMap::new(), 0);
        for (network, device, assignment, ms) in &measured {
            let device = devices.iter().position(|name| name == device);
            if device.is_none() && !devices.is_empty() {
                continue;
            }
            let place = *places.entry((network, assignment)).or_insert(rows.len());
            if place == rows.len() {
                rows.push((network, assignment, vec![None; devices.len()]));
            }
            if let Some(slot) = device.map(|device| &mut rows[place].2[device]) {
                repeated += usize::from(slot.is_some());
                *slot = Some(slot.map_or(*ms, |other| other.min(*ms)));
            }
        }
        let graphs = graphs(source, rows.iter().map(|row| row.0).collect());
        let (mut networks, mut left_out) = (Vec::new(), BTreeMap::new());
        for (name, assignment, ms) in rows {
            match graphs[name].as_ref().map_err(Clone::clone).and_then(|graph| as_measured(graph, assignment)) {
                Ok((graph, batch)) => networks.push(TimedNetwork { name: name.into(), batch, graph, ms }),
                Err(why) => _ = left_out.insert(name.to_owned(), why),
            }
        }
        match left_out.iter().next() {
            Some((network, message)) if networks.is_empty() => {
                let (set, network, message) = (source.name(), network.clone(), message.clone());
                Err(Error::NoGraph { set, network, message })
            }
            _ => {
                let ran_on = devices.iter().map(|device| source.ran_on(device)).collect();
                Ok(Self { networks, ran_on, left_out, repeated })
            }
        }
    }
}

/// The device of a set that a name means: that of the name, else the only one of the same letters and digits.
fn device<'a>(name: &str, known: &BTreeSet<&'a str>) -> Result<&'a str> {
    let letters =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let alike: Vec<&str> = known.iter().copied().filter(|known| letters(known) == letters(name)).collect();
    match (known.get(name), &alike[..]) {
        (Some(exact), _) => Ok(exact),
        (None, [one]) => Ok(one),
        _ => {
            Err(Error::UnknownDevice { device: name.into(), known: known.iter().map(|name| (*name).into()).collect() })
        }
    }
}

/// A network as it was bound, and its times on the devices.
type Row<'a> = (&'a str, &'a Assignment, Vec<Option<f64>>);

/// The same latency an image at another batch.
fn at_batch(ms: f64, mut assignment: Assignment, batch: Option<u64>) -> (f64, Assignment) {
    let Some(batch) = batch else { return (ms, assignment) };
    let measured = assignment.insert("batch".into(), batch).unwrap_or(batch).max(1);
    (ms * batch as f64 / measured as f64, assignment)
}

/// The graph of each network, or why there is none.
fn graphs<'a>(source: &dyn Source, names: BTreeSet<&'a str>) -> HashMap<&'a str, Result<Graph, String>> {
    // What is said of a network begins with its name already.
    let why = |error| match error {
        Error::NoGraph { message, .. } => message,
        error => error.to_string(),
    };
    names.into_par_iter().map(|name| (name, source.graph(name).map_err(why))).collect()
}

/// Binds what the graph leaves open as it was measured, and says the batch; one that is fixed must be the one measured.
///
/// # Errors
/// What stands in the way, in words.
pub fn as_measured(graph: &Graph, assignment: &Assignment) -> Result<(BoundGraph, u64), String> {
    let free = graph.hyperparameters();
    let open: Assignment =
        assignment.iter().filter(|(name, _)| free.contains_key(*name)).map(|(n, v)| (n.clone(), *v)).collect();
    let bound = graph.bind(&open).map_err(|error| error.to_string())?;
    let batch = assignment.get("batch").copied().unwrap_or_else(|| bound.batch());
    match assignment.iter().find(|(name, _)| !open.contains_key(*name)) {
        Some((name, value)) if !(name == "batch" && *value == bound.batch()) => {
            Err(format!("measured with {name} = {value}, which the graph does not leave open"))
        }
        _ => Ok((bound, batch)),
    }
}

#[cfg(test)]
mod tests {
    use tachograph_import::onnx;
    use tachograph_ir::{Builder, DType, Domain};

    use super::*;
    use crate::CsvSet;

    /// A table beside one model whose batch is open.
    fn set(rows: &str) -> (tempfile::TempDir, CsvSet) {
        let root = tempfile::tempdir().unwrap();
        let mut b = Builder::new("a");
        b.hyperparameter("batch", Domain::POSITIVE, 1);
        let x = b.input("x", DType::F32, vec!["batch".into(), 3.into(), 8.into(), 8.into()]);
        let y = b.conv(x, 4, [3, 3], 1, 1, 1, true).unwrap();
        let bytes = onnx::write(&b.finish(&[y]).unwrap(), |_, _| None).unwrap();
        std::fs::write(root.path().join("a.onnx"), bytes).unwrap();
        let table = root.path().join("t.csv");
        std::fs::write(&table, format!("file,device,latency_ms,batch\n{rows}")).unwrap();
        (root, CsvSet::open(&table).unwrap())
    }

    #[test]
    fn the_fastest_stands_and_networks_without_a_graph_are_named() {
        let (_root, set) = set("a.onnx,old,9,2\na.onnx,old,8,2\na.onnx,new,4,2\na.onnx,new,3,4\nlost.onnx,old,1,1\n");
        let times = DeviceTimes::read(&set, &["old", "new"], None).unwrap();
        let rows: Vec<_> = times.networks.iter().map(|n| (n.batch, n.graph.batch(), n.ms.clone())).collect();
        assert_eq!(rows, [(2, 2, vec![Some(8.0), Some(4.0)]), (4, 4, vec![None, Some(3.0)])]);
        assert_eq!(DeviceTimes::read(&set, &[], None).unwrap().networks.len(), 2);
        assert!(times.left_out["lost.onnx"].ends_with("lost.onnx is not there"), "{:?}", times.left_out);
        assert_eq!(times.repeated, 1);
        let error = DeviceTimes::read(&set, &["old"], None).map(|times| times.networks.len());
        assert_eq!(error.unwrap(), 1);
    }

    #[test]
    fn times_are_scaled_to_one_batch() {
        let (_root, set) = set("a.onnx,old,8,2\na.onnx,new,12,4\n");
        let times = DeviceTimes::read(&set, &["old", "new"], Some(1)).unwrap();
        assert_eq!(times.networks.len(), 1);
        assert_eq!((times.networks[0].batch, &times.networks[0].ms), (1, &vec![Some(4.0), Some(3.0)]));
    }

    #[test]
    fn an_unknown_device_is_told_which_there_are() {
        let (_root, set) = set("a.onnx,old,8,2\na.onnx,new,12,4\n");
        let error = DeviceTimes::read(&set, &["other"], None).unwrap_err().to_string();
        assert_eq!(error, "no measurement of `other`: there are `new`, `old`");
        assert_eq!(DeviceTimes::read(&set, &["OLD"], None).unwrap().networks[0].ms, [Some(8.0)]);
    }

    #[test]
    fn one_network_without_a_graph_is_named_once() {
        let (_root, set) = set("lost.onnx,old,8,2\n");
        let error = DeviceTimes::read(&set, &[], None).unwrap_err().to_string();
        assert_eq!(error.matches("no graph of").count(), 1, "{error}");
        let (_root, set) = self::set("");
        assert!(
            DeviceTimes::read(&set, &["d"], None)
                .unwrap_err()
                .to_string()
                .ends_with("t.csv: holds no time of any inference")
        );
    }
}
