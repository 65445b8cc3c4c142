//! A certificate authority as a directory: a key, certificates, a revocation list and an index of all that was done.
//!
//! Must never: let a certificate out that the index does not know, replace a file of another authority, or ask for the
//! key where none is needed.
//!
//! | file | holds |
//! |---|---|
//! | `ca.pem` | the authority's own certificate |
//! | `chain.pem` | of an intermediate: its certificate and those above it, without the root: what follows a leaf |
//! | `root.pem` | of an intermediate: the root, where it is known |
//! | `ca.key` | the private key, PKCS#8, mode 0600, encrypted where a passphrase was given |
//! | `ca.csr` | of an intermediate below an external root: the request for its certificate |
//! | `index` | who issued, signed, renewed and revoked what: a line of JSON each, only ever appended to |
//! | `crl.pem` | the newest revocation list |
//! | `issued/SERIAL.pem` | each certificate, with its chain |

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

/// How long a client certificate is valid unless told otherwise: 180 days. A certificate is renewed by people who write
/// each other; two times a year is a habit, and a lost key is answered by revocation, which Weir follows in a second.
pub const CLIENT_DAYS: i64 = 180;
/// How long a server certificate is valid unless told otherwise.
pub const SERVER_DAYS: i64 = 90;
/// How long a root is valid unless told otherwise.
pub const ROOT_DAYS: i64 = 3_650;
/// How long an intermediate is valid unless told otherwise.
pub const INTERMEDIATE_DAYS: i64 = 1_825;
/// After how many days the next revocation list is due unless told otherwise: `weir` goes on with an older one for
/// `crl.max_stale`.
pub const CRL_DAYS: i64 = 30;

/// What a new authority is to be.
#[derive(Debug, Clone, Copy)]
pub struct NewAuthority<'a> {
    /// Its common name.
    pub common_name: &'a str,
    /// Its organisation.
    pub organisation: Option<&'a str>,
    /// The kind of its key.
    pub key: KeyKind,
    /// What encrypts the key file. Without one the key is in the clear, for its owner alone.
    pub passphrase: Option<&'a str>,
    /// For how long it is valid; nothing: [`ROOT_DAYS`] or [`INTERMEDIATE_DAYS`]. An intermediate ends with its issuer
    /// at the latest. An external root decides by itself.
    pub days: Option<i64>,
    /// What signs it.
    pub above: Above<'a>,
}

/// What stands above a new authority.
#[derive(Debug, Clone, Copy)]
pub enum Above<'a> {
    /// Nothing: it is a root.
    Nothing,
    /// Another authority of ours, unlocked. Its index will know the new one.
    Local(&'a CaSigner),
    /// One that is not ours: `ca.csr` goes there, and [`CaDirectory::install`] takes what comes back.
    External,
}

/// A CA directory that is read: no key is needed for that.
pub struct CaDirectory;

/// A CA directory with its key: it issues, renews, revokes. Safe to use from several processes at once.
pub struct CaSigner;

/// What a certificate that is issued here may differ in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms {
    /// For how many days it is valid; nothing: [`CLIENT_DAYS`] or [`SERVER_DAYS`]. It ends with the authority at the
    /// latest. The start is an hour ago, because clocks differ.
    pub days: Option<i64>,
    /// The kind of its key, where the key is made here.
    pub key: KeyKind,
}

/// A certificate whose key was made here.
#[derive(Debug, Clone)]
pub struct IssuedEntry {
    /// What the index knows of it.
    pub entry: Entry,
    /// Certificate, chain and key. The key is kept nowhere else: write it, hand it over, forget it.
    pub issued: Issued,
}

/// A certificate for a key that someone else holds.
#[derive(Debug, Clone)]
pub struct SignedEntry {
    /// What the index knows of it.
    pub entry: Entry,
    /// The certificate alone, PEM.
    pub certificate_pem: String,
    /// The certificate and the intermediates above it, PEM.
    pub chain_pem: String,
    /// What the request asked for and did not get, a sentence each. Empty where it asked for its key alone.
    pub dropped: Vec<String>,
}

/// What [`CaSigner::revoke`] did.
#[derive(Debug, Clone)]
pub struct RevokedEntries {
    /// The certificates that are revoked now, and were not before.
    pub entries: Vec<Entry>,
    /// The revocation list that says so.
    pub crl: CrlFile,
}

/// The revocation list in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlFile {
    /// `DIR/crl.pem`.
    pub path: PathBuf,
    /// Its number; every new list has a higher one.
    pub number: u64,
    /// When it was made.
    pub this_update: OffsetDateTime,
    /// When the next one is due.
    pub next_update: OffsetDateTime,
    /// How many certificates it names.
    pub revoked: usize,
}

