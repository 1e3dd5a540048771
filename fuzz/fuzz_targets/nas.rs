//! Names of architectures: the cell string of NAS-Bench-201; a digit for each choice of FBNet and of once-for-all.
//!
//! Bound: 256 bytes in, 10 s, 64 MiB.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tachograph_fuzz::{MIB, bounded, exercise};
use tachograph_import::nas::{
    fbnet, nasbench201,
    ofa::{Architecture, Width},
};

fuzz_target!(|data: &[u8]| bounded(64 * MIB, || {
    let Some((&space, name)) = data.split_first() else { return };
    match space {
        b'c' => cell(name),
        b'f' => blocks(name),
        _ => once_for_all(name),
    }
}));

fn cell(name: &[u8]) {
    let Ok(name) = std::str::from_utf8(name) else { return };
    let Ok(cell) = name.parse::<nasbench201::Cell>() else { return };
    let written = cell.to_string();
    assert_eq!(written.parse::<nasbench201::Cell>().expect("what is written can be read"), cell);
    for zeros in [nasbench201::Zeros::Multiplied, nasbench201::Zeros::Folded] {
        exercise(&cell.graph(zeros).expect("every cell has a graph"));
    }
}

fn blocks(name: &[u8]) {
    let indices: Vec<usize> = name.iter().map(|&digit| usize::from(digit).wrapping_sub(usize::from(b'0'))).collect();
    let Ok(architecture) = fbnet::Architecture::from_indices(&indices) else { return };
    for images in [fbnet::Images::Cifar100, fbnet::Images::ImageNet] {
        exercise(&architecture.graph(images).expect("every architecture has a graph"));
    }
}

fn once_for_all(name: &[u8]) {
    let mut digits = name.iter().map(|&digit| u64::from(digit).wrapping_sub(u64::from(b'0')));
    let mut next = || digits.next().unwrap_or(1);
    let architecture = Architecture {
        kernels: [(); 20].map(|()| next()),
        expansions: [(); 20].map(|()| next()),
        depths: [(); 5].map(|()| next() as usize),
        resolution: next().wrapping_mul(32),
        width: if next() == 0 { Width::Times1_0 } else { Width::Times1_2 },
    };
    if let Ok(graph) = architecture.graph() {
        exercise(&graph);
    }
}
