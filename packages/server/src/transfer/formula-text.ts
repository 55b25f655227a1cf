// Spreadsheets take a cell that begins with = + - @ for a formula, which may send what else is in the sheet elsewhere. In CSV such
// texts get an apostrophe in front, which spreadsheets hide and the import takes away again.

const startsFormula = /^'*[=+\-@\t\r＝＋－＠]/;
const isNumber = /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The text of a cell that no spreadsheet takes for a formula. Numbers stay as they are. */
export function defuse(text: string): string {
  return startsFormula.test(text) && !isNumber.test(text) ? `'${text}` : text;
}

/** Takes back what `defuse` did. */
export function undefuse(text: string): string {
  return text.startsWith("'") && startsFormula.test(text) ? text.slice(1) : text;
}
