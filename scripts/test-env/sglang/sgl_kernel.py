"""Stands in for SGLang's kernels, which PyPI has for CUDA only: enough for starting without one. None is called."""

__version__ = "0.4.7"


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)

    def kernel(*_args, **_kwargs):
        raise NotImplementedError(f"sgl_kernel.{name} is not built for this processor")

    return kernel
