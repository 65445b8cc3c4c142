//! docs/clients/: the pages that are made from the templates of a bundle. `WEIR_BLESS=1` writes them anew.

use std::fs;
use std::path::Path;

use weir_pki::bundle::client_pages;

#[test]
fn the_pages_are_what_the_templates_say() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/clients");
    for (name, page) in client_pages().unwrap() {
        let path = directory.join(name);
        if std::env::var_os("WEIR_BLESS").is_some() {
            fs::write(&path, page).unwrap();
            continue;
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(written == page, "docs/clients/{name} is not what the templates say; run this test with WEIR_BLESS=1");
    }
}
