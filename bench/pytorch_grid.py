#!/usr/bin/env python3
"""The next-token cells of one Patchscope in PyTorch, as a careful user writes them: what `patchscopes bench` compares with.

usage: pytorch_grid.py MODEL.gguf SOURCE_PROMPT TARGET_PROMPT grid|positions     pip install torch transformers gguf accelerate
grid: the last position, every layer into every layer. positions: every position and layer, into the same layer.
The source runs once; the target prompt is repeated for each cell in batches of 64; one forward hook for each target layer
overwrites the last position. Prints one line of JSON: seconds of the cells, without loading, and the likeliest token of each.
"""
import json, os, sys, time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads would slow down whatever else runs
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

BATCH = 64
path, source_prompt, target_prompt, kind = sys.argv[1:5]
logging.set_verbosity_error()
logging.disable_progress_bar()
torch.set_num_threads(os.cpu_count())
torch.set_grad_enabled(False)
folder, file = os.path.dirname(path) or ".", os.path.basename(path)
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
blocks = model.model.layers
source = tokenizer(source_prompt, return_tensors="pt").input_ids
target = tokenizer(target_prompt, return_tensors="pt").input_ids


def states_of(output):
    return output[0] if isinstance(output, tuple) else output


def source_states():
    """[layers, tokens, hidden]: each block's output."""
    found = []
    hooks = [b.register_forward_hook(lambda _, __, out: found.append(states_of(out)[0].clone())) for b in blocks]
    model(source, logits_to_keep=1)
    for hook in hooks:
        hook.remove()
    return torch.stack(found)


def overwrite(rows, vectors):
    def hook(_, __, output):
        states_of(output)[rows, -1] = vectors

    return hook


def cells():
    """(position, layer, target layer) of each cell; those of one target layer or one source layer stand together."""
    layers, last = range(len(blocks)), source.shape[1] - 1
    if kind == "grid":
        return [(last, layer, to) for layer in layers for to in layers]
    return [(position, layer, layer) for layer in layers for position in range(last + 1)]


def read():
    states = source_states()
    top = []
    for start in range(0, len(cells()), BATCH):
        batch = cells()[start : start + BATCH]
        hooks = []
        for to in {cell[2] for cell in batch}:
            rows = [row for row, cell in enumerate(batch) if cell[2] == to]
            vectors = torch.stack([states[batch[row][1], batch[row][0]] for row in rows])
            hooks.append(blocks[to].register_forward_hook(overwrite(rows, vectors)))
        logits = model(target.expand(len(batch), -1), logits_to_keep=1).logits[:, -1]
        top += logits.topk(10).indices[:, 0].tolist()
        for hook in hooks:
            hook.remove()
    return top


model(target)  # the first run of a process is slower
begin = time.perf_counter()
tokens = read()
seconds = time.perf_counter() - begin
print(json.dumps({"seconds": seconds, "tokens": tokens, "torch": torch.__version__}))
