//! A name server with one answer: every name is the address of the broker. It shows that the binary asks the server of
//! `/etc/resolv.conf`, without the C library of a distribution.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// An address of loopback that no resolver of a machine has.
pub(crate) const ADDRESS: &str = "127.0.0.253";
const HEADER: usize = 12;
const TYPE_A: u8 = 1;

/// Answers until the process ends, and tells each name that was asked for.
pub(crate) fn serve(broker: Ipv4Addr) -> Receiver<String> {
    let socket = UdpSocket::bind((ADDRESS, 53)).expect("port 53 of 127.0.0.253 is free");
    let (tell, told) = sync_channel(1_000);
    thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            if let Some((name, answer)) = answer(&question[..length], broker) {
                let _ = socket.send_to(&answer, from);
                // A test that looks at them is not about the thousandth.
                let _ = tell.try_send(name);
            }
        }
    });
    told
}

/// The question's name, and the message that answers it: the question with an address behind it, or without any where
/// another type than A is asked for.
fn answer(question: &[u8], broker: Ipv4Addr) -> Option<(String, Vec<u8>)> {
    let mut labels = Vec::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*question.get(at)?);
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(question.get(at + 1..=at + length)?).into_owned());
        at += 1 + length;
    }
    let end = at + 5;
    let is_address = *question.get(at + 2)? == TYPE_A;
    let mut message = question.get(..end)?.to_vec();
    // An answer, to a recursive question, without an error; one question, one record, nothing else.
    message[2..HEADER].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
    if is_address {
        // The name of the question, type A, class IN, a minute, four bytes.
        message.extend([0xc0, HEADER as u8, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4]);
        message.extend(broker.octets());
    }
    Some((labels.join("."), message))
}
