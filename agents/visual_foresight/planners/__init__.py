"""Planners, one file each; see ``base.py``."""
