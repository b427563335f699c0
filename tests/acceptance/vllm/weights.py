"""A GGUF file as the folder that vLLM loads: `weights.py FILE FOLDER`. Runs in vLLM's environment.

Two words of SmolLM2's vocabulary that no chat has a use for become the marks around thoughts, for
vLLM's readers of reasoning look for words of theirs.
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

MARKS = {"<issue_start>": "<think>", "<issue_closed>": "</think>"}


def main(file: Path, folder: Path) -> None:
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    source = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    model = AutoModelForCausalLM.from_pretrained(
        **source, quantization_config=GgufConfig(dequantize=True)
    )
    model.to(torch.bfloat16).save_pretrained(unfinished)
    AutoTokenizer.from_pretrained(**source).save_pretrained(unfinished)
    vocabulary = unfinished / "tokenizer.json"
    text = vocabulary.read_text()
    for word, mark in MARKS.items():
        text = text.replace(word, mark)
    vocabulary.write_text(text)
    unfinished.rename(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
