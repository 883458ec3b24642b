import { describe, expect, test } from "vitest";
import { modelWithoutTokenizer, wordModel, wordTokenizer } from "../../tests/support/word-model.ts";
import type { SpecIssue } from "../errors.ts";
import type { LayerRef, PositionRef, Prompt } from "../spec/spec.ts";
import { encodePrompt } from "./encode-prompt.ts";
import { resolveLayers, resolvePositions } from "./resolve.ts";

/** What a layer reference means in a model of 4 layers, or what is wrong with it. */
function layers(ref: LayerRef): unknown {
  const issues: SpecIssue[] = [];
  const resolved = resolveLayers(ref, { model: wordModel(), path: ["layer"], issues });
  return issues.length === 0 ? resolved : issues.map(line);
}

/** What a position reference means in a prompt, or what is wrong with it. */
function positions(ref: PositionRef, prompt: Prompt, model = wordModel()): unknown {
  const issues: SpecIssue[] = [];
  const at = { path: ["position"], issues };
  const encoded = encodePrompt(prompt, model, at);
  const resolved = resolvePositions(ref, { prompt: encoded, side: "source", ...at });
  return issues.length === 0 ? resolved : issues.map(line);
}

function line({ path, message }: SpecIssue): string {
  return `${path.join(".")}: ${message}`;
}

const find = (
  text: string,
  occurrence: "first" | "last" | number = "first",
  token: "first" | "last" = "last",
): PositionRef => ({ find: text, occurrence, token });

describe("Layers", () => {
  test.each<[LayerRef, unknown]>([
    [0, [0]],
    [-1, [3]],
    ["all", [0, 1, 2, 3]],
    ["embedding", ["embedding"]],
    [
      [3, "embedding", -4, 3],
      [3, "embedding", 0, 3],
    ],
    [{ from: 0, to: -1, step: 2 }, [0, 2]],
    [{ from: 2, to: 2, step: 1 }, [2]],
  ])("%j is %j", (ref, expected) => {
    expect(layers(ref)).toEqual(expected);
  });

  test("What does not exist is named, each with its place", () => {
    expect(layers([40, 1, -5])).toEqual([
      "layer.0: layer 40 does not exist: toy has layers 0 to 3",
      "layer.2: layer -5 does not exist: toy has layers 0 to 3",
    ]);
    expect(layers({ from: 0, to: 4, step: 1 })).toEqual([
      "layer.to: layer 4 does not exist: toy has layers 0 to 3",
    ]);
    expect(layers({ from: -1, to: 1, step: 1 })).toEqual([
      "layer: the range from layer 3 to layer 1 is empty",
    ]);
  });
});

