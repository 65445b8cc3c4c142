//! Bundles: all that a consumer needs to read its first record, in one directory or one zip file.
//!
//! Must never: write a key where others can read it, overwrite anything, or put a value into a file from which it could
//! break out.

mod manifest;

pub use manifest::{GroupRule, MANIFEST_FILE, MANIFEST_VERSION, Manifest, ManifestError, OffsetReset};
