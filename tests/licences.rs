//! Is everything that is linked in, or builds it, under a licence that asks for no more than a notice?
//!
//! Looks at the packages of this machine's own build, as cargo knows them; those of other systems are not in it.

use std::process::Command;

use serde_json::Value;
use spdx::{Expression, ParseMode};

/// MPL-2.0 asks for the source of its own files, which are taken as they are. The last two are of data: certificates and a terminal's abilities.
const ALLOWED: [&str; 13] = [
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MPL-2.0",
    "Zlib",
    "BSL-1.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "WTFPL",
];

fn is_allowed(licence: &str) -> bool {
    let named = |name: Option<spdx::LicenseId>| name.is_some_and(|id| ALLOWED.contains(&id.name));
    Expression::parse_mode(licence, ParseMode::LAX)
        .is_ok_and(|expression| expression.evaluate(|required| named(required.license.id())))
}

#[test]
fn every_package_has_a_licence_that_is_allowed() {
    let platform = Command::new("rustc").args(["--print", "host-tuple"]).output().expect("rustc runs");
    let platform = String::from_utf8(platform.stdout).expect("a name");
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", platform.trim()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    let metadata: Value = serde_json::from_slice(&cargo.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 100, "{} packages cannot be all", packages.len());
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(is_allowed))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn licences_that_ask_for_more_are_told() {
    for licence in ["GPL-3.0", "AGPL-3.0-only", "MIT AND LGPL-2.1-or-later", "Custom"] {
        assert!(!is_allowed(licence), "{licence}");
    }
    for licence in
        ["MIT/Apache-2.0", "GPL-2.0 OR MIT", "(MIT OR Apache-2.0) AND Unicode-3.0", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(is_allowed(licence), "{licence}");
    }
}
