//! Distinguished names: read, written, compared.

use proptest::prelude::*;
use weir_policy::{DistinguishedName, DnError, Rdn};

use crate::small;

fn parse(text: &str) -> DistinguishedName {
    DistinguishedName::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A name in the order of the certificate.
fn name(rdns: &[&[(&str, &str)]]) -> DistinguishedName {
    DistinguishedName::new(rdns.iter().map(|rdn| Rdn::new(rdn.iter().copied()).unwrap()).collect())
}

#[test]
fn text_begins_with_the_last_rdn_of_the_certificate() {
    let certificate = name(&[&[("C", "XX")], &[("O", "Example")], &[("CN", "a")]]);
    assert_eq!(certificate.to_string(), "CN=a,O=Example,C=XX");
    assert_eq!(parse("CN=a,O=Example,C=XX"), certificate);
}

#[test]
fn the_examples_of_rfc_4514() {
    let long = parse("1.3.6.1.4.1.1466.0=#16024869");
    assert_eq!(long, name(&[&[("1.3.6.1.4.1.1466.0", "Hi")]]));
    assert_eq!(parse("CN=Lu\\C4\\8Di\\C4\\87"), name(&[&[("CN", "Lučić")]]));
    assert_eq!(parse("OU=Sales+CN=J.  Smith,DC=example,DC=net"), parse("CN=J.  Smith+OU=Sales,DC=example,DC=net"));
    assert_eq!(
        parse("CN=James \\\"Jim\\\" Smith\\, III,DC=net"),
        name(&[&[("DC", "net")], &[("CN", "James \"Jim\" Smith, III")]])
    );
    assert_eq!(parse("CN=Before\\0dAfter,DC=net"), name(&[&[("DC", "net")], &[("CN", "Before\rAfter")]]));
}

#[test]
fn what_is_special_is_escaped() {
    for (value, written) in [
        ("a,b+c\"d\\e<f>g;h", "CN=a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h"),
        (" a ", "CN=\\ a\\ "),
        (" ", "CN=\\ "),
        ("  a  b  ", "CN=\\ \\ a  b\\ \\ "),
        ("#a#", "CN=\\#a\\#"),
        ("a=b", "CN=a\\=b"),
        ("a\nb", "CN=a\\0ab"),
        ("", "CN="),
        ("ä", "CN=ä"),
    ] {
        let name = name(&[&[("CN", value)]]);
        assert_eq!(name.to_string(), written);
        assert_eq!(parse(written), name);
    }
}

#[test]
fn a_type_without_a_short_name_is_written_as_its_oid_with_its_encoding() {
    let unknown = name(&[&[("1.2.3.4", "foo")]]);
    assert_eq!(unknown.to_string(), "1.2.3.4=#0c03666f6f");
    assert_eq!(parse("1.2.3.4=foo"), unknown);
    for length in [0, 127, 128, 255, 256, 70_000] {
        let unknown = name(&[&[("1.2.3.4", "x".repeat(length).as_str())]]);
        assert!(parse(&unknown.to_string()) == unknown, "{length}");
    }
}

#[test]
fn types_are_compared_as_oids() {
    assert_eq!(parse("cn=a"), parse("2.5.4.3=a"));
    assert_eq!(parse("givenName=a").to_string(), "GN=a");
    assert_ne!(parse("CN=a"), parse("O=a"));
    assert_ne!(parse("CN=a"), parse("CN=A"));
    assert_ne!(parse("CN=a,O=b"), parse("CN=a+O=b"));
    assert_ne!(parse("CN=a,O=b"), parse("O=b,CN=a"));
}

/// RFC 4514 leaves these to the writer.
#[test]
fn what_need_not_be_escaped_is_read_without_it() {
    assert_eq!(parse("CN=a=b#"), parse("CN=a\\=b\\#"));
    assert_eq!(parse("CN=\\  a \\ "), parse("CN=\\ \\ a\\ \\ "));
}

#[test]
fn what_is_no_name_is_refused() {
    for text in [
        "CN",
        "=a",
        "CN=a,",
        ",CN=a",
        "CN=a,,O=b",
        "CN=a+",
        "XX=a",
        "CN =a",
        "1=a",
        "1.=a",
        "01.2=a",
        "CN=a;O=b",
        "CN= a",
        "CN=a ,O=b",
        "CN=a ",
        "CN=\"a\"",
        "CN=a\\",
        "CN=a\\4",
        "CN=a\\zz",
        "CN=\\00",
        "CN=a\0",
        "CN=\\ff",
        "CN=#",
        "CN=#0c",
        "CN=#0c0261",
        "CN=#0c016161",
        "CN=#1e020041",
        "CN=#140161",
        "CN=#0c81016",
        "CN=#0c810161",
        "CN=#0c820001",
        "CN=#0c80",
        "CN=#0c0100",
    ] {
        assert!(DistinguishedName::parse(text).is_err(), "{text:?} gives {:?}", DistinguishedName::parse(text));
    }
    assert_eq!(Rdn::new([("CN", "a\0b")]), Err(DnError::Value));
    assert_eq!(Rdn::new([("CN", "a"), ("2.5.4.3", "a")]), Err(DnError::Repeated));
    assert_eq!(DistinguishedName::parse("CN=a+CN=a"), Err(DnError::Repeated));
    assert_eq!(Rdn::new([]), Err(DnError::EmptyRdn));
    assert_eq!(Rdn::new([("nonsense", "a")]), Err(DnError::AttributeType));
}

#[test]
fn a_common_name_is_one_or_none() {
    assert_eq!(parse("O=x,CN=a,C=XX").common_name(), Some("a"));
    assert_eq!(parse("UID=1+CN=a").common_name(), Some("a"));
    for none in ["", "O=x", "CN=a,CN=b", "CN=a,CN=a", "CN=a+CN=b"] {
        assert_eq!(parse(none).common_name(), None, "{none}");
    }
}

fn any_name() -> impl Strategy<Value = DistinguishedName> {
    let kind = prop_oneof![Just("CN"), Just("O"), Just("emailAddress"), Just("1.2.3.4"), Just("2.5.4.3")];
    let value = prop_oneof!["[a-b ,+=#\\\\\"<>;\n]{0,5}", "[^\0]{0,8}"];
    let rdn = prop::collection::vec((kind, value), 1..3);
    let rdn = rdn.prop_filter_map("a part that says one thing twice is none", |attributes| {
        Rdn::new(attributes.iter().map(|(kind, value)| (*kind, value.as_str()))).ok()
    });
    prop::collection::vec(rdn, 0..4).prop_map(DistinguishedName::new)
}

proptest! {
    #![proptest_config(small::cases(4000))]

    #[test]
    fn what_is_written_reads_back_as_the_same_name(name in any_name()) {
        prop_assert_eq!(DistinguishedName::parse(&name.to_string()), Ok(name));
    }

    #[test]
    fn two_names_are_written_alike_only_if_they_are_equal(a in any_name(), b in any_name()) {
        prop_assert_eq!(a.to_string() == b.to_string(), a == b);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "([A-Za-z.0-9]{0,3}[=,+#\\\\ ]?.?){0,6}") {
        if let Ok(name) = DistinguishedName::parse(&text) {
            prop_assert_eq!(DistinguishedName::parse(&name.to_string()), Ok(name));
        }
    }
}
