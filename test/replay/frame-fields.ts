/**
 * A second, independent reading of socklnd and LNet frames: it shares no code with the product, so that the two must agree.
 * A frame is a list of named fields at byte offsets; the player rewrites NIDs in it and compares two frames field by field.
 */
import type { FrameKind } from './capture.ts';

export type FieldKind = 'u32' | 'u64' | 'nid4' | 'nid16' | 'bytes';

/** Where a field of a frame lies. `head` and `payload` are counted separately. */
export interface Field {
  readonly name: string;
  readonly part: 'head' | 'payload';
  readonly at: number;
  readonly size: number;
  readonly kind: FieldKind;
}

/** A frame apart from its transport: what is compared and rewritten. */
export interface Frame {
  readonly kind: FrameKind;
  readonly head: Buffer;
  readonly payload: Buffer;
}

const SIZES = { u32: 4, u64: 8, nid4: 8, nid16: 20 } as const;

type Shape = readonly (readonly [name: string, kind: keyof typeof SIZES | number])[];

export const KSH_BYTES = 24;
const MESSAGE_TYPES = ['ack', 'put', 'get', 'reply'] as const;

const CONNREQ: Readonly<Record<number, Shape>> = {
  16: [
    ['magic', 'u32'],
    ['version', 'u32'],
    ['nid', 'nid4'],
  ],
  28: [
    ['magic', 'u32'],
    ['version', 'u32'],
    ['nid', 'nid16'],
  ],
};

const hello = (nid: 'nid4' | 'nid16'): Shape => [
  ['magic', 'u32'],
  ['version', 'u32'],
  ['srcNid', nid],
  ['dstNid', nid],
  ['srcPid', 'u32'],
  ['dstPid', 'u32'],
  ['srcIncarnation', 'u64'],
  ['dstIncarnation', 'u64'],
  ['ctype', 'u32'],
  ['nips', 'u32'],
];

const HELLO: Readonly<Record<number, Shape>> = { 56: hello('nid4'), 80: hello('nid16') };

const KSH: Shape = [
  ['type', 'u32'],
  ['csum', 'u32'],
  ['zcRequest', 'u64'],
  ['zcAck', 'u64'],
];

const header = (nid: 'nid4' | 'nid16'): Shape => [
  ['destNid', nid],
  ['srcNid', nid],
  ['destPid', 'u32'],
  ['srcPid', 'u32'],
  ['type', 'u32'],
  ['payloadLength', 'u32'],
];

/** Bytes of the LNet header by form. */
const HEADER: Readonly<Record<number, Shape>> = { 72: header('nid4'), 96: header('nid16') };

const UNION: Readonly<Record<(typeof MESSAGE_TYPES)[number], Shape>> = {
  ack: [
    ['handle', 16],
    ['matchBits', 'u64'],
    ['mlength', 'u32'],
    ['unused', 12],
  ],
  put: [
    ['handle', 16],
    ['matchBits', 'u64'],
    ['hdrData', 'u64'],
    ['portal', 'u32'],
    ['offset', 'u32'],
  ],
  get: [
    ['handle', 16],
    ['matchBits', 'u64'],
    ['portal', 'u32'],
    ['offset', 'u32'],
    ['sinkLength', 'u32'],
    ['unused', 4],
  ],
  reply: [
    ['handle', 16],
    ['unused', 24],
  ],
};

const PING_HEADER: Shape = [
  ['magic', 'u32'],
  ['features', 'u32'],
  ['pid', 'u32'],
  ['count', 'u32'],
];
const PING_MAGIC = 0x70696e67;
const PING_LARGE = 0x20;

/** Type of a `message` frame, by name. */
export function messageType(frame: Frame): (typeof MESSAGE_TYPES)[number] {
  const hasNid4 = frame.head.length === KSH_BYTES + 72;
  const type = frame.head.readUInt32LE(KSH_BYTES + (hasNid4 ? 24 : 48));
  const name = MESSAGE_TYPES[type];
  if (!name) throw new Error(`LNet message of type ${type}`);
  return name;
}

