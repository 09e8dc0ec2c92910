"""Figures into medians, ratios and text. Pure."""

import statistics

import rows

NATIVE = "native"
ABSOLUTE = {"14"}   # shown as it is: a count, no rate


def summary(figures):
    """For each row and target: the median, its ratio to native, and the spread of the ratios of single repeats."""
    out = {}
    for key, by_target in figures.items():
        base = by_target[NATIVE]
        entry = {}
        for name, values in by_target.items():
            ratios = sorted(value / native for value, native in zip(values, base))
            entry[name] = {"values": values, "median": statistics.median(values),
                           "ratio": statistics.median(ratios), "least": ratios[0], "most": ratios[-1]}
        out[key] = entry
    return {key: out[key] for key in rows.TITLES if key in out}


def human(value):
    for unit in ("", " k", " M", " G"):
        if value < 1000 or unit == " G":
            return f"{value:.3g}{unit}"
        value /= 1000


def cell(key, name, entry):
    if name not in entry:
        return "-"
    one = entry[name]
    if key in ABSOLUTE:
        return f"{one['median']:.2f}"
    if name == NATIVE:
        return human(one["median"]) + ("B/s" if key[:2] in ("11", "12") else "/s")
    return f"{one['ratio']:.2f} ({one['least']:.2f}-{one['most']:.2f})"


def names_in(result):
    order = [NATIVE, "bindfs", "classic", "rings"]
    seen = {name for entry in result["rows"].values() for name in entry}
    return [name for name in order if name in seen]


def text(result):
    names = names_in(result)
    machine = result["machine"]
    lines = [f"{machine['processors']} x {machine['processor']}, Linux {machine['kernel']}, "
             f"load {result['load'][0]:.1f} to {result['load'][1]:.1f}, medians of {result['repeats']}"
             + (", quick" if result["quick"] else ""), "",
             f"| {'#':<6} | {'workload':<56} |" + "".join(f" {name:<18} |" for name in names),
             "|--------|" + "-" * 58 + "|" + "".join("-" * 20 + "|" for _ in names)]
    for key, entry in result["rows"].items():
        lines.append(f"| {key:<6} | {rows.TITLES[key]:<56} |"
                     + "".join(f" {cell(key, name, entry):<18} |" for name in names))
    return "\n".join(lines)
