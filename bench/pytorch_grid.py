#!/usr/bin/env python3
"""The layer x layer next-token grid of one Patchscope in PyTorch, as a careful user writes it: what `patchscopes bench` compares with.

usage: pytorch_grid.py MODEL.gguf SOURCE_PROMPT TARGET_PROMPT     pip install torch transformers gguf accelerate
The source runs once; the target prompt is repeated for each cell in batches of 64; one forward hook for each target layer
overwrites the last position. Prints one line of JSON: seconds of the grid, without loading, and the tokens on its diagonal.
"""
import json, os, sys, time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads would slow down whatever else runs
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

BATCH = 64
path, source_prompt, target_prompt = sys.argv[1:4]
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
    """[layers, hidden]: each block's output at the last position."""
    found = []
    hooks = [b.register_forward_hook(lambda _, __, out: found.append(states_of(out)[0, -1].clone())) for b in blocks]
    model(source, logits_to_keep=1)
    for hook in hooks:
        hook.remove()
    return torch.stack(found)


def overwrite(rows, vectors):
    def hook(_, __, output):
        states_of(output)[rows, -1] = vectors

    return hook


def grid():
    vectors = source_states()
    cells = [(layer, to) for layer in range(len(blocks)) for to in range(len(blocks))]
    top = []
    for start in range(0, len(cells), BATCH):
        batch = cells[start : start + BATCH]
        hooks = []
        for to in {cell[1] for cell in batch}:
            rows = [row for row, cell in enumerate(batch) if cell[1] == to]
            hooks.append(blocks[to].register_forward_hook(overwrite(rows, vectors[[batch[row][0] for row in rows]])))
        logits = model(target.expand(len(batch), -1), logits_to_keep=1).logits[:, -1]
        top += logits.topk(10).indices[:, 0].tolist()
        for hook in hooks:
            hook.remove()
    return top


model(target)  # the first run of a process is slower
begin = time.perf_counter()
top = grid()
seconds = time.perf_counter() - begin
print(json.dumps({"seconds": seconds, "diagonal": top[:: len(blocks) + 1], "torch": torch.__version__}))
