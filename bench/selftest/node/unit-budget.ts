import type { Reservation } from './test-instance.ts';

/** Bounds what client instances of a node take together: selftest §6.8 row 6. */
export class UnitBudget {
  readonly unitsMax: number;
  readonly bytesMax: number;
  units = 0;
  bytes = 0;

  constructor(unitsMax: number, bytesMax: number) {
    this.unitsMax = unitsMax;
    this.bytesMax = bytesMax;
  }

  /** Sets units and their memory apart, or undefined when there is not enough. */
  reserve(units: number, bytes: number): Reservation | undefined {
    if (this.units + units > this.unitsMax || this.bytes + bytes > this.bytesMax) return undefined;
    this.units += units;
    this.bytes += bytes;
    return {
      release: () => {
        this.units -= units;
        this.bytes -= bytes;
      },
    };
  }
}
