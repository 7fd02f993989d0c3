//! Notices that files may have changed.
//!
//! Folders are watched, not files: editors replace a file, and Kubernetes a link beside it (`..data`), so that a watch on
//! the file itself would look at what is gone.

use crate::config::SourceFile;
use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// A change is over when nothing happened for so long: a file is written in pieces, a mount in several steps.
const QUIET: Duration = Duration::from_millis(300);

/// But it is looked at after so long in any case: something else in the folder may never rest.
const QUIET_MAX: Duration = Duration::from_secs(3);

pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    happened: Arc<Notify>,
}

impl Watch {
    /// Watches nothing yet.
    pub(super) fn new() -> Self {
        let happened = Arc::new(Notify::new());
        let tell = Arc::clone(&happened);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !is_a_look(event.kind)) {
                tell.notify_one();
            }
        });
        let watcher = watcher.inspect_err(|error| {
            tracing::warn!(%error, "the config's files cannot be watched: SIGHUP or `rowbell reload` reads them again");
        });
        Self { watcher: watcher.ok(), folders: BTreeSet::new(), happened }
    }

    /// Watches the folders of these files, and no others.
    pub(super) fn follow(&mut self, files: &[SourceFile]) {
        let Some(watcher) = &mut self.watcher else { return };
        let folders: BTreeSet<_> = files.iter().flat_map(|file| folders(&file.path)).collect();
        for gone in self.folders.difference(&folders) {
            // It may be gone altogether.
            let _ = watcher.unwatch(gone);
        }
        for folder in &folders {
            // Also those that are watched already: what is watched is the folder, not its name, and another one may have it now.
            if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                tracing::warn!(folder = %folder.display(), %error, "the folder of a file of the config cannot be watched: SIGHUP or `rowbell reload` reads it again");
            }
        }
        self.folders = folders;
    }

    /// Something happened there, and is over.
    pub(super) async fn changed(&self) {
        self.happened.notified().await;
        let quiet = async { while tokio::time::timeout(QUIET, self.happened.notified()).await.is_ok() {} };
        // Looked at all the same.
        let _ = tokio::time::timeout(QUIET_MAX, quiet).await;
    }
}

/// Reading the files is something that happens to them, too.
fn is_a_look(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

/// Where a file stands, and where it really is.
fn folders(path: &Path) -> impl Iterator<Item = PathBuf> {
    let folder = |path: &Path| match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Some(PathBuf::from(".")),
        parent => parent.map(Path::to_owned),
    };
    let real = std::fs::canonicalize(path).ok();
    [folder(path), real.as_deref().and_then(folder)].into_iter().flatten()
}
