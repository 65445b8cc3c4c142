//! Who gets in: strangers, wrong certificates, wrong names, wrong protocols, and handshakes that never end.

#[path = "edge/certificates.rs"]
mod certificates;
#[path = "edge/doors.rs"]
mod doors;
mod edge;
#[path = "edge/handshakes.rs"]
mod handshakes;

use std::net::Ipv4Addr;
use std::sync::LazyLock;
use std::time::Duration;

use edge::broker::Broker;
use edge::client::{Tls, ping};
use edge::{SOON, Turn, Watch};
use serde_json::json;
use weir_testkit::{Ended, RawTarget, names};

/// The deadline of handshakes here.
const HANDSHAKE: Duration = Duration::from_secs(2);

/// Where the load balancer stands.
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

/// One Weir with a listener for each way of being one.
static WEIR: LazyLock<Watch> = LazyLock::new(|| {
    Watch::before(Broker::start(), |options| {
        edge::limits(options, &json!({ "tls_handshake": "2s", "first_frame": "3s" }));
        let spare = options.spare_ports();
        let first = options.config["listeners"][0].clone();
        for (port, name) in spare.zip(["named", "old", "proxied"]) {
            let mut listener = first.clone();
            listener["name"] = json!(name);
            listener["bind"] = json!(format!("127.0.0.1:{port}"));
            listener["advertise"] = json!({ "sni": { "host": names::HOST } });
            match name {
                "old" => listener["tls"]["min_version"] = json!("1.2"),
                "proxied" => listener["proxy_protocol"] = json!({ "trusted": [PROXY.to_string()] }),
                _ => {}
            }
            options.config["listeners"].as_array_mut().expect("listeners").push(listener);
        }
    })
});

/// A listener that goes by the server name, as the reader.
fn at(turn: &Turn<'_>, listener: &str) -> RawTarget {
    let config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(turn.weir.config_file()).unwrap()).expect("the configuration is JSON");
    let all = config["listeners"].as_array().unwrap();
    let found = all.iter().find(|found| found["name"] == listener).unwrap();
    let address = found["bind"].as_str().unwrap().to_string();
    RawTarget { address, name: names::HOST.into(), ..turn.reader() }
}

/// Connects and gives how the connection ends; not a byte comes before.
fn refused(target: &RawTarget) -> Ended {
    match Tls::connect(target) {
        Ok(mut client) => {
            // A client sends its first request before it can know of the refusal.
            let _ = client.send(&ping(1));
            let (ended, bytes) = client.ended(SOON);
            assert_eq!(bytes, 0, "a refused client gets no byte");
            ended
        }
        Err(error) => match error.split_once("fatal alert: ") {
            Some((_, alert)) => Ended::Alert(alert.to_string()),
            None => panic!("{error}"),
        },
    }
}

fn alert(name: &str) -> Ended {
    Ended::Alert(name.into())
}
