"""Writes a trained adapter as a GGUF file that llama.cpp loads.

llama.cpp multiplies an adapter by alpha/r. rsLoRA was trained with alpha/sqrt(r), so the file's alpha is alpha * sqrt(r): with
alpha 16 and r 16 it is 64, and both multiply by 4. The first factors (lora_a) are stored as q8_0, the second ones as f16, since
their rows of r numbers are shorter than a block of q8_0: 4.0 MB for the default model in place of 6.0.
"""

import gguf
import torch

from model import LAYER_TENSORS
from vocabulary import ARCHITECTURE

NUMBERS = gguf.GGMLQuantizationType


def factors(model):
    """Name of the matrix in GGUF files, first factor (r, columns), second factor (rows, r)."""
    gguf_names = {ours: theirs for theirs, ours in LAYER_TENSORS.items()}
    for name, module in model.named_modules():
        if hasattr(module, "lora_A") and "default" in module.lora_A:
            layer, ours = name.split(".layers.")[1].split(".", 1)
            yield f"blk.{layer}.{gguf_names[ours]}.weight", module.lora_A["default"].weight, module.lora_B["default"].weight


def write(model, config, path, name, description):
    """`config` is PEFT's; it says r, alpha and whether the adapter is scaled by the root of r."""
    writer = gguf.GGUFWriter(path, ARCHITECTURE)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    alpha = config.lora_alpha * (config.r**0.5 if config.use_rslora else 1.0)
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    writer.add_name(name)
    writer.add_description(description)
    for matrix, first, second in factors(model):
        plain = lambda factor: factor.detach().to("cpu", torch.float32).numpy()
        blocks = gguf.quants.quantize(plain(first), NUMBERS.Q8_0)
        writer.add_tensor(f"{matrix}.lora_a", blocks, raw_dtype=NUMBERS.Q8_0)
        writer.add_tensor(f"{matrix}.lora_b", plain(second).astype("float16"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
