"""What the processor can do by itself."""

from __future__ import annotations

from functools import cache

import tensorflow as tf

from celu_cli.machine import of_proc

_CPU_FLAGS = {"avx512_bf16", "amx_bf16"}


def has_gpu() -> bool:
    """Whether TensorFlow has a GPU to compute on."""
    return bool(tf.config.list_physical_devices("GPU"))


@cache
def multiplies_bfloat16() -> bool:
    """Whether there are instructions for products of bfloat16, summed in float32.

    Without them TensorFlow imitates each product, which takes tens of times as long as float32. Where nothing is known
    of the processor the answer is no.
    """
    return has_gpu() or not _CPU_FLAGS.isdisjoint(of_proc("cpuinfo", "flags").split())
