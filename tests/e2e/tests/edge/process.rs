//! The process: out of descriptors, out of disk, told to stop, and its admin address.

use std::fs::File;
use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use weir_testkit::process::Leashed;
use weir_testkit::{Ended, wait};

use crate::edge::broker::{self, Broker, Reply};
use crate::edge::client::{Dial, Tls, dial, everything};
use crate::edge::{self, SOON, TOPIC, Watch};
use crate::{WEIR, connect, fetch, from, heartbeat, named};

#[test]
fn hostile_o8_without_descriptors_accept_waits_and_does_not_spin() {
    let mut turn = WEIR.turn();
    let pid = turn.weir.pid();
    let limit = |soft: &str| {
        let status = Command::new("prlimit").args(["--pid", &pid.to_string(), &format!("--nofile={soft}:")]).status();
        assert!(status.expect("prlimit runs").success());
    };
    let mut known = connect(&turn);
    known.is_served().unwrap();
    let hard = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let row = hard.lines().find(|row| row.starts_with("Max open files")).unwrap();
    let before = row.split_whitespace().nth(3).unwrap().to_string();
    limit(&edge::descriptors(pid).to_string());
    let waiting: Vec<TcpStream> = (0..20).map(|_| dial(&turn.reader().address, from(1)).unwrap()).collect();
    let used = edge::cpu(pid);
    std::thread::sleep(Duration::from_secs(2));
    let used = edge::cpu(pid) - used;
    assert!(used < Duration::from_millis(300), "{used:?} of processor time in 2 s");
    known.is_served().expect("whoever is in stays served");
    limit(&before);
    let name = turn.reader().name;
    for tcp in waiting {
        let mut client = Tls::over(tcp, &name, turn.reader().config(), |tcp, bytes| tcp.write_all(bytes)).unwrap();
        client.is_served().unwrap();
    }
    assert_eq!(turn.weir.ended(), None);
}

#[test]
fn hostile_o10_sigterm_ends_everybody_and_the_process_with_status_0() {
    wait::in_time(|| {
        let parked = Broker::start();
        parked.play(|asked| match asked.key {
            1 => Reply::Never,
            _ => broker::idle(asked),
        });
        let watch = Watch::before(parked, |_| {});
        let mut turn = watch.turn();
        let mut waiting = connect(&turn);
        waiting.send(&[heartbeat(1), fetch(2, (0, -1), vec![named(TOPIC, 0..1)])].concat()).unwrap();
        waiting.read_frame(SOON).unwrap();
        let mut idle = connect(&turn);
        idle.is_served().unwrap();
        let (status, took) = edge::timed(|| turn.weir.stop());
        assert_eq!(status, 0, "{}", turn.weir.log());
        wait::held("a stop with nobody in the middle of anything", Duration::from_secs(2), took);
        for client in [&mut waiting, &mut idle] {
            assert_eq!(client.ended(SOON), (Ended::Closed, 0));
        }
        turn.weir.restart();
        // Somebody shakes hands for ever, and somebody does not read.
        let silent = dial(&turn.reader().address, Dial::default()).unwrap();
        turn.broker().play(|asked| Reply::Body(broker::fetched(asked.version, 0, Some(vec![0; 24 << 20].into()))));
        let target = turn.reader();
        let tight = Dial { receive_buffer: Some(4_096), ..Dial::default() };
        let mut deaf = Tls::connect_with(&target, target.config(), tight).unwrap();
        deaf.send(&fetch(1, (0, -1), vec![named(TOPIC, 0..1)])).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let (status, took) = edge::timed(|| turn.weir.stop());
        assert_eq!(status, 0, "{}", turn.weir.log());
        assert!(took < Duration::from_secs(5), "{took:?}");
        assert!(everything(&silent, SOON).1);
        turn.weir.restart();
    });
}

#[test]
fn hostile_o13_the_admin_address_is_no_way_to_the_data_path() {
    wait::in_time(|| {
        let turn = WEIR.turn();
        let config: serde_json::Value =
            serde_json::from_slice(&std::fs::read(turn.weir.config_file()).unwrap()).unwrap();
        let admin = config["admin"]["bind"].as_str().unwrap().to_string();
        let memory = turn.memory_kib();
        let mut client = connect(&turn);
        client.is_served().unwrap();
        for path in
            ["/metrics/../../etc/passwd", "//metrics", "/%2e%2e/metrics", "/METRICS", "/metrics?x=\u{1b}[2J", "*", ""]
        {
            if let Ok((status, body)) = turn.weir.get(path) {
                assert!(status >= 400 || path.starts_with("/metrics?"), "{path}: {status} {body}");
            }
        }
        let mut huge = dial(&admin, Dial::default()).unwrap();
        let _ = huge.write_all(b"GET /metrics HTTP/1.1\r\nX: ");
        let _ = huge.write_all(&vec![b'x'; 8 << 20]);
        assert!(everything(&huge, SOON).1, "8 MiB of a header are taken");
        let mut slow: Vec<TcpStream> = (0..200).map(|_| dial(&admin, Dial::default()).unwrap()).collect();
        slow.iter_mut().for_each(|tcp| tcp.write_all(b"GET /metr").unwrap());
        let (_, took) = edge::timed(|| (0..50).for_each(|_| client.is_served().unwrap()));
        wait::held("50 answers", Duration::from_secs(1), took);
        connect(&turn).is_served().unwrap();
        let grown = turn.memory_kib().saturating_sub(memory);
        assert!(grown < 16 << 10, "{grown} KiB");
        drop(slow);
        wait::until("the admin address", SOON, || turn.weir.get("/livez"));
        // And the admin pages are not on the public port.
        let mut curious = connect(&turn);
        curious.send(b"GET /metrics HTTP/1.1\r\nHost: weir\r\n\r\n").unwrap();
        assert_eq!(curious.ended(SOON).1, 0);
    });
}

