"""Write golden inputs and values: ``python -m tests.golden.write DATA_DIR``; what is there is not overwritten."""

import sys

import numpy as np
import torch

from brainalign.recordings.simulated import Simulated
from brainalign.storage import write_tensors
from tests.golden.cases import CASES, FOLDER, INPUTS, compute, half, source_of, stored_name, untrained_layers


def write_inputs(data_dir: str) -> None:
    simulated = Simulated(data_dir, n_subjects=6, n_stimuli=24, n_repeats=2, n_channels=10)
    trials = np.stack([one.data[:, :, 0] for one in simulated.recordings()])
    tensors, ids = {"simulated": torch.from_numpy(trials)}, {}
    for case in CASES:
        name = stored_name(case)
        if name not in ids:
            stimuli = source_of(case, data_dir).stimuli()
            ids[name] = list(stimuli.ids)
            tensors |= {f"{name}/{key}": half(values) for key, values in untrained_layers(stimuli).items()}
    write_tensors(INPUTS, tensors, ids)


def main(data_dir: str) -> None:
    if not INPUTS.exists():
        write_inputs(data_dir)
    for case in CASES:
        for name, table in compute(case, data_dir).items():
            path = FOLDER / f"{case.name}-{name}.csv"
            if not path.exists():
                table.to_csv(path, index=False, float_format="%.17g")


if __name__ == "__main__":
    main(sys.argv[1])
