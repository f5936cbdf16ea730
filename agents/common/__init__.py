"""Parts that any learning agent may use: layers, optimisers, devices."""
