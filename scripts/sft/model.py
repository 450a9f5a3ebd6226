"""Reads a GGUF model's weights into PyTorch.

Weights of 4 bits become the numbers that they stand for, so an adapter is trained for the very file that it is used with.
"""

import re
from concurrent.futures import ThreadPoolExecutor

import torch
from gguf import quants
from transformers import Qwen2Config, Qwen2ForCausalLM

from vocabulary import ARCHITECTURE, field

# Of a layer, by their names in GGUF files and in PyTorch.
LAYER_TENSORS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
OTHER_TENSORS = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}

def torch_name(name):
    """`blk.3.attn_q.weight` is `model.layers.3.self_attn.q_proj.weight`."""
    layer = re.fullmatch(r"blk\.(\d+)\.(\w+)\.(weight|bias)", name)
    if layer:
        return f"model.layers.{layer[1]}.{LAYER_TENSORS[layer[2]]}.{layer[3]}"
    stem, kind = name.rsplit(".", 1)
    return f"{OTHER_TENSORS[stem]}.{kind}"


def config_of(reader):
    of = lambda key: field(reader, f"{ARCHITECTURE}.{key}")
    names = {tensor.name for tensor in reader.tensors}
    return Qwen2Config(
        vocab_size=len(field(reader, "tokenizer.ggml.tokens")),
        hidden_size=of("embedding_length"),
        intermediate_size=of("feed_forward_length"),
        num_hidden_layers=of("block_count"),
        num_attention_heads=of("attention.head_count"),
        num_key_value_heads=of("attention.head_count_kv"),
        max_position_embeddings=of("context_length"),
        rms_norm_eps=of("attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": of("rope.freq_base")},
        tie_word_embeddings="output.weight" not in names,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )


def load_weights(reader, device, dtype):
    """The model, its weights dequantised; nothing of it is to be trained yet."""
    config = config_of(reader)
    config._attn_implementation = "lunette"
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    with torch.device(device):
        model = Qwen2ForCausalLM(config)
    torch.set_default_dtype(before)
    missing = {name for name, _ in model.named_parameters()}
    parameters = dict(model.named_parameters())
    values = lambda tensor: quants.dequantize(tensor.data, tensor.tensor_type)
    with ThreadPoolExecutor() as pool:
        for tensor, value in zip(reader.tensors, pool.map(values, reader.tensors)):
            name = torch_name(tensor.name)
            parameters[name].data.copy_(torch.from_numpy(value).reshape(parameters[name].shape))
            missing.discard(name)
    if missing:
        raise SystemExit(f"error: the model's file has no weights for {sorted(missing)[:3]}")
    if model.model.rotary_emb.inv_freq.dtype != torch.float32:
        raise SystemExit("error: rotations would be computed in few bits")
    return model.requires_grad_(False).eval()
