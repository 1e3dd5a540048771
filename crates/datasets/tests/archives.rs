//! Archives of TpuGraphs made here: the tile collection, and files that are altered or lie about their size.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use tachograph_datasets::{Measured, Source, sets::*};
use zip::{ZipWriter, write::SimpleFileOptions};

fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let dict = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((dict.len() as u16).to_le_bytes());
    bytes.extend(dict.as_bytes());
    bytes.extend(data);
    bytes
}

fn i64s(values: &[i64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// A kernel of three nodes and two configurations, with `replaced` instead of the array of that name; nothing: without it.
fn write(path: &Path, replaced: impl IntoIterator<Item = (&'static str, Vec<u8>)>) {
    let mut arrays = vec![
        ("node_opcode", npy("|u1", "3,", &[63, 63, 2])),
        ("node_feat", npy("<f4", "3, 2", &f32s(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))),
        ("edge_index", npy("<i8", "2, 2", &i64s(&[2, 0, 2, 1]))),
        ("config_feat", npy("<f4", "2, 4", &f32s(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]))),
        ("config_runtime", npy("<i8", "2,", &i64s(&[2_000_000, 3_000_000]))),
        ("config_runtime_normalizers", npy("<i8", "2,", &i64s(&[1_000_000, 1_000_000]))),
    ];
    for (name, bytes) in replaced {
        arrays.retain(|(other, _)| *other != name);
        arrays.push((name, bytes));
    }
    arrays.retain(|(_, bytes)| !bytes.is_empty());
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    for (name, bytes) in arrays {
        zip.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap();
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("tpugraphs/tile/xla/train")).unwrap();
    let path = root.path().join("tpugraphs/tile/xla/train/resnet_kernel_1.npz");
    (root, path)
}

/// Reads everything; errors are fine, panics are not.
fn read_all(path: &Path) -> Result<usize, tachograph_datasets::Error> {
    let mut archive = Archive::open(path)?;
    archive.opcodes()?;
    archive.node_features()?;
    archive.edge_list()?;
    archive.run_times()?;
    archive.normalizers()?;
    let mut count = 0;
    archive.each_configuration(|_, features| {
        count += features.len();
        true
    })?;
    Ok(count)
}

#[test]
fn the_tile_collection_is_read() {
    let (root, path) = folder();
    write(&path, None);
    let set = TpuGraphs::open(root.path()).unwrap();
    let mut archive = set.archives().next().unwrap().unwrap();
    assert_eq!((archive.collection(), archive.configuration_shape()), (Collection::Tile, (1, 4)));
    assert_eq!(archive.edge_list().unwrap(), [(0, 2), (1, 2)]);
    assert_eq!(archive.node_features().unwrap()[(2, 1)], 6.0);
    assert_eq!(archive.normalizers().unwrap(), Some(vec![1e6, 1e6]));
    assert!(archive.configurable().unwrap().is_empty());
    assert_eq!(read_all(&path).unwrap(), 8);
    let samples: Vec<_> = set.measurements().unwrap().map(Result::unwrap).collect();
    assert_eq!((samples[1].value, samples[1].configuration), (Measured::ms(3.0), Some(1)));
    assert_eq!((samples[0].network.as_str(), samples[0].family.as_str()), ("tile/xla/train/resnet_kernel_1", "resnet"));
}

/// Reading as many configurations as such a file claims took centuries.
#[test]
fn configurations_without_features_are_refused() {
    let (_root, path) = folder();
    let claims = "4611686018427387904";
    let features = ("config_feat", npy("<f4", &format!("{claims}, 0"), &[]));
    write(&path, [features, ("config_runtime", npy("<i8", &format!("{claims},"), &[]))]);
    let mut archive = Archive::open(&path).unwrap();
    let error = archive.each_configuration(|_, _| true).unwrap_err().to_string();
    assert!(error.contains("without features"), "{error}");
}

#[test]
fn what_does_not_fit_is_an_error_with_its_name() {
    let (_root, path) = folder();
    for (name, bytes, says) in [
        ("edge_index", npy("<i8", "1, 2", &i64s(&[2, 7])), "an edge of none of the 3 nodes"),
        ("config_runtime", npy("<i8", "3,", &i64s(&[1, 2, 3])), "2 configurations and 3 run times"),
        ("node_opcode", npy("<u2", "3,", &[0; 6]), "type `<u2`"),
        ("node_feat", npy("<f4", "3, 2", &[0; 8]), "elements short"),
        ("node_feat", npy("<f4", "4611686018427387904, 2", &[]), "more than"),
        ("edge_index", npy("<i8", "9223372036854775808, 2", &[]), "of a possible size"),
        ("config_feat", npy("<f4", "2, 1152921504606846976", &[]), "short"),
    ] {
        write(&path, Some((name, bytes)));
        let error = read_all(&path).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("resnet_kernel_1.npz"), "{error}");
    }
}

/// The nodes may be a module of XLA beside the archive.
#[test]
fn nodes_of_a_module_beside() {
    let (_root, path) = folder();
    write(&path, ["node_opcode", "node_feat", "edge_index"].map(|name| (name, vec![])));
    let error = read_all(&path).unwrap_err().to_string();
    assert!(error.contains("no module of XLA") && error.contains("resnet_kernel_1.hlo"), "{error}");
    let text = "HloModule m\nENTRY e {\n a = f32[8] parameter(0)\n ROOT b = f32[8] add(a, a)\n}\n";
    let module = path.with_extension("hlo");
    std::fs::write(&module, text).unwrap();
    assert_eq!(read_all(&path).unwrap(), 8);
    let mut archive = Archive::open(&path).unwrap();
    assert_eq!(
        (archive.nodes(), archive.opcodes().unwrap(), archive.edge_list().unwrap()),
        (2, vec![63, 2], vec![(0, 1)])
    );
    assert_eq!((archive.edges(), archive.node_features().unwrap().dim()), (1, (2, 140)));
    std::fs::write(&module, text.replace("(a, a)", "(a, c)")).unwrap();
    let error = read_all(&path).unwrap_err().to_string();
    assert!(error.contains("resnet_kernel_1.hlo:4: no `c` in `e`"), "{error}");
}

mod with_data {
    use super::*;

    /// `cargo test --release -p tachograph-datasets --test archives opening -- --ignored --nocapture`
    #[test]
    #[cfg(unix)]
    #[ignore = "needs TACHOGRAPH_DATA (published sets)"]
    fn opening_five_gigabytes() {
        let root = std::env::var_os("TACHOGRAPH_DATA").expect("TACHOGRAPH_DATA names the folder of the published sets");
        let source = Path::new(&root).join("tpugraphs/cleaned_alexnet.npz").canonicalize().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let size = source.metadata().unwrap().len();
        let count = (5 << 30) / size;
        for i in 0..count {
            std::os::unix::fs::symlink(&source, folder.path().join(format!("{i}.npz"))).unwrap();
        }
        let resident = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
            let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned();
            line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or_default() / 1024.0
        };
        let (before, start) = (resident(), std::time::Instant::now());
        let set = TpuGraphs::open_folder(folder.path()).unwrap();
        let opened = start.elapsed();
        let configurations: usize = set.archives().map(|archive| archive.unwrap().configurations()).sum();
        println!(
            "{count} archives, {:.2} GB: opened in {opened:.3?}, all headers ({configurations} configurations) in {:.3?}, \
             peak resident size {before:.0} MB before and {:.0} MB after",
            (count * size) as f64 / 1e9,
            start.elapsed(),
            resident()
        );
        assert!(resident() - before < 64.0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn altered_archives_do_not_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let (_root, path) = folder();
        write(&path, None);
        let mut bytes = std::fs::read(&path).unwrap();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        std::fs::write(&path, &bytes).unwrap();
        read_all(&path).ok();
        RawModule::read(&path).ok();
    }
}

/// The same numbers in any order, from an archive that is compressed and one that is not.
#[test]
fn some_configurations_are_read() {
    let (_root, path) = folder();
    write(&path, None);
    let expected = [4.0, 5.0, 6.0, 7.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
    assert_eq!(Archive::open(&path).unwrap().configurations_at(&[1, 0, 1]).unwrap(), expected);
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut source = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
    let other = path.with_file_name("stored.npz");
    let mut zip = ZipWriter::new(File::create(&other).unwrap());
    for i in 0..source.len() {
        let mut file = source.by_index(i).unwrap();
        zip.start_file(file.name().unwrap().into_owned(), stored).unwrap();
        std::io::copy(&mut file, &mut zip).unwrap();
    }
    zip.finish().unwrap();
    let mut archive = Archive::open(&other).unwrap();
    assert_eq!(archive.configurations_at(&[1, 0, 1]).unwrap(), expected);
    let error = archive.configurations_at(&[2]).unwrap_err().to_string();
    assert!(error.contains("configuration 2 of 2"), "{error}");
}
