//! `narthex test promql FILE...`.

use std::process::Command;

use narthex_tests::binary;

fn run(script: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.test");
    std::fs::write(&file, script).unwrap();
    let output = Command::new(binary())
        .args(["test", "promql"])
        .arg(&file)
        .output()
        .unwrap();
    (
        output.status.success(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[test]
fn a_script_that_holds_ends_with_its_count_and_success() {
    let (success, output) = run(
        "load 1m\n  a 0+1x10\n\neval instant at 5m a\n  a 5\n\neval instant at 5m a + 1\n  {} 6\n",
    );
    assert!(success, "{output}");
    assert_eq!(output.lines().last(), Some("2 passed, 0 failed"));
}

#[test]
fn a_script_that_fails_says_where() {
    let (success, output) = run("load 1m\n  a 0+1x10\n\neval instant at 5m a\n  a 6\n");
    assert!(!success);
    assert_eq!(output.lines().last(), Some("0 passed, 1 failed"));
    assert!(output.contains("one.test:4"), "{output}");
}
