//! The clusters of a configuration: where they are, and with which certificates and as whom their brokers are dialled.
//!
//! Must never: let a certificate or a user stand for a tier that there is not, for then whoever is in the tier that was meant
//! comes with Weir's own.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use weir_policy::Policy;

use crate::config::raw::RawMechanism;
use crate::config::{self, At, Config, Place, Problems, SaslIdentity, TierIdentity, UpstreamTlsFiles};
use crate::tls::{self, Inspector, Materials};
use crate::upstream::{
    HostPort, Identity, Mechanism, ScramHash, Secret, UpstreamSasl, UpstreamSettings, UpstreamTimeouts, UpstreamTls,
};

/// The clusters, by name. What is wrong with their files the inspector notes.
pub(super) fn upstreams(config: &Config, inspector: &mut Inspector<'_>) -> HashMap<String, UpstreamSettings> {
    let mut all = HashMap::new();
    for (name, upstream) in &config.upstreams {
        let hosts = upstream.bootstrap.iter().map(|(host, port)| HostPort { host: host.clone(), port: *port });
        let settings = UpstreamSettings {
            name: name.clone(),
            bootstrap: hosts.collect(),
            cluster_id: upstream.cluster_id.clone(),
            tls: upstream.tls.as_ref().and_then(|files| upstream_tls(files, upstream.sasl.as_ref(), inspector)),
            max_versions: upstream.max_versions.clone(),
            racks: upstream.racks.clone(),
            dials_per_second: upstream.dials_per_second,
            timeouts: UpstreamTimeouts { compaction: upstream.compaction_check, ..UpstreamTimeouts::default() },
        };
        all.insert(name.clone(), settings);
    }
    all
}

/// Notes the tiers that have a certificate or a user and are in no policy.
pub(super) fn judge_tiers(config: &Config, policy: &Policy, problems: &mut Problems) {
    for (tier, what, place) in config.upstreams.values().flat_map(named_tiers) {
        if policy.tiers().any(|known| known.name == *tier) {
            continue;
        }
        let mut names: Vec<_> = policy.tiers().map(|known| known.name.as_str()).collect();
        names.sort_unstable();
        let what = format!("`{tier}` has a {what} for the brokers, but tiers.yaml has no such tier");
        problems.add(place, what, format!("write one of {}", names.join(", ")));
    }
}

/// The tiers that a cluster is to tell apart, by what, and where that is written.
fn named_tiers(upstream: &config::Upstream) -> impl Iterator<Item = (&String, &'static str, Place)> {
    let certificates = upstream.tls.iter().flat_map(|files| &files.identities);
    let users = upstream.sasl.iter().flat_map(|sasl| &sasl.identities);
    let users = users.map(|(tier, identity)| (tier, "user", identity.place));
    certificates.map(|(tier, identity)| (tier, "certificate", identity.place)).chain(users)
}

/// Notes what is wrong with the files that hold passwords and tokens.
pub(super) fn judge_secrets(config: &Config, secrets: &Materials, problems: &mut Problems) {
    for sasl in config.upstreams.values().filter_map(|upstream| upstream.sasl.as_ref()) {
        for SaslIdentity { secret, .. } in sasl.all() {
            let Some(file) = secrets.get(&secret.value) else { continue };
            let shown = secret.value.display();
            if let Some(mode) = file.too_open() {
                let what = format!("`{shown}` has mode {mode:04o}: others can come as Weir");
                problems.add(secret.place, what, format!("run `chmod 0600 {shown}`"));
            }
            let content = file.content.as_ref().map_err(|error| format!("cannot be read: {error}"));
            let parsed =
                content.and_then(|bytes| Secret::parse(mechanism(sasl.mechanism), bytes).map_err(str::to_owned));
            if let Err(why) = parsed {
                let fix = "write the password or the token into it, on one line, for Weir's user to read";
                problems.add(secret.place, format!("`{shown}` {why}"), fix);
            }
        }
    }
}

fn mechanism(raw: RawMechanism) -> Mechanism {
    match raw {
        RawMechanism::ScramSha256 => Mechanism::Scram(ScramHash::Sha256),
        RawMechanism::ScramSha512 => Mechanism::Scram(ScramHash::Sha512),
        RawMechanism::OAuthBearer => Mechanism::OAuthBearer,
    }
}

