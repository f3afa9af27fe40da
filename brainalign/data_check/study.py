"""The recordings of a study, checked before anything is trained."""

from brainalign.data_check.brain import BrainCheck
from brainalign.data_check.finding import Finding
from brainalign.recordings.source import recording_source
from brainalign.specs import StudySpec


def check_recordings(study: StudySpec, data_dir: str | None = None) -> tuple[list[Finding], list[Finding]]:
    """Return what is found in the recordings of a study, and what of it the study accepts.

    It looks at what the study compares, as :func:`brainalign.run_study` does before it trains: trials as they are
    joined, pictures, and the pictures that the study's networks learn from.

    Parameters
    ----------
    study
        The study.
    data_dir
        Where data sets are; the default place unless given.

    Raises
    ------
    DataError
        If a recording cannot be read or joined.

    Examples
    --------
    >>> import brainalign as ba
    >>> brain = {"n_subjects": 3, "n_stimuli": 20, "training": {"epochs": 0.1}}
    >>> train = [ba.TrainSpec("backprop", "mlp", "digits")]
    >>> study = ba.StudySpec("tiny", "Tiny", train, [ba.RecordingSpec("simulated", options=brain)])
    >>> [[one.kind for one in part] for part in check_recordings(study)]
    [['runs'], []]
    """
    learnt = [one.dataset for one in study.populations]
    found: list[Finding] = []
    accepted: list[Finding] = []
    for spec in study.recordings:
        source = recording_source(spec.dataset, {"data_dir": data_dir, **spec.options})
        for one in BrainCheck(source, spec).findings(learnt):
            found.append(one)
            if one.kind in spec.accept:
                accepted.append(one)
    return found, accepted
