"""What extraction rests on: layers of modules of your own, what names them, and whether stimuli leak into others."""
