//! The table.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use tachograph_metrics::median;

use super::judge::{Judged, Verdict};

const HEADER: &str = "| repository | commit | files | loaded by the runtime | read | every shape equal | unknown operators \
                      | failed | refused rightly | tensors | equal | different | unknown | known by running only |\n\
                      |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";

/// Sums over files.
#[derive(Clone, Debug, Default)]
struct Sums {
    files: usize,
    loads: usize,
    read: usize,
    equal: usize,
    unknown: usize,
    failed: usize,
    refused: usize,
    /// Of those that the runtime loads.
    unknown_loads: usize,
    failed_loads: usize,
    /// Equal, different, unknown, open.
    tensors: [usize; 4],
}

impl Sums {
    fn add(&mut self, judged: &Judged) {
        let is = |verdict| usize::from(judged.verdict == verdict);
        self.files += 1;
        self.loads += usize::from(judged.loads);
        self.read += is(Verdict::Read);
        self.equal += usize::from(judged.equal());
        self.unknown += is(Verdict::UnknownOperators);
        self.unknown_loads += is(Verdict::UnknownOperators) * usize::from(judged.loads);
        let failed = is(Verdict::Failed) + is(Verdict::Differs);
        self.failed += failed;
        self.failed_loads += failed * usize::from(judged.loads);
        self.refused += is(Verdict::Refused);
        let compared = &judged.compared;
        let counts = [compared.equal, compared.different.len(), compared.unknown, compared.open];
        self.tensors.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
    }

    fn row(&self, name: &str, commit: &str) -> String {
        let Self { files, loads, read, equal, unknown, failed, refused, tensors, .. } = self;
        let [same, different, open, running] = tensors;
        let all: usize = tensors.iter().sum();
        format!(
            "| {name} | {commit} | {files} | {loads} | {read} | {equal} | {unknown} | {failed} | {refused} \
             | {all} | {same} | {different} | {open} | {running} |\n"
        )
    }
}

/// The table, and what does not fit into it. The commit of a repository is asked for by the name of its folder.
pub fn markdown(files: &[(String, Judged)], commit: impl Fn(&str) -> Option<String>) -> String {
    let mut rows: BTreeMap<&str, Sums> = BTreeMap::new();
    let (mut all, mut aside) = (Sums::default(), BTreeMap::<Verdict, usize>::new());
    let mut operators: BTreeMap<&str, usize> = BTreeMap::new();
    for (file, judged) in files {
        let row = rows.entry(file.split(['/', '\\']).next().unwrap_or_default()).or_default();
        if !judged.verdict.counts() {
            *aside.entry(judged.verdict).or_default() += 1;
            continue;
        }
        row.add(judged);
        all.add(judged);
        judged.unknown.keys().for_each(|op| *operators.entry(op).or_default() += 1);
    }
    let mut out = HEADER.to_owned();
    for (folder, sums) in rows.iter().filter(|(_, sums)| sums.files > 0) {
        let commit = commit(folder).map_or_else(|| "?".into(), |commit| format!("`{commit}`"));
        out += &sums.row(&folder.replacen('+', "/", 1), &commit);
    }
    out += &all.row("**all**", "");
    out += &format!("\n{}\n", share(&all));
    let millis: Vec<f64> = files.iter().filter_map(|(_, judged)| judged.millis).collect();
    if let Some(median) = median(&millis) {
        out += &format!("A file takes {median:.3} ms to read, infer and cost (median of {}).\n", millis.len());
    }
    let count = |verdict| aside.get(&verdict).copied().unwrap_or_default();
    let (copies, pointers, unasked) = (count(Verdict::Copy), count(Verdict::Pointer), count(Verdict::Unasked));
    out += &format!("Not counted: {copies} copies of other files, {pointers} Git LFS pointers, {unasked} not asked.\n");
    if !operators.is_empty() {
        let mut operators: Vec<_> = operators.into_iter().collect();
        operators.sort_by_key(|(op, files)| (std::cmp::Reverse(*files), *op));
        let listed: Vec<String> = operators.iter().map(|(op, files)| format!("`{op}` {files}")).collect();
        out += &format!("\nUnknown operators, with the files that hold them: {}.\n", listed.join(", "));
    }
    out
}

fn share(all: &Sums) -> String {
    let percent = |n: usize| 100.0 * n as f64 / all.loads.max(1) as f64;
    let (loads, equal, unknown) = (all.loads, all.equal, all.unknown_loads);
    format!(
        "Of {loads} files that their runtime loads, {equal} ({:.2} %) are read with every shape equal, {unknown} ({:.2} %) \
         hold unknown operators, {} ({:.2} %) fail.",
        percent(equal),
        percent(unknown),
        all.failed_loads,
        percent(all.failed_loads)
    )
}

/// The commit of a checkout: of `.commit` in it, or as Git says, shortened.
pub fn commit(checkout: &Path) -> Option<String> {
    let stated = fs::read_to_string(checkout.join(".commit")).ok();
    let asked = || {
        // Of a folder that is no checkout itself Git would tell the commit of the repository around it.
        checkout.join(".git").exists().then_some(())?;
        let said = Command::new("git").arg("-C").arg(checkout).args(["rev-parse", "HEAD"]).output().ok()?;
        String::from_utf8(said.stdout).ok()
    };
    let commit = stated.or_else(asked)?.trim().chars().take(9).collect::<String>();
    (!commit.is_empty()).then_some(commit)
}
