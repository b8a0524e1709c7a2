import test from 'ava';
import { array, assert, constantFrom, nat, property, tuple } from 'fast-check';
import { EventQueue, SimEvent } from './event-queue.ts';

class Numbered extends SimEvent {
  readonly label = 'numbered';
  fire(): void {}
}

function drain(queue: EventQueue): SimEvent[] {
  const events: SimEvent[] = [];
  for (let first = queue.first; first; first = queue.first) {
    queue.remove(first);
    events.push(first);
  }
  return events;
}

test('events come by instant, equal ones by insertion, whatever is removed in between', (t) => {
  const command = tuple(constantFrom('insert', 'remove'), nat(20));
  assert(
    property(array(command, { maxLength: 200 }), (commands) => {
      const queue = new EventQueue();
      const model: SimEvent[] = [];
      for (const [what, number] of commands) {
        if (what === 'insert') {
          const event = new Numbered();
          queue.insert(event, number);
          model.push(event);
        } else if (model.length > 0) {
          const [event] = model.splice(number % model.length, 1) as [SimEvent];
          queue.remove(event);
          if (event.isScheduled) return false;
        }
        if (queue.size !== model.length) return false;
      }
      const expected = model.toSorted((a, b) => a.at - b.at || a.order - b.order);
      return drain(queue).every((event, index) => event === expected[index]);
    }),
  );
  t.pass();
});

test('removing an event that stands in no queue does nothing', (t) => {
  const queue = new EventQueue();
  const inside = new Numbered();
  queue.insert(inside, 1);
  queue.remove(new Numbered());
  t.is(queue.first, inside);
});
