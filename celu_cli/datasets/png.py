"""What Pillow raises for a damaged PNG."""

from __future__ import annotations

import struct
import zlib

DAMAGED_PNG = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, IndexError, OverflowError),
    *(zlib.error, struct.error),
)
