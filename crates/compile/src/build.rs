//! From units of code to a library. Object files are kept by what is in them, so that what was compiled once is not again,
//! in a run that goes on where another was ended, or for another plan.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use sha2::{Digest, Sha256};
use tachograph_program::{CCode, Compiler};

use crate::{Error, Result, source};

/// The object file of each unit; why not, where the compiler refuses one.
pub type Objects = Vec<Result<PathBuf, String>>;

/// Compiles units to files of `folder`, on as many cores as there are.
///
/// # Errors
/// The folder cannot be made.
pub fn objects(units: &[CCode], compiler: &Compiler, folder: &Path) -> Result<Objects> {
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let next = AtomicUsize::new(0);
    let made: Mutex<Vec<Option<Result<PathBuf, String>>>> = Mutex::new(vec![None; units.len()]);
    let work = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(code) = units.get(i) else { break };
            let object = object(code, compiler, folder);
            if let Ok(mut made) = made.lock() {
                made[i] = Some(object);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(units.len());
    std::thread::scope(|scope| (0..threads).for_each(|_| _ = scope.spawn(work)));
    let made = made.into_inner().unwrap_or_default();
    Ok(made.into_iter().map(|object| object.unwrap_or_else(|| Err("it was not compiled".into()))).collect())
}

fn object(code: &CCode, compiler: &Compiler, folder: &Path) -> Result<PathBuf, String> {
    let code = code.clone().named(&source::unit(code));
    let mut hash = Sha256::new();
    hash.update(compiler.version());
    hash.update(compiler.flags().join(" "));
    hash.update(&code.text);
    let key: String = hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let path = folder.join(format!("{key}.o"));
    if !path.exists() {
        // What ends half-way must not be taken for whole.
        let partial = folder.join(format!("{key}.{}.part.o", std::process::id()));
        compiler.object(&code, &partial).map_err(|error| error.to_string())?;
        let _ = std::fs::rename(partial.with_extension("c"), path.with_extension("c"));
        std::fs::rename(&partial, &path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(path)
}

/// Links a network: its units, and `main`, the file that calls them.
///
/// # Errors
/// The compiler refuses; a file cannot be written.
pub fn link(
    objects: &[PathBuf],
    main: &str,
    parallel: bool,
    compiler: &Compiler,
    [folder, library]: [&Path; 2],
) -> Result<()> {
    let file = folder.join("network.c");
    std::fs::write(&file, main).map_err(Error::io(&file))?;
    let files: Vec<PathBuf> = objects.iter().cloned().chain([file]).collect();
    // A library that is in use keeps what it has: the new one is another file under its name.
    let apart = folder.join(std::process::id().to_string());
    std::fs::create_dir_all(&apart).map_err(Error::io(&apart))?;
    let made = apart.join(library.file_name().unwrap_or_default());
    compiler.link(&files, parallel, &made)?;
    std::fs::rename(&made, library).map_err(Error::io(library))?;
    let _ = std::fs::remove_dir(&apart);
    Ok(())
}
