"""What a case may say: one strict pydantic model, the single source of the checks and of `celu schema`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from celu_cli.case.activations import USER_ACTIVATION_PATTERN, ActivationName
from celu_cli.case.annotations import Float32, Role, Shorthand
from celu_cli.datasets.registry import DatasetName

Precision = Literal["float32", "bfloat16"]
Convolution = Literal["winograd", "direct"]
Rule = Literal["exact", "article"]
Pool = Literal["none", "average", "max"]

CaseName = Annotated[str, Field(pattern=r"^\w[\w.+-]*$", max_length=100)]
UserActivationName = Annotated[
    str, Field(pattern=USER_ACTIVATION_PATTERN, examples=["./my_activations.py:swish"])
]
PositiveInteger = Annotated[int, Field(ge=1, le=2**31 - 1)]
FiniteFloat = Annotated[float, Field(allow_inf_nan=False), Float32()]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False), Float32()]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False), Float32()]
DecayRate = Annotated[float, Field(ge=0, lt=1), Float32(below=1.0)]
Epsilon = Annotated[float, Field(ge=0, le=1), Float32()]


class Part(BaseModel):
    """A strict, immutable piece of a case: no unknown key, no silent conversion.

    `implied` are values that a kind fixes, so that no key says them, where another kind has the key.
    """

    implied: ClassVar[Mapping[str, Any]] = {}
    # Built when first used: nobody validates most parts but within a whole case.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class DatasetSpec(Part):
    """Which images to train and test on."""

    name: DatasetName
    sample: bool = Field(False, description="train on the embedded sample instead of the full set")
    hold_out: int = Field(
        0, ge=0, description="leave out this many of the first training images (never of the sample)"
    )


class NormalInitializer(Part):
    """Weights from a normal distribution with mean 0."""

    name: Literal["normal"] = "normal"
    standard_deviation: PositiveFloat = Field(0.05, description="of each weight")


class ScaledInitializer(Part):
    """Weights whose variance follows the number of inputs (and outputs), as in Keras."""

    name: Literal["he_normal", "lecun_normal", "glorot_uniform"]


Initializer = Annotated[
    NormalInitializer | ScaledInitializer, Field(discriminator="name"), Shorthand("name", "normal")
]


class LayerSpec(Part):
    """Convolution (stride 1, SAME), activation, optional residual sum, optional pool."""

    kernel: PositiveInteger = Field(description="height and width of the convolution kernel")
    filters: PositiveInteger = Field(description="number of output channels")
    pool: Pool = Field("none", description="what follows the activation")
    pool_size: int = Field(2, ge=2, le=2**31 - 1, description="height, width and stride of the pool (VALID)")
    residual: FiniteFloat = Field(0.0, description="adds this times the layer's input to its activation")
    activation: ActivationName | UserActivationName | None = Field(
        None, description="instead of the case's activation"
    )
    alpha: float | None = Field(None, description="instead of the case's alpha")


class PresetNetwork(Part):
    """The article's seven layers, with another width or residual where wanted."""

    preset: Literal["article-7"] = "article-7"
    filters: PositiveInteger = Field(200, description="width of the first six layers")
    residual: FiniteFloat = Field(
        0.0,
        description="residual sum of every layer whose input and output shapes agree",
    )
    initializer: Initializer = Field(default_factory=NormalInitializer)


class LayeredNetwork(Part):
    """A network given layer by layer; the last layer must reduce the image to 1 x 1 x classes."""

    layers: tuple[LayerSpec, ...] = Field(min_length=1, max_length=200, strict=False)
    initializer: Initializer = Field(default_factory=NormalInitializer)


_RULE = "exact: the true gradient; article: what the article's scripts compute"


class AutoBackprop(Part):
    """Gradients from tf.GradientTape."""

    implied = {"rule": "exact"}
    method: Literal["auto"]


class ManualBackprop(Part):
    """Hand-written gradients."""

    method: Literal["manual"] = "manual"
    rule: Rule = Field("exact", description=_RULE)


