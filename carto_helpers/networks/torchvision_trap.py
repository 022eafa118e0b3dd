"""The trap of a CPU-only torch beside a CUDA torchvision, and the way out of it.

The torchvision wheels of PyPI are CUDA builds. Beside a torch without CUDA their `_C.so` cannot be
loaded (it needs libtorch_cuda.so); torchvision swallows that error and then dies with "operator
torchvision::nms does not exist" when it registers fakes for two operators that nobody declared.
Declaring the two schemas first lets the import pass; data sets, transforms and models then work,
and only compiled operators such as `nms` itself do not.
"""

from importlib.util import find_spec
from pathlib import Path

import torch

_SCHEMAS = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


def prepare_torchvision() -> None:
    """Make `import torchvision` (and so `import timm`) work whatever torch was built for.

    Call it before the first import of either. It may be called again, and does nothing where
    torchvision's `_C.so` loads or where torchvision is absent.
    """
    folder = _torchvision_folder()
    if folder is None or _is_declared("nms"):
        return
    for library in sorted((*folder.glob("_C*.so"), *folder.glob("_C*.pyd"))):
        try:
            torch.ops.load_library(str(library))
        except OSError:  # the trap: the library needs a CUDA that this torch lacks
            break
    for name, schema in _SCHEMAS.items():
        if not _is_declared(name):
            torch.library.define(f"torchvision::{name}", schema)


def _torchvision_folder() -> Path | None:
    found = find_spec("torchvision")  # finds the package without importing it
    return Path(found.origin).parent if found and found.origin else None


def _is_declared(name: str) -> bool:
    return hasattr(torch.ops.torchvision, name)
