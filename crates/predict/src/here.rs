//! Which of the devices that are known is this machine.

use tachograph_ir::Device;

use crate::{Catalog, Result};

impl Catalog {
    /// The device whose processor this machine has, if a checkpoint knows it. A processor without a model number in its
    /// name, as virtual machines report it (`Intel(R) Xeon(R) Processor`), is none: many are called so.
    ///
    /// # Errors
    /// A checkpoint cannot be read.
    pub fn here(&self) -> Result<Option<String>> {
        match Device::detect_cpu() {
            Ok(cpu) => self.with_processor(&cpu.name),
            Err(_) => Ok(None),
        }
    }

    /// The device with the processor that calls itself `name`.
    fn with_processor(&self, name: &str) -> Result<Option<String>> {
        if !name.contains(|c: char| c.is_ascii_digit()) {
            return Ok(None);
        }
        // Clocks stand behind the name on some: `… i9-10940X CPU @ 3.30GHz`.
        let bare = name.split(" CPU @").next().unwrap_or(name);
        for name in [name, bare] {
            if let Ok((predictor, output)) = self.find(Some(name)) {
                return Ok(Some(predictor.manifest().get(output)?.name.clone()));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_number_is_needed() {
        let catalog = Catalog::bundled();
        let found = |name| catalog.with_processor(name).unwrap();
        assert_eq!(found("Intel(R) Xeon(R) Processor"), None);
        assert_eq!(
            found("12th Gen Intel(R) Core(TM) i7-12700H").as_deref(),
            Some("infer-fp32-nchw-pt240-cpu-i7_12700h-dynamo")
        );
        assert!(found("Intel(R) Core(TM) i9-10940X CPU @ 3.30GHz").is_some_and(|name| name.contains("i9_10940x")));
        assert_eq!(found("AMD EPYC 7B13"), None);
    }
}
