//! The answer of `weir explain`: for people, and as JSON for programs.

use serde_json::{Value, json};
use weir_policy::Line;

use super::{Address, Answer};

impl Answer<'_> {
    /// For people: the verdict first, then what it comes from.
    pub(super) fn text(&self) -> String {
        let mut lines = self.head();
        if let Some(group) = &self.explanation.real_group {
            lines.push(format!("  at the brokers: {}", group.as_str()));
        }
        lines.push(format!("  rule: {}", self.explanation.rule));
        // What allows it stands in the first line already.
        let told_before = usize::from(self.is_allowed());
        lines.extend(self.explanation.lines.iter().skip(told_before).map(|line| format!("  {}", told(line))));
        if let Some(address) = &self.address {
            lines.extend(address.text());
        }
        lines.extend(self.who());
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    fn head(&self) -> Vec<String> {
        if let Some((address, reason)) = self.shut_out() {
            let fix = format!("  to allow it: {}", address.fix());
            return vec![format!("refused: {}. {}", reason.name(), reason.meaning()), fix];
        }
        match self.explanation.verdict {
            Ok(()) => vec![format!("allowed: {}", self.explanation.lines.first().map(told).unwrap_or_default())],
            Err(reason) => {
                let fix = self.fix().unwrap_or_default();
                vec![format!("refused: {reason}. {}", reason.sentence()), format!("  to allow it: {fix}")]
            }
        }
    }

    /// Who it is and what it may use. A limit that stands in the principal's own file has its place there.
    fn who(&self) -> Vec<String> {
        let (limits, who): (Vec<_>, Vec<_>) = self.limits.iter().partition(|line| line.part == "limit");
        let own = who.first().and_then(|principal| principal.place.as_ref()).map(|place| &place.file);
        let mut lines: Vec<_> = who.iter().map(|line| format!("  {}", told(line))).collect();
        let places = || limits.iter().filter_map(|line| line.place.as_ref());
        let tier = places().find(|place| Some(&place.file) != own);
        lines.push(tier.map_or_else(|| "  limits".to_owned(), |place| format!("  limits, {place}")));
        lines.extend(limits.iter().map(|line| match &line.place {
            Some(place) if Some(&place.file) == own => format!("    {} ({place})", line.text),
            _ => format!("    {}", line.text),
        }));
        lines
    }

    /// One object on one line.
    pub(super) fn json(&self) -> String {
        let explanation = &self.explanation;
        let (reason, sentence) = match (self.shut_out(), explanation.verdict) {
            (Some((_, reason)), _) => (Some(reason.name()), Some(reason.meaning())),
            (None, Err(reason)) => (Some(reason.name()), Some(reason.sentence())),
            (None, Ok(())) => (None, None),
        };
        let fix = self.shut_out().map(|(address, _)| address.fix()).or_else(|| self.fix());
        let answer = json!({
            "verdict": if self.is_allowed() { "allowed" } else { "refused" },
            "reason": reason,
            "sentence": sentence,
            "to_allow_it": fix,
            "rule": explanation.rule,
            "principal": self.principal.name,
            "operation": self.question.operation.name(),
            "resource": {"kind": self.question.resource.kind.name(), "name": self.question.resource.name},
            "group_at_the_brokers": explanation.real_group.as_ref().map(|group| group.as_str()),
            "lines": explanation.lines.iter().map(object).collect::<Vec<_>>(),
            "address": self.address.as_ref().map(Address::json),
            "who": self.limits.iter().map(object).collect::<Vec<_>>(),
        });
        format!("{answer}\n")
    }
}

impl Address {
    fn text(&self) -> Vec<String> {
        let own = self.own.iter().map(|line| format!("  {}", told(line)));
        let listeners = self.listeners.iter().map(|listener| {
            let networks = listener.networks.as_deref().unwrap_or("any address");
            let verdict = if listener.allows { "lets in" } else { "does not let in" };
            format!("  listener {}: {verdict} {}, allow: {networks}", listener.listener, self.ip)
        });
        own.chain(listeners).collect()
    }

    /// What to write for it to be let in.
    fn fix(&self) -> String {
        let shut: Vec<_> = self.listeners.iter().filter(|listener| !listener.allows).collect();
        if !shut.is_empty() && shut.len() == self.listeners.len() {
            let names: Vec<_> = shut.iter().map(|listener| format!("`{}`", listener.listener)).collect();
            return format!("add a network with {} to `allow` of the listener {}", self.ip, names.join(" or "));
        }
        let place = self.own.first().and_then(|line| line.place.as_ref());
        let at = place.map(|place| format!(" at {place}")).unwrap_or_default();
        format!("add a network with {} to `cidrs`{at}", self.ip)
    }

    fn json(&self) -> Value {
        let listener = |listener: &weir_server::snapshot::ListenerVerdict| json!({"name": listener.listener, "lets_in": listener.allows, "allow": listener.networks});
        json!({
            "ip": self.ip.to_string(),
            "lets_in": self.refused.is_none(),
            "cidrs": self.own.iter().map(object).collect::<Vec<_>>(),
            "listeners": self.listeners.iter().map(listener).collect::<Vec<_>>(),
        })
    }
}

fn told(line: &Line) -> String {
    match &line.place {
        Some(place) => format!("{}, {place} {}", line.part, line.text),
        None => format!("{}, {}", line.part, line.text),
    }
}

fn object(line: &Line) -> Value {
    let place = line.place.as_ref();
    json!({
        "part": line.part,
        "text": line.text,
        "file": place.map(|place| &place.file),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
    })
}
