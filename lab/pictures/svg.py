"""SVG shapes for the architecture diagram."""

from html import escape

INK, MUTED, LINE, PAPER = "#1f1c19", "#645d55", "#8d857b", "#ffffff"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif"


def document(width: int, height: int, title: str, parts: list[str]) -> str:
    """Return an SVG document with a white background, for dark pages."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'role="img" font-family="{FONT}">',
            f"<title>{escape(title)}</title>",
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto">'
            f'<path d="M0 0L8 4L0 8z" fill="{LINE}"/></marker></defs>',
            f'<rect width="{width}" height="{height}" rx="12" fill="{PAPER}"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def text(
    x: float, y: float, words: str, *, size: int = 13, anchor: str = "start",
    color: str = INK, bold: bool = False,
) -> str:  # fmt: skip
    """Return a line of text; `y` is its baseline."""
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'fill="{color}"{weight}>{escape(words)}</text>'
    )


def box(
    x: float, y: float, width: float, height: float, *,
    fill: str, stroke: str = "none", radius: int = 8,
) -> str:  # fmt: skip
    """Return a rectangle with rounded corners."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius}" '
        f'fill="{fill}" stroke="{stroke}"/>'
    )


def arrow(points: list[tuple[float, float]], *, dashed: bool = False) -> str:
    """Return an arrow through the points."""
    path = " ".join(f"{'M' if n == 0 else 'L'}{x} {y}" for n, (x, y) in enumerate(points))
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return (
        f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.5"{dash} '
        'marker-end="url(#arrow)"/>'
    )
