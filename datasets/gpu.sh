#!/usr/bin/env bash
# All GPU work in one go: checks that networks compute the same on the GPU, then measures the generated set there.
# For a machine without Rust: build here first, carry this checkout, run it there. Resumes where it stopped.
#
#   here:   cargo test --release -p tachograph-profile --no-run && cargo build --release --example collect
#   there:  datasets/gpu.sh NAME [OUT]      # NAME of the device within the set; OUT defaults to datasets/gpu
#
# There, Python must have torch 2.11.0: its libraries are the ones that run.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:?usage: datasets/gpu.sh NAME [OUT]}
out=${2:-datasets/gpu}
LD_LIBRARY_PATH=$(python3 -c 'import os, torch; print(os.path.join(os.path.dirname(torch.__file__), "lib"))')
export LD_LIBRARY_PATH
for test in target/release/deps/outputs-*; do
    [[ -x $test && $test != *.d ]] && "$test"
done
target/release/examples/collect --out "$out" --name "$name" --device cuda:0 --count 231 --seed 1
