/** What a child program offers to the process that started it: named calls, answered once each. */
export type Served = Readonly<Record<string, (argument: never) => unknown>>;

/** A call on its way down, or its answer on the way up. */
export interface CallMessage {
  readonly id: number;
  readonly call: string;
  readonly argument: unknown;
}

export type AnswerMessage =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: string }
  | { readonly note: unknown };

/**
 * Answers the parent's calls until the parent goes away, which ends this process: no child outlives the harness. What a
 * call throws or rejects with is the caller's to know.
 */
export function serveParent(calls: Served): void {
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message: CallMessage) => {
    const { id, call, argument } = message;
    Promise.resolve()
      .then(() => {
        const handler = calls[call];
        if (!handler) throw new Error(`no such call: ${call}`);
        return handler(argument as never);
      })
      .then(
        (answer) => tellParent({ id, answer }),
        (error: unknown) => tellParent({ id, failure: error instanceof Error ? error.message : String(error) }),
      );
  });
}

/** Sends something unasked to the parent: progress. */
export function noteToParent(note: unknown): void {
  tellParent({ note });
}

function tellParent(message: AnswerMessage): void {
  if (process.connected) process.send?.(message);
}
