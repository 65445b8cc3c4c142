//! `deploy/kubernetes` as kustomize renders it: it fits the schemas, and its parts fit each other and Weir.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use weir_testkit::paths;

use crate::image::image;
use crate::{containers, told};

/// All that is applied.
pub(crate) struct Manifests(Vec<Value>);

impl Manifests {
    /// # Errors
    /// What this machine lacks for it.
    pub(crate) fn render() -> Result<Self, String> {
        let output = rendered(&paths::root().join("deploy/kubernetes"))?;
        assert!(output.status.success(), "{}", told(&output));
        Ok(Self(serde_json::from_slice(&output.stdout).unwrap()))
    }

    pub(crate) fn one(&self, kind: &str, name: &str) -> &Value {
        let found = self.0.iter().find(|found| found["kind"] == kind && found["metadata"]["name"] == name);
        found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
    }

    /// What runs in each pod, and around it.
    pub(crate) fn pod(&self) -> &Value {
        &self.one("StatefulSet", "weir")["spec"]["template"]["spec"]
    }

    pub(crate) fn container(&self) -> &Value {
        &self.pod()["containers"][0]
    }

    /// weir.yaml as it is written, and what that says.
    pub(crate) fn configuration(&self) -> (&str, &Value) {
        let map = self.one("ConfigMap", "weir");
        (map["data"]["weir.yaml"].as_str().unwrap(), &map["parsed"]["weir.yaml"])
    }
}

fn rendered(directory: &Path) -> Result<Output, String> {
    let tools = paths::target().join("tools");
    let (python, kustomize) = (tools.join("kubernetes/bin/python"), tools.join("kustomize"));
    if !python.exists() || !kustomize.exists() {
        return Err("kustomize and the schemas of Kubernetes are not here: tests/kubernetes/fetch.sh".into());
    }
    let script = paths::root().join("tests/kubernetes/render.py");
    Ok(Command::new("timeout").arg("120").arg(python).arg(script).arg(kustomize).arg(directory).output().unwrap())
}

/// The strings in a list.
pub(crate) fn words(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

/// The names of things in a list.
fn names(list: &Value) -> BTreeSet<&str> {
    list.as_array().unwrap().iter().map(|found| found["name"].as_str().unwrap()).collect()
}

fn port(address: &Value) -> u64 {
    address.as_str().unwrap().rsplit_once(':').unwrap().1.parse().unwrap()
}

#[test]
fn a_manifest_that_kubernetes_would_not_take_is_noticed() {
    weir_testkit::require!(rendered(&paths::root().join("deploy/kubernetes")).map(drop));
    let copy = paths::run_dir("kubernetes").join("data");
    for (file, right, wrong, told_so) in [
        ("stateful-set.yaml", "readOnlyRootFilesystem:", "readonlyRootFilesystem:", "readonlyRootFilesystem"),
        ("stateful-set.yaml", "serviceName: weir-pods", "serviceName: {}", "serviceName"),
        ("disruption-budget.yaml", "  selector:", "  selectors:", "selectors"),
    ] {
        let _ = fs::remove_dir_all(&copy);
        let from = paths::root().join("deploy/kubernetes");
        assert!(Command::new("cp").arg("-R").args([&from, &copy]).status().unwrap().success());
        let text = fs::read_to_string(copy.join(file)).unwrap();
        assert!(text.contains(right), "{right}");
        fs::write(copy.join(file), text.replacen(right, wrong, 1)).unwrap();
        let output = rendered(&copy).unwrap();
        assert!(!output.status.success() && told(&output).contains(told_so), "{wrong}: {}", told(&output));
    }
}

#[test]
fn the_parts_fit_each_other() {
    let manifests = weir_testkit::require!(Manifests::render());
    let (set, container, pod) = (manifests.one("StatefulSet", "weir"), manifests.container(), manifests.pod());
    let (_, weir) = manifests.configuration();
    assert_eq!(set["spec"]["replicas"], weir["nodes"], "each gives its share of every rate, and no more");
    assert_eq!(container["resources"]["requests"]["cpu"], weir["workers"].to_string());
    assert!(container["resources"]["limits"]["cpu"].is_null(), "who is throttled answers nobody");

    let of_port = |name: &str| {
        let found = container["ports"].as_array().unwrap().iter().find(|port| port["name"] == name);
        found.unwrap()["containerPort"].as_u64().unwrap()
    };
    assert_eq!(of_port("kafka"), port(&weir["listeners"][0]["bind"]));
    assert_eq!(of_port("metrics"), port(&weir["admin"]["metrics"]["bind"]));
    let admin = weir["admin"]["bind"].as_str().unwrap();
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let command = words(&container[probe]["exec"]["command"]);
        assert_eq!(command[..2], ["/usr/bin/weir", "ready"], "{probe}");
        assert!(command.ends_with(&["--admin", admin]), "{probe}: by the address, whatever the file says by then");
        assert_eq!(command.contains(&"--alive"), probe != "readinessProbe", "{probe}");
    }

    let seconds = |value: &Value| value.as_u64().unwrap();
    let spread: u64 = weir["drain"]["spread"].as_str().unwrap().trim_end_matches('s').parse().unwrap();
    let needed = seconds(&container["lifecycle"]["preStop"]["sleep"]["seconds"]) + spread + 4;
    assert!(seconds(&pod["terminationGracePeriodSeconds"]) > needed, "{needed} s until the last connection has ended");
    let budget = &manifests.one("PodDisruptionBudget", "weir")["spec"];
    assert_eq!(budget["maxUnavailable"], 1);
    assert!(set["spec"]["replicas"].as_u64() > Some(1), "one away is not all away");

    let labels = &set["spec"]["template"]["metadata"]["labels"];
    let service = &manifests.one("Service", "weir")["spec"];
    let selectors = [
        &set["spec"]["selector"]["matchLabels"],
        &service["selector"],
        &manifests.one("Service", "weir-pods")["spec"]["selector"],
        &budget["selector"]["matchLabels"],
        &manifests.one("NetworkPolicy", "weir")["spec"]["podSelector"]["matchLabels"],
        &pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ];
    assert!(selectors.iter().all(|selector| *selector == labels), "{selectors:?}");
    assert_eq!((&service["type"], &service["externalTrafficPolicy"]), (&json!("LoadBalancer"), &json!("Local")));
    assert_eq!((&service["ports"][0]["port"], service["ports"].as_array().unwrap().len()), (&json!(9093), 1));
    assert_eq!(set["spec"]["serviceName"], "weir-pods");
}

