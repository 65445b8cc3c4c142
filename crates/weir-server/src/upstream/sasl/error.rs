//! Why brokers and Weir do not come together by SASL.
//!
//! Must never: hold a secret, or a broker's own words: what a broker says is reduced to a closed list here.

/// What is wrong, said of the broker ("it ...") where it is the broker's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaslError {
    /// The file with the password or the token is of no use.
    #[error("`{file}` {why}")]
    Secret {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// A broker without SaslAuthenticate.
    #[error("it is older than Kafka 1.0, which is the first whose SASL Weir speaks")]
    TooOld,
    /// The port does not ask for SASL.
    #[error("it does not ask for SASL on this port")]
    NotAsked,
    /// The broker has other mechanisms.
    #[error("it offers {offered}, not {wanted}")]
    Mechanism {
        /// The one that was asked for.
        wanted: &'static str,
        /// The others, in words.
        offered: String,
    },
    /// The broker does not take the user and the password, or the token.
    #[error("it refuses {whom}")]
    Refused {
        /// Who is refused, in words.
        whom: String,
    },
    /// More iterations than Weir computes, or fewer than are safe.
    #[error("it asks for {0} iterations of SCRAM; {min} to {max} are taken", min = super::scram::ITERATIONS.start(), max = super::scram::ITERATIONS.end())]
    Iterations(u32),
    /// An answer that the mechanism does not know.
    #[error("its SASL answer does not have the form of the mechanism's")]
    Malformed,
    /// The broker's nonce is not made from Weir's: it may be another conversation's.
    #[error("its SASL answer does not belong to what Weir said")]
    Nonce,
    /// The broker has not proved that it knows the user.
    #[error("it did not prove that it knows the user's password: it may not be the broker that it claims to be")]
    Unproven,
}

impl SaslError {
    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Secret { .. } => "write the file anew, as the one line that it has to be, readable by Weir's user",
            Self::TooOld => "update it, or use a certificate",
            Self::NotAsked => "name its SASL_SSL port, or take `sasl:` away",
            Self::Mechanism { .. } => {
                "write a `mechanism` that it offers, or add this one to its `sasl.enabled.mechanisms`"
            }
            Self::Refused { .. } => {
                "write the right password or a valid token into the file (Weir reads it anew), or make the user with \
                 `kafka-configs.sh --alter --add-config`"
            }
            Self::Iterations(_) => "set the user's password anew with `iterations=8192`",
            Self::Malformed | Self::Nonce | Self::Unproven => "look at whether that is your broker, and at its log",
        }
    }
}

/// What a broker offers, in words. Only what looks like the name of a mechanism is repeated, and not too much of it.
pub(super) fn offered(mechanisms: &[String]) -> String {
    const MOST: usize = 8;
    let is_name = |name: &&String| {
        let sound = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        (1..=20).contains(&name.len()) && name.bytes().all(sound)
    };
    let names: Vec<&str> = mechanisms.iter().filter(is_name).take(MOST).map(String::as_str).collect();
    match names.as_slice() {
        [] => "no mechanism".to_owned(),
        [one] => format!("{one} only"),
        several => several.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_broker_offers_is_told_and_nothing_else_that_it_says() {
        let of = |names: &[&str]| offered(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["SCRAM-SHA-256"]), "SCRAM-SHA-256 only");
        assert_eq!(of(&["PLAIN", "GSSAPI"]), "PLAIN, GSSAPI");
        assert_eq!(of(&[]), "no mechanism");
        assert_eq!(of(&["\u{1b}[31m", "PLAIN\nPLAIN", &"X".repeat(21), ""]), "no mechanism");
        assert_eq!(of(&["A"; 1000]).len(), "A, A, A, A, A, A, A, A".len());
    }
}
