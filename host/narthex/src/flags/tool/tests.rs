//! Command lines of promtool and amtool, and what they are in our words.

use super::*;

fn said(line: &str) -> String {
    let args = line.split(' ').map(str::to_owned);
    match in_our_words(args) {
        Ok(args) => args.join(" "),
        Err(error) => error,
    }
}

#[test]
fn words_of_the_tools_become_ours() {
    for (theirs, ours) in [
        ("amtool alert", "amtool alerts query"),
        ("amtool alert query a=b", "amtool alerts query a=b"),
        ("amtool alert foo", "amtool alerts query foo"),
        (
            "/usr/bin/amtool --alertmanager.url=http://a -o json silence query -q",
            "/usr/bin/amtool silence query --alertmanager.url=http://a -o json -q",
        ),
        (
            "narthex amtool silence --timeout 5s add -v a=b -c x",
            "narthex silence add --timeout 5s a=b -c x",
        ),
        (
            "amtool config routes --config.file=a",
            "amtool alerts route show --config.file=a",
        ),
        (
            "amtool config -o extended routes test -ojson a=b",
            "amtool alerts route test a=b",
        ),
        (
            "amtool --alertmanager.url http://a check-config x.yml",
            "amtool alerts check-config x.yml",
        ),
        ("amtool --no-version-check cluster", "amtool alerts cluster"),
        ("amtool silence expire -- -v", "amtool silence expire -- -v"),
        ("amtool template", "amtool alerts template"),
        (
            "amtool help config routes",
            "amtool alerts route show --help",
        ),
        ("amtool", "amtool --help"),
        ("amtool --help-long", "amtool --help"),
        ("amtool -v --version", "amtool --version"),
        (
            "amtool plugin list",
            "there is no command \"plugin\"; see --help",
        ),
        ("amtool -v", "a command is missing; see --help"),
        (
            "promtool --enable-feature=x --experimental promql format a",
            "promtool promql format a",
        ),
        (
            "promtool --experimental --enable-feature a,b check rules c.yml",
            "promtool check rules --enable-feature a,b c.yml",
        ),
        (
            "promtool query -o json instant http://a up",
            "promtool query instant -o json http://a up",
        ),
        (
            "promtool check config --lint all a.yml",
            "promtool check config --lint all a.yml",
        ),
        (
            "narthex promtool test --junit out.xml rules a.yml --enable-feature x b.yml",
            "narthex test rules --junit out.xml a.yml b.yml",
        ),
        ("promtool tsdb nothing", "promtool tsdb nothing"),
        (
            "promtool --config.file=a",
            "a command is missing; see --help",
        ),
        (
            "promtool nothing",
            "there is no command \"nothing\"; see --help",
        ),
    ] {
        assert_eq!(said(theirs), ours, "{theirs}");
    }
}

#[test]
fn what_is_ours_stays_and_its_flags_may_stand_before_the_words() {
    for line in [
        "narthex",
        "narthex --config.file=a --agent",
        "narthex --help",
        "narthex query serve --endpoint=a",
        "narthex check rules --lint all a",
        "narthex tsdb import a b",
        "narthex alerts query -- -o",
    ] {
        assert_eq!(said(line), line);
    }
    assert_eq!(said("narthex --help-long"), "narthex --help");
    assert_eq!(
        said("narthex query -o json range http://a up"),
        "narthex query range -o json http://a up"
    );
    assert_eq!(
        said("narthex silence --alertmanager.url http://a query"),
        "narthex silence query --alertmanager.url http://a"
    );
}

/// A word here that the command line does not have would lead nowhere.
#[test]
fn every_command_is_one_of_ours() {
    let root = super::super::command();
    let of_amtool = AMTOOL.iter().map(|(_, ours, _)| *ours);
    for words in PROMTOOL.iter().copied().chain(of_amtool) {
        let mut at = Some(&root);
        for word in words {
            at = at.and_then(|command| command.find_subcommand(word));
        }
        assert!(at.is_some(), "{words:?}");
    }
}

#[test]
fn a_link_of_a_tools_name_is_the_tool() {
    for program in ["promtool", "/usr/local/bin/amtool", "./amtool"] {
        assert!(is_called(program), "{program}");
    }
    for program in ["narthex", "/amtool/narthex", "amtool.old", ""] {
        assert!(!is_called(program), "{program}");
    }
}
