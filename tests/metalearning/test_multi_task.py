"""One credit network for several functions, and the count of parameters."""

from brainalign.metalearning.evolution import Evolution
from brainalign.metalearning.function_optimisation import FunctionOptions
from brainalign.metalearning.multi_task import TRAININGS, multi_task_experiment, parameter_counts


def test_every_function_is_met_after_every_training_at_equal_cost() -> None:
    options = FunctionOptions(
        functions=("ackley", "rastrigin"), steps=4, instances=4, n_test=10, seeds=(0,), evolution=Evolution(2, 4)
    )
    table = multi_task_experiment(options)
    assert set(zip(table.function, table.training, strict=True)) == {
        (name, training) for name in options.functions for training in TRAININGS
    }
    assert table.lifetimes.nunique() == 1
    # Two functions: all others of one is the other's own.
    own = table[table.training == "own function"].set_index("function").n_parameters
    assert own.nunique() == 1


def test_diffusion_makes_the_count_independent_of_the_dimension() -> None:
    table = parameter_counts((2, 10, 100))
    assert table.diffused.nunique() == 1
    assert table.per_neuron.is_monotonic_increasing
    assert float(table.ratio.iloc[-1]) > 10
