"""What was learned, to a folder and back, to the last bit: the adapter alone, or all weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codelathe.training.tuning._torch_model import Learner


def save_weights(learner: Learner, folder: Path, dtype: Any = None) -> None:
    """The weights that were learned, as safetensors: the adapter's alone, or the whole model's."""
    if not learner.adapter:
        state = learner.model.state_dict()
        if dtype is not None:
            cast: dict[int, Any] = {}  # one tensor under two names stays one
            state = {
                name: cast.setdefault(one.data_ptr(), one.to(dtype))
                if one.is_floating_point()
                else one
                for name, one in state.items()
            }
            learner.model.config.dtype = dtype
        learner.model.save_pretrained(folder, state_dict=state)
        return
    import peft
    from safetensors.torch import save_file

    state = peft.get_peft_model_state_dict(learner.model, save_embedding_layers=False)
    tensors = {name: one.detach().cpu().contiguous() for name, one in state.items()}
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = learner.model.active_peft_config
    training, config.inference_mode = config.inference_mode, True
    config.save_pretrained(folder)
    config.inference_mode = training


def load_weights(learner: Learner, folder: Path) -> None:
    """Put the weights of a checkpoint into the model, exactly."""
    from safetensors.torch import load_file

    state: dict[str, Any] = {}
    for path in sorted(folder.glob("*.safetensors")):
        state |= load_file(path)
    if learner.adapter:
        import peft

        found = peft.set_peft_model_state_dict(learner.model, state)
        lost = [name for name in found.missing_keys if "lora_" in name]
    else:
        found = learner.model.load_state_dict(state, strict=False)
        tied = set(learner.model.all_tied_weights_keys)
        lost = [name for name in found.missing_keys if name not in tied]
    if lost or found.unexpected_keys:
        raise RuntimeError(
            f"the checkpoint {folder} does not fit: {[*lost, *found.unexpected_keys][:3]}"
        )
