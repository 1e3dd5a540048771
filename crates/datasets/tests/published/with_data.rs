//! Published sets, held to what was published with them. The folder of the sets is what `TACHOGRAPH_DATA` names.

use std::{collections::BTreeSet, path::PathBuf};

use tachograph_datasets::{sets::*, *};
use tachograph_ir::Quantity;
use tachograph_metrics::{mape, per_group, spearman};

/// The folder of published sets.
fn root() -> PathBuf {
    std::env::var_os(DATA).expect("TACHOGRAPH_DATA names the folder of the published sets").into()
}

fn all(source: &dyn Source) -> Vec<Measurement> {
    source.measurements().unwrap().collect::<Result<_>>().unwrap()
}

fn close(found: f64, published: f64, tolerance: f64, what: &str) {
    assert!((found - published).abs() <= tolerance, "{what}: {found} where {published} is published");
}

#[test]
#[ignore = "needs TACHOGRAPH_DATA (published sets)"]
fn files_are_those_recorded() {
    for about in SETS {
        let files = about.verify(&root()).unwrap();
        let other: Vec<_> = files.iter().filter(|f| f.state != State::Same).collect();
        assert!(other.is_empty(), "{}: {other:?}", about.name);
    }
}

#[test]
#[ignore = "needs TACHOGRAPH_DATA (published sets)"]
fn every_set_opens_by_its_name() {
    for about in SETS {
        let set = open(about.name.as_ref(), Some(&root())).unwrap();
        assert_eq!(set.name(), about.name);
        let first = set.measurements().unwrap().next().unwrap().unwrap();
        assert!(first.value.number() > 0.0 && first.batch() > 0, "{first:?}");
        assert!(!first.network.is_empty() && !first.device.is_empty(), "{first:?}");
    }
}

#[test]
#[ignore = "needs TACHOGRAPH_DATA (published sets)"]
fn help_counts_and_copying_the_best_device() {
    let root = root();
    let set = NasBench201::open(&root).unwrap();
    let rows: Vec<_> = set.rows().unwrap().collect::<Result<_>>().unwrap();
    assert_eq!((rows.len(), set.devices().len()), (15_625, 27));
    assert_eq!(all(&set).len(), 15_625 * 27);
    assert_eq!(rows.iter().map(|row| &row.arch).collect::<BTreeSet<_>>().len(), 15_625);

    let column = |device: &str| {
        let column = set.devices().iter().position(|name| name == device).unwrap();
        rows.iter().map(|row| row.times[column]).collect::<Vec<_>>()
    };
    for (device, expected) in [("pixel3", 183), ("raspi4", 128)] {
        assert_eq!(column(device).iter().filter(|&&ms| ms < 0.05).count(), expected, "{device}");
    }
    let split = &set.splits()[0];
    let train: Vec<_> = split.train.iter().map(|device| column(device)).collect();
    let best = |test: &Vec<f64>| train.iter().map(|t| spearman(t, test).unwrap()).fold(-1.0, f64::max);
    let published = [
        ("titan_rtx_256", 0.982),
        ("gold_6226", 0.958),
        ("pixel2", 0.894),
        ("raspi4", 0.967),
        ("eyeriss", 0.893),
        ("fpga", 0.974),
    ];
    for (device, rho) in published {
        close(best(&column(device)), rho, 0.0005, device);
    }
    assert_eq!(split.test.len(), published.len());
}

