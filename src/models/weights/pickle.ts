/**
 * Reads the part of Python's pickle format that PyTorch writes for dictionaries of tensors and plain values. Nothing is
 * looked up by name and nothing is called but what stands in this file: whatever else a pickle asks for is refused.
 * https://docs.python.org/3/library/pickletools.html
 */
import { modelUnreadable } from "../errors.ts";
import { PickleCursor } from "./pickle-cursor.ts";

/** A tensor as a pickle describes it: numbers of a storage, which is a file beside the pickle. */
export interface PickledTensor {
  readonly kind: "tensor";
  /** The storage's class, such as `FloatStorage`, and its file. */
  readonly storage: { readonly type: string; readonly key: string };
  /** In numbers. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export type PickleValue =
  string | number | boolean | null | PickledTensor | readonly PickleValue[] | PickleMap;
/** A dictionary; its keys are texts or whole numbers. */
export type PickleMap = ReadonlyMap<string | number, PickleValue>;

/** What stands on the stack while a pickle is read. */
type Item =
  | PickleValue
  | Item[]
  | Map<string | number, PickleValue>
  | { readonly kind: "mark" }
  | { readonly kind: "global"; readonly name: string }
  | { readonly kind: "storage"; readonly type: string; readonly key: string };

const REBUILD = "torch._utils _rebuild_tensor_v2";
const REBUILD_PARAMETER = "torch._utils _rebuild_parameter";
const DICTIONARY = "collections OrderedDict";
const STORAGE = /^torch (\w+Storage)$/u;

/** @throws `model-unreadable` for whatever is damaged, or holds more than dictionaries, lists, tensors and plain values */
export function readPickle(file: string, bytes: Uint8Array): PickleValue {
  const cursor = new PickleCursor(file, bytes);
  const reader = new PickleReader(file);
  for (;;) {
    const result = reader.step(cursor.byte(), cursor);
    if (result !== undefined) return result.value;
  }
}

class PickleReader {
  readonly #file: string;
  readonly #stack: Item[] = [];
  readonly #memo = new Map<number, Item>();

  constructor(file: string) {
    this.#file = file;
  }

  /** One operation; the value at the end. */
  step(code: number, cursor: PickleCursor): { readonly value: PickleValue } | undefined {
    const plain = plainValue(code, cursor);
    if (plain !== undefined) {
      this.#stack.push(plain);
      return undefined;
    }
    switch (code) {
      case 0x80: // PROTO
        cursor.byte();
        return undefined;
      case 0x2e: // STOP
        return { value: this.#value(this.#pop()) };
      case 0x28: // MARK
        this.#stack.push({ kind: "mark" });
        return undefined;
      case 0x71: // BINPUT
        this.#memo.set(cursor.byte(), this.#top());
        return undefined;
      case 0x72: // LONG_BINPUT
        this.#memo.set(cursor.uint32(), this.#top());
        return undefined;
      case 0x68: // BINGET
        this.#stack.push(this.#remembered(cursor.byte()));
        return undefined;
      case 0x6a: // LONG_BINGET
        this.#stack.push(this.#remembered(cursor.uint32()));
        return undefined;
      case 0x63: // GLOBAL
        this.#stack.push({ kind: "global", name: `${cursor.line()} ${cursor.line()}` });
        return undefined;
      default:
        this.#collect(code);
        return undefined;
    }
  }

  /** Operations that make one thing of some. */
  #collect(code: number): void {
    switch (code) {
      case 0x74: // TUPLE
        this.#stack.push(this.#sinceMark());
        return;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        this.#stack.push(this.#several(code - 0x84));
        return;
      case 0x61: // APPEND
        this.#extend([this.#pop()]);
        return;
      case 0x65: // APPENDS
        this.#extend(this.#sinceMark());
        return;
      case 0x73: // SETITEM
        this.#assign(this.#several(2));
        return;
      case 0x75: // SETITEMS
        this.#assign(this.#sinceMark());
        return;
      case 0x62: // BUILD: attributes of a dictionary, which say nothing of tensors
        this.#pop();
        if (this.#top() instanceof Map) return;
        throw this.#refused("an object of its own");
      case 0x51: // BINPERSID
        this.#stack.push(this.#storage(this.#pop()));
        return;
      case 0x52: // REDUCE
        this.#stack.push(this.#called(this.#several(2)));
        return;
      default:
        throw this.#refused(`operation ${code}`);
    }
  }

  #called([made, given]: readonly Item[]): Item {
    const name = isRecord(made) && made.kind === "global" ? made.name : "";
    const parts = Array.isArray(given) ? given : [];
    if (name === DICTIONARY && parts.length === 0) return new Map();
    if (name === REBUILD) return this.#tensor(parts);
    const [data] = parts;
    if (name === REBUILD_PARAMETER && isRecord(data) && data.kind === "tensor") return data;
    throw this.#refused(name === "" ? "a call" : name);
  }

