//! What Weir's users may do at the brokers, as the commands that say it to Kafka.
//!
//! Must never: allow anything but to see and to read topics of the catalogue, and to have the groups that Weir names.

use std::fmt::Write as _;

use super::Wall;
use super::shell::{head, quoted};
use super::users::User;

/// As many topics in one command as keep it shorter than any system's limit.
const AT_ONCE: usize = 200;

const SEE: &[&str] = &["Describe"];
const READ: &[&str] = &["Describe", "Read"];
const HAVE: &[&str] = &["Delete", "Describe", "Read"];
const SETTINGS: &[&str] = &["DescribeConfigs"];

/// What a command is about.
struct Resources<'a> {
    kind: &'static str,
    is_prefix: bool,
    names: Vec<&'a str>,
}

impl Wall<'_> {
    /// A program that adds what is missing. Adding what is there changes nothing.
    pub(super) fn acls(&self) -> String {
        let mut text = format!(
            "\
#!/bin/sh
# What Weir may do at the brokers of upstream {name}, and nothing else. Written by `weir render upstream`: render and run it
# again when the catalogue or Weir's identities change. It adds, and takes nothing away: what is allowed beyond this
# `weir check --live` names.
#   BOOTSTRAP=kafka1.internal:9092 COMMAND_CONFIG=admin.properties sh acls.sh
{head}allow() {{ user=$1; shift; acls --add --allow-principal \"$user\" \"$@\"; }}
",
            name = self.name,
            head = head("kafka-acls", "acls"),
        );
        text.push_str(&self.words_on_prefixes());
        for user in &self.users {
            let _ = write!(text, "\n# {}: {}.\n", user.name, user.words());
            self.of_user(user, &mut text);
        }
        text
    }

    fn of_user(&self, user: &User, text: &mut String) {
        let (on_topics, on_groups) = if user.reads() { (READ, HAVE) } else { (SEE, SEE) };
        for names in self.topics.chunks(AT_ONCE) {
            allow(user, on_topics, &literal(names), text);
        }
        let groups: Vec<&str> = self.groups.iter().map(String::as_str).collect();
        for names in groups.chunks(AT_ONCE) {
            allow(user, on_groups, &Resources { kind: "group", is_prefix: true, names: names.to_vec() }, text);
        }
        let prefixes: Vec<&str> = self.policy.catalogue_prefixes().collect();
        for names in prefixes.chunks(AT_ONCE).filter(|_| self.options.prefixes) {
            allow(user, on_topics, &Resources { kind: "topic", is_prefix: true, names: names.to_vec() }, text);
        }
        self.on_settings(user, text);
    }

    /// Weir itself looks at `cleanup.policy` of what may leave only while it is compacted.
    fn on_settings(&self, user: &User, text: &mut String) {
        let is_wanted =
            |name: &&str| self.options.describe_configs || (user.is_weir && self.policy.only_while_compacted(name));
        let topics: Vec<&str> = self.topics.iter().copied().filter(is_wanted).collect();
        let prefixes: Vec<&str> = self.policy.catalogue_prefixes().filter(is_wanted).collect();
        let prefixes = if self.options.prefixes { prefixes } else { Vec::new() };
        if !(topics.is_empty() && prefixes.is_empty()) {
            text.push_str(match self.options.describe_configs {
                true => "# To be told how a topic is kept (--describe-configs).\n",
                false => "# To see cleanup.policy of what the catalogue lets out only while it is compacted.\n",
            });
        }
        topics.chunks(AT_ONCE).for_each(|names| allow(user, SETTINGS, &literal(names), text));
        for names in prefixes.chunks(AT_ONCE) {
            allow(user, SETTINGS, &Resources { kind: "topic", is_prefix: true, names: names.to_vec() }, text);
        }
    }

    /// What becomes of topics that the catalogue does not name: the brokers know neither its never list nor a review.
    fn words_on_prefixes(&self) -> String {
        let prefixes: Vec<&str> = self.policy.catalogue_prefixes().collect();
        let listed = prefixes.join(" ");
        match (prefixes.is_empty(), self.options.prefixes) {
            (true, _) => String::new(),
            (false, false) => format!(
                "\n# LEFT OUT: topics that the catalogue does not name, under {listed}\n\
                 # Weir does not see them, so that clients do not either, until the catalogue names them or this is rendered\n\
                 # with --prefixes.\n"
            ),
            (false, true) => format!(
                "\n# WIDER THAN THE CATALOGUE: all topics under {listed}\n\
                 # Asked for with --prefixes. Brokers know no never list: a topic under these is kept back by Weir alone,\n\
                 # and a topic that somebody creates under these tomorrow is open to Weir at once.\n"
            ),
        }
    }
}

fn literal<'a>(names: &[&'a str]) -> Resources<'a> {
    Resources { kind: "topic", is_prefix: false, names: names.to_vec() }
}

/// One command, a name on each line.
fn allow(user: &User, operations: &[&str], resources: &Resources<'_>, text: &mut String) {
    let _ = write!(text, "allow {}", quoted(&format!("User:{}", user.name)));
    for operation in operations {
        let _ = write!(text, " --operation {operation}");
    }
    if resources.is_prefix {
        text.push_str(" --resource-pattern-type prefixed");
    }
    for name in &resources.names {
        let _ = write!(text, " \\\n    --{} {}", resources.kind, quoted(name));
    }
    text.push('\n');
}
