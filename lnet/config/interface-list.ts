import { BracketError, bracketNumbers } from './bracket.ts';

/** Text that is no interface list. */
export class InterfaceListError extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'InterfaceListError';
  }
}

/**
 * The name in `eth0` or `eth0[0,1]`. The CPT set is checked and dropped: this node has one CPU partition, and a file of a
 * machine with more must load (lnetctl §4, IFLIST). Throws {@link InterfaceListError}.
 */
export function interfaceName(text: string): string {
  const open = text.indexOf('[');
  const name = (open < 0 ? text : text.slice(0, open)).trim();
  if (name === '' || /[\s,\]]/.test(name)) throw new InterfaceListError('bad interface list');
  if (open >= 0) checkCptSet(text.slice(open));
  return name;
}

/** Checks `[0,1]`, `[0-3]`, `0-3`. Throws {@link InterfaceListError}. */
export function checkCptSet(text: string): void {
  const match = /^\s*\[?([^[\]]*)\]?\s*$/.exec(text);
  try {
    bracketNumbers(match?.[1] ?? '');
  } catch (error) {
    if (error instanceof BracketError) throw new InterfaceListError(`Unable to parse CPT '${text}'`, { cause: error });
    throw error;
  }
}
