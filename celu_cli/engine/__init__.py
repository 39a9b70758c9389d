"""The only part of celu that imports TensorFlow; importing it prepares the process for that first."""

from celu_cli.engine.runtime import start_tensorflow

start_tensorflow()
