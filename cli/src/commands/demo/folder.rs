use std::{
    env,
    fs::{self, DirBuilder},
    io,
    path::{Path, PathBuf},
    process,
};

use tcss_export::driver::clock;

use crate::failure::{Failure, Kind};

/// A folder of one's own among the temporary ones, removed on drop.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn create() -> Result<Self, Failure> {
        let seconds = clock::now().wall.unix_seconds();
        let name = format!("tcss-export-demo-{}-{seconds}", process::id());
        let path = env::temp_dir().join(name);
        let created = builder().create(&path);
        created.map_err(|error| refused(&path, &error))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Whoever clears the temporary files will find what is left.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn refused(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Kind::File, format!("{path:?} cannot be created: {error}"))
        .with_hint("set TMPDIR to a folder that can be written to")
}

#[cfg(unix)]
fn builder() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt;

    let mut builder = DirBuilder::new();
    // For its owner alone.
    builder.mode(0o700);
    builder
}

#[cfg(not(unix))]
fn builder() -> DirBuilder {
    DirBuilder::new()
}
