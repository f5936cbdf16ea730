"""Training runs: settings, loop, validation."""
