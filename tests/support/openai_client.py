"""Uses the `openai` package, unchanged, against a running `lunette serve`.

    python3 tests/support/openai_client.py http://127.0.0.1:8080/v1 KEY

The server has the document `book`, and a model that answers every question by `Yes, it.` Prints what it has checked.
"""

import sys

import openai

base_url, key = sys.argv[1:3]
client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0)
asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Is it?"}]
done = []


def check(name, is_so, got):
    assert is_so, f"{name}: {got}"
    done.append(name)


model = client.models.list().data[0].id
check("models", model == "scripted", model)

whole = client.chat.completions.create(model=model, messages=asked, seed=1, temperature=0)
choice = whole.choices[0]
check("chat", (choice.message.content, choice.finish_reason) == ("Yes, it.", "stop"), whole)
check("cached tokens", whole.usage.prompt_tokens_details.cached_tokens > 1000, whole.usage)
check("documents", whole.lunette["documents"] == ["book"], whole.lunette)

stream = client.chat.completions.create(
    model=model, messages=asked, stream=True, stream_options={"include_usage": True}, extra_body={"preset": "full"}
)
chunks = list(stream)
text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
check("stream", text == "Yes, it.", chunks)
check("usage of a stream", chunks[-1].usage.completion_tokens > 0 and not chunks[-1].choices, chunks[-1])
check("lunette of a stream", chunks[-2].lunette["preset"] == "full", chunks[-2])

with client.chat.completions.create(model=model, messages=asked, stream=True) as stream:
    next(iter(stream))
check("a stream that is left", True, None)

sliding = client.chat.completions.create(
    model=model, messages=asked, extra_body={"sliding_window_size": 512, "keep_first": 4, "force_fa_decode": True}
)
check("recipe", sliding.lunette["recipe"]["window"] == 512, sliding.lunette)

cut = client.chat.completions.create(model=model, messages=asked, max_tokens=3)
check("max_tokens", (cut.choices[0].message.content, cut.choices[0].finish_reason) == ("Yes", "length"), cut)
stopped = client.chat.completions.create(model=model, messages=asked, stop=[", "])
check("stop", stopped.choices[0].message.content == "Yes", stopped)

schema = {"name": "answer", "schema": {"enum": ["no"]}}
held = client.chat.completions.create(
    model=model, messages=asked, response_format={"type": "json_schema", "json_schema": schema}
)
check("json_schema", held.choices[0].message.content == '"no"', held)

bare = client.completions.create(model=model, prompt="Once upon\n")
check("completions", bare.choices[0].text == "Yes, it.", bare)
pieces = client.completions.create(model=model, prompt="Once upon\n", stream=True)
check("completions streamed", "".join(piece.choices[0].text for piece in pieces if piece.choices) == "Yes, it.", pieces)


def refused(name, kind, act):
    try:
        got = act()
    except kind as error:
        check(name, error.body and error.body["message"], error)
    else:
        raise AssertionError(f"{name}: {got}")


ask = client.chat.completions.create
refused("unknown preset", openai.BadRequestError, lambda: ask(model=model, messages=asked, extra_body={"preset": "fast"}))
refused("tools", openai.BadRequestError, lambda: ask(model=model, messages=asked, tools=[{"type": "function"}]))
refused("too long", openai.BadRequestError, lambda: ask(model=model, messages=[{"role": "user", "content": "x" * 140000}]))
stranger = openai.OpenAI(base_url=base_url, api_key="wrong", max_retries=0)
refused("wrong key", openai.AuthenticationError, stranger.models.list)

print(f"openai {openai.__version__}: {len(done)} checks passed: {', '.join(done)}")
