import type { FieldKind, Layout } from '../lnet/wire/layout.ts';

/** A layout of whatever fields. */
export type AnyLayout = Layout<Readonly<Record<string, FieldKind<unknown>>>>;

/** One layout on a page, with a sentence on where it stands. */
export interface Entry {
  readonly layout: AnyLayout;
  readonly note: string;
}

/** A page of docs/wire. */
export interface WirePage {
  readonly file: string;
  readonly title: string;
  readonly intro: string;
  readonly entries: readonly Entry[];
}
