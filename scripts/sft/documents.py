"""Makes documents that no model knows, and questions about them with the words that a right answer has.

Seven kinds: a register of lines, settings in sections, a glossary, a programme, minutes with what people said, a log of things
that move, and a chronicle with facts between its sentences. All names are made of syllables.

    Parcel KD-4417 lies in Ostrevale, is held by Ilva Tamsoret, measures 37 hectares and grows barley.
    What grows on parcel KD-4417? (barley)

Nothing here is in the records that judge an adapter: neither their novel nor their keys, uuids, rooms or wording
(examples/recall). The same seed gives the same documents.
"""

import random
from dataclasses import dataclass

ONSETS = "b br d dr f g gl h j k kr l m n p pr r s st t th tr v w z".split()
VOWELS = "a e i o u a e i o ae ei".split()
CODAS = ["", "", "", "l", "n", "r", "s", "nd", "rt", "sk", "m", "th"]
PLACE_ENDINGS = ["vale", "mere", "wick", "holm", "stead", "ford", "hythe", "combe", "ness", "thorpe"]
CROPS = "barley flax hops turnips saffron lentils rye clover beetroot millet hemp chicory mustard buckwheat".split()
GOODS = "salt timber wool slate copperware cordage tallow glassware oats hides resin limestone pottery dyes".split()
TRADES = "cooper weaver surveyor glazier miller farrier bookbinder chandler mason tanner notary brewer".split()
WEATHERS = ["fog", "sleet", "a dry wind", "drizzle", "hard frost", "thunder", "still air", "hail"]
SHAPES = "round narrow striped folded hinged ribbed tapered notched two-handed woven".split()
USES = ["draining peat", "measuring grain", "mending nets", "sorting seeds", "cooling milk", "marking sheep", "drawing wire"]
CHANGES = ["was towed to", "put in at", "was sent on to", "lay over at", "was handed over at"]

HAYSTACK = [
    "In the {nth} year of the {trade}s' league, {weather} held the carts at {place} for {number} days.",
    "{person} wrote to the council of {place} that the price of {goods} had doubled since spring.",
    "Nobody in {place} could say who had paid for the {shape} gate beside the {trade}'s yard.",
    "A {trade} from {place} sold {number} bales of {goods} and went home without a word.",
    "After {weather}, the road between {place} and {place} was closed to wagons that carried {goods}.",
    "{person} kept {number} hives behind the mill, and the {trade} next door complained of them every autumn.",
    "The ferry took {goods} in the morning and {crop} in the evening, except when there was {weather}.",
    "It was {person} who proposed a tax on {crop}, and {person} who spoke against it until midnight.",
    "Of the {number} houses below the dyke, most belonged to families that had come from {place}.",
    "The bells of {place} were recast that winter, because {weather} had cracked the largest of them.",
    "Travellers praised the {crop} of {place}, though few of them had tasted any.",
    "{person}, a {trade}, taught three apprentices and quarrelled with two of them.",
    "When the inspectors counted the {goods}, they found {number} crates more than the books allowed.",
    "The older chronicles pass over that summer, and only a bill for {goods} tells that it was wet.",
]

# What a fact is about, the sentence that has it, and the question.
FACTS = [
    ("the harbour office of {place}", "The seal of {what} bears the figure {value}.", "Which figure does the seal of {what} bear?"),
    ("the school at {place}", "The cornerstone of {what} weighs {value} pounds.", "How many pounds does the cornerstone of {what} weigh?"),
    ("the bridge of {place}", "The toll book of {what} was kept by {value}.", "Who kept the toll book of {what}?"),
    ("the well of {place}", "The rope of {what} was bought from {value}.", "From whom was the rope of {what} bought?"),
    ("the hospice of {place}", "The charter of {what} is filed under {value}.", "Under what is the charter of {what} filed?"),
    ("the granary of {place}", "The key of {what} hangs in the house of {value}.", "In whose house does the key of {what} hang?"),
]


@dataclass
class Question:
    text: str
    # All of them are in a right answer.
    answers: list


@dataclass
class Document:
    kind: str
    text: str
    questions: list


