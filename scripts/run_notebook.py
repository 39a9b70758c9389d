"""Run docs/celu.ipynb from top to bottom and write its outputs into it, or into the file that is named."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "celu.ipynb"


def run_notebook() -> nbformat.NotebookNode:
    """The notebook with fresh outputs and without the times of its execution.

    Raises:
        CellExecutionError: a cell failed.
    """
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3", record_timing=False).execute()
    notebook.metadata = {key: notebook.metadata[key] for key in ("kernelspec",)}
    return notebook


if __name__ == "__main__":
    nbformat.write(run_notebook(), Path(sys.argv[1]) if len(sys.argv) > 1 else NOTEBOOK)
