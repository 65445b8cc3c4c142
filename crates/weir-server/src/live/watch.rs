//! Notices that something changed in a directory that matters, and which file, where that can be told from its name.
//!
//! What changed is found out by looking, so that a lost event costs time and nothing else. Must never: be woken by
//! Weir's own reading, or take a name for the one file that changed where it may stand for others.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use crate::snapshot::Look;

/// Files that are looked at one by one; of more, all are.
const NAMED: usize = 100;

/// What has been told since the last look.
#[derive(Clone, Debug)]
pub(super) struct Told {
    look: SyncSender<()>,
    noted: Arc<Mutex<Noted>>,
}

#[derive(Debug, Default)]
struct Noted {
    /// Where names can be trusted.
    plain: Option<Plain>,
    all: bool,
    files: BTreeSet<PathBuf>,
}

/// A directory in which a change of a name is the change of that file and of no other.
#[derive(Debug)]
struct Plain {
    /// As the watch calls it.
    watched: PathBuf,
    /// As the configuration does.
    own: PathBuf,
}

/// What a path in an event means.
enum Means {
    Nothing,
    File(PathBuf),
    Anything,
}

impl Told {
    pub(super) fn new(look: SyncSender<()>) -> Self {
        Self { look, noted: Arc::default() }
    }

    /// Anything may have changed.
    pub(super) fn anything(&self) {
        self.lock().all = true;
        self.wake();
    }

    /// What to look at, from here on.
    pub(super) fn take(&self) -> Look {
        let mut noted = self.lock();
        let files = std::mem::take(&mut noted.files);
        if std::mem::take(&mut noted.all) { Look::All } else { Look::Named(files) }
    }

    /// From here on names are trusted in this directory alone. What was not told because of the one before is looked
    /// for.
    pub(super) fn trust(&self, directory: Option<&Path>) {
        let mut noted = self.lock();
        if noted.plain.as_ref().map(|plain| &*plain.own) == directory {
            return;
        }
        let before = noted.plain.take();
        noted.plain = directory.and_then(|own| {
            let watched = std::path::absolute(own).ok()?;
            Some(Plain { watched, own: own.to_owned() })
        });
        drop(noted);
        if before.is_some() {
            self.anything();
        }
    }

    fn event(&self, event: &notify::Result<Event>) {
        let mut noted = self.lock();
        let tells = match event {
            Ok(event) if !is_change(event.kind) => false,
            Ok(event) if !event.need_rescan() && !event.paths.is_empty() => {
                // All of them: one that means nothing says nothing of the next.
                event.paths.iter().filter(|path| noted.note(path)).count() > 0
            }
            Ok(_) | Err(_) => {
                noted.all = true;
                true
            }
        };
        drop(noted);
        if tells {
            self.wake();
        }
    }

    fn wake(&self) {
        // One that waits already stands for this one, too.
        let _ = self.look.try_send(());
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    /// Takes note of a change at this path; false where it changes nothing for Weir.
    fn note(&mut self, path: &Path) -> bool {
        match self.plain.as_ref().map_or(Means::Anything, |plain| plain.means(path)) {
            Means::Nothing => return false,
            Means::File(file) if self.files.len() < NAMED => drop(self.files.insert(file)),
            Means::File(_) | Means::Anything => self.all = true,
        }
        true
    }
}

impl Plain {
    fn means(&self, path: &Path) -> Means {
        let name = path.file_name().filter(|_| path.parent() == Some(&self.watched)).and_then(|name| name.to_str());
        match name {
            // Wrongly named, which is to be told.
            Some(name) if name.ends_with(".yml") => Means::Anything,
            Some(name) if name.ends_with(".yaml") && !name.starts_with('.') => Means::File(self.own.join(name)),
            Some(_) => Means::Nothing,
            None => Means::Anything,
        }
    }
}

/// Watches directories, each by itself and not what is below.
pub(super) struct DirectoryWatch {
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
}

impl DirectoryWatch {
    /// Tells whenever something may have changed. Where the system has no room for another watch, the reload's own
    /// clock must do.
    pub(super) fn new(told: Told) -> Self {
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| told.event(&event));
        if let Err(error) = &watcher {
            tracing::warn!(%error, "files cannot be watched: changes are found by the clock, every 10 s");
        }
        Self { watcher: watcher.ok(), watched: BTreeSet::new() }
    }

