//! What a first configuration needs to know, from flags or from a person, and whether it makes sense.
//!
//! Must never: let a text through that could be more than one value in a file.

use std::io::{BufRead, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use weir_policy::{Namespace, NeverList, SourceFile, is_topic_name};

use super::Init;
use crate::shipped;

/// The longest name of a principal, in bytes, as metrics and logs carry it.
const LONGEST_PRINCIPAL: usize = 64;

/// All that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) host: String,
    pub(super) bootstrap: Vec<String>,
    pub(super) listen: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) audit: PathBuf,
    pub(super) principal: Option<Person>,
    pub(super) topics: Vec<String>,
}

/// The first principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) namespace: Namespace,
    pub(super) contact: String,
}

impl Answers {
    /// From flags alone.
    ///
    /// # Errors
    /// The first that is missing or makes no sense, and what to write.
    pub(super) fn of(order: &Init) -> Result<Self, String> {
        let missing = |flag: &str| format!("`{flag}` is missing, and nobody is here to ask; add it");
        let host = order.host.clone().ok_or_else(|| missing("--host"))?;
        if order.bootstrap.is_empty() {
            return Err(missing("--bootstrap"));
        }
        if order.principal.is_some() && order.contact.is_none() {
            return Err(missing("--contact"));
        }
        let answers = Self {
            host: name_of_host(&host)?,
            bootstrap: brokers(&order.bootstrap)?,
            listen: listen(order.listen.as_deref().unwrap_or(LISTEN))?,
            admin: admin(order.admin.as_deref().unwrap_or(ADMIN))?,
            audit: order.audit.clone().map_or_else(|| default_audit(&order.dir), audit)?,
            principal: person(order.principal.as_deref(), order.contact.as_deref())?,
            topics: topics(&order.topics)?,
        };
        answers.reachable()
    }

    /// From flags, and from a person for what they do not say.
    ///
    /// # Errors
    /// A flag makes no sense, or nobody answers any more.
    pub(super) fn ask(order: &Init, input: &mut dyn BufRead, output: &mut dyn Write) -> Result<Self, String> {
        let mut ask = Ask { input, output };
        let host = match &order.host {
            Some(host) => name_of_host(host)?,
            None => ask.until("The name that clients dial, such as kafka.example.org", None, name_of_host)?,
        };
        let bootstrap = match order.bootstrap.as_slice() {
            [] => ask.until("Brokers to ask first, HOST:PORT, with commas between them", None, |text| {
                brokers(&list(text))
            })?,
            given => brokers(given)?,
        };
        let listen = match &order.listen {
            Some(address) => listen(address)?,
            None => ask.until("Where to take clients, IP:PORT", Some(LISTEN), listen)?,
        };
        let principal = match &order.principal {
            Some(name) => Some(name.clone()),
            None => {
                let named =
                    |text: &str| person(Some(text).filter(|text| !text.is_empty()), Some("-")).map(|_| text.to_owned());
                Some(ask.until("The first who may connect: a name, or nothing", Some(""), named)?)
            }
        };
        let principal = principal.filter(|name| !name.is_empty());
        let contact = match (&order.contact, &principal) {
            (None, Some(name)) => Some(ask.until(&format!("How to reach {name}"), None, contact)?),
            (given, _) => given.clone(),
        };
        let topics = match order.topics.as_slice() {
            [] => ask.until(
                "Topics that may leave once somebody has decided so, with commas between them, or none",
                Some(""),
                |text| topics(&list(text)),
            )?,
            given => topics(given)?,
        };
        let answers = Self {
            host,
            bootstrap,
            listen,
            admin: admin(order.admin.as_deref().unwrap_or(ADMIN))?,
            audit: order.audit.clone().map_or_else(|| default_audit(&order.dir), audit)?,
            principal: person(principal.as_deref(), contact.as_deref())?,
            topics,
        };
        answers.reachable()
    }

    /// `weir check` would refuse a name that leads others to their own machine.
    fn reachable(self) -> Result<Self, String> {
        if self.host.ends_with(".localhost") && !self.listen.ip().is_loopback() {
            return Err(format!(
                "`{}` is the client's own machine: write the name that others dial, or `--listen 127.0.0.1:{}` to try \
                 it on one machine",
                self.host,
                self.listen.port()
            ));
        }
        Ok(self)
    }
}

