//! What Arm's compiler says of a network beside its time.

use serde::{Deserialize, Serialize};

/// An estimate of a compiler for an accelerator: deterministic, and no measurement. Cycles of memories are those of their
/// traffic alone, which overlaps with computing. Counts of zero are left out of files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Estimate {
    /// Multiply–accumulates of what runs on the accelerator.
    pub macs: u64,
    /// Operators, after the compiler's own rewriting, that run on the accelerator.
    pub npu_operators: u32,
    /// Operators that fall back to the CPU, whose time is in no number here.
    #[serde(skip_serializing_if = "zero")]
    pub cpu_operators: u32,
    /// Operators, wherever they run.
    pub passes: u32,
    /// How many of them a cascade saves: they run in stripes with their neighbours, and what is between stays in SRAM.
    #[serde(skip_serializing_if = "zero")]
    pub cascaded: u32,
    /// Cycles of an inference.
    pub total_cycles: u64,
    /// Cycles of computing.
    pub npu_cycles: u64,
    /// Cycles of traffic with SRAM.
    #[serde(skip_serializing_if = "none")]
    pub sram_cycles: u64,
    /// Cycles of traffic with DRAM.
    #[serde(skip_serializing_if = "none")]
    pub dram_cycles: u64,
    /// Cycles of traffic with flash on the chip.
    #[serde(skip_serializing_if = "none")]
    pub on_chip_flash_cycles: u64,
    /// Cycles of traffic with flash beside the chip.
    #[serde(skip_serializing_if = "none")]
    pub off_chip_flash_cycles: u64,
    /// Bytes of SRAM in use.
    #[serde(skip_serializing_if = "none")]
    pub sram_bytes: u64,
    /// Bytes of DRAM in use.
    #[serde(skip_serializing_if = "none")]
    pub dram_bytes: u64,
    /// Bytes of flash on the chip in use.
    #[serde(skip_serializing_if = "none")]
    pub on_chip_flash_bytes: u64,
    /// Bytes of flash beside the chip in use.
    #[serde(skip_serializing_if = "none")]
    pub off_chip_flash_bytes: u64,
    /// Bytes of the weights as the compiler packed them.
    #[serde(skip_serializing_if = "none")]
    pub encoded_weight_bytes: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn zero(n: &u32) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn none(n: &u64) -> bool {
    *n == 0
}
