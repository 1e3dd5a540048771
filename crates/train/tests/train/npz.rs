//! Archives of graphs with configurations, as NumPy writes them without compression.

use std::{fs, path::Path};

/// Arrays by name: type, shape, bytes.
pub type Arrays = Vec<(&'static str, &'static str, Vec<usize>, Vec<u8>)>;

fn npy(descr: &str, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let extents: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({extents}), }}");
    let head = format!("{text:<117}\n");
    let length = (head.len() as u16).to_le_bytes();
    [&b"\x93NUMPY\x01\x00"[..], &length, head.as_bytes(), data].concat()
}

/// A zip file of stored entries.
pub fn write(path: &Path, arrays: &Arrays) {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, descr, shape, data) in arrays {
        let (name, data) = (format!("{name}.npy"), npy(descr, shape, data));
        let size = (data.len() as u32).to_le_bytes();
        let name_length = (name.len() as u16).to_le_bytes();
        let common: Vec<u8> = [
            &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
            &crc32fast::hash(&data).to_le_bytes(),
            &size,
            &size,
            &name_length,
            &[0; 2],
        ]
        .concat();
        let offset = (file.len() as u32).to_le_bytes();
        directory.extend([&b"PK\x01\x02\x14\x00"[..], &common, &[0; 10], &offset, name.as_bytes()].concat());
        file.extend([&b"PK\x03\x04"[..], &common, name.as_bytes(), &data].concat());
    }
    let (start, count) = ((file.len() as u32).to_le_bytes(), (arrays.len() as u16).to_le_bytes());
    let size = (directory.len() as u32).to_le_bytes();
    file.extend(directory);
    file.extend([&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size, &start, &[0, 0]].concat());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, file).unwrap();
}

fn floats(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

fn ints(values: impl IntoIterator<Item = i32>) -> Vec<u8> {
    values.into_iter().flat_map(i32::to_le_bytes).collect()
}

/// A number that looks drawn, of a seed.
fn mixed(seed: usize) -> usize {
    let x = (seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((x ^ x >> 31).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 33) as usize
}

/// What a graph is made of.
#[derive(Clone, Copy)]
pub struct Shape {
    pub nodes: usize,
    pub configurations: usize,
    pub columns: usize,
    /// Every so many nodes one is configurable; 0: configurations are tiles.
    pub every: usize,
}

/// A chain with skips whose run time follows from its configurations: a learnable order.
pub fn graph(path: &Path, shape: Shape, seed: usize) {
    let Shape { nodes, configurations, columns, every } = shape;
    let of_nodes = every > 0;
    let chosen: Vec<i32> = if of_nodes { (0..nodes as i32).step_by(every).collect() } else { vec![] };
    let rows = chosen.len().max(1);
    let value = |i: usize| {
        if of_nodes { (mixed(seed * 7919 + i) % 5) as f32 - 1.0 } else { 8.0 * (1 + mixed(i + seed) % 16) as f32 }
    };
    let all: Vec<f32> = (0..configurations * rows * columns).map(value).collect();
    let cost = |row: &[f32]| row.iter().step_by(2).sum::<f32>() / row.len() as f32;
    let times: Vec<i32> = all.chunks(rows * columns).map(|row| 10_000_000 + (1e6 * cost(row)) as i32).collect();
    let edges: Vec<i32> = (1..nodes as i32).flat_map(|i| [i, i - 1, i, (i - 3).max(0)]).collect();
    let name = if of_nodes { "node_config_feat" } else { "config_feat" };
    let config = if of_nodes { vec![configurations, rows, columns] } else { vec![configurations, columns] };
    let mut arrays: Arrays = vec![
        ("node_feat", "<f4", vec![nodes, 6], floats((0..nodes * 6).map(|i| (mixed(i * 31 + seed) % 97) as f32))),
        ("node_opcode", "<i4", vec![nodes], ints((0..nodes).map(|i| (mixed(i) % 100) as i32))),
        ("edge_index", "<i4", vec![edges.len() / 2, 2], ints(edges)),
        (name, "<f4", config, floats(all)),
        ("config_runtime", "<i4", vec![configurations], ints(times)),
    ];
    if of_nodes {
        arrays.push(("node_config_ids", "<i4", vec![rows], ints(chosen)));
    }
    write(path, &arrays);
}
