"""Layer D: episodes on disk, lossless, compressed and free of pickle."""
