"""Forecasters: they are trained like agents, and watch episodes instead of acting. One file or folder each."""
