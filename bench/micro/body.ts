/** A thing to repeat. The value it gives is used up by the caller, so that the compiler cannot drop the work. */
export type Body = () => unknown;

/** Bodies by name, each made when it is about to be measured. */
export type Bodies = Readonly<Record<string, () => Body>>;
