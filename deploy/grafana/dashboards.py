"""Writes Grafana's dashboards: of those in Perses' format, the plugins' own
(plugins/exporters/*/dashboard.json) and the binary's (host/dashboard/bundled/*.yml), and of
sources/*.yml beside this file, which are about Kubernetes.

    python3 dashboards.py          writes dashboards/*.json
    python3 dashboards.py --check  says which of them are not what would be written

It is not a converter of any dashboard: it knows what those have, and anything else is an error.
"""

import json
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).parent
PLUGINS = HERE.parents[1] / "plugins" / "exporters"
BUNDLED = HERE.parents[1] / "host" / "dashboard" / "bundled"
# Perses' units, and what Grafana calls them.
UNITS = {
    None: "short",
    "bytes": "bytes",
    "bytes/sec": "Bps",
    "counts/sec": "cps",
    "decimal": "short",
    "milliseconds": "ms",
    "ops/sec": "ops",
    "percent-decimal": "percentunit",
    "requests/sec": "reqps",
    "seconds": "s",
}
COLUMNS = 24
# Kinds of panels that show one moment, and how others want their answers.
INSTANT = ("stat", "gauge", "table")
FORMATS = {"table": {"format": "table"}, "heatmap": {"format": "heatmap"}}
# Perses' kinds of panels, and what Grafana calls them.
KINDS = {
    "GaugeChart": "gauge", "HeatMapChart": "heatmap", "StatChart": "stat", "Table": "table",
    "TimeSeriesChart": "timeseries",
}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def variable(name, label, metric):
    """A choice of a label's values, all of them to begin with."""
    everything = {"selected": True, "text": ["All"], "value": ["$__all"]}
    return {
        "type": "query", "name": name, "label": name, "datasource": DATASOURCE,
        "definition": f"label_values({metric}, {label})",
        "query": {"query": f"label_values({metric}, {label})", "refId": name},
        "refresh": 2, "sort": 1, "multi": True, "includeAll": True, "allValue": ".*",
        "current": everything,
    }


def panel(kind, title, unit, queries, place):
    """A panel of Grafana; queries are pairs of expression and legend."""
    custom = {"fillOpacity": 10, "showPoints": "never"} if kind == "timeseries" else {}
    defaults = {"unit": UNITS[unit], "custom": custom}
    targets = [
        {
            "refId": chr(ord("A") + number), "datasource": DATASOURCE, "expr": expression,
            "legendFormat": legend or "__auto", "range": kind not in INSTANT,
            "instant": kind in INSTANT,
        } | FORMATS.get(kind, {})
        for number, (expression, legend) in enumerate(queries)
    ]
    options = {
        "gauge": {"reduceOptions": {"calcs": ["lastNotNull"]}},
        "heatmap": {"calculate": False, "yAxis": {"unit": UNITS[unit]}},
        "table": {"showHeader": True},
        "stat": {"reduceOptions": {"calcs": ["lastNotNull"]}},
        "timeseries": {"legend": {"displayMode": "list", "placement": "bottom"},
                       "tooltip": {"mode": "multi", "sort": "desc"}},
    }
    return {
        "type": kind, "title": title, "datasource": DATASOURCE, "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []}, "options": options[kind],
        "targets": targets,
    }


def dashboard(name, title, variables, rows):
    """A dashboard; rows are pairs of a title, or None, and panels placed from the row's top."""
    panels = []
    top = 0
    for row, row_panels in rows:
        if row:
            place = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
            panels.append({"type": "row", "title": row, "gridPos": place, "panels": []})
            top += 1
        bottom = top
        for item in row_panels:
            item["gridPos"]["y"] += top
            bottom = max(bottom, item["gridPos"]["y"] + item["gridPos"]["h"])
            panels.append(item)
        top = bottom
    for number, item in enumerate(panels):
        item["id"] = number + 1
    chosen = {"type": "datasource", "name": "datasource", "label": "Data source",
              "query": "prometheus", "current": {"text": "Narthex", "value": "narthex"}}
    return {
        "uid": f"narthex-{name}", "title": title, "tags": ["narthex"], "schemaVersion": 39,
        "editable": False, "refresh": "30s", "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [chosen, *variables]}, "panels": panels,
    }


