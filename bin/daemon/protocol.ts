import type { LnetErrorCode } from '../../lnet/error-code.ts';
import type { Tree, TreeMap } from '../print/tree.ts';

/**
 * The conversation on the control socket: lines of JSON in UTF-8. The daemon greets; the client sends requests, each with an
 * id of its choice; answers carry that id and may come in any order. docs/control-socket.md describes it for others.
 */

/** Grows with each change that an older program could not follow. */
export const CONTROL_VERSION = 1;

/** Longest line in either direction, bytes. Four times the longest configuration text. */
export const LINE_BYTES_MAX = 4_194_304;

/** Clients served at once. */
export const CLIENTS_MAX = 32;

/** Requests of one client under way at once. */
export const REQUESTS_MAX = 16;

/** First line of the daemon. */
export interface Greeting {
  readonly lnet: typeof CONTROL_VERSION;
  /** Process id of the daemon. */
  readonly pid: number;
  /** Name of its configuration. */
  readonly name: string;
}

export interface Request {
  readonly id: number;
  readonly op: string;
  readonly args: TreeMap;
}

/** Ends a request that is under way; it is answered with an error then. */
export interface Cancel {
  readonly cancel: number;
}

export type Reply =
  /** One of several parts of an answer. */
  | { readonly id: number; readonly item: Tree }
  | { readonly id: number; readonly result: Tree }
  /** Id -1: the line could not be read as a request. */
  | { readonly id: number; readonly error: Fault };

/** An error as it crosses the socket. */
export interface Fault {
  readonly code: LnetErrorCode;
  /** Negative. */
  readonly errno: number;
  readonly message: string;
  readonly hint?: string;
  /** Wording of an error report, where LNet has one: lnetctl §3. */
  readonly report?: FaultReport;
  /** `FILE:LINE:COLUMN`, for errors of a configuration. */
  readonly place?: string;
}

/** Outer key, item key and text of a report. */
export interface FaultReport {
  readonly action: string;
  readonly item: string;
  readonly description: string;
}

/** Reads a client's line. Undefined when it is neither a request nor a cancel. */
export function parseClientLine(line: string): Request | Cancel | undefined {
  const value = parseObject(line);
  if (!value) return undefined;
  const { id, op, args = {}, cancel } = value;
  if (isId(cancel) && Object.keys(value).length === 1) return { cancel };
  if (!isId(id) || typeof op !== 'string' || !isObject(args)) return undefined;
  const known = new Set(['id', 'op', 'args']);
  return Object.keys(value).every((key) => known.has(key)) ? { id, op, args: args as TreeMap } : undefined;
}

/** Reads a daemon's answer. Undefined when it is none. */
export function parseReply(line: string): Reply | undefined {
  const value = parseObject(line);
  if (!value || typeof value['id'] !== 'number') return undefined;
  return 'result' in value || 'item' in value || isObject(value['error']) ? (value as unknown as Reply) : undefined;
}

/** Reads the daemon's first line. Undefined when something else answers on that socket. */
export function parseGreeting(
  line: string,
): { readonly version: number; readonly pid: number; readonly name: string } | undefined {
  const value = parseObject(line);
  const { lnet: version, pid, name } = value ?? {};
  if (typeof version !== 'number' || typeof pid !== 'number' || typeof name !== 'string') return undefined;
  return { version, pid, name };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
