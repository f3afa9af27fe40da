"""Every column of the tables of a study: type, unit and meaning."""

from dataclasses import dataclass

from brainalign.roles import LOW_LEVEL as LOW_LEVEL
from brainalign.roles import MODEL as MODEL
from brainalign.roles import OWN_START as OWN_START
from brainalign.roles import READOUT_ONLY as READOUT_ONLY
from brainalign.roles import ROLES as ROLES
from brainalign.roles import TRAINED as TRAINED
from brainalign.roles import UNTRAINED as UNTRAINED

#: Types of columns, as the documentation calls them.
TEXT, WHOLE, MAYBE_WHOLE, NUMBER, SINGLE, BOOLEAN, MARK = (
    "text",
    "whole number",
    "whole number or empty",
    "number",
    "number, in single precision",
    "boolean",
    "boolean or empty",
)


@dataclass(frozen=True)
class Column:
    """A column.

    Parameters
    ----------
    name
        Its name in tables and files.
    type
        ``"text"`` (categories in memory), ``"whole number"``, ``"whole number or empty"``, ``"number"`` (NaN where
        there is none; in single precision where it says so), ``"boolean"`` or ``"boolean or empty"``.
    meaning
        What it holds.
    unit
        Of its numbers; empty where they have none.
    """

    name: str
    type: str
    meaning: str
    unit: str = ""


def _columns(*rows: tuple[str, ...]) -> dict[str, Column]:
    return {row[0]: Column(row[0].rpartition(".")[2], *row[1:]) for row in rows}


