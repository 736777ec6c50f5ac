//! The binary in place of Prometheus' tools: it is `promtool` or `amtool` where it is called by that
//! name, as by a link to it, or where that is the first word. Their words become ours. As theirs do,
//! flags may stand before the words of a command.
//!
//! It is not: the commands, nor their arguments.

use std::path::Path;

/// A command of a tool: its words, ours, and which of amtool's common flags it heeds.
type Entry = (&'static [&'static str], &'static [&'static str], Heeds);

/// Which of the flags that amtool takes with every command mean something to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heeds {
    /// All: it asks and prints.
    All,
    /// Those that say whom to ask.
    Connection,
    /// None: it reads files.
    None,
}

/// promtool's commands, whose words are ours.
const PROMTOOL: &[&[&str]] = &[
    &["check", "config"],
    &["check", "healthy"],
    &["check", "metrics"],
    &["check", "ready"],
    &["check", "rules"],
    &["check", "service-discovery"],
    &["check", "web-config"],
    &["debug", "all"],
    &["debug", "metrics"],
    &["debug", "pprof"],
    &["promql", "format"],
    &["promql", "label-matchers", "delete"],
    &["promql", "label-matchers", "set"],
    &["push", "metrics"],
    &["query", "analyze"],
    &["query", "instant"],
    &["query", "labels"],
    &["query", "range"],
    &["query", "series"],
    &["test", "rules"],
    &["tsdb", "analyze"],
    &["tsdb", "bench", "write"],
    &["tsdb", "create-blocks-from", "openmetrics"],
    &["tsdb", "create-blocks-from", "rules"],
    &["tsdb", "dump"],
    &["tsdb", "dump-openmetrics"],
    &["tsdb", "list"],
];

/// amtool's commands.
const AMTOOL: &[Entry] = &[
    (&["alert", "add"], &["alerts", "add"], Heeds::Connection),
    (&["alert", "query"], &["alerts", "query"], Heeds::All),
    (&["check-config"], &["alerts", "check-config"], Heeds::None),
    (&["cluster", "show"], &["alerts", "cluster"], Heeds::All),
    (
        &["config", "routes", "show"],
        &["alerts", "route", "show"],
        Heeds::Connection,
    ),
    (
        &["config", "routes", "test"],
        &["alerts", "route", "test"],
        Heeds::Connection,
    ),
    (&["config", "show"], &["alerts", "config"], Heeds::All),
    (&["silence", "add"], &["silence", "add"], Heeds::Connection),
    (
        &["silence", "expire"],
        &["silence", "expire"],
        Heeds::Connection,
    ),
    (
        &["silence", "import"],
        &["silence", "import"],
        Heeds::Connection,
    ),
    (&["silence", "query"], &["silence", "query"], Heeds::All),
    (&["silence", "update"], &["silence", "update"], Heeds::All),
    (
        &["template", "render"],
        &["alerts", "template", "render"],
        Heeds::None,
    ),
];

/// What is meant where amtool is given the beginning of a command alone.
const DEFAULTS: [(&[&str], &str); 5] = [
    (&["alert"], "query"),
    (&["cluster"], "show"),
    (&["config"], "show"),
    (&["config", "routes"], "show"),
    (&["silence"], "query"),
];

/// Flags that may stand before the words of a command and whose value may be the next word.
const WITH_VALUE: [&str; 10] = [
    "--alertmanager.url",
    "--date.format",
    "--enable-feature",
    "--format",
    "--http.config.file",
    "--junit",
    "--output",
    "--query.lookback-delta",
    "--timeout",
    "-o",
];

/// What promtool asks for and is there always: the commands read expressions with all that PromQL has.
const OF_PROMTOOL: [&str; 2] = ["--enable-feature", "--experimental"];

/// promtool's commands that heed features: what they let through, a server has to take.
const WITH_FEATURES: [&[&str]; 2] = [&["check", "config"], &["check", "rules"]];

/// What amtool says of itself and of versions, which we do not.
const OF_AMTOOL: [&str; 5] = [
    "--no-verbose",
    "--no-version-check",
    "--verbose",
    "--version-check",
    "-v",
];