fn upstream_sasl(sasl: &config::UpstreamSasl) -> UpstreamSasl {
    let identity = |identity: &SaslIdentity| {
        Arc::new(Identity::new(mechanism(sasl.mechanism), identity.username.clone(), identity.secret.value.clone()))
    };
    let of_tiers = sasl.identities.iter().map(|(tier, of_tier)| (tier.clone(), identity(of_tier)));
    UpstreamSasl { own: identity(&sasl.own), of_tiers: of_tiers.collect() }
}

/// Nothing where something is wrong, which the inspector noted.
fn upstream_tls(
    files: &UpstreamTlsFiles,
    sasl: Option<&config::UpstreamSasl>,
    inspector: &mut Inspector<'_>,
) -> Option<UpstreamTls> {
    let roots = inspector.roots(&files.ca);
    let own = files.identity.as_ref().map(|(certificate, key)| identity(certificate, key, inspector));
    let of_tier =
        |(tier, files): (&String, &TierIdentity)| (tier.clone(), identity(&files.certificate, &files.key, inspector));
    let of_tiers: Vec<_> = files.identities.iter().map(of_tier).collect();
    let roots = roots?;
    let own = match own {
        Some(own) => Some(own?),
        None => None,
    };
    let config = client_config(files, &roots, own, inspector)?;
    let mut configs = BTreeMap::new();
    for (tier, identity) in of_tiers {
        configs.insert(tier, client_config(files, &roots, Some(identity?), inspector)?);
    }
    let sasl = sasl.map(upstream_sasl);
    Some(UpstreamTls { config, server_name: files.server_name.clone(), of_tiers: configs, sasl })
}

/// A certificate that brokers are shown, with its key.
fn identity(
    certificate: &At<PathBuf>,
    key_path: &At<PathBuf>,
    inspector: &mut Inspector<'_>,
) -> Option<Arc<CertifiedKey>> {
    let chain = inspector.chain(certificate, "brokers");
    let key = inspector.key(key_path);
    inspector.pair(chain?, &certificate.value, key?, key_path)
}

