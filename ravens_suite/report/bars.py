"""Horizontal bars as inline SVG, coloured by the page's style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 168, 46, 6, 36
_BAR, _GAP = 12, 12
"""Pixels: thickness of a bar, and space between two groups of bars."""
_TICKS = (0, 25, 50, 75, 100)


@dataclass(frozen=True)
class Bar:
    """One bar. All values are 0 to 100.

    Attributes:
        value: its length; ``None`` for no bar.
        low: lower end of its interval.
        high: upper end of its interval.
        mark: a further value, drawn as a line across the bar; ``None`` for none.
    """

    value: float | None
    low: float = 0.0
    high: float = 0.0
    mark: float | None = None


def bar_chart(groups: Sequence[tuple[str, Sequence[Bar]]], names: Sequence[str], x_label: str) -> str:
    """An SVG element with its legend; empty when there is nothing to draw.

    Args:
        groups: label and bars of each, from top to bottom; every group has one bar for each of the names.
        names: of the bars of a group, in the legend.
        x_label: with unit.
    """
    if not groups:
        return ""
    parts, y = [], float(_TOP)
    for label, bars in groups:
        middle = y + len(names) * _BAR / 2
        parts.append(f'<text x="{_LEFT - 8}" y="{middle + 4:.1f}" text-anchor="end">{escape(label)}</text>')
        for color, bar in enumerate(bars):
            parts += _drawn(bar, y, color)
            y += _BAR
        y += _GAP
    bottom = y - _GAP / 2
    grid = [_tick(value, bottom) for value in _TICKS]
    grid.append(f'<text x="{_at(50):.1f}" y="{bottom + _BOTTOM - 6:.1f}" text-anchor="middle">{escape(x_label)}</text>')
    legend = "".join(f'<span><i class="key c{color}"></i>{escape(name)}</span>' for color, name in enumerate(names))
    svg = (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {bottom + _BOTTOM:.0f}" role="img" '
        f'aria-label="{escape(x_label)}">{"".join(grid + parts)}</svg>'
    )
    return f'{svg}<div class="legend">{legend}</div>'


def _at(value: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * value / 100


def _tick(value: float, bottom: float) -> str:
    x = _at(value)
    return (
        f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom:.1f}"/>'
        f'<text x="{x:.1f}" y="{bottom + 15:.1f}" text-anchor="middle">{value:g}</text>'
    )


def _drawn(bar: Bar, y: float, color: int) -> list[str]:
    if bar.value is None:
        return []
    middle = y + _BAR / 2
    width = _at(bar.value) - _LEFT
    parts = [
        f'<rect class="fill c{color}" x="{_LEFT}" y="{y + 1:.1f}" width="{width:.1f}" height="{_BAR - 2}"/>',
        f'<line class="whisker" x1="{_at(bar.low):.1f}" x2="{_at(bar.high):.1f}" y1="{middle:.1f}" y2="{middle:.1f}"/>',
        f'<text x="{_WIDTH - _RIGHT + 8}" y="{middle + 4:.1f}">{bar.value:.1f}</text>',
    ]
    if bar.mark is not None:
        x = _at(bar.mark)
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 1:.1f}" y2="{y + _BAR + 1:.1f}"/>')
    return parts
