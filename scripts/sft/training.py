"""The training itself, for train.py: rows, steps, weighing, and the order of it all."""

import json
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model

import distil
import export
from attention import DOCUMENT, PADDING, Reading, Recipe, Tiles, seeing, self_check
from model import load_weights
from readings import Readings
from vocabulary import Vocabulary, open_model

# What is kept of the time for the last weighing and for writing the file, in seconds.
RESERVED_S = 15
WARM_UP = 0.05


# Free memory of a GPU from which on nothing is computed twice. By estimate, a row of 12,032 tokens of the default model keeps 40 GB.
PLENTY_BYTES = 70e9


def is_checkpointing(settings, device):
    has_plenty = device == "cuda" and torch.cuda.mem_get_info()[0] > PLENTY_BYTES
    return settings.checkpointing == "on" or (settings.checkpointing == "auto" and not has_plenty)


class Clock:
    """How much of the time and of the documents is used up."""

    def __init__(self, settings):
        self.start, self.end_s, self.documents = time.monotonic(), settings.minutes * 60 - RESERVED_S, settings.documents
        self.begun_s = 0.0

    def elapsed_s(self):
        return time.monotonic() - self.start

    def begin(self):
        """Loading is over: what is left of the time is for learning."""
        self.begun_s = self.elapsed_s()
        if self.begun_s >= self.end_s:
            raise SystemExit(f"error: loading took {self.begun_s:.0f} s, and no time is left to learn")

    def used(self, documents):
        share = (self.elapsed_s() - self.begun_s) / (self.end_s - self.begun_s)
        return max(share, documents / self.documents)


class Row:
    """A document with its branches as the model's input, and what is to be learnt from it."""

    def __init__(self, document, settings, device):
        document_tokens, tokens = settings.document_tokens, settings.document_tokens + settings.question_tokens
        branches = [one.ids + one.answer_ids[:-1] for one in document.asked]
        rows, ends = [len(branch) for branch in branches], []
        of_branch, at = distil.branches_and_positions(rows, len(document.ids), device)
        self.ids = torch.zeros(tokens, dtype=torch.long, device=device)
        self.branches = torch.full((tokens,), PADDING, device=device)
        self.positions = torch.zeros(tokens, dtype=torch.long, device=device)
        for place, ids in [(0, document.ids), (document_tokens, [token for branch in branches for token in branch])]:
            self.ids[place : place + len(ids)] = torch.tensor(ids, device=device)
        self.branches[: len(document.ids)] = DOCUMENT
        self.positions[: len(document.ids)] = torch.arange(len(document.ids), device=device)
        self.branches[document_tokens : document_tokens + len(of_branch)] = of_branch
        self.positions[document_tokens : document_tokens + len(at)] = at
        for row in rows:
            ends.append(document_tokens + row + (ends[-1] - document_tokens if ends else 0))
        places = [range(end - len(one.answer_ids), end) for end, one in zip(ends, document.asked)]
        self.lengths = [len(one.answer_ids) for one in document.asked]
        self.predicting = torch.tensor([place for range_ in places for place in range_], device=device)
        self.targets = torch.tensor([token for one in document.asked for token in one.answer_ids], device=device)

    @staticmethod
    def shortened(document, settings):
        """As many of its questions as there is room for."""
        room = settings.question_tokens
        while document.asked and sum(len(one.ids) + len(one.answer_ids) - 1 for one in document.asked) > room:
            document.asked.pop()
        return document


def logits_of(model, row, tiles, settings):
    sight = Reading(row.branches, row.positions, settings.document_tokens, tiles)
    return model(
        input_ids=row.ids[None],
        attention_mask=seeing(sight),
        position_ids=row.positions[None],
        logits_to_keep=row.predicting,
        use_cache=False,
    ).logits[0].float()


@torch.no_grad()
def weigh(model, rows, tiles, settings):
    """Nats per token of the answers, and percent of the answers of which each token was the likeliest one."""
    nats, tokens, exact, answers = 0.0, 0, 0, 0
    for row in rows:
        logits = logits_of(model, row, tiles, settings)
        nats += F.cross_entropy(logits, row.targets, reduction="sum").item()
        tokens += len(row.targets)
        hits = (logits.argmax(-1) == row.targets).split(row.lengths)
        exact += sum(bool(hit.all()) for hit in hits)
        answers += len(hits)
    return {"nats": round(nats / tokens, 4), "exact_percent": round(100 * exact / answers, 1), "answers": answers}


