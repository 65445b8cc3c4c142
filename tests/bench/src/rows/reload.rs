//! The row of a reload: one of 10,000 principals' files is replaced, and the time is taken until a client of that principal
//! is told something else on the connection that it has.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, DescribeAclsRequest};
use serde_json::json;

use super::Run;
use crate::bar::RELOAD;
use crate::broker::CannedBroker;
use crate::canned::{REFUSED, TOPICS};
use crate::failure::{Context, Failure};
use crate::fetch::{self, PATIENCE, exchange};
use crate::line::{Found, Line, Taken};
use crate::stats::Series;
use crate::tls::{CLIENT, Certificates};
use crate::weir::Weir;

/// Files beside the client's own.
const PRINCIPALS: usize = 10_000;
/// What each of them may read.
const GRANTS: usize = 10;
/// A file that was just written is read again at each look until then: file systems do not tell sooner that it rests.
const AT_REST: Duration = Duration::from_millis(2_500);
/// DescribeAcls, which Weir answers itself: what the client was granted.
const VERSION: i16 = 3;
/// Any type, in each of its filters.
const ANY: i8 = 1;

/// Measures.
pub fn measure(run: &Run) -> Result<Found, Failure> {
    let dir = run.dir.path();
    let certificates = Certificates::make(dir)?;
    let broker = CannedBroker::start()?;
    let weir =
        Weir::with_policy(&write_others, &run.options.weir, broker.address, &certificates, dir, &run.log("weir"))?;
    let config = certificates.client_config()?;
    let connect = || -> std::io::Result<_> {
        let tcp = TcpStream::connect_timeout(&weir.proxy.address, PATIENCE)?;
        fetch::prepare(&tcp)?;
        Ok((fetch::tls(&config, weir.proxy.address)?, tcp))
    };
    let (mut tls, mut tcp) = connect().context("the client cannot connect")?;
    let request =
        fetch::framed(ApiKey::DescribeAcls as i16, &everything(), VERSION, 0).context("a request cannot be made")?;
    let mut ask = || -> Result<Bytes, Failure> {
        exchange(&mut rustls::Stream::new(&mut tls, &mut tcp), &request).context("Weir does not answer")
    };
    let file = dir.join("acl/principals").join(format!("{CLIENT}.yaml"));
    let narrow = fs::read_to_string(&file).context("the client's file cannot be read")?;
    let mut wide: serde_json::Value = serde_json::from_str(&narrow).context("the client's file is no JSON")?;
    let granted = wide["read"].as_array_mut().ok_or_else(|| Failure::new("the client reads nothing"))?;
    granted.push(json!({ "topic": REFUSED.0 }));
    let states = [wide.to_string(), narrow];
    let mut took = Series::default();
    for _ in run.rounds() {
        for state in &states {
            thread::sleep(AT_REST);
            took.push(effect(&file, state, &mut ask)?);
        }
    }
    Ok(Found { lines: vec![Line::of(&RELOAD, Taken::cost(&took))], ..Found::default() })
}

/// All that there is to know of one's own rights.
fn everything() -> DescribeAclsRequest {
    DescribeAclsRequest::default()
        .with_resource_type_filter(ANY)
        .with_resource_name_filter(None)
        .with_pattern_type_filter(ANY)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(ANY)
        .with_permission_type(ANY)
}

/// How long it takes until the client is told something else, in milliseconds.
fn effect(file: &Path, state: &str, ask: &mut impl FnMut() -> Result<Bytes, Failure>) -> Result<f64, Failure> {
    let before = ask()?;
    let part = file.with_extension("part");
    fs::write(&part, state).context("the client's file cannot be written")?;
    let began = Instant::now();
    fs::rename(&part, file).context("the client's file cannot be replaced")?;
    while ask()? == before {
        if began.elapsed() > PATIENCE {
            return Err(Failure::new("a change of a file has no effect"));
        }
        thread::sleep(Duration::from_micros(200));
    }
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

fn write_others(acl: &Path) -> std::io::Result<()> {
    (0..PRINCIPALS).try_for_each(|index| {
        let read: Vec<_> = TOPICS.iter().cycle().skip(index % TOPICS.len()).take(GRANTS.min(TOPICS.len())).collect();
        let principal = json!({
            "principal": format!("p{index}"),
            "certificate": [{ "cn": format!("p{index}") }],
            "namespace": format!("p{index}"),
            "tier": "bench",
            "read": read.iter().map(|(name, _)| json!({ "topic": name })).collect::<Vec<_>>(),
            "contact": "bench@weir.example",
            "review_by": "2099-12-31",
        });
        fs::write(acl.join("principals").join(format!("p{index}.yaml")), principal.to_string())
    })
}
