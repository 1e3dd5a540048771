//! Files that people give in place of a model: what they are and what to do.

/// How a kind of file begins, what it is and what to do.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"version https://git-lfs", "a Git LFS pointer in place of the model; run `git lfs pull`"),
    (b"GGUF", "weights for llama.cpp (GGUF) without a graph; export the model they were made from to ONNX"),
    (b"\x89HDF\r\n\x1a\n", "a Keras or HDF5 file; `python -m tf2onnx.convert --keras` makes an ONNX file of it"),
    (b"\xdd\x85\x76\x00", "ncnn's binary form (.param.bin); give the .param text it was made from"),
    (
        b"\x08\x01\x12",
        "a TensorFlow SavedModel; `python -m tf2onnx.convert --saved-model` on its folder makes an ONNX file",
    ),
    (b"\x7fELF", "a program or library"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"%PDF", "a PDF document"),
    (b"BZh", "compressed by bzip2; unpack it first (gzip alone is read as it is)"),
    (b"\xfd7zXZ\0", "compressed by xz; unpack it first (gzip alone is read as it is)"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd; unpack it first (gzip alone is read as it is)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"),
];
/// How far into a file is looked.
const HEAD: usize = 4096;
/// Longest beginning of a text that is shown.
const SHOWN: usize = 40;

/// What bytes are that no reader could read, and what to do, where that can be told.
pub(crate) fn kind(bytes: &[u8]) -> Option<String> {
    let head = &bytes[..bytes.len().min(HEAD)];
    let holds = |text: &str| head.windows(text.len()).any(|window| window == text.as_bytes());
    let known = BEGINNINGS.iter().find(|(start, _)| head.starts_with(start)).map(|(_, what)| *what);
    let known = match head {
        [] => Some("the file is empty"),
        _ if head.starts_with(b"PK\x03\x04") => Some(archive(bytes, holds)),
        // Pickles of protocol 2 and later.
        [0x80, 2..=5, ..] => {
            Some("a Python pickle, as PyTorch once wrote (.pt, .pth); export the model with torch.onnx.export")
        }
        _ if head.get(4..8) == Some(b"ORTM") => {
            Some("ONNX Runtime's own format (.ort); give the .onnx file it was made from")
        }
        _ if safetensors(head, bytes.len()) => {
            Some("weights alone (safetensors), without a graph; export the model they belong to to ONNX")
        }
        _ if head.get(257..262) == Some(b"ustar") => Some("a tar archive; unpack it and give the model inside"),
        [0x0a, ..] if holds("Placeholder") || holds("dtype") => {
            Some("a frozen TensorFlow graph (.pb); `python -m tf2onnx.convert --graphdef` makes an ONNX file of it")
        }
        _ => known,
    };
    known.map(|what| if bytes.is_empty() { what.to_owned() } else { format!("it is {what}") }).or_else(|| text(head))
}

fn archive(bytes: &[u8], holds: impl Fn(&str) -> bool) -> &'static str {
    // The table of contents is at the end.
    let end = &bytes[bytes.len().saturating_sub(1 << 16)..];
    let holds = |text: &str| holds(text) || end.windows(text.len()).any(|window| window == text.as_bytes());
    if holds("data.pkl") || holds("constants.pkl") {
        "a PyTorch file (.pt, .pth); export the model with torch.onnx.export"
    } else if holds("model.weights.h5") {
        "a Keras file (.keras); `python -m tf2onnx.convert --keras` makes an ONNX file of it"
    } else if holds(".npy") {
        "a NumPy archive (.npz), arrays without a graph"
    } else {
        "a ZIP archive; unpack it and give the model inside"
    }
}

/// The length of a JSON header, then the header.
fn safetensors(head: &[u8], length: usize) -> bool {
    let header = head.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    header.is_some_and(|n| n < length as u64) && head.get(8) == Some(&b'{')
}

/// Text of some kind.
fn text(head: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The end of the head may part a character.
        Err(error) if error.valid_up_to() + 4 > HEAD => std::str::from_utf8(&head[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let lower = start.to_ascii_lowercase();
    if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        return Some("it is an HTML page: the download failed or asks to sign in; fetch the file itself".into());
    }
    if lower.starts_with("<?xml") && lower.contains("<net") {
        return Some("it is an OpenVINO graph (.xml); give the ONNX or TFLite file it was made from".into());
    }
    if lower.starts_with("ir_version") {
        return Some("it is an ONNX model as text; save it in binary with onnx.save".into());
    }
    let line = start.lines().next().unwrap_or_default().trim_end();
    let shown: String = line.chars().take(SHOWN).collect();
    Some(format!("it is a text that begins with `{shown}{}`", if shown.len() < line.len() { "…" } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn what_people_give_in_place_of_a_model() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "the file is empty"),
            (b"\n<!DOCTYPE HTML><html>", "an HTML page"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "git lfs pull"),
            (b"PK\x03\x04\0\0archive/data.pkl\0", "torch.onnx.export"),
            (b"\x80\x02\x8a\x0al\xfc\x9c", "torch.onnx.export"),
            (b"PK\x03\x04\0\0a.npy\0", "NumPy"),
            (b"PK\x03\x04\0\0a.onnx\0", "unpack it"),
            (b"GGUF\x03\0\0\0", "without a graph"),
            (b"\x02\0\0\0\0\0\0\0{}", "safetensors"),
            (b"\x20\0\0\0ORTM\0\0", ".onnx file it was made from"),
            (b"\x89HDF\r\n\x1a\n\0", "--keras"),
            (b"\x08\x01\x12\xf0\x01\x0a\x10", "--saved-model"),
            (b"\x0a\x20\x0a\x01x\x12\x0bPlaceholder", "--graphdef"),
            (b"# a text\nmore", "a text that begins with `# a text`"),
            (b"<?xml version=\"1.0\"?>\n<net name=\"a\">", "OpenVINO"),
            (b"\xdd\x85\x76\x00\0", ".param text"),
        ];
        for (bytes, says) in cases {
            let found = kind(bytes).unwrap();
            assert!(found.contains(says) && !found.contains('\n'), "{found}");
        }
        assert_eq!(kind(b"\x01\x02\x03\x04"), None);
        let long = "é".repeat(5000);
        assert_eq!(kind(long.as_bytes()).unwrap(), format!("it is a text that begins with `{}…`", "é".repeat(40)));
    }
}