#: Columns by name; one that means something of its own in one table is under ``<table>.<name>``.
COLUMNS: dict[str, Column] = _columns(
    ("role", TEXT, f"what the networks are: {', '.join(f'`{name}`' for name in ROLES)}"),
    ("rule", TEXT, "the learning rule, or the one that the networks are a control of; `low_level` for those controls"),
    ("network", TEXT, "the architecture; `-` for low-level controls"),
    ("dataset", TEXT, "the recording"),
    ("training.dataset", TEXT, "the training set"),
    ("feedback_angles.dataset", TEXT, "the training set"),
    ("seed", MAYBE_WHOLE, "the instance; empty for low-level controls"),
    ("epoch", NUMBER, "passes over the training samples"),
    ("step", WHOLE, "updates"),
    ("train_loss", NUMBER, "mean loss of the last training batches"),
    ("train_accuracy", NUMBER, "share of training samples classified rightly; NaN without classes"),
    ("val_loss", NUMBER, "mean loss of validation samples"),
    ("val_accuracy", NUMBER, "share of validation samples classified rightly; NaN without classes"),
    ("test_loss", NUMBER, "mean loss of test samples"),
    ("test_accuracy", NUMBER, "share of test samples classified rightly; NaN without classes"),
    ("feedback_angle", NUMBER, "mean over feedback weights of `angle`; NaN without such weights", "degrees"),
    ("ms_per_step", NUMBER, "time of a step of the whole population", "ms"),
    ("population", WHOLE, "instances trained together"),
    ("learning_rate", NUMBER, "rate of the optimiser at its highest"),
    ("feedback", TEXT, "the feedback weight"),
    ("angle", NUMBER, "between the feedback weight and the forward weight that it stands for", "degrees"),
    ("checkpoint", MAYBE_WHOLE, "updates before the scored moment; empty for low-level controls"),
    (
        "layer",
        TEXT,
        "the layer, or the low-level control: `pixels`, `luminance`, `gabor`; `chosen layer` where a measure chooses "
        "it",
    ),
    ("layer_index", WHOLE, "depth of the layer, from 0"),
    ("subject", TEXT, "whose recording"),
    ("roi", TEXT, "region of interest"),
    ("time", NUMBER, "time from stimulus onset; NaN where there is one time", "s"),
    ("measure", TEXT, "the measure, a row of `measures.csv`"),
    ("score", NUMBER, "how alike layer and brain are", "that of the measure"),
    (
        "alignment.se",
        SINGLE,
        "standard error of `score` over what `scope` says; NaN with fewer than 20 independent stimuli and at earlier "
        "checkpoints, of which no samples are scored",
        "that of the measure",
    ),
    ("alignment.ci_low", SINGLE, "lower end of the 95 % interval of `score`, from `se` by t", "that of the measure"),
    ("alignment.ci_high", SINGLE, "upper end of that interval", "that of the measure"),
    (
        "scope",
        TEXT,
        "what is random in `se` and its interval: `stimuli` (network and subject are these) or `none`; what rules "
        "differ by is in `contrasts.csv`",
    ),
    ("floor", NUMBER, "mean score of the untrained control: same layer, same subject", "that of the measure"),
    ("ceiling_lower", NUMBER, "lower noise ceiling, mean over subjects; NaN without", "that of the measure"),
    ("ceiling_upper", NUMBER, "upper noise ceiling, mean over subjects; NaN without", "that of the measure"),
    (
        "normalised",
        SINGLE,
        "`score` divided by `ceiling_lower`, or by `ceiling_upper` where the measure has only that; may be above 1 or "
        "below 0; NaN where there is no ceiling above 0",
        "share of the noise ceiling",
    ),
    ("n_stimuli", WHOLE, "stimuli scored; in contrasts, what was resampled: stimuli or groups of them"),
    ("n_targets", WHOLE, "responses predicted; 0 where none are"),
    ("simulated", BOOLEAN, "whether no brain was recorded"),
    ("final", BOOLEAN, "whether it is the last checkpoint; contrasts and ranks compare these only"),
    ("measures.kind", TEXT, "`geometry` or `prediction`"),
    ("title", TEXT, "in titles and captions: what is scored, its unit, and what is held constant"),
    ("axis", TEXT, "along axes: what is scored and its unit"),
    ("ceilings.kind", TEXT, "`geometry` (of RDMs, by `comparator`) or `prediction` (of responses, Pearson r)"),
    ("ceilings.subject", TEXT, "whose repeats it rests on; empty where it is between subjects"),
    (
        "bound",
        TEXT,
        "how it is estimated: `between subjects`, `brain to brain` (a reference, no bound), `split half` or `variance "
        "of repeats`",
    ),
    ("ceilings.ceiling_lower", NUMBER, "the estimate, or the lower of two bounds; NaN where there is none"),
    ("ceilings.ceiling_upper", NUMBER, "the upper bound, or the estimate again"),
    ("ceilings.ci_low", NUMBER, "lower end of the 95 % interval of `ceiling_lower` over `scope`"),
    ("ceilings.ci_high", NUMBER, "upper end of that interval"),
    ("ceilings.scope", TEXT, "what the interval extends to"),
    ("ceilings.reason", TEXT, "why there is no estimate; empty where there is one"),
    ("unit", TEXT, "of a score"),
    ("dissimilarity", TEXT, "that of layers; empty where patterns are compared without one"),
    ("comparator", TEXT, "between two RDMs; empty where there are none"),
    ("held", TEXT, "low-level controls taken out of the score, a JSON list"),
    ("ceiling", TEXT, "what the noise ceiling of this measure is"),
    ("ceiling_citation", TEXT, "where that noise ceiling comes from"),
    (
        "measures.sentence",
        TEXT,
        "for the methods; `{citation}`, `{layers}` and `{recordings}` stand for a number and two dissimilarities",
    ),
    ("citation", TEXT, "where the measure comes from"),
    ("kind", TEXT, "`vs_untrained`, `vs_readout_only`, `vs_backprop` or `pair`"),
    ("rule_a", TEXT, "the first rule"),
    ("rule_b", TEXT, "the rule that is subtracted"),
    ("role_b", TEXT, "its role: `trained`, `model`, `untrained`, `own_start` or `readout_only`"),
    ("delta", NUMBER, "difference of mean scores, first minus second", "that of the measure"),
    ("se", NUMBER, "its standard error", "that of the measure"),
    ("se_subjects", NUMBER, "standard error from subjects alone; NaN where fixed", "that of the measure"),
    ("se_stimuli", NUMBER, "standard error from stimuli alone; NaN where fixed", "that of the measure"),
    ("se_seeds", NUMBER, "standard error from seeds alone; NaN where fixed", "that of the measure"),
    ("dof", NUMBER, "degrees of freedom"),
    ("ci_low", NUMBER, "lower end of the interval at `1 - alpha`, unadjusted", "that of the measure"),
    ("ci_high", NUMBER, "upper end of that interval", "that of the measure"),
    ("p", NUMBER, "two-sided, unadjusted; NaN where nothing is random"),
    (
        "samples",
        TEXT,
        "which samples of stimuli `se` rests on: `bootstrap`, `leave_one_out`, or `none` where subjects had stimuli of "
        "their own",
    ),
    ("p_adjusted", NUMBER, "`p` adjusted within the family"),
    ("correction", TEXT, "how: `holm`, `bh`, `by` or `max_t` (the largest t of the family)"),
    ("family", TEXT, "the tests that `p` is adjusted among"),
    ("family_size", WHOLE, "how many they are"),
    ("n_subjects", WHOLE, "subjects"),
    ("n_seeds", WHOLE, "seeds, the fewer of the two rules"),
    ("scope_subjects", TEXT, "`random` or `fixed`"),
    ("scope_stimuli", TEXT, "`random` or `fixed`"),
    ("scope_seeds", TEXT, "`random` or `fixed`"),
    ("mde", NUMBER, "smallest difference found with power .8", "that of the measure"),
    ("verdict", TEXT, "`higher`, `lower`, `inconclusive` or `no inference possible`, at the adjusted level"),
    ("margin", NUMBER, "largest difference that was declared to count as none; NaN without", "that of the measure"),
    ("p_equivalent", NUMBER, "of two one-sided tests of a difference beyond `margin`, unadjusted; NaN without"),
    (
        "equivalence",
        TEXT,
        "`equivalent`, `different`, `different, by less than the margin`, `inconclusive` or `no inference possible`; "
        "empty without a margin",
    ),
    ("var_subjects", NUMBER, "variance of the difference between single subjects; NaN from a bootstrap", "its square"),
    ("var_stimuli", NUMBER, "the same between single stimuli", "its square"),
    ("var_seeds", NUMBER, "between single seeds", "its square"),
    ("var_subjects_stimuli", NUMBER, "what subjects and stimuli share; may be negative, as all of these", "its square"),
    ("var_stimuli_seeds", NUMBER, "what stimuli and seeds share", "its square"),
    ("var_subjects_seeds", NUMBER, "what subjects and seeds share", "its square"),
    ("var_residual", NUMBER, "what all three share, measurement included", "its square"),
    ("mean_score", NUMBER, "over seeds and subjects", "that of the measure"),
    ("rank", WHOLE, "place by mean score, 1 is the highest"),
    ("rank_low", WHOLE, "first place that the data do not exclude"),
    ("rank_high", WHOLE, "last place that the data do not exclude"),
    ("supported", BOOLEAN, "whether an order of the rules may be shown"),
    ("gates.time", NUMBER, "time from stimulus onset; NaN where there is one time, or where it holds at all", "s"),
    ("gate", TEXT, "code of the gate"),
    ("severity", TEXT, "`stop` (no ranking) or `warn`"),
    ("sentence", TEXT, "what it says"),
    ("moment", TEXT, "`peak`, or `onset`: half of the peak is first reached"),
    ("latencies.seconds", NUMBER, "when, from stimulus onset; NaN where it is not claimed", "s"),
    ("latencies.se", NUMBER, "its standard error over subjects (jackknife)", "s"),
    ("latencies.ci_low", NUMBER, "lower end of its 95 % interval", "s"),
    ("latencies.ci_high", NUMBER, "upper end of that interval", "s"),
    ("latencies.gate", TEXT, "why it is not claimed; empty where it is"),
    ("method", TEXT, "`cluster` (of neighbouring times, each with p below .05) or `tfce` (without a threshold)"),
    ("seconds_first", NUMBER, "first time of the cluster, from stimulus onset; no estimate of when it begins", "s"),
    ("seconds_last", NUMBER, "its last time", "s"),
    ("seconds_peak", NUMBER, "where t is farthest from 0", "s"),
    ("t", NUMBER, "there, over subjects"),
    ("clusters.delta", NUMBER, "mean difference within the cluster, first minus second", "that of the measure"),
    (
        "clusters.p",
        NUMBER,
        "two-sided, by flipped signs of subjects, all times together; the smallest of a test by TFCE",
    ),
    ("clusters.p_adjusted", NUMBER, "`p` times `family_size`, at most 1 (Bonferroni)"),
    ("clusters.family_size", WHOLE, "tests of one network, recording and measure"),
    ("clusters.reason", TEXT, "why there is no cluster; empty where there is one"),
    ("seconds_fitted", NUMBER, "time from stimulus onset at which encoding models are fitted", "s"),
    ("seconds_tested", NUMBER, "time at which they are tested", "s"),
    ("time_generalisation.score", NUMBER, "mean over seeds and subjects; higher is better", "Pearson r"),
    ("time_generalisation.se", NUMBER, "its standard error over subjects; NaN for one", "Pearson r"),
    (
        "time_generalisation.p",
        NUMBER,
        "of a score above 0, by flipped signs of subjects, all pairs of times together; NaN unless `clusters` asks",
    ),
    ("time_generalisation.n_seeds", WHOLE, "seeds"),
    ("n_features", WHOLE, "features of the layer"),
    ("dimensionality.n_stimuli", WHOLE, "stimuli of the recording that networks were shown"),
    (
        "participation_ratio",
        NUMBER,
        "effective dimensionality, without the bias of few stimuli; NaN for a constant layer, infinite where the "
        "stimuli do not bound it",
    ),
    ("uncorrected", NUMBER, "the same without that correction; never above `n_stimuli` - 1"),
    ("equal_accuracy.checkpoint", WHOLE, "updates before the checkpoint whose accuracy is nearest to the target"),
    ("accuracy", NUMBER, "mean validation accuracy over seeds there"),
    ("accuracy_end", NUMBER, "mean validation accuracy at the last checkpoint"),
    ("target_accuracy", NUMBER, "the lowest `accuracy_end` of the network's rules that exceed readout only"),
    ("tolerance", NUMBER, "largest distance of an accuracy from the target that counts as equal"),
    ("matched", BOOLEAN, "whether `accuracy` is within it; if not, the rule is not compared at equal accuracy"),
    ("stage", TEXT, "`training`, `scoring`, `checkpoint` (an earlier one, which goes alone) or `display` (mean RDMs)"),
    ("recording", TEXT, "the recording without scores; empty for all"),
    ("reason", TEXT, "what happened"),
    ("probe", TEXT, "code of the probe"),
    ("outcome", NUMBER, "mean over states and seeds; NaN where the probe cannot tell", "that of the probe"),
    ("lo", NUMBER, "smallest", "that of the probe"),
    ("hi", NUMBER, "largest", "that of the probe"),
    ("pass", MARK, "whether the limit is met; empty where the probe cannot tell or has no limit"),
    ("certified", BOOLEAN, "whether the controls of the probes answered as they must"),
    ("evidence", TEXT, "what the outcome rests on"),
    ("note", TEXT, "why a probe cannot tell"),
    ("seconds", NUMBER, "how long the probe took", "s"),
    ("criterion", TEXT, "code of the criterion"),
    ("criteria.title", TEXT, "what it asks"),
    ("source", TEXT, "who asks it"),
    ("measured", MARK, "whether it is met; empty where that cannot be told"),
    ("probes", TEXT, "the probes that decide"),
    ("reading", TEXT, "what the mark means: what is counted, and what another criterion asks"),
    ("claimed", MARK, "whether the literature says that it is met; empty without a claim"),
    ("claim_source", TEXT, "where it says so"),
    ("disagrees", BOOLEAN, "whether they differ where both mean the same"),
)
