//! Passphrases of CA keys: from a file or a prompt. Must never take one from an argument or the environment, or show one.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use weir_pki::{CaDirectory, CaSigner};

/// Unlocks a CA, with a passphrase where its key is encrypted.
pub(super) fn unlock(ca: CaDirectory, file: Option<&Path>) -> Result<CaSigner, Box<dyn Error>> {
    let passphrase = of_key(ca.path(), file)?;
    Ok(ca.unlock(passphrase.as_deref())?)
}

/// The passphrase of the key in a directory, if it has one.
pub(super) fn of_key(ca: &Path, file: Option<&Path>) -> Result<Option<String>, Box<dyn Error>> {
    match file {
        Some(file) => of_file(file).map(Some),
        None => where_needed(ca),
    }
}

fn where_needed(ca: &Path) -> Result<Option<String>, Box<dyn Error>> {
    let is_needed = CaDirectory::needs_passphrase(ca)?;
    is_needed.then(|| asked(&format!("Passphrase of {}: ", ca.display()))).transpose()
}

/// A new passphrase: of a file, or typed twice.
pub(super) fn new(file: Option<&Path>) -> Result<String, Box<dyn Error>> {
    if let Some(file) = file {
        return of_file(file);
    }
    let first = asked("New passphrase: ")?;
    if asked("The same again: ")? != first {
        return Err("these are two passphrases; nothing was made".into());
    }
    Ok(first)
}

/// The file's text without its last line break.
pub(super) fn of_file(file: &Path) -> Result<String, Box<dyn Error>> {
    let unreadable = |error| format!("{} cannot be read: {error}", file.display());
    let metadata = fs::metadata(file).map_err(unreadable)?;
    if metadata.is_file() && metadata.permissions().mode() & 0o007 != 0 {
        return Err(format!("others can read {0}: run `chmod 0600 {0}`", file.display()).into());
    }
    let text = fs::read_to_string(file).map_err(unreadable)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() || text.contains('\n') {
        return Err(format!("{} is to hold the passphrase in one line, and nothing else", file.display()).into());
    }
    Ok(text.to_owned())
}

/// What a person types at the terminal, which does not show it.
fn asked(prompt: &str) -> Result<String, Box<dyn Error>> {
    let nobody = |error| format!("nobody can be asked for the passphrase ({error}): add `--passphrase-file FILE`");
    let typed = rpassword::prompt_password(prompt).map_err(nobody)?;
    if typed.is_empty() { Err("the passphrase is empty; nothing was done".into()) } else { Ok(typed) }
}
