import type { ChildProcess } from 'node:child_process';
import type { AnswerMessage } from './served.ts';

/** How long a call may take unless told otherwise, ms. */
const CALL_MS = 30_000;

/** Most characters kept of what a program wrote to standard error. */
const STDERR_MAX = 4_096;

interface Pending {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** A Node process of ours that answers calls (`served.ts` is its side). */
export class Program {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #stderr = '';
  #isGone = false;

  constructor(child: ChildProcess, onNote?: (note: unknown) => void) {
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_MAX);
    });
    child.on('message', (message: AnswerMessage) => {
      if ('note' in message) onNote?.(message.note);
      else this.#answer(message);
    });
    child.on('error', (error) => this.#gone(error.message));
    child.on('close', (code, signal) => this.#gone(`ended with ${signal ?? `exit code ${code}`}`));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Calls a function of the program. Rejects when it fails there, takes too long, or the program ends. */
  call<T>(call: string, argument?: unknown, timeoutMs = CALL_MS): Promise<T> {
    if (this.#isGone) return Promise.reject(new Error(`${call}: the program is gone${this.#lastWords()}`));
    const id = ++this.#lastId;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new Error(`${call}: no answer within ${timeoutMs} ms${this.#lastWords()}`));
      }, timeoutMs);
      this.#pending.set(id, { resolve: (answer) => resolve(answer as T), reject, timer });
      this.#child.send({ id, call, argument }, (error) => error && this.#gone(error.message));
    });
  }

  #answer(message: Exclude<AnswerMessage, { note: unknown }>): void {
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    this.#pending.delete(message.id);
    clearTimeout(pending.timer);
    if ('failure' in message) pending.reject(new Error(message.failure));
    else pending.resolve(message.answer);
  }

  #gone(how: string): void {
    this.#isGone = true;
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(new Error(`the program ${how}${this.#lastWords()}`));
    }
    this.#pending.clear();
  }

  #lastWords(): string {
    const words = this.#stderr.trim();
    return words === '' ? '' : `; it said: ${words}`;
  }
}
