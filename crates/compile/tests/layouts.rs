//! Networks with their convolutions in every layout compute the same.

use tachograph_compile::{
    Basis, Bench, Channels, LayoutSpace, Layouts, Measured, Network, Way, chosen, in_network, ways, wholes,
};
use tachograph_ir::{Assignment, Attrs, BoundGraph, Builder, DType};
use tachograph_program::{Compiler, Limits};

/// Three channels, a residual, a depthwise convolution, a pool, a concatenation, one pixel.
fn network() -> BoundGraph {
    let mut b = Builder::new("network");
    let x = b.input("x", DType::F32, [1u64, 3, 18, 18].map(Into::into).to_vec());
    let mut build = || {
        let x = b.conv(x, 32, [3, 3], 2, 1, 1, true)?;
        let x = b.op("Relu", &[x])?;
        let y = b.conv(x, 32, [3, 3], 1, 1, 1, true)?;
        let y = b.op("Add", &[y, x])?;
        let y = b.op("Relu", &[y])?;
        let y = b.conv(y, 32, [3, 3], 1, 1, 32, true)?;
        let z = b.conv(y, 20, [1, 1], 1, 0, 1, true)?;
        let y = b.op_with("Concat", &[y, z], Attrs::from([("axis".into(), 1i64.into())]))?;
        let kernel = Attrs::from([("kernel_shape".into(), vec![3i64, 3].into())]);
        let y = b.op_with("MaxPool", &[y], kernel)?;
        let y = b.op("GlobalAveragePool", &[y])?;
        let y = b.conv(y, 16, [1, 1], 1, 0, 1, true)?;
        b.op("Flatten", &[y])
    };
    let y = build().unwrap();
    b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap()
}

fn floats(results: &[Vec<u8>]) -> Vec<f32> {
    results.iter().flat_map(|bytes| bytes.chunks_exact(4)).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

#[test]
fn every_layout_computes_the_same() {
    let bound = network();
    let network = Network::of(&bound).unwrap();
    let space = LayoutSpace::of(&network, &Measured::new()).unwrap();
    let convolutions = space.convolutions();
    // The last has a single pixel, which lies in one way alone.
    let counts: Vec<usize> = convolutions.iter().map(|conv| conv.layouts().len()).collect();
    assert_eq!(counts, [6, 9, 9, 9]);
    // Of three channels a block is all of them.
    let [inside, blocked] = [Channels::Inside, Channels::Blocked];
    assert_eq!(convolutions[0].alike([blocked, blocked]), [inside, blocked]);
    assert_eq!(space.axes(1, [inside, blocked]), [vec![1, 3, 2, 0], vec![1, 3, 2, 1, 0]]);

    let pairs: Vec<Layouts> = Channels::ALL.iter().flat_map(|&r| Channels::ALL.map(|w| [r, w])).collect();
    let mut drawn = vec![space.default_layouts().to_vec()];
    drawn.extend(pairs.iter().map(|&all| vec![all; 4]));
    // Each convolution has each pair, next to different ones.
    drawn.extend((0..9).map(|i| (0..4).map(|conv| pairs[(i * (conv + 1) + conv) % 9]).collect()));
    let plans: Vec<_> = drawn.iter().map(|layouts| space.taken(layouts)).collect();
    let folder = tempfile::tempdir().unwrap();
    // Beside other work.
    let compiler = Compiler::find().unwrap().with_limits(Limits { seconds: 120, mebibytes: 4096 });
    let mut bench = Bench::new(&network, &plans, &|_| Ok(None), &compiler, folder.path()).unwrap();
    assert!(bench.run(0).unwrap() > 0.0);
    let expected = floats(bench.results());
    let scale = (expected.iter().map(|x| x * x).sum::<f32>() / expected.len() as f32).sqrt();
    assert!(expected.len() == 16 && scale > 0.0);
    for (plan, layouts) in drawn.iter().enumerate() {
        assert_eq!(bench.refused(plan), None, "{layouts:?}");
        // What a run before left in memory must not matter.
        bench.run((plan + 5) % drawn.len()).unwrap();
        bench.run(plan).unwrap();
        for (a, b) in floats(bench.results()).iter().zip(&expected) {
            assert!((a - b).abs() <= 1e-4 * scale, "{layouts:?}: {a} {b}");
        }
    }
    assert!(bench.run(drawn.len()).is_none());
}

#[test]
fn other_layouts_are_timed_in_the_network() {
    let bound = network();
    let network = Network::of(&bound).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let compiler = Compiler::find().unwrap().with_limits(Limits { seconds: 120, mebibytes: 4096 });
    let all = ways(&network, &Measured::new()).unwrap();
    let relaid = all.relaid(&network);
    let counts: Vec<usize> = relaid.parts.iter().map(Vec::len).collect();
    let pool = network.parts.iter().position(|part| part.operators.contains("MaxPool")).unwrap();
    // The first convolution reads three channels, whose blocks are all of them.
    assert!(counts[0] == 6 && counts[1] == 9 && counts[pool] == 3, "{counts:?}");
    let timed = in_network(&network, &relaid, &all, &|_| Ok(None), &compiler, folder.path()).unwrap();
    // And what is taken without.
    assert!(timed.parts[1].len() >= 9, "{:?}", timed.parts[1]);
    assert!(timed.parts[1].iter().filter_map(Way::kernel).all(|kernel| kernel.basis == Basis::InNetwork));
    // What is chosen computes the same, and its time is known before it runs.
    let plans = [&all, &timed].map(|ways| chosen(&network, ways));
    let mut bench = Bench::new(&network, &plans, &|_| Ok(None), &compiler, folder.path()).unwrap();
    let [expected, found] = [0, 1].map(|plan| {
        bench.run(plan).unwrap();
        floats(bench.results())
    });
    let scale = (expected.iter().map(|x| x * x).sum::<f32>() / expected.len() as f32).sqrt();
    assert!(expected.iter().zip(&found).all(|(a, b)| (a - b).abs() <= 1e-4 * scale));
    let ran = wholes(&network, &[&all, &timed], &|_| Ok(None), &compiler, folder.path()).unwrap();
    let timed = ran[1].unwrap();
    assert!(ran[0].unwrap().ms > 0.0 && timed.predicted_ms > 0.2 * timed.ms && timed.predicted_ms < 5.0 * timed.ms);
}
