/** Whether every database can hold a string: well-formed UTF-16 without U+0000. */
export function isStorableText(text: string): boolean {
  return text.isWellFormed() && text.indexOf("\0") < 0;
}
