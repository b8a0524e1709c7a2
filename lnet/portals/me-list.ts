import type { Me, MeList } from './me.ts';

export function linkFirst(list: MeList, me: Me): void {
  me.list = list;
  me.previous = null;
  me.next = list.first;
  if (list.first) list.first.previous = me;
  else list.last = me;
  list.first = me;
}

export function linkLast(list: MeList, me: Me): void {
  me.list = list;
  me.next = null;
  me.previous = list.last;
  if (list.last) list.last.next = me;
  else list.first = me;
  list.last = me;
}

/** Takes an ME out of the list it stands in; it counts as destroyed until it is linked again. */
export function unlink(me: Me): void {
  const list = me.list;
  if (list === null) return;
  if (me.previous) me.previous.next = me.next;
  else list.first = me.next;
  if (me.next) me.next.previous = me.previous;
  else list.last = me.previous;
  me.list = null;
  me.previous = null;
  me.next = null;
}