class Names:
    """Names that are not given twice."""

    def __init__(self, rng):
        self.rng, self.given = rng, set()

    def unlike(self, make):
        while (name := make()) in self.given:
            pass
        self.given.add(name)
        return name

    def word(self, syllables):
        rng = self.rng
        return "".join(rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS) for _ in range(syllables))

    def person(self):
        return self.unlike(lambda: f"{self.word(1).title()}{self.rng.choice('aeio')} {self.word(2).title()}")

    def place(self):
        return self.unlike(lambda: self.word(1).title() + self.rng.choice("aeio") + self.rng.choice(PLACE_ENDINGS))

    def term(self):
        return self.unlike(lambda: self.word(3))

    def code(self):
        letters = "ABCDEFGHJKLMNPRSTVWXYZ"
        return self.unlike(lambda: f"{self.rng.choice(letters)}{self.rng.choice(letters)}-{self.rng.randrange(1000, 9999)}")


def some(rng, things, count):
    """`count` of them, spread over all."""
    shares = [(index * len(things) // count, (index + 1) * len(things) // count) for index in range(count)]
    return [things[rng.randrange(start, end)] for start, end in shares if end > start]


def register(rng, names, units, questions):
    """One line for each parcel of land."""
    parcels = [(names.code(), names.place(), names.person(), rng.randrange(11, 98), rng.choice(CROPS)) for _ in range(units)]
    lines = [
        f"Parcel {code} lies in {place}, is held by {holder}, measures {area} hectares and grows {crop}."
        for code, place, holder, area, crop in parcels
    ]

    def ask(parcel):
        code, place, holder, area, crop = parcel
        return rng.choice(
            [
                Question(f"Who holds parcel {code}?", [holder]),
                Question(f"What grows on parcel {code}, and where does it lie?", [crop, place]),
                Question(f"How many hectares does parcel {code} measure?", [str(area)]),
                Question(f"Which parcel is held by {holder}?", [code]),
            ]
        )

    return "Register of parcels\n\n" + "\n".join(lines) + "\n", [ask(parcel) for parcel in some(rng, parcels, questions)]


def settings(rng, names, units, questions):
    """A file of settings; a section has four."""
    sections, known = [], []
    for _ in range(units):
        section, keys = names.term(), [names.term() for _ in range(4)]
        values = [f"{rng.randrange(16**9):09x}", str(rng.randrange(100, 99999)), names.code().lower(), names.term()]
        rng.shuffle(values)
        known += [(section, key, value) for key, value in zip(keys, values)]
        sections.append(f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in zip(keys, values)))

    def ask(entry):
        section, key, value = entry
        return Question(f"What is {key} set to in the section {section}?", [value])

    return "\n".join(sections), [ask(entry) for entry in some(rng, known, questions)]


def glossary(rng, names, units, questions):
    """Tools that nobody has heard of."""
    terms = [(names.term(), rng.choice(SHAPES), rng.choice(USES), names.place()) for _ in range(units)]
    lines = [f"{term}: a {shape} tool for {use}, first made in {place}." for term, shape, use, place in terms]

    def ask(entry):
        term, _, use, place = entry
        return rng.choice(
            [
                Question(f"What is a {term} for?", [use]),
                Question(f"Where was the {term} first made?", [place]),
                Question(f"Which tool was first made in {place}?", [term]),
            ]
        )

    return "Old tools\n\n" + "\n".join(lines) + "\n", [ask(entry) for entry in some(rng, terms, questions)]


def programme(rng, names, units, questions):
    """Functions in Python, to be quoted."""
    functions = []
    for _ in range(units):
        name, first, second = names.term(), names.word(2), names.word(2)
        line = rng.choice(
            [
                f"return {first} * {rng.randrange(3, 99)} - {second}",
                f"{second} = {first}[{rng.randrange(2, 40)}:]",
                f'raise ValueError("{names.word(2)} {names.word(2)}")',
                f"assert {first} % {rng.randrange(3, 99)} != {second}",
            ]
        )
        functions.append((name, f"def {name}({first}, {second}={rng.randrange(500)}):", line))
    text = "\n\n".join(f"{head}\n    {line}\n    print({name!r})" for name, head, line in functions) + "\n"

    def ask(function):
        name, head, line = function
        return Question(f"Quote the head of the function {name} and the line below it, exactly as they stand.", [head, line])

    return text, [ask(function) for function in some(rng, functions, questions)]


def minutes(rng, names, units, questions):
    """Who said what about whom."""
    remarks = []
    for _ in range(units):
        speaker, place = names.person(), names.place()
        remark = rng.choice(
            [
                f"the {rng.choice(GOODS)} of {place} should be weighed twice",
                f"{place} owes the treasury {rng.randrange(200, 9000)} crowns",
                f"no {rng.choice(TRADES)} of {place} has been heard yet",
                f"the road to {place} needs {rng.randrange(12, 95)} new stones",
            ]
        )
        remarks.append((speaker, place, remark))
    outcomes = ["Agreed.", "Noted.", "There were objections.", "Deferred."]
    lines = [f"{speaker} said that {remark}. {rng.choice(outcomes)}" for speaker, _, remark in remarks]

    def ask(entry):
        speaker, place, remark = entry
        return rng.choice([Question(f"What did {speaker} say?", [remark]), Question(f"Who spoke about {place}?", [speaker])])

    return "Minutes\n\n" + "\n".join(lines) + "\n", [ask(entry) for entry in some(rng, remarks, questions)]


def log(rng, names, units, questions):
    """Barges that go from place to place among other sentences; asked for are the last place of one, and what it carried."""
    barges = [(names.term().title(), rng.choice(GOODS)) for _ in range(questions)]
    places = [names.place() for _ in range(12)]
    moves = [(barge, rng.choice(places)) for barge, _ in barges for _ in range(3)]
    rng.shuffle(moves)
    last = dict(moves)
    planted = [f"The barge {barge} {rng.choice(CHANGES)} {place}." for barge, place in moves]
    loads = [f"The barge {barge} was laden with {goods}." for barge, goods in barges]
    both = lambda barge, goods: rng.choice(
        [
            Question(f"At which place does the text last report the barge {barge}?", [last[barge]]),
            Question(f"What was the barge {barge} laden with?", [goods]),
        ]
    )
    return among_sentences(rng, names, units, planted, loads), [both(*barge) for barge in barges]


def chronicle(rng, names, units, questions):
    """Facts between sentences that have nothing to do with them, asked for one by one and by twos."""
    facts = []
    for about, sentence, question in (rng.choice(FACTS) for _ in range(questions + 2)):
        what = about.format(place=names.place())
        value = names.person() if "house" in sentence or "by" in sentence or "from" in sentence else names.code()
        value = str(rng.randrange(1000, 99999)) if "figure" in sentence or "pounds" in sentence else value
        facts.append((sentence.format(what=what, value=value), question.format(what=what), value))
    single = [Question(question, [value]) for _, question, value in facts]
    double = Question(f"{facts[-2][1]} And: {facts[-1][1]}", [facts[-2][2], facts[-1][2]])
    return among_sentences(rng, names, units, [fact for fact, _, _ in facts]), [*single[:-3], double]


def among_sentences(rng, names, units, *planted):
    """So many sentences, with the planted ones between them: those of a list in their order."""
    people, places = [names.person() for _ in range(12)], [names.place() for _ in range(12)]

    def sentence():
        text = rng.choice(HAYSTACK)
        drawn = {
            "nth": ["third", "ninth", "twelfth", "fortieth"], "trade": TRADES, "weather": WEATHERS, "place": places,
            "person": people, "goods": GOODS, "shape": SHAPES, "crop": CROPS, "number": range(4, 60),
        }
        for key, choices in drawn.items():
            while f"{{{key}}}" in text:
                text = text.replace(f"{{{key}}}", str(rng.choice(choices)), 1)
        return text[0].upper() + text[1:]

    sentences = [(index, 0, sentence()) for index in range(units)]
    for one in planted:
        at = sorted(rng.uniform(0, units) for _ in one)
        sentences += [(place, 1, text) for place, text in zip(at, one)]
    ordered = [text for _, _, text in sorted(sentences)]
    paragraphs = [" ".join(ordered[start : start + 5]) for start in range(0, len(ordered), 5)]
    return "\n\n".join(paragraphs) + "\n"


# Each kind with the tokens of a unit, more or less.
KINDS = [(register, 37), (settings, 76), (glossary, 29), (programme, 61), (minutes, 31), (log, 24), (chronicle, 24)]


def make(seed, number, most_tokens, questions, count_tokens):
    """The document with this number, of up to `most_tokens` and nearly as many; asked about by at most so many questions."""
    kind, unit_tokens = KINDS[number % len(KINDS)]
    units, best = max(most_tokens // unit_tokens, 1), None
    for _ in range(6):
        rng = random.Random(f"{seed} {number} {units}")
        text, asked = kind(rng, Names(rng), units, questions)
        tokens = count_tokens(text)
        if tokens <= most_tokens:
            best = Document(kind.__name__, text, asked)
        if best and tokens >= most_tokens * 0.95:
            return best
        units = max(units * most_tokens * 98 // 100 // tokens, 1)
    if best is None:
        raise SystemExit(f"error: no {kind.__name__} with {questions} questions has as few as {most_tokens} tokens")
    return best
