"""The user's own pictures, as images like those of a dataset."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from celu_cli.datasets.definition import Bytes, Definition
from celu_cli.datasets.formats import DAMAGED_PNG
from celu_cli.errors import DataError
from celu_cli.files import read_file

if TYPE_CHECKING:
    from PIL.Image import Image

_PAPER = 560  # pixels: what is larger is averaged down before ink is looked for
_FAINT = 40  # of 255: less is no ink
_SHADOW = 0.25  # of the darkest ink: less is paper
ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def image_files(path: Path) -> list[Path]:
    """`path` itself, or the images in it where it is a folder, by name; what does not end as one is passed over.

    Raises:
        DataError: there is no such file or folder, or no image in the folder, or it cannot be read.
    """
    try:
        if not path.is_dir():
            path.stat()
            return [path]
        found = sorted(file for file in path.iterdir() if file.suffix.lower() in ENDINGS and file.is_file())
    except FileNotFoundError:
        raise DataError(f"there is no {path}") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    if not found:
        raise DataError(f"there is no image in {path}; images end in {', '.join(ENDINGS)}")
    return found


def read_image(path: Path, dataset: Definition, *, ink: bool = False) -> Bytes:
    """The picture as uint8 (height, width, channels) of `dataset`.

    It is turned as its camera says, transparency becomes white, the largest square in the middle is cut out, averaged
    down (or enlarged) to the dataset's size, and made grey where the dataset is. With `ink` it is a digit in dark ink
    on light paper, and made what MNIST's digits are: light on black, 20 pixels high or wide, with its centre of mass in
    the middle (LeCun et al. 1998, section III.A).

    Raises:
        DataError: the file is not an image, damaged, or far too large, or there is no ink in it.
    """
    import numpy as np
    from PIL import Image, ImageOps, UnidentifiedImageError

    height, width, channels = dataset.image_shape
    try:
        content = read_file(path)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(content)) as opened:
                picture = _on_white(ImageOps.exif_transpose(_in_eight_bits(opened)))
    except UnidentifiedImageError as error:
        raise DataError(f"{path} is not an image that can be read") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataError(f"{path} has too many pixels: {error}") from error
    except DAMAGED_PNG as error:
        raise DataError(f"{path} is damaged: {error}") from error
    if ink:
        digit = _digit(picture)
        if digit is None:
            raise DataError(f"there is no dark ink on light paper in {path}")
        picture = digit
    picture = picture.convert("L" if channels == 1 else "RGB")
    picture = ImageOps.fit(picture, (width, height), Image.Resampling.BOX)
    return np.asarray(picture, np.uint8).reshape(height, width, channels)


def _digit(picture: Image) -> Image | None:
    """Dark ink on paper as bright as the picture's edge -> 28 x 28 grey, light on black; None without ink."""
    import numpy as np
    from PIL import Image as Pillow

    grey = picture.convert("L")
    grey.thumbnail((_PAPER, _PAPER), Pillow.Resampling.BOX)
    brightness = np.asarray(grey, np.float64)
    edge = np.concatenate([brightness[[0, -1]].ravel(), brightness[:, [0, -1]].ravel()])
    darkness = np.median(edge) - brightness
    if darkness.max() < _FAINT:
        return None
    darkness = np.where(darkness < _SHADOW * darkness.max(), 0.0, darkness * (255 / darkness.max()))
    rows, columns = (np.flatnonzero(darkness.any(axis=axis)) for axis in (1, 0))
    found = Pillow.fromarray(
        darkness[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].round().astype(np.uint8)
    )
    scale = 20 / max(found.size)
    found = found.resize([max(1, round(side * scale)) for side in found.size], Pillow.Resampling.BOX)
    weights = np.asarray(found, np.float64)
    places = np.indices(weights.shape)
    down, right = (round(13.5 - (weights * place).sum() / weights.sum()) for place in places)
    image = Pillow.new("L", (28, 28))
    image.paste(found, (right, down))
    return image


def _in_eight_bits(picture: Image) -> Image:
    """The first frame; 16 bits a pixel, which Pillow would cut off at 255, are divided by 257."""
    picture.load()
    if picture.mode.startswith("I;16") or picture.mode == "I":
        return picture.convert("I").point(lambda value: value / 257).convert("L")
    return picture


def _on_white(picture: Image) -> Image:
    from PIL import Image as Pillow

    if not picture.has_transparency_data:
        return picture
    layered = picture.convert("RGBA")
    return Pillow.alpha_composite(Pillow.new("RGBA", layered.size, "white"), layered)
