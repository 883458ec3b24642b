#!/usr/bin/env python3
"""What PyTorch takes for the same work, as a careful user writes it: what `patchscopes bench` compares with.

usage: pytorch_sweep.py MODEL.gguf     pip install torch transformers gguf accelerate
Says {"torch": …} when the model is loaded. Then each line of standard input is run at once and answered with one line, {"seconds": s, …}.

{"kind": "cells", "cells": "grid"|"positions", "source": S, "target": T, "way": "batched"|"sequential", "dtype": "float32"|"bfloat16",
 "newTokens": n, "every": k}
  grid: the last position, every layer into every layer. positions: every position and layer, into the same layer.
  batched: the source runs once; the target prompt is repeated for each cell in batches of 64; one forward hook for each target layer
  overwrites the last position. sequential: as the paper's released code does it, the source prompt and the whole target prompt again for
  each cell; every k-th cell is run, and the seconds are those of all cells.
  newTokens 0: the next token. Answers the tokens of each cell that was run. No token ends a text.
  With "only": [cell, …] these are run, and "gaps" are answered, too: how much larger the likeliest token's logit is than the next one's.
{"kind": "prefill"|"decode", "rows": [[token, …], …], "steps": n}
  Answers the last row's tokens. Decoding is timed without its prefill.
"""
import json, os, sys, time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads would slow down whatever else runs
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

BATCH = 64
path = sys.argv[1]
logging.set_verbosity_error()
logging.disable_progress_bar()
torch.set_num_threads(os.cpu_count())
torch.set_grad_enabled(False)
folder, file = os.path.dirname(path) or ".", os.path.basename(path)
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
models = {}


def model_of(dtype):
    if dtype not in models:
        models[dtype] = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=getattr(torch, dtype)).eval()
        models[dtype].generation_config.eos_token_id = None
        models[dtype](torch.tensor([[1, 2, 3]]))  # the first run is slower
    return models[dtype]


def states_of(output):
    return output[0] if isinstance(output, tuple) else output


def source_states(model, source):
    """[layers, tokens, hidden]: each block's output."""
    found = []
    blocks = model.model.layers
    hooks = [b.register_forward_hook(lambda _, __, out: found.append(states_of(out)[0].clone())) for b in blocks]
    model(source, logits_to_keep=1)
    for hook in hooks:
        hook.remove()
    return torch.stack(found)


def overwrite(rows, vectors):
    def hook(_, __, output):
        if states_of(output).shape[1] > 1:  # the prompt; what is generated comes one token at a time
            states_of(output)[rows, -1] = vectors

    return hook


def finish(model, ids, new_tokens):
    """The next token of each row, or what it goes on with."""
    if new_tokens == 0:
        return model(ids, logits_to_keep=1).logits[:, -1].topk(10).indices[:, :1].tolist()
    mask = torch.ones_like(ids)
    return model.generate(ids, attention_mask=mask, **greedy(new_tokens))[:, ids.shape[1] :].tolist()


def greedy(new_tokens):
    return dict(max_new_tokens=new_tokens, do_sample=False, pad_token_id=0)


def gaps(model, ids, new_tokens):
    """How sure each step of each row is."""
    if new_tokens == 0:
        steps = [model(ids, logits_to_keep=1).logits[:, -1]]
    else:
        kept = dict(output_logits=True, return_dict_in_generate=True)
        steps = model.generate(ids, attention_mask=torch.ones_like(ids), **greedy(new_tokens), **kept).logits
    best = torch.stack([step.topk(2).values for step in steps], dim=1)
    return (best[..., 0] - best[..., 1]).tolist()


def cells_of(work, layers, last):
    """(position, layer, target layer); those of one target layer or one source layer stand together."""
    if work["cells"] == "grid":
        return [(last, layer, to) for layer in range(layers) for to in range(layers)]
    return [(position, layer, layer) for layer in range(layers) for position in range(last + 1)]


def batched(model, source, target, cells, new_tokens, read=finish):
    states = source_states(model, source)
    tokens = []
    for start in range(0, len(cells), BATCH):
        batch = cells[start : start + BATCH]
        hooks = []
        for to in {cell[2] for cell in batch}:
            rows = [row for row, cell in enumerate(batch) if cell[2] == to]
            vectors = torch.stack([states[batch[row][1], batch[row][0]] for row in rows])
            hooks.append(model.model.layers[to].register_forward_hook(overwrite(rows, vectors)))
        tokens += read(model, target.expand(len(batch), -1), new_tokens)
        for hook in hooks:
            hook.remove()
    return tokens


def sequential(model, source, target, cells, new_tokens):
    tokens = []
    for position, layer, to in cells:
        vector = source_states(model, source)[layer, position]
        hook = model.model.layers[to].register_forward_hook(overwrite([0], vector))
        tokens += finish(model, target, new_tokens)
        hook.remove()
    return tokens


def run_cells(work):
    model = model_of(work["dtype"])
    source, target = (tokenizer(work[name], return_tensors="pt").input_ids for name in ("source", "target"))
    cells = cells_of(work, len(model.model.layers), source.shape[1] - 1)
    if "only" in work:
        return {"seconds": 0, "tokens": [], "gaps": batched(model, source, target, [cells[at] for at in work["only"]], work["newTokens"], gaps)}
    run = cells[:: work["every"]]
    begin = time.perf_counter()
    tokens = (batched if work["way"] == "batched" else sequential)(model, source, target, run, work["newTokens"])
    return {"seconds": (time.perf_counter() - begin) * len(cells) / len(run), "tokens": tokens}


def run_throughput(work):
    model = model_of("float32")
    rows = torch.tensor(work["rows"])
    begin = time.perf_counter()
    out = model(rows, use_cache=work["kind"] == "decode", logits_to_keep=1)
    top = out.logits[:, -1].argmax(-1)
    tokens = [int(top[-1])]
    if work["kind"] == "decode":
        begin = time.perf_counter()
        for _ in range(work["steps"]):
            out = model(top[:, None], past_key_values=out.past_key_values, use_cache=True, logits_to_keep=1)
            top = out.logits[:, -1].argmax(-1)
            tokens.append(int(top[-1]))
    return {"seconds": time.perf_counter() - begin, "tokens": tokens}


model_of("float32")
print(json.dumps({"torch": torch.__version__}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    answer = run_cells(request) if request["kind"] == "cells" else run_throughput(request)
    print(json.dumps(answer), flush=True)
