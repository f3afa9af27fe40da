"""What the networks of a row of a table are; scores depend on this and not on how columns are described."""

#: What the networks of a row are; the values of ``role``.
TRAINED, UNTRAINED, OWN_START, LOW_LEVEL = "trained", "untrained", "own_start", "low_level"
READOUT_ONLY, MODEL = "readout_only", "model"
ROLES = {
    TRAINED: "networks that a rule has trained",
    UNTRAINED: "networks that no rule has trained",
    OWN_START: "the networks of a rule before its first step, where they answer otherwise than untrained ones",
    LOW_LEVEL: "a low-level control of the stimuli; `layer` names it",
    READOUT_ONLY: "networks of which only the readout was trained",
    MODEL: "a network from elsewhere",
}
#: Roles of networks that are compared with each other, and with a control.
COMPARED = (TRAINED, MODEL)

#: The layer of rows of measures that score a network, not a layer.
CHOSEN_LAYER = "chosen layer"
