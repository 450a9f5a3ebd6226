"""What a token sees while an adapter is trained, and the attention that computes it.

A document is read once for many questions. They stand behind it side by side as *branches*: each sees the document and
itself, and begins at the position where the document ends.

    ids        d0 d1 d2 d3 (padding)   q0 q1 a0   q0 q1 q2 a0   (padding)
    branches   0  0  0  0   -1         1  1  1    2  2  2  2     -1
    positions  0  1  2  3    0         4  5  6    4  5  6  7      0

The document's tokens see sinks, window and far keys, as `weight` in src/swaa/mod.rs has it: with the window 1,024, 100 sinks
and 1 far key in 64, token 5000 sees 0 to 99, 3977 to 5000, and 160, 224, … 3936, whose logits are raised by ln 64. Questions
and answers see all that stands before them.

Tiles of `window` tokens are computed side by side, each with the keys that its tokens may see: its own and those of the tile
before it, the sinks and the far keys. For 11,264 tokens these are 2,324 keys in place of up to 11,264.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

DOCUMENT = 0
PADDING = -1
HIDDEN = -1e9


@dataclass(frozen=True)
class Recipe:
    """What a token of the document sees."""

    window: int
    sinks: int
    far: int


def visible(query_branch, query_position, key_branch, key_position):
    """Whether a question's or an answer's token sees a key."""
    own = ((key_branch == query_branch) | (key_branch == DOCUMENT)) & (key_branch != PADDING)
    return own & (key_position <= query_position)


def weight(query, key, recipe):
    """How many keys the key at a position of the document counts for, for the token at another; 0 if it is not seen."""
    near = (key < recipe.sinks) | (query - key < recipe.window)
    far = torch.zeros_like(near)
    if recipe.far:
        far = key % recipe.far == recipe.far // 2
    return torch.where(key > query, 0, torch.where(near, 1, torch.where(far, max(recipe.far, 1), 0)))


def logit_bias(counts):
    """The logarithm of how many keys a key counts for."""
    return torch.where(counts > 0, counts.clamp(min=1).float().log(), HIDDEN)


def masked(query, key, value, bias, scale):
    """Attention with `bias` (rows, queries, keys) added to the logits; heads share keys as the model has it."""
    rows, heads, tokens, size = query.shape
    key_heads = key.shape[1]
    group = heads // key_heads
    together = lambda tensor: tensor.unsqueeze(2).expand(-1, -1, group, -1, -1).reshape(rows * key_heads, group, -1, size)
    bias = bias.to(query.dtype)[:, None].expand(-1, key_heads, -1, -1).reshape(rows * key_heads, 1, tokens, -1)
    query = query.reshape(rows * key_heads, group, tokens, size)
    answer = F.scaled_dot_product_attention(query, together(key), together(value), attn_mask=bias, scale=scale)
    return answer.reshape(rows, heads, tokens, size)


def causal(query, key, value, scale):
    return F.scaled_dot_product_attention(query, key, value, is_causal=True, scale=scale, enable_gqa=True)


class Tiles:
    """The attention of `length` tokens of a document under a recipe; `length` is a multiple of the window."""

    def __init__(self, length, recipe, device):
        self.recipe, self.sinks = recipe, min(recipe.sinks, length)
        self.tiles = length // recipe.window
        far = torch.arange(recipe.far // 2, length, recipe.far, device=device) if recipe.far else None
        self.far = far if far is not None else torch.zeros(0, dtype=torch.long, device=device)
        queries = torch.arange(length, device=device).view(self.tiles, recipe.window)
        self.bias = torch.stack([self.bias_of(tile, queries[tile]) for tile in range(self.tiles)])

    def bias_of(self, tile, queries):
        """Each key once: a sink is not seen as a far key or in the window, a far key not in the window."""
        window = self.recipe.window
        near = torch.arange((tile - 1) * window, (tile + 1) * window, device=queries.device)
        sinks = torch.arange(self.sinks, device=queries.device)
        counts = lambda keys: weight(queries[:, None], keys[None], self.recipe)
        is_near = (queries[:, None] - near[None] < window) & (near[None] >= self.sinks)
        is_far = (queries[:, None] - self.far[None] >= window) & (self.far[None] >= self.sinks)
        parts = [counts(sinks), counts(near) * is_near, counts(self.far) * is_far]
        return logit_bias(torch.cat(parts, dim=1))

    def keys(self, tensor):
        """Of each tile, the sinks, the window before it and itself, and the far keys: (tiles, heads, keys, size)."""
        window = self.recipe.window
        near = F.pad(tensor, (0, 0, window, 0)).unfold(2, 2 * window, window).squeeze(0).permute(1, 0, 3, 2)
        shared = lambda part: part.expand(self.tiles, -1, -1, -1)
        return torch.cat([shared(tensor[:, :, : self.sinks]), near, shared(tensor[:, :, self.far])], dim=2)

    def attend(self, query, key, value, scale):
        heads, size = query.shape[1], query.shape[3]
        tiled = query.view(heads, self.tiles, self.recipe.window, size).transpose(0, 1)
        answer = masked(tiled, self.keys(key), self.keys(value), self.bias, scale)
        return answer.transpose(0, 1).reshape(1, heads, -1, size)


def self_check(device, dtype, recipe):
    """Tiles against all pairs of four windows' tokens, answer and gradients: how far apart they are, relative to their size."""
    tokens, scale = 4 * recipe.window, 64**-0.5
    torch.manual_seed(1)
    inputs = [torch.randn(1, heads, tokens, 64, device=device, dtype=dtype, requires_grad=True) for heads in (4, 2, 2)]
    upstream = torch.randn(1, 4, tokens, 64, device=device, dtype=dtype)
    places = torch.arange(tokens, device=device)

    def in_pairs(query, key, value):
        bias = logit_bias(weight(places[:, None], places[None], recipe))
        query, key, value = query.float(), key.float().repeat_interleave(2, 1), value.float().repeat_interleave(2, 1)
        return (query @ key.transpose(-1, -2) * scale + bias).softmax(-1) @ value

    def both(attention):
        answer = attention(*inputs)
        return [answer, *torch.autograd.grad((answer * upstream).sum(), inputs)]

    tiled = both(lambda query, key, value: Tiles(tokens, recipe, device).attend(query, key, value, scale))
    apart = [((ours - other).float().norm() / other.float().norm()).item() for ours, other in zip(tiled, both(in_pairs))]
    if max(apart) > (0.02 if dtype == torch.bfloat16 else 1e-4):
        raise SystemExit(f"error: the attention of tiles is not what it should be: {apart}")
    return [float(f"{one:.1e}") for one in apart]