const LISTEN: &str = "0.0.0.0:9093";
const ADMIN: &str = "127.0.0.1:9180";

/// A person at a terminal.
struct Ask<'a> {
    input: &'a mut dyn BufRead,
    output: &'a mut dyn Write,
}

impl Ask<'_> {
    /// Asks until the answer makes sense.
    fn until<T>(
        &mut self,
        question: &str,
        default: Option<&str>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, String> {
        loop {
            let shown =
                default.filter(|default| !default.is_empty()).map_or(String::new(), |value| format!(" [{value}]"));
            let _ = write!(self.output, "{question}{shown}: ");
            let _ = self.output.flush();
            let mut answer = String::new();
            match self.input.read_line(&mut answer) {
                Ok(0) | Err(_) => return Err("nobody answers any more; nothing was written".to_owned()),
                Ok(_) => {}
            }
            let answer = match (answer.trim(), default) {
                ("", Some(default)) => default,
                (answer, _) => answer,
            };
            match read(answer) {
                Ok(value) => return Ok(value),
                Err(why) => drop(writeln!(self.output, "{why}")),
            }
        }
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// A name that certificates and DNS take. An address has no names below it for the brokers.
fn name_of_host(text: &str) -> Result<String, String> {
    let label = |label: &str| {
        let sound = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        (1..=63).contains(&label.len()) && sound && !label.starts_with('-') && !label.ends_with('-')
    };
    let name = text.to_ascii_lowercase();
    // Broker names are longer: `b2147483647.` before it.
    if name.len() <= 240 && name.contains('.') && name.split('.').all(label) && name.parse::<IpAddr>().is_err() {
        return Ok(name);
    }
    Err(format!(
        "`{}` is no name that brokers can have names below; write one like kafka.example.org",
        text.escape_debug()
    ))
}

fn brokers(texts: &[String]) -> Result<Vec<String>, String> {
    let broker = |text: &String| {
        let sound = text.trim().rsplit_once(':').filter(|(host, port)| {
            let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            let named = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
            let addressed = bare.len() < host.len() && bare.parse::<IpAddr>().is_ok();
            !host.is_empty() && (named || addressed) && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        sound.map(|_| text.trim().to_owned()).ok_or_else(|| {
            format!("`{}` is no broker; write HOST:PORT, like kafka1.internal:9092", text.escape_debug())
        })
    };
    let brokers = texts.iter().map(broker).collect::<Result<Vec<_>, _>>()?;
    if brokers.is_empty() {
        Err("no broker; write HOST:PORT, like kafka1.internal:9092".to_owned())
    } else {
        Ok(brokers)
    }
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<SocketAddr>().ok().filter(|address| address.port() > 0);
    address.ok_or_else(|| format!("`{}` is no address and port; write one like {LISTEN}", text.escape_debug()))
}

fn admin(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<SocketAddr>().ok().filter(|address| address.port() > 0 && address.ip().is_loopback());
    address.ok_or_else(|| format!("`{}` is no loopback address and port; write one like {ADMIN}", text.escape_debug()))
}

fn audit(path: PathBuf) -> Result<PathBuf, String> {
    let sound = path.to_str().is_some_and(|text| !text.is_empty() && !text.contains(char::is_control));
    if sound { Ok(path) } else { Err(format!("`{}` is no directory's name; write a path", path.display())) }
}

/// The units keep state in /var/lib/weir, and let Weir write nowhere else.
fn default_audit(directory: &Path) -> Result<PathBuf, String> {
    let of_package = directory.starts_with("/etc/weir");
    Ok(PathBuf::from(if of_package { "/var/lib/weir/audit" } else { "audit" }))
}

fn person(name: Option<&str>, given: Option<&str>) -> Result<Option<Person>, String> {
    let Some(name) = name else { return Ok(None) };
    let names = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !(1..=LONGEST_PRINCIPAL).contains(&name.len()) || !name.bytes().all(names) || name.starts_with('.') {
        let fix = "write 1 to 64 letters, digits, dots, underscores or dashes";
        return Err(format!("`{}` is no name for a principal; {fix}", name.escape_debug()));
    }
    let plain = |next: char| if next.is_ascii_alphanumeric() { next.to_ascii_lowercase() } else { '-' };
    let text: String = name.chars().map(plain).take(61).collect();
    let namespace = Namespace::new(&text).or_else(|| Namespace::new(&format!("p-{text}")));
    let namespace = namespace.ok_or_else(|| format!("`{name}` gives no namespace; write a name with letters"))?;
    let contact = contact(given.unwrap_or_default())?;
    Ok(Some(Person { name: name.to_owned(), namespace, contact }))
}

fn contact(text: &str) -> Result<String, String> {
    let sound = !text.trim().is_empty() && text.len() <= 200 && !text.contains(char::is_control);
    if sound { Ok(text.trim().to_owned()) } else { Err("no contact; write an address or a team".to_owned()) }
}

fn topics(texts: &[String]) -> Result<Vec<String>, String> {
    let shipped = SourceFile { path: "acl/never.yaml".to_owned(), text: shipped::NEVER.into() };
    let never = NeverList::read(&shipped).map_err(|errors| errors.to_string())?;
    let mut topics: Vec<String> = Vec::new();
    for topic in texts.iter().map(|text| text.trim()) {
        if !is_topic_name(topic) {
            let fix = "write 1 to 249 letters, digits, dots, underscores or dashes";
            return Err(format!("`{}` is no topic name; {fix}", topic.escape_debug()));
        }
        if let Some(line) = never.why_not(topic) {
            return Err(format!("the topic `{topic}` must never leave: {line}; leave it out"));
        }
        if !topics.iter().any(|known| known == topic) {
            topics.push(topic.to_owned());
        }
    }
    Ok(topics)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        init: Init,
    }

    fn asked(flags: &[&str], answers: &str) -> (Result<Answers, String>, String) {
        let line = Line::try_parse_from([&["init"], flags].concat()).unwrap();
        let mut said = Vec::new();
        let answers = Answers::ask(&line.init, &mut answers.as_bytes(), &mut said);
        (answers, String::from_utf8(said).unwrap())
    }

    #[test]
    fn a_person_is_asked_again_until_it_makes_sense() {
        let typed = "localhost\nkafka.example.org\nk1\nk1:9092, k2:9092\n\nmy tool\ntool\n\nme@example.org\na b\na.x\n";
        let (answers, said) = asked(&["--audit", "/a"], typed);
        let flags =
            ["--host", "kafka.example.org", "--bootstrap", "k1:9092,k2:9092", "--principal", "tool", "--contact"];
        let flags = [&flags[..], &["me@example.org", "--topic", "a.x", "--audit", "/a"]].concat();
        let by_flags = Answers::of(&Line::try_parse_from([&["init"], &flags[..]].concat()).unwrap().init);
        assert_eq!(answers, by_flags, "{said}");
        assert!(answers.is_ok_and(|answers| answers.listen.to_string() == LISTEN));
        for complaint in
            ["`localhost` is no name", "`k1` is no broker", "`my tool` is no name", "no contact", "`a b` is no topic"]
        {
            assert_eq!(said.matches(complaint).count(), 1, "{complaint}: {said}");
        }
        let (with_flags, said) = asked(&flags, "\n");
        assert!(with_flags.is_ok() && said.lines().count() == 1, "what flags say is not asked: {said}");
    }

    #[test]
    fn who_answers_no_more_gets_nothing() {
        let (answers, _) = asked(&[], "kafka.example.org\n");
        assert_eq!(answers, Err("nobody answers any more; nothing was written".to_owned()));
    }

    #[test]
    fn who_names_nobody_and_nothing_gets_a_configuration_without() {
        let (answers, _) = asked(&["--dir", "/etc/weir"], "kafka.example.org\nk1:9092\n\n\n\n");
        let answers = answers.unwrap();
        assert!(answers.principal.is_none() && answers.topics.is_empty());
        assert_eq!(answers.audit, Path::new("/var/lib/weir/audit"), "the unit lets Weir write there");
    }

    #[test]
    fn a_namespace_is_made_of_every_name() {
        for (name, namespace) in [("Some_Tool", "some-tool"), ("weir", "p-weir"), (&"X".repeat(64), &"x".repeat(61))] {
            let person = person(Some(name), Some("me")).unwrap().unwrap();
            assert_eq!(person.namespace.as_str(), namespace);
        }
    }
}
