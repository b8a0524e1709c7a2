import type { BufferList } from './buffer-list.ts';
import type { PtlrpcBody } from './ptlrpc-body.ts';
import type { LustreMessage } from './message.ts';
import { viewOf } from '../../lnet/wire/layout.ts';

/** Which requests of an opcode have a variant: those whose buffer `buffer` begins with one of these numbers. */
export interface VariantRule {
  readonly buffer: number;
  readonly wordBytes: 4 | 8;
  readonly values: readonly number[];
}

/** One opcode, or one variant of an opcode whose requests differ in form. */
export interface RpcFormat<Q extends BufferList = BufferList, P extends BufferList = BufferList> {
  readonly opc: number;
  readonly name: string;
  /** Undefined for the only variant, and for the one that is left when no rule holds. */
  readonly variant: VariantRule | undefined;
  /** Request portal that kernel clients use; undefined for that of the import. */
  readonly portal: number | undefined;
  /** Other portals that it is seen on, where that is a rule. */
  readonly otherPortals: readonly number[];
  /** High half of the body's version. */
  readonly version: number;
  /** Where bulk of it goes. */
  readonly bulkPortal: number | undefined;
  /** It changes something, so its reply carries a transno. */
  readonly isModifying: boolean;
  readonly request: Q;
  readonly reply: P;
  /** What of the request, and of the reply, stands on one line: `rec.fid1`. */
  readonly gist: readonly string[];
  readonly replyGist: readonly string[];
}

/** What a table says of a format; the rest is defaults. */
export interface FormatSpec<Q extends BufferList, P extends BufferList> {
  readonly portal?: number;
  readonly otherPortals?: readonly number[];
  readonly bulkPortal?: number;
  readonly isModifying?: boolean;
  readonly variant?: VariantRule;
  readonly request?: Q;
  readonly reply?: P;
  readonly gist?: readonly string[];
  readonly replyGist?: readonly string[];
}

/** A direction with nothing but the body. */
export type NoBuffers = Readonly<Record<string, never>>;

/** Makes the function that declares the formats of one subsystem. */
export function formatsOf(version: number, portal: number | undefined) {
  return <const Q extends BufferList = NoBuffers, const P extends BufferList = NoBuffers>(
    opc: number,
    name: string,
    spec: FormatSpec<Q, P> = {},
  ): RpcFormat<Q, P> => ({
    opc,
    name,
    variant: spec.variant,
    portal: spec.portal ?? portal,
    otherPortals: spec.otherPortals ?? [],
    version,
    bulkPortal: spec.bulkPortal,
    isModifying: spec.isModifying ?? false,
    request: spec.request ?? ({} as Q),
    reply: spec.reply ?? ({} as P),
    gist: spec.gist ?? [],
    replyGist: spec.replyGist ?? [],
  });
}

/** Formats by opcode. */
export class FormatTable {
  readonly #byOpc = new Map<number, RpcFormat[]>();

  constructor(formats: readonly RpcFormat[]) {
    for (const format of formats) {
      const known = this.#byOpc.get(format.opc);
      if (known) known.push(format);
      else this.#byOpc.set(format.opc, [format]);
    }
  }

  /** The variants of an opcode; empty for one that nobody knows. */
  ofOpcode(opc: number): readonly RpcFormat[] {
    return this.#byOpc.get(opc) ?? [];
  }

  /** The format of a request: the variant whose rule it meets, else the one without rule. */
  ofRequest(message: LustreMessage, { opc }: Pick<PtlrpcBody, 'opc'>): RpcFormat | undefined {
    const variants = this.ofOpcode(opc);
    return (
      variants.find(({ variant }) => variant && meets(message, variant)) ?? variants.find(({ variant }) => !variant)
    );
  }

  /**
   * The format of a reply whose request was not seen: that of the opcode when it has one only. The variants of an opcode
   * differ in their replies, which do not tell which they are.
   */
  ofLoneReply({ opc }: Pick<PtlrpcBody, 'opc'>): RpcFormat | undefined {
    const variants = this.ofOpcode(opc);
    return variants.length === 1 ? variants[0] : undefined;
  }
}

function meets(message: LustreMessage, { buffer, wordBytes, values }: VariantRule): boolean {
  const bytes = message.buffer(buffer);
  if (bytes === undefined || bytes.length < wordBytes) return false;
  const view = viewOf(bytes);
  const value =
    wordBytes === 4 ? BigInt(view.getUint32(0, message.littleEndian)) : view.getBigUint64(0, message.littleEndian);
  return values.some((one) => BigInt(one) === value);
}
