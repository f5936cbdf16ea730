"""The Gymnasium environment: observations, controls, the scripted oracle, variations."""
