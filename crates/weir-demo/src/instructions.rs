//! What the person in front of the demo can type, and the files for it.

use std::fs;
use std::path::{Path, PathBuf};

use weir_pki::IssuedPaths;

use crate::certificates::{Certificates, HOST, TOOL};
use crate::check::{GRANTED, NOT_GRANTED};
use crate::failure::Failure;
use crate::ports::Ports;
use crate::streams::HIDDEN_TOPIC;

/// Writes a kcat configuration for each client and a Python consumer, and gives back the text to print.
pub fn write(
    dir: &Path,
    weir: &Path,
    ports: Ports,
    certificates: &Certificates,
    log: &Path,
) -> Result<String, Failure> {
    let [topic, ..] = GRANTED;
    let tool = written(dir, "tool.conf", &kcat_conf(ports, certificates, &certificates.tool))?;
    let enterprise = written(dir, "enterprise.conf", &kcat_conf(ports, certificates, &certificates.enterprise))?;
    let anonymous = format!(
        "kcat -b {HOST}:{} -X security.protocol=ssl -X ssl.ca.location={} -L",
        ports.bootstrap,
        certificates.ca.display()
    );
    let program = python(ports, certificates, topic);
    let consume = written(dir, "consume.py", &program)?;
    let (tool_conf, enterprise_conf, consume) = (tool.display(), enterprise.display(), consume.display());
    let kcat = kcat_in_full(ports, certificates, topic);
    Ok(format!(
        "
Weir stands in front of three mock brokers on {HOST}:{port}. 26 public topics are filled with made-up events,
and so is {HIDDEN_TOPIC}, which nobody outside may see.

In another terminal, with kcat (apt install kcat), as {TOOL}; any group id works:

{kcat}

The same settings are in a file for each of the two clients:

  kcat -F {tool_conf} -L
  kcat -F {tool_conf} -G my-second-group {topic}
  kcat -F {enterprise_conf} -G my-group {NOT_GRANTED}

With Python (pip install confluent-kafka, in a virtual environment), `python3 {consume}`, which is:

{program}
What is refused: a private topic, which is the same for everybody as one that is not there; a public topic that is not
granted to {TOOL}; and a client without a certificate:

  kcat -F {tool_conf} -C -e -t {HIDDEN_TOPIC}
  kcat -F {tool_conf} -C -e -t {NOT_GRANTED}
  {anonymous}

What its operator sees:

  {weir} top -c {config}
  {weir} explain {TOOL} read {NOT_GRANTED} -c {config}
  {weir} audit verify {audit}

Weir's log is {log}; its metrics are at http://{admin}/metrics
Ctrl-C ends everything.
",
        port = ports.bootstrap,
        weir = weir.display(),
        config = dir.join("weir.yaml").display(),
        audit = dir.join("audit").display(),
        log = log.display(),
        admin = ports.admin(),
    ))
}

fn written(dir: &Path, name: &str, text: &str) -> Result<PathBuf, Failure> {
    let path = dir.join(name);
    fs::write(&path, text).map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
    Ok(path)
}

/// librdkafka's own names, for kcat's `-F`.
fn kcat_conf(ports: Ports, certificates: &Certificates, client: &IssuedPaths) -> String {
    settings(ports, certificates, client).map(|(name, value)| format!("{name}={value}\n")).concat()
}

fn kcat_in_full(ports: Ports, certificates: &Certificates, topic: &str) -> String {
    let [_, settings @ ..] = settings(ports, certificates, &certificates.tool);
    let options = settings.map(|(name, value)| format!(" \\\n    -X {name}={value}")).concat();
    format!("  kcat -b {HOST}:{}{options} \\\n    -G my-group {topic}", ports.bootstrap)
}

fn settings(ports: Ports, certificates: &Certificates, client: &IssuedPaths) -> [(&'static str, String); 5] {
    [
        ("bootstrap.servers", format!("{HOST}:{}", ports.bootstrap)),
        ("security.protocol", "ssl".to_owned()),
        ("ssl.ca.location", certificates.ca.display().to_string()),
        ("ssl.certificate.location", client.certificate.display().to_string()),
        ("ssl.key.location", client.key.display().to_string()),
    ]
}

fn python(ports: Ports, certificates: &Certificates, topic: &str) -> String {
    let settings = settings(ports, certificates, &certificates.tool)
        .map(|(name, value)| format!("    {name:?}: {value:?},\n"))
        .concat();
    format!(
        r#"from confluent_kafka import Consumer

consumer = Consumer({{
{settings}    "group.id": "my-python-group",
    "auto.offset.reset": "earliest",
}})
consumer.subscribe([{topic:?}])
try:
    while True:
        record = consumer.poll(1.0)
        if record is None:
            continue
        if record.error():
            raise SystemExit(f"refused: {{record.error()}}")
        print(record.topic(), record.offset(), record.value().decode()[:160], flush=True)
except KeyboardInterrupt:
    pass
finally:
    consumer.close()
"#
    )
}
