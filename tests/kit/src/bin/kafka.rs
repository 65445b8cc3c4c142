//! A cluster of real brokers by hand: `cargo run -p weir-testkit --bin kafka -- up --version 3.9.2`.
//!
//! Prints one line of JSON with the addresses and a client certificate for `bootstrap_ssl`, then holds the cluster until standard input ends.
//! While it holds, a line `kill N`, `restart N`, `add`, `topic NAME PARTITIONS` or `groups` does what it says.

use std::io::BufRead;

use serde_json::json;
use weir_testkit::{Kafka, KafkaOptions, Pki, Version};

const USAGE: &str = "usage: kafka up [--version 4.3.1 | 3.9.2] [--brokers 3]";

fn main() {
    let options = match parse(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            std::process::exit(2);
        }
    };
    let kafka = Kafka::start(options);
    let client = Pki::shared().client("by-hand");
    println!(
        "{}",
        json!({
            "version": kafka.version().number(),
            "bootstrap": kafka.bootstrap(),
            "bootstrap_ssl": kafka.bootstrap_ssl(),
            "cluster_id": kafka.cluster_id(),
            "dir": kafka.dir(),
            "ca": client.ca,
            "certificate": client.certificate,
            "key": client.key,
        })
    );
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match obey(&kafka, &words) {
            Some(said) => println!("{said}"),
            None => println!("kill N | restart N | add | topic NAME PARTITIONS | groups"),
        }
    }
}

fn obey(kafka: &Kafka, words: &[&str]) -> Option<String> {
    match *words {
        ["kill", id] => kafka.kill(id.parse().ok()?),
        ["restart", id] => kafka.restart(id.parse().ok()?),
        ["add"] => return Some(format!("broker {}", kafka.add_broker())),
        ["topic", name, partitions] => kafka.create_topic(name, partitions.parse().ok()?, 3, &[]),
        ["groups"] => return Some(format!("{:?}", kafka.groups())),
        _ => return None,
    }
    Some("done".into())
}

fn parse(words: &[String]) -> Result<KafkaOptions, String> {
    let mut words = words.iter().map(String::as_str);
    if words.next() != Some("up") {
        return Err("the first word is up".into());
    }
    let mut options = KafkaOptions::new(Version::V4);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word {
            "--version" => {
                let found = Version::ALL.into_iter().find(|version| version.number() == value);
                options.version = found.ok_or_else(|| format!("{value} is not among 4.3.1 and 3.9.2"))?;
            }
            "--brokers" => options.brokers = value.parse().map_err(|error| format!("--brokers {value}: {error}"))?,
            _ => return Err(format!("{word} is not an option")),
        }
    }
    Ok(options)
}
