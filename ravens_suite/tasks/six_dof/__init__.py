"""Tasks whose targets are raised and tilted, so that height, roll and pitch of a place count, too."""
