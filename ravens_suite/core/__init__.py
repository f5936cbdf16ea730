"""Layer 0: plain values that need neither a simulator nor a network."""
