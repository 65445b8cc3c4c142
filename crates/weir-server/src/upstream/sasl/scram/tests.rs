//! The vectors of the RFC, every way in which a broker can answer badly, and a broker that computes by the RFC's formulas.

use aws_lc_rs::pbkdf2;
use proptest::prelude::*;

use super::super::Mechanism;
use super::super::secret::Secret;
use super::*;

const SHA_256: ScramHash = ScramHash::Sha256;
/// The conversation of RFC 7677, section 3.
const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const PROOF: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                     p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const LAST: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn password(text: &str) -> Secret {
    Secret::parse(Mechanism::Scram(SHA_256), text.as_bytes()).unwrap()
}

fn opening() -> Opening {
    Opening::new(SHA_256, "user", NONCE.to_owned())
}

fn proved(first: &str) -> (Vec<u8>, Proved) {
    let challenged = opening().challenged(first.as_bytes()).unwrap();
    let keys = SaltedKeys::derive(&password("pencil"), &challenged.salting);
    challenged.prove(&keys)
}

fn refused() -> SaslError {
    SaslError::Refused { whom: "user".to_owned() }
}

#[test]
fn the_conversation_of_rfc_7677_is_held_word_for_word() {
    assert_eq!(opening().message(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let (proof, proved) = proved(FIRST);
    assert_eq!(String::from_utf8(proof).unwrap(), PROOF);
    assert_eq!(proved.verify(LAST.as_bytes(), refused), Ok(()));
    // An extension may follow.
    assert_eq!(proved.verify(format!("{LAST},x=y").as_bytes(), refused), Ok(()));
}

#[test]
fn a_name_is_escaped_as_the_rfc_has_it() {
    let opening = Opening::new(SHA_256, "a=b,c=2C", NONCE.to_owned());
    assert_eq!(opening.message(), format!("n,,n=a=3Db=2Cc=3D2C,r={NONCE}").into_bytes());
}

#[test]
fn hostile_u16_a_broker_that_does_not_know_the_password_is_not_believed() {
    let (_, proved) = proved(FIRST);
    let other = "v=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    for (answer, error) in [
        (other, SaslError::Unproven),
        ("v=", SaslError::Unproven),
        ("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95A==", SaslError::Unproven),
        ("v=***", SaslError::Malformed),
        ("", SaslError::Malformed),
        ("x=y,v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", SaslError::Malformed),
        ("e=invalid-proof", refused()),
    ] {
        assert_eq!(proved.verify(answer.as_bytes(), refused), Err(error), "{answer}");
    }
    assert_eq!(proved.verify(b"v=\xff", refused), Err(SaslError::Malformed));
}

#[test]
fn hostile_u2_what_a_broker_answers_first_is_judged_before_anything_is_computed() {
    let with = |old: &str, new: &str| FIRST.replacen(old, new, 1);
    let longest = "x".repeat(1025);
    for (answer, error) in [
        // Another conversation's nonce, and one to which the broker added nothing.
        (with("r=rOpr", "r=rOpq"), SaslError::Nonce),
        (with("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", ""), SaslError::Nonce),
        (with("%hv", "\u{1}"), SaslError::Malformed),
        (with("%hv", " "), SaslError::Malformed),
        (with("%hv", &longest), SaslError::Malformed),
        (with("W22Z", &longest), SaslError::Malformed),
        (with("W22ZaJ0SNY7soEsUEjb6gQ==", ""), SaslError::Malformed),
        (with("W22Z", "????"), SaslError::Malformed),
        (with("4096", "0"), SaslError::Iterations(0)),
        (with("4096", "1"), SaslError::Iterations(1)),
        (with("4096", "4095"), SaslError::Iterations(4095)),
        (with("4096", "262145"), SaslError::Iterations(262_145)),
        (with("4096", "2147483648"), SaslError::Iterations(1 << 31)),
        (with("4096", "4294967296"), SaslError::Malformed),
        (with("4096", "-4096"), SaslError::Malformed),
        (with("4096", "+4096"), SaslError::Malformed),
        (with("4096", ""), SaslError::Malformed),
        (with("r=", "m=x,r="), SaslError::Malformed),
        (with("s=", "t="), SaslError::Malformed),
        ("e=unknown-user".to_owned(), SaslError::Malformed),
        (String::new(), SaslError::Malformed),
    ] {
        let challenged = opening().challenged(answer.as_bytes());
        assert_eq!(challenged.map(drop), Err(error), "{answer}");
    }
    assert!(opening().challenged(b"r=\xff\xfe").is_err());
}

/// ServerSignature, and whether the proof is that of the password: by the formulas of RFC 5802, section 3.
fn broker(hash: ScramHash, password: &str, salting: &Salting, auth_message: &str, proof: &[u8]) -> (bool, Vec<u8>) {
    let pbkdf2 = match hash {
        ScramHash::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        ScramHash::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
    };
    let sign = |key: &[u8], what: &[u8]| hmac::sign(&hash.hmac(key), what).as_ref().to_vec();
    let mut salted = vec![0; proof.len()];
    pbkdf2::derive(pbkdf2, salting.iterations, &salting.salt, password.as_bytes(), &mut salted);
    let stored = digest::digest(hash.algorithm(), &sign(&salted, b"Client Key"));
    let signature = sign(stored.as_ref(), auth_message.as_bytes());
    let key: Vec<u8> = signature.iter().zip(proof).map(|(one, other)| one ^ other).collect();
    let knows = digest::digest(hash.algorithm(), &key).as_ref() == stored.as_ref();
    (knows, sign(&sign(&salted, b"Server Key"), auth_message.as_bytes()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_sides_know_each_other_by_the_password_alone(
        sha_512 in any::<bool>(),
        user in "[ -~]{1,20}",
        secret in "[ -~\u{e9}\u{4e2d}]{1,40}",
        salt in proptest::collection::vec(any::<u8>(), 1..64),
        iterations in 4_096_u32..4_200,
        other in any::<bool>(),
    ) {
        let hash = if sha_512 { ScramHash::Sha512 } else { ScramHash::Sha256 };
        let opening = Opening::new(hash, &user, NONCE.to_owned());
        let bare = String::from_utf8(opening.message()).unwrap()[3..].to_owned();
        let first = format!("r={NONCE}abc,s={},i={iterations}", STANDARD.encode(&salt));
        let challenged = opening.challenged(first.as_bytes()).unwrap();
        let salting = challenged.salting.clone();
        let keys = SaltedKeys::derive(&password(&secret), &salting);
        let (message, proved) = challenged.prove(&keys);
        let message = String::from_utf8(message).unwrap();
        let (without_proof, proof) = message.split_once(",p=").unwrap();
        let proof = STANDARD.decode(proof).unwrap();
        let auth_message = format!("{bare},{first},{without_proof}");
        let known = if other { format!("{secret}.") } else { secret };
        let (knows, signature) = broker(hash, &known, &salting, &auth_message, &proof);
        prop_assert_eq!(knows, !other);
        let verified = proved.verify(format!("v={}", STANDARD.encode(signature)).as_bytes(), refused);
        prop_assert_eq!(verified, if other { Err(SaslError::Unproven) } else { Ok(()) });
    }

    #[test]
    fn no_answer_of_a_broker_makes_it_panic_or_compute(answer in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(challenged) = opening().challenged(&answer) {
            prop_assert!(ITERATIONS.contains(&challenged.salting.iterations.get()));
        }
    }

    #[test]
    fn an_answer_that_was_changed_anywhere_is_refused_or_gives_another_proof(
        at in 0..FIRST.len(), byte in any::<u8>(),
    ) {
        let mut answer = FIRST.as_bytes().to_vec();
        prop_assume!(answer[at] != byte);
        answer[at] = byte;
        if let Ok(challenged) = opening().challenged(&answer) {
            prop_assume!(challenged.salting.iterations.get() < 10_000);
            let keys = SaltedKeys::derive(&password("pencil"), &challenged.salting);
            let (proof, proved) = challenged.prove(&keys);
            prop_assert_ne!(String::from_utf8(proof).unwrap(), PROOF);
            prop_assert_eq!(proved.verify(LAST.as_bytes(), refused), Err(SaslError::Unproven));
        }
    }
}