#[test]
#[ignore = "needs TACHOGRAPH_DATA (published sets)"]
fn help_spaces_have_graphs() {
    let root = root();
    let (fbnet, ofa) = (FbNet::open(&root).unwrap(), Ofa::open(&root).unwrap());
    assert_eq!((fbnet.devices().len(), ofa.devices().len()), (27, 12));
    assert_eq!((all(&fbnet).len(), all(&ofa).len()), (5_000 * 27, 5_000 * 12));
    assert_eq!(ofa.rows().unwrap().map(Result::unwrap).count(), ofa.archs().len());
    let nb201 = NasBench201::open(&root).unwrap();
    for set in [&fbnet as &dyn Source, &ofa, &nb201] {
        let first = set.measurements().unwrap().next().unwrap().unwrap();
        assert!(set.graph(&first.network).unwrap().len() > 20, "{}", set.about().name);
        assert!(set.graph("no such network").unwrap_err().to_string().contains("no such network"));
        for split in set.splits() {
            let devices: BTreeSet<_> = all(set).into_iter().map(|s| s.device).collect();
            let named = split.train.iter().chain(&split.validation).chain(&split.test);
            assert!(named.clone().all(|device| devices.contains(device)), "{split}");
            assert_eq!(
                named.collect::<BTreeSet<_>>().len(),
                split.train.len() + split.validation.len() + split.test.len()
            );
        }
    }
    let hashes: Vec<_> = nb201.splits().iter().chain(&fbnet.splits()).map(DeviceSplit::hash).collect();
    assert_eq!(hashes.iter().collect::<BTreeSet<_>>().len(), 7, "{hashes:?}");
    assert_eq!(fbnet.splits()[5].train.len(), 15);
}

#[test]
#[ignore = "needs TACHOGRAPH_DATA (published sets)"]
fn ncnn_counts_and_repeats() {
    let root = root();
    let set = Ncnn::open(&root).unwrap();
    let rows: Vec<_> = set.rows().unwrap().collect::<Result<_>>().unwrap();
    let distinct = |of: fn(&NcnnRow) -> &str| rows.iter().map(of).collect::<BTreeSet<_>>().len();
    assert_eq!((rows.len(), distinct(|r| &r.device), distinct(|r| &r.model)), (8_554, 102, 39));
    assert_eq!(distinct(NcnnRow::network), 35);
    assert_eq!(rows.iter().filter(|row| row.vulkan().is_some()).count(), 1_628);
    let resolved = set.resolved().unwrap();
    assert_eq!(resolved.len(), 8_554 - 560);
    assert!(rows.iter().all(|row| resolved[&row.key()].avg_ms <= row.avg_ms));
    let networks: BTreeSet<_> = rows.iter().map(NcnnRow::network).collect();
    assert!(networks.into_iter().all(|network| set.graph(network).unwrap().len() > 10));
    assert_eq!(Noise::of(rows.iter().map(|row| (row.key(), row.avg_ms))).unwrap().pairs, 560);
}

#[test]
#[ignore = "needs TACHOGRAPH_DATA (published sets)"]
fn timm_settings_and_graphs() {
    let root = root();
    let set = Timm::open(&root).unwrap();
    assert_eq!(set.settings().count(), 22);
    let rows: Vec<_> = set.rows().collect::<Result<_>>().unwrap();
    assert_eq!(rows.iter().filter(|(setting, _)| setting.phase == Mode::Training).count(), 768 + 764);
    let agree = |row: &TimmRow| (row.batch_size as f64 / row.step_time * 1e3 / row.samples_per_sec - 1.0).abs() < 0.05;
    let agreeing = rows.iter().filter(|(_, row)| agree(row)).count();
    assert!(agreeing as f64 > 0.99 * rows.len() as f64, "{agreeing} of {} rows have one speed", rows.len());
    let networks: BTreeSet<_> = rows.iter().map(|(_, row)| row.network()).collect();
    let with_graph = networks.iter().filter(|network| set.graph_file(network).is_some()).count();
    println!("timm: {} rows of {} networks, {with_graph} of them with a graph", rows.len(), networks.len());
    assert!(with_graph * 2 > networks.len());
    assert!(set.graph("resnet50__224").unwrap().len() > 100);
}

