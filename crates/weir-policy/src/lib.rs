//! Who may do what, and how much: pure, without IO or a clock.
//!
//! Text goes in, a [`Policy`] comes out, or every problem of every file. Must never: read a file, ask the time, or
//! know how Kafka's bytes look.

mod catalogue;
mod compacted;
mod compile;
mod diff;
mod dn;
mod explain;
mod identity;
mod ledger;
mod limits;
mod names;
mod pattern;
mod policy;
mod principal;
mod problem;
mod reason;
mod rules;
mod suspension;
mod words;
mod yaml;

pub use catalogue::{CatalogueEntry, CleanupPolicy, PiiDecision, PiiVerdict};
pub use compacted::Compacted;
pub use compile::{CataloguePlaces, Compiler, NeverList, Places};
pub use diff::{Change, Diff, Effect};
pub use dn::{DistinguishedName, DnError, Rdn};
pub use explain::{Explanation, Line};
pub use identity::{CertificateRule, Fact, IdentityRule, PeerFacts};
pub use ledger::{
    Account, CatchUp, Debts, GroupChange, GroupNews, Holding, Joiner, LONGEST_DEBT, Ledger, Limited, Meter,
    SessionPlace, Taken, Wishes,
};
pub use limits::{Count, Limits, Mode, Offsets, Rate};
pub use names::{GroupMode, Namespace, OwnGroups, RealGroup, ShownGroup, is_topic_name};
pub use policy::{Policy, PolicyFiles, PolicyOptions, SourceFile};
pub use principal::{Principal, Tier};
pub use problem::{ConfigErrors, Place, Problem};
pub use reason::Reason;
pub use rules::{Operation, Resource};
pub use suspension::{Serial, Suspended, Suspension};
pub use words::LimitInWords;
