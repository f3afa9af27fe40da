"""How a layer is compared with a recording, one file per measure."""
