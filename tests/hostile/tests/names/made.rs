//! Names as a CA, careless or hostile, might write them: few letters, many that are special, three string types.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::der;

pub const CN: &str = "2.5.4.3";
/// The types that RFC 2253 has keywords for, those that Weir has one for beside them, and two that nobody has.
const TYPES: [&str; 14] = [
    CN,
    "2.5.4.6",
    "2.5.4.7",
    "2.5.4.8",
    "2.5.4.10",
    "2.5.4.11",
    "2.5.4.9",
    "0.9.2342.19200300.100.1.25",
    "0.9.2342.19200300.100.1.1",
    "2.5.4.5",
    "1.2.840.113549.1.9.1",
    "2.5.4.4",
    "1.2.3.4",
    "1.3.6.1.4.1.311.60.2.1.3",
];

/// A string type that is text without doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Utf8,
    Printable,
    Ia5,
}

/// RDNs in the order of the certificate: type, string type and text of each attribute.
#[derive(Clone, Debug)]
pub struct Name(pub Vec<Vec<(String, Kind, String)>>);

impl Name {
    /// What it says, whatever string types say it.
    pub fn said(&self) -> Vec<BTreeSet<(String, String)>> {
        let said =
            |rdn: &Vec<(String, Kind, String)>| rdn.iter().map(|(oid, _, text)| (oid.clone(), text.clone())).collect();
        self.0.iter().map(said).collect()
    }

    pub fn der(&self) -> Vec<u8> {
        self.encode(|_, kind, text| der::tlv(kind.tag(), text.as_bytes()))
    }

    /// The same with another value in one attribute's place.
    pub fn der_with(&self, at: usize, tag: u8, bytes: &[u8]) -> Vec<u8> {
        self.encode(|number, kind, text| match number == at {
            true => der::tlv(tag, bytes),
            false => der::tlv(kind.tag(), text.as_bytes()),
        })
    }

    /// How many there are.
    pub fn attributes(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    fn encode(&self, value: impl Fn(usize, Kind, &str) -> Vec<u8>) -> Vec<u8> {
        let mut number = 0_usize;
        let mut rdns = Vec::new();
        for rdn in &self.0 {
            let mut attributes = Vec::new();
            for (oid, kind, text) in rdn {
                attributes.push(der::sequence(&[der::oid(oid), value(number, *kind, text)]));
                number += 1;
            }
            rdns.push(der::set(attributes));
        }
        der::sequence(&rdns)
    }
}

impl Kind {
    pub fn tag(self) -> u8 {
        match self {
            Self::Utf8 => 0x0c,
            Self::Printable => 0x13,
            Self::Ia5 => 0x16,
        }
    }
}

/// Few texts, so that two names are often nearly the same, and all that RFC 2253 treats in its own way.
fn value() -> impl Strategy<Value = (Kind, String)> {
    let utf8 = prop_oneof![
        4 => "[a-b ,+=#\\\\\"<>;/]{0,5}",
        2 => "[a-z]{1,3}",
        1 => "[aäßşИ中😀\u{a0}\u{301}\u{200b} ]{0,4}",
        1 => "[a\r\n\t\u{7f}\u{1b} ]{0,3}",
        1 => "[^\0]{0,8}",
    ];
    prop_oneof![
        5 => utf8.prop_map(|text| (Kind::Utf8, text)),
        3 => "[a-bA-B0-1 '()+,./:=?-]{0,5}".prop_map(|text| (Kind::Printable, text)),
        2 => "[a-b@._#*&! ,+=\\\\\"<>;]{0,5}".prop_map(|text| (Kind::Ia5, text)),
    ]
}

/// A name with at least one part. No part says the same twice.
pub fn any_name() -> impl Strategy<Value = Name> {
    let kind = prop_oneof![3 => Just(CN), 5 => prop::sample::select(&TYPES[..])];
    let attribute = (kind, value()).prop_map(|(oid, (kind, text))| (oid.to_owned(), kind, text)).boxed();
    let rdn = prop_oneof![
        4 => attribute.clone().prop_map(|one| vec![one]),
        1 => prop::collection::vec(attribute, 2..4).prop_map(|mut rdn| {
            let mut seen = BTreeSet::new();
            rdn.retain(|(oid, _, text)| seen.insert((oid.clone(), text.clone())));
            rdn
        }),
    ];
    prop::collection::vec(rdn, 1..4).prop_map(Name)
}

/// So many names, the same for one seed.
pub fn names(what: &str, count: usize) -> Vec<Name> {
    let seed = std::env::var("WEIR_SEED").unwrap_or_else(|_| "20261122".into());
    println!("{what}: the seed is {seed}; WEIR_SEED gives another one");
    let mut bytes = [0; 32];
    seed.bytes().chain(what.bytes()).zip(&mut bytes).for_each(|(from, to)| *to = from);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let any = any_name();
    (0..count).map(|_| any.new_tree(&mut runner).expect("a name").current()).collect()
}