  #tensor([storage, offset, shape, strides]: readonly Item[]): PickledTensor {
    if (
      isRecord(storage) &&
      storage.kind === "storage" &&
      isCount(offset) &&
      isCounts(shape) &&
      isCounts(strides)
    ) {
      const { type, key } = storage;
      return { kind: "tensor", storage: { type, key }, offset, shape, strides };
    }
    throw this.#refused("a tensor of another form");
  }

  #storage(item: Item): Item {
    const [what, made, key] = Array.isArray(item) ? item : [];
    const [, type] = STORAGE.exec(isRecord(made) && made.kind === "global" ? made.name : "") ?? [];
    if (what === "storage" && type !== undefined && typeof key === "string") {
      return { kind: "storage", type, key };
    }
    throw this.#refused("a reference of another form");
  }

  #assign(items: readonly Item[]): void {
    const into = this.#top();
    if (!(into instanceof Map)) throw this.#refused("an assignment to no dictionary");
    for (let i = 0; i + 1 < items.length; i += 2) {
      const [key, value] = [items[i], items[i + 1]];
      if (typeof key !== "string" && typeof key !== "number") throw this.#refused("a key");
      // Attributes of modules name their version with texts and numbers only; all else is checked.
      into.set(key, this.#value(value ?? null));
    }
  }

  #extend(items: readonly Item[]): void {
    const into = this.#top();
    if (!Array.isArray(into)) throw this.#refused("an addition to no list");
    into.push(...items);
  }

  /** What may be left over at the end. */
  #value(item: Item): PickleValue {
    if (Array.isArray(item)) return item.map((each: Item) => this.#value(each));
    if (isRecord(item) && item.kind !== "tensor") throw this.#refused(`a ${item.kind} as a value`);
    return item;
  }

  #sinceMark(): Item[] {
    const mark = this.#stack.findLastIndex((item) => isRecord(item) && item.kind === "mark");
    if (mark < 0) throw this.#damaged();
    return this.#stack.splice(mark).slice(1);
  }

  #several(count: number): Item[] {
    if (this.#stack.length < count) throw this.#damaged();
    return this.#stack.splice(-count);
  }

  #pop(): Item {
    const item = this.#stack.pop();
    if (item === undefined) throw this.#damaged();
    return item;
  }

  #top(): Item {
    const item = this.#stack.at(-1);
    if (item === undefined) throw this.#damaged();
    return item;
  }

  #remembered(index: number): Item {
    const item = this.#memo.get(index);
    if (item === undefined) throw this.#damaged();
    return item;
  }

  #damaged(): Error {
    return modelUnreadable({ file: this.#file, problem: "its pickle is damaged" });
  }

  #refused(what: string): Error {
    return modelUnreadable({
      file: this.#file,
      problem: `its pickle holds more than tensors and plain values: ${what}`,
      hint: "Only tensors are read, and no code is run. Save a dictionary of tensors.",
    });
  }
}

function plainValue(code: number, cursor: PickleCursor): Item | undefined {
  switch (code) {
    case 0x4e: // NONE
      return null;
    case 0x88: // NEWTRUE
      return true;
    case 0x89: // NEWFALSE
      return false;
    case 0x4b: // BININT1
      return cursor.byte();
    case 0x4d: // BININT2
      return cursor.uint16();
    case 0x4a: // BININT
      return cursor.int32();
    case 0x8a: // LONG1
      return cursor.long(cursor.byte());
    case 0x47: // BINFLOAT
      return cursor.float64();
    case 0x58: // BINUNICODE
      return cursor.text(cursor.uint32());
    case 0x7d: // EMPTY_DICT
      return new Map();
    case 0x5d: // EMPTY_LIST
    case 0x29: // EMPTY_TUPLE
      return [];
    default:
      return undefined;
  }
}

function isRecord(item: Item | undefined): item is Extract<Item, { readonly kind: string }> {
  return typeof item === "object" && item !== null && "kind" in item;
}

function isCount(item: Item | undefined): item is number {
  return typeof item === "number" && Number.isSafeInteger(item) && item >= 0;
}

function isCounts(item: Item | undefined): item is readonly number[] {
  return Array.isArray(item) && item.every((each: Item) => isCount(each));
}
