import type { Instant } from '../../lnet/nal.ts';

/** Something that happens at one instant of virtual time. It stands in a queue once at most. */
export abstract class SimEvent {
  /** When it happens. Set by the queue. */
  at: Instant = 0;
  /** Number of its insertion: of equal instants the first inserted happens first. */
  order = 0;
  /** Its place in the queue, -1 when it stands in none. */
  place = -1;

  /** What it is, for the message of a run that does not end. */
  abstract get label(): string;
  abstract fire(): void;

  get isScheduled(): boolean {
    return this.place >= 0;
  }
}

/** Events by instant, then by insertion: a binary heap in which each event knows its place, so that removal is cheap too. */
export class EventQueue {
  readonly #heap: SimEvent[] = [];
  #inserted = 0;

  get size(): number {
    return this.#heap.length;
  }

  get first(): SimEvent | undefined {
    return this.#heap[0];
  }

  /** All events, in no particular order. */
  get all(): readonly SimEvent[] {
    return this.#heap;
  }

  insert(event: SimEvent, at: Instant): void {
    event.at = at;
    event.order = this.#inserted++;
    event.place = this.#heap.length;
    this.#heap.push(event);
    this.#rise(event);
  }

  /** Does nothing when the event does not stand here. */
  remove(event: SimEvent): void {
    const place = event.place;
    if (place < 0) return;
    event.place = -1;
    const last = this.#heap.pop() as SimEvent;
    if (last === event) return;
    this.#heap[place] = last;
    last.place = place;
    this.#rise(last);
    this.#sink(last);
  }

  #rise(event: SimEvent): void {
    let place = event.place;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#heap[above] as SimEvent;
      if (!isBefore(event, parent)) break;
      this.#heap[place] = parent;
      parent.place = place;
      place = above;
    }
    this.#heap[place] = event;
    event.place = place;
  }

  #sink(event: SimEvent): void {
    let place = event.place;
    const size = this.#heap.length;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= size) break;
      if (below + 1 < size && isBefore(this.#heap[below + 1] as SimEvent, this.#heap[below] as SimEvent)) below++;
      const child = this.#heap[below] as SimEvent;
      if (!isBefore(child, event)) break;
      this.#heap[place] = child;
      child.place = place;
      place = below;
    }
    this.#heap[place] = event;
    event.place = place;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
