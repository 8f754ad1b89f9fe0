# SPDX-License-Identifier: Apache-2.0
"""A line plot on logarithmic axes as SVG, nothing else: for figures that grow with a size."""
import html
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 340, 70, 150, 34, 48
COLOURS = ["#1b6ca8", "#c7522a", "#3f7d20", "#7d4e9e"]


def ticks(low, high):
    """Powers of ten from low to high, with 2 and 5 between them where they are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first <= 3 else (1,)
    return [m * 10.0 ** e for e in range(first, last + 1) for m in steps if low <= m * 10.0 ** e <= high]


def label(value):
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g} {unit}"
    return f"{value:g}"


def text(x, y, what, size=11, anchor="middle", extra=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" {extra}>{html.escape(what)}'
            "</text>")


def lines(title, across, up, series):
    """SVG text. series: name -> [(x, y), ...], all above 0, in ascending x; a dotted line grows in proportion to x from
    the first point of each."""
    points = [point for line in series.values() for point in line]
    if not points or min(min(point) for point in points) <= 0:
        raise ValueError(f"{title}: expected points above 0, found {points}")
    xs, ys = [x for x, _ in points], [y for _, y in points]
    low_x, high_x, low_y, high_y = min(xs), max(xs), min(ys) / 1.3, max(ys) * 1.3

    def at_x(x):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(x / low_x) / max(math.log(high_x / low_x), 1e-9)

    def at_y(y):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * math.log(y / low_y) / math.log(high_y / low_y)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>', text(LEFT, 20, title, 13, "start")]
    for x in sorted(set(xs)):
        out.append(f'<line x1="{at_x(x):.1f}" y1="{TOP}" x2="{at_x(x):.1f}" y2="{HEIGHT - BOTTOM}" stroke="#e4e4e4"/>')
        out.append(text(at_x(x), HEIGHT - BOTTOM + 16, label(x)))
    for y in ticks(low_y, high_y):
        out.append(f'<line x1="{LEFT}" y1="{at_y(y):.1f}" x2="{WIDTH - RIGHT}" y2="{at_y(y):.1f}" stroke="#e4e4e4"/>')
        out.append(text(LEFT - 6, at_y(y) + 4, label(y), anchor="end"))
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, across))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    out.append(text(16, middle, up, extra=f'transform="rotate(-90 16 {middle:.1f})"'))
    for number, (name, line) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        x0, y0 = line[0]
        end = min(high_x, x0 * high_y / y0)
        out.append(f'<line x1="{at_x(x0):.1f}" y1="{at_y(y0):.1f}" x2="{at_x(end):.1f}" y2="{at_y(y0 * end / x0):.1f}" '
                   f'stroke="{colour}" stroke-dasharray="2 4"/>')
        path = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in line)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3" fill="{colour}"/>' for x, y in line]
        out.append(text(WIDTH - RIGHT + 12, TOP + 14 + 18 * number, name, 12, "start", f'fill="{colour}"'))
    out.append(text(WIDTH - RIGHT + 12, TOP + 22 + 18 * len(series), "dotted: in proportion", 10, "start"))
    return "\n".join(out) + "\n</svg>\n"
