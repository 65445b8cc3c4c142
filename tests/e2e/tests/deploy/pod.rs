//! A pod of `deploy/kubernetes`: the image, as its user, with its volumes as a kubelet writes them, its command and its
//! probes. What is replaced: names, addresses and ports, which the machine that runs this has to have.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_protocol::messages::ApiVersionsRequest;
use serde_json::Value;
use weir_pki::Validity;
use weir_testkit::ports::Block;
use weir_testkit::{Acl, Identity, Kafka, Pki, PrincipalSpec, RawClient, RawTarget, Version, names, paths, wait};

use crate::container::{Container, Mount, directory};
use crate::manifests::{Manifests, words};
use crate::volume::{Files, Volume};
use crate::{SOON, containers, told};

const TOPIC: &str = "pod.topic";
const READER: &str = "pod-reader";
const LATER: &str = "pod-later";

struct Pod {
    manifests: Manifests,
    kafka: Arc<Kafka>,
    ports: Block,
    volumes: BTreeMap<String, Volume>,
    container: Container,
}

fn acl(principals: &[&str]) -> Acl {
    principals.iter().fold(Acl::new(&[TOPIC]), |acl, name| acl.principal(PrincipalSpec::new(name, &[TOPIC])))
}

/// The files of a directory of this policy; of the policy itself for "".
fn policy(acl: &Acl, below: &str) -> Files {
    let dir = paths::run_dir("policy").join("data");
    acl.write(&dir);
    let entries = fs::read_dir(dir.join(below)).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    entries.filter(|path| path.is_file()).map(|path| (name(&path), fs::read_to_string(path).unwrap())).collect()
}

/// A Secret of type kubernetes.io/tls.
fn pair(identity: &Identity, ca: &Pki) -> Files {
    let (certificate, key) = (identity.issued.chain_pem.clone(), identity.issued.key_pem.clone());
    let ca = ca.authority().certificate_pem().to_owned();
    [("tls.crt", certificate), ("tls.key", key.as_str().to_owned()), ("ca.crt", ca)]
        .map(|(name, text)| (name.to_owned(), text))
        .into()
}

fn server(pki: &Pki) -> Files {
    pair(&pki.server(&[names::HOST, &format!("*.{}", names::HOST)]), pki)
}

/// What others than this directory's authors apply: policy, certificates.
fn brought(name: &str) -> Files {
    let pki = Pki::shared();
    match name {
        "weir-policy" => policy(&acl(&[READER]), ""),
        "weir-principals" => policy(&acl(&[READER]), "principals"),
        "weir-suspended" => Files::new(),
        "weir-server" => server(pki),
        "weir-brokers" => pair(&pki.client("weir"), pki),
        "weir-clients" => {
            let list = pki.authority().revocation_list(1, &[], Validity::days(2)).unwrap();
            [("ca.pem", pki.authority().certificate_pem().to_owned()), ("crl.pem", list)]
                .map(|(name, text)| (name.to_owned(), text))
                .into()
        }
        other => panic!("{other} is not what docs/operate/kubernetes.md says that you bring"),
    }
}

impl Pod {
    /// Not started yet.
    fn new() -> Result<Self, String> {
        containers()?;
        names::resolve()?;
        let manifests = Manifests::render()?;
        let kafka = Kafka::shared(Version::V4);
        let directory = directory("pod");
        let of_pod = &manifests.pod()["securityContext"];
        let number = |key: &str| u32::try_from(of_pod[key].as_u64().unwrap()).unwrap();
        let (user, group) = (number("runAsUser"), number("fsGroup"));
        let ports = Block::claim();
        let mut volumes = BTreeMap::new();
        for volume in manifests.pod()["volumes"].as_array().unwrap() {
            let (files, mode) = content(&manifests, volume, &kafka, &ports);
            let name = volume["name"].as_str().unwrap().to_owned();
            volumes.insert(name.clone(), Volume::new(&directory.join(&name), mode, group, &files));
        }
        let audit = directory.join("audit");
        fs::create_dir(&audit).unwrap();
        chown(&audit, Some(0), Some(group)).unwrap();
        fs::set_permissions(&audit, fs::Permissions::from_mode(0o2775)).unwrap();
        let mount = |mount: &Value| Mount {
            from: directory.join(mount["name"].as_str().unwrap()),
            at: mount["mountPath"].as_str().unwrap().to_owned(),
            is_writable: mount["readOnly"] != true,
        };
        let mounts = manifests.container()["volumeMounts"].as_array().unwrap().iter().map(mount).collect();
        let container = Container::new(&directory, user, mounts);
        Ok(Self { manifests, kafka, ports, volumes, container })
    }

