//! Which spaces there are, and which of them our tuner was chosen on.

use std::path::Path;

use tachograph_program::Schedule;
use tachograph_tune::{
    Collected, Recorded, Source, Table, Tuner,
    live::{Elsewhere, Task},
};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Gpu,
    Cpu,
    Programs,
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

fn table(folder: &Path, name: &str) -> Table {
    Table::read(&folder.join(format!("{name}.csv.gz"))).unwrap_or_else(|e| panic!("{e}"))
}

/// Of the devices of GPUs in the order of their names every other one, the first included.
fn to_choose_on(tables: &[Table]) -> Vec<String> {
    let mut devices: Vec<&str> = tables.iter().flat_map(|table| table.spaces()).map(|(device, _)| device).collect();
    devices.sort_unstable();
    devices.dedup();
    devices.into_iter().step_by(2).map(str::to_owned).collect()
}

/// Measured programs: of the tasks in the order of their names every other one, the first included, is to choose on.
pub fn programs(half: Half, folder: &Path, tuner: &Tuner) -> Vec<Recorded> {
    let tasks = tasks(folder);
    let space = |(name, task): &(String, Collected)| Recorded::of_programs(name, task, tuner);
    of_half(half, &tasks).map(|task| space(task).unwrap_or_else(|e| panic!("{e}"))).collect()
}

fn tasks(folder: &Path) -> Vec<(String, Collected)> {
    Collected::folder(folder).unwrap_or_else(|e| panic!("{e}"))
}

fn of_half<T>(half: Half, tasks: &[T]) -> impl Iterator<Item = &T> {
    let wanted = move |i: usize| half == Half::All || (half == Half::Choose) == i.is_multiple_of(2);
    tasks.iter().enumerate().filter(move |(i, _)| wanted(*i)).map(|(_, task)| task)
}

/// For each of [`programs`]: what was measured of the same operators in networks that do not have it, as far as a task of a model
/// would start from it.
pub fn others(half: Half, folder: &Path, tuner: &Tuner) -> Vec<Vec<Source>> {
    let tasks = tasks(folder);
    let elsewhere: Vec<Elsewhere> = tasks.iter().map(|(_, task)| Elsewhere::collected(task.clone())).collect();
    let of = |(_, own): &(String, Collected)| {
        let apart = |other: &Collected| other.head.networks.iter().all(|name| !own.head.networks.contains(name));
        let apart = tasks.iter().zip(&elsewhere).filter(|((_, other), _)| apart(other));
        let apart: Vec<Elsewhere> = apart.map(|(_, elsewhere)| elsewhere.clone()).collect();
        let (workload, space) = (own.head.workload.clone(), own.head.space.clone());
        let mut task = Task::new(workload, 1, space, Schedule::new(), tuner).unwrap_or_else(|e| panic!("{e}"));
        task.start_from(&apart);
        task.sources
    };
    of_half(half, &tasks).map(of).collect()
}

/// The halves, laid down before anything was run: of the devices of GPUs in the order of their names every other one, the
/// first included, is to choose on; of AutoTVM's tasks those of even number.
pub fn read(kind: Kind, half: Half, folder: &Path) -> Vec<Recorded> {
    let wanted = |choose: bool| half == Half::All || (half == Half::Choose) == choose;
    let mut found = Vec::new();
    match kind {
        Kind::Gpu => {
            let tables: Vec<Table> = GPU.iter().map(|name| table(folder, name)).collect();
            let choosing = to_choose_on(&tables);
            for table in &tables {
                for (device, _) in table.spaces() {
                    let choose = choosing.iter().any(|other| other == device);
                    if wanted(choose) {
                        let device = Some(device).filter(|device| !device.is_empty());
                        found.push(table.space(device, None).unwrap_or_else(|e| panic!("{e}")));
                    }
                }
            }
        }
        // Of these each tuner reads other features.
        Kind::Programs => {}
        Kind::Cpu => {
            let table = table(folder, "autotvm_cpu/conv2d_NCHWc.x86");
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

/// Spaces, and pairs of them: from which to which.
pub struct Pairs {
    pub spaces: Vec<Recorded>,
    pub pairs: Vec<(usize, usize)>,
}

/// Pairs of devices that measured the same: `gpubench`'s GEMM, `convolution_milo`, and AutoTVM's convolutions that are
/// complete on all three CPUs. Laid down before anything was run: a pair is to choose on if it leads from and to a device, or
/// is of a task, of that half; reported are those that lead to the other half, from any device. To a GPU lead two pairs, from
/// the devices before and after it in the table's order, the first after the last; to a CPU those from both others.
pub fn pairs(half: Half, folder: &Path) -> Pairs {
    let tables: Vec<Table> = GPU.iter().map(|name| table(folder, name)).collect();
    let choosing = to_choose_on(&tables);
    let (mut spaces, mut chosen) = (Vec::new(), Vec::new());
    for (table, name) in tables.iter().zip(GPU) {
        if name == "gpubench/gemm" || name == "kernel_tuner_hub/convolution_milo" {
            for (device, _) in table.spaces() {
                spaces.push(table.space(Some(device), None).unwrap_or_else(|e| panic!("{e}")));
                chosen.push(choosing.iter().any(|other| other == device));
            }
        }
    }
    let mut pairs = Vec::new();
    let family = |space: &Recorded| space.name.split(' ').next().map(str::to_owned);
    for (to, target) in spaces.iter().enumerate() {
        let wanted = match half {
            Half::Choose => chosen[to],
            Half::Report => !chosen[to],
            Half::All => true,
        };
        let source = |&from: &usize| family(&spaces[from]) == family(target) && (half != Half::Choose || chosen[from]);
        let line: Vec<usize> = (0..spaces.len()).filter(|from| *from == to || source(from)).collect();
        if let Some(at) = line.iter().position(|&i| i == to).filter(|_| wanted && line.len() > 1) {
            let mut around = vec![line[(at + line.len() - 1) % line.len()], line[(at + 1) % line.len()]];
            around.dedup();
            pairs.extend(around.into_iter().map(|from| (from, to)));
        }
    }
    let convolutions = read(Kind::Cpu, half, folder);
    let task = |space: &Recorded| space.name.rsplit(' ').next().map(str::to_owned);
    let first = spaces.len();
    spaces.extend(convolutions);
    for to in first..spaces.len() {
        let others: Vec<usize> =
            (first..spaces.len()).filter(|&from| from != to && task(&spaces[from]) == task(&spaces[to])).collect();
        if others.len() == 2 {
            pairs.extend(others.into_iter().map(|from| (from, to)));
        }
    }
    Pairs { spaces, pairs }
}
