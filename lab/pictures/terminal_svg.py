"""Scenes of a terminal as an SVG that moves by CSS alone, and stands still for who prefers that."""

from collections.abc import Sequence
from html import escape

from lab.pictures.pseudo_terminal import COLUMNS, ROWS
from lab.pictures.scene import LONGEST_WAIT_S, Line, Scene
from lab.pictures.screen import PLAIN, Row, Span, Style

FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
LEGEND = (
    f"Right: seconds that a command took. Waits above {LONGEST_WAIT_S:.0f} s are cut; typing and "
    "pauses to read were added."
)
NO_BREAK = "\N{NO-BREAK SPACE}"
_CHARACTER_PX, _ROW_PX, _SIZE_PX = 8.4, 19, 14
_PADDING_PX, _BAR_PX, _LEGEND_PX, _NOTES_PX = 16, 36, 28, 88
_WIDTH_PX = round(COLUMNS * _CHARACTER_PX) + _NOTES_PX + 2 * _PADDING_PX
_HEIGHT_PX = _BAR_PX + ROWS * _ROW_PX + _LEGEND_PX + _PADDING_PX
_INK, _MUTED, _BACK, _BAR = "#ece7e0", "#b3aaa0", "#1b1816", "#2b2723"
_COLORS = {
    "black": "#8b8279",
    "red": "#ff8f80",
    "green": "#8fce7a",
    "yellow": "#e9c46a",
    "blue": "#8ab4f8",
    "magenta": "#d3a6f5",
    "cyan": "#7fd1d1",
    "white": _INK,
}


def draw(scenes: Sequence[Scene], *, title: str, description: str) -> str:
    """Return the scenes as SVG, which begins again at its end.

    Without motion it shows the last scene's end.

    Args:
        scenes: scenes that follow each other.
        title: a few words for screen readers.
        description: sentences for screen readers.
    """
    times = _Times(scenes[-1].to_s)
    drawn = [part for scene in scenes for part in _scene(scene, times, is_last=scene is scenes[-1])]
    dots = "".join(
        f'<circle cx="{_PADDING_PX + 5 + 18 * number}" cy="18" r="5" fill="{color}"/>'
        for number, color in enumerate(("#e0695c", "#d9a441", "#6aa84f"))
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH_PX} {_HEIGHT_PX}" '
            f'width="{_WIDTH_PX}" height="{_HEIGHT_PX}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<desc>{escape(description)}</desc>",
            "<style>",
            *times.css(),
            "</style>",
            f'<rect width="{_WIDTH_PX}" height="{_HEIGHT_PX}" rx="10" fill="{_BACK}"/>',
            f'<path d="M0 {_BAR_PX}V10A10 10 0 0 1 10 0H{_WIDTH_PX - 10}'
            f'A10 10 0 0 1 {_WIDTH_PX} 10V{_BAR_PX}z" fill="{_BAR}"/>',
            dots,
            *drawn,
            f'<text class="small" x="{_PADDING_PX}" y="{_HEIGHT_PX - 14}">{escape(LEGEND)}</text>',
            "</svg>",
            "",
        ]
    )