fn client_config(
    files: &UpstreamTlsFiles,
    roots: &Arc<RootCertStore>,
    identity: Option<Arc<CertifiedKey>>,
    inspector: &mut Inspector<'_>,
) -> Option<Arc<ClientConfig>> {
    let config = tls::upstream_client_config(Arc::clone(roots), identity);
    config
        .map_err(|error| {
            let what = format!("TLS to the brokers cannot be set up: {error}");
            inspector.problems.add(files.ca.place, what, "issue certificates of a usual kind");
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use weir_policy::Diff;

    use crate::snapshot::fixture::Fixture;
    use crate::upstream::UpstreamSettings;

    fn fixture(identities: &str) -> Fixture {
        let fixture = Fixture::new();
        fixture.client("weir").write(&fixture.path(""), "weir").unwrap();
        fixture.client("weir-tool").write(&fixture.path(""), "weir-tool").unwrap();
        let tls =
            format!("tls: {{ca: servers-ca.pem, certificate: weir.pem, key: weir.key, identities: {identities}}}");
        fixture.configure("bootstrap: ['127.0.0.1:9092']", &format!("bootstrap: ['127.0.0.1:9092'], {tls}"));
        fixture
    }

    const TOOL: &str = "{tool: {certificate: weir-tool.pem, key: weir-tool.key}}";

    #[test]
    fn a_tier_with_a_certificate_shares_it_with_no_other() {
        let fixture = fixture(TOOL);
        fixture.write("acl/tiers.yaml", "tiers: [{tier: tool, connections: 20}, {tier: a, connections: 2}]\n");
        let snapshot = fixture.snapshot();
        let main: &UpstreamSettings = &snapshot.upstreams["main"];
        assert!(main.share_identity("tool", "tool") && main.share_identity("a", "b"));
        assert!(!main.share_identity("tool", "a") && !main.share_identity("a", "tool"));
        assert!(main.tls.as_ref().unwrap().of_tiers.keys().eq(["tool"]));
    }

    #[test]
    fn a_certificate_is_for_a_tier_that_there_is() {
        let fixture = fixture("{tol: {certificate: weir-tool.pem, key: weir-tool.key}}");
        let place = fixture.problems()[0].split(": ").next().unwrap().to_owned();
        assert_eq!(
            fixture.problems(),
            [format!(
                "{place}: `tol` has a certificate for the brokers, but tiers.yaml has no such tier; write one of tool"
            )]
        );
        assert!(place.starts_with("weir.yaml:8:1"), "{place}");
    }

    #[test]
    fn its_files_are_looked_at_like_weirs_own() {
        let fixture = fixture(TOOL);
        fixture.set_mode("weir-tool.key", 0o644);
        fixture.write("weir-tool.pem", "");
        let problems = fixture.problems();
        assert!(
            problems.iter().any(|problem| problem.contains("`weir-tool.pem` holds no certificate")),
            "{problems:?}"
        );
        assert!(problems.iter().any(|problem| problem.contains("`weir-tool.key` has mode 0644")), "{problems:?}");
    }

    /// What the file says waits; what runs goes on, and so does every other change.
    #[test]
    fn a_tier_that_is_gone_keeps_nothing_out_while_the_configuration_waits_for_a_restart() {
        let fixture = fixture(TOOL);
        fixture.write("acl/tiers.yaml", "tiers: [{tier: tool, connections: 20}, {tier: a, connections: 2}]\n");
        fixture.remove("acl/principals/tool.yaml");
        let mut loader = crate::snapshot::Loader::new(&fixture.path("weir.yaml"));
        let before = loader.load().unwrap();
        fixture.configure(&format!(", identities: {TOOL}"), "");
        fixture.write("acl/tiers.yaml", "tiers: [{tier: a, connections: 3}]\n");
        let loaded = loader.reload().unwrap();
        assert_eq!(loaded.waits_for_restart, ["upstreams.main"]);
        assert!(Diff::between(&before.policy, &loaded.snapshot.unwrap().policy).0.is_empty(), "nobody is in a tier");
    }

    /// The same with SASL, and a tier that comes as another user.
    fn with_sasl() -> Fixture {
        let fixture = Fixture::new();
        fixture.write("acl/tiers.yaml", "tiers: [{tier: tool, connections: 20}, {tier: a, connections: 2}]\n");
        let identity = |user: &str| format!("username: {user}, password_file: {user}.password");
        let sasl =
            format!("mechanism: SCRAM-SHA-512, {}, identities: {{tool: {{{}}}}}", identity("weir"), identity("tool"));
        let keys = format!("bootstrap: ['127.0.0.1:9092'], tls: {{ca: servers-ca.pem}}, sasl: {{{sasl}}}");
        fixture.configure("bootstrap: ['127.0.0.1:9092']", &keys);
        for file in ["weir.password", "tool.password"] {
            fixture.write(file, "planted\n");
            fixture.set_mode(file, 0o600);
        }
        fixture
    }

    #[test]
    fn a_tier_with_a_user_shares_it_with_no_other() {
        let snapshot = with_sasl().snapshot();
        let main = &snapshot.upstreams["main"];
        assert!(main.share_identity("tool", "tool") && main.share_identity("a", "b"));
        assert!(!main.share_identity("tool", "a") && !main.share_identity("a", "tool"));
        assert!(!format!("{main:?}").contains("planted"));
    }

    #[test]
    fn files_with_passwords_are_looked_at_like_keys_and_never_shown() {
        let fixture = with_sasl();
        fixture.set_mode("weir.password", 0o644);
        fixture.write("tool.password", "planted\nplanted\n");
        fixture.set_mode("tool.password", 0o640);
        let problems = fixture.problems().join("\n");
        assert!(
            problems.contains("weir.password` has mode 0644: others can come as Weir; run `chmod 0600"),
            "{problems}"
        );
        assert!(problems.contains("tool.password` holds more than the one line of a password; write"), "{problems}");
        assert!(!problems.contains("planted"), "{problems}");
        fixture.remove("weir.password");
        let problems = fixture.problems().join("\n");
        assert!(problems.contains("weir.password` cannot be read"), "{problems}");
    }

    /// Who renews a token may be late, and a suspension must not wait for that.
    #[test]
    fn hostile_o1_a_password_that_is_gone_keeps_no_change_of_the_policy_out() {
        let fixture = with_sasl();
        let mut loader = crate::snapshot::Loader::new(&fixture.path("weir.yaml"));
        loader.load().unwrap();
        fixture.remove("weir.password");
        assert!(loader.reload().unwrap().snapshot.is_none(), "it is no part of a generation");
        fixture.write("acl/tiers.yaml", "tiers: [{tier: tool, connections: 21}, {tier: a, connections: 2}]\n");
        assert!(loader.reload().unwrap().snapshot.is_some());
    }
}
