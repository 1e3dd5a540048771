//! Which spaces there are, and which of them our tuner was chosen on.

use std::path::Path;

use tachograph_tune::{Recorded, Table};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Gpu,
    Cpu,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Choose,
    Report,
    All,
}

/// Complete spaces of kernels on GPUs.
const GPU: [&str; 15] = [
    "gpubench/convolution",
    "gpubench/gemm",
    "gpubench/pnpoly",
    "kernel_tuner_2018/convolution",
    "kernel_tuner_2018/convolution_streams",
    "kernel_tuner_2018/gemm",
    "kernel_tuner_2018/gemm_amd",
    "kernel_tuner_2018/pnpoly",
    "kernel_tuner_hub/convolution",
    "kernel_tuner_hub/convolution_milo",
    "kernel_tuner_hub/convolution_milo_small",
    "kernel_tuner_hub/dedispersion_milo",
    "kernel_tuner_hub/gemm",
    "kernel_tuner_hub/pnpoly",
    "uci_sgemm/gtx680_sgemm2048",
];

/// The halves, laid down before anything was run: of the devices of GPUs in the order of their names every other one, the
/// first included, is to choose on; of AutoTVM's tasks those of even number.
pub fn read(kind: Kind, half: Half, folder: &Path) -> Vec<Recorded> {
    let table = |name: &str| Table::read(&folder.join(format!("{name}.csv.gz"))).unwrap_or_else(|e| panic!("{e}"));
    let wanted = |choose: bool| half == Half::All || (half == Half::Choose) == choose;
    let mut found = Vec::new();
    match kind {
        Kind::Gpu => {
            let tables: Vec<Table> = GPU.iter().map(|name| table(name)).collect();
            let mut devices: Vec<&str> =
                tables.iter().flat_map(|table| table.spaces()).map(|(device, _)| device).collect();
            devices.sort_unstable();
            devices.dedup();
            for table in &tables {
                for (device, _) in table.spaces() {
                    let choose = devices.binary_search(&device).is_ok_and(|i| i % 2 == 0);
                    if wanted(choose) {
                        let device = Some(device).filter(|device| !device.is_empty());
                        found.push(table.space(device, None).unwrap_or_else(|e| panic!("{e}")));
                    }
                }
            }
        }
        Kind::Cpu => {
            let table = table("autotvm_cpu/conv2d_NCHWc.x86");
            for (device, task) in table.spaces() {
                let even = task.parse::<u32>().is_ok_and(|task| task % 2 == 0);
                if !wanted(even) {
                    continue;
                }
                let space = table.space(Some(device), Some(task)).unwrap_or_else(|e| panic!("{e}"));
                // Complete: as many rows as the product of the options that occur, and more than 100.
                let rows = space.outcomes().len() as u128;
                if rows > 100 && space.domain().space().count() == Some(rows) {
                    found.push(space);
                }
            }
        }
    }
    found
}
