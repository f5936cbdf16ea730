"""Layer 4: collect, evaluate and train, over processes, and the command line."""
