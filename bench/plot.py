"""Draws the ratios of a result as bars, native at 1. Pure: text in SVG."""

import html

import rows
import table

COLOURS = {"bindfs": "#9a9a9a", "classic": "#2f6fb5", "rings": "#d9822b"}
BAR, GAP, LEFT, WIDTH, MOST = 12, 10, 380, 480, 2.0


def svg(result):
    names = [name for name in table.names_in(result) if name != table.NATIVE]
    keys = [key for key in result["rows"] if key not in table.ABSOLUTE]
    height = 60 + len(keys) * (BAR * len(names) + GAP)

    def x_of(ratio):
        return LEFT + WIDTH * min(ratio, MOST) / MOST

    def text(x, y, words, anchor="start"):
        return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{html.escape(words)}</text>'

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 60}" height="{height}" '
             'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>']
    for number, name in enumerate(names):
        parts.append(f'<rect x="{LEFT + 90 * number}" y="10" width="10" height="10" fill="{COLOURS[name]}"/>')
        parts.append(text(LEFT + 90 * number + 15, 19, name))
    for tick in (0, 0.5, 1, 1.5, 2):
        stroke = "#000" if tick == 1 else "#ddd"
        parts.append(f'<line x1="{x_of(tick):.0f}" x2="{x_of(tick):.0f}" y1="40" y2="{height - 10}" stroke="{stroke}"/>')
        parts.append(text(x_of(tick), 36, f"{tick:g}", "middle"))
    y = 46
    for key in keys:
        parts.append(text(LEFT - 8, y + BAR * len(names) / 2 + 4, f"{key}  {rows.TITLES[key]}", "end"))
        for name in names:
            if name in result["rows"][key]:
                ratio = result["rows"][key][name]["ratio"]
                parts.append(f'<rect x="{LEFT}" y="{y}" width="{x_of(ratio) - LEFT:.1f}" height="{BAR - 2}" '
                             f'fill="{COLOURS[name]}"/>')
                parts.append(text(x_of(ratio) + 4, y + BAR - 3, f"{ratio:.2f}"))
            y += BAR
        y += GAP
    return "\n".join([*parts, "</svg>", ""])
