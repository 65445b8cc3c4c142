//! Bounds on what Weir's users may take of the brokers, as the commands that say it to Kafka.
//!
//! Must never: hold an honest Weir back. Who is slowed down there is not told in Weir's words.

use std::fmt::Write as _;

use super::Wall;
use super::derived::Bounds;
use super::shell::{head, quoted};
use super::users::User;

impl Wall<'_> {
    /// A program that sets the bounds.
    pub(super) fn quotas(&self) -> String {
        let mut text = format!(
            "\
#!/bin/sh
# What Weir may take of each broker of upstream {name}. Written by `weir render upstream`: render and run it again when tiers,
# principals or `nodes` change. These are bounds for a Weir that is broken, above what an honest one takes: twice the sum
# of `bytes_out` (the rate, and a tenth of the burst, for brokers measure over ten seconds) of all principals that come as a
# user, and of one more of each tier, as if all of them read from one broker at once. Of request_percentage 100 is one
# thread: twice the sum of `requests`, reckoned with 1 ms each, 10 ms for each MB, and one thread for Weir's own questions.
# From 100 times (num.network.threads + num.io.threads) on it is no bound; to have one, lower `requests` in tiers.yaml.
#   BOOTSTRAP=kafka1.internal:9092 COMMAND_CONFIG=admin.properties sh quotas.sh
{head}quota() {{ user=$1; shift; configs --alter --entity-type users --entity-name \"$user\" \"$@\"; }}
",
            name = self.name,
            head = head("kafka-configs", "configs"),
        );
        for user in &self.users {
            of_user(user, self.bounds(user), &mut text);
        }
        text
    }
}

fn of_user(user: &User, bounds: Bounds, text: &mut String) {
    let Bounds { principals, bytes, percent } = bounds;
    let _ = write!(text, "\n# {}: {}; {principals} of them.\n", user.name, user.words());
    // Who serves no tier may not fetch.
    let bytes = bytes.filter(|_| user.reads());
    let bounds = [("consumer_byte_rate", bytes), ("request_percentage", percent)];
    // Kafka takes no 0.
    let known: Vec<String> =
        bounds.iter().filter_map(|(key, bound)| Some(format!("{key}={}", (*bound)?.max(1)))).collect();
    if !known.is_empty() {
        let _ = writeln!(text, "quota {} --add-config {}", quoted(&user.name), known.join(","));
    }
    for (key, _) in bounds.iter().filter(|(_, bound)| bound.is_none() && user.reads()) {
        let _ = writeln!(
            text,
            "# No {key}: a limit of one of these principals is only watched (`mode: observe`), so that there is no bound.\n\
             # Where the brokers have one, take it away: --delete-config {key}"
        );
    }
}
