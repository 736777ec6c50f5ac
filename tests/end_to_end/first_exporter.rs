//! The page "Write your first exporter" is followed to the letter: its own blocks are run.
//!
//! A block of `sh` is run, one of `diff` is applied, for the language that stands behind that
//! word or, without one, for all; `fails` stands behind the last command of a block that is to
//! fail. All other blocks are for reading.

use std::process::{Command, Stdio};

use narthex_tests::{binary, free_port, repository, run};

/// The ports of the page, which the test has its own in place of.
const PAGE_PORTS: [&str; 2] = ["11211", "9090"];

/// The languages of the page; `tests/run` installs their compilers.
const LANGUAGES: [&str; 5] = ["rust", "go", "python", "javascript", "c"];

/// A whole path takes a minute or two; what hangs is stopped after so many seconds.
const PATIENCE_SECONDS: &str = "1200";

/// A fenced block: the words behind its fence, and its lines.
struct Block {
    words: Vec<String>,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(words), None) => {
                open = Some(Block {
                    words: words.split_whitespace().map(str::to_owned).collect(),
                    text: String::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block does not end");
    blocks
}

/// The page as a script, for one language.
fn script(page: &str, language: &str) -> String {
    let mut script = String::new();
    for (number, block) in blocks(page).iter().enumerate() {
        let has = |word: &str| block.words.iter().any(|own| own == word);
        let of_other = LANGUAGES
            .iter()
            .any(|other| *other != language && has(other));
        let kind = block.words.first().map_or("", String::as_str);
        if of_other || !matches!(kind, "sh" | "diff") {
            continue;
        }
        let text = &block.text;
        script.push_str(&match kind {
            "diff" => format!("git apply <<'END_OF_DIFF'\n{text}END_OF_DIFF\n"),
            _ if has("fails") => {
                format!("if\n{text}then echo 'block {number} was to fail'; exit 1; fi\n")
            }
            _ => text.clone(),
        });
    }
    script
}

/// Runs the page for a language in a folder.
fn follow(language: &str) {
    let page = std::fs::read_to_string(repository().join("docs/first-exporter.md")).unwrap();
    let mut script = script(&page, language);
    assert!(
        script.contains("narthex plugin new"),
        "the page has no commands for {language}"
    );
    for port in PAGE_PORTS {
        script = script.replace(port, &free_port().to_string());
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.sh");
    // Whatever happens, what the page starts ends with it.
    let first = "set -xeuo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n";
    std::fs::write(&file, format!("{first}{script}")).unwrap();

    let narthex = binary();
    let own = narthex.parent().unwrap().display().to_string();
    let path = std::env::var("PATH").unwrap();
    let mut bash = Command::new("timeout");
    bash.args(["--kill-after=10", PATIENCE_SECONDS, "bash"])
        .arg(&file)
        .current_dir(folder.path())
        .env("PATH", format!("{own}:{path}"))
        .env("XDG_CACHE_HOME", folder.path().join("cache"))
        .stdin(Stdio::null());
    // A newcomer's shell knows nothing of the cargo that runs this test.
    for (name, _) in std::env::vars() {
        if name.starts_with("CARGO_") && name != "CARGO_HOME" || name == "RUSTFLAGS" {
            bash.env_remove(name);
        }
    }
    run(&mut bash);
}

#[test]
fn the_page_works_in_rust() {
    follow("rust");
}

#[test]
fn the_page_works_in_go() {
    follow("go");
}

#[test]
fn the_page_works_in_python() {
    follow("python");
}

#[test]
fn the_page_works_in_javascript() {
    follow("javascript");
}

#[test]
fn the_page_works_in_c() {
    follow("c");
}

#[test]
fn the_page_has_the_same_steps_for_every_language() {
    let page = std::fs::read_to_string(repository().join("docs/first-exporter.md")).unwrap();
    let steps = |language: &str| {
        let all = blocks(&page).into_iter();
        let own = all.filter(|block| block.words.iter().any(|word| word == language));
        own.map(|block| block.words[0].clone()).collect::<Vec<_>>()
    };
    for language in LANGUAGES {
        assert_eq!(steps(language), ["sh", "diff"], "{language}");
    }
}