    /// Watches these directories and no others. One that was replaced is watched anew.
    pub(super) fn follow(&mut self, directories: &BTreeSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        for gone in self.watched.difference(directories) {
            let _ = watcher.unwatch(gone);
        }
        // Adding a watch twice is one watch; where the name stands for another directory by now, it is the new one's.
        self.watched = directories.iter().filter(|directory| watch(watcher, directory)).cloned().collect();
    }
}

fn watch(watcher: &mut RecommendedWatcher, directory: &Path) -> bool {
    // A directory that is not there yet appears in one that is watched, or is found by the clock.
    watcher.watch(directory, RecursiveMode::NonRecursive).is_ok()
}

fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => true,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};

    use notify::event::{CreateKind, Flag};

    use super::*;

    fn told() -> (Told, Receiver<()>) {
        let (look, asked) = sync_channel(1);
        (Told::new(look), asked)
    }

    fn created(paths: &[&str]) -> notify::Result<Event> {
        let event = Event::new(EventKind::Create(CreateKind::Any));
        Ok(paths.iter().fold(event, |event, path| event.add_path(path.into())))
    }

    fn named(paths: &[&str]) -> Look {
        Look::Named(paths.iter().map(PathBuf::from).collect())
    }

    #[test]
    fn what_is_told_is_as_little_as_is_certain() {
        let rescan = Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan));
        for (event, look) in [
            (created(&["/p/a.yaml"]), Some(named(&["/p/a.yaml"]))),
            (created(&["/p/a.part", "/p/a.yaml"]), Some(named(&["/p/a.yaml"]))),
            (created(&["/p/a.yaml", "/p/b.yaml"]), Some(named(&["/p/a.yaml", "/p/b.yaml"]))),
            (created(&["/p/a.part"]), None),
            (created(&["/p/.a.yaml.swp"]), None),
            (created(&["/p/.a.yaml"]), None),
            (created(&["/p/a.yml"]), Some(Look::All)),
            (created(&["/p"]), Some(Look::All)),
            (created(&["/p/sub/a.yaml"]), Some(Look::All)),
            (created(&["/tiers.yaml"]), Some(Look::All)),
            (created(&["/p/a.yaml", "/tiers.yaml"]), Some(Look::All)),
            (created(&[]), Some(Look::All)),
            (rescan, Some(Look::All)),
            (Err(notify::Error::generic("lost")), Some(Look::All)),
        ] {
            let (told, asked) = told();
            told.trust(Some(Path::new("/p")));
            told.event(&event);
            assert_eq!(asked.try_recv().is_ok(), look.is_some(), "{event:?}");
            assert_eq!(told.take(), look.unwrap_or(named(&[])), "{event:?}");
            assert_eq!(told.take(), named(&[]), "once");
        }
    }

    #[test]
    fn where_no_name_can_be_trusted_every_change_is_one_of_all() {
        let (told, asked) = told();
        told.event(&created(&["/p/a.part"]));
        assert!(asked.try_recv().is_ok());
        assert_eq!(told.take(), Look::All);
        told.trust(Some(Path::new("/p")));
        assert!(asked.try_recv().is_err());
        told.trust(None);
        assert!(asked.try_recv().is_ok(), "what was passed over meanwhile");
        assert_eq!(told.take(), Look::All);
    }

    #[test]
    fn names_are_those_of_the_configuration_whatever_the_watch_calls_them() {
        let (told, _asked) = told();
        told.trust(Some(Path::new("acl/principals")));
        let watched = std::env::current_dir().unwrap().join("acl/principals/a.yaml");
        told.event(&created(&[watched.to_str().unwrap()]));
        assert_eq!(told.take(), named(&["acl/principals/a.yaml"]));
    }

    #[test]
    fn many_changes_are_one_look_at_all() {
        let (told, _asked) = told();
        told.trust(Some(Path::new("/p")));
        (0..=NAMED).for_each(|number| told.event(&created(&[&format!("/p/{number}.yaml")])));
        assert_eq!(told.take(), Look::All);
    }
}
