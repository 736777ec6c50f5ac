"""Which metrics there are, and which an expression asks for.

There are: what Narthex' own code registers, what plugins say in their fixtures, code and READMEs, what
rules record, and what Kubernetes' components have (kubernetes_metrics.txt). It is not a parser of PromQL:
promtool and Narthex say whether an expression is one.
"""

import re
from functools import cache
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
EXPORTERS = REPOSITORY / "plugins" / "exporters"
# What every scrape and every rule of alerts adds.
SYNTHETIC = {
    "ALERTS", "ALERTS_FOR_STATE", "scrape_duration_seconds", "scrape_samples_post_metric_relabeling",
    "scrape_samples_scraped", "scrape_series_added", "up",
}
KEYWORDS = {
    "and", "atan2", "bool", "by", "group_left", "group_right", "ignoring", "inf", "nan", "offset", "on",
    "or", "unless", "without",
}
SUFFIX = re.compile(r"_(bucket|count|sum|total|info|created)$")
LITERAL = re.compile(r'"(\w+)(?:\{\w*\}\w*)?"')
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def asked(expression):
    """The names of metrics in an expression."""
    selected = set(re.findall(r'__name__\s*=\s*"([^"]+)"', expression))
    for names in re.findall(r'__name__\s*=~\s*"([\w|]+)"', expression):
        selected |= set(names.split("|"))
    text = re.sub(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'', "", expression)
    text = re.sub(r"\{[^}]*\}|\[[^]]*\]", " ", text)
    grouping = r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"
    text = re.sub(grouping, " ", text)
    text = re.sub(r"\boffset\s+\S+", " ", text)
    text = re.sub(r"(?<![\w:])\d[\w.]*", " ", text)
    for match in NAME.finditer(text):
        is_function = text[match.end():].lstrip().startswith("(")
        if not is_function and match.group().lower() not in KEYWORDS:
            selected.add(match.group())
    return selected


def of_rules(path):
    """The rules of a file."""
    groups = yaml.safe_load(path.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def rule_files():
    """The files of rules of plugins and of this folder."""
    return [
        *EXPORTERS.glob("*/rules.yml"),
        *(REPOSITORY / "deploy").glob("kubernetes/base/rules-*.yml"),
        *(REPOSITORY / "deploy").glob("kubernetes/components/*/rules-*.yml"),
        *(REPOSITORY / "deploy").glob("examples/*/rules-*.yml"),
    ]


@cache
def recorded():
    """The names that rules write."""
    rules = [rule for path in rule_files() for rule in of_rules(path)]
    return frozenset(rule["record"] for rule in rules if "record" in rule)


@cache
def own():
    """The names that the host registers: literals, with the prefix of their registry before them."""
    names = set()
    for path in REPOSITORY.glob("host/*/src/**/*.rs"):
        text = path.read_text()
        literals = LITERAL.findall(text)
        prefixes = re.findall(r'sub_registry_with_prefix\("(\w+)"\)', text)
        names |= set(literals)
        names |= {f"{prefix}_{literal}" for prefix in prefixes for literal in literals}
    return frozenset(names)


@cache
def of_plugin(name):
    """The names of a plugin, and patterns of those that it makes of what it reads."""
    folder = EXPORTERS / name
    names = set()
    for path in folder.rglob("*"):
        if path.suffix == ".rs" and "tests" not in path.name:
            names |= set(LITERAL.findall(path.read_text()))
        elif "fixtures" in path.parts and path.is_file():
            names |= set(NAME.findall(path.read_text(errors="replace")))
    readme = (folder / "README.md").read_text()
    patterns = set()
    for word in re.findall(r"`([\w{},*]+)`", readme):
        for spelled in _spelled(word):
            (patterns if spelled.endswith("*") else names).add(spelled.rstrip("*"))
    return frozenset(names), tuple(pattern for pattern in patterns if "_" in pattern)


def _spelled(word):
    """All that a word with braces stands for."""
    match = re.search(r"\{([^{}]*)\}", word)
    if not match:
        return [word]
    choices = match.group(1).split(",")
    return [
        spelled for choice in choices
        for spelled in _spelled(word[:match.start()] + choice + word[match.end():])
    ]


@cache
def kubernetes():
    """The names that Kubernetes' components have."""
    lines = (Path(__file__).parent / "kubernetes_metrics.txt").read_text().splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def is_known(name):
    """Whether some component has a metric of this name."""
    if name in SYNTHETIC | recorded() | kubernetes():
        return True
    plain = SUFFIX.sub("", name)
    known = own()
    if {name, plain} & known:
        return True
    for folder in EXPORTERS.iterdir():
        names, patterns = of_plugin(folder.name)
        if {name, plain} & names or (patterns and name.startswith(patterns)):
            return True
        # Names that a plugin puts together of two literals.
        starts = [start for start in names if start.endswith("_") and name.startswith(start)]
        if any(rest.removeprefix(start) in names for start in starts for rest in (name, plain)):
            return True
    return False