def answered_rows(base, documents, vocabulary, settings, tell):
    """The documents with the questions that the base model answers right."""
    distil.answer(base, documents, vocabulary.message_end, settings.answer_tokens)
    kept = distil.keep_right(documents, vocabulary) if settings.keep == "right" else {}
    tell(event="answered", kept={kind: f"{right} of {all_}" for kind, (right, all_) in kept.items()})
    short = [Row.shortened(document, settings) for document in documents]
    return [Row(document, settings, base.device) for document in short if document.asked]


def learn(model, rows, tiles, optimizer, settings, clock, state, tell):
    """One step for each batch of rows; ends early when the time is up."""
    model.train()
    for start in range(0, len(rows), settings.batch):
        used = clock.used(state["documents"])
        if used >= 1:
            break
        rate = settings.rate * min(1.0, used / WARM_UP + 0.05) * (1 - used)
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = rows[start : start + settings.batch]
        loss_sum = 0.0
        for row in batch:
            loss = F.cross_entropy(logits_of(model, row, tiles, settings), row.targets)
            (loss / len(batch)).backward()
            loss_sum += loss.item()
        if not math.isfinite(loss_sum):
            raise SystemExit("error: the loss is not a number")
        torch.nn.utils.clip_grad_norm_([one for one in model.parameters() if one.requires_grad], 1.0)
        optimizer.step()
        optimizer.zero_grad()
        state["documents"] += len(batch)
        state["steps"] += 1
        tell(event="step", step=state["steps"], loss=round(loss_sum / len(batch), 4), rate=round(rate, 8))
    model.eval()


def run(settings):
    clock, events = Clock(settings), []

    def tell(**event):
        events.append({"s": round(clock.elapsed_s(), 1), **event})
        print(json.dumps(events[-1]), flush=True)

    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    # It plans anew for each shape, and answers grow by a token a step.
    torch.backends.cuda.enable_cudnn_sdp(False)
    of_documents = (settings.seed, settings.document_tokens, settings.questions)
    readings = Readings(settings.model, *of_documents, settings.processes, ahead=settings.group + settings.held_out)
    reader = open_model(settings.model)
    vocabulary = Vocabulary.of(reader)
    base = load_weights(reader, device, dtype)
    tell(event="loaded", device=device, layers=base.config.num_hidden_layers)
    recipe = Recipe(settings.window, settings.sinks, settings.far)
    tell(event="checked", apart=self_check(device, dtype, recipe))
    tiles = Tiles(settings.document_tokens, recipe, device)
    held_out = answered_rows(base, readings.take(settings.held_out), vocabulary, settings, tell)
    if not held_out:
        raise SystemExit("error: the model answers no question about the documents that are held out right")
    tell(event="full", **weigh(base, held_out, None, settings))
    tell(event="before", **weigh(base, held_out, tiles, settings))

    config = LoraConfig(
        r=settings.rank, lora_alpha=settings.alpha, use_rslora=True, target_modules=["q_proj", "k_proj", "v_proj"]
    )
    model = get_peft_model(base, config)
    if is_checkpointing(settings, device):
        base.gradient_checkpointing_enable({"use_reentrant": False})
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], weight_decay=0.0)
    state = {"documents": 0, "steps": 0}
    clock.begin()
    while clock.used(state["documents"]) < 1:
        documents = readings.take(min(settings.group, settings.documents - state["documents"]))
        with model.disable_adapter():
            rows = answered_rows(base, documents, vocabulary, settings, tell)
        # Documents without a right answer count, too: they are used up.
        state["documents"] += len(documents) - len(rows)
        learn(model, rows, tiles, optimizer, settings, clock, state, tell)
    readings.close()
    if not state["steps"]:
        raise SystemExit("error: nothing was learnt: the model gave no right answer, or the time was too short")
    tell(event="after", **weigh(model, held_out, tiles, settings))
    tell(event="full_after", **weigh(model, held_out, None, settings))
    description = f"read with window {recipe.window}, sinks {recipe.sinks}, far {recipe.far}; {state['documents']} documents"
    export.write(model, config, settings.out, f"window adapter for {Path(settings.model).stem}", description)
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else None
    tell(event="written", peak_gpu_bytes=peak, bytes=Path(settings.out).stat().st_size, **state)
    log = {"settings": vars(settings), "torch": torch.__version__, "events": events}
    Path(settings.out).with_suffix(".json").write_text(json.dumps(log, indent=1))
