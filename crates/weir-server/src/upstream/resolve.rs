//! Name look-ups, kept off every client's way.
//!
//! Must never: have two look-ups of one name under way, or forget a good answer because a later look-up failed.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::settings::HostPort;

/// Looks one name up, and keeps its last good answer.
#[derive(Debug)]
pub(super) struct Resolver {
    name: HostPort,
    /// A look-up that outlasted its caller's patience. It is waited for again instead of starting another one, because
    /// the operating system offers no way to stop it.
    under_way: Option<JoinHandle<io::Result<Vec<SocketAddr>>>>,
    last_good: Vec<SocketAddr>,
}

impl Resolver {
    pub(super) fn new(name: HostPort) -> Self {
        Self { name, under_way: None, last_good: Vec::new() }
    }

    pub(super) fn name(&self) -> &HostPort {
        &self.name
    }

    /// The name's addresses: fresh ones if they come within `patience`, else those of the last good answer, else none.
    pub(super) async fn lookup(&mut self, patience: Duration) -> &[SocketAddr] {
        if let Ok(address) = self.name.host.parse::<IpAddr>() {
            self.last_good = vec![SocketAddr::new(address, self.name.port)];
            return &self.last_good;
        }
        let mut look_up = self.under_way.take().unwrap_or_else(|| tokio::spawn(ask(self.name.clone())));
        match tokio::time::timeout(patience, &mut look_up).await {
            Ok(Ok(Ok(addresses))) if !addresses.is_empty() => self.last_good = addresses,
            Ok(_) => {}
            Err(_) => self.under_way = Some(look_up),
        }
        &self.last_good
    }
}

async fn ask(name: HostPort) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((name.host.as_str(), name.port)).await?.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver(host: &str) -> Resolver {
        Resolver::new(HostPort { host: host.to_owned(), port: 9092 })
    }

    #[tokio::test]
    async fn an_address_needs_no_look_up() {
        assert_eq!(resolver("192.0.2.7").lookup(Duration::ZERO).await, ["192.0.2.7:9092".parse().unwrap()]);
        assert_eq!(resolver("2001:db8::1").lookup(Duration::ZERO).await, ["[2001:db8::1]:9092".parse().unwrap()]);
    }

    #[tokio::test]
    async fn hostile_u11_the_last_good_answer_outlives_a_failed_look_up() {
        let mut resolver = resolver("no-such-host.invalid");
        assert!(resolver.lookup(Duration::from_secs(5)).await.is_empty());
        resolver.last_good = vec!["192.0.2.7:9092".parse().unwrap()];
        assert_eq!(resolver.lookup(Duration::from_secs(5)).await, ["192.0.2.7:9092".parse().unwrap()]);
    }

    #[tokio::test]
    async fn hostile_u11_a_slow_look_up_is_waited_for_again_and_not_doubled() {
        let mut resolver = resolver("slow.invalid");
        let answer = || Ok(vec!["192.0.2.9:9092".parse().unwrap()]);
        resolver.under_way = Some(tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(150)).await;
            answer()
        }));
        assert!(resolver.lookup(Duration::from_millis(20)).await.is_empty());
        assert!(resolver.under_way.is_some());
        assert_eq!(resolver.lookup(Duration::from_secs(5)).await, ["192.0.2.9:9092".parse().unwrap()]);
        assert!(resolver.under_way.is_none());
    }
}
