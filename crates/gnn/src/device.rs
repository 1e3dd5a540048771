//! Where libtorch computes, by name.

use tachograph_torch_link::load_cuda;
use tch::{Cuda, Device};

use crate::{Error, Result};

/// Reads `cpu`, `cuda` (the first) or `cuda:N`, and checks that the device is there. CUDA is loaded for it.
///
/// # Errors
/// Another name, or a CUDA device that this process cannot use.
pub fn device(name: &str) -> Result<Device> {
    let refuse = |message: &str| Error::Device { device: name.into(), message: message.into() };
    let index = match name.split_once(':') {
        None if name == "cpu" => return Ok(Device::Cpu),
        None if name == "cuda" => 0,
        Some(("cuda", n)) => n.parse().map_err(|_| refuse("not a device number"))?,
        _ => return Err(refuse("unknown; use cpu, cuda or cuda:N")),
    };
    // Before the first question about CUDA: it fixes the answer.
    let loaded = load_cuda();
    if !Cuda::is_available() {
        return Err(match loaded {
            Ok(()) => refuse("no CUDA device can be used; `cargo xtask doctor` says why"),
            Err(error) => refuse(&error.to_string()),
        });
    }
    if i64::try_from(index).is_ok_and(|index: i64| index < Cuda::device_count()) {
        Ok(Device::Cuda(index))
    } else {
        Err(refuse("there are fewer CUDA devices"))
    }
}

/// `cpu` or `cuda:N`, as [`device`] reads it.
pub fn device_name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        assert_eq!(device("cpu").unwrap(), Device::Cpu);
        assert_eq!([Device::Cpu, Device::Cuda(3)].map(device_name), ["cpu", "cuda:3"]);
        for name in ["tpu", "CPU", "cuda:", "cuda:x", "cuda:-1", "cpu:0"] {
            let error = device(name).unwrap_err().to_string();
            assert!(error.starts_with(&format!("device `{name}`: ")), "{error}");
        }
    }
}
