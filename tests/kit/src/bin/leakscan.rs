//! Searches every byte that any test sent to a client for the planted names: `leakscan` after the tests,
//! `leakscan clear` before them. Ends with status 1 on a leak, or when the search would prove nothing.

use weir_testkit::transcript;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("clear") {
        transcript::clear().expect("target/transcripts can be removed");
        return;
    }
    let found = match transcript::search_all() {
        Ok(found) => found,
        Err(error) => {
            println!("leak scan: no transcripts in target/transcripts: {error}");
            std::process::exit(1);
        }
    };
    let (edges, bytes) = found.edges;
    println!("leak scan: {} planted names in {bytes} bytes of {edges} connections to clients", found.names);
    for (name, file) in &found.leaked {
        println!("leak scan: LEAKED {name:?} in {}", file.display());
    }
    for name in &found.unseen {
        println!("leak scan: {name:?} was planted, and no direct connection showed it: the search proves nothing");
    }
    if bytes == 0 {
        println!("leak scan: nothing was recorded");
    }
    let good = found.leaked.is_empty() && found.unseen.is_empty() && bytes > 0 && found.names > 0;
    std::process::exit(i32::from(!good));
}
