import * as ldlm from './format/ldlm.ts';
import * as mds from './format/mds.ts';
import * as obd from './format/obd.ts';
import * as ost from './format/ost.ts';
import { FormatTable, type RpcFormat } from './rpc-format.ts';

/** Every format, in the order of opcodes. */
export const RPC_FORMATS: readonly RpcFormat[] = [ost, mds, ldlm, obd]
  .flatMap((family): readonly RpcFormat[] => Object.values(family))
  .toSorted((a, b) => a.opc - b.opc);

/** Formats by opcode and variant. */
export const FORMATS = new FormatTable(RPC_FORMATS);
