r"""Reads a GGUF model's vocabulary, and lays out prompts as Lunette does, in the ids that llama.cpp gives them.

    <|im_start|>system\nYou are a careful reader. …<|im_end|>\n<|im_start|>user\n<document title="Notes">\n…    the document
    \n</document>\n\nWho holds parcel KD-4417?<|im_end|>\n<|im_start|>assistant\n                              a question

The two are tokenised apart: what was read must not depend on the question (src/engine/tokenized_prompt.rs).
"""

from dataclasses import dataclass

from gguf import GGUFReader
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

# The architecture of the default model. Others name or order their weights differently.
ARCHITECTURE = "qwen2"

# How llama.cpp splits text before it merges bytes, for tokenizer.ggml.pre = qwen2.
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# src/chat/system_prompt.rs.
READING = (
    "You are a careful reader. Answer each question about the document in one short sentence, unless more is asked for, "
    "using only what the document says."
)


def field(reader, key):
    """Fails if the file has no such key."""
    found = reader.get_field(key)
    if found is None:
        raise SystemExit(f"error: the model's file has no {key}")
    return found.contents()


def open_model(path):
    reader = GGUFReader(path)
    architecture = field(reader, "general.architecture")
    if architecture != ARCHITECTURE:
        raise SystemExit(f"error: {path} is of the architecture {architecture}; only {ARCHITECTURE} can be trained")
    return reader


@dataclass
class Vocabulary:
    """Text to the ids that llama.cpp gives it, and back."""

    tokenizer: Tokenizer
    ids: dict

    @classmethod
    def of(cls, reader):
        if field(reader, "tokenizer.ggml.pre") != "qwen2":
            raise SystemExit("error: the model's tokeniser is not qwen2's")
        ids = {text: number for number, text in enumerate(field(reader, "tokenizer.ggml.tokens"))}
        merges = [tuple(merge.split(" ", 1)) for merge in field(reader, "tokenizer.ggml.merges")]
        tokenizer = Tokenizer(models.BPE(vocab=ids, merges=merges))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(QWEN2_SPLIT), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        return cls(tokenizer, ids)

    def encode(self, text):
        return self.tokenizer.encode(text).ids

    def decode(self, ids):
        return self.tokenizer.decode(ids)

    @property
    def message_end(self):
        return self.ids["<|im_end|>"]

    def message(self, role, text):
        """The beginning of a message of ChatML."""
        return [self.ids["<|im_start|>"], *self.encode(f"{role}\n{text}")]

    def document(self, text, title):
        """What is read once for all questions: up to the end of the document, which has its tokens by itself."""
        system = [*self.message("system", READING), self.message_end, *self.encode("\n")]
        return [*system, *self.message("user", f'<document title="{title}">\n{text}')]

    def question(self, text):
        """From the document's end to where the answer begins."""
        asked = self.encode(f"\n</document>\n\n{text}")
        return [*asked, self.message_end, *self.encode("\n"), *self.message("assistant", "")]
