//! Files of suspensions: each thing has its own, whole, readable for Weir's user, and goes when it is resumed.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

const WHY: Because<'_> = Because { reason: "a \"quoted\" reason: with a colon", ticket: "T1" };

fn files(policy: &Path) -> Vec<String> {
    let entries = fs::read_dir(policy.join("suspended")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != HISTORY);
    names.sort();
    names
}

#[test]
fn a_file_is_whole_readable_for_others_and_alone() {
    let policy = tempfile::tempdir().unwrap();
    suspend(policy.path(), &meant("principal", Some("p")).unwrap(), WHY).unwrap();
    assert_eq!(files(policy.path()), ["principal-p.yaml"]);
    let path = policy.path().join("suspended/principal-p.yaml");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o755);
    let text = fs::read_to_string(&path).unwrap();
    let read = Suspension::read(&SourceFile { path: String::new(), text: text.into() }).unwrap();
    assert_eq!((read.reason.as_str(), read.ticket.as_str()), (WHY.reason, WHY.ticket));
}

#[test]
fn long_topics_that_begin_alike_have_files_of_their_own() {
    let policy = tempfile::tempdir().unwrap();
    let topics = ["x", "y"].map(|end| meant("topic", Some(&format!("{}{end}", "t".repeat(248)))).unwrap());
    for topic in &topics {
        suspend(policy.path(), topic, WHY).unwrap();
    }
    assert_eq!(files(policy.path()).len(), 2);
    resume(policy.path(), &topics[0], WHY).unwrap();
    assert_eq!(files(policy.path()).len(), 1);
    assert!(suspend(policy.path(), &topics[1], WHY).unwrap().contains("is suspended already"));
}

#[test]
fn what_a_file_says_counts_and_not_its_name() {
    let policy = tempfile::tempdir().unwrap();
    let directory = policy.path().join("suspended");
    fs::create_dir(&directory).unwrap();
    let text = |what: &str| format!("{what}\nreason: r\nticket: t\n");
    fs::write(directory.join("incident-7.yaml"), text("suspend: serial\nname: 'ab:cd'")).unwrap();
    fs::write(directory.join("serial-abcd.yaml"), text("suspend: all")).unwrap();
    fs::write(directory.join("wrong.yaml"), "suspend: what\n").unwrap();
    let serial = meant("serial", Some("ABCD")).unwrap();
    assert!(suspend(policy.path(), &serial, WHY).unwrap().contains("incident-7.yaml"));
    resume(policy.path(), &serial, WHY).unwrap();
    assert_eq!(files(policy.path()), ["serial-abcd.yaml", "wrong.yaml"]);
}

#[test]
fn what_makes_no_sense_writes_nothing() {
    let policy = tempfile::tempdir().unwrap();
    let told = |kind, name| meant(kind, name).unwrap_err().to_string();
    assert!(told("api", Some("NoSuchApi")).contains("write one of Produce, Fetch"));
    assert!(told("api", Some("apiversions")).ends_with("suspend `all`"));
    assert!(told("principal", None).starts_with("which principal is not said"));
    assert_eq!(meant("api", Some("listoffsets")).unwrap(), Suspended::Api("ListOffsets".to_owned()));
    for because in [Because { reason: " ", ..WHY }, Because { ticket: "T\n1", ..WHY }] {
        assert!(suspend(policy.path(), &Suspended::All, because).is_err());
        assert!(resume(policy.path(), &Suspended::All, because).is_err());
    }
    let missing = suspend(&policy.path().join("absent"), &Suspended::All, WHY).unwrap_err().to_string();
    assert!(missing.contains("there is no such directory"), "{missing}");
    assert!(!policy.path().join("suspended").exists());
}
