//! Tuning records, checkpoints, imports and exports, statistics, verification.

use tachograph_datasets::DataSet;
use tachograph_networks::{Family, sample};
use tachograph_store::{
    Contents, Error, Filter, Moment, Network, NewCheckpoint, Question, Reading, Setup, Standing, Store, Tuned,
    TuningRecord,
};

use crate::support::{Place, network, on_both, raw, reading, setup, stored};

fn record(trace: u64, outcome: Tuned) -> TuningRecord {
    TuningRecord {
        workload: "conv2d(1,3,224,224,f32)".into(),
        device: "bench-cpu".into(),
        hardware: "Test CPU 3000".into(),
        compiler: "llvm 19 -O3".into(),
        trace: serde_json::json!([["split", 3, trace], ["vectorize", 2]]),
        outcome,
        date: Moment(1_767_323_045_000),
    }
}

fn checkpoint(score: f64) -> NewCheckpoint {
    let learned = tachograph_store::Fingerprint { measurements: 10, digest: format!("{score}") };
    NewCheckpoint {
        name: "cpu".into(),
        device: "bench-cpu".into(),
        contents: Contents::Bytes(vec![7; 100]),
        learned,
        score,
    }
}

/// Measurements of networks of several families, at several batches.
fn filled(store: &Store) -> u64 {
    let mut count = 0;
    for (i, family) in Family::ALL.into_iter().enumerate().take(4) {
        let bound = sample(family, 3, 0).unwrap().graph.bind(&Default::default()).unwrap();
        let network = Network::new(&bound).unwrap();
        for batch in [1, 8] {
            let other = Setup { threads: 2, driver: "1.2".into(), ..setup() };
            store.put(&network, &reading(batch, 1.0 + i as f64, i as i64)).unwrap();
            store
                .put(&network, &Reading { setup: other, energy_j: Some(0.1), ..reading(batch, 1.0 / 3.0, 5) })
                .unwrap();
            count += 2;
        }
    }
    count
}

/// A graph and so many measurements of it, as lines.
pub fn many(store: &Store, measurements: i64) -> Vec<String> {
    let key = stored(store, [4])[0];
    let items: Vec<_> = (0..measurements).map(|i| (key, reading(1 + i as u64 % 64, 1.0 + i as f64, i))).collect();
    store.put_measurements(&items).unwrap();
    let mut text = Vec::new();
    store.export_lines(&Filter::default(), &mut text).unwrap();
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
}

