"""A chat model for the embedded stack: llama.cpp's server, in process, with small English weights.

`python -m chatbot.embedded.chat_model --port 20806`. It speaks OpenAI's protocol and knows
neither Django nor this product; any other server can stand in its place.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

from xllamacpp import (  # type: ignore[import-untyped]  # the wheel carries no types
    CommonParams,
    Server,
)

from chatbot.embedded import weights

ANSWERS_AT_ONCE = 2
CONTEXT_TOKENS = 2048
"""Of each answer: a prompt of about 400 tokens, the answer, and room to continue it."""
_BATCH_TOKENS = 64
"""Prompts are read in portions this small, so that other answers go on meanwhile."""
_CACHE_MEGABYTES = 128


def parameters(
    *, model: Path, port: int, threads: int, context_tokens: int, host: str = "127.0.0.1"
) -> CommonParams:
    """What the server is started with."""
    wanted = CommonParams()
    wanted.model.path = str(model)
    wanted.model_alias = {weights.NAME}
    wanted.hostnames = [host]
    wanted.port = port
    wanted.n_parallel = ANSWERS_AT_ONCE
    wanted.n_ctx = context_tokens * ANSWERS_AT_ONCE
    wanted.n_batch = wanted.n_ubatch = _BATCH_TOKENS
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = threads
    wanted.cache_ram_mib = _CACHE_MEGABYTES
    wanted.endpoint_metrics = True
    wanted.ui = False
    wanted.verbosity = 1
    return wanted


def spare_threads() -> int:
    """All cores but one: with all of them, its spinning threads starve on a busy machine."""
    return max(1, len(os.sched_getaffinity(0)) - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--model", type=Path, help="a GGUF file; else SmolLM2 of the wheel")
    parser.add_argument("--threads", type=int, default=spare_threads())
    parser.add_argument("--ctx", type=int, default=CONTEXT_TOKENS, help="tokens of each answer")
    wanted = parser.parse_args()
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    server = Server(
        parameters(
            model=wanted.model or weights.prepared(),
            host=wanted.host,
            port=wanted.port,
            threads=wanted.threads,
            context_tokens=wanted.ctx,
        )
    )
    sys.stdout.write(f"{weights.NAME} at {server.listening_address}\n")
    sys.stdout.flush()
    signal.sigwait(ends)
    # The server has no state worth an orderly end, and joins threads that may be in an answer.
    os._exit(0)


if __name__ == "__main__":
    main()