class DilatedBackprop(Part):
    """Hand-written gradients plus rate / (1 + decay t) times the gradient from two layers above."""

    method: Literal["dilated"]
    rate: NonNegativeFloat = Field(1e-4, description="weight of the skip gradients in the first epoch")
    decay: NonNegativeFloat = Field(10.0, description="rate falls as rate / (1 + decay (epoch - 1))")
    rule: Rule = Field("exact", description=_RULE)


Backprop = Annotated[
    AutoBackprop | ManualBackprop | DilatedBackprop,
    Field(discriminator="method"),
    Shorthand("method", "manual"),
]


_LEARNING_RATE = "size of a step, before the schedule"
_EPSILON = "keeps the division by the root away from 0"
_CORRECTS = {"bias_correction": True}


class _Optimizer(Part):
    state_tensors: ClassVar[int]
    """How many tensors as large as the weights it remembers."""
    name: str
    learning_rate: PositiveFloat = Field(1e-3, description=_LEARNING_RATE)


class Sgd(_Optimizer):
    """w -= learning_rate g"""

    state_tensors = 0
    name: Literal["sgd"]
    learning_rate: PositiveFloat = Field(1e-2, description=_LEARNING_RATE)


class Momentum(_Optimizer):
    """Heavy-ball momentum, or Nesterov's."""

    state_tensors = 1
    name: Literal["momentum"]
    learning_rate: PositiveFloat = Field(1e-2, description=_LEARNING_RATE)
    momentum: DecayRate = Field(0.9, description="how much of the last step goes into this one")
    nesterov: bool = Field(False, description="look ahead by the momentum")


class RMSprop(_Optimizer):
    """Step divided by the root of a running mean of squared gradients."""

    state_tensors = 1
    name: Literal["rmsprop"]
    rho: DecayRate = Field(0.9, description="decay of the running mean of squared gradients")
    epsilon: Epsilon = Field(1e-7, description=_EPSILON)


class Adagrad(_Optimizer):
    """Step divided by the root of the sum of squared gradients."""

    state_tensors = 1
    name: Literal["adagrad"]
    initial_accumulator_value: NonNegativeFloat = Field(0.1, description="the sum before the first step")
    epsilon: Epsilon = Field(1e-7, description=_EPSILON)


class _Moments(_Optimizer):
    state_tensors = 2
    beta_1: DecayRate = Field(0.9, description="decay of the running mean of gradients")
    beta_2: DecayRate = Field(0.999, description="decay of the running mean of squared gradients")
    epsilon: Epsilon = Field(1e-7, description=_EPSILON)


class Adam(_Moments):
    """Adam, with Keras's placement of epsilon."""

    implied = _CORRECTS
    name: Literal["adam"]


class AdamW(_Moments):
    """Adam with decoupled weight decay."""

    implied = _CORRECTS
    name: Literal["adamw"]
    weight_decay: NonNegativeFloat = Field(
        4e-3, description="each step takes this times the learning rate off the weights"
    )


class Nadam(_Moments):
    """Adam with Nesterov momentum and Keras's momentum schedule."""

    implied = _CORRECTS
    name: Literal["nadam"]


class AMSGrad(_Moments):
    """Adam whose second moment never falls."""

    state_tensors = 3
    name: Literal["amsgrad"]
    maximum: Literal["elementwise", "tensor"] = Field(
        "elementwise",
        description="elementwise: the paper's; tensor: whichever of v, v_max has the larger sum",
    )
    bias_correction: bool = Field(False, description="false: the paper's; true: as Keras and PyTorch do")
    moment: Literal["new", "old"] = Field(
        "new",
        description="first moment in the update: new, with this step's gradient (the paper's); old, without",
    )


Optimizer = Annotated[
    Sgd | Momentum | RMSprop | Adagrad | Adam | AdamW | Nadam | AMSGrad,
    Field(discriminator="name"),
    Shorthand("name"),
]


class _Schedule(Part):
    name: str
    warm_up_epochs: NonNegativeFloat = Field(
        0.0, description="epochs of linear growth from 0 to the full rate"
    )


