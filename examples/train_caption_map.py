#!/usr/bin/env python3
"""Trains one linear map from an image encoder's vectors into a frozen language model, so that it says what the image shows (Merullo et al.
2022, "Linearly mapping from image to text space", arXiv 2209.15162).

usage: train_caption_map.py MODEL.gguf VECTORS.safetensors CAPTIONS.txt OUT.safetensors    pip install torch transformers gguf accelerate safetensors
       npx patchscopes inspect --vectors NEW.safetensors --item 0 --preset caption --map OUT.safetensors

VECTORS has one tensor, [images, width], or [images, vectors, width] for several of an image, all through the same map; CAPTIONS a line for each
image, such as "a picture of a red apple". The model reads the target prompt of the preset with the mapped vectors in their places, and the
caption is to be likely behind it. 1,600 images and SmolLM2-135M take ten minutes on a core to be worth a look, and are not at their best then.
"""
import argparse
import collections
import os
import time

import safetensors.torch
import torch
import transformers

PROMPT, PLACE = "Image: x\nA picture of", " x"
BATCH, WARM_UP = 8, 20


def loaded(path):
    folder, file = os.path.split(os.path.abspath(path))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=file)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
    return tokenizer, model.requires_grad_(False)


def ending(caption):
    """What of a caption the prompt does not say already: "a picture of a red apple" -> " a red apple." """
    said = next((n for n in range(len(caption), 0, -1) if PROMPT.lower().endswith(caption[:n].lower())), 0)
    return " " + caption[said:].strip() + "."


class Captioner:
    """The model behind the prompt, with vectors in its places."""

    def __init__(self, tokenizer, model, vectors):
        self.model, self.embed = model, model.get_input_embeddings()
        self.ids = torch.tensor(tokenizer(PROMPT.replace(PLACE, PLACE * vectors)).input_ids)
        place, = tokenizer(PLACE, add_special_tokens=False).input_ids
        self.places = (self.ids == place).nonzero()[:, 0]
        assert len(self.places) == vectors

    def loss(self, vectors, captions):
        """vectors [batch, places, hidden] and captions as lists of ids -> their mean cross entropy"""
        ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(c) for c in captions], batch_first=True, padding_value=-100)
        read = torch.cat([self.ids.expand(len(ids), -1), ids[:, :-1].clamp(min=0)], 1)
        states = self.embed(read).clone()
        states[:, self.places] = vectors
        logits = self.model(inputs_embeds=states, use_cache=False, logits_to_keep=ids.shape[1]).logits
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids.flatten())


class CaptionMap:
    """W S (x - mean) + b, where S whitens by halves, so that what all images share does not drown what tells them apart: (C + 1)^(-1/2) / D, with
    the deviations D and the correlations C. It starts as the ridge regression onto the mean embedding of the caption's words."""

    def __init__(self, x, captions, embedding):
        flat = x.flatten(0, 1)
        self.mean, scale = flat.mean(0), flat.std(0).clamp(min=1e-3 * flat.std())
        values, axes = torch.linalg.eigh(((flat - self.mean) / scale).T.cov())
        self.whiten = (axes * (values + 1).rsqrt()) @ axes.T / scale
        count = collections.Counter(t for c in captions for t in set(c))
        # Words of a fifth of all captions, such as "a" and ".", tell nothing.
        words = torch.stack([embedding[[t for t in c if 5 * count[t] < len(captions)] or c].mean(0) for c in captions])
        z = ((x - self.mean) @ self.whiten.T).mean(1)
        self.weight = ((words - words.mean(0)).T @ z / len(z)).requires_grad_()
        self.bias = words.mean(0).clone().requires_grad_()

    def __call__(self, x):
        return (x - self.mean) @ self.whiten.T @ self.weight.T + self.bias

    @torch.no_grad()
    def affine(self):
        """As one affine map of x, the state dict of an nn.Linear."""
        weight = (self.weight @ self.whiten).contiguous()
        return {"weight": weight, "bias": self.bias - weight @ self.mean}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model"), p.add_argument("vectors"), p.add_argument("captions"), p.add_argument("out")
    p.add_argument("--minutes", type=float, default=10)
    p.add_argument("--lr", type=float, default=7e-5)
    p.add_argument("--held-out", type=int, default=64, help="images that the loss is measured on")
    a = p.parse_args()
    torch.manual_seed(0)
    x = next(iter(safetensors.torch.load_file(a.vectors).values())).float()
    x = x[:, None] if x.ndim == 2 else x
    tokenizer, model = loaded(a.model)
    net = Captioner(tokenizer, model, x.shape[1])
    with open(a.captions, encoding="utf-8") as f:
        captions = [tokenizer(ending(line.strip()), add_special_tokens=False).input_ids for line in f if line.strip()]
    assert len(captions) == len(x), f"{len(captions)} captions for {len(x)} images"
    order = torch.randperm(len(x)).tolist()
    held_out, train = order[:a.held_out], order[a.held_out:]
    to = CaptionMap(x[train], [captions[i] for i in train], net.embed.weight)
    measured = lambda: net.loss(to(x[held_out]), [captions[i] for i in held_out])
    optimizer = torch.optim.Adam([to.weight, to.bias], betas=(0.9, 0.98))
    begin, step, losses, queue = time.time(), 0, [], []
    with torch.no_grad():
        print(f"step 0: held out {measured():.3f}", flush=True)
    while (left := 1 - (time.time() - begin) / (60 * a.minutes)) > 0:
        if not queue:  # captions of about the same length, in random order
            rows = sorted((train[i] for i in torch.randperm(len(train))), key=lambda i: len(captions[i]))
            queue = [rows[i:i + BATCH] for i in range(0, len(rows), BATCH)]
            queue = [queue[i] for i in torch.randperm(len(queue))]
        for group in optimizer.param_groups:
            group["lr"] = a.lr * min(1, (step + 1) / WARM_UP, 2 * left)
        rows = queue.pop()
        loss = net.loss(to(x[rows]), [captions[i] for i in rows])
        optimizer.zero_grad(), loss.backward(), optimizer.step()
        step, losses = step + 1, [*losses[-49:], loss.item()]
        if step % 50 == 0:
            print(f"step {step}: {sum(losses) / len(losses):.3f}", flush=True)
    with torch.no_grad():
        print(f"step {step}: held out {measured():.3f}")
    safetensors.torch.save_file(to.affine(), a.out)


if __name__ == "__main__":
    main()
