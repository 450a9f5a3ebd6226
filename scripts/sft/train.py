"""Trains an adapter for reading through a window, with a GGUF model as the base, and writes it as a GGUF adapter.

    python scripts/sft/train.py --model qwen2.5-coder-1.5b-instruct-q4_k_m.gguf --out window.gguf --minutes 5

Documents are made, answered by the model itself and learnt from, a group at a time, until the time or the documents are used up:
each is seen once. The document is read as a preset reads it (`fastest` unless the flags say something else), question and answer
with full attention. The loss is that of the answers alone. The learning rate falls to 0 with the share of the time or of the
documents that is used up.

Before and after, documents that are not trained on are weighed: nats per token of the answers, and the share of answers of
which each token was the likeliest one. docs/sft.md says what the records of `lunette eval` say.
"""

import argparse


def arguments():
    parser = argparse.ArgumentParser(description="Train an adapter for reading through a window.")
    parser.add_argument("--model", required=True, help="GGUF file of the base model")
    parser.add_argument("--out", required=True, help="the adapter's file; a log goes beside it")
    parser.add_argument("--minutes", type=float, default=60, help="end after so long, with what is learnt by then")
    parser.add_argument("--documents", type=int, default=2000, help="end after so many")
    parser.add_argument("--document-tokens", type=int, default=11 * 1024, help="a multiple of the window")
    parser.add_argument("--question-tokens", type=int, default=768, help="of all questions and answers about a document")
    parser.add_argument("--answer-tokens", type=int, default=64, help="most of an answer; longer ones are dropped")
    parser.add_argument("--questions", type=int, default=8, help="about each document")
    parser.add_argument("--window", type=int, default=1024)
    parser.add_argument("--sinks", type=int, default=100)
    parser.add_argument("--far", type=int, default=64)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--alpha", type=float, default=16)
    parser.add_argument("--rate", type=float, default=1e-4, help="learning rate")
    parser.add_argument("--keep", choices=["right", "all"], default="right", help="which of the model's answers to learn from")
    parser.add_argument("--group", type=int, default=32, help="documents that are answered side by side")
    parser.add_argument("--batch", type=int, default=2, help="documents of a step")
    parser.add_argument("--held-out", type=int, default=14, help="documents that are only weighed")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--processes", type=int, default=2, help="that make documents")
    parser.add_argument("--threads", type=int, default=4, help="of a run without a GPU")
    parser.add_argument("--checkpointing", choices=["on", "off", "auto"], default="auto", help="less memory, a third more work")
    settings = parser.parse_args()
    if settings.document_tokens % settings.window:
        parser.error(f"--document-tokens {settings.document_tokens} is no multiple of the window {settings.window}")
    return settings


if __name__ == "__main__":
    # Only here: the processes that make documents read this file, too, and need no PyTorch.
    from training import run

    run(arguments())
