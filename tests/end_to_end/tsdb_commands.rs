//! `narthex tsdb` and `narthex block`, as an operator types them.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use narthex_tests::{binary, run};

/// 2025-01-01 00:00 UTC.
const START_S: i64 = 1_735_689_600;
const SAMPLES: i64 = 3 * 300;

fn text() -> String {
    let mut text = String::from("# TYPE heat gauge\n");
    for room in 0..3 {
        for i in 0..SAMPLES / 3 {
            let time_s = START_S + i * 60;
            writeln!(
                text,
                "heat{{room=\"{room}\"}} {}.5 {time_s}",
                room * 1_000 + i
            )
            .unwrap();
        }
    }
    text.push_str("# EOF\n");
    text
}

fn narthex(args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(args);
    command
}

fn output(args: &[&str]) -> Output {
    narthex(args).output().unwrap()
}

/// What pyarrow finds in an exported file: rows, sum of the values, distinct series.
fn read_by_pyarrow(file: &Path) -> String {
    let python = std::env::var("NARTHEX_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = "import sys, pyarrow.compute as c, pyarrow.parquet as p\n\
                  t = p.read_table(sys.argv[1])\n\
                  rooms = {dict(labels)['room'] for labels in t['labels'].to_pylist()}\n\
                  print(t.num_rows, c.sum(t['value']).as_py(), sorted(rooms), t.column_names)";
    run(Command::new(python).args(["-c", script]).arg(file))
}

#[test]
fn samples_go_in_and_out_and_damage_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (file, store, again) = (path("text"), path("store"), path("again"));
    std::fs::write(&file, text()).unwrap();
    let table = run(&mut narthex(&[
        "tsdb",
        "create-blocks-from",
        "--max-block-duration=4h",
        "openmetrics",
        &file,
        &store,
    ]));
    assert_eq!(table.lines().count(), 3, "{table}");
    assert_eq!(run(&mut narthex(&["tsdb", "list", &store])), table);
    let human = run(&mut narthex(&["tsdb", "list", "-r", &store]));
    assert!(human.contains("2025-01-01 00:00:00 +0000 UTC"), "{human}");
    let analysis = run(&mut narthex(&["tsdb", "analyze", "--limit=1", &store]));
    assert!(
        analysis.contains("\nMost common label pairs:\n3 __name__=heat\n"),
        "{analysis}"
    );

    // Out as text, and in again.
    let dumped = run(&mut narthex(&["tsdb", "dump-openmetrics", &store]));
    std::fs::write(&file, &dumped).unwrap();
    run(&mut narthex(&[
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "-q",
        &file,
        &again,
    ]));
    let dump = |store: &str| run(&mut narthex(&["tsdb", "dump", "--match=heat", store]));
    assert_eq!(dump(&again), dump(&store));
    assert_eq!(dump(&store).lines().count() as i64, SAMPLES);

    let first = table.lines().nth(1).unwrap().split(' ').next().unwrap();
    let (block, exported) = (format!("{store}/{first}"), path("samples.parquet"));
    let export = ["block", "export", &block, "--to", &exported];
    assert_eq!(run(&mut narthex(&export)), "720 rows\n");
    let sum: i64 = (0..3)
        .map(|room| 240 * room * 1_000 + 239 * 120 + 120)
        .sum();
    assert_eq!(
        read_by_pyarrow(Path::new(&exported)),
        format!(
            "720 {sum}.0 ['0', '1', '2'] \
             ['series_id', 'labels', 'timestamp', 'value', 'histogram']\n"
        )
    );
    assert!(
        !output(&export).status.success(),
        "a file is not overwritten"
    );

    assert!(output(&["tsdb", "verify", &store]).status.success());
    let chunks = format!("{block}/chunks.parquet");
    let mut bytes = std::fs::read(&chunks).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&chunks, bytes).unwrap();
    let verified = output(&["tsdb", "verify", &store]);
    let said = String::from_utf8(verified.stdout).unwrap();
    assert_eq!(verified.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with(&format!("block {first}: chunks.parquet: bytes 0 to ")),
        "{said}"
    );
    assert!(said.ends_with("2 blocks, 1 of them damaged\n"), "{said}");
    let verified = output(&["tsdb", "verify", "-o", "json", &store]);
    let said: serde_json::Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(verified.status.code(), Some(1), "{said}");
    assert_eq!(said["blocks"], 2, "{said}");
    assert_eq!(said["damaged"][0]["block"], first, "{said}");

    // One that cannot be opened is named, and the other is shown.
    let meta = format!("{block}/meta.json");
    let mut text = std::fs::read(&meta).unwrap();
    text[30] ^= 1;
    std::fs::write(&meta, text).unwrap();
    let listed = output(&["tsdb", "list", &store]);
    let said = String::from_utf8(listed.stderr).unwrap();
    assert!(listed.status.success(), "{said}");
    assert!(
        said.starts_with(&format!("block {first}: meta.json: ")),
        "{said}"
    );
    assert!(
        said.ends_with("1 block is damaged and left out\n"),
        "{said}"
    );
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.lines().count(), 2, "{listed}");
}
