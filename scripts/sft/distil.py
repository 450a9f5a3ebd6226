"""Lets the model itself, with full attention and without an adapter, answer the questions that it is trained on.

The answers that have the right words are kept, in the model's own way of putting them; questions that it answers wrong, or at
too great length, are dropped, since a guess is nothing to learn from. All questions about all documents of a group are answered side by side: 32
documents with 8 questions each are 256 answers, one token each a step.
"""

import torch
from transformers import DynamicCache

from attention import DOCUMENT, PADDING, Asked, Whole, seeing


def branches_and_positions(rows, document_tokens, device):
    """Where the tokens of some branches stand, one branch after the other; `rows` are the branches' numbers of tokens."""
    branches = [number for number, tokens in enumerate(rows, 1) for _ in range(tokens)]
    positions = [document_tokens + place for tokens in rows for place in range(tokens)]
    return torch.tensor(branches, device=device), torch.tensor(positions, device=device)


class Answering:
    """A group of documents whose keys and values are there, and the tokens that follow in each branch."""

    def __init__(self, model, documents):
        self.model, self.device = model, model.device
        read = [self.read(document) for document in documents]
        longest = max(len(branches) for _, branches, _, _ in read)
        width = max(len(document.asked) for document in documents)
        fill = lambda tensor, size, value: torch.nn.functional.pad(tensor, (0, size - len(tensor)), value=value)
        self.branches = torch.stack([fill(branches, longest, PADDING) for _, branches, _, _ in read])
        self.positions = torch.stack([fill(positions, longest, 0) for _, _, positions, _ in read])
        self.next = torch.stack([fill(first, width, 0) for _, _, _, first in read])
        self.own = torch.stack([self.own_branches(document, width) for document in documents])
        self.place = torch.stack([fill(self.ends(document), width, 0) for document in documents])
        self.cache = self.joined([cache for cache, _, _, _ in read], longest)

    def own_branches(self, document, width):
        asked = len(document.asked)
        return torch.tensor([*range(1, asked + 1), *[PADDING] * (width - asked)], device=self.device)

    def ends(self, document):
        """Of each branch, where its answer begins."""
        return torch.tensor([len(document.ids) + len(one.ids) for one in document.asked], device=self.device)

    def read(self, document):
        """Keys and values of the document and its questions, where they stand, and each answer's first token."""
        cache, tokens = DynamicCache(), len(document.ids)
        row = lambda ids: torch.tensor([ids], device=self.device)
        places = torch.arange(tokens, device=self.device)[None]
        self.model.model(row(document.ids), seeing(Whole()), places, cache)
        rows = [len(one.ids) for one in document.asked]
        branches, positions = branches_and_positions(rows, tokens, self.device)
        all_branches = torch.cat([torch.full((tokens,), DOCUMENT, device=self.device), branches])
        all_positions = torch.cat([places[0], positions])
        sight = Asked(branches[None], positions[None], all_branches[None], all_positions[None])
        questions = row([token for one in document.asked for token in one.ids])
        hidden = self.model.model(questions, seeing(sight), positions[None], cache).last_hidden_state[0]
        last = torch.tensor(rows, device=self.device).cumsum(0) - 1
        return cache, all_branches, all_positions, self.likeliest(hidden[last])

    def likeliest(self, hidden):
        return self.model.lm_head(hidden).argmax(-1)

    @staticmethod
    def joined(caches, longest):
        """One cache with a row for each; each of `caches` is let go of layer by layer."""
        whole = DynamicCache()
        for layer in range(len(caches[0].layers)):
            def stacked(name):
                tensors = [getattr(cache.layers[layer], name) for cache in caches]
                return torch.cat([torch.nn.functional.pad(one, (0, 0, 0, longest - one.shape[2])) for one in tensors])

            whole.update(stacked("keys"), stacked("values"), layer)
            for cache in caches:
                cache.layers[layer].keys = cache.layers[layer].values = None
        return whole

    def step(self):
        """The tokens that follow `next`."""
        self.branches = torch.cat([self.branches, self.own], dim=1)
        self.positions = torch.cat([self.positions, self.place], dim=1)
        sight = Asked(self.own, self.place, self.branches, self.positions)
        hidden = self.model.model(self.next, seeing(sight), self.place, self.cache).last_hidden_state
        self.next, self.place = self.likeliest(hidden), self.place + 1


@torch.no_grad()
def answer(model, documents, end, most_tokens):
    """Fills in `answer_ids` of each question: up to `end`, or as many as `most_tokens` if it doesn't end before."""
    answering = Answering(model, documents)
    steps = [answering.next]
    is_over = (answering.next == end) | (answering.own == PADDING)
    while len(steps) < most_tokens and not is_over.all():
        answering.step()
        steps.append(answering.next)
        is_over |= answering.next == end
    written = torch.stack(steps, dim=-1).tolist()
    for document, rows in zip(documents, written):
        for one, ids in zip(document.asked, rows):
            one.answer_ids = ids[: ids.index(end) + 1] if end in ids else ids


def is_right(text, answers):
    plain = lambda words: " ".join(words.lower().split())
    return all(plain(answer) in plain(text) for answer in answers)


def is_kept(one, vocabulary):
    has_ended = one.answer_ids[-1] == vocabulary.message_end
    return has_ended and is_right(vocabulary.decode(one.answer_ids[:-1]), one.answers)


def keep_right(documents, vocabulary):
    """Drops the questions that were answered wrong; says how many of how many are left, by kind."""
    kept = {}
    for document in documents:
        right = [one for one in document.asked if is_kept(one, vocabulary)]
        before = kept.get(document.kind, (0, 0))
        kept[document.kind] = (before[0] + len(right), before[1] + len(document.asked))
        document.asked = right
    return kept
