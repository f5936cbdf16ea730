"""Meshes that the project makes itself; see ``generate.py``."""
