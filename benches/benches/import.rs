//! From the bytes of a file to what its network costs.

use std::{fs::File, hint::black_box, io::Read, path::Path};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use flate2::read::GzDecoder;
use tachograph_import::onnx;
use tachograph_ir::Assignment;

fn import(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("import");
    for name in ["light_resnet50", "densenet121", "mobilevit_s"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../datasets/models/{name}.onnx.gz"));
        let mut bytes = Vec::new();
        GzDecoder::new(File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
        let bytes = Bytes::from(bytes);
        group.bench_function(format!("{name}: import, bind, cost"), |b| {
            b.iter(|| {
                let graph = onnx::read(black_box(&bytes).clone(), name).unwrap().graph;
                graph.bind(&Assignment::from([("batch".into(), 8)])).unwrap().cost().unwrap()
            });
        });
        group.bench_function(format!("{name}: import"), |b| {
            b.iter(|| onnx::read(black_box(&bytes).clone(), name).unwrap());
        });
        let graph = onnx::read(bytes, name).unwrap().graph;
        group.bench_function(format!("{name}: bind"), |b| {
            b.iter(|| black_box(&graph).bind(&Assignment::from([("batch".into(), 8)])).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, import);
criterion_main!(benches);