#[test]
fn hostile_o10_sigterm_under_load_ends_every_connection_between_two_answers() {
    let watch = Watch::before(Broker::start(), |_| {});
    let mut turn = watch.turn();
    let records = vec![0; 200 << 10].into();
    let body = broker::fetched(11, 0, Some(records));
    turn.broker().play(move |asked| match asked.key {
        1 => Reply::Body(body.clone()),
        _ => broker::idle(asked),
    });
    let target = turn.reader();
    let busy: Vec<_> = (0..12)
        .map(|_| {
            let target = target.clone();
            std::thread::spawn(move || {
                let mut client = Tls::connect(&target).unwrap();
                let (began, asked) = (Instant::now(), fetch(1, (0, -1), vec![named(TOPIC, 0..1)]));
                let mut answers = 0;
                while began.elapsed() < 4 * SOON {
                    let sent = client.send(&[asked.clone(), asked.clone(), heartbeat(2)].concat());
                    for _ in 0..3 {
                        // An answer that has begun is given to its end: `read_frame` tells one that was cut.
                        match client.read_whole_frame(SOON) {
                            Ok(Some(_)) if sent.is_ok() => answers += 1,
                            Ok(Some(_)) => {}
                            Ok(None) => return answers,
                            Err(ended) => panic!("an answer was cut: {ended:?}"),
                        }
                    }
                }
                panic!("the connection was never closed");
            })
        })
        .collect();
    std::thread::sleep(Duration::from_secs(1));
    let (status, took) = edge::timed(|| turn.weir.stop());
    assert_eq!(status, 0, "{}", turn.weir.log());
    assert!(took < Duration::from_secs(5), "{took:?}");
    let answers: Vec<u32> = busy.into_iter().map(|one| one.join().expect("every client ended well")).collect();
    assert!(answers.iter().all(|count| *count > 0), "{answers:?}");
    turn.weir.restart();
}

#[test]
fn hostile_o6_a_log_that_cannot_be_written_ends_nothing() {
    let watch = Watch::before(Broker::start(), |_| {});
    let mut turn = watch.turn();
    assert_eq!(turn.weir.stop(), 0);
    let full = || Stdio::from(File::options().write(true).open("/dev/full").expect("/dev/full is there"));
    let mut command = Command::new(weir_testkit::weir::binary());
    command.arg("serve").arg("-c").arg(turn.weir.config_file());
    let log = turn.weir.config_file().with_file_name("full.log");
    let mut process = Leashed::start_to("weir", &command, &log, full(), full());
    turn.weir.wait_ready();
    let stranger = dial(&turn.reader().address, Dial::default()).unwrap();
    (&stranger).write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert!(everything(&stranger, SOON).1);
    connect(&turn).is_served().unwrap();
    assert_eq!(turn.closed()["internal-panic"], 0);
    assert_eq!(process.stop(SOON), 0);
    turn.weir.restart();
}

#[test]
fn hostile_o6_a_log_that_nobody_reads_holds_nothing_up_and_a_hangup_ends_nothing() {
    let watch = Watch::before(Broker::start(), |options| options.config["log"] = json!({ "level": "trace" }));
    let mut turn = watch.turn();
    assert_eq!(turn.weir.stop(), 0);
    let (unread, stuck) = std::io::pipe().expect("a pipe can be made");
    let mut command = Command::new(weir_testkit::weir::binary());
    command.arg("serve").arg("-c").arg(turn.weir.config_file());
    let log = turn.weir.config_file().with_file_name("unread.log");
    let mut process = Leashed::start_to("weir", &command, &log, Stdio::null(), stuck.into());
    turn.weir.wait_ready();
    process.signal("HUP");
    // More lines than the pipe takes.
    for _ in 0..600 {
        let stranger = dial(&turn.reader().address, Dial::default()).unwrap();
        (&stranger).write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        assert!(everything(&stranger, SOON).1);
    }
    connect(&turn).is_served().unwrap();
    assert_eq!(turn.weir.get("/livez").map(|(status, _)| status), Ok(200));
    drop(unread);
    assert_eq!(process.stop(SOON), 0);
    turn.weir.restart();
}
