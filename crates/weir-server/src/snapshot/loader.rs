//! One generation after another, from the same configuration file.
//!
//! Must never: give out a snapshot while anything that it is made from is wrong, or lose the one that is in force.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::UnixTime;
use weir_policy::{Compiler, ConfigErrors, Policy};

use super::named::{self, Look, Named};
use super::restrict;
use super::sources::{Running, Sources};
use super::still::stamps;
use super::text_files::TextFiles;
use super::{Config, Snapshot, Times};
use crate::config::Machine;
use crate::tls::ListenerTls;

/// How often files are read in one look where their directories do not stand still: who changes them for longer has them
/// looked at again by that.
const READS: usize = 5;

/// Loads snapshots; what did not change since the last is neither read nor compiled again.
pub struct Loader {
    path: PathBuf,
    machine: Machine,
    files: TextFiles,
    compiler: Compiler,
    in_force: Option<InForce>,
    directories: BTreeSet<PathBuf>,
    /// Where files may be looked at one by one; nothing where all must be.
    plain: Option<PathBuf>,
}

/// What the newest snapshot was made of.
struct InForce {
    generation: u64,
    /// When its certificates were judged.
    at: UnixTime,
    /// When it will mean something else although no file has changed, in seconds since 1970.
    due: Option<i64>,
    tls: HashMap<String, ListenerTls>,
    config: Config,
    policy: Arc<Policy>,
    /// All that was read for it.
    sources: Sources,
}

impl InForce {
    fn is_due(&self, now: UnixTime) -> bool {
        self.due.is_some_and(|due| i64::try_from(now.as_secs()).unwrap_or(i64::MAX) >= due)
    }
}

/// What a look at the files brought.
pub(crate) struct Loaded {
    /// The next generation; nothing where nothing changed.
    pub(crate) snapshot: Option<Snapshot>,
    /// What changed in the configuration and waits for a restart: key by key.
    pub(crate) waits_for_restart: Vec<String>,
}

