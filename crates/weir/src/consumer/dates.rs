//! Certificate dates, by two clocks: ours, and the server's, which shows in what the server says of our certificate.
//! So a wrong clock is told from a certificate that has expired.
//!
//! Pure: the clock and the evidence are arguments. Must never: blame a certificate that the server takes.

use super::fault::Fault;
use super::text::{span, time};

/// From the first second to the last, since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from: i64,
    pub(crate) until: i64,
}

/// What the server says of our certificate's dates, by its own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It takes it.
    Accepted,
    /// It is outside its dates; TLS has one alert for too early and too late.
    OutsideItsDates,
    /// Nothing.
    Unknown,
}

/// What there is to judge by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    /// This machine's clock.
    pub(crate) now: i64,
    pub(crate) ours: Validity,
    pub(crate) server: Validity,
    pub(crate) verdict: Verdict,
    /// When the newest record was written, where one could be read.
    pub(crate) newest_record: Option<i64>,
}

/// Where a clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Before,
    Within,
    After,
}

impl Validity {
    fn side(self, now: i64) -> Side {
        if now < self.from.saturating_sub(PATIENCE) {
            Side::Before
        } else if now > self.until.saturating_add(PATIENCE) {
            Side::After
        } else {
            Side::Within
        }
    }
}

/// As far as two right clocks may disagree, in seconds: as Weir has it.
const PATIENCE: i64 = 60;

impl Evidence {
    /// Whether the newest record is needed to judge: the server goes on with a certificate that our clock refuses.
    pub(crate) fn needs_a_record(&self) -> bool {
        self.server.side(self.now) != Side::Within
            && self.ours.side(self.now) == Side::Within
            && self.verdict == Verdict::Accepted
    }

    /// What is wrong with certificates or clocks.
    pub(crate) fn judge(&self) -> Result<(), Fault> {
        let (ours, server) = (self.ours.side(self.now), self.server.side(self.now));
        match (ours, self.verdict) {
            (Side::Within, Verdict::OutsideItsDates) if server == Side::Within => Err(Fault::ClocksDiffer),
            // Whoever serves has a certificate that is valid, as a rule: where both are wrong by us, we are.
            (Side::Within, Verdict::OutsideItsDates) => Err(Fault::ClockOff),
            (Side::Within, _) if server == Side::Within => Ok(()),
            (Side::Within, _) => Err(self.of_server()),
            (_, Verdict::Accepted) => Err(Fault::ClockOff),
            (side, Verdict::Unknown) if server == side => Err(Fault::ClockOff),
            (Side::Before, Verdict::OutsideItsDates) if server == Side::Before => Err(Fault::ClockOff),
            (Side::Before, _) => Err(Fault::CertificateNotYetValid),
            (Side::After, _) => Err(Fault::CertificateExpired),
        }
    }

    /// The server takes our certificate, and its own is wrong by our clock. A record that was written outside its dates
    /// shows that it is the certificate; one within them, that it is the clock.
    fn of_server(&self) -> Fault {
        match self.newest_record.map(|written| self.server.side(written)) {
            Some(Side::Within) => Fault::ClockOff,
            _ => Fault::ServerCertificateDates,
        }
    }

    /// What is known, in a line.
    pub(crate) fn seen(&self) -> String {
        let dates = |validity: Validity| format!("{} to {}", time(validity.from), time(validity.until));
        let verdict = match self.verdict {
            Verdict::Accepted => "; the server finds ours valid now",
            Verdict::OutsideItsDates => "; the server finds ours outside its dates",
            Verdict::Unknown => "",
        };
        let record = self.newest_record.map(|written| format!("; newest record {}", time(written))).unwrap_or_default();
        let (now, ours, server) = (time(self.now), dates(self.ours), dates(self.server));
        format!("this clock says {now}; our certificate {ours}; the server's {server}{verdict}{record}")
    }

    /// For how long both certificates are valid still, in a line.
    pub(crate) fn left(&self) -> String {
        let left = |validity: Validity| span(validity.until.saturating_sub(self.now));
        format!("our certificate is valid for {} more, the server's for {}", left(self.ours), left(self.server))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;
    const NOW: i64 = 20_000 * DAY;

    fn valid(from: i64, until: i64) -> Validity {
        Validity { from: NOW + from * DAY, until: NOW + until * DAY }
    }

    fn judged(ours: Validity, server: Validity, verdict: Verdict, record: Option<i64>) -> Result<(), &'static str> {
        let newest_record = record.map(|days| NOW + days * DAY);
        Evidence { now: NOW, ours, server, verdict, newest_record }.judge().map_err(Fault::name)
    }

    #[test]
    fn a_wrong_clock_is_told_from_an_expired_certificate() {
        use Verdict::{Accepted, OutsideItsDates, Unknown};
        let (good, expired, early) = (valid(-9, 9), valid(-9, -1), valid(1, 9));
        for (ours, server, verdict, record, wanted) in [
            (good, good, Accepted, None, Ok(())),
            (good, good, Unknown, None, Ok(())),
            // The server says the same as our clock, or the opposite.
            (expired, good, OutsideItsDates, None, Err("certificate-expired")),
            (early, good, OutsideItsDates, None, Err("certificate-not-yet-valid")),
            (expired, good, Accepted, None, Err("clock-off")),
            (early, good, Accepted, None, Err("clock-off")),
            (good, good, OutsideItsDates, None, Err("clocks-differ")),
            (good, expired, OutsideItsDates, None, Err("clock-off")),
            // A machine without a battery for its clock: before everything.
            (early, early, OutsideItsDates, None, Err("clock-off")),
            (expired, expired, OutsideItsDates, None, Err("certificate-expired")),
            // Nothing is known of the server's clock.
            (expired, good, Unknown, None, Err("certificate-expired")),
            (early, good, Unknown, None, Err("certificate-not-yet-valid")),
            (expired, expired, Unknown, None, Err("clock-off")),
            (early, early, Unknown, None, Err("clock-off")),
            // The server's own certificate, and when a record was written.
            (good, expired, Accepted, Some(0), Err("server-certificate-dates")),
            (good, expired, Accepted, Some(-2), Err("clock-off")),
            (good, expired, Accepted, None, Err("server-certificate-dates")),
            (good, early, Accepted, Some(2), Err("clock-off")),
            (good, early, Accepted, Some(0), Err("server-certificate-dates")),
        ] {
            assert_eq!(judged(ours, server, verdict, record), wanted, "{ours:?} {server:?} {verdict:?} {record:?}");
        }
    }

    #[test]
    fn a_minute_is_no_fault() {
        let ours = Validity { from: NOW - DAY, until: NOW - PATIENCE };
        assert_eq!(judged(ours, valid(-1, 1), Verdict::Accepted, None), Ok(()));
        let ours = Validity { from: NOW - DAY, until: NOW - PATIENCE - 1 };
        assert_eq!(judged(ours, valid(-1, 1), Verdict::Accepted, None), Err("clock-off"));
    }
}
