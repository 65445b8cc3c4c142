//! `weir explain`: one verdict, with the rule and the lines that gave it.

mod told;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use weir_policy::{ConfigErrors, Explanation, Line, Operation, Places, Policy, Principal, Resource};
use weir_server::close_reason::CloseReason;
use weir_server::snapshot::{ListenerVerdict, OfflinePolicy};

use crate::WRONG;

/// May this principal do this?
#[derive(Debug, Args)]
pub(crate) struct Question {
    /// The principal's name.
    #[arg(value_name = "PRINCIPAL")]
    principal: String,
    /// Kafka's operation: read, describe, delete, ...
    #[arg(value_name = "OPERATION", value_parser = operation)]
    operation: Operation,
    /// TOPIC, topic:NAME, group:NAME, transactional-id:NAME or cluster. A group as the client names it.
    #[arg(value_name = "RESOURCE", value_parser = asked)]
    resource: Asked,
    /// The configuration file, `weir.yaml` if not given. Its certificates and keys are not read.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// From this address, too: the listeners' `allow` and the principal's `cidrs`.
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<IpAddr>,
    /// By the policy in this directory instead, such as yesterday's.
    #[arg(long, value_name = "DIR")]
    at: Option<PathBuf>,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// A resource, as it was typed.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    kind: Kind,
    name: String,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Topic,
    Group,
    TransactionalId,
    Cluster,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Group => "group",
            Self::TransactionalId => "transactional-id",
            Self::Cluster => "cluster",
        }
    }
}

impl Asked {
    fn resource(&self) -> Resource<'_> {
        match self.kind {
            Kind::Topic => Resource::Topic(&self.name),
            Kind::Group => Resource::Group(&self.name),
            Kind::TransactionalId => Resource::TransactionalId(&self.name),
            Kind::Cluster => Resource::Cluster,
        }
    }
}

fn asked(text: &str) -> Result<Asked, String> {
    let of = |kind, name: &str| Ok(Asked { kind, name: name.to_owned() });
    match text.split_once(':') {
        None if text == "cluster" => of(Kind::Cluster, ""),
        None => of(Kind::Topic, text),
        Some(("topic", name)) => of(Kind::Topic, name),
        Some(("group", name)) => of(Kind::Group, name),
        Some(("transactional-id", name)) => of(Kind::TransactionalId, name),
        Some(_) => Err("write TOPIC, topic:NAME, group:NAME, transactional-id:NAME or cluster".to_owned()),
    }
}

/// In any case, with or without dashes: Kafka's tools write `DescribeConfigs` and `DESCRIBE_CONFIGS`.
fn operation(text: &str) -> Result<Operation, String> {
    let plain = |text: &str| text.replace(['-', '_'], "").to_ascii_lowercase();
    Operation::ALL.into_iter().find(|operation| plain(operation.name()) == plain(text)).ok_or_else(|| {
        let names: Vec<_> = Operation::ALL.into_iter().map(Operation::name).collect();
        format!("write one of {}", names.join(", "))
    })
}

/// All that there is to tell.
struct Answer<'a> {
    question: &'a Question,
    principal: &'a Principal,
    explanation: Explanation,
    address: Option<Address>,
    limits: Vec<Line>,
}

/// What becomes of a connection from an address.
struct Address {
    ip: IpAddr,
    own: Vec<Line>,
    listeners: Vec<ListenerVerdict>,
    /// Why none comes to be.
    refused: Option<CloseReason>,
}

impl Address {
    fn new(ip: IpAddr, read: &OfflinePolicy, places: &Places, principal: &Principal) -> Self {
        let (own_verdict, own) = principal.explain_address(places, ip);
        let listeners = read.listeners(ip);
        let shut = !listeners.is_empty() && listeners.iter().all(|listener| !listener.allows);
        let refused = match own_verdict {
            _ if shut => Some(CloseReason::AddressNotAllowed),
            Err(_) => Some(CloseReason::PrincipalAddress),
            Ok(()) => None,
        };
        Self { ip, own, listeners, refused }
    }
}

impl Answer<'_> {
    fn is_allowed(&self) -> bool {
        self.explanation.verdict.is_ok() && self.shut_out().is_none()
    }

    /// What to write for it to be allowed. What resumes is typed where the question was.
    fn fix(&self) -> Option<String> {
        let fix = self.explanation.fix.clone()?;
        let Some(stopped) = &self.explanation.stopped else { return Some(fix) };
        let options = match (&self.question.config, &self.question.at) {
            (_, Some(directory)) => format!(" --policy {}", typed(directory)),
            (Some(config), None) => format!(" -c {}", typed(config)),
            (None, None) => String::new(),
        };
        Some(fix.replacen(&stopped.to_resume(""), &stopped.to_resume(&options), 1))
    }

    fn shut_out(&self) -> Option<(&Address, CloseReason)> {
        self.address.as_ref().and_then(|address| Some((address, address.refused?)))
    }
}

pub(crate) fn run(question: &Question) -> ExitCode {
    let read = match read(question.config.as_deref(), question.at.as_deref()) {
        Ok(read) => read,
        Err(errors) => {
            eprintln!("{errors}");
            return WRONG.into();
        }
    };
    let known = read.policy.principal(&question.principal).zip(Places::read(&read.files, &question.principal));
    let Some((principal, places)) = known else {
        eprintln!("{}", unknown(&question.principal, &read.policy));
        return WRONG.into();
    };
    let answer = Answer {
        question,
        principal: &principal,
        explanation: read.policy.explain(&places, &principal, question.operation, question.resource.resource()),
        address: question.ip.map(|ip| Address::new(ip, &read, &places, &principal)),
        limits: limits(&read, principal.explain_limits(&places)),
    };
    print!("{}", if question.json { answer.json() } else { answer.text() });
    if answer.is_allowed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(config: Option<&Path>, at: Option<&Path>) -> Result<OfflinePolicy, ConfigErrors> {
    let usual = Path::new("weir.yaml");
    match (config, at) {
        // A checkout of the policy alone: the options that decide on groups have their defaults.
        (None, Some(at)) if !usual.exists() => OfflinePolicy::read(at),
        (config, at) => OfflinePolicy::of_config(config.unwrap_or(usual), at),
    }
}

/// A path, as it is typed.
fn typed(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte);
    if text.bytes().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Who it is and what it may use; where there are several replicas, that the rates are those of one.
fn limits(read: &OfflinePolicy, mut lines: Vec<Line>) -> Vec<Line> {
    let nodes = read.nodes();
    lines.extend((nodes > 1).then(|| Line {
        part: "nodes",
        place: None,
        text: format!("{nodes}: each rate above is one replica's share"),
    }));
    lines
}

/// Says that nobody has this name, and who has a similar one.
pub(crate) fn unknown(name: &str, policy: &Policy) -> String {
    let wanted = name.to_ascii_lowercase();
    let mut near: Vec<_> = policy
        .principals()
        .map(|principal| principal.name.as_str())
        .filter(|known| known.to_ascii_lowercase().contains(&wanted) || wanted.contains(&known.to_ascii_lowercase()))
        .collect();
    near.sort_unstable();
    near.truncate(5);
    let name = name.escape_debug();
    if near.is_empty() {
        return format!(
            "there is no principal `{name}`; the names stand behind `principal:` in the files of principals/"
        );
    }
    format!("there is no principal `{name}`; did you mean {}?", near.join(", "))
}
