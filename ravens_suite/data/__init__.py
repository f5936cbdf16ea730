"""Episodes, demonstrations, outcomes and run folders on disk: lossless, compressed, free of pickle."""
