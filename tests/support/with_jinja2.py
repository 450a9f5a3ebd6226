"""Renders chat templates with Jinja2 as Hugging Face's transformers does, and compares.

Standard input: JSON, a list of {"name", "source", "messages", "bos", "eos", "ours"}; `ours` is null where rendering failed.
Standard output: a line for each text that differs, and the counts. Standard error: what Jinja2 alone refuses. Needs the package jinja2.
"""

import datetime
import json
import sys

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    """`{% generation %}` marks the text to train on, and renders what is in it."""

    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


def environment():
    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = raise_exception
    # The test's clock stands at 1970.
    made.globals["strftime_now"] = lambda form: datetime.datetime(1970, 1, 1).strftime(form)
    return made


def rendered(case):
    template = environment().from_string(case["source"])
    given = {"bos_token": case["bos"], "eos_token": case["eos"], "tools": None, "documents": None}
    return template.render(messages=case["messages"], add_generation_prompt=True, **given)


def main():
    equal = refused = lenient = 0
    for case in json.load(sys.stdin):
        why = None
        try:
            theirs = rendered(case)
        except Exception as error:
            theirs, why = None, error
        if theirs is None and case["ours"] is None:
            refused += 1
        elif theirs == case["ours"]:
            equal += 1
        elif theirs is None:
            # Templates for tools loop over them, though there are none.
            lenient += 1
            print(f"{case['name']}: Jinja2 refuses it: {why!r}", file=sys.stderr)
        else:
            print(f"{case['name']}: Jinja2 gives {theirs!r}, and we {case['ours']!r}")
    print(f"{equal} equal, {refused} refused by both, {lenient} by Jinja2 alone")


main()
