"""`celu predict`: what a trained network takes your images for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from celu_cli.cli.options import DEFAULT_LOGS, AsJson, Logs
from celu_cli.errors import DataError
from celu_cli.files import path_with_home, with_home
from celu_cli.text import json_text

if TYPE_CHECKING:
    from celu_cli.trained.network import TrainedNetwork
    from celu_cli.trained.predict import Predictions


def predict(
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", parser=with_home, help="A run, or a case, whose newest run is meant."),
    ],
    images: Annotated[
        list[Path],
        typer.Argument(metavar="IMAGE...", parser=path_with_home, help="Image files, or folders of them."),
    ],
    logs: Logs = DEFAULT_LOGS,
    ink: Annotated[
        bool,
        typer.Option(
            "--ink", help="The images are digits in dark ink on light paper, for a network of MNIST."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Classify images with a trained network: class and probability of each.

    The largest square in the middle of an image is scaled to the size of the dataset's images. The exit code is 3
    where an image cannot be read; the others are classified all the same.
    """
    from celu_cli.cli.targets import newest_trained
    from celu_cli.trained.images import image_files
    from celu_cli.trained.predict import predict as classify

    files = [file for path in images for file in image_files(path)]
    network = newest_trained(run, logs)
    predictions = classify(network, files, ink=ink)
    if as_json:
        typer.echo(json_text(_values(network, predictions)))
    elif predictions.found:
        _print_table(predictions)
    if predictions.problems:
        raise DataError("\n  ".join(["left out:", *predictions.problems]))


def _values(network: TrainedNetwork, predictions: Predictions) -> dict[str, Any]:
    rows = [
        {
            "file": str(one.file),
            "class": one.label,
            "probability": one.probability,
            "probabilities": one.probabilities,
        }
        for one in predictions.found
    ]
    return {"case": network.case.name, "dataset": network.case.dataset.name, "predictions": rows}


def _print_table(predictions: Predictions) -> None:
    from celu_cli.cli.output.tables import Column, print_lines, results_console, table_lines

    seconds = [sorted(one.probabilities.items(), key=lambda pair: -pair[1])[1] for one in predictions.found]
    columns = [
        Column("image", [str(one.file) for one in predictions.found]),
        Column("class", [one.label for one in predictions.found]),
        Column("probability", [f"{one.probability:.4f}" for one in predictions.found], right=True),
        Column("next", [f"{label} {probability:.4f}" for label, probability in seconds], leaves=0),
    ]
    print_lines(results_console(), table_lines(columns))
