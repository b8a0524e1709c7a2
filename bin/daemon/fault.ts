import { ConfigError } from '../../lnet/config/config-error.ts';
import { EIO } from '../../lnet/errno.ts';
import { LNET_ERROR_CODES, LnetError, type LnetErrorOptions } from '../../lnet/error-code.ts';
import type { Fault, FaultReport } from './protocol.ts';

/** An error with the wording of LNet for its report: lnetctl §3. */
export class ReportedError extends LnetError {
  readonly report: FaultReport;
  readonly place: string | undefined;

  constructor(
    code: LnetError['code'],
    report: FaultReport,
    options: Omit<LnetErrorOptions, 'message'> & { place?: string | undefined },
  ) {
    super(code, { ...options, message: report.description });
    this.name = 'ReportedError';
    this.report = report;
    this.place = options.place;
  }
}

/** An error as it crosses the socket. What is no {@link LnetError} is a defect of the daemon and says so. */
export function faultOf(error: unknown): Fault {
  if (!(error instanceof LnetError)) {
    const text = error instanceof Error ? error.message : String(error);
    return { code: 'ERR_LNET_IO', errno: -EIO, message: `defect of the daemon: ${text}`, hint: 'its log has more' };
  }
  const { code, errno, hint } = error;
  const message =
    hint !== undefined && error.message.endsWith(`; ${hint}`)
      ? error.message.slice(0, -hint.length - 2)
      : error.message;
  return {
    code,
    errno,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(error instanceof ReportedError ? { report: error.report } : {}),
    ...placeOf(error),
  };
}

function placeOf(error: LnetError): { place?: string } {
  if (error instanceof ConfigError) return { place: `${error.file}:${error.line}:${error.column}` };
  return error instanceof ReportedError && error.place !== undefined ? { place: error.place } : {};
}

/** A fault as an error again, on the client's side. */
export function errorOfFault(fault: Fault): LnetError {
  const code = LNET_ERROR_CODES.find((each) => each === fault.code) ?? 'ERR_LNET_IO';
  const rest = { errno: fault.errno, ...(fault.hint === undefined ? {} : { hint: fault.hint }) };
  if (!fault.report) return new LnetError(code, { ...rest, message: fault.message });
  return new ReportedError(code, fault.report, {
    ...rest,
    place: fault.place,
  });
}
