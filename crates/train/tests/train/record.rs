//! Tuning records of kernels, as XLA's tuner writes them: Protocol Buffers.

use std::{fs, path::Path};

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 127 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn int(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn bytes(field: u64, parts: &[Vec<u8>]) -> Vec<u8> {
    let all = parts.concat();
    [varint(field << 3 | 2), varint(all.len() as u64), all].concat()
}

fn text(field: u64, text: &str) -> Vec<u8> {
    bytes(field, &[text.as_bytes().to_vec()])
}

/// Kernels of two instructions and their tiles: the smaller, the slower.
pub fn tiles(path: &Path, kernels: u64, runs: u64) {
    let kernel = |kernel: u64| {
        let instruction = |id: u64, opcode: &str| {
            let shape = bytes(3, &[int(2, 11), int(3, 16 * kernel), int(3, 8)]);
            [text(1, opcode), text(2, opcode), shape, int(35, id)].concat()
        };
        let parameter = bytes(2, &[instruction(1, "parameter")]);
        let root = bytes(2, &[instruction(2, "tanh"), int(36, 1)]);
        let computation = bytes(3, &[text(1, "main"), parameter, root, int(5, 2), int(6, 2)]);
        let module = bytes(1, &[text(1, "kernel"), computation]);
        let run = |run: u64| {
            let tile = bytes(1, &[bytes(1, &[int(2, run + 1), int(2, 8)])]);
            bytes(3, &[tile, bytes(4, &[int(4, 1_000 * kernel + 10_000 / (run + 1))]), int(5, u64::from(run == 0))])
        };
        let runs: Vec<u8> = (0..runs).flat_map(run).collect();
        bytes(1, &[module, int(2, kernel), runs])
    };
    fs::write(path, (1..=kernels).flat_map(kernel).collect::<Vec<_>>()).unwrap();
}
