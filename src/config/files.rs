//! The files that a config was made from, to notice when they change.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// A file, and what was in it when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    /// Of its content; none where it could not be read. Means nothing to another process.
    hash: Option<u64>,
}

impl SourceFile {
    /// A file with this content.
    pub fn new(path: &Path, content: Option<&[u8]>) -> Self {
        let hash = content.map(|content| {
            let mut hasher = DefaultHasher::new();
            content.hash(&mut hasher);
            hasher.finish()
        });
        Self { path: path.to_owned(), hash }
    }

    /// A file as it is now.
    pub fn read(path: &Path) -> Self {
        Self::new(path, std::fs::read(path).ok().as_deref())
    }

    /// Is there something else in it by now?
    pub fn has_changed(&self) -> bool {
        Self::read(&self.path) != *self
    }
}
