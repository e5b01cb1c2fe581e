"""The training loop, with validation, checkpoints and early stopping."""

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.batches import (
    FeatureSet,
    PixelSet,
    batch_order,
    batches_per_epoch,
    load_batches,
    resized,
)
from training.config import TrainingConfig
from training.device import autocast, keep_freed_memory
from training.history import Epoch, write_history
from training.model_packages import import_model_package
from training.networks import normalization_of
from training.objectives import Objective
from training.run_folder import RunFolder
from training.weights import load_checkpoint, save_checkpoint, save_weights
from warmlens.errors import WarmlensError

torch: Any = import_model_package("torch")

VALIDATION_BATCH = 64
WARMUP_SHARE = 0.1


@dataclasses.dataclass(frozen=True)
class StageData:
    """Files of decoded photos for one size; photos to augment are larger."""

    train: Path
    val: Path


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """Decoded photos for each size of the stages, and their class numbers."""

    by_size: dict[int, StageData]
    train_targets: list[int]
    val_targets: list[int]


@dataclasses.dataclass(frozen=True)
class Hooks:
    """Callbacks after each step (its number, and the total) and after each epoch."""

    on_step: Callable[[int, int], None] = lambda step, steps: None
    on_epoch: Callable[[Epoch], None] = lambda epoch: None


