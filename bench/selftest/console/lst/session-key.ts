/** Reads `LST_SESSION`: a decimal integer other than 0. Undefined when it is none. */
export function keyOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^[-+]?[0-9]+$/.test(text)) return undefined;
  const key = Number(text);
  return key !== 0 && Number.isSafeInteger(key) ? key : undefined;
}