/// What only those heed who ask.
const OF_CONNECTION: [&str; 3] = ["--alertmanager.url", "--http.config.file", "--timeout"];

/// What only those heed who print.
const OF_OUTPUT: [&str; 3] = ["--date.format", "--output", "-o"];

/// One of the tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    Promtool,
    Amtool,
}

impl Tool {
    fn named(name: &str) -> Option<Self> {
        match name {
            "promtool" => Some(Self::Promtool),
            "amtool" => Some(Self::Amtool),
            _ => None,
        }
    }

    /// Of the path that a program is called by.
    fn called(program: &str) -> Option<Self> {
        let name = Path::new(program).file_name()?;
        Self::named(name.to_str()?)
    }
}

/// Whether a program that is called by this is one of the tools, and no server.
pub(crate) fn is_called(program: &str) -> bool {
    Tool::called(program).is_some()
}

/// Arguments in our words. Those that are no tool's stay as they are, but for flags before the words
/// of a command, which come behind them.
///
/// # Errors
/// A tool has no such command.
pub(super) fn in_our_words(args: impl IntoIterator<Item = String>) -> Result<Vec<String>, String> {
    let mut args: Vec<String> = args.into_iter().map(help_of_before).collect();
    let Some(program) = args.first().cloned() else {
        return Ok(args);
    };
    let mut tool = Tool::called(&program);
    let first = args.get(1).and_then(|word| Tool::named(word));
    if let (None, Some(named)) = (tool, first) {
        tool = Some(named);
        args.remove(1);
    }
    let given = args.get(1..).unwrap_or_default();
    let Some(tool) = tool else {
        return Ok(flags_behind(&program, given).unwrap_or(args));
    };
    if let Some(("help", of)) = given.split_first().map(|(first, of)| (first.as_str(), of)) {
        let mut help = match of.is_empty() {
            true => vec![program],
            false => translated(tool, &program, of)?,
        };
        help.push("--help".to_owned());
        return Ok(help);
    }
    translated(tool, &program, given)
}

/// Prometheus and its tools have a longer help as well; ours is as long already.
fn help_of_before(arg: String) -> String {
    match arg.as_str() {
        "--help-long" => "--help".to_owned(),
        _ => arg,
    }
}

/// Words of a command, and all else in its order.
struct Found<'a> {
    words: Vec<&'a str>,
    behind: Vec<String>,
    /// So many arguments of `behind` stood before the last word or where the next one would be, flags
    /// and their values.
    flags: usize,
}

/// Takes the words of a command out of the arguments, as far as `is_begin` knows them; it says of
/// words whether a command begins so, and whether they are a whole one.
fn find<'a>(args: &'a [String], is_begin: impl Fn(&[&str]) -> Option<bool>) -> Found<'a> {
    let mut words: Vec<&str> = Vec::new();
    let mut behind = Vec::new();
    let mut at = 0;
    while let Some(arg) = args.get(at) {
        if arg.len() > 1 && arg.starts_with('-') && arg != "--" {
            let has_value = WITH_VALUE.contains(&arg.as_str());
            let end = (at + 1 + usize::from(has_value)).min(args.len());
            behind.extend_from_slice(&args[at..end]);
            at = end;
            continue;
        }
        words.push(arg);
        match is_begin(&words) {
            Some(is_whole) => {
                at += 1;
                if is_whole {
                    break;
                }
            }
            None => {
                words.pop();
                break;
            }
        }
    }
    let flags = behind.len();
    behind.extend_from_slice(&args[at..]);
    Found {
        words,
        behind,
        flags,
    }
}

/// Whether a command begins with these words, and whether it is a whole one.
fn begin<'c>(commands: impl Iterator<Item = &'c [&'c str]>, words: &[&str]) -> Option<bool> {
    let mut of_it = commands.filter(|command| command.starts_with(words));
    of_it.next().map(|command| command.len() == words.len())
}

