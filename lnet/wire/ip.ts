/** Parses a dotted quad into its 32-bit value. Undefined unless it is exactly four decimal numbers of 0..255. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^[0-9]{1,3}$/.test(part)) return undefined;
    const octet = Number(part);
    if (octet > 255) return undefined;
    value = value * 256 + octet;
  }
  return value;
}

export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** Parses an IPv6 literal (no zone, no brackets) into its 16 bytes. Undefined when it is not one. */
export function parseIpv6(text: string): Uint8Array | undefined {
  let source = text;
  const groupsOfTail: number[] = [];
  const lastColon = text.lastIndexOf(':');
  if (text.includes('.')) {
    const embedded = text.slice(lastColon + 1);
    const ipv4 = parseIpv4(embedded);
    // Unlike an IPv4 address alone, one in here has no leading zeros: RFC 3986.
    if (lastColon < 0 || ipv4 === undefined || /(^|\.)0[0-9]/.test(embedded)) return undefined;
    groupsOfTail.push(ipv4 >>> 16, ipv4 & 0xffff);
    source = text.slice(0, lastColon);
    if (source.endsWith(':')) source += ':';
    else if (source === '') return undefined;
    if (source === '::' || source.endsWith('::')) return joinGroups(source, groupsOfTail);
  }
  return joinGroups(source, groupsOfTail);
}

function joinGroups(source: string, tail: readonly number[]): Uint8Array | undefined {
  const halves = source.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] as string);
  const after = halves.length === 2 ? parseGroups(halves[1] as string) : [];
  if (!head || !after) return undefined;
  const known = head.length + after.length + tail.length;
  if (halves.length === 1 ? known !== 8 : known > 7) return undefined;
  const groups = [...head, ...new Array<number>(8 - known).fill(0), ...after, ...tail];
  const bytes = new Uint8Array(16);
  groups.forEach((group, index) => {
    bytes[index * 2] = group >> 8;
    bytes[index * 2 + 1] = group & 255;
  });
  return bytes;
}

function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  return groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : undefined;
}

/** Canonical text of an IPv6 address after RFC 5952; v4-mapped addresses in mixed form. */
export function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from(
    { length: 8 },
    (_, index) => ((bytes[index * 2] as number) << 8) | (bytes[index * 2 + 1] as number),
  );
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatIpv4((((groups[6] as number) << 16) | (groups[7] as number)) >>> 0)}`;
  }
  let runStart = -1;
  let runLength = 1;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > runLength) {
      runStart = start;
      runLength = end - start;
    }
    if (end > start) start = end;
  }
  const hex = groups.map((group) => group.toString(16));
  if (runStart < 0) return hex.join(':');
  return `${hex.slice(0, runStart).join(':')}::${hex.slice(runStart + runLength).join(':')}`;
}
