"""The suite's colours, as RGB fractions in [0, 1]."""

from __future__ import annotations

Color = tuple[float, float, float]

_RGB = {
    "blue": (78, 121, 167),
    "red": (255, 87, 89),
    "green": (89, 169, 79),
    "orange": (242, 142, 43),
    "yellow": (237, 201, 72),
    "purple": (176, 122, 161),
    "pink": (255, 157, 167),
    "cyan": (118, 183, 178),
    "brown": (156, 117, 95),
    "gray": (186, 176, 172),
}
PALETTE: dict[str, Color] = {name: (r / 255, g / 255, b / 255) for name, (r, g, b) in _RGB.items()}
