"""Dashboard and alerting rules ask for metrics that exist, by the labels that they have.

What exists is the list of doc/metrics.md, which tests compare with what the programs serve. promtool reads the rules where there
is one.
"""

import json
import re
import shutil
import subprocess

import tree

WATCHING = tree.ROOT / "packaging" / "watching"
METRIC = re.compile(r"\b(ciaos(?:fs)?_[a-z_]+)(?:\{([^}]*)\})?")
# What Prometheus itself adds to everything.
EVERYWHERE = {"instance", "job", "le"}


def listed():
    """Name -> (type, labels)."""
    found = {}
    text = (tree.ROOT / "doc" / "metrics.md").read_text()
    for name, labels, kind in re.findall(r"^\| `(\w+)(?:\{([\w,]+)\})?` \| (\w+) \|", text, re.M):
        found[name] = (kind, set(labels.split(",")) - {""})
    return found


def faults_of(expression, metrics):
    asked = METRIC.findall(expression)
    if not asked:
        yield "asks for no metric of ours"
    known = set(EVERYWHERE)
    for name, matchers in asked:
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        kind, labels = metrics.get(name) or metrics.get(base) or (None, set())
        if kind is None:
            yield f"asks for {name}, which nobody serves"
            continue
        known |= labels
        if (kind == "histogram") != (name != base):
            yield f"asks for {name}, and {base} is a {kind}"
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers):
            if label not in labels | EVERYWHERE:
                yield f"{name} has no label {label}"
        if kind == "counter" and not re.search(rf"(rate|increase)\({name}", expression):
            yield f"shows the counter {name} without its rate"
    for labels in re.findall(r"\bby \(([^)]*)\)", expression):
        for label in labels.replace(" ", "").split(","):
            if label not in known:
                yield f"groups by {label}, which none of its metrics has"


def panels_of(panels):
    for panel in panels:
        yield panel
        yield from panels_of(panel.get("panels", []))


def dashboard(path, metrics):
    content = json.loads(path.read_text())
    seen, places = set(), set()
    for panel in panels_of(content["panels"]):
        where = f"{tree.name_of(path)}: {panel['title']!r}"
        if panel["id"] in seen:
            yield f"{where} has the number of another panel"
        seen.add(panel["id"])
        place = (panel["gridPos"]["x"], panel["gridPos"]["y"])
        if place in places:
            yield f"{where} lies on another panel"
        places.add(place)
        if panel["type"] == "row":
            continue
        if not panel["fieldConfig"]["defaults"].get("unit"):
            yield f"{where} has no unit"
        if not panel["targets"]:
            yield f"{where} asks for nothing"
        for target in panel["targets"]:
            for fault in faults_of(target["expr"], metrics):
                yield f"{where} {fault}"
    for variable in content["templating"]["list"]:
        if variable["type"] == "query":
            for fault in faults_of(variable["query"], metrics):
                yield f"{tree.name_of(path)}: variable {variable['name']} {fault}"


def alerts(path, metrics):
    rules = re.split(r"^ +- alert: ", path.read_text(), flags=re.M)[1:]
    if not rules:
        yield f"{tree.name_of(path)}: has no alerts"
    for rule in rules:
        name = rule.split("\n", 1)[0]
        expression = re.search(r"^ +expr: (.*)$", rule, re.M)
        for fault in faults_of(expression.group(1) if expression else "", metrics):
            yield f"{tree.name_of(path)}: {name} {fault}"
        for wanted in "severity:", "summary:", "description:":
            if wanted not in rule:
                yield f"{tree.name_of(path)}: {name} has no {wanted[:-1]}"
    if shutil.which("promtool"):
        checked = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True, check=False)
        if checked.returncode != 0:
            yield f"{tree.name_of(path)}: {checked.stdout}{checked.stderr}"


def offences():
    metrics = listed()
    if len(metrics) < 40:
        yield f"doc/metrics.md: {len(metrics)} metrics were understood"
    yield from dashboard(WATCHING / "grafana-dashboard.json", metrics)
    yield from alerts(WATCHING / "alerts.yml", metrics)


tree.end(list(offences()), len(list(WATCHING.iterdir())))
