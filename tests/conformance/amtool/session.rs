//! The same session on two hosts: one is driven by Debian's amtool, the other by the binary under
//! that name. Every line is given to both as it is, with the flags wherever amtool takes them.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use narthex_tests::{Hook, Narthex};

use super::{CONFIG, start};
use crate::link::linked;

/// What is compared of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Exit code and standard output.
    Same,
    /// The exit code alone.
    Exit,
}
use Shape::{Exit, Same};

/// What both are given, in this order: words between blanks. `@` is the flag that names the host,
/// `ID` the name of the silence that was added last, and `CONFIG` a config.
const SESSION: &[(&str, Shape)] = &[
    ("", Exit),
    ("--version", Exit),
    ("--help", Exit),
    ("help silence query", Exit),
    ("help nothing", Exit),
    ("nothing", Exit),
    ("silence nothing @ -q", Same),
    ("template", Exit),
    // Alerts.
    (
        "@ alert add alertname=a team=x env=prod --annotation=summary=s --start=2026-01-01T00:00:00Z --end=2190-01-01T00:00:00Z",
        Same,
    ),
    (
        "alert add @ --timeout=10s --version-check b severity=critical --start=2026-01-02T00:00:00Z --end=2190-01-01T00:00:00Z",
        Same,
    ),
    ("alert @ add", Same),
    ("alert @ add a=b --start=soon", Same),
    ("@ alert", Same),
    ("@ alert a", Same),
    ("-o extended @ alert query", Same),
    ("-oextended @ alert", Same),
    ("alert --output extended query @ team=x", Same),
    ("-v alert @ query a", Same),
    ("--date.format=2006-Jan-2 @ alert query", Same),
    ("alert query @ --date.format Monday severity=critical", Same),
    ("--no-version-check @ alert query --silenced", Same),
    ("@ alert query -a -i -s -u", Same),
    ("@ alert query --receiver=oth.*", Same),
    ("@ -o yaml alert query", Same),
    ("--alertmanager.url=http://127.0.0.1:1 alert query", Same),
    // Silences.
    ("@ silence add a=b -a me", Same),
    ("@ silence add -c why -a me", Same),
    ("@ silence add a=b -c why -a me -d 0s", Same),
    (
        "@ silence add a=b -c why -a me --start=2190-01-02T00:00:00Z --end=2190-01-01T00:00:00Z",
        Same,
    ),
    (
        "@ silence add a team=x env!~dev --comment=why --author=me --start=2190-01-01T00:00:00Z --end=2190-01-02T00:00:00Z",
        Same,
    ),
    ("@ silence", Same),
    ("silence @ -q", Same),
    ("-o extended silence query @ --created-by=nobody", Same),
    ("silence query @ --within=2h", Same),
    ("silence @ --expired", Same),
    ("--date.format=15:04 silence @ query a", Same),
    ("@ silence update", Same),
    ("@ silence update ID --comment=new", Same),
    (
        "@ silence update ID --start=2190-01-03T00:00:00Z -c late",
        Same,
    ),
    (
        "@ silence update 00000000-0000-4000-8000-000000000000 -d 1h",
        Same,
    ),
    ("@ silence query", Same),
    ("@ silence import silences.json", Exit),
    ("@ silence import -f --worker=2 silences.json", Exit),
    ("@ silence import -w 2 gone.json", Same),
    ("@ silence import none.json", Same),
    ("@ silence expire", Same),
    ("@ silence expire ID", Same),
    (
        "@ silence expire 00000000-0000-4000-8000-000000000000",
        Same,
    ),
    // Configs.
    ("check-config CONFIG", Same),
    ("-o json @ check-config CONFIG", Same),
    ("check-config none.json", Exit),
    ("check-config gone.yml", Exit),
    ("check-config", Exit),
    ("@ cluster", Same),
    ("cluster show @ -o extended", Same),
    ("@ config", Same),
    ("config show --timeout 10s @", Same),
    ("@ config routes", Same),
    ("config routes --config.file=CONFIG", Same),
    ("-o extended config routes show --config.file=CONFIG", Same),
    ("@ config routes test team=x env=prod", Same),
    (
        "config @ routes test --tree --verify.receivers=hook team=x",
        Same,
    ),
    ("config routes test team", Exit),
    // Templates.
    (
        "template render --template.glob=a.tmpl --template.text={{template\"t\"}} @",
        Same,
    ),
    ("-o json template render --template.glob=a.tmpl", Same),
];

/// One of both, with its host and its folder.
struct Tool {
    program: PathBuf,
    host: Narthex,
    folder: tempfile::TempDir,
    /// The silence that was added last.
    id: String,
}

impl Tool {
    fn new(program: PathBuf, hook: &Hook) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write("a.tmpl", "{{ define \"t\" }}x{{ end }}");
        write("none.json", "none");
        write("shown.yml", &CONFIG.replace('@', &hook.url()));
        let silence = r#"[{"id": "00000000-0000-4000-8000-000000000001", "comment": "c",
            "createdBy": "me", "startsAt": "2190-01-01T00:00:00Z", "endsAt": "2190-01-02T00:00:00Z",
            "updatedAt": "2026-01-01T00:00:00Z", "status": {"state": "pending"},
            "matchers": [{"name": "i", "value": "j", "isRegex": false, "isEqual": true}]}]"#;
        write("silences.json", silence);
        let host = start(folder.path(), hook);
        Self {
            program,
            host,
            folder,
            id: String::new(),
        }
    }

    /// What a line gives: the exit code, and what is printed without what is each one's own.
    fn said(&mut self, line: &str) -> (Option<i32>, String) {
        let url = format!("--alertmanager.url={}", self.host.url());
        let args = line.split(' ').filter(|word| !word.is_empty());
        let args = args.map(|word| match word {
            "@" => url.clone(),
            "ID" => self.id.clone(),
            word => word.replace("CONFIG", "shown.yml"),
        });
        let output = Command::new(&self.program)
            .args(args)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if line.contains("silence add") && output.status.success() {
            said.trim().clone_into(&mut self.id);
        }
        let said = match self.id.is_empty() {
            true => said,
            false => said.replace(&self.id, "ID"),
        };
        (output.status.code(), said)
    }
}

#[test]
fn a_link_of_the_name_is_amtool() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::listen();
    let mut theirs = Tool::new(PathBuf::from("amtool"), &hook);
    let mut ours = Tool::new(linked(folder.path(), "amtool"), &hook);
    let mut wrong = String::new();
    for (line, shape) in SESSION {
        let (theirs, ours) = (theirs.said(line), ours.said(line));
        let is_same = match shape {
            Same => theirs == ours,
            Exit => theirs.0 == ours.0,
        };
        if !is_same {
            writeln!(wrong, "{line}\nours {ours:#?}\ntheirs {theirs:#?}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    // What was imported under a name that the host does not know is there, once by each line.
    for tool in [&mut theirs, &mut ours] {
        let (code, silences) = tool.said("@ silence query i=j -q");
        assert_eq!((code, silences.lines().count()), (Some(0), 2), "{silences}");
    }
}
