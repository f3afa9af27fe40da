"""Where channels are: voxels of a volume, vertices of a surface."""
