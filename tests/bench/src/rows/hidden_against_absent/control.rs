//! The control: a server on the core of what is measured, with the same TLS, that looks longer for names of one population,
//! as a careless proxy would. It answers all the same.

use std::collections::HashSet;
use std::hint::spin_loop;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::asked::Asked;
use super::asker::Asker;
use super::rule::{self, Dice, Judged, Times};
use super::{PLANTED, REQUESTS, Topic};
use crate::failure::{Context, Failure};
use crate::tls::{self, Certificates};

/// Populations that are asked for: two that are hidden alike, and one that takes longer.
const ASKED: usize = 3;
/// What follows the correlation id of every answer.
const REST: [u8; 60] = [0; 60];

/// What the rule says of the control.
pub fn measure(certificates: &Certificates, topics: &[Vec<Topic>], dice: &mut Dice) -> Result<Judged, Failure> {
    let mut asked = Asked::all()?;
    let asked = asked.first_mut().ok_or_else(|| Failure::new("nothing is asked"))?;
    let topics = &topics[..ASKED];
    let slow = topics[ASKED - 1].iter().map(|topic| topic.name.clone().into_bytes()).collect();
    let address = start(tls::server_config(&certificates.dir)?, slow, asked.place())?;
    let mut asker = Asker::connect(address, certificates)?;
    let mut times = vec![Times::default(); ASKED];
    super::take(&mut asker, asked, topics, REQUESTS, dice, &mut times)?;
    Ok(rule::judge(&times, dice))
}

/// Why the control says that this run says nothing.
pub fn void(control: &Judged) -> Option<String> {
    let is_seen = control.worst() > control.noise && (control.worst() - PLANTED).abs() < PLANTED / 2.0;
    (!is_seen).then(|| format!("the control is not seen as it is: {}", control.told()))
}

/// Starts the server on a thread that ends with its one client.
fn start(
    config: Arc<ServerConfig>,
    slow: HashSet<Vec<u8>>,
    place: std::ops::Range<usize>,
) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("the control cannot listen")?;
    let address = listener.local_addr().context("the control has no address")?;
    let serve = move || -> io::Result<()> {
        let tcp = listener.accept()?.0;
        tcp.set_nodelay(true)?;
        let mut stream = StreamOwned::new(ServerConnection::new(config).map_err(io::Error::other)?, tcp);
        let mut prefix = [0; 4];
        loop {
            stream.read_exact(&mut prefix)?;
            let mut frame = prefix.to_vec();
            frame.resize(4 + usize::try_from(i32::from_be_bytes(prefix)).map_err(io::Error::other)?, 0);
            stream.read_exact(&mut frame[4..])?;
            if slow.contains(&frame[place.clone()]) {
                let began = Instant::now();
                while began.elapsed() < Duration::from_secs_f64(PLANTED / 1e6) {
                    spin_loop();
                }
            }
            let length = u32::try_from(4 + REST.len()).map_err(io::Error::other)?;
            stream.write_all(&[&length.to_be_bytes(), &frame[8..12], &REST].concat())?;
            stream.flush()?;
        }
    };
    // Its client says what went wrong.
    thread::spawn(move || crate::pin(&[crate::MEASURED]).map(|()| serve()));
    Ok(address)
}
