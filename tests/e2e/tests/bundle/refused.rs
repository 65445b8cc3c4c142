//! What the programs of a bundle say when they are refused: a sentence that a user understands, and a clean end.

use std::process::Command;

use super::history::HIDDEN;
use super::pool::{self, Named};
use super::readers::{Call, Reader};
use super::run::Run;
use super::stage::{KEYLESS, PREFIXED, Stage};

/// A program, and why it is refused.
struct Refusal {
    reader: Reader,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Topic,
    Group,
    NoOffset,
    NoKey,
    Tls,
}

impl Named for Refusal {
    fn name(&self) -> String {
        format!("{} ({:?})", self.reader.name, self.why)
    }
}

/// Every program meets every refusal of Kafka's, and lacks what it must not lack.
pub fn all(stage: &Stage, readers: &[Reader]) -> Vec<String> {
    meet_all(stage, readers, &[Why::Topic, Why::Group, Why::NoOffset, Why::NoKey])
}

/// Every program when nobody is let in any more.
pub fn by_tls(stage: &Stage, readers: &[Reader]) -> Vec<String> {
    meet_all(stage, readers, &[Why::Tls])
}

fn meet_all(stage: &Stage, readers: &[Reader], why: &[Why]) -> Vec<String> {
    let programs = readers.iter().filter(|reader| reader.explains);
    let all = programs.flat_map(|reader| why.iter().map(|why| Refusal { reader: *reader, why: *why }));
    pool::all(&all.collect::<Vec<_>>(), |refusal| meet(stage, refusal))
}

fn meet(stage: &Stage, refusal: &Refusal) -> Result<(), String> {
    let Refusal { reader, why } = refusal;
    let command = (reader.command)(&Call { stage, reader, first: false, count: 0 });
    let label = format!("{why:?}");
    let run = |command: &Command, set: &[(&str, &str)]| Run::of(stage, reader, &label, command, set);
    match why {
        Why::Topic => run(&command, &[("KAFKA_TOPICS", HIDDEN)]).explains("A topic is refused: "),
        Why::Group => {
            let set = [("KAFKA_GROUP_ID", "outside")]; // for Java
            run(&as_another(stage, reader, &command, PREFIXED), &set).explains("Group outside is refused: ")
        }
        Why::NoOffset => {
            let set = [("KAFKA_AUTO_OFFSET_RESET", "none"), ("KAFKA_GROUP_ID", "new")];
            run(&command, &set).explains(" has no offset: ")
        }
        Why::NoKey => {
            let missing = if reader.jvm { "keystore.pem" } else { "client.key" };
            run(&as_another(stage, reader, &command, KEYLESS), &[]).explains(missing)
        }
        Why::Tls => run(&command, &[]).explains("TLS is refused"),
    }
}

/// The same program with the settings of another bundle.
fn as_another(stage: &Stage, reader: &Reader, command: &Command, name: &str) -> Command {
    let (from, home) = (stage.bundle(name), stage.bundle(reader.name));
    if reader.jvm {
        let mut java = Command::new(command.get_program());
        java.args(command.get_args()).arg(from.join("client.properties"));
        return java;
    }
    let script = format!(
        "cd {} && . ./env.sh && cd {} && export KAFKA_GROUP_ID=outside && exec \"$0\" \"$@\"",
        from.display(),
        home.display()
    );
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script]).arg(command.get_program()).args(command.get_args());
    shell
}
