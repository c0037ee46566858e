//! Load scripts and the Makefile, as far as they can be checked without a load test.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use super::{path, text};

#[test]
fn the_journey_is_a_valid_script() {
    let script = std::fs::File::open(path("loadtests/k6/journey.js")).expect("the script is in the tree");
    // The script comes from standard input: by the name of its file node would not take it for a module.
    let checked = Command::new("node")
        .args(["--check", "--input-type=module", "-"])
        .stdin(Stdio::from(script))
        .output()
        .expect("node is needed; make test installs it");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn every_setting_of_the_journey_is_documented() {
    let (script, readme) = (text("loadtests/k6/journey.js"), text("loadtests/README.md"));
    for call in ["env('", "number('"] {
        for name in script.split(call).skip(1).filter_map(|rest| rest.split('\'').next()) {
            assert!(readme.contains(&format!("`{name}`")), "{name} is not in loadtests/README.md");
        }
    }
}

#[test]
fn what_the_tests_need_is_installed_by_a_script_that_runs() {
    let script = path(".ci/packages");
    let mode = std::fs::metadata(&script).expect("the script is in the tree").permissions().mode();
    assert_eq!(mode & 0o111, 0o111, "must be executable");
    let checked = Command::new("sh").arg("-n").arg(&script).status().expect("a shell");
    assert!(checked.success());
    assert!(text("Makefile").contains("\ntest: packages\n\tcargo test --workspace --features kafka\n"));
}
