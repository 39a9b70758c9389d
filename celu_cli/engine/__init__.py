"""The only part of celu that imports TensorFlow; importing it prepares the process for that first."""

from celu_cli.engine.runtime import prepare_process

prepare_process()
