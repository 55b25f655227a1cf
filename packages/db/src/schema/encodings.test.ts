import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Codec, Value } from "./stored-value.js";
import { compileTables } from "./compile-table.js";
import { fitsDecimal, multiplyDecimal } from "./decimal.js";
import type { ColumnDefinition } from "./definition.js";
import { compileArrayDecoder, decoderOf, encoderOf } from "./encodings.js";
import type { Column, Kind } from "./table.js";
import { distinct } from "./value-checks.js";

const plain: Codec = {
  text: "text",
  int: "number",
  int64: "bigint",
  real: "number",
  decimal: "text",
  bool: "boolean",
  time: "number",
  json: "value",
  list: "value",
  blob: "bytes",
};

function columnOf(definition: ColumnDefinition): Column {
  return compileTables({ t: { id: { primary: 1 }, c: definition } })
    .get("t")!
    .byName.get("c")!;
}

const wellFormed = fc.string({ unit: "binary" });
const reals = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const json = fc
  .jsonValue({ stringUnit: "binary" })
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown)
  .filter((value) => value !== null);
const decimals = fc
  .tuple(fc.bigInt({ min: -(10n ** 33n), max: 10n ** 33n }), fc.integer({ min: 0, max: 30 }))
  .map(([units, places]) => multiplyDecimal(String(units), places === 0 ? "1" : `0.${"1".padStart(places, "0")}`))
  .filter(fitsDecimal);

/** Each kind with its encodings, and whether the stored form is told apart by its JavaScript type. */
const kinds: readonly {
  readonly kind: Kind;
  readonly definition: ColumnDefinition;
  readonly values: fc.Arbitrary<unknown>;
  readonly stored: Readonly<Record<string, string>>;
}[] = [
  { kind: "text", definition: {}, values: wellFormed, stored: { text: "string" } },
  { kind: "int", definition: { type: "int" }, values: fc.maxSafeInteger(), stored: { number: "number", text: "string" } },
  {
    kind: "int64",
    definition: { type: "int64" },
    values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    stored: { bigint: "bigint", text: "string" },
  },
  { kind: "real", definition: { type: "real" }, values: reals, stored: { number: "number", text: "string" } },
  { kind: "decimal", definition: { type: "decimal" }, values: decimals, stored: { text: "string", sortable: "string" } },
  { kind: "bool", definition: { type: "bool" }, values: fc.boolean(), stored: { boolean: "boolean", number: "number", letter: "boolean" } },
  { kind: "time", definition: { type: "date" }, values: fc.date({ noInvalidDate: true }), stored: { number: "number", text: "string" } },
  { kind: "json", definition: { type: "json" }, values: json, stored: { text: "string" } },
  { kind: "json", definition: { type: "json" }, values: json, stored: { value: "" } },
  { kind: "list", definition: { type: "list" }, values: fc.array(wellFormed), stored: { value: "object", text: "string" } },
  { kind: "list", definition: { type: "list", of: "real" }, values: fc.array(reals), stored: { value: "object", text: "string" } },
  { kind: "list", definition: { type: "set" }, values: fc.array(wellFormed).map(distinct), stored: { value: "object", text: "string" } },
  {
    kind: "list",
    definition: { type: "set", of: "int" },
    values: fc.array(fc.maxSafeInteger()).map(distinct),
    stored: { value: "object", text: "string" },
  },
  { kind: "blob", definition: { type: "blob" }, values: fc.uint8Array(), stored: { bytes: "object", base64: "string", hex: "object" } },
];

const cases = kinds.flatMap((each) => Object.entries(each.stored).map(([encoding, type]) => ({ ...each, encoding, type })));

describe.each(cases)("$kind ($definition.type) stored as $encoding", ({ kind, definition, values, encoding, type }) => {
  const codec = { ...plain, [kind]: encoding } as Codec;
  const column = columnOf(definition);
  const encode = encoderOf(column, codec);
  const decode = decoderOf(column, codec);
  const decodeArray = compileArrayDecoder([column], codec);

  it("comes back as it was, alone and in a row", () =>
    fc.assert(
      fc.property(values, (value) => {
        const stored = encode(value);
        if (type !== "") expect(typeof stored).toBe(type);
        expect(decode(stored)).toStrictEqual(value);
        expect(decodeArray([stored])).toStrictEqual([value]);
      }),
    ));

  it("keeps absence", () => {
    expect(encode(null)).toBeNull();
    expect(encode(undefined)).toBeNull();
    expect(decode(null)).toBeNull();
    expect(decode(undefined as unknown as Value)).toBeNull();
    expect(decodeArray([null])).toEqual([null]);
    expect(decodeArray([])).toEqual([null]);
  });

  it("gives a fresh value each time", () => {
    const [value] = fc.sample(values, { numRuns: 1, seed: 1 });
    if (typeof value !== "object" || value === null) return;
    const stored = encode(value);
    expect(decode(stored)).not.toBe(decode(stored));
    expect(decode(stored)).not.toBe(stored);
  });
});

describe("decoders take what clients of engines give", () => {
  const decode = (definition: ColumnDefinition, stored: unknown, codec: Partial<Codec> = {}): unknown =>
    decoderOf(columnOf(definition), { ...plain, ...codec })(stored as Value);

  it("numbers as text and as bigints", () => {
    expect(decode({ type: "int" }, "-5")).toBe(-5);
    expect(decode({ type: "int" }, 5n)).toBe(5);
    expect(decode({ type: "int64" }, "9223372036854775807")).toBe(2n ** 63n - 1n);
    expect(decode({ type: "int64" }, 5)).toBe(5n);
    expect(decode({ type: "real" }, "1e-7")).toBe(1e-7);
    expect(decode({ type: "date" }, "1000")).toEqual(new Date(1000));
    expect(decode({ type: "date" }, 1000n)).toEqual(new Date(1000));
  });

  it("decimals with needless zeros, and as numbers", () => {
    expect(decode({ type: "decimal" }, "1.500")).toBe("1.5");
    expect(decode({ type: "decimal" }, 1e-7)).toBe("0.0000001");
  });

  it.each([true, 1, 1n, "t", "true", "1"])("%s as true", (stored) =>
    expect(decode({ type: "bool" }, stored, { bool: "letter" })).toBe(true),
  );
  it.each([false, 0, 0n, "f", "false", "0"])("%s as false", (stored) =>
    expect(decode({ type: "bool" }, stored, { bool: "number" })).toBe(false),
  );

  it("sets without order, as sets, and numbers in them as text", () => {
    expect(decode({ type: "set" }, ["b", "a"])).toEqual(["a", "b"]);
    expect(decode({ type: "set", of: "int" }, new Set(["10", "9"]))).toEqual([9, 10]);
    expect(decode({ type: "list", of: "int" }, ["2", 1])).toEqual([2, 1]);
  });

  it("JSON that a client has parsed already", () => expect(decode({ type: "json" }, { a: 1 }, { json: "text" })).toEqual({ a: 1 }));

  it("bytes as buffers and as texts", () => {
    const pooled = Buffer.from("abc").subarray(1);
    const bytes = decode({ type: "blob" }, pooled) as Uint8Array;
    expect(Buffer.isBuffer(bytes)).toBe(false);
    expect(bytes).toEqual(new Uint8Array([98, 99]));
    expect(bytes.buffer.byteLength).toBe(2);
    expect(decode({ type: "blob" }, "\\x0aff", { blob: "hex" })).toEqual(new Uint8Array([10, 255]));
    expect(decode({ type: "blob" }, Buffer.from([1]), { blob: "base64" })).toEqual(new Uint8Array([1]));
  });
});
