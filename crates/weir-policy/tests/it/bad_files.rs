//! The corpus of bad files: each says what is wrong with it, and the compiler says just that.
//!
//! A case is one file of `tests/bad`: `=== NAME` begins a policy file (what is left out is a sound small one), and
//! `=== expect` the problems, one per line.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use weir_policy::{ConfigErrors, IdentityRule, PolicyFiles, PolicyOptions};

use crate::small;

/// The case's files, and the lines that it expects.
fn read_case(text: &str) -> (PolicyFiles, String) {
    let mut files = small::files(small::catalogue(["eqiad.a", "codfw.a"], []), "never: []\n", vec![]);
    let mut expected = String::new();
    for part in text.split("=== ").skip(1) {
        let (name, content) = part.split_once('\n').unwrap();
        match name {
            "catalogue.yaml" => files.catalogue.text = content.to_owned().into(),
            "never.yaml" => files.never.text = content.to_owned().into(),
            "tiers.yaml" => files.tiers.text = content.to_owned().into(),
            "expect" => expected = content.to_owned(),
            suspended if suspended.starts_with("suspended/") => {
                files.suspended.push(small::file(suspended, content));
            }
            principal => files.principals.push(small::file(principal, content)),
        }
    }
    (files, expected)
}

fn problems(files: &PolicyFiles) -> ConfigErrors {
    small::compile(files).err().unwrap_or(ConfigErrors(Vec::new()))
}

#[test]
fn hostile_o1_each_bad_file_says_what_is_wrong_where_and_what_to_write() {
    let mut wrong = String::new();
    let mut cases = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad")).unwrap() {
        let path = entry.unwrap().path();
        let (files, expected) = read_case(&fs::read_to_string(&path).unwrap());
        let found = problems(&files);
        cases += 1;
        if found.to_string().trim() != expected.trim() {
            write!(wrong, "{}\nexpected:\n{expected}found:\n{found}\n\n", path.display()).unwrap();
        }
        for problem in &found.0 {
            assert!(problem.place.is_some() && !problem.fix.is_empty(), "{problem}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(cases >= 20, "{cases} cases");
}

#[test]
fn the_sound_small_policy_compiles() {
    let (files, _) = read_case("");
    assert_eq!(problems(&files).0, []);
}

#[test]
fn a_file_of_any_text_is_compiled_or_refused() {
    let sound = small::principal("p", "p", "{cn: p}", &["{topic: eqiad.a}".to_owned()]).text;
    let cut_anywhere = (0..sound.len()).filter_map(|end| sound.get(..end));
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
    let deep = "[".repeat(100_000);
    let long = "x".repeat(17 * 1024 * 1024);
    for text in cut_anywhere.chain(["\0", "\u{feff}", "{", "- - - -", bomb, &deep, &long]) {
        let (mut files, _) = read_case("");
        files.principals.push(small::file("p.yaml", text));
        let _ = small::compile(&files);
        files.never.text = text.to_owned().into();
        files.tiers.text = text.to_owned().into();
        files.catalogue.text = text.to_owned().into();
        assert!(small::compile(&files).is_err());
    }
}

#[test]
fn identity_rules_are_checked() {
    let (files, _) = read_case("");
    let with = |identity: &[IdentityRule]| {
        let options = PolicyOptions { identity: identity.to_vec(), ..PolicyOptions::default() };
        weir_policy::Policy::compile(&files, &options).map(drop).map_err(|errors| errors.to_string())
    };
    let none = "no identity rule; list some of fingerprint, san-uri, san-dns, san-email, dn, cn".to_owned();
    assert_eq!(with(&[]), Err(none));
    let twice = "the identity rule `cn` stands twice; keep the first".to_owned();
    assert_eq!(with(&[IdentityRule::Cn, IdentityRule::Cn]), Err(twice));
}