/// Our own arguments with the flags behind the words of a command; none where it is no such command.
fn flags_behind(program: &str, args: &[String]) -> Option<Vec<String>> {
    // A server begins with its flags.
    args.first().filter(|first| !first.starts_with('-'))?;
    let commands = || {
        let of_amtool = AMTOOL.iter().map(|(_, ours, _)| *ours);
        PROMTOOL.iter().copied().chain(of_amtool)
    };
    let found = find(args, |words| begin(commands(), words));
    if begin(commands(), &found.words) != Some(true) {
        return None;
    }
    Some(joined(program, &found.words, found.behind))
}

fn joined(program: &str, words: &[&str], behind: Vec<String>) -> Vec<String> {
    let mut args = vec![program.to_owned()];
    args.extend(words.iter().map(|word| (*word).to_owned()));
    args.extend(behind);
    args
}

fn translated(tool: Tool, program: &str, args: &[String]) -> Result<Vec<String>, String> {
    let commands = || -> Box<dyn Iterator<Item = &'static [&'static str]>> {
        match tool {
            Tool::Promtool => Box::new(PROMTOOL.iter().copied()),
            Tool::Amtool => Box::new(AMTOOL.iter().map(|(theirs, ..)| *theirs)),
        }
    };
    let found = find(args, |words| begin(commands(), words));
    if found.words.is_empty() {
        return without_command(program, &found);
    }
    match tool {
        Tool::Promtool => {
            let heeded = WITH_FEATURES.iter().any(|words| *words == found.words);
            let behind = match heeded {
                true => without(found.behind, &OF_PROMTOOL[1..]),
                false => without(found.behind, &OF_PROMTOOL),
            };
            Ok(joined(program, &found.words, behind))
        }
        Tool::Amtool => Ok(of_amtool(program, found)),
    }
}

/// Help, the version, or what is no command.
fn without_command(program: &str, found: &Found<'_>) -> Result<Vec<String>, String> {
    let (flags, rest) = found.behind.split_at(found.flags);
    if flags.iter().any(|flag| flag == "--version") {
        return Ok(joined(program, &["--version"], Vec::new()));
    }
    let is_help = |flag: &String| flag == "-h" || flag.starts_with("--help");
    if found.behind.is_empty() || flags.iter().any(is_help) {
        return Ok(joined(program, &["--help"], Vec::new()));
    }
    Err(match rest.first() {
        Some(word) => format!("there is no command {word:?}; see --help"),
        None => "a command is missing; see --help".to_owned(),
    })
}

fn of_amtool(program: &str, found: Found<'_>) -> Vec<String> {
    let mut words = found.words;
    let default = DEFAULTS.iter().find(|(first, _)| *first == words);
    words.extend(default.map(|(_, word)| *word));
    let entry = AMTOOL.iter().find(|(theirs, ..)| *theirs == words);
    let Some((_, ours, heeds)) = entry else {
        // The beginning of a command; the help of ours says how it goes on.
        let ours = match words.first() {
            Some(&"template") => &["alerts", "template"][..],
            _ => &words[..],
        };
        return joined(program, ours, found.behind);
    };
    let mut behind = without(found.behind, &OF_AMTOOL);
    if *heeds != Heeds::All {
        behind = without(behind, &OF_OUTPUT);
    }
    if *heeds == Heeds::None {
        behind = without(behind, &OF_CONNECTION);
    }
    joined(program, ours, behind)
}

/// Arguments without some flags and their values. What stands behind `--` is no flag.
fn without(args: Vec<String>, flags: &[&str]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            kept.push(arg);
            kept.extend(args.by_ref());
            break;
        }
        let name = arg.split('=').next().unwrap_or_default();
        // A short flag may have its value without a blank: -ojson.
        let is_short = !arg.starts_with("--") && arg.len() > 2;
        let is_joined = is_short && flags.contains(&"-o") && arg.starts_with("-o");
        if is_joined {
            continue;
        }
        if !flags.contains(&name) {
            kept.push(arg);
            continue;
        }
        if name == arg && WITH_VALUE.contains(&name) {
            args.next();
        }
    }
    kept
}

#[cfg(test)]
mod tests;
