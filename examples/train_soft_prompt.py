#!/usr/bin/env python3
"""Trains a soft prompt for the future lens (Pal et al. 2023, arXiv 2311.04897): vectors in place of a prompt, behind which a state of
one layer, written over the last of them at the same layer, makes the model say the tokens that it would say next.

usage: train_soft_prompt.py MODEL.gguf LAYER OUT.safetensors      pip install torch transformers gguf accelerate safetensors
       npx patchscopes inspect "Marty McFly from Back to the" --preset future-lens --soft-prompt OUT.safetensors --layers LAYER

The model writes its own texts, so there is nothing to download. SmolLM2-135M takes a quarter of an hour on two cores.
"""
import argparse
import os
import random

import safetensors.torch
import torch
import transformers

STARTS = ["The", "In", "When", "A", "One day", "My", "I", "She", "He", "We", "After", "People", "During", "If you", "There", "Many"]
FIXED = "Hello! Could you please tell me more about "
TOKENS, HELD_OUT, BATCH = 48, 64, 32


def loaded(path):
    folder, file = os.path.split(os.path.abspath(path))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=file)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
    return tokenizer, model.requires_grad_(False)


@torch.no_grad()
def texts_of(tokenizer, model, count):
    """Sampled, one start after the other; each exactly TOKENS long."""
    texts = []
    while len(texts) < count:
        ids = tokenizer(STARTS[len(texts) % len(STARTS)], return_tensors="pt", add_special_tokens=False).input_ids
        rows = ids.repeat(16, 1)
        many = model.generate(rows, attention_mask=torch.ones_like(rows), max_new_tokens=TOKENS, min_new_tokens=TOKENS,
                              do_sample=True, top_k=0, pad_token_id=tokenizer.eos_token_id)
        texts += many[:, :TOKENS].tolist()
    return torch.tensor(texts[:count])


class Lens:
    """The model with a state written over one position of what it reads."""

    def __init__(self, model, layer):
        self.model, self.layer, self.patch = model, layer, None
        model.model.layers[layer].register_forward_hook(self.write)

    def write(self, module, inputs, output):
        if self.patch is None:
            return output
        states, at = self.patch
        hidden = (output[0] if isinstance(output, tuple) else output).clone()
        hidden[:, at] = states
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    @torch.no_grad()
    def states(self, texts):
        """[texts, tokens, hidden]"""
        return torch.cat([self.model(part, output_hidden_states=True).hidden_states[self.layer + 1] for part in texts.split(32)])

    def logits(self, prompt, states, following):
        """[rows, ahead, vocabulary]: of each token that follows, given those before it."""
        embedded = self.model.get_input_embeddings()(following[:, :-1])
        rows = torch.cat([prompt.expand(len(states), -1, -1), embedded], 1)
        self.patch = (states, len(prompt) - 1)
        logits = self.model(inputs_embeds=rows).logits[:, len(prompt) - 1:]
        self.patch = None
        return logits


def drawn(texts, states, places, ahead):
    following = torch.stack([texts[t, i + 1:i + 1 + ahead] for t, i in places])
    return torch.stack([states[t, i] for t, i in places]), following


@torch.no_grad()
def precision(lens, prompt, states, following):
    """Of each token ahead, how often the likeliest one is the text's."""
    found = torch.cat([lens.logits(prompt, s, f).argmax(-1) == f for s, f in zip(states.split(BATCH), following.split(BATCH))])
    return " ".join(f"{share:.2f}" for share in found.float().mean(0).tolist())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("layer", type=int)
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--texts", type=int, default=512)
    parser.add_argument("--vectors", type=int, default=10)
    parser.add_argument("--ahead", type=int, default=4)
    parser.add_argument("--rate", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    chance = random.Random(options.seed)

    tokenizer, model = loaded(options.model)
    texts = texts_of(tokenizer, model, options.texts)
    texts = texts[torch.randperm(len(texts))]
    lens = Lens(model, options.layer)
    states = lens.states(texts)
    embedding = model.get_input_embeddings().weight
    soft = torch.nn.Parameter(embedding[torch.randint(len(embedding), (options.vectors,))].clone())
    fixed = embedding[torch.tensor(tokenizer(FIXED, add_special_tokens=False).input_ids)]

    last = TOKENS - options.ahead - 1
    held = drawn(texts, states, [(t, i) for t in range(HELD_OUT) for i in range(8, last, 16)], options.ahead)
    print("precision@1 of the tokens ahead, held out; the fixed prompt:", precision(lens, fixed, *held), flush=True)
    optimiser = torch.optim.Adam([soft], lr=options.rate)
    for step in range(options.steps + 1):
        if step % 20 == 0:
            print(f"step {step}: {precision(lens, soft, *held)}", flush=True)
        places = [(chance.randrange(HELD_OUT, len(texts)), chance.randrange(4, last)) for _ in range(BATCH)]
        given, following = drawn(texts, states, places, options.ahead)
        loss = torch.nn.functional.cross_entropy(lens.logits(soft, given, following).flatten(0, 1), following.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    safetensors.torch.save_file({"soft_prompt": soft.detach().contiguous()}, options.out)


main()
