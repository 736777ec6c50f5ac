//! What is compared: each case has alerts of its own, which no other case's route takes.

/// One case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub(super) name: &'static str,
    /// Fields of its route, as YAML; without any, it is told at `/hook` as one group.
    pub(super) route: &'static str,
    /// Matchers of a silence that is there first; behind `later:` it begins in many years.
    pub(super) silence: &'static str,
    /// What is posted at once: `+a=b,c=d` fires, `-a=b` is resolved, behind `;` are annotations.
    pub(super) first: &'static [&'static str],
    /// What is posted when that was told.
    pub(super) then: &'static [&'static str],
    /// Whether its silence is expired then.
    pub(super) expires: bool,
    /// Whether anybody is told anything, so that no case is empty by mistake.
    pub(super) is_told: bool,
}

const CASE: Case = Case {
    name: "",
    route: "",
    silence: "",
    first: &["+n=1"],
    then: &[],
    expires: false,
    is_told: true,
};

/// A case of routes and groups.
const fn route(
    name: &'static str,
    route: &'static str,
    first: &'static [&'static str],
    then: &'static [&'static str],
) -> Case {
    Case {
        name,
        route,
        first,
        then,
        ..CASE
    }
}

/// A case of times in which nobody is told.
const fn mute(name: &'static str, route: &'static str, is_told: bool) -> Case {
    Case {
        name,
        route,
        first: &["+n=1", "+n=2"],
        then: &["-n=1"],
        is_told,
        ..CASE
    }
}

const fn silence(
    name: &'static str,
    silence: &'static str,
    first: &'static [&'static str],
    expires: bool,
    is_told: bool,
) -> Case {
    Case {
        name,
        silence,
        first,
        expires,
        is_told,
        ..CASE
    }
}

