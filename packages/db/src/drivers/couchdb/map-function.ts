// The function by which the server makes the entries of an index out of documents: `encodeKey` once more, in the JavaScript of
// the server's engines (ES5, and DataView), since it runs there.

import type { Column } from "../../schema/table.js";

const helpers = `
  function complement(digits) {
    var result = "";
    for (var i = 0; i < digits.length; i++) result += 57 - digits.charCodeAt(i);
    return result;
  }
  function integer(value) {
    var digits = String(value);
    if (digits.charAt(0) !== "-") return String.fromCharCode(96 + digits.length) + digits;
    digits = digits.slice(1);
    return String.fromCharCode(90 - digits.length) + complement(digits);
  }
  function hex(word) {
    return ("0000000" + word.toString(16)).slice(-8);
  }
  function real(value) {
    var view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value === 0 ? 0 : value);
    var high = view.getUint32(0), low = view.getUint32(4);
    if (high >>> 31 === 1) return hex(~high >>> 0) + hex(~low >>> 0);
    return hex((high | 0x80000000) >>> 0) + hex(low);
  }
  function decimal(text) {
    var negative = text.charAt(0) === "-";
    var parts = (negative ? text.slice(1) : text).split(".");
    var whole = parts[0], fraction = parts[1] || "";
    var digits = (whole + fraction).replace(/^0+/, "");
    if (digits === "") return "1";
    var place = whole.length - (whole.length + fraction.length - digits.length) + 50;
    var body = (place < 10 ? "0" : "") + place + digits.replace(/0+$/, "");
    return negative ? "0" + complement(body) + "~" : "2" + body;
  }
  function text(value) {
    return value.replace(/[\\u0001\\u0002]/g, function (c) { return c === "\\u0001" ? "\\u0002\\u0002" : "\\u0002\\u0003"; });
  }
  function part(kind, value) {
    switch (kind) {
      case "text": return text(value) + "\\u0001";
      case "int": case "int64": case "time": return integer(value);
      case "real": return real(value);
      case "decimal": return decimal(value) + "\\u0001";
      case "bool": return value === true ? "1" : "0";
    }
  }`;

/**
 * The source of a function that emits the entry of a document, with its revision: the values of `columns`, then the row's key.
 * A row without a value in the first column has none.
 *
 * @param prefix  what the ids of the table's rows begin with
 */
export function mapFunction(table: string, prefix: string, columns: readonly Column[]): string {
  const parts = columns.map(({ name, kind, isKey }) => [name, kind, isKey]);
  return `function (doc) {
  var columns = ${asciiJson(parts)};
  if (doc.table !== ${asciiJson(table)} || !doc.row) return;${helpers}
  var entry = "";
  for (var i = 0; i < columns.length; i++) {
    var name = columns[i][0], isKey = columns[i][2];
    var value = Object.prototype.hasOwnProperty.call(doc.row, name) ? doc.row[name] : null;
    if (value === null && i === 0) return;
    entry += value === null ? "\\u0001" : (isKey ? "" : "\\u0002") + part(columns[i][1], value);
  }
  emit(entry + "\\u0000" + doc._id.slice(${prefix.length}), doc._rev);
}`;
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
