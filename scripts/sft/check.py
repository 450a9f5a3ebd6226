"""Compares an adapter in PyTorch with the same file in Lunette: how probable each finds the right answers.

    lunette eval RECORDS.jsonl -m MODEL.gguf --presets fastest --window 64 --far 8 --sinks 16 -n 0 --lora ADAPTER.gguf --out it.json
    python scripts/sft/check.py --model MODEL.gguf --adapter ADAPTER.gguf --records RECORDS.jsonl --out-file it.json \\
        --window 64 --far 8 --sinks 16

Records name their documents, and have `lead` and `gold` (src/eval/records.rs). Both compute the prompt, the window, the far keys
and the adapter on their own, so equal figures mean equal vocabularies, prompts, masks and scales. `--preset full` compares full
attention.
"""

import argparse
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from gguf import GGUFReader, quants

from attention import DOCUMENT, Reading, Recipe, Tiles, seeing
from model import load_weights, torch_name
from vocabulary import Vocabulary, field, open_model

# Lunette computes in the model's own quantised numbers, and keeps keys and values in f16.
MOST_APART_NATS = 0.05


def arguments():
    parser = argparse.ArgumentParser(description="Compare an adapter in PyTorch with the same in Lunette.")
    for name in ["model", "records", "out-file"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--adapter", help="GGUF file; none compares the model itself")
    parser.add_argument("--preset", default="fastest", help="whose figures to take from the file")
    parser.add_argument("--window", type=int, default=1024)
    parser.add_argument("--sinks", type=int, default=100)
    parser.add_argument("--far", type=int, default=64)
    return parser.parse_args()


def add_adapter(model, path):
    """Adds it to the weights, as llama.cpp scales it."""
    reader = GGUFReader(path)
    plain = lambda tensor: torch.from_numpy(quants.dequantize(tensor.data, tensor.tensor_type)).float()
    tensors = {tensor.name: plain(tensor) for tensor in reader.tensors}
    parameters = dict(model.named_parameters())
    for name in [name.removesuffix(".lora_a") for name in tensors if name.endswith(".lora_a")]:
        first, second = tensors[f"{name}.lora_a"], tensors[f"{name}.lora_b"]
        scale = field(reader, "adapter.lora.alpha") / first.shape[0]
        parameters[torch_name(name)].data += scale * second @ first


@torch.no_grad()
def nats(model, vocabulary, record, document, settings):
    """Per token of the right answer."""
    read = vocabulary.document(document, record["title"])
    asked = [*vocabulary.question(record["question"]), *vocabulary.encode(record["lead"])]
    gold = vocabulary.encode(record["gold"])
    room = -(-len(read) // settings.window) * settings.window
    recipe = Recipe(settings.window, settings.sinks, settings.far)
    tiles = None if settings.preset == "full" else Tiles(room, recipe, "cpu")
    behind = asked + gold[:-1]
    ids = torch.tensor([read + [0] * (room - len(read)) + behind])
    branches = torch.tensor([DOCUMENT] * len(read) + [-1] * (room - len(read)) + [1] * len(behind))
    at = list(range(len(read))) + [0] * (room - len(read)) + list(range(len(read), len(read) + len(behind)))
    positions = torch.tensor(at)
    predicting = torch.arange(ids.shape[1] - len(gold), ids.shape[1])
    sight = Reading(branches, positions, room, tiles)
    seen = dict(attention_mask=seeing(sight), position_ids=positions[None], use_cache=False)
    logits = model(input_ids=ids, logits_to_keep=predicting, **seen).logits[0]
    return F.cross_entropy(logits, torch.tensor(gold)).item()


def main():
    settings = arguments()
    reader = open_model(settings.model)
    vocabulary, model = Vocabulary.of(reader), load_weights(reader, "cpu", torch.float32)
    if settings.adapter:
        add_adapter(model, settings.adapter)
    records = {record["id"]: record for record in map(json.loads, Path(settings.records).read_text().splitlines())}
    answers = json.loads(Path(settings.out_file).read_text())["results"]
    apart = []
    for answer in (answer for answer in answers if answer["preset"] == settings.preset):
        record = records[answer["id"]]
        document = (Path(settings.records).parent / record["document"]).read_text()
        ours = nats(model, vocabulary, record, document, settings)
        apart.append(abs(ours - answer["nats"]))
        print(f"{record['id']}: {ours:.4f} nats per token here, {answer['nats']:.4f} there")
    if not apart or max(apart) > MOST_APART_NATS:
        raise SystemExit(f"error: they are up to {max(apart, default=0):.3f} nats apart, or nothing was compared")
    print(f"{len(apart)} answers, at most {max(apart):.4f} nats apart")


if __name__ == "__main__":
    main()