pub(super) const CASES: &[Case] = &[
    // Groups.
    route("one", "", &["+n=1"], &[]),
    route("two", "", &["+n=1", "+n=2"], &[]),
    route(
        "by-label",
        "group_by: [g]",
        &["+g=1,n=1", "+g=2,n=2", "+g=1,n=3"],
        &[],
    ),
    route(
        "by-two",
        "group_by: [h, g]",
        &["+g=1,h=1", "+g=1,h=2", "+g=2,h=1", "+g=1,h=1,n=2"],
        &[],
    ),
    route(
        "by-all",
        "group_by: ['...']",
        &["+n=1", "+n=2", "+n=2,m=1"],
        &[],
    ),
    route("by-lacking", "group_by: [g]", &["+n=1", "+g=1", "+g="], &[]),
    route("by-nothing", "group_by: []", &["+n=1", "+n=2"], &[]),
    route(
        "order",
        "",
        &[
            "+job=b,instance=1",
            "+job=a,instance=2",
            "+job=a,instance=1",
            "+z=1",
            "+a=1,b=2",
        ],
        &[],
    ),
    // Routes.
    route(
        "match",
        "routes: [{match: {x: '1'}, receiver: other}]",
        &["+x=1", "+x=2"],
        &[],
    ),
    route(
        "match-re",
        "routes: [{match_re: {x: 'a|b.*'}, receiver: other}]",
        &["+x=a", "+x=bc", "+x=ab", "+y=1"],
        &[],
    ),
    route(
        "not-equal",
        "routes: [{matchers: [x!=1], receiver: other}]",
        &["+x=1", "+x=2", "+y=1"],
        &[],
    ),
    route(
        "not-regex",
        "routes: [{matchers: ['x!~\"a.*\"'], receiver: other}]",
        &["+x=ab", "+x=ba", "+y=1"],
        &[],
    ),
    route(
        "empty-value",
        "routes: [{matchers: ['x=\"\"'], receiver: other}]",
        &["+x=1", "+y=1"],
        &[],
    ),
    route(
        "several",
        "routes: [{matchers: [x=1, 'y=~\"2|3\"'], receiver: other}]",
        &["+x=1,y=2", "+x=1,y=4", "+x=2,y=3"],
        &[],
    ),
    route(
        "list-in-one",
        "routes: [{matchers: ['{x=1,y!=2}'], receiver: other}]",
        &["+x=1", "+x=1,y=2"],
        &[],
    ),
    route(
        "continue",
        "routes: [{matchers: [x=1], receiver: other, continue: true}, {matchers: ['x=~\"1|2\"'], group_by: [x]}]",
        &["+x=1", "+x=2"],
        &[],
    ),
    route(
        "continue-last",
        "routes: [{matchers: [x=1], receiver: other, continue: true}]",
        &["+x=1", "+x=2"],
        &["-x=1"],
    ),
    route(
        "deep",
        "receiver: other, routes: [{matchers: [x=1], routes: [{matchers: [y=1], receiver: hook, group_by: [z]}]}]",
        &["+x=1,y=1,z=1", "+x=1,y=1,z=2", "+x=1,y=2", "+x=2"],
        &[],
    ),
    route(
        "first-wins",
        "routes: [{matchers: [x=1], receiver: other}, {matchers: [x=1]}]",
        &["+x=1"],
        &[],
    ),
    // Receivers.
    route(
        "firing-only",
        "receiver: firing-only",
        &["+n=1", "+n=2"],
        &["-n=1"],
    ),
    route(
        "firing-only-new",
        "receiver: firing-only",
        &["+n=1", "+n=2"],
        &["-n=1", "+n=3"],
    ),
    route("two-hooks", "receiver: twice", &["+n=1", "+n=2"], &["-n=2"]),
    route(
        "truncated",
        "receiver: short",
        &["+n=1", "+n=2", "+n=3"],
        &["-n=1"],
    ),
    route("odd-name", "receiver: team.x(1)", &["+n=1"], &[]),
    Case {
        name: "no-hook",
        route: "receiver: none",
        is_told: false,
        ..CASE
    },
    // What changes.
    route("resolved", "", &["+n=1"], &["-n=1"]),
    route("partly-resolved", "", &["+n=1", "+n=2"], &["-n=1"]),
    route("new", "", &["+n=1"], &["+n=2"]),
    route("new-and-resolved", "", &["+n=1", "+n=2"], &["-n=2", "+n=3"]),
    route("same-again", "", &["+n=1"], &["+n=1"]),
    route(
        "annotation-changes",
        "",
        &["+n=1;summary=a", "+n=2;summary=a"],
        &["+n=1;summary=b", "+n=3;summary=a"],
    ),
    Case {
        name: "never-fired",
        first: &["-n=1"],
        is_told: false,
        ..CASE
    },
    // What is told.
    route(
        "common",
        "",
        &["+n=1,a=x;summary=s,x=1", "+n=2,a=x;summary=s,x=2"],
        &[],
    ),
    route(
        "characters",
        "group_by: [q]",
        &["+q=a\"b\\c,n=ä 🙂;summary=<a&b>"],
        &[],
    ),
    // Inhibition.
    route("inhibit", "", &["+s=1,e=x", "+t=1,e=x", "+t=1,e=y"], &[]),
    route("inhibit-lacking", "", &["+s=1", "+t=1", "+t=1,e=y"], &[]),
    route("inhibit-ends", "", &["+s=1,e=x", "+t=1,e=x"], &["-s=1,e=x"]),
    route("inhibit-begins", "", &["+t=1,e=x", "+n=1"], &["+s=1,e=x"]),
    route(
        "inhibit-old-form",
        "",
        &["+s=old", "+t=other", "+t=another"],
        &[],
    ),
    route("inhibit-both", "", &["+both=a", "+both=b", "+both=c"], &[]),
    route("inhibit-like", "", &["+both=b,n=1", "+both=b,n=2"], &[]),
    // Silences.
    silence("silence", "x=1", &["+x=1", "+x=2"], false, true),
    silence(
        "silence-regex",
        "x=~1|2.*",
        &["+x=1", "+x=23", "+x=12"],
        false,
        true,
    ),
    silence(
        "silence-not",
        "x!=1",
        &["+x=1", "+x=2", "+y=1"],
        false,
        true,
    ),
    silence(
        "silence-not-regex",
        "x!~1|2",
        &["+x=1", "+x=3"],
        false,
        true,
    ),
    silence(
        "silence-two",
        "x=1,y=2",
        &["+x=1,y=2", "+x=1,y=3"],
        false,
        true,
    ),
    silence("silence-all", "n=~.+", &["+n=1", "+n=2"], false, false),
    silence("silence-ends", "n=1", &["+n=1", "+n=2"], true, true),
    silence("silence-later", "later:n=1", &["+n=1", "+n=2"], false, true),
    // Times.
    mute("muted", "mute_time_intervals: [always]", false),
    mute("muted-never", "mute_time_intervals: [never]", true),
    mute(
        "muted-either",
        "mute_time_intervals: [never, always]",
        false,
    ),
    mute("muted-days", "mute_time_intervals: [days]", false),
    mute(
        "muted-times",
        "mute_time_intervals: [nights-and-days]",
        false,
    ),
    mute("active", "active_time_intervals: [always]", true),
    mute("active-never", "active_time_intervals: [never]", false),
    mute(
        "active-muted",
        "active_time_intervals: [always], mute_time_intervals: [always]",
        false,
    ),
    mute(
        "muted-parent",
        "mute_time_intervals: [always], routes: [{matchers: [n=1]}]",
        true,
    ),
];
