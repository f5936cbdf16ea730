"""What agents on heightmaps share: their data set, motions on the map, augmentation, memory of the episode."""
