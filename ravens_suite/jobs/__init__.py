"""Layer 4: the jobs behind the command line."""
