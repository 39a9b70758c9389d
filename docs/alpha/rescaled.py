"""alpha taken out of the network: what remains is a scale of the images and one of the logits.

CELU(x, a) = a ELU(x / a), so in a network without biases that shares one alpha the factors between two layers cancel.
Left are 1 / a before the first ELU and a behind the last.
"""

import tensorflow as tf

from celu_cli.engine.activations import Activation

# ELU(x / a); from its value y the derivative is 1 / a, or (1 + y) / a below 0.
of_scaled_images = Activation(
    formula="ELU(x / alpha)",
    value=lambda x, alpha: tf.nn.elu(x / alpha),
    derivative=lambda y, alpha: tf.minimum(1.0 + y, 1.0) / alpha,
)

# a ELU(x); from its value y the derivative is a, or a + y below 0.
scaled_logits = Activation(
    formula="alpha ELU(x)",
    value=lambda x, alpha: alpha * tf.nn.elu(x),
    derivative=lambda y, alpha: tf.minimum(y, 0.0) + alpha,
)
