"""Makes documents with their questions as token ids, ahead of their use, in processes of their own.

A document of 11,000 tokens takes 0.06 s of a Xeon's core: two seconds for a group of 32, in which a GPU would wait.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import documents
from vocabulary import Vocabulary, open_model

TITLE = "Notes"


@dataclass
class Asked:
    # From the document's end to where the answer begins.
    ids: list
    # What a right answer has.
    answers: list
    # The model's own answer with what ends it, once it is known.
    answer_ids: list = field(default_factory=list)


@dataclass
class AskedDocument:
    kind: str
    ids: list
    asked: list


def prepare(path):
    """Of one process."""
    global vocabulary
    vocabulary = Vocabulary.of(open_model(path))


def asked_document(seed, number, most_tokens, questions):
    around = len(vocabulary.document("", TITLE))
    count = lambda text: len(vocabulary.encode(text))
    made = documents.make(seed, number, most_tokens - around - 1, questions, count)
    asked = [Asked(vocabulary.question(question.text), question.answers) for question in made.questions]
    return AskedDocument(made.kind, vocabulary.document(made.text, TITLE), asked)


class Readings:
    """Documents by number, so many of them made ahead. Making them begins at once."""

    def __init__(self, path, seed, most_tokens, questions, processes, ahead):
        context = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(processes, mp_context=context, initializer=prepare, initargs=(path,))
        self.settings, self.ahead, self.futures, self.next = (seed, most_tokens, questions), ahead, [], 0
        self.take(0)

    def take(self, count):
        """The next documents."""
        seed, most_tokens, questions = self.settings
        while len(self.futures) < count + self.ahead:
            self.futures.append(self.pool.submit(asked_document, seed, self.next, most_tokens, questions))
            self.next += 1
        taken, self.futures = self.futures[:count], self.futures[count:]
        return [future.result() for future in taken]

    def close(self):
        self.pool.shutdown(wait=False, cancel_futures=True)