class ConstantSchedule(_Schedule):
    """The learning rate stays as given."""

    name: Literal["constant"] = "constant"


class StepSchedule(_Schedule):
    """The learning rate is multiplied by `factor` every `every` epochs."""

    name: Literal["step"]
    every: PositiveInteger = Field(description="epochs from one change to the next")
    factor: PositiveFloat = Field(0.1, description="what the learning rate is multiplied by")


class CosineSchedule(_Schedule):
    """The learning rate follows half a cosine down to `final_factor` times its value."""

    name: Literal["cosine"]
    final_factor: NonNegativeFloat = Field(0.0, description="what is left of the learning rate at the end")


Schedule = Annotated[
    ConstantSchedule | StepSchedule | CosineSchedule,
    Field(discriminator="name"),
    Shorthand("name", "constant"),
]


def _network_kind(value: Any) -> str:
    """Which errors to report: those of the layers where there are layers, otherwise those of the preset."""
    layered = "layers" in value if isinstance(value, dict) else isinstance(value, LayeredNetwork)
    return "layers" if layered else "preset"


Network = Annotated[
    Annotated[PresetNetwork, Tag("preset")] | Annotated[LayeredNetwork, Tag("layers")],
    Discriminator(_network_kind),
    Shorthand("preset"),
]


class FidelitySpec(Part):
    """Measure, while training, how near the gradient in use is to the exact one."""

    every: PositiveInteger = Field(
        description="steps from one measurement to the next; each costs one step more"
    )


class Case(Part):
    """One experiment: everything that decides what is trained and how."""

    name: Annotated[CaseName, Role.LABEL] = Field("", description="default: the file's name")
    description: Annotated[str, Role.LABEL] = Field("", description="one line for `celu cases`")
    dataset: Annotated[DatasetSpec, Shorthand("name")]
    network: Network = Field(default_factory=PresetNetwork)
    activation: ActivationName | UserActivationName = Field(
        "celu",
        description="of every layer that names none itself; one of your own is code that training runs, in a file "
        "named relative to this one",
    )
    alpha: float | None = Field(None, description="the activation's parameter; null: its default")
    backprop: Backprop = Field(default_factory=ManualBackprop)
    optimizer: Optimizer
    schedule: Schedule = Field(default_factory=ConstantSchedule)
    epochs: PositiveInteger = Field(description="how many times to go through the training images")
    batch_size: PositiveInteger = Field(
        100, description="images a step; an epoch's last step takes what is left"
    )
    seed: Annotated[int, Role.SEED] = Field(
        0, ge=0, le=2**63 - 1, description="of the initial weights and the order of the images"
    )
    precision: Precision = Field(
        "float32",
        description="of activations and gradients; weights and optimizer state are always float32. A processor without "
        "bfloat16 instructions computes in float32 and rounds what it stores",
    )
    convolution: Convolution = Field(
        "winograd",
        description="winograd: large 3 x 3 convolutions in float32 with a quarter of the multiplications and a little "
        "more rounding; direct: TensorFlow's own everywhere",
    )
    shares: PositiveInteger | None = Field(
        None,
        description="into how many shares a batch is cut, each computed by one thread; null: as many as suit the "
        "threads and the memory. Another number rounds differently",
    )
    fidelity: Annotated[FidelitySpec | None, Role.MEASUREMENT] = Field(
        None, description="compare the gradient in use with the exact one while training; null: do not"
    )
    published: Annotated[CaseName | None, Role.COMPARISON] = Field(
        None, description="name of the published curve to draw beside the run"
    )


def keys_with_role(*roles: Role) -> tuple[str, ...]:
    """The keys of a case that have one of `roles`, in the schema's order."""
    return tuple(key for key, field in Case.model_fields.items() if set(roles).intersection(field.metadata))


UNTRAINED_KEYS = keys_with_role(Role.LABEL, Role.COMPARISON, Role.MEASUREMENT)
"""The keys that cannot change the result of a training."""