describe("Positions", () => {
  const paris = { prompt: "Paris is in France and Paris is old" };

  test.each<[PositionRef, unknown]>([
    [0, [0]],
    [-1, [7]],
    [
      [2, -8, 2],
      [2, 0, 2],
    ],
    ["all", [0, 1, 2, 3, 4, 5, 6, 7]],
    [find("France"), [3]],
    [find("Paris"), [0]],
    [find("Paris", "last"), [5]],
    [find("Paris", 2), [5]],
    [find("is in France"), [3]],
    [find("is in France", "first", "first"), [1]],
    [find("ranc"), [3]],
    [find(" and"), [4]],
    [{ offset: 0 }, [0]],
    [{ offset: 14 }, [3]],
    [{ offset: -1 }, [7]],
    [
      { from: { offset: 6 }, to: { find: "France", occurrence: "first", token: "last" } },
      [1, 2, 3],
    ],
  ])("%j is %j", (ref, expected) => {
    expect(positions(ref, paris)).toEqual(expected);
  });

  test("A character that is several tokens is found at its first or last one", () => {
    const prompt = { prompt: "a 방 b" };
    expect(wordTokenizer().encode(prompt.prompt).tokens).toHaveLength(5);
    expect(positions(find("방", "first", "first"), prompt)).toEqual([2]);
    expect(positions(find("방"), prompt)).toEqual([3]);
    expect(positions(find("a 방"), prompt)).toEqual([3]);
    expect(positions({ offset: 2 }, prompt)).toEqual([3]);
  });

  test("Characters are counted as Python counts them, whatever they take in UTF-16", () => {
    const prompt = { prompt: "😀 is France" };
    const token = positions(find("France"), prompt);
    expect(positions({ offset: 5 }, prompt)).toEqual(token);
    expect(positions({ offset: -1 }, prompt)).toEqual(token);
    expect(positions({ offset: 0 }, prompt)).toEqual(positions(find("😀"), prompt));
  });

  test("A beginning-of-sequence token holds no text", () => {
    const model = wordModel(wordTokenizer({ bos: 0 }));
    expect(positions(find("Paris"), paris, model)).toEqual([1]);
    expect(positions({ offset: 0 }, paris, model)).toEqual([1]);
    expect(positions("all", paris, model)).toHaveLength(9);
  });

  test("In messages, the rendered text is searched", () => {
    const messages = [{ role: "user", content: "Where is Paris" }];
    expect(positions(find("Paris"), { messages })).toEqual([3]);
    expect(positions(find("<assistant>"), { messages })).toEqual([5]);
  });

  test("In token ids, the text of the tokens is searched where there is a tokenizer", () => {
    const model = wordModel();
    const tokens = model.tokenizer?.encode("in France we").tokens ?? [];
    expect(positions(find("France"), { tokens }, model)).toEqual([1]);
    expect(positions(find("France"), { tokens }, modelWithoutTokenizer())).toEqual([
      "position: finding a position by its text needs a tokenizer, and this model has none",
    ]);
    expect(positions({ offset: 3 }, { tokens }, modelWithoutTokenizer())).toEqual([
      "position: finding a position by its offset needs a tokenizer, and this model has none",
    ]);
  });

  test("What does not exist is named with what there is", () => {
    expect(positions([8, -9], paris)).toEqual([
      "position.0: position 8 does not exist: the source prompt has 8 tokens, positions 0 to 7",
      "position.1: position -9 does not exist: the source prompt has 8 tokens, positions 0 to 7",
    ]);
    expect(positions(find("Rome"), paris)).toEqual([
      'position: "Rome" does not occur in the source prompt: "Paris" " is" " in" " France" " and" " Paris" " is" " old"',
    ]);
    expect(positions(find("Paris", 3), paris)).toEqual([
      'position.occurrence: occurrence 3 of "Paris" does not exist: it occurs 2 times',
    ]);
    expect(positions([{ offset: 36 }, { offset: -36 }], paris)).toEqual([
      "position.0.offset: character 36 does not exist: the source prompt has 35",
      "position.1.offset: character -36 does not exist: the source prompt has 35",
    ]);
  });

  test("A text that no token holds is an issue", () => {
    const issues: SpecIssue[] = [];
    const offsets: [number, number][] = [
      [0, 1],
      [4, 5],
    ];
    const prompt = { tokens: [1, 2], pieces: ["a", "b"], written: { text: "a   b", offsets } };
    resolvePositions(find("  "), { prompt, side: "target", path: ["position"], issues });
    expect(issues.map(line)).toEqual([
      'position: no token holds "  ": the tokenizer leaves it out',
    ]);
  });
});

test("Prompts that give no run are issues", () => {
  expect(positions(0, { prompt: "" })).toEqual(["position: the prompt has no tokens"]);
  expect(positions(0, { prompt: "word ".repeat(65).trim() })).toEqual([
    "position: the prompt has 65 tokens; the model was made for at most 64",
  ]);
  expect(positions(0, { tokens: [1023, 1024] })).toEqual([
    "position.tokens.1: token 1024 does not exist: the vocabulary has tokens 0 to 1023",
  ]);
  expect(positions(0, { prompt: "Paris" }, modelWithoutTokenizer())).toEqual([
    "position.prompt: a prompt given as prompt needs a tokenizer, and this model has none",
  ]);
});