class Whole:
    """Every token sees those before it: a document alone, under full attention."""

    def attend(self, query, key, value, scale):
        return causal(query, key, value, scale)


class Asked:
    """Tokens of questions and answers, (rows, tokens), among keys at these places, (rows, keys)."""

    def __init__(self, query_branches, query_positions, key_branches, key_positions):
        query = (query_branches[:, :, None], query_positions[:, :, None])
        seen = visible(*query, key_branches[:, None], key_positions[:, None])
        self.bias = torch.where(seen, 0.0, HIDDEN)

    def attend(self, query, key, value, scale):
        return masked(query, key, value, self.bias, scale)


class Reading:
    """A document's row: `document_tokens` under `tiles` (under full attention if that is `None`), then its branches."""

    def __init__(self, branches, positions, document_tokens, tiles):
        row = lambda places: places[None]
        behind = lambda places: places[None, document_tokens:]
        self.document_tokens, self.tiles = document_tokens, tiles
        self.asked = Asked(behind(branches), behind(positions), row(branches), row(positions))

    def attend(self, query, key, value, scale):
        document = [tensor[:, :, : self.document_tokens] for tensor in (query, key, value)]
        read = causal(*document, scale) if self.tiles is None else self.tiles.attend(*document, scale)
        return torch.cat([read, self.asked.attend(query[:, :, self.document_tokens :], key, value, scale)], dim=2)


def attend(_module, query, key, value, attention_mask, scaling, **_):
    """Attention as transformers calls it. In place of a mask it gets one of the classes above."""
    return attention_mask.attend(query, key, value, scaling).transpose(1, 2), None


def seeing(sight):
    """The argument of the model that makes it attend so."""
    return {"full_attention": sight}


ALL_ATTENTION_FUNCTIONS.register("lunette", attend)
