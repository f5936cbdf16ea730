"""The Transporter that places with height, roll and pitch, too."""

from .agent import TransporterSixDof

__all__ = ["TransporterSixDof"]