impl CaDirectory {
    /// Makes a new authority in `directory`, which must not be there, or be empty. It appears whole or not at all, with
    /// mode 0700, and with a first, empty revocation list (but for [`Above::External`], which awaits its certificate).
    ///
    /// # Errors
    /// The directory has something in it; a name that no certificate can hold; the disk.
    pub fn create(directory: &Path, new: &NewAuthority<'_>, by: &By) -> Result<CaDirectory, CaError>;

    /// Opens a directory. Needs the right to read it, and no key.
    ///
    /// # Errors
    /// It is no CA directory or half of one; the index has a fault: which, with file and line.
    pub fn open(directory: &Path) -> Result<CaDirectory, CaError>;

    /// Takes the certificate that an external root has made of `ca.csr`. `chain_pem` has it first, then the
    /// intermediates above it, and may end with the root.
    ///
    /// # Errors
    /// There is a certificate already; it is for another key; it may not sign certificates and lists; it is not signed
    /// by what follows it; the key's passphrase is wrong.
    pub fn install(directory: &Path, chain_pem: &str, passphrase: Option<&str>, by: &By) -> Result<CaDirectory, CaError>;

    /// Whether [`CaDirectory::unlock`] needs a passphrase.
    ///
    /// # Errors
    /// `ca.key` cannot be read, or is none.
    pub fn needs_passphrase(&self) -> Result<bool, CaError>;

    /// The authority with its key. Finishes what a crash interrupted: a revocation list that is older than the index is
    /// written anew.
    ///
    /// # Errors
    /// A wrong passphrase, one missing, or one too many; others than the owner may read `ca.key`; it is not the key of
    /// `ca.pem`.
    pub fn unlock(self, passphrase: Option<&str>) -> Result<CaSigner, CaError>;

    /// All certificates, in the order in which they were issued.
    pub fn entries(&self) -> &[Entry];

    /// Everything that was done, a sentence each with time, operator and ticket, in order.
    pub fn history(&self) -> &[Event];

    /// What an operator should know: a torn last line of the index, a revocation list that is older than the index or
    /// due, a certificate whose file is missing, an authority that ends soon. A sentence each.
    pub fn remarks(&self, now: OffsetDateTime) -> Vec<String>;

    /// The certificate of the authority, PEM.
    pub fn certificate_pem(&self) -> &str;

    /// What the other side must trust: the root where it is known, else the authority's own certificate. PEM.
    pub fn trust_pem(&self) -> &str;

    /// The last second at which the authority is valid.
    pub fn not_after(&self) -> OffsetDateTime;

    /// The newest revocation list, as the index knows it.
    pub fn crl(&self) -> Option<&CrlFile>;

    /// The file of a certificate with its chain: `DIR/issued/SERIAL.pem`.
    pub fn file_of(&self, entry: &Entry) -> PathBuf;

    /// The directory.
    pub fn path(&self) -> &Path;
}

impl CaSigner {
    /// A client certificate with a new key. Several live ones of one name may stand beside each other.
    pub fn issue_client(&mut self, subject: &ClientSubject, terms: Terms, by: &By) -> Result<IssuedEntry, CaError>;

    /// A client certificate for the key of a request (CSR, PEM). Only the public key is taken from it; the request must
    /// be signed with that key, which must be ECDSA P-256 or P-384, or RSA with 2,048 to 8,192 bits.
    pub fn sign_client(&mut self, csr_pem: &str, subject: &ClientSubject, terms: Terms, by: &By) -> Result<SignedEntry, CaError>;

    /// A server certificate with a new key for `names`: DNS names (`*.weir.example` is one) and IP addresses.
    pub fn issue_server(&mut self, names: &[&str], terms: Terms, by: &By) -> Result<IssuedEntry, CaError>;

    /// A new certificate with a new key and all names of an older one, which stays valid: both work until it ends or is
    /// revoked. Of several with the name, the one that ends last is continued.
    ///
    /// # Errors
    /// None is meant, or it is revoked, or it is of an authority.
    pub fn renew(&mut self, which: Which<'_>, terms: Terms, by: &By) -> Result<IssuedEntry, CaError>;

    /// As [`CaSigner::renew`], for the key of a request.
    pub fn renew_signed(&mut self, which: Which<'_>, csr_pem: &str, terms: Terms, by: &By) -> Result<SignedEntry, CaError>;

    /// Revokes the certificate with this serial number, or the one live certificate with this name; `all` of them where
    /// there are several.
    ///
    /// # Errors
    /// None is meant (an expired or revoked one is said to be so); several are, and `all` is not set: they are named.
    /// Where the list cannot be written the revocation stands in the index, and the error says so.
    pub fn revoke(&mut self, which: Which<'_>, all: bool, cause: RevocationCause, by: &By) -> Result<RevokedEntries, CaError>;

    /// Writes a new revocation list, due again after `days` ([`CRL_DAYS`] if nothing).
    pub fn publish_crl(&mut self, days: Option<i64>, by: &By) -> Result<CrlFile, CaError>;

    /// The directory, as it was read last.
    pub fn directory(&self) -> &CaDirectory;
}
