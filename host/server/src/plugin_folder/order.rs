//! Who goes first among the operator's plugins: of two that want one kind or route, the one that began to serve earlier has it, for as
//! long as it serves. So that a restart changes nothing, the names of those that serve are kept in that order in a file,
//! `plugins.order` in the data folder, one in each line. Without it they are loaded by name.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use switchboard_plugins::is_id;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

/// The order, as it is kept.
#[derive(Debug)]
pub(crate) struct Order {
    path: PathBuf,
    /// Whether a change of it is written.
    is_kept: bool,
    /// Held while it is written.
    ids: Mutex<Vec<String>>,
}

impl Order {
    /// The order of the run before, which this run goes on with.
    pub(crate) fn kept(path: PathBuf) -> Self {
        Self::read(path, true)
    }

    /// The order of the run before, for who only looks.
    pub(crate) fn seen(path: PathBuf) -> Self {
        Self::read(path, false)
    }

    fn read(path: PathBuf, is_kept: bool) -> Self {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| {
            if error.kind() != ErrorKind::NotFound {
                tracing::warn!(path = %path.display(), %error, "the order of plugins cannot be read; they are loaded by name");
            }
            String::new()
        });
        let ids = text.lines().filter(|line| is_id(line)).map(str::to_owned).collect();
        Self {
            path,
            is_kept,
            ids: Mutex::new(ids),
        }
    }

    /// Those that have a place in it, the first before the others.
    pub(super) async fn ids(&self) -> Vec<String> {
        self.ids.lock().await.clone()
    }

    /// Who begins to serve comes last. Who serves no more leaves, unless it is `waiting` to be loaded as it is.
    pub(super) async fn follow(&self, serving: &[&str], waiting: &BTreeSet<String>) {
        let mut ids = self.ids.lock().await;
        let stay = |id: &&String| serving.contains(&id.as_str()) || waiting.contains(*id);
        let mut now: Vec<_> = ids.iter().filter(stay).cloned().collect();
        let fresh = serving.iter().filter(|id| !ids.iter().any(|known| known == *id));
        now.extend(fresh.map(|id| (*id).to_owned()));
        if now == *ids {
            return;
        }
        ids.clone_from(&now);
        if self.is_kept {
            let path = self.path.clone();
            let written = spawn_blocking(move || write(&path, &now)).await;
            if let Err(error) = written.unwrap_or_else(|error| Err(error.into())) {
                tracing::warn!(path = %self.path.display(), %error, "the order of plugins cannot be kept; another may go first after a restart");
            }
        }
    }
}

fn write(path: &Path, ids: &[String]) -> io::Result<()> {
    let aside = path.with_added_extension("new");
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&aside)?;
    for id in ids {
        writeln!(file, "{id}")?;
    }
    file.sync_all()?;
    fs::rename(aside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_comes_is_last_and_keeps_its_place_until_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plugins.order");
        let order = Order::kept(path.clone());
        let nobody = BTreeSet::new();
        order.follow(&["b", "c"], &nobody).await;
        order.follow(&["a", "b", "c"], &nobody).await;
        assert_eq!(order.ids().await, ["b", "c", "a"]);
        order.follow(&["a", "c"], &BTreeSet::from(["b".to_owned()])).await;
        assert_eq!(order.ids().await, ["b", "c", "a"], "it waits");
        order.follow(&["a", "c"], &nobody).await;
        order.follow(&["a", "b", "c"], &nobody).await;
        assert_eq!(Order::kept(path.clone()).ids().await, ["c", "a", "b"]);
        assert_eq!(fs::read_to_string(path).unwrap(), "c\na\nb\n");
    }

    #[tokio::test]
    async fn who_only_looks_writes_nothing_and_what_is_no_id_has_no_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plugins.order");
        fs::write(&path, "b\n../b\n\n").unwrap();
        let order = Order::seen(path.clone());
        assert_eq!(order.ids().await, ["b"]);
        order.follow(&["a"], &BTreeSet::new()).await;
        assert_eq!(fs::read_to_string(&path).unwrap(), "b\n../b\n\n");
        assert_eq!(order.ids().await, ["a"]);
    }

    #[tokio::test]
    async fn an_order_that_cannot_be_read_or_written_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plugins.order");
        fs::create_dir(&path).unwrap();
        let order = Order::kept(path);
        order.follow(&["a"], &BTreeSet::new()).await;
        assert_eq!(order.ids().await, ["a"]);
    }
}
