"""What scores of a recording rest on, in sentences, where that is not the plain case."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brainalign.recordings.brain import Brain

#: Correlation of two small grey pictures above which they are reported as nearly identical.
NEAR = 0.99


def notes(brain: "Brain", roi: str, word: str, scored: Sequence[str], of_trials: bool) -> list[str]:
    """Return sentences on what scores of a ROI rest on, where that is not the plain case.

    Parameters
    ----------
    brain
        The recordings.
    roi
        The ROI.
    word
        What sentences call the measure.
    scored
        Ids of the stimuli that are scored.
    of_trials
        Whether the measure takes trials even from a source that has RDMs of its own.
    """
    label, n_shown = brain.source.label, len(brain.ids)
    own = not of_trials and brain.published(roi) is not None
    found = []
    if brain.apart and not own:
        sizes = sorted(len(brain.responses.own(subject)) for subject in brain.responses.facts)
        spread = f"{sizes[0]} to {sizes[-1]}" if sizes[0] < sizes[-1] else str(sizes[0])
        found.append(
            f"{label} {roi}, {word}: each subject was scored on stimuli of its own ({spread} of {n_shown}, as "
            "declared), so that stimuli are fixed and there is no noise ceiling over subjects."
        )
    elif len(scored) < n_shown:
        found.append(
            f"{label} {roi}, {word}: scored on {len(scored)} of {n_shown} stimuli, those to which every subject "
            "responded (as declared)."
        )
    if brain.pictures is None:
        found.append(f"{label}: its pictures are not here, so that no low-level control was scored.")
    found += brain.source.notes
    return found + _window_notes(brain, roi, word, own) + _run_notes(brain, word, own) + _group_notes(brain, scored)


def _window_notes(brain: "Brain", roi: str, word: str, own: bool) -> list[str]:
    windows = brain.place(roi)[0].spec.only_windows
    if not windows:
        return []
    listed = ", ".join(f"{1000 * tmin:g} to {1000 * tmax:g} ms" for tmin, tmax in windows)
    what = "published RDMs" if own else "responses"
    plural = "windows" if len(windows) > 1 else "a window"
    return [
        f"{brain.source.label} {roi}, {word}: {what} were averaged over {plural} of time, {listed} (as declared); the "
        "time of a score is the centre of its window."
    ]


def _run_notes(brain: "Brain", word: str, own: bool) -> list[str]:
    label = brain.source.label
    if not any(one.runs for one in brain.responses.facts.values()):
        return []
    if own:
        return [f"{label}, {word}: RDMs are those of the source; what is declared of runs did not reach them."]
    if brain.spec.runs == "ignore":
        return [f"{label}: trials have runs, and what differs between runs was left in (as declared)."]
    how = (
        "the mean over the stimuli of each run was made the same, which is right where stimuli were dealt to runs "
        "at random"
        if brain.spec.runs == "centre_each"
        else "what differs between runs was estimated from the stimuli that they share, and taken out"
    )
    return [f"{label}: {how}; the mean pattern over all runs stayed."]


def _group_notes(brain: "Brain", scored: Sequence[str]) -> list[str]:
    found, label = [], brain.source.label
    codes = brain.groups_of(scored)
    if codes is not None:
        found.append(
            f"{label}: {len(scored)} stimuli are {len(set(codes))} different ones: some are the same picture, or "
            "were declared to belong together. These are drawn together, never divided between training and test, "
            "and not compared with each other."
        )
    among = set(scored)
    near = [pair for pair in brain.near if pair[0] in among and pair[1] in among]
    if near:
        first, second, r = max(near, key=lambda pair: pair[2])
        found.append(
            f"{label}: {len(near)} {'pair' if len(near) == 1 else 'pairs'} of pictures are nearly identical (r > "
            f"{NEAR:g} in grey at 32 x 32 pixels; {first} and {second}: {r:.4f}) and count as different stimuli; "
            "give them one of Stimuli's group_labels if they show the same thing."
        )
    return found
