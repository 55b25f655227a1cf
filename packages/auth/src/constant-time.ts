type Characters = Pick<string, "length" | "charCodeAt">;

/**
 * Whether two texts are equal, in a time that depends on their lengths alone: every character is looked at, whatever came before it.
 */
export function equalTexts(a: Characters, b: Characters): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= a.charCodeAt(index) ^ b.charCodeAt(index);
  return difference === 0;
}