#[test]
#[ignore = "needs TACHOGRAPH_DATA (published sets)"]
fn neusight_errors_are_those_published() {
    let root = root();
    let predictions = NeuSight::open(&root).unwrap().predictions().unwrap();
    let error = |method: Method, gpu: &str| {
        let chosen = predictions.iter().filter(|p| p.device.contains(gpu));
        let (p, y): (Vec<f64>, Vec<f64>) =
            chosen.filter_map(|p| Some((*p.predicted.get(&method)?, p.measured))).unzip();
        (p.len(), 100.0 * mape(&p, &y).unwrap())
    };
    for (method, gpu, cases, percent, digits) in [
        (Method::NeuSight, "", 146, 9.99, 0.005),
        (Method::NeuSight, "H100", 34, 7.61, 0.005),
        (Method::Roofline, "", 80, 31.4, 0.05),
        (Method::Habitat, "", 80, 385.0, 0.5),
    ] {
        let (n, found) = error(method, gpu);
        println!("{method:?} {gpu}: {found:.3} % over {n} cases");
        close(found, percent, digits, &format!("{method:?} {gpu}"));
        assert_eq!(n, cases, "{method:?} {gpu}");
    }
    for (kind, percent) in [
        (OperatorKind::Bmm, 13.8),
        (OperatorKind::Linear, 13.9),
        (OperatorKind::Elementwise, 19.3),
        (OperatorKind::Softmax, 13.9),
        (OperatorKind::LayerNorm, 56.7),
    ] {
        let unseen = predictions.iter().filter(|p| p.out_of_distribution);
        let errors: Vec<_> = unseen.filter_map(|p| p.operator_errors.get(&(Method::NeuSight, kind))).collect();
        let mean = 100.0 * errors.iter().copied().sum::<f64>() / errors.len() as f64;
        close(mean, percent, 0.05, &format!("{kind:?} of {} cases", errors.len()));
    }
}

#[test]
#[ignore = "needs TACHOGRAPH_DATA (published sets)"]
fn neusight_files_are_all_read() {
    let root = root();
    let set = NeuSight::open(&root).unwrap();
    let labels = set.labels().unwrap();
    assert_eq!((labels.len(), set.gpus().unwrap().len()), (149, 13));
    let traces: Vec<_> = labels.iter().map(|label| set.trace(label).unwrap()).collect();
    assert_eq!(traces.iter().filter(|trace| !trace.is_empty()).count(), 114);
    let predictions = set.predictions().unwrap();
    let measured = |p: &Prediction| {
        let same = |l: &&Label| {
            (&l.device, &l.model, l.phase, l.sequence, l.batch, &l.option)
                == (&p.device, &p.model, p.phase, p.sequence, p.batch, &p.option)
        };
        labels.iter().find(same).map(|label| label.e2e_latency)
    };
    for p in &predictions {
        let label = measured(p).unwrap_or(p.measured);
        close(label, p.measured, 1e-6 * p.measured, &format!("label of {p:?}"));
    }
    let graph = set.op_graph("bert_large-inf-512-8").unwrap();
    let names: BTreeSet<_> = graph.iter().map(|node| node.name.as_str()).collect();
    assert!(graph.iter().flat_map(|node| &node.inputs).all(|input| names.contains(input.as_str())));
    assert_eq!(graph[0].output_shapes, [vec![8, 512]]);
    let count = |part| set.operators(part).unwrap().map(Result::unwrap).count();
    assert_eq!(count(Part::Test), 13_461 + 8_254 + 5_624);
    assert_eq!((count(Part::Train) > 80_000, count(Part::Validation)), (true, 0));
}