class _Times:
    """The animations: one for each time in which something is shown."""

    def __init__(self, total_s: float) -> None:
        self._total_s = total_s
        self._names: dict[tuple[float, float], str] = {}
        self._scrolls: list[str] = []

    def shown(self, from_s: float, to_s: float, *, at_rest: bool) -> str:
        """Return the attributes of what is shown in a time, and without motion if `at_rest`."""
        name = self._names.setdefault((from_s, to_s), f"t{len(self._names)}")
        return f'class="k{" z" if at_rest else ""}" style="animation-name:{name}"'

    def scrolled(self, scrolls: Sequence[tuple[float, int]]) -> str:
        """Return the attributes of what scrolls; without motion it is scrolled to its end."""
        if len(scrolls) == 1:
            return ""
        name = f"s{len(self._scrolls)}"
        steps = "".join(
            f"{self._percent(at_s)}{{transform:translateY({-number * _ROW_PX}px)}}"
            for at_s, number in [(0.0, 0), *scrolls[1:]]
        )
        self._scrolls.append(f"@keyframes {name}{{{steps}}}")
        end = -scrolls[-1][1] * _ROW_PX
        return f'class="k z" style="animation-name:{name};transform:translateY({end}px)"'

    def css(self) -> list[str]:
        """Return the rules of the style sheet."""
        shown = [
            f"@keyframes {name}{{{self._steps(from_s, to_s)}}}"
            for (from_s, to_s), name in self._names.items()
        ]
        return [
            f"text{{font:{_SIZE_PX}px {FONT};fill:{_INK}}}",
            f".small{{font-size:12px;fill:{_MUTED}}}",
            ".b{font-weight:700}.i{font-style:italic}",
            f".k{{opacity:0;animation:{self._total_s:.1f}s step-end infinite}}.z{{opacity:1}}",
            "@media (prefers-reduced-motion:reduce){.k{animation:none!important}}",
            *shown,
            *self._scrolls,
        ]

    def _steps(self, from_s: float, to_s: float) -> str:
        begin = f"0%{{opacity:0}}{self._percent(from_s)}" if from_s > 0 else "0%"
        end = f"{self._percent(to_s)}{{opacity:0}}" if to_s < self._total_s else ""
        return f"{begin}{{opacity:1}}{end}"

    def _percent(self, at_s: float) -> str:
        return f"{100 * at_s / self._total_s:.2f}%"


def _scene(scene: Scene, times: _Times, *, is_last: bool) -> list[str]:
    whole = times.shown(scene.from_s, scene.to_s, at_rest=is_last)
    middle = _WIDTH_PX / 2
    lines = [
        _line(line, times, at_rest=is_last and line.to_s == scene.to_s) for line in scene.lines
    ]
    notes = [
        f"<g {times.shown(note.from_s, scene.to_s, at_rest=is_last)}>"
        f'<text class="small" x="{_WIDTH_PX - 2 * _PADDING_PX}" y="{_baseline(note.number)}" '
        f'text-anchor="end">{escape(note.words)}</text></g>'
        for note in scene.notes
    ]
    return [
        f"<g {whole}>",
        f'<text x="{middle}" y="23" text-anchor="middle">{escape(scene.title)}</text>',
        # A picture in the picture cuts off what is scrolled away.
        f'<svg x="{_PADDING_PX}" y="{_BAR_PX + 6}" width="{_WIDTH_PX - _PADDING_PX}" '
        f'height="{ROWS * _ROW_PX}">',
        f"<g {times.scrolled(scene.scrolls)}>",
        *lines,
        *notes,
        "</g>",
        "</svg>",
        "</g>",
    ]


def _line(line: Line, times: _Times, *, at_rest: bool) -> str:
    text = "".join(span.text for span in line.row)
    indent = len(text) - len(text.lstrip(" "))
    x = indent * _CHARACTER_PX
    width = (len(text) - indent) * _CHARACTER_PX
    # Fonts differ in the width of a character; this one is kept.
    return (
        f'<text {times.shown(line.from_s, line.to_s, at_rest=at_rest)} x="{x:.1f}" '
        f'y="{_baseline(line.number)}" textLength="{width:.1f}">'
        f"{''.join(map(_span, _without_indent(line.row, indent)))}</text>"
    )


def _without_indent(row: Row, indent: int) -> list[Span]:
    spans = []
    for span in row:
        cut = min(indent, len(span.text))
        indent -= cut
        if span.text[cut:]:
            spans.append(Span(span.text[cut:], span.style))
    return spans


def _span(span: Span) -> str:
    text = escape(span.text, quote=False).replace(" ", NO_BREAK)  # spaces in a row stay
    return text if span.style == PLAIN else f"<tspan{_look(span.style)}>{text}</tspan>"


def _look(style: Style) -> str:
    names = " ".join(name for name, on in (("b", style.bold), ("i", style.italic)) if on)
    color = _COLORS[style.color] if style.color else _MUTED if style.dim else ""
    return (f' class="{names}"' if names else "") + (f' fill="{color}"' if color else "")


def _baseline(number: int) -> int:
    return number * _ROW_PX + 15
