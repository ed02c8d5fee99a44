"""A bar chart of the goals as SVG: each bar is a measurement as a share of its goal."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from pgpromote_tests.bench.figures import Row, Verdict

WIDTH, LABELS, BAR, LINE = 900, 420, 300, 26
COLOURS = {Verdict.MET: "#2e7d32", Verdict.FIRST: "#f9a825", Verdict.MISSED: "#c62828"}


def draw(rows: Sequence[Row]) -> str:
    """Return a chart of the measured rows; the line is the goal, and a bar ends at twice its goal at most."""
    measured = [(row, row.figure.median) for row in rows if row.figure]
    height = LINE * (len(measured) + 2)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">',
        "<style>text { font: 12px sans-serif }</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LABELS + BAR / 2}" y="16" text-anchor="middle">goal</text>',
    ]
    for number, (row, value) in enumerate(measured, start=1):
        top, width, colour = LINE * number, min(value / row.goal, 2) * BAR / 2, COLOURS[row.verdict]
        said = f"{value:.2f} {row.unit} (goal {row.goal:g})".replace("  ", " ")
        lines += [
            f'<text x="{LABELS - 8}" y="{top + 15}" text-anchor="end">{escape(row.title)}</text>',
            f'<rect x="{LABELS}" y="{top}" width="{width:.1f}" height="{LINE - 6}" fill="{colour}"/>',
            f'<text x="{LABELS + BAR + 8}" y="{top + 15}">{said}</text>',
        ]
    goal = LABELS + BAR / 2
    lines.append(f'<line x1="{goal}" y1="20" x2="{goal}" y2="{height - LINE}" stroke="black"/>')
    return "\n".join([*lines, "</svg>", ""])
