//! One generation after another, from the same configuration file.
//!
//! Must never: give out a snapshot while anything that it is made from is wrong, or lose the one that is in force.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::UnixTime;
use weir_policy::{Compiler, ConfigErrors, Policy};

use super::restart;
use super::sources::Sources;
use super::text_files::TextFiles;
use super::{Config, Snapshot};
use crate::config::{self, Machine};

/// Loads snapshots; what did not change since the last is neither read nor compiled again.
pub struct Loader {
    path: PathBuf,
    machine: Machine,
    files: TextFiles,
    compiler: Compiler,
    in_force: Option<InForce>,
    directories: BTreeSet<PathBuf>,
}

/// What the newest snapshot was made of.
struct InForce {
    generation: u64,
    config: Config,
    policy: Arc<Policy>,
    /// The configuration that the process runs with.
    text: Arc<str>,
    /// All that was read for it, the configuration as it stands in its file among it.
    sources: Sources,
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
        }
    }

    /// The first generation.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn load(&mut self) -> Result<Snapshot, ConfigErrors> {
        let sources = self.read()?;
        self.compile(sources, None, 1)
    }

    /// Looks at the files again.
    ///
    /// # Errors
    /// Every problem of every file. What is in force stays.
    pub(crate) fn reload(&mut self) -> Result<Loaded, ConfigErrors> {
        let mut sources = self.read()?;
        let Some(in_force) = &self.in_force else {
            let snapshot = self.compile(sources, None, 1)?;
            return Ok(Loaded { snapshot: Some(snapshot), waits_for_restart: Vec::new() });
        };
        let running = Arc::clone(&in_force.text);
        let waits_for_restart = self.waits_for_restart(&sources, in_force)?;
        if sources.are_as(&in_force.sources) {
            return Ok(Loaded { snapshot: None, waits_for_restart });
        }
        let generation = in_force.generation.saturating_add(1);
        let written = Arc::clone(&sources.text);
        if !waits_for_restart.is_empty() {
            // All of it waits: half a configuration is one that nobody wrote.
            sources.text = running;
        }
        let snapshot = self.compile(sources, Some(written), generation)?;
        Ok(Loaded { snapshot: Some(snapshot), waits_for_restart })
    }

    /// The policy of the newest snapshot.
    pub(crate) fn policy(&self) -> Option<Arc<Policy>> {
        self.in_force.as_ref().map(|in_force| Arc::clone(&in_force.policy))
    }

    /// The directories in which a change may mean that all is to be read again.
    pub(crate) fn directories(&self) -> &BTreeSet<PathBuf> {
        &self.directories
    }

    fn read(&mut self) -> Result<Sources, ConfigErrors> {
        let sources = Sources::read(&self.path, self.machine, &mut self.files)?;
        self.directories.clone_from(&sources.directories);
        Ok(sources)
    }

    /// Compiles; `written` is the configuration that stands in the file, where another one is compiled.
    fn compile(
        &mut self,
        mut sources: Sources,
        written: Option<Arc<str>>,
        generation: u64,
    ) -> Result<Snapshot, ConfigErrors> {
        let snapshot = Snapshot::compile(&sources, &mut self.compiler, generation, UnixTime::now())?;
        let text = Arc::clone(&sources.text);
        sources.text = written.unwrap_or_else(|| Arc::clone(&text));
        let policy = Arc::clone(&snapshot.policy);
        self.in_force = Some(InForce { generation, config: snapshot.config.clone(), policy, text, sources });
        Ok(snapshot)
    }

    fn waits_for_restart(&self, sources: &Sources, in_force: &InForce) -> Result<Vec<String>, ConfigErrors> {
        if sources.text == in_force.text {
            return Ok(Vec::new());
        }
        let (config, problems) = config::read(&self.path, &sources.text, self.machine)?;
        if problems.is_empty() {
            return Ok(restart::needed(&in_force.config, &config));
        }
        Err(problems.into_errors())
    }
}
