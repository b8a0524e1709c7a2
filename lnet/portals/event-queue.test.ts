import test from 'ava';
import { LNET_EVENT_ACK, LNET_EVENT_SEND, LnetEvent } from '../event.ts';
import { EventQueue } from './event-queue.ts';

/** Feeds events that differ in their length; the record is reused, as the core does. */
function feed(queue: EventQueue, ...lengths: readonly number[]): void {
  const record = new LnetEvent();
  for (const mlength of lengths) {
    record.mlength = mlength;
    queue.handler(record);
  }
  record.mlength = -1;
  record.type = LNET_EVENT_ACK;
}

function pollAll(queue: EventQueue): number[] {
  const lengths: number[] = [];
  for (let event = queue.poll(); event; event = queue.poll()) lengths.push(event.mlength);
  return lengths;
}

test('poll gives the events in order, each a record of its own, then undefined', (t) => {
  const queue = new EventQueue();
  feed(queue, 1, 2, 3);
  t.is(queue.size, 3);
  t.like(queue.poll(), { mlength: 1, type: LNET_EVENT_SEND });
  t.deepEqual(pollAll(queue), [2, 3]);
  t.is(queue.poll(), undefined);
  t.is(queue.size, 0);
});

test('a full queue loses what is new and tells once, where it was lost', (t) => {
  const queue = new EventQueue({ capacity: 2 });
  feed(queue, 1, 2, 3, 4);
  t.is(queue.poll()?.mlength, 1);
  feed(queue, 5, 6);
  t.is(queue.poll()?.mlength, 2);
  t.throws(() => queue.poll(), { code: 'ERR_LNET_LIMIT', message: /: 2 are lost here/ });
  t.is(queue.poll()?.mlength, 5);
  t.throws(() => queue.poll(), { message: /: 1 are lost here/ });
  t.is(queue.poll(), undefined);
  feed(queue, 7);
  t.deepEqual(pollAll(queue), [7]);
  t.is(queue.dropped, 3);
});

test('any number of events pass through a small queue that is read in time', (t) => {
  const queue = new EventQueue({ capacity: 3 });
  for (let i = 0; i < 100; i++) {
    feed(queue, i, i + 1000);
    t.deepEqual(pollAll(queue), [i, i + 1000]);
  }
  t.is(queue.dropped, 0);
});

test('for await reads what waits and what comes, and ends after close', async (t) => {
  const queue = new EventQueue();
  const lengths: number[] = [];
  feed(queue, 1, 2);
  const reading = (async () => {
    for await (const event of queue) {
      lengths.push(event.mlength);
      if (event.mlength === 4) queue.close();
    }
  })();
  await Promise.resolve();
  feed(queue, 3, 4, 5);
  await reading;
  t.deepEqual(lengths, [1, 2, 3, 4, 5]);
  t.true(queue.isClosed);
});

test('a closed queue takes no more events; a reader that waits gets the end', async (t) => {
  const queue = new EventQueue();
  const waiting = queue.next();
  queue.close();
  feed(queue, 1);
  t.true((await waiting).done);
  t.true((await queue.next()).done);
  t.is(queue.poll(), undefined);
});

test('readers that wait are served in their order', async (t) => {
  const queue = new EventQueue();
  const readers = [queue.next(), queue.next()];
  feed(queue, 1, 2, 3);
  t.deepEqual(
    (await Promise.all(readers)).map((result) => result.value?.mlength),
    [1, 2],
  );
  t.deepEqual(pollAll(queue), [3]);
});

test('for await ends with the overflow error; a new one goes on behind it', async (t) => {
  const queue = new EventQueue({ capacity: 1 });
  feed(queue, 1, 2);
  const read = async (): Promise<number[]> => {
    const lengths: number[] = [];
    for await (const event of queue) lengths.push(event.mlength);
    return lengths;
  };
  await t.throwsAsync(read(), { code: 'ERR_LNET_LIMIT' });
  feed(queue, 3);
  queue.close();
  t.deepEqual(await read(), [3]);
});

test('an abort rejects readers with its reason and throws away what waits', async (t) => {
  const control = new AbortController();
  const queue = new EventQueue({ signal: control.signal });
  const waiting = queue.next();
  const reason = new Error('enough');
  control.abort(reason);
  t.is(await t.throwsAsync(waiting), reason);
  t.is(await t.throwsAsync(queue.next()), reason);
  feed(queue, 1);
  t.is(queue.poll(), undefined);
  const late = new EventQueue({ signal: control.signal });
  t.is(await t.throwsAsync(late.next()), reason);
});

test('close lets go of the abort signal', async (t) => {
  const control = new AbortController();
  const queue = new EventQueue({ signal: control.signal });
  feed(queue, 1);
  queue.close();
  control.abort();
  t.is((await queue.next()).value?.mlength, 1);
  t.true((await queue.next()).done);
});

test('a capacity below 1 is refused', (t) => {
  for (const capacity of [0, -1, 1.5]) t.throws(() => new EventQueue({ capacity }), { instanceOf: RangeError });
});
