"""Changes of size, rotation, light, white balance and blur that photos of one product differ in."""

from typing import Any

from training.model_packages import import_model_package, import_torchvision

torch: Any = import_model_package("torch")
v2: Any = (import_torchvision(), import_model_package("torchvision.transforms.v2"))[1]

# Training pixels are kept larger than the input, so that a crop of a part still has detail.
STORED_SCALE = 1.25
# Factors of red and blue against green: from a bulb's light to shade under a blue sky.
WHITE_BALANCE = 0.25


def stored_side(size: int) -> int:
    """Return the side of the stored training pixels for inputs of ``size`` pixels."""
    return round(size * STORED_SCALE)


def augmentation(size: int) -> Any:
    """Return a transform from uint8 [3, stored, stored] to uint8 [3, size, size].

    There is no mirroring: products carry words.
    """
    return v2.Compose(
        [
            v2.RandomResizedCrop(size, scale=(0.45, 1.0), ratio=(0.8, 1.25), antialias=True),
            v2.RandomApply(
                [v2.RandomRotation(20, interpolation=v2.InterpolationMode.BILINEAR, fill=114)],
                p=0.7,
            ),
            v2.ColorJitter(brightness=0.35, contrast=0.35, saturation=0.3),
            v2.Lambda(white_balance),
            v2.RandomApply([v2.GaussianBlur(5, sigma=(0.1, 1.5))], p=0.25),
        ]
    )


def white_balance(image: Any) -> Any:
    """Scale red and blue by random factors; uint8 [3, height, width]."""
    factors = 1 + (torch.rand(3, 1, 1) * 2 - 1) * WHITE_BALANCE
    factors[1] = 1
    return (image * factors).clamp_(0, 255).to(torch.uint8)
