//! How long a broker is left alone that has refused an identity: longer each time, until another secret stands in the file.
//!
//! A broker makes whoever it refuses wait, and is kept from its work by it. Must never: keep one broker's refusal from being
//! found out to be gone, or let all who wait try at once.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::SaslError;
use super::secret::Secret;
use crate::lock::lock;
use crate::upstream::backoff::Backoff;
use crate::upstream::settings::HostPort;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(10);
/// A broker that nobody tried for so long after its pause is forgotten: it may not be there any more.
const FORGOTTEN: Duration = Duration::from_secs(300);

/// The pauses of one identity, by broker.
#[derive(Default)]
pub(super) struct Pauses(Mutex<HashMap<HostPort, Pause>>);

struct Pause {
    until: Instant,
    /// How long it was.
    took: Duration,
    backoff: Backoff,
    /// What was refused.
    secret: Secret,
    error: SaslError,
}

impl Pauses {
    /// Whether the broker may be tried now with this secret.
    ///
    /// # Errors
    /// Why it refused this secret the last time, where that was shortly before.
    pub(super) fn may_try(&self, broker: &HostPort, secret: &Secret, now: Instant) -> Result<(), SaslError> {
        let mut pauses = lock(&self.0);
        let Some(pause) = pauses.get_mut(broker).filter(|pause| pause.secret == *secret) else { return Ok(()) };
        if now < pause.until {
            return Err(pause.error.clone());
        }
        // One tries, and the others wait for what comes of it.
        pause.until = after(now, pause.took);
        Ok(())
    }

    /// The broker has refused it.
    pub(super) fn refused(&self, broker: &HostPort, secret: &Secret, error: &SaslError, now: Instant) {
        let mut pauses = lock(&self.0);
        pauses.retain(|_, pause| now < after(pause.until, FORGOTTEN));
        let known = pauses.remove(broker).filter(|pause| pause.secret == *secret);
        let mut backoff = known.map_or_else(|| Backoff::between(FIRST, LONGEST), |pause| pause.backoff);
        let took = backoff.next();
        let (secret, error) = (secret.clone(), error.clone());
        pauses.insert(broker.clone(), Pause { until: after(now, took), took, backoff, secret, error });
    }

    /// The broker has taken it.
    pub(super) fn accepted(&self, broker: &HostPort) {
        lock(&self.0).remove(broker);
    }
}

fn after(instant: Instant, time: Duration) -> Instant {
    instant.checked_add(time).unwrap_or(instant)
}

#[cfg(test)]
mod tests {
    use super::super::Mechanism;
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::parse(Mechanism::OAuthBearer, text.as_bytes()).unwrap()
    }

    #[test]
    fn hostile_u1_who_was_refused_leaves_the_broker_alone_longer_each_time() {
        let (pauses, one) = (Pauses::default(), HostPort { host: "one".to_owned(), port: 1 });
        let other = HostPort { host: "other".to_owned(), port: 1 };
        let (bad, good) = (secret("bad"), secret("good"));
        let mut now = Instant::now();
        let tried = |now| pauses.may_try(&one, &bad, now);
        for longest in [1, 2, 4, 8, 10, 10] {
            assert_eq!(tried(now), Ok(()));
            pauses.refused(&one, &bad, &SaslError::NotAsked, now);
            assert_eq!(tried(now + Duration::from_millis(499 * longest)), Err(SaslError::NotAsked));
            now += Duration::from_secs(longest);
        }
        // Another broker, and what stands in the file by now, have nothing to do with it.
        assert_eq!(pauses.may_try(&other, &bad, now), Ok(()));
        assert_eq!(pauses.may_try(&one, &good, now), Ok(()));
        assert_eq!(tried(now), Ok(()));
        assert_eq!(tried(now), Err(SaslError::NotAsked), "one tries at a time");
        pauses.accepted(&one);
        assert_eq!((tried(now), tried(now)), (Ok(()), Ok(())));
    }

    #[test]
    fn brokers_that_are_gone_are_forgotten() {
        let (pauses, bad, mut now) = (Pauses::default(), secret("bad"), Instant::now());
        for port in 1..100 {
            pauses.refused(&HostPort { host: "one".to_owned(), port }, &bad, &SaslError::NotAsked, now);
            now += Duration::from_secs(60);
        }
        assert!(lock(&pauses.0).len() < 10);
    }
}
