//! An address that leads to one place, and then to another: for what connects after it was moved.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A TCP relay on loopback. Its threads end with the process.
#[derive(Clone)]
pub struct Door {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    leads_to: String,
    /// Connections that are open, from both sides.
    open: Vec<TcpStream>,
}

impl Door {
    pub fn to(place: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("an address");
        let door =
            Self { address, state: Arc::new(Mutex::new(State { leads_to: place.to_owned(), open: Vec::new() })) };
        let serving = door.clone();
        thread::spawn(move || listener.incoming().flatten().for_each(|client| drop(serving.pass(client))));
        door
    }

    /// What connects from now on comes there; what is connected stays.
    pub fn lead_to(&self, place: &str) {
        self.lock().leads_to = place.to_owned();
    }

    /// Ends what is connected.
    pub fn cut(&self) {
        for stream in self.lock().open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn pass(&self, client: TcpStream) -> std::io::Result<()> {
        let place = self.lock().leads_to.clone();
        let server = TcpStream::connect(place)?;
        for (from, to) in [(client.try_clone()?, server.try_clone()?), (server.try_clone()?, client.try_clone()?)] {
            thread::spawn(move || copy(from, to));
        }
        self.lock().open.extend([client, server]);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
