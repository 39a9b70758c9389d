"""The case as a PyTorch user would write it: `nn.Conv2d`, `nn.functional.celu`, `optim.Adam(amsgrad=...)`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from benchmarks.peers.spec import Floats, PeerSpec
from celu_cli.case.plan import LayerPlan


class TorchLayer(nn.Module):
    """A convolution as TensorFlow's SAME has it, CELU, pool."""

    def __init__(self, plan: LayerPlan) -> None:
        super().__init__()
        self.plan = plan
        self.convolution = nn.Conv2d(
            plan.kernel_shape[2], plan.filters, plan.kernel, padding=(plan.kernel - 1) // 2, bias=False
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.plan.kernel % 2 == 0:  # the odd row and column of padding are the last ones
            x = nn.functional.pad(x, (0, 1, 0, 1))
        y = nn.functional.celu(self.convolution(x), self.plan.alpha)
        return y if self.plan.pool == "none" else nn.functional.avg_pool2d(y, 2)


class TorchPeer:
    """A step on the first batch, with Adam in its fused form."""

    def __init__(
        self,
        spec: PeerSpec,
        *,
        channels_last: bool = True,
        compiled: bool = False,
        bfloat16: bool = False,
    ) -> None:
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self._layers = [TorchLayer(plan) for plan in spec.layers]
        for layer, weights in zip(self._layers, spec.weights, strict=True):
            layer.convolution.weight.data = torch.tensor(weights.transpose(3, 2, 0, 1).copy())
        self._model = nn.Sequential(*self._layers, nn.Flatten()).to(memory_format=layout)
        images, labels = spec.batch
        self._images = torch.tensor(images.transpose(0, 3, 1, 2)).contiguous(memory_format=layout)
        self._labels = torch.tensor(labels)
        self._bfloat16 = bfloat16
        rule = spec.case.optimizer
        self._optimizer = torch.optim.Adam(
            self._model.parameters(),
            lr=rule.learning_rate,
            betas=(rule.beta_1, rule.beta_2),
            eps=rule.epsilon,
            amsgrad=rule.name == "amsgrad",
            fused=True,
        )
        self._forward: Callable[[torch.Tensor], torch.Tensor] = (
            torch.compile(self._model) if compiled else self._model
        )

    def step(self) -> float:
        self._optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._bfloat16):
            logits = self._forward(self._images)
            loss = nn.functional.cross_entropy(logits.float(), self._labels)
        loss.backward()
        self._optimizer.step()
        return float(loss.detach())

    def weights(self) -> list[Floats]:
        return [layer.convolution.weight.detach().numpy().transpose(2, 3, 1, 0) for layer in self._layers]
