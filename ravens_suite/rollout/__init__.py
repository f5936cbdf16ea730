"""Policies in environments: collect, evaluate, replay."""