on_both! {
    fn tuning_records_come_back_fastest_first(place) {
        let store = place.open();
        let records = [
            record(1, Tuned::TimesMs(vec![3.0, 2.5])),
            record(2, Tuned::Failure("more shared memory than there is".into())),
            record(3, Tuned::TimesMs(vec![1.0 / 3.0])),
        ];
        assert_eq!(store.put_tuning(&records).unwrap(), 3);
        assert_eq!(store.put_tuning(&records).unwrap(), 0);
        let back = store.tuning("conv2d(1,3,224,224,f32)", "test cpu 3000", 10).unwrap();
        assert_eq!(back, [records[2].clone(), records[0].clone(), records[1].clone()]);
        assert!(store.tuning("matmul", "bench-cpu", 10).unwrap().is_empty());
        assert!(store.put_tuning(&[record(4, Tuned::TimesMs(vec![]))]).is_err());
        assert!(store.put_tuning(&[record(4, Tuned::TimesMs(vec![-1.0]))]).is_err());
    }

    fn checkpoints_are_installed_and_rolled_back(place) {
        let store = place.open();
        let ids: Vec<_> = [0.3, 0.2, 0.1].map(|score| store.put_checkpoint(&checkpoint(score)).unwrap()).into();
        assert!(store.installed("cpu").unwrap().is_none());
        assert!(matches!(store.roll_back("cpu"), Err(Error::UnknownCheckpoint(_))));
        for &id in &ids {
            store.install(id).unwrap();
            store.install(id).unwrap();
        }
        assert_eq!(store.installed("cpu").unwrap().unwrap().id, ids[2]);
        let former = || store.roll_back("cpu").unwrap().map(|checkpoint| checkpoint.id);
        assert_eq!([former(), former()], [Some(ids[1]), Some(ids[0])]);
        let standings = || store.checkpoints().unwrap().iter().map(|c| c.standing).collect::<Vec<_>>();
        assert_eq!(standings(), [Standing::RolledBack, Standing::RolledBack, Standing::Installed]);
        assert_eq!(former(), None, "the first goes too");
        assert_eq!(standings(), [Standing::RolledBack; 3]);
        assert!(store.installed("cpu").unwrap().is_none());
        assert!(matches!(store.roll_back("cpu"), Err(Error::UnknownCheckpoint(_))));
        assert_eq!(store.contents(ids[0]).unwrap(), Contents::Bytes(vec![7; 100]));
        let path = NewCheckpoint { contents: Contents::Path("/models/cpu.ckpt".into()), ..checkpoint(0.5) };
        let id = store.put_checkpoint(&path).unwrap();
        assert_eq!(store.contents(id).unwrap(), path.contents);
        assert!(store.install(id + 1).is_err());
        assert!(store.put_checkpoint(&NewCheckpoint { score: f64::NAN, ..checkpoint(0.5) }).is_err());
    }

    fn lines_carry_a_store_to_another(place) {
        let store = place.open();
        let count = filled(&store);
        let mut text = Vec::new();
        assert_eq!(store.export_lines(&Filter::default(), &mut text).unwrap(), count);
        let other = Place::sqlite().open_kept();
        assert_eq!(other.store.import_lines(&*text).unwrap().new, count);
        let again = other.store.import_lines(&*text).unwrap();
        assert_eq!((again.new, again.known), (0, count));
        let sorted = |store: &Store| {
            let mut all = store.measurements(&Filter::default()).unwrap();
            all.sort_by_key(|(key, reading)| (*key, format!("{reading:?}")));
            all
        };
        assert_eq!(sorted(&store), sorted(&other.store));
        assert_eq!(store.fingerprint(&Filter::default()).unwrap(), other.store.fingerprint(&Filter::default()).unwrap());
        let part = Filter { threads: Some(2), ..Filter::default() };
        assert_eq!(store.fingerprint(&part).unwrap().measurements, count / 2);
        assert_ne!(store.fingerprint(&part).unwrap(), store.fingerprint(&Filter::default()).unwrap());
    }

    fn a_faulty_line_is_named_and_what_is_before_it_is_kept(place) {
        let source = Place::sqlite().open_kept();
        let count = filled(&source.store);
        let mut text = Vec::new();
        source.store.export_lines(&Filter::default(), &mut text).unwrap();
        let lines: Vec<_> = String::from_utf8(text).unwrap().lines().map(str::to_owned).collect();
        for (fault, expected) in [
            ("{\"measurement\": {}}", "missing field"),
            ("no json", "expected"),
            (&lines[lines.len() - 1].replace("\"median_ms\":", "\"median_ms\":-"), "is not a positive time"),
            (&lines[lines.len() - 1][..40], "EOF"),
        ] {
            let store = place.open();
            let mut text = lines[..lines.len() - 1].join("\n");
            text += &format!("\n{fault}\n");
            let error = store.import_lines(text.as_bytes()).unwrap_err();
            let Error::Partly { source, stored, line } = &error else { panic!("{error}") };
            assert!(matches!(**source, Error::Line { line, .. } if line == lines.len()), "{error}");
            assert_eq!((stored.new + stored.known, *line), (count - 1, lines.len() - 1), "{error}");
            assert!(error.to_string().contains(expected), "{error}");
            assert_eq!(store.stats().unwrap().measurements, count - 1);
        }
        let mut alone = lines.iter().find(|line| line.contains("measurement")).unwrap().clone();
        let start = alone.find("\"graph\":\"").unwrap() + "\"graph\":\"".len();
        alone.replace_range(start..start + 4, "0000");
        let message = place.open().import_lines(alone.as_bytes()).unwrap_err().to_string();
        assert!(message.starts_with("line 1: no graph 0000") && message.ends_with("no measurement was stored"), "{message}");
    }

    fn an_import_that_stops_says_how_far_it_came(place) {
        let source = Place::sqlite().open_kept();
        let mut lines = many(&source.store, 12_000);
        let good = std::mem::replace(&mut lines[11_000], "nonsense".into());
        let store = place.open();
        let message = store.import_lines(lines.join("\n").as_bytes()).unwrap_err().to_string();
        // The first line is the graph.
        let said = "before that 10999 measurements were stored (0 known), all up to line 11000; the same again skips them";
        assert!(message.starts_with("line 11001: ") && message.ends_with(said), "{message}");
        assert_eq!(store.stats().unwrap().measurements, 10_999);
        lines[11_000] = good;
        let added = store.import_lines(lines.join("\n").as_bytes()).unwrap();
        assert_eq!((added.new, added.known), (1_001, 10_999));
    }

    fn data_sets_in_and_out(place) {
        let store = place.open();
        let folder = tempfile::tempdir().unwrap();
        filled(&store);
        let meta = store.export_set(&Filter { threads: Some(2), ..Filter::default() }, folder.path()).unwrap().unwrap();
        assert_eq!((meta.graphs.count, meta.devices.len()), (4, 1));
        let set = DataSet::open(folder.path()).unwrap();
        assert_eq!(set.records().len(), 8);
        let other = Place::sqlite().open_kept();
        assert_eq!(other.store.import_set(&set, "the lab").unwrap().new, 8);
        assert_eq!(other.store.import_set(&set, "someone else").unwrap().known, 8);
        let reader = Store::open_read_only(&place.location).unwrap();
        let message = reader.import_set(&set, "").unwrap_err().to_string();
        assert!(message.contains("opened to read alone") && message.ends_with("; no measurement was stored"), "{message}");
        let keys = |store: &Store| {
            let mut keys: Vec<_> = store.graphs().unwrap().into_iter().map(|(key, _)| key).collect();
            keys.sort();
            keys
        };
        assert_eq!(keys(&store), keys(&other.store));
        assert!(other.store.measurements(&Filter::default()).unwrap().iter().all(|(_, r)| r.who == "the lab"));
        let nothing = Filter { threads: Some(64), ..Filter::default() };
        assert_eq!(store.export_set(&nothing, folder.path()).unwrap(), None);
    }

    fn counted_and_verified(place) {
        let store = place.open();
        let empty = store.stats().unwrap();
        assert_eq!((empty.graphs, empty.measurements, empty.newest), (0, 0, None));
        let count = filled(&store);
        let stats = store.stats().unwrap();
        assert_eq!((stats.graphs, stats.devices, stats.environments, stats.measurements), (4, 1, 2, count));
        assert!(stats.bytes > stats.graph_bytes && stats.graph_bytes > 1000);
        let verdict = store.verify().unwrap();
        assert!(verdict.is_whole(), "{:?}", verdict.faults);
        assert_eq!((verdict.graphs, verdict.measurements), (4, count));
        // What only other programs can do.
        raw(&place, "update graphs set file = (select file from graphs where id = 2) where id = 1");
        let half = if place.is_postgres() { "substring(file for 40)" } else { "substr(file, 1, 40)" };
        raw(&place, &format!("update graphs set file = {half} where id = 3"));
        let verdict = store.verify().unwrap();
        assert_eq!((verdict.graphs, verdict.faults.len()), (2, 2), "{:?}", verdict.faults);
    }

    fn the_schema_bounds_what_others_write(place) {
        let store = place.open();
        stored(&store, [4]);
        store.put(&network(4), &reading(1, 1.0, 0)).unwrap();
        let long = "x".repeat(5000);
        for sql in [
            "update measurements set median_ms = -1".to_owned(),
            "update measurements set batch = 0".into(),
            "update measurements set graph = 77".into(),
            format!("update measurements set who = '{long}'"),
            format!("insert into devices (name, hardware) values ('{long}', '')"),
            "insert into jobs (ticket, graph, batch, device, priority, max_attempts, submitter, submitted_at) \
             values ('t', 1, 1, 'd', 5000, 3, '', 0)".into(),
            "insert into jobs (ticket, graph, batch, device, priority, max_attempts, submitter, submitted_at, state) \
             values ('t', 1, 1, 'd', 0, 3, '', 0, 'done')".into(),
            "delete from graphs".into(),
        ] {
            assert!(crate::support::try_raw(&place, &sql).is_err(), "{sql}");
        }
        assert!(store.query(&network(4), &Question::latency("bench-cpu", 1)).unwrap().is_some());
    }
}

/// The sets that this repository publishes, where the checkout has them.
#[test]
fn a_published_set_is_imported() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/cpu");
    let Ok(set) = DataSet::open(&folder) else { return };
    let place = Place::sqlite().open_kept();
    let added = place.store.import_set(&set, "").unwrap();
    assert!(added.new > 0);
}
