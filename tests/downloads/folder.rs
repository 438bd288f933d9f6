use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// A folder of a test's own, with a target in it; it is removed at the end.
pub(crate) struct Folder(PathBuf);

pub(crate) const NAME: &str = "report.csv";
const PART: &str = ".report.csv.part";
const NOTE: &str = ".report.csv.part.json";

impl Folder {
    pub(crate) fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("tcss-export-downloads-{}-{number}", process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.0.join(NAME)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut names: Vec<_> = entries.map(|entry| name(entry.unwrap())).collect();
        names.sort();
        names
    }

    /// Checks that there is this file under the final name, and nothing else.
    #[track_caller]
    pub(crate) fn assert_holds(&self, bytes: &[u8]) {
        assert_eq!(self.names(), [NAME]);
        // Not by assert_eq, which would print both.
        assert!(fs::read(self.target()).unwrap() == bytes, "other bytes than expected");
    }

    #[track_caller]
    pub(crate) fn assert_empty(&self) {
        assert!(self.names().is_empty(), "{:?}", self.names());
    }

    /// Checks that nothing is under the final name, and gives the part that waits for a later
    /// download.
    #[track_caller]
    pub(crate) fn part(&self) -> Vec<u8> {
        assert_eq!(self.names(), [PART, NOTE]);
        fs::read(self.0.join(PART)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
