"""Poses, workspace, cameras, observations, heightmaps, goals, random generators; no simulator."""
