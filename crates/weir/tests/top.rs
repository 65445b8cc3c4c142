//! `weir top` and `weir ready` as a script types them: before a running Weir, before nobody, and before one that says what nobody should.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{CONFIG, Ended, sound_directory, weir, write};

/// Ends with the test.
struct Weir(Child);

impl Drop for Weir {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn top(arguments: &[&str], directory: &Path) -> Ended {
    weir(&[&["top"], arguments].concat(), directory)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A configuration in a directory, and where its admin server will be.
fn directory() -> (tempfile::TempDir, SocketAddr) {
    let directory = sound_directory();
    let admin = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let config = CONFIG.replace("127.0.0.1:9093", &format!("127.0.0.1:{}", free_port()));
    write(directory.path(), "weir.yaml", &format!("{config}admin: {{bind: '{admin}'}}\n"));
    (directory, admin)
}

/// Returns when the admin server answers.
fn serve(directory: &Path, admin: SocketAddr) -> Weir {
    let mut serve = Command::new(env!("CARGO_BIN_EXE_weir"));
    serve.args(["serve", "-c", "weir.yaml"]).current_dir(directory).stderr(Stdio::null());
    let weir = Weir(serve.spawn().unwrap());
    let end = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(admin).is_err() {
        assert!(Instant::now() < end, "no admin server");
        std::thread::sleep(Duration::from_millis(20));
    }
    weir
}

#[test]
fn a_script_gets_one_table_of_what_runs_here() {
    let (directory, admin) = directory();
    let _weir = serve(directory.path(), admin);
    let table = "0 principals, 0 connections, 0B/s, 0 requests/s, by groups\n\
                 PRINCIPAL  CONN  BYTES/S  REQ/S  COMMIT/S  GROUPS  REFUSED/S  THROTTLED  SOFTWARE\n";
    let by = ["--sort", "groups"];
    for arguments in [&["--once"][..], &["-c", "weir.yaml"], &["--admin", &admin.to_string()]] {
        let (status, said, wrong) = top(&[&by, arguments].concat(), directory.path());
        assert_eq!((status, said.as_str(), wrong.as_str()), (0, table, ""), "{arguments:?}");
    }
}

/// A probe that read the configuration would end a Weir for a file that changes nothing.
#[test]
fn whether_it_can_serve_is_told_whatever_its_files_say_by_now() {
    let (directory, admin) = directory();
    let _weir = serve(directory.path(), admin);
    let admin = admin.to_string();
    let by_address = ["--admin", &admin];
    let ready = |arguments: &[&str]| weir(&[&["ready"], arguments].concat(), directory.path());
    for arguments in [&[][..], &by_address] {
        let (status, said, wrong) = ready(arguments);
        assert!(
            status == 1 && said.starts_with("not ready\nthe groups at the brokers"),
            "{arguments:?}: {said}{wrong}"
        );
        let (status, said, wrong) = ready(&[&["--alive"], arguments].concat());
        assert_eq!((status, said.as_str(), wrong.as_str()), (0, "ok\n", ""), "{arguments:?}");
    }
    write(directory.path(), "weir.yaml", "listeners: {{\n");
    assert_eq!(ready(&["--alive"]).0, 2, "the file names nobody");
    assert_eq!(ready(&["--alive", "--admin", &admin]).0, 0);
}

#[test]
fn where_nobody_answers_it_says_what_to_do() {
    let (directory, admin) = directory();
    let (status, said, wrong) = weir(&["ready"], directory.path());
    assert!(status == 2 && said.is_empty() && wrong.starts_with(&format!("http://{admin}/readyz: ")), "{said}{wrong}");
    let (status, said, wrong) = top(&["--once"], directory.path());
    assert_eq!((status, said.as_str()), (1, ""));
    assert!(wrong.starts_with(&format!("http://{admin}/top: ")) && wrong.contains("`--admin ADDRESS`"), "{wrong}");
    let (status, _, wrong) = top(&["-c", "not-there.yaml"], directory.path());
    assert!(status == 1 && wrong.starts_with("not-there.yaml: "), "{wrong}");
}

/// Answers two looks: a second later one principal has done more.
fn two_looks(listener: &TcpListener) {
    for (bytes, uptime) in [(1_000, 5_000), (101_000, 6_000)] {
        let (mut tcp, _) = listener.accept().unwrap();
        let mut asked = [0; 4096];
        let read = tcp.read(&mut asked).unwrap();
        assert!(asked[..read].starts_with(b"GET /top HTTP/1.1\r\n"), "{:?}", String::from_utf8_lossy(&asked[..read]));
        let page = format!(
            r#"{{"uptime_ms":{uptime},"principals":[{{"principal":"tool","connections":2,"bytes_out":{bytes},"requests":7,
            "committed_partitions":0,"refused":{{"topic":0,"group":0,"quota":0,"other":0}},"throttled_ms":0,"groups":3,
            "partitions_with_offset":9,"last_request":1,"software":[{{"name":"\u001b]0;x\u0007","version":"1\n2","connections":1}}]}}]}}"#
        );
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", page.len());
        tcp.write_all((head + &page).as_bytes()).unwrap();
    }
}

#[test]
fn hostile_m13_rates_are_told_and_what_came_from_clients_is_text_and_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || two_looks(&listener));
    let (status, said, wrong) = top(&["--once", "--admin", &admin], Path::new("/"));
    assert_eq!((status, wrong.as_str()), (0, ""));
    server.join().unwrap();
    let row: Vec<&str> = said.lines().nth(2).unwrap().split_whitespace().collect();
    let rate: u64 = row[2].strip_suffix('k').unwrap().parse().unwrap();
    // A look is a second and a little after the other.
    assert!((60..=100).contains(&rate), "{said}");
    assert_eq!((row[0], row[1], row[5]), ("tool", "2", "3"), "{said}");
    assert_eq!(row[8..].join(" "), r"\u{1b}]0;x\u{7} 1\n2");
    assert!(said.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{said:?}");
}
