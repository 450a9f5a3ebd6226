#!/bin/sh
# Exits with 0 if the Hugging Face hub, or the mirror that HF_ENDPOINT names, can be reached.
command -v curl >/dev/null 2>&1 || exit 1
exec curl --silent --head --max-time 10 --output /dev/null "${HF_ENDPOINT:-https://huggingface.co}"
