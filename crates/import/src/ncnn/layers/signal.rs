//! `Spectrogram` (keys 0 samples of a window, 1 complex, magnitude or power, 2 hop, 5 whether windows are centred, 8 half
//! the frequencies) and `InverseSpectrogram` (0, 2, 5 likewise, 1 which part).

use tachograph_ir::{Attr, attrs};

use super::{Blob, Layer, Net, Result};

pub(super) fn spectrogram(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let window = layer.size(0, 0)? as i64;
    let complex = layer.int(1, 0)? == 0;
    let attrs = attrs([
        ("n_fft", Attr::Int(window)),
        ("hop_length", Attr::Int(layer.size(2, window / 4)? as i64)),
        ("center", Attr::Int(layer.int(5, 1)?)),
        ("onesided", Attr::Int(layer.int(8, 1)?)),
        ("complex", Attr::Int(i64::from(complex))),
    ]);
    Ok(Blob { id: net.node(layer, "Spectrogram", &[x.id], attrs), rank: if complex { 4 } else { 3 } })
}

pub(super) fn inverse(net: &mut Net, layer: &Layer, x: Blob) -> Result<Blob> {
    let window = layer.size(0, 0)? as i64;
    let complex = layer.int(1, 0)? == 0;
    let attrs = attrs([
        ("n_fft", Attr::Int(window)),
        ("hop_length", Attr::Int(layer.size(2, window / 4)? as i64)),
        ("center", Attr::Int(layer.int(5, 1)?)),
        ("complex", Attr::Int(i64::from(complex))),
    ]);
    Ok(Blob { id: net.node(layer, "InverseSpectrogram", &[x.id], attrs), rank: if complex { 3 } else { 2 } })
}