def of_perses(name, source):
    """A dashboard in Perses' format."""
    spec = source["spec"]
    variables = []
    for item in spec["variables"]:
        plugin = item["spec"]["plugin"]
        if (item["kind"], plugin["kind"]) != ("ListVariable", "PrometheusLabelValuesVariable"):
            raise ValueError(f"{name}: no variable of Grafana is a {plugin['kind']}")
        [matcher] = plugin["spec"]["matchers"]
        variables.append(variable(item["spec"]["name"], plugin["spec"]["labelName"], matcher))
    rows = []
    for layout in spec["layouts"]:
        panels = []
        for item in layout["spec"]["items"]:
            chart = spec["panels"][item["content"]["$ref"].rpartition("/")[2]]["spec"]
            drawn = chart["plugin"]["spec"]
            format_of = (drawn.get("yAxis") or drawn).get("format", drawn.get("yAxisFormat", {}))
            unit = format_of.get("unit")
            asked = [query["spec"]["plugin"]["spec"] for query in chart["queries"]]
            queries = [(query["query"], query.get("seriesNameFormat")) for query in asked]
            place = {"x": item["x"], "y": item["y"], "w": item["width"], "h": item["height"]}
            kind = KINDS[chart["plugin"]["kind"]]
            panels.append(panel(kind, chart["display"]["name"], unit, queries, place))
        rows.append((layout["spec"].get("display", {}).get("title"), panels))
    return dashboard(name, spec["display"]["name"], variables, rows)


def of_source(name, source):
    """A dashboard of sources/: rows of panels, placed from left to right."""
    variables = [variable(key, *value) for key, value in source.get("variables", {}).items()]
    rows = []
    for row in source["rows"]:
        panels = []
        left = top = 0
        for item in row["panels"]:
            kind = item.get("kind", "timeseries")
            width, height = (6, 4) if kind == "stat" else (item.get("width", 12), 8)
            if left + width > COLUMNS:
                left, top = 0, top + panels[-1]["gridPos"]["h"]
            place = {"x": left, "y": top, "w": width, "h": height}
            left += width
            queries = [(expression, legend) for legend, expression in item["queries"].items()]
            panels.append(panel(kind, item["title"], item.get("unit"), queries, place))
        rows.append((row["title"], panels))
    return dashboard(name, source["title"], variables, rows)


def texts():
    """All dashboards by the names of their files."""
    found = {}
    for path in sorted(PLUGINS.glob("*/dashboard.json")):
        name = path.parent.name
        found[f"{name}.json"] = of_perses(name, json.loads(path.read_text()))
    for path in sorted(BUNDLED.glob("*.yml")):
        found[f"{path.stem}.json"] = of_perses(path.stem, yaml.safe_load(path.read_text()))
    for path in sorted((HERE / "sources").glob("*.yml")):
        found[f"{path.stem}.json"] = of_source(path.stem, yaml.safe_load(path.read_text()))
    return {name: json.dumps(value, indent=2) + "\n" for name, value in found.items()}


def main():
    """Writes or checks, and returns the status to exit with."""
    folder = HERE / "dashboards"
    wanted = texts()
    if "--check" in sys.argv[1:]:
        there = {path.name: path.read_text() for path in folder.iterdir()}
        names = sorted(wanted.keys() | there.keys())
        wrong = [name for name in names if wanted.get(name) != there.get(name)]
        for name in wrong:
            print(f"{name}: not what dashboards.py writes", file=sys.stderr)
        return 1 if wrong else 0
    folder.mkdir(exist_ok=True)
    for name, text in wanted.items():
        (folder / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