#[test]
#[ignore = "needs TACHOGRAPH_DATA (published sets)"]
fn tpugraphs_is_read_lazily_and_whole() {
    let root = root();
    let set = TpuGraphs::open(&root).unwrap();
    let path = set.files().iter().find(|path| path.ends_with("cleaned_alexnet.npz")).unwrap();
    let mut archive = Archive::open(path).unwrap();
    assert_eq!(archive.collection(), Collection::Layout);
    assert_eq!((archive.nodes(), archive.edges(), archive.configurations()), (372, 597, 47_712));
    assert_eq!(archive.node_features().unwrap().dim(), (372, 70));
    assert_eq!((archive.configuration_shape(), archive.configurable().unwrap().len()), ((26, 10), 26));
    assert_eq!(archive.normalizers().unwrap(), None);

    // XLA's code 63 is a parameter: it produces and consumes nothing.
    let codes = archive.opcodes().unwrap();
    let edges = archive.edge_list().unwrap();
    assert!(edges.iter().all(|&(_, consumer)| codes[consumer as usize] != 63));
    assert_eq!(edges.iter().filter(|&&(producer, _)| codes[producer as usize] == 63).count(), 82);

    let times = archive.run_times().unwrap();
    let best = times.iter().copied().fold(f64::INFINITY, f64::min);
    let near = times.iter().filter(|&&ns| ns <= 1.0016 * best).count() as f64 / times.len() as f64;
    close(near, 0.5, 0.01, "share of run times within 0.16 % of the best");

    let mut seen = 0;
    archive
        .each_configuration(|i, features| {
            assert_eq!((i, features.dim()), (seen, (26, 10)));
            seen += 1;
            seen < 1_000
        })
        .unwrap();
    assert_eq!(seen, 1_000);
    // Other archives may lie beside it.
    let found: Vec<_> = all(&set).into_iter().filter(|m| m.network == "cleaned_alexnet").collect();
    assert_eq!(found.len(), 47_712);
    close(found[0].value.number(), times[0] / 1e6, 1e-9, "the first time in ms");
}

#[test]
#[ignore = "needs TACHOGRAPH_DATA (published sets)"]
fn tpugraphs_raw_records() {
    let root = root();
    let set = TpuGraphs::open(&root).unwrap();
    let read = |name: &str| {
        let path = set.raw_files().unwrap().into_iter().find(|path| path.ends_with(name)).unwrap();
        RawModule::read(&path).unwrap()
    };
    let (tiles, layouts) = (read("op_tuning_data.pb"), read("module_tuning_data_layout.pb"));
    assert_eq!((tiles.len(), tiles.iter().map(|m| m.runs.len()).sum::<usize>()), (15, 754));
    assert_eq!((layouts.len(), layouts[0].runs.len()), (1, 122));
    for module in tiles.iter().chain(&layouts) {
        let of = |i: usize| &module.instructions[i];
        assert!(module.edges.iter().all(|&(from, to)| from < to && of(from).computation == of(to).computation));
        assert!(module.edges.iter().all(|&(_, to)| of(to).opcode != "parameter"));
        assert!(module.runs.iter().all(|run| run.time_ns.is_none_or(|ns| ns > 0)));
    }
    assert!(tiles.iter().flat_map(|m| &m.runs).all(|run| matches!(run.config, RawConfig::Tile { .. })));
    let layout = |run: &RawRun| matches!(&run.config, RawConfig::Layout(n) if n.len() == layouts[0].configured.len());
    assert!(layouts[0].runs.iter().all(layout));
}

#[test]
#[ignore = "needs TACHOGRAPH_DATA (published sets)"]
fn layerdag_counts() {
    let set = LayerDagTile::open(&root()).unwrap();
    let kernels: Vec<_> = set.kernels().collect::<Result<_>>().unwrap();
    assert_eq!((kernels.len(), all(&set).len()), (1_261, 1_261));
    // Operator 29 is a parameter in LayerDAG's numbering: it consumes nothing.
    assert!(kernels.iter().all(|k| k.edges.iter().all(|&(_, consumer)| k.operators[consumer as usize] != 29)));
}

#[test]
#[ignore = "needs TACHOGRAPH_DATA (published sets)"]
fn vela_counts_and_graphs() {
    let set = Vela::open(&root()).unwrap();
    let (times, memory): (Vec<_>, Vec<_>) =
        all(&set).into_iter().partition(|m| m.value.quantity() == Some(Quantity::Latency));
    assert!(times.iter().all(|time| set.graph(&time.network).is_ok()));
    assert_eq!((times.len(), memory.len(), times.iter().all(|m| m.estimated)), (176, 176, true));
    let (time, device): (Vec<f64>, Vec<&str>) = times.iter().map(|m| (m.value.number(), m.device.as_str())).unzip();
    assert_eq!(per_group(&time, &time, &device, |p, y| mape(p, y)).unwrap().groups.len(), 11);
}
