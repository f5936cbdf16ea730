"""Grids of training runs and the published figures beside them."""