class TrainingLoop:
    """The training loop of a run, which continues from the checkpoint in its folder.

    Args:
        run: folder of the run.
        config: configuration of the run.
        data: decoded photos.
        network: the network with the run's initial weights.
        objective: what the network learns.
        workers: processes that load batches; 0 loads them in this one.
        checkpoint_s: seconds between checkpoints within an epoch.
        hooks: callbacks.
    """

    def __init__(
        self,
        run: RunFolder,
        config: TrainingConfig,
        data: TrainingData,
        network: Any,
        *,
        objective: Objective,
        device: Any,
        workers: int,
        checkpoint_s: float,
        hooks: Hooks,
    ) -> None:
        self._run = run
        self._config = config
        self._data = data
        self._device = device
        self._workers = workers
        self._checkpoint_s = checkpoint_s
        self._hooks = hooks
        # Convolutions are faster with channels last, especially in bf16.
        self._network = network.to(device, memory_format=torch.channels_last)
        if config.only_head:
            self._network.requires_grad_(False)
            self._network.fc.requires_grad_(True)
        self._optimizer = make_optimizer(self._network, config)
        self._scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "fp16")
        self._objective = objective
        self._per_epoch = batches_per_epoch(len(data.train_targets), config.batch_size)
        self._steps = self._per_epoch * config.epochs
        self._normal = [
            torch.tensor(values, device=device).view(1, 3, 1, 1)
            for values in normalization_of(config.architecture)
        ]
        # The position of the run: the next epoch and batch, and the measurements up to here.
        self._epoch = 0
        self._batch = 0
        self._loss_sum = 0.0
        self._seconds = 0.0
        self._history: list[Epoch] = []
        self._saved_at_s = time.monotonic()

    def run(self) -> list[Epoch]:
        """Train to the end and return the measurements of each epoch.

        Raises:
            WarmlensError: `diverged` when the loss is not finite, or what reading the checkpoint
                raises.
        """
        # Only dropout uses the global generator.
        torch.manual_seed(self._config.seed)
        if self._run.checkpoint.exists():
            self._restore()
        if self._device.type == "cpu":
            keep_freed_memory()
        # Denormal numbers are slow. The setting is per thread, so it is reset afterwards.
        torch.set_flush_denormal(True)
        try:
            for stage in self._remaining_stages():
                self._train_stage(stage)
                if self._is_stale():
                    break
        finally:
            torch.set_flush_denormal(False)
        return self._history

    def _remaining_stages(self) -> list[range]:
        """Return the remaining epochs of each stage."""
        stages, start = [], 0
        for stage in self._config.stages:
            left = range(max(start, self._epoch), start + stage.epochs)
            start += stage.epochs
            if left and not self._is_stale():
                stages.append(left)
        return stages

    def _train_stage(self, epochs: range) -> None:
        size = self._config.stage_at(epochs.start).size
        order = batch_order(
            len(self._data.train_targets),
            self._config.batch_size,
            self._config.seed,
            epochs=epochs,
            first_batch=self._batch,
        )
        dataset = self._train_set(size)
        workers = self._workers if isinstance(dataset, PixelSet) else 0
        batches = load_batches(dataset, order, workers)
        validation = self._validation_batches(size)
        for _ in epochs:
            started_s = time.monotonic()
            self._train_epoch(batches)
            top1, loss = self._validate(validation)
            self._seconds += time.monotonic() - started_s
            self._finish_epoch(size, top1, loss)
            if self._is_stale():
                break

    def _train_epoch(self, batches: Any) -> None:
        for _ in range(self._batch, self._per_epoch):
            inputs, targets = next(batches)
            step = self._epoch * self._per_epoch + self._batch
            rate = learning_rate_at(step, self._steps, self._config.learning_rate)
            for group in self._optimizer.param_groups:
                group["lr"] = rate * group["rate"]
            loss = self._train_batch(inputs, targets.to(self._device))
            if loss != loss or loss in (float("inf"), float("-inf")):
                raise WarmlensError(
                    "diverged",
                    f"The loss is {loss} at step {step}; try a learning rate below "
                    f"{self._config.learning_rate}, in another run folder.",
                )
            self._loss_sum += loss
            self._batch += 1
            self._hooks.on_step(step + 1, self._steps)
            if time.monotonic() - self._saved_at_s >= self._checkpoint_s:
                self._save()

    def _train_batch(self, inputs: Any, targets: Any) -> float:
        self._set_modes()
        with autocast(self._device, self._config.precision):
            outputs = self._forward(inputs)
        loss = self._objective.loss(outputs.float(), self._objective.targets(inputs, targets))
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        self._scaler.step(self._optimizer)
        self._scaler.update()
        return float(loss.detach())

    def _set_modes(self) -> None:
        if self._config.only_head:
            # Frozen layers keep their batch statistics.
            self._network.eval()
            self._network.fc.train()
        else:
            self._network.train()

    def _forward(self, inputs: Any) -> Any:
        if inputs.ndim == 2:
            return self._network.fc(inputs.to(self._device))
        return self._network(self._normalized(inputs))

    def _normalized(self, images: Any) -> Any:
        size = self._config.stage_at(self._epoch).size
        images = resized(images.to(self._device, torch.float32), size)
        normal = (images - self._normal[0]) / self._normal[1]
        return normal.contiguous(memory_format=torch.channels_last)

    def _train_set(self, size: int) -> PixelSet | FeatureSet:
        path, targets = self._data.by_size[size].train, self._data.train_targets
        if self._config.only_head and not self._config.augment:
            return FeatureSet(self._features(path, targets), targets)
        augment_to = self._config.crop_size(size) if self._config.augment else None
        return PixelSet(path, targets, self._config.seed, augment_to, mirror=self._config.mirror)

    def _validation_batches(self, size: int) -> list[tuple[Any, Any]] | PixelSet:
        path, targets = self._data.by_size[size].val, self._data.val_targets
        if self._config.only_head:
            # Frozen layers see the same photos in each epoch, so one pass is enough.
            return [(self._features(path, targets), torch.tensor(targets))]
        return PixelSet(path, targets, self._config.seed, None)

    def _features(self, path: Path, targets: list[int]) -> Any:
        """Return the inputs of the last layer for decoded photos, float32 [n, features]."""
        network = self._network.eval()
        head, network.fc = network.fc, torch.nn.Identity()
        parts = []
        with torch.inference_mode(), autocast(self._device, self._config.precision):
            for images, _ in _in_order(PixelSet(path, targets, 0, None)):
                parts.append(network(self._normalized(images)).float().cpu())
        network.fc = head
        return torch.cat(parts).clone()

    def _validate(self, validation: list[tuple[Any, Any]] | PixelSet) -> tuple[float, float]:
        """Return the objective's measure and the mean loss on the validation set."""
        self._network.eval()
        score, loss, count = 0.0, 0.0, 0
        batches = _in_order(validation) if isinstance(validation, PixelSet) else validation
        with torch.inference_mode():
            for inputs, targets in batches:
                targets = self._objective.targets(inputs, targets.to(self._device))
                with autocast(self._device, self._config.precision):
                    outputs = self._forward(inputs)
                sums = self._objective.validation(outputs.float(), targets)
                score, loss, count = score + sums[0], loss + sums[1], count + len(targets)
        return score / count, loss / count

    def _finish_epoch(self, size: int, score: float, loss: float) -> None:
        step = (self._epoch + 1) * self._per_epoch
        epoch = Epoch(
            epoch=self._epoch,
            size=size,
            learning_rate=learning_rate_at(step - 1, self._steps, self._config.learning_rate),
            train_loss=self._loss_sum / self._per_epoch,
            val_loss=loss,
            val_top1=score,
            seconds=round(self._seconds, 3),
            measure=self._objective.measure,
        )
        # Weights first: if the process is killed before the checkpoint, the epoch is repeated.
        if self._is_best(epoch):
            save_weights(self._run.best, self._network.state_dict())
        self._history.append(epoch)
        self._epoch, self._batch, self._loss_sum, self._seconds = self._epoch + 1, 0, 0.0, 0.0
        self._save()
        write_history(self._run, self._history)
        self._hooks.on_epoch(epoch)

    def _is_best(self, epoch: Epoch) -> bool:
        """Return True for the best epoch of its size; the model is exported for the last size."""
        rivals = [other for other in self._history if other.size == epoch.size]
        return all(epoch.rank > other.rank for other in rivals)

    def _is_stale(self) -> bool:
        """Return True when the last stage has had no better epoch for `patience` epochs."""
        config = self._config
        last = self._history[config.epochs - config.stages[-1].epochs :]
        if not config.patience or not last:
            return False
        best = max(range(len(last)), key=lambda index: last[index].rank)
        return len(last) - 1 - best >= config.patience

    def _save(self) -> None:
        state = {
            "epoch": self._epoch,
            "batch": self._batch,
            "loss_sum": self._loss_sum,
            "history": [dataclasses.asdict(epoch) for epoch in self._history],
            "network": self._network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "random": torch.get_rng_state(),
        }
        if self._device.type == "cuda":
            state["random_cuda"] = torch.cuda.get_rng_state()
        save_checkpoint(self._run.checkpoint, state)
        self._saved_at_s = time.monotonic()

    def _restore(self) -> None:
        state = load_checkpoint(self._run.checkpoint)
        try:
            self._network.load_state_dict(state["network"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._scaler.load_state_dict(state["scaler"])
            torch.set_rng_state(state["random"])
            if self._device.type == "cuda" and "random_cuda" in state:
                torch.cuda.set_rng_state(state["random_cuda"])
            self._history = [Epoch(**epoch) for epoch in state["history"]]
            self._epoch, self._batch = state["epoch"], state["batch"]
            self._loss_sum = state["loss_sum"]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise WarmlensError(
                "bad_checkpoint",
                f"{self._run.checkpoint} is not a checkpoint of this run: {error!r:.200}. "
                "Delete it to start again.",
            ) from None


def learning_rate_at(step: int, steps: int, peak: float) -> float:
    """Return the learning rate of a step: a linear warm-up to `peak`, then a cosine decay to zero.

    Args:
        step: number of the step, from 0.
        steps: number of all steps.
        peak: the highest learning rate.
    """
    warmup = max(1, round(steps * WARMUP_SHARE))
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1, steps - warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * done))


def make_optimizer(network: Any, config: TrainingConfig) -> Any:
    """Return the optimizer of the trained parameters.

    Weight decay does not apply to biases and batch normalisation. `rate` of a group is the factor
    of its learning rate.
    """
    head = {id(parameter) for parameter in network.fc.parameters()}
    groups = []
    for is_head, rate in ((False, 1.0), (True, config.head_rate)):
        part = [p for p in network.parameters() if p.requires_grad and (id(p) in head) == is_head]
        decayed = [p for p in part if p.ndim > 1]
        plain = [p for p in part if p.ndim <= 1]
        groups += [
            {"params": decayed, "weight_decay": config.weight_decay, "rate": rate},
            {"params": plain, "weight_decay": 0.0, "rate": rate},
        ]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def _in_order(dataset: PixelSet) -> Any:
    batches = [
        [(0, index) for index in range(start, min(start + VALIDATION_BATCH, len(dataset)))]
        for start in range(0, len(dataset), VALIDATION_BATCH)
    ]
    return load_batches(dataset, iter(batches), 0)
