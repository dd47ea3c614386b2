"""The app on a ZeroGPU Space."""

import spaces  # it must be imported before torch

from app import main


@spaces.GPU
def gpu_name() -> str:
    """The name of the GPU.

    ZeroGPU stops an app without a function for the GPU. The models are small and stay on the CPU.
    """
    import torch

    return torch.cuda.get_device_name()


main()
