"""The names that the engine's signatures share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import tensorflow as tf

Tensor: TypeAlias = tf.Tensor
Tensors: TypeAlias = Sequence[tf.Tensor]