    /// The command of the manifest, with this process's ports.
    fn command(&self, list: &Value) -> Vec<String> {
        words(list).into_iter().map(|word| word.replace("127.0.0.1:9180", &self.address(0))).collect()
    }

    fn address(&self, index: u16) -> String {
        format!("127.0.0.1:{}", self.ports.first + index)
    }

    /// Weir with other arguments than those of the manifest, by itself.
    fn weir(&self, arguments: &[&str]) -> Output {
        self.container.run(&[&["/usr/bin/weir"], arguments].concat())
    }

    fn start(&mut self, log: &Path) {
        let arguments = self.command(&self.manifests.container()["args"]);
        let program: Vec<&str> = ["/usr/bin/weir"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        self.container.start(&program, log);
    }

    /// What a probe of the manifest ends with.
    fn probe(&self, name: &str) -> Output {
        let command = self.command(&self.manifests.container()[name]["exec"]["command"]);
        self.container.exec(&command.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn volume(&mut self, name: &str) -> &mut Volume {
        self.volumes.get_mut(name).unwrap()
    }

    /// Whether somebody is let in.
    fn lets_in(&self, who: &str, trusts: &Pki) -> Result<(), String> {
        let target = RawTarget::new(&format!("{}:0", names::HOST), &Pki::shared().client(who));
        let target = RawTarget { address: self.address(1), ca: trusts.ca(), ..target };
        RawClient::connect(&target)?.call(0, &ApiVersionsRequest::default()).map(drop)
    }

    fn get(&self, path: &str) -> String {
        let mut tcp = TcpStream::connect(self.address(2)).unwrap();
        tcp.set_read_timeout(Some(SOON)).unwrap();
        write!(tcp, "GET {path} HTTP/1.1\r\nhost: weir\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// The keys of a ConfigMap that are asked for, at their places.
fn items(map: &Value, of_map: impl Fn(&Value) -> Files) -> Files {
    let mut content = of_map(map);
    let items = map["items"].as_array().unwrap().iter();
    let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    items.map(|item| (text(item, "path"), content.remove(&text(item, "key")).unwrap())).collect()
}

/// The files of a volume, and their mode.
fn content(manifests: &Manifests, volume: &Value, kafka: &Kafka, ports: &Block) -> (Files, u32) {
    let of_map = |map: &Value| match map["name"].as_str().unwrap() {
        "weir" => [("weir.yaml".to_owned(), configuration(manifests, kafka, ports))].into(),
        other => brought(other),
    };
    if let Some(secret) = volume["secret"]["secretName"].as_str() {
        let mode = u32::try_from(volume["secret"]["defaultMode"].as_u64().unwrap()).unwrap();
        return (brought(secret), mode);
    }
    let files = match volume["projected"]["sources"].as_array() {
        Some(sources) => sources.iter().flat_map(|source| items(&source["configMap"], of_map)).collect(),
        None => of_map(&volume["configMap"]),
    };
    (files, 0o644)
}

fn configuration(manifests: &Manifests, kafka: &Kafka, ports: &Block) -> String {
    let at = |index: u16| format!("127.0.0.1:{}", ports.first + index);
    let replaced = [
        ("0.0.0.0:9093", at(1)),
        ("host: kafka.example.org", format!("host: {}", names::HOST)),
        ("[kafka1.internal:9093, kafka2.internal:9093, kafka3.internal:9093]", format!("{:?}", kafka.bootstrap_ssl())),
        ("127.0.0.1:9180", at(0)),
        ("0.0.0.0:9181", at(2)),
        ("198.51.100.0/24", "127.0.0.0/8".to_owned()),
    ];
    replaced.into_iter().fold(manifests.configuration().0.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, &to)
    })
}

#[test]
fn the_pod_of_the_manifests_serves_and_follows_what_is_mounted() {
    let mut pod = weir_testkit::require!(Pod::new());
    pod.kafka.create_topic(TOPIC, 1, 3, &[]);
    let checked = pod.weir(&["check", "-c", "/etc/weir/conf/weir.yaml"]);
    assert!(checked.status.success(), "{}", told(&checked));
    let log = paths::run_dir("pod").join("weir.log");
    pod.start(&log);
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        wait::until(probe, Duration::from_secs(60), || {
            let output = pod.probe(probe);
            output
                .status
                .success()
                .then_some(())
                .ok_or_else(|| format!("{}{}", told(&output), fs::read_to_string(&log).unwrap_or_default()))
        });
    }
    pod.lets_in(READER, Pki::shared()).unwrap();
    assert!(pod.lets_in(LATER, Pki::shared()).is_err());
    assert!(pod.get("/metrics").contains("weir_ready 1"));
    assert!(pod.get("/readyz").starts_with("HTTP/1.1 404"), "metrics alone leave the pod");
    let suspended = ["suspend", "all", "--reason", "r", "--ticket", "T-1", "-c", "/etc/weir/conf/weir.yaml"];
    let output = pod.weir(&suspended);
    assert!(!output.status.success() && told(&output).contains("Read-only file system"), "{}", told(&output));
    follows(&mut pod);
    let ends = pod.container.process();
    ends.signal("TERM");
    assert_eq!(ends.wait(SOON), 0, "with nobody to send away it does not wait");
}

/// What a kubelet changes is in force, and what is wrong is not.
fn follows(pod: &mut Pod) {
    let within = |pod: &Pod, what: &str, is_so: &dyn Fn(&Pod) -> Result<(), String>| {
        let began = Instant::now();
        wait::until(what, SOON, || is_so(pod));
        println!("{what}: {:.2} s after the link was changed", began.elapsed().as_secs_f64());
    };
    pod.volume("principals").write(&policy(&acl(&[READER, LATER]), "principals"));
    within(pod, "a new principal", &|pod| pod.lets_in(LATER, Pki::shared()));

    let text = format!("suspend: principal\nname: {LATER}\nreason: a test\nticket: T-1\n");
    pod.volume("suspended").write(&[("principal-pod-later.yaml".to_owned(), text)].into());
    within(pod, "a suspension", &|pod| match pod.lets_in(LATER, Pki::shared()) {
        Ok(()) => Err("it is still let in".to_owned()),
        Err(_) => Ok(()),
    });
    pod.lets_in(READER, Pki::shared()).unwrap();

    let renewed = Pki::new("Weir tests renewed CA");
    pod.volume("server").write(&server(&renewed));
    within(pod, "a renewed certificate", &|pod| pod.lets_in(READER, &renewed));

    let good: Files = {
        let conf = &pod.volume("conf").path;
        let names = ["weir.yaml", "catalogue.yaml", "never.yaml", "tiers.yaml"];
        names.map(|name| (name.to_owned(), fs::read_to_string(conf.join(name)).unwrap())).into()
    };
    for wrong in ["weir.yaml", "tiers.yaml"] {
        let mut bad = good.clone();
        bad.insert(wrong.to_owned(), "listeners: [\n".to_owned());
        pod.volume("conf").write(&bad);
        within(pod, "a broken file", &|pod| {
            let output = told(&pod.probe("readinessProbe"));
            if output.contains("not in force") { Ok(()) } else { Err(output) }
        });
        for probe in ["readinessProbe", "livenessProbe"] {
            let output = pod.probe(probe);
            assert!(output.status.success(), "{wrong} ends no Weir: {}", told(&output));
        }
        pod.lets_in(READER, &renewed).unwrap();
        pod.volume("conf").write(&good);
        within(pod, "a mended file", &|pod| {
            let output = told(&pod.probe("readinessProbe"));
            if output.contains("not in force") { Err(output) } else { Ok(()) }
        });
    }
}

/// The mode that is in the manifest is the one with which Weir starts: a key that others can read is refused.
#[test]
fn a_key_that_everybody_in_the_pod_may_read_is_refused() {
    let mut pod = weir_testkit::require!(Pod::new());
    let server_volume = pod.volume("server").path.clone();
    let key = fs::canonicalize(server_volume.join("tls.key")).unwrap();
    let check = |pod: &Pod| told(&pod.weir(&["check", "-c", "/etc/weir/conf/weir.yaml"]));
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o440);
    assert!(check(&pod).contains("\nok\n"), "{}", check(&pod));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o444)).unwrap();
    assert!(check(&pod).contains("others can use it"), "{}", check(&pod));
    // Without the group of the volumes it cannot be read at all.
    fs::set_permissions(&key, fs::Permissions::from_mode(0o440)).unwrap();
    chown(&key, Some(0), Some(0)).unwrap();
    assert!(check(&pod).contains("Permission denied"), "{}", check(&pod));
}
