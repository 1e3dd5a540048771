//! Configurations of Vela: those that a command line means, and all there are.

use anyhow::Result;
use serde_json::json;
use tachograph_label::{
    Vela,
    vela::{ACCELERATORS, MEMORY_MODES, SYSTEMS},
};

use crate::table;

/// The word for every name of a list.
const ALL: &str = "all";

/// Every combination of the names, checked before anything is installed; no name means the accelerator's default.
pub fn chosen(accelerators: &[String], systems: &[String], modes: &[String]) -> Result<Vec<Vela>> {
    let mut chosen = Vec::new();
    for accelerator in named(accelerators, &ACCELERATORS) {
        let generation = accelerator.split('-').nth(1).unwrap_or_default().to_uppercase();
        let fitting: Vec<&str> = SYSTEMS.into_iter().filter(|system| system.contains(&generation)).collect();
        for system in optional(systems, &fitting) {
            for memory_mode in optional(modes, &MEMORY_MODES) {
                let vela = Vela { accelerator: accelerator.clone(), system: system.clone(), memory_mode };
                vela.check()?;
                chosen.push(vela);
            }
        }
    }
    Ok(chosen)
}

fn named(names: &[String], all: &[&str]) -> Vec<String> {
    if names.iter().any(|name| name == ALL) {
        return all.iter().map(|&name| name.to_owned()).collect();
    }
    names.to_vec()
}

fn optional(names: &[String], all: &[&str]) -> Vec<Option<String>> {
    if names.is_empty() { vec![None] } else { named(names, all).into_iter().map(Some).collect() }
}

/// Prints what there is.
pub fn list(json: bool) -> Result<()> {
    if json {
        return table::json(&json!({
            "accelerators": ACCELERATORS, "system_configs": SYSTEMS, "memory_modes": MEMORY_MODES,
        }));
    }
    for (what, names) in
        [("accelerators", &ACCELERATORS[..]), ("system configurations", &SYSTEMS), ("memory modes", &MEMORY_MODES)]
    {
        out!("{what}: {}", names.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn all_means_all_of_the_generation() {
        assert_eq!(chosen(&names(&["all"]), &[], &[]).unwrap().len(), 11);
        let devices = chosen(&names(&["ethos-u55-64"]), &names(&["all"]), &names(&["all"])).unwrap();
        assert_eq!(devices.len(), 2 * 6);
        assert_eq!(devices[0].device(), "ethos-u55-64 Ethos_U55_Deep_Embedded Sram_Only");
        assert!(chosen(&names(&["ethos-u55-64"]), &names(&["Ethos_U85_SYS_DRAM_Low"]), &[]).is_err());
    }
}
