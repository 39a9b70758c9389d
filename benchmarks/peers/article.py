"""The article's graph, as its scripts of 2018 built it: placeholders fed with float32 images, every formula spelt out
in plain TensorFlow operations, and the gradients, where the case is not `auto`, by hand.

Its gradients are those of celu's `rule: article`: see docs/fidelity.md.
"""

from __future__ import annotations

import tensorflow as tf

from benchmarks.peers.spec import Floats, PeerSpec
from celu_cli.case.plan import LayerPlan
from celu_cli.case.schema import Adam, AMSGrad, DilatedBackprop

v1 = tf.compat.v1
Tensor = tf.Tensor
_STRIDES = [1, 1, 1, 1]


def celu(x: Tensor, alpha: float) -> Tensor:
    """x >= 0 and x < 0 as masks of numbers."""
    positive = tf.cast(tf.greater_equal(x, 0.0), tf.float32)
    negative = tf.cast(tf.less(x, 0.0), tf.float32)
    return x * positive + alpha * (tf.exp(x * negative / alpha) - 1.0) * negative


def celu_derivative(x: Tensor, alpha: float) -> Tensor:
    """2 where x >= 0: the mask is added to exp(0)."""
    positive = tf.cast(tf.greater_equal(x, 0.0), tf.float32)
    negative = tf.cast(tf.less(x, 0.0), tf.float32)
    return positive + tf.exp(x * negative / alpha)


def repeat(x: Tensor) -> Tensor:
    """Each cell four times, [b, h, w, c] -> [b, 2 h, 2 w, c], undivided."""
    shape = tf.shape(x)
    tiled = tf.tile(x[:, :, tf.newaxis, :, tf.newaxis, :], [1, 1, 2, 1, 2, 1])
    return tf.reshape(tiled, [shape[0], 2 * shape[1], 2 * shape[2], shape[3]])


class ArticleLayer:
    """A convolution, CELU and pool with its own backward pass and update."""

    def __init__(self, plan: LayerPlan, weights: Floats) -> None:
        self.plan = plan
        self.w = v1.Variable(weights)
        self.m, self.v, self.v_hat = (v1.Variable(tf.zeros_like(weights)) for _ in range(3))

    def feedforward(self, x: Tensor) -> Tensor:
        self.input = x
        self.kernel = self.w.read_value()  # once: read again, it might be the updated one
        self.layer = tf.nn.conv2d(x, self.kernel, _STRIDES, "SAME")
        activated = celu(self.layer, self.plan.alpha)
        if self.plan.pool == "none":
            return activated
        return tf.nn.avg_pool2d(activated, 2, 2, "VALID")

    def repeated(self, gradient: Tensor) -> Tensor:
        return gradient if self.plan.pool == "none" else repeat(gradient)

    def backprop(self, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """dL/d activation -> dL/d weights and dL/d input; what nobody fetches, the session leaves out."""
        middle = gradient * celu_derivative(self.layer, self.plan.alpha)
        of_weights = tf.raw_ops.Conv2DBackpropFilter(
            input=self.input,
            filter_sizes=self.w.shape,
            out_backprop=middle,
            strides=_STRIDES,
            padding="SAME",
        )
        passed_down = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(self.input),
            filter=self.kernel,
            out_backprop=middle,
            strides=_STRIDES,
            padding="SAME",
        )
        return of_weights, passed_down

    def update(self, gradient: Tensor, spec: AMSGrad) -> list[Tensor]:
        """The scripts' AMSGrad: the maximum is the tensor with the larger sum."""
        m = spec.beta_1 * self.m + (1.0 - spec.beta_1) * gradient
        v = spec.beta_2 * self.v + (1.0 - spec.beta_2) * tf.square(gradient)
        larger = tf.greater(tf.reduce_sum(v), tf.reduce_sum(self.v_hat))
        v_hat = tf.cond(larger, lambda: v, self.v_hat.read_value)
        w = self.w - spec.learning_rate / (tf.sqrt(v_hat) + spec.epsilon) * m
        return [v1.assign(*pair) for pair in ((self.m, m), (self.v, v), (self.v_hat, v_hat), (self.w, w))]


class ArticlePeer:
    """The graph in a session of its own, fed one batch a step."""

    def __init__(self, spec: PeerSpec) -> None:
        graph = tf.Graph()
        with graph.as_default():
            self._build(spec)
            self._session = v1.Session(graph=graph)
            self._session.run(v1.global_variables_initializer())
        images, labels = spec.batch
        classes = spec.layers[-1].filters
        one_hot = (labels[:, None] == range(classes)).astype("float32")
        self._feed = {self._images: images, self._labels: one_hot}

    def step(self) -> float:
        loss, _ = self._session.run([self._loss, self._train], self._feed)
        return float(loss)

    def weights(self) -> list[Floats]:
        return list(self._session.run([layer.w for layer in self._layers]))

    def _build(self, spec: PeerSpec) -> None:
        case, classes = spec.case, spec.layers[-1].filters
        self._images = v1.placeholder(tf.float32, [None, *spec.images.shape[1:]])
        self._labels = v1.placeholder(tf.float32, [None, classes])
        self._layers = [
            ArticleLayer(plan, weights) for plan, weights in zip(spec.layers, spec.weights, strict=True)
        ]
        x = self._images
        for layer in self._layers:
            x = layer.feedforward(x)
        logits = tf.reshape(x, [-1, classes])
        self._loss = tf.reduce_mean(
            tf.nn.softmax_cross_entropy_with_logits(labels=self._labels, logits=logits)
        )
        if case.backprop.method == "auto" and isinstance(case.optimizer, Adam):
            rule = case.optimizer
            optimizer = v1.train.AdamOptimizer(rule.learning_rate, rule.beta_1, rule.beta_2, rule.epsilon)
            self._train = optimizer.minimize(self._loss)
            return
        error = tf.nn.softmax(logits) - self._labels
        gradients = self._gradients(error[:, tf.newaxis, tf.newaxis, :], case.backprop)
        updates = [
            assignment
            for layer, gradient in zip(self._layers, gradients, strict=True)
            for assignment in layer.update(gradient, case.optimizer)
        ]
        self._train = tf.group(*updates)

    def _gradients(self, gradient: Tensor, backprop: object) -> list[Tensor]:
        """Of all weights; a dilated layer also hears from the layer above the next."""
        passed, of_weights = [gradient], []
        for index in reversed(range(len(self._layers))):
            layer, arriving = self._layers[index], passed[-1]
            if isinstance(backprop, DilatedBackprop) and self._is_dilated(index):
                above = self._layers[index + 1].repeated(passed[-2])
                arriving = arriving + backprop.rate * above
            of_weight, passed_down = layer.backprop(layer.repeated(arriving))
            of_weights.append(of_weight)
            passed.append(passed_down)
        return of_weights[::-1]

    def _is_dilated(self, index: int) -> bool:
        """Two pools ahead and as many filters as the next layer."""
        here, above = (self._layers[i].plan if i < len(self._layers) else None for i in (index, index + 1))
        return (
            here is not None
            and above is not None
            and "none" not in (here.pool, above.pool)
            and here.filters == above.filters
        )
