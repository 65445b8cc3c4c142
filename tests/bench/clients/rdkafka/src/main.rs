//! librdkafka as the bench measures it: `write` fills a topic, `read` reads it whole as often as it is told to.
//!
//! `read` takes the address of a broker from each line of its input, reads everything over mutual TLS without a group,
//! and answers with a line `RECORDS BYTES CPU_NS WALL_NS`. It counts from the first record to the last, in a process
//! that stays, so that no start is in it. `../java/Reader.java` does the same.

use std::env;
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use rustix::time::{ClockId, clock_gettime};

/// Bytes of a record's value.
const VALUE: usize = 1024;
/// How long nothing may come.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let done = match env::args().nth(1).as_deref() {
        Some("write") => write(),
        Some("read") => read(),
        _ => Err("say write or read".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("weir-bench-rdkafka: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Creates the topic and fills it, in plaintext, with batches of the size that Java's producer makes unless it is told
/// otherwise.
fn write() -> Result<(), Box<dyn Error>> {
    let (topic, partitions, records): (String, i32, usize) = what()?;
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", setting("BOOTSTRAP")?);
    create(&config, &topic, partitions)?;
    config
        .set("acks", "1")
        .set("batch.size", "16384")
        .set("linger.ms", "50")
        .set("queue.buffering.max.kbytes", "262144");
    let producer: ThreadedProducer<_> = config.create()?;
    let noise = noise(1 << 20);
    for number in 0..records {
        let at = number * 7919 % (noise.len() - VALUE);
        let partition = i32::try_from(number % usize::try_from(partitions)?)?;
        let mut record = BaseRecord::<(), [u8]>::to(&topic).partition(partition).payload(&noise[at..at + VALUE]);
        while let Err((error, again)) = producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            record = again;
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(producer.flush(PATIENCE)?)
}

fn create(config: &ClientConfig, topic: &str, partitions: i32) -> Result<(), Box<dyn Error>> {
    let admin: AdminClient<DefaultClientContext> = config.create()?;
    let wanted = [NewTopic::new(topic, partitions, TopicReplication::Fixed(1))];
    let options = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    for result in runtime.block_on(admin.create_topics(&wanted, &options))? {
        result.map_err(|(topic, code)| format!("{topic} cannot be created: {code}"))?;
    }
    Ok(())
}

/// Bytes without a pattern that anything could use.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..length / 8).flat_map(|_| next()).collect()
}

fn read() -> Result<(), Box<dyn Error>> {
    let (topic, partitions, records): (String, i32, usize) = what()?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let pass = pass(line.trim(), &topic, partitions, records)?;
        let mut out = io::stdout().lock();
        writeln!(out, "{records} {} {} {}", pass.bytes, pass.cpu.as_nanos(), pass.time.as_nanos())?;
        out.flush()?;
    }
    Ok(())
}

struct Pass {
    bytes: usize,
    cpu: Duration,
    time: Duration,
}

fn pass(bootstrap: &str, topic: &str, partitions: i32, records: usize) -> Result<Pass, Box<dyn Error>> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("security.protocol", "ssl")
        .set("ssl.ca.location", setting("CA")?)
        .set("ssl.certificate.location", setting("CERT")?)
        .set("ssl.key.location", setting("KEY")?)
        // It wants a name, and asks nobody to be in it.
        .set("group.id", "bench")
        .set("enable.auto.commit", "false")
        .create()?;
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    let mut bytes = next(&consumer)?;
    let (since, cpu) = (Instant::now(), cpu());
    for _ in 1..records {
        bytes += next(&consumer)?;
    }
    Ok(Pass { bytes, cpu: self::cpu().saturating_sub(cpu), time: since.elapsed() })
}

/// The length of the next record's value.
fn next(consumer: &BaseConsumer) -> Result<usize, Box<dyn Error>> {
    loop {
        match consumer.poll(PATIENCE) {
            Some(Ok(record)) => return Ok(record.payload_len()),
            // A connection is tried again; nothing else is.
            Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::BrokerTransportFailure))) => {}
            Some(Err(error)) => return Err(error.into()),
            None => return Err(format!("no record for {PATIENCE:?}").into()),
        }
    }
}

/// Of the whole process, with the threads that have ended.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn what() -> Result<(String, i32, usize), Box<dyn Error>> {
    Ok((setting("TOPIC")?, setting("PARTITIONS")?.parse()?, setting("RECORDS")?.parse()?))
}

fn setting(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("set {name}"))
}