impl Loader {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            machine: Machine::here(),
            files: TextFiles::default(),
            compiler: Compiler::default(),
            in_force: None,
            directories: BTreeSet::new(),
            plain: None,
        }
    }

    /// The first generation.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn load(&mut self) -> Result<Snapshot, ConfigErrors> {
        let sources = self.read()?;
        let snapshot = self.compile(sources, 1, UnixTime::now().into())?;
        self.plain = self.plain_directory();
        Ok(snapshot)
    }

    /// Looks at what is named, and at all files where that is not enough.
    ///
    /// # Errors
    /// Every problem of every file. What is in force stays.
    pub(crate) fn look(&mut self, look: &Look) -> Result<Loaded, ConfigErrors> {
        // Given back where the look comes to its end: until then what is in force may not be what was read.
        let plain = self.plain.take();
        let sources = match self.named(look, plain.as_deref()) {
            None => return self.reload(),
            Some(Named::Changed(sources)) => Some(*sources),
            Some(Named::Same) => None,
        };
        let waits_for_restart = self.in_force.as_ref().map(|before| before.sources.waits_for_restart.clone());
        let snapshot = sources.map(|sources| self.next(sources)).transpose()?;
        self.plain = plain;
        Ok(Loaded { snapshot, waits_for_restart: waits_for_restart.unwrap_or_default() })
    }

    /// Looks at all files again.
    ///
    /// # Errors
    /// Every problem of every file. What is in force stays.
    pub(crate) fn reload(&mut self) -> Result<Loaded, ConfigErrors> {
        self.plain = None;
        let sources = self.read()?;
        let waits_for_restart = sources.waits_for_restart.clone();
        let before = self.in_force.as_ref();
        let same = before.is_some_and(|before| sources.are_as(&before.sources) && !before.is_due(UnixTime::now()));
        let snapshot = if same { None } else { Some(self.next(sources)?) };
        self.plain = self.plain_directory();
        Ok(Loaded { snapshot, waits_for_restart })
    }

    /// What the named files say, where they can be looked at alone.
    fn named(&mut self, look: &Look, plain: Option<&Path>) -> Option<Named> {
        let Look::Named(paths) = look else { return None };
        let in_force = self.in_force.as_ref().filter(|in_force| !in_force.is_due(UnixTime::now()))?;
        named::read(paths, plain?, &in_force.sources, &mut self.files)
    }

    fn next(&mut self, sources: Sources) -> Result<Snapshot, ConfigErrors> {
        let generation = self.in_force.as_ref().map_or(0, |before| before.generation).saturating_add(1);
        self.compile(sources, generation, UnixTime::now().into())
    }

    /// What is in force, with what was suspended, resumed or revoked since, whatever is wrong with other files; nothing
    /// where that is nothing.
    pub(crate) fn restrict(&mut self) -> Option<Snapshot> {
        let in_force = self.in_force.as_ref()?;
        // What has expired since was sound when it came into force, and lets nobody in who must not be.
        let times = Times { certificates: in_force.at, lists: UnixTime::now() };
        let generation = in_force.generation.saturating_add(1);
        let suspended = restrict::with_suspensions(&in_force.sources, &in_force.config, &mut self.files);
        let mut is_new = suspended.is_some() || in_force.is_due(times.lists);
        let mut sources = suspended.unwrap_or_else(|| in_force.sources.clone());
        for (path, material) in restrict::changed_lists(&sources, &in_force.config) {
            let mut trial = sources.clone();
            trial.pem.insert(path, material);
            // Each by itself: one that is wrong keeps no other out, and is told with all that is wrong.
            let compiled = Snapshot::compile(&trial, &mut self.compiler, generation, times);
            if compiled.and_then(|next| next.judge_lists(&in_force.tls, "")).is_ok() {
                (sources, is_new) = (trial, true);
            }
        }
        let compiled = is_new.then(|| self.compile(sources, generation, times))?;
        compiled.inspect_err(|errors| tracing::error!("{errors}")).ok()
    }

    /// The policy of the newest snapshot.
    pub(crate) fn policy(&self) -> Option<Arc<Policy>> {
        self.in_force.as_ref().map(|in_force| Arc::clone(&in_force.policy))
    }

    /// The directory in which a change of a name is the change of that file and of no other, where there is one.
    pub(crate) fn plain(&self) -> Option<&Path> {
        self.plain.as_deref()
    }

    fn plain_directory(&self) -> Option<PathBuf> {
        let in_force = self.in_force.as_ref()?;
        let policy = &in_force.config.policy.value;
        let files = in_force.sources.pem.keys().chain([&self.path]).filter_map(|path| path.parent());
        let others = files.chain([policy.as_path()]);
        named::plain_directory(policy, others)
    }

    /// The directories in which a change may mean that all is to be read again.
    pub(crate) fn directories(&self) -> &BTreeSet<PathBuf> {
        &self.directories
    }

    /// All files, as they stood together: what was changed around them while they were read is read again.
    fn read(&mut self) -> Result<Sources, ConfigErrors> {
        let mut before = stamps(&self.directories);
        for _ in 1..READS {
            let read = self.read_once();
            let after = stamps(&self.directories);
            if after == before {
                return read;
            }
            before = after;
        }
        self.read_once()
    }

    fn read_once(&mut self) -> Result<Sources, ConfigErrors> {
        let in_force = self.in_force.as_ref();
        let running = in_force.map(|in_force| Running { config: &in_force.config, text: &in_force.sources.text });
        let sources = Sources::read(&self.path, self.machine, &mut self.files, running)?;
        self.directories.clone_from(&sources.directories);
        Ok(sources)
    }

    fn compile(&mut self, sources: Sources, generation: u64, at: Times) -> Result<Snapshot, ConfigErrors> {
        let snapshot = Snapshot::compile(&sources, &mut self.compiler, generation, at)?;
        if let Some(before) = &self.in_force {
            snapshot.judge_lists(&before.tls, &self.path.display().to_string())?;
        }
        self.in_force = Some(InForce {
            generation,
            at: at.certificates,
            due: snapshot.due(at.lists),
            tls: snapshot.tls.clone(),
            config: snapshot.config.clone(),
            policy: Arc::clone(&snapshot.policy),
            sources,
        });
        Ok(snapshot)
    }
}
