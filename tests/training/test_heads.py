"""Heads of checkpoints: layers, their order, and the functions between them."""

import collections
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.resnet_weights import FEATURES, State, prefixed, same, taken
from training.checkpoints import read_checkpoint
from training.heads import read_head
from training.model_packages import import_model_package
from warmlens.errors import WarmlensError

torch: Any = import_model_package("torch")
nn: Any = torch.nn
save_file: Any = import_model_package("safetensors.torch").save_file


def test_a_head_without_bias_is_kept(weights: State, tmp_path: Path) -> None:
    torch.save({n: t for n, t in weights.items() if n != "fc.bias"}, tmp_path / "w.pt")
    found, _ = taken(tmp_path / "w.pt")
    assert same(found, {**weights, "fc.bias": torch.zeros(3)})


HEADS: dict[str, tuple[Callable[[], Any], str | None]] = {
    "two layers": (
        lambda: nn.Sequential(nn.Linear(FEATURES, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3)),
        "relu",
    ),
    "normalisation": (
        lambda: nn.Sequential(
            nn.Linear(FEATURES, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Dropout(), nn.Linear(8, 3)
        ),
        "gelu",
    ),
    "normalisation first": (
        lambda: nn.Sequential(nn.BatchNorm1d(FEATURES), nn.Linear(FEATURES, 3)),
        None,
    ),
    "nothing between": (
        lambda: nn.Sequential(nn.Dropout(), nn.Linear(FEATURES, 8), nn.Linear(8, 3)),
        None,
    ),
    "names": (
        lambda: nn.Sequential(
            collections.OrderedDict(
                fc1=nn.Linear(FEATURES, 8), act=nn.Tanh(), fc2=nn.Linear(8, 3), out=nn.LogSoftmax(1)
            )
        ),
        "tanh",
    ),
    "eleven parts": (
        lambda: nn.Sequential(
            nn.Linear(FEATURES, 8), *(nn.Identity() for _ in range(9)), nn.Linear(8, 3)
        ),
        "none",
    ),
}


@pytest.mark.parametrize("saved", ["pt", "safetensors"])
@pytest.mark.parametrize("form", HEADS)
def test_a_head_of_several_layers_is_kept(
    weights: State, tmp_path: Path, form: str, saved: str
) -> None:
    make, activation = HEADS[form]
    own = make().eval()
    for norm in own.modules():
        if isinstance(norm, nn.BatchNorm1d):
            norm.running_mean.uniform_(-1, 1)
    file = tmp_path / "w"
    body = {name: tensor for name, tensor in weights.items() if not name.startswith("fc.")}
    save = save_file if saved == "safetensors" else torch.save
    save({**body, **prefixed(own.state_dict(), "fc.")}, file)
    checkpoint = read_checkpoint(file)
    if activation:
        with pytest.raises(WarmlensError, match="add --head-activation relu") as refused:
            read_head(checkpoint.head, FEATURES, None, file)
        assert refused.value.code == "head_activation"
        assert "export the network to ONNX" in refused.value.message
    head, classes = read_head(checkpoint.head, FEATURES, activation, file)  # type: ignore[arg-type]
    features = torch.rand(5, FEATURES)
    with torch.inference_mode():
        expected, answer = own(features), head.eval()(features)
        if form == "names":
            answer = torch.log_softmax(answer, 1)
        assert torch.allclose(answer, expected, atol=1e-5)
    assert classes == 3


class Named(nn.Module):  # type: ignore[misc]
    """A head whose layers have names that sort otherwise than they run."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.second = nn.Linear(FEATURES, width)
        self.first = nn.Linear(width, width)
        self.classes = nn.Linear(width, 3)


@pytest.mark.parametrize("width", [8, FEATURES])
def test_the_order_of_a_head_in_safetensors_follows_from_sizes_or_is_refused(
    tmp_path: Path, width: int
) -> None:
    own = Named(width)
    if width != FEATURES:
        del own.first  # one order fits
    save_file(own.state_dict(), tmp_path / "w")
    tensors = dict(sorted(prefixed(own.state_dict(), "fc.").items()))
    if width == FEATURES:
        with pytest.raises(WarmlensError, match=r"fit in several orders.*torch\.save") as refused:
            read_head(tensors, FEATURES, "relu", tmp_path / "w")
        assert refused.value.code == "weights_differ"
        return
    head, _ = read_head(tensors, FEATURES, "relu", tmp_path / "w")
    features = torch.rand(2, FEATURES)
    with torch.inference_mode():
        assert torch.allclose(head(features), own.classes(own.second(features).relu()), atol=1e-5)


def test_a_head_with_two_gaps_is_refused(tmp_path: Path) -> None:
    head = nn.Sequential(
        nn.Linear(FEATURES, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3)
    )
    with pytest.raises(WarmlensError, match=r"what is between fc\.2 and fc\.4") as refused:
        read_head(prefixed(head.state_dict(), "fc."), FEATURES, "relu", tmp_path)
    assert refused.value.code == "head_activation"