#[test]
fn a_pod_may_do_little_and_be_reached_by_few() {
    let manifests = weir_testkit::require!(Manifests::render());
    let (pod, container) = (manifests.pod(), manifests.container());
    assert_eq!(pod["automountServiceAccountToken"], false);
    for key in ["hostNetwork", "hostPID", "hostIPC", "initContainers"] {
        assert!(pod[key].is_null(), "{key}");
    }
    let of_pod = &pod["securityContext"];
    assert_eq!((&of_pod["runAsNonRoot"], &of_pod["seccompProfile"]["type"]), (&json!(true), &json!("RuntimeDefault")));
    let confined =
        json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}});
    assert_eq!(container["securityContext"], confined);
    let enforced = &manifests.one("Namespace", "weir")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
    assert_eq!(*enforced, "restricted");

    let policy = &manifests.one("NetworkPolicy", "weir")["spec"];
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    let ingress = policy["ingress"].as_array().unwrap();
    let open: Vec<_> = ingress.iter().filter(|rule| rule["from"].is_null()).map(|rule| &rule["ports"]).collect();
    assert_eq!(open, [&json!([{"port": "kafka", "protocol": "TCP"}])], "anybody reaches this one port");
    assert!(policy["egress"].as_array().unwrap().iter().all(|rule| !rule["to"].is_null() && !rule["ports"].is_null()));
}

#[test]
fn what_is_mounted_is_there_followed_and_where_the_configuration_looks() {
    let manifests = weir_testkit::require!(Manifests::render());
    let (set, pod, container) = (manifests.one("StatefulSet", "weir"), manifests.pod(), manifests.container());
    let claims = &set["spec"]["volumeClaimTemplates"];
    let claimed = claims.as_array().unwrap().iter().map(|claim| claim["metadata"]["name"].as_str().unwrap());
    let volumes: BTreeSet<_> = names(&pod["volumes"]).into_iter().chain(claimed).collect();
    assert_eq!(volumes, names(&container["volumeMounts"]));
    let mounts = container["volumeMounts"].as_array().unwrap();
    let writable: Vec<_> =
        mounts.iter().filter(|mount| mount["readOnly"] != true).map(|mount| &mount["name"]).collect();
    assert_eq!(writable, ["audit"]);
    assert!(mounts.iter().all(|mount| mount["subPath"].is_null()), "what is mounted with it is not followed");
    let places: Vec<_> = mounts.iter().map(|mount| mount["mountPath"].as_str().unwrap()).collect();
    // A runtime makes the place of a mount in the image, and cannot in a volume that is mounted read-only.
    for (index, place) in places.iter().enumerate() {
        let above = places.iter().enumerate().find(|(other, above)| *other != index && place.starts_with(*above));
        assert_eq!(above, None, "{place} lies in another mount");
    }
    let (text, _) = manifests.configuration();
    let paths = text.split_whitespace().filter(|word| word.starts_with(['/', '[']) && word.contains("/etc/weir/tls/"));
    let paths: Vec<_> = paths.map(|word| word.trim_matches(['[', ']'])).collect();
    assert_eq!(paths.len(), 7, "{paths:?}");
    for path in paths {
        assert!(places.iter().any(|place| path.starts_with(&format!("{place}/"))), "{path} is in no mount");
    }
    // Where two sources have one file, the later one wins: a policy with a `weir.yaml` would be a configuration.
    let conf = pod["volumes"].as_array().unwrap().iter().find(|volume| volume["name"] == "conf").unwrap();
    let names = |source: &Value| -> Vec<String> {
        let items = source["configMap"]["items"].as_array().unwrap();
        items.iter().map(|item| item["path"].as_str().unwrap().to_owned()).collect()
    };
    let sources: Vec<_> = conf["projected"]["sources"].as_array().unwrap().iter().map(names).collect();
    assert_eq!(sources, [vec!["weir.yaml"], vec!["catalogue.yaml", "never.yaml", "tiers.yaml"]]);
    let suspended = pod["volumes"].as_array().unwrap().iter().find(|volume| volume["name"] == "suspended").unwrap();
    assert_eq!(suspended["configMap"]["optional"], true);
    let applied = manifests.0.iter().filter(|found| found["kind"] == "ConfigMap").map(|map| &map["metadata"]["name"]);
    assert_eq!(applied.collect::<Vec<_>>(), ["weir"], "who applies it again ends no suspension and changes no policy");
}

#[test]
fn the_pod_runs_as_the_user_of_the_image() {
    weir_testkit::require!(containers());
    let manifests = weir_testkit::require!(Manifests::render());
    let of_pod = &manifests.pod()["securityContext"];
    let user = format!("{}:{}", of_pod["runAsUser"], of_pod["runAsGroup"]);
    assert_eq!(image().config["config"]["User"], user);
    assert_eq!(of_pod["fsGroup"], of_pod["runAsGroup"], "keys are read by this group");
}
