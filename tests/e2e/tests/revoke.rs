//! Revocation lists while Weir runs. No broker is needed: who is out is out before one is asked.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;
use weir_pki::Validity;
use weir_server::tls::certificate_facts;
use weir_testkit::{
    Acl, Advertise, Ended, Identity, Pki, PrincipalSpec, RawClient, RawTarget, Weir, WeirOptions, wait,
};

/// What takes effect does so within this.
const BAR: Duration = Duration::from_secs(1);
/// What a machine that does ten things at once may add where only the outcome is of interest.
const PATIENT: Duration = Duration::from_secs(15);
const READER: &str = "revoke-reader";
/// The time to effect is measured: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// A Weir that wants lists of the shared CA, and one file with the newest.
struct Desk {
    weir: Weir,
    list: PathBuf,
    _dir: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Desk {
    fn open() -> Self {
        let alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("clients.crl");
        fs::write(&list, revoking(1, &[])).unwrap();
        let acl = Acl::new(&["revoke.a"]).principal(PrincipalSpec::new(READER, &["revoke.a"]));
        let mut options = WeirOptions::before(&["127.0.0.1:1".to_owned()], Advertise::Ports, acl).untapped();
        options.config["listeners"][0]["tls"]["client_crl"] = json!([list]);
        let weir = Weir::start_unready(options);
        wait::until("weir runs", Duration::from_secs(30), || match weir.get("/livez")? {
            (200, _) => Ok(()),
            other => Err(format!("{other:?}")),
        });
        Self { weir, list, _dir: dir, _alone: alone }
    }

    /// Puts a list in place as a CA's tools should: whole.
    fn put(&self, text: &str) -> Instant {
        let beside = self.list.with_extension("new");
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, &self.list).unwrap();
        Instant::now()
    }

    fn target(&self, identity: &Identity) -> RawTarget {
        self.weir.target(&self.weir.bootstrap(), identity)
    }

    fn client(&self, identity: &Identity) -> RawClient {
        RawClient::connect(&self.target(identity)).expect("a connection")
    }

    /// Waits until `/readyz` tells this.
    fn told(&self, part: &str) {
        wait::until("it is told", PATIENT, || match self.weir.get("/readyz")?.1 {
            body if body.contains(part) => Ok(()),
            body => Err(body),
        });
    }
}

/// A list of the shared CA.
fn revoking(number: u64, revoked: &[&Identity]) -> String {
    let serials: Vec<Vec<u8>> = revoked.iter().map(|identity| serial(identity)).collect();
    let serials: Vec<&[u8]> = serials.iter().map(Vec::as_slice).collect();
    Pki::shared().authority().revocation_list(number, &serials, Validity::days(1)).unwrap()
}

fn serial(identity: &Identity) -> Vec<u8> {
    let der = CertificateDer::from_pem_slice(identity.issued.certificate_pem.as_bytes()).unwrap();
    certificate_facts(&der).unwrap().peer.serial.as_bytes().to_vec()
}

fn is_open(client: &mut RawClient) {
    assert_eq!(client.ended(Duration::from_millis(150)), Ended::Silent);
}

#[test]
fn hostile_o4_a_revoked_certificate_ends_what_is_open_within_a_second() {
    wait::in_time(|| {
        let desk = Desk::open();
        let (lost, kept) = (Pki::shared().client(READER), Pki::shared().client(READER));
        let tickets = desk.target(&lost).config();
        let resuming = || RawClient::connect_with(&desk.target(&lost), tickets.clone());
        let mut goes = [resuming().unwrap(), desk.client(&lost), desk.client(&lost)];
        let mut stays = desk.client(&kept);
        goes.iter_mut().chain([&mut stays]).for_each(is_open);
        let began = desk.put(&revoking(2, &[&lost]));
        for client in &mut goes {
            assert_eq!(client.ended(PATIENT), Ended::Closed);
        }
        wait::held("closing who is revoked", BAR, began.elapsed());
        is_open(&mut stays);
        // Neither with its ticket nor without.
        for mut client in [resuming(), RawClient::connect(&desk.target(&lost))].into_iter().flatten() {
            assert!(matches!(client.ended(PATIENT), Ended::Alert(_)));
        }
        is_open(&mut desk.client(&kept));
        let metrics = desk.weir.get("/metrics").unwrap().1;
        for kind in ["server", "client-ca", "crl"] {
            let gauge = format!("weir_expires_in_seconds{{listener=\"outside\",kind=\"{kind}\",");
            let line = metrics.lines().find(|line| line.starts_with(&gauge)).unwrap_or_else(|| panic!("{gauge}"));
            assert!(line.rsplit(' ').next().unwrap().parse::<i64>().unwrap() > 80_000, "{line}");
        }
    });
}

#[test]
fn hostile_o4_an_older_list_and_one_that_cannot_be_read_are_refused_and_named() {
    let desk = Desk::open();
    let lost = Pki::shared().client(READER);
    let mut client = desk.client(&lost);
    is_open(&mut client);
    desk.put(&revoking(5, &[&lost]));
    assert_eq!(client.ended(PATIENT), Ended::Closed);
    for (bad, told) in
        [(revoking(4, &[]), "is older (number 0x04"), ("nonsense".to_owned(), "holds no revocation list")]
    {
        desk.put(&bad);
        desk.told(told);
        desk.told("clients.crl");
        if let Ok(mut client) = RawClient::connect(&desk.target(&lost)) {
            assert!(matches!(client.ended(PATIENT), Ended::Alert(_)), "the last good list is in force");
        }
    }
    desk.put(&revoking(6, &[]));
    let back = wait::try_until(PATIENT, || match RawClient::connect(&desk.target(&lost))?.ended(BAR / 4) {
        Ended::Silent => Ok(()),
        ended => Err(format!("{ended:?}")),
    });
    assert_eq!(back, Ok(()), "the CA has taken it back");
}

#[test]
fn hostile_o4_a_new_list_waits_for_no_other_file() {
    wait::in_time(|| {
        let desk = Desk::open();
        let lost = Pki::shared().client(READER);
        let mut client = desk.client(&lost);
        is_open(&mut client);
        fs::write(desk.weir.acl_dir().join("tiers.yaml"), "tiers: 7\n").unwrap();
        desk.told("tiers.yaml:1:8");
        let began = desk.put(&revoking(2, &[&lost]));
        assert_eq!(client.ended(PATIENT), Ended::Closed);
        wait::held("closing who is revoked", BAR, began.elapsed());
    });
}
