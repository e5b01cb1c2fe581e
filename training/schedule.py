"""How fast a run learns at each step, and with which optimizer."""

import math
from typing import Any

from training.model_packages import import_model_package
from training.settings import Settings

torch: Any = import_model_package("torch")

WARMUP_SHARE = 0.1


def learning_rate_at(step: int, steps: int, peak: float) -> float:
    """Return the learning rate of ``step`` (from 0) of ``steps``: up to ``peak``, then to zero."""
    warmup = max(1, round(steps * WARMUP_SHARE))
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1, steps - warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * done))


def make_optimizer(network: Any, settings: Settings) -> Any:
    """Return the optimizer of the parameters that are trained.

    Biases and batch normalisation are not decayed.
    """
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=settings.learning_rate)
