"""Kinds of findings in recordings: what a check looks for, and what a study file may accept by name."""

#: Kinds of findings, each with what it puts at risk.
KINDS = {
    "repeats": "no noise ceiling, no distances across folds",
    "runs": "differences between runs look like differences between stimuli",
    "ceiling": "scores cannot be held against what the data allow",
    "before onset": "a leak of time, of a filter, or of labels",
    "identical stimuli": "one picture counted as several, or in training and test",
    "near-identical stimuli": "pictures that networks hardly tell apart, in training and test",
    "training pictures": "networks were trained on what the brain was shown",
    "missing stimuli": "responses without a picture, or pictures without responses",
    "events without ids": "trials that belong to no stimulus",
    "onset unit": "epochs cut at the wrong times",
    "unit": "amplitudes off by a factor",
    "flat channel": "channels without signal",
    "saturated channel": "channels that were clipped",
    "pointer": "files that hold no data",
    "leftover": "files that are no part of the data set",
    "unreadable": "files that cannot be read",
}
