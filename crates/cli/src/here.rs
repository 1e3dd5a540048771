//! This machine, as it is called in a store.

use tachograph_ir::Device;

/// What `--device` calls the processor of this machine.
pub const CPU: &str = "cpu";

/// A device of this machine: what it is called in a store, and its hardware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Here {
    pub name: String,
    pub hardware: String,
}

impl Here {
    /// The processor, where the system says what it is.
    pub fn cpu() -> Option<Self> {
        Some(Self::with(&Device::detect_cpu().ok()?.name))
    }

    /// Of this hardware. A processor model is the same device wherever it is; one without a model number in its name, as
    /// virtual machines report it (`Intel(R) Xeon(R) Processor`), may be any, and has the name of the machine with it.
    pub fn with(hardware: &str) -> Self {
        // A clock may stand behind the name: `… CPU @ 2.30GHz`.
        let bare = hardware.split(" CPU @").next().unwrap_or(hardware);
        let name = match bare.contains(|c: char| c.is_ascii_digit()) {
            true => hardware.to_owned(),
            false => format!("{hardware} of {}", machine()),
        };
        Self { name, hardware: hardware.to_owned() }
    }
}

/// The name of this machine.
pub fn machine() -> String {
    let mut name = [0_u8; 256];
    #[cfg(unix)]
    // SAFETY: the system writes at most so many bytes; the last one stays 0.
    unsafe {
        libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1);
    }
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(0);
    let windows = || std::env::var("COMPUTERNAME").ok();
    match String::from_utf8_lossy(&name[..end]).into_owned() {
        empty if empty.is_empty() => windows().unwrap_or_else(|| "this machine".into()),
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_number_is_a_name() {
        assert_eq!(Here::with("AMD EPYC 7B13").name, "AMD EPYC 7B13");
        let here = Here::with("Intel(R) Xeon(R) Processor");
        assert_eq!(here.name, format!("Intel(R) Xeon(R) Processor of {}", machine()));
        assert!(!machine().is_empty() && here.hardware == "Intel(R) Xeon(R) Processor");
    }
}