/** All fields of a frame, in order; the bytes of its payload that are no ping info are one field. */
export function fieldsOf(frame: Frame): readonly Field[] {
  if (frame.kind === 'connreq') return place(shapeOf(CONNREQ, frame), 'connreq', 'head', 0);
  if (frame.kind === 'hello') return place(shapeOf(HELLO, frame), 'hello', 'head', 0);
  const ksh = place(KSH, 'ksh', 'head', 0);
  if (frame.kind === 'noop') return ksh;
  const type = messageType(frame);
  const common = HEADER[frame.head.length - KSH_BYTES];
  if (!common) throw new Error(`message head of ${frame.head.length} bytes`);
  const hdr = place(common, 'hdr', 'head', KSH_BYTES);
  return [...ksh, ...hdr, ...place(UNION[type], type, 'head', endOf(hdr)), ...payloadFields(frame)];
}

/** Reads one field as text: a number, a NID's bytes in hex, or bytes in hex (long ones cut). */
export function fieldText(frame: Frame, field: Field): string {
  const bytes = frame[field.part];
  if (field.kind === 'u32') return `0x${bytes.readUInt32LE(field.at).toString(16)}`;
  if (field.kind === 'u64' || field.kind === 'nid4') return `0x${bytes.readBigUInt64LE(field.at).toString(16)}`;
  const hex = bytes.toString('hex', field.at, field.at + Math.min(field.size, 32));
  return field.size > 32 ? `${hex}… (${field.size} bytes)` : hex;
}

export function fieldBytes(frame: Frame, field: Field): Buffer {
  return frame[field.part].subarray(field.at, field.at + field.size);
}

/** A field by its full name (`hdr.destNid`); throws when the frame has none. */
export function fieldNamed(frame: Frame, name: string): Field {
  const field = fieldsOf(frame).find((candidate) => candidate.name === name);
  if (!field) throw new Error(`a ${frame.kind} has no ${name}`);
  return field;
}

/** The handle of a message, in hex: what a request names and its answer repeats. */
export function handleOf(frame: Frame): string {
  return fieldBytes(frame, fieldNamed(frame, `${messageType(frame)}.handle`)).toString('hex');
}

function shapeOf(shapes: Readonly<Record<number, Shape>>, frame: Frame): Shape {
  const shape = shapes[frame.head.length];
  if (!shape) throw new Error(`${frame.kind} of ${frame.head.length} bytes`);
  return shape;
}

function place(shape: Shape, prefix: string, part: Field['part'], from: number): Field[] {
  let at = from;
  return shape.map(([name, kind]) => {
    const size = typeof kind === 'number' ? kind : SIZES[kind];
    const field: Field = { name: `${prefix}.${name}`, part, at, size, kind: typeof kind === 'number' ? 'bytes' : kind };
    at += size;
    return field;
  });
}

function endOf(fields: readonly Field[]): number {
  const last = fields.at(-1);
  return last ? last.at + last.size : 0;
}

/** Ping info is read entry by entry (lnet-wire §7); everything else is opaque to LNet. */
function payloadFields({ payload }: Frame): Field[] {
  if (payload.length === 0) return [];
  if (payload.length < 16 || payload.readUInt32LE(0) !== PING_MAGIC)
    return [{ name: 'payload', part: 'payload', at: 0, size: payload.length, kind: 'bytes' }];
  const fields = place(PING_HEADER, 'ping', 'payload', 0);
  const count = payload.readUInt32LE(12);
  for (let i = 0; i < count && endOf(fields) + 16 <= payload.length; i++) {
    // The status word of entry 0 is the sequence number, its last word the length of the info.
    const status = i === 0 ? 'sequence' : 'status';
    fields.push(
      ...place(
        [
          ['nid', 'nid4'],
          [status, 'u32'],
          ['size', 'u32'],
        ],
        `ping[${i}]`,
        'payload',
        endOf(fields),
      ),
    );
  }
  if ((payload.readUInt32LE(4) & PING_LARGE) !== 0) {
    for (let i = 0; endOf(fields) + 24 <= payload.length; i++)
      fields.push(
        ...place(
          [
            ['status', 'u32'],
            ['nid', 'nid16'],
          ],
          `pingLarge[${i}]`,
          'payload',
          endOf(fields),
        ),
      );
  }
  const end = endOf(fields);
  if (end < payload.length)
    fields.push({ name: 'ping.rest', part: 'payload', at: end, size: payload.length - end, kind: 'bytes' });
  return fields;
}
