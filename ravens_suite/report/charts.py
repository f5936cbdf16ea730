"""Line charts as inline SVG, coloured by the page's style sheet so that they follow its light or dark mode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

_WIDTH, _HEIGHT = 560, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 12, 40
_POINTS = 240
_COLORS = 6


@dataclass(frozen=True)
class Series:
    """One line of a chart.

    Attributes:
        name: in the legend.
        x: (N,) float64, ascending.
        y: (N,) float64; values that are not finite are left out.
        marked: whether to mark each point.
        low: (N,) float64 lower ends of intervals, drawn as bars; ``None`` for none.
        high: (N,) float64, their upper ends.
    """

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    marked: bool = False
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None

    def smoothed(self) -> Series:
        """Medians over equal spans of x, at most 240: a noisy line made readable."""
        finite = np.isfinite(self.y)
        x, y = self.x[finite], self.y[finite]
        if len(x) <= _POINTS:
            return Series(self.name, x, y, self.marked)
        parts = np.array_split(np.arange(len(x)), _POINTS)
        xs, ys = (np.array([np.median(values[part]) for part in parts]) for values in (x, y))
        return Series(self.name, xs, ys, self.marked)


def line_chart(
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    log: bool = False,
    y_range: tuple[float, float] | None = None,
    x_range: tuple[float, float] | None = None,
) -> str:
    """An SVG element; empty when there is nothing to draw.

    Args:
        series: the lines; their order sets their colours.
        x_label: with unit.
        y_label: with unit.
        log: logarithmic y axis; values not above zero are left out.
        y_range: fixed bounds of the y axis.
        x_range: fixed bounds of the x axis; from 0 to the largest value unless given.
    """
    lines = [line for line in (_clean(item, log) for item in series) if len(line.x)]
    if not lines:
        return ""
    xs = list(x_range) if x_range else [0.0, *(float(line.x.max()) for line in lines)]
    x_axis = _Axis.spanning(xs, (_LEFT, _WIDTH - _RIGHT), log=False)
    ys = list(y_range) if y_range else [float(bound) for line in lines for bound in (line.y.min(), line.y.max())]
    y_axis = _Axis.spanning(ys, (_HEIGHT - _BOTTOM, _TOP), log=log)
    parts = [_grid(x_axis, y_axis, x_label, y_label)]
    parts += [_path(line, index % _COLORS, x_axis, y_axis) for index, line in enumerate(lines)]
    legend = "".join(
        f'<span><i class="key c{index % _COLORS}"></i>{escape(line.name)}</span>' for index, line in enumerate(lines)
    )
    svg = (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(y_label)} by {escape(x_label)}">{"".join(parts)}</svg>'
    )
    return svg + (f'<div class="legend">{legend}</div>' if len(lines) > 1 else "")


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    pixels: tuple[float, float]
    log: bool

    @staticmethod
    def spanning(values: Sequence[float], pixels: tuple[float, float], *, log: bool) -> _Axis:
        low, high = min(values), max(values)
        if log:
            low, high = 10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high))
        return _Axis(low, high if high > low else low + 1.0, pixels, log)

    def at(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        low, high = (math.log10(bound) if self.log else bound for bound in (self.low, self.high))
        share = ((np.log10(values) if self.log else values) - low) / (high - low)
        place: NDArray[np.float64] = self.pixels[0] + share * (self.pixels[1] - self.pixels[0])
        return place

    def ticks(self) -> list[float]:
        if self.log:
            first, last = round(math.log10(self.low)), round(math.log10(self.high))
            return [10.0**power for power in range(first, last + 1)]
        rough = (self.high - self.low) / 5
        magnitude = 10 ** math.floor(math.log10(rough))
        step = next(nice * magnitude for nice in (1, 2, 2.5, 5, 10) if nice * magnitude >= rough)
        first = math.ceil(self.low / step - 1e-9)
        return [index * step for index in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _clean(series: Series, log: bool) -> Series:
    keep = np.isfinite(series.y) & ((series.y > 0) if log else True)
    low, high = (None if bound is None else bound[keep] for bound in (series.low, series.high))
    return Series(series.name, series.x[keep], series.y[keep], series.marked, low, high)


def _grid(x_axis: _Axis, y_axis: _Axis, x_label: str, y_label: str) -> str:
    left, right = x_axis.pixels
    bottom, top = y_axis.pixels
    parts = []
    for tick in y_axis.ticks():
        y = float(y_axis.at(np.array(tick)))
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{left - 7}" y="{y + 4:.1f}" text-anchor="end">{_number(tick)}</text>')
    for tick in x_axis.ticks():
        x = float(x_axis.at(np.array(tick)))
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{_number(tick)}</text>')
    parts.append(f'<line class="axis" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    parts.append(f'<text x="{(left + right) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>')
    middle = (top + bottom) / 2
    turned = f'transform="rotate(-90 12 {middle})"'
    parts.append(f'<text x="12" y="{middle}" text-anchor="middle" {turned}>{escape(y_label)}</text>')
    return "".join(parts)


def _path(line: Series, color: int, x_axis: _Axis, y_axis: _Axis) -> str:
    xs, ys = x_axis.at(line.x), np.clip(y_axis.at(line.y), _TOP - 4, _HEIGHT - _BOTTOM + 4)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    drawn = f'<polyline class="line c{color}" points="{points}"/>'
    if line.low is not None and line.high is not None:
        # Lines that meet at a point have their bars side by side.
        bars = zip(xs + 3.0 * color, y_axis.at(line.high), y_axis.at(line.low), strict=True)
        drawn += "".join(
            f'<line class="bar c{color}" x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}"/>'
            for x, top, bottom in bars
        )
    if line.marked or len(line.x) == 1:
        drawn += "".join(
            f'<circle class="dot c{color}" cx="{x:.1f}" cy="{y:.1f}" r="3.2"/>' for x, y in zip(xs, ys, strict=True)
        )
    return drawn


def _number(value: float) -> str:
    if abs(value) >= 10_000:
        return f"{value / 1000:g}k"
    return f"{value:,.10g}"  # All digits of a tick: 0.25 is no 0.2. More would be those of floating-point noise.
