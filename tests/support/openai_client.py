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

scored = client.chat.completions.create(model=model, messages=asked, logprobs=True, top_logprobs=3)
tokens = scored.choices[0].logprobs.content
check("logprobs", "".join(token.token for token in tokens) == "Yes, it.", scored)
check("top_logprobs", all(token.top_logprobs[0].logprob == token.logprob and len(token.top_logprobs) == 3 for token in tokens), scored)
stream = client.chat.completions.create(model=model, messages=asked, logprobs=True, stream=True)
pieces = [token.token for chunk in stream if chunk.choices and chunk.choices[0].logprobs for token in chunk.choices[0].logprobs.content]
check("logprobs of a stream", "".join(pieces) == "Yes, it.", pieces)
bare = client.completions.create(model=model, prompt="Once upon\n", logprobs=2)
check("logprobs of completions", "".join(bare.choices[0].logprobs.tokens) == "Yes, it.", bare)

POEM = b"A rose is a rose is a rose.\n"
file = client.files.create(file=("poems/rose.txt", POEM), purpose="user_data")
check("files.create", (file.filename, file.bytes, file.status) == ("rose.txt", len(POEM), "processed"), file)
check("what is found in a file", (file.lunette["kind"], file.lunette["words"]) == ("text", 8), file)
check("files.retrieve", client.files.retrieve(file.id) == file, file)
check("files.list", [listed.id for listed in client.files.list()] == [file.id], file)
check("files.content", client.files.content(file.id).read() == POEM, file)
check("files.wait_for_processing", client.files.wait_for_processing(file.id, max_wait_seconds=10).id == file.id, file)
about = client.chat.completions.create(model=model, messages=asked, extra_body={"documents": [file.id, "book"]})
check("a file beside a document", about.lunette["documents"] == ["book", file.id], about.lunette)
parts = [{"type": "text", "text": "Is it?"}, {"type": "file", "file": {"file_id": file.id}}]
about = client.chat.completions.create(model=model, messages=[{"role": "user", "content": parts}])
check("a file in a message", about.lunette["documents"] == [file.id], about.lunette)
check("files.delete", client.files.delete(file.id).deleted, file)


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
refused("a file that is gone", openai.NotFoundError, lambda: client.files.retrieve(file.id))
picture = ("a.gif", b"GIF89a\x01\x00\x01\x00")
refused("a picture", openai.BadRequestError, lambda: client.files.create(file=picture, purpose="user_data"))
refused("too long", openai.BadRequestError, lambda: ask(model=model, messages=[{"role": "user", "content": "x" * 140000}]))
stranger = openai.OpenAI(base_url=base_url, api_key="wrong", max_retries=0)
refused("wrong key", openai.AuthenticationError, stranger.models.list)

print(f"openai {openai.__version__}: {len(done)} checks passed: {', '.join(done)}")
