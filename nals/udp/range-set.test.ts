import test from 'ava';
import * as fc from 'fast-check';
import { checkProperty } from '../../test/property.ts';
import { AckFrame, AckRanges } from './ack-ranges.ts';
import { RangeSet } from './range-set.ts';

const span = fc.record({ from: fc.nat(60), bytes: fc.nat(12), adds: fc.boolean() });

test('a range set holds what a set of numbers would, in as few ranges as there can be', (t) => {
  checkProperty(t, fc.array(span, { maxLength: 30 }), 500, (steps) => {
    const ranges = new RangeSet();
    const model = new Set<number>();
    for (const { from, bytes, adds } of steps) {
      if (adds) ranges.add(from, from + bytes);
      else ranges.remove(from, from + bytes);
      for (let value = from; value < from + bytes; value++) {
        if (adds) model.add(value);
        else model.delete(value);
      }
    }
    for (let value = 0; value < 80; value++) {
      if (ranges.has(value) !== model.has(value)) throw new Error(`${value}`);
      let missing = value;
      while (model.has(missing)) missing++;
      if (ranges.firstMissing(value) !== missing) throw new Error(`missing from ${value}`);
      let present = value;
      while (present < 75 && !model.has(present)) present++;
      if (value <= 75 && ranges.firstPresent(value, 75) !== present) throw new Error(`present from ${value}`);
    }
    for (let index = 1; index < ranges.size; index++)
      if (ranges.fromAt(index) <= ranges.toAt(index - 1)) throw new Error('ranges touch');
  });
});

test('an acknowledgement says which packets have arrived, the newest ranges first', (t) => {
  checkProperty(t, fc.uniqueArray(fc.nat(300), { minLength: 1, maxLength: 200 }), 300, (numbers) => {
    const acks = new AckRanges();
    for (const number of numbers) acks.add(number, true, 0, 0);
    const view = new DataView(new ArrayBuffer(4_096));
    const bytes = acks.bodyBytes;
    acks.write(view, 8, 77);
    const frame = new AckFrame();
    if (!frame.read(view, 8, bytes)) throw new Error('unreadable');
    if (frame.largest !== Math.max(...numbers)) throw new Error('largest');
    const told = new Set<number>();
    for (let number = 0; number <= 300; number++) if (frame.covers(number)) told.add(number);
    for (const number of told) if (!numbers.includes(number)) throw new Error(`${number} has not arrived`);
    const lowest = Math.min(...told);
    for (const number of numbers) if (number >= lowest && !told.has(number)) throw new Error(`${number} is left out`);
  });
});

test('any bytes are an acknowledgement or none, never an error', (t) => {
  const frame = new AckFrame();
  const words = fc.array(fc.oneof(fc.nat(9), fc.nat(0xffffffff)), { minLength: 4, maxLength: 40 });
  let sound = 0;
  checkProperty(t, words, 2_000, (numbers) => {
    const view = new DataView(Uint32Array.from(numbers).buffer);
    if (!frame.read(view, 0, view.byteLength)) return;
    sound++;
    for (let number = 0; number < 20; number++) frame.covers(number);
  });
  t.log(`${sound} were sound`);
  t.true(sound > 0);
});

test('an acknowledgement is due at once for the second packet and for one out of order, else after the delay', (t) => {
  const acks = new AckRanges();
  acks.add(0, true, 1_000, 500);
  t.deepEqual([acks.isDue, acks.dueAt, acks.isWaiting], [false, 1_500, true]);
  acks.add(1, true, 1_100, 500);
  t.true(acks.isDue);
  acks.write(new DataView(new ArrayBuffer(64)), 0, 2_000);
  t.deepEqual([acks.isDue, acks.dueAt, acks.isWaiting], [false, Number.POSITIVE_INFINITY, false]);
  acks.add(3, true, 3_000, 500);
  t.true(acks.isDue);
  const quiet = new AckRanges();
  quiet.add(0, false, 0, 500);
  t.deepEqual([quiet.isDue, quiet.isWaiting], [false, false]);
});

test('ranges are bounded: what lies below the oldest one kept counts as arrived', (t) => {
  const acks = new AckRanges();
  for (let number = 0; number < 2_000; number += 2) acks.add(number, true, 0, 0);
  t.is(acks.bodyBytes, 16 + 31 * 8);
  t.true(acks.has(1));
  t.false(acks.has(1_999));
  t.false(acks.has(1_801));
});
