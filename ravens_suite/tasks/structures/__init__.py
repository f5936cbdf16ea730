"""Structures of equal cubes, built on a thin stand as a goal image shows them."""
