/** Linux errno values that LNet uses, positive: lnet-semantics, introduction. A status is 0 or the negative of one. */
export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const EIO = 5;
export const ENXIO = 6;
export const E2BIG = 7;
export const ECHILD = 10;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EFAULT = 14;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const ENOSPC = 28;
export const ERANGE = 34;
export const EPROTO = 71;
export const EBADMSG = 74;
export const ENOTUNIQ = 76;
export const EUSERS = 87;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENETDOWN = 100;
export const ENETUNREACH = 101;
export const ENETRESET = 102;
export const ECONNRESET = 104;
export const ESHUTDOWN = 108;
export const ETIMEDOUT = 110;
export const ECONNREFUSED = 111;
export const EHOSTUNREACH = 113;
export const EALREADY = 114;
export const ESTALE = 116;
export const ECANCELED = 125;

const names: Readonly<Record<number, readonly [name: string, text: string]>> = {
  [EPERM]: ['EPERM', 'Operation not permitted'],
  [ENOENT]: ['ENOENT', 'No such file or directory'],
  [ESRCH]: ['ESRCH', 'No such process'],
  [EINTR]: ['EINTR', 'Interrupted system call'],
  [EIO]: ['EIO', 'Input/output error'],
  [ENXIO]: ['ENXIO', 'No such device or address'],
  [E2BIG]: ['E2BIG', 'Argument list too long'],
  [ECHILD]: ['ECHILD', 'No child processes'],
  [EAGAIN]: ['EAGAIN', 'Resource temporarily unavailable'],
  [ENOMEM]: ['ENOMEM', 'Cannot allocate memory'],
  [EACCES]: ['EACCES', 'Permission denied'],
  [EFAULT]: ['EFAULT', 'Bad address'],
  [EBUSY]: ['EBUSY', 'Device or resource busy'],
  [EEXIST]: ['EEXIST', 'File exists'],
  [ENODEV]: ['ENODEV', 'No such device'],
  [EINVAL]: ['EINVAL', 'Invalid argument'],
  [ENOSPC]: ['ENOSPC', 'No space left on device'],
  [ERANGE]: ['ERANGE', 'Numerical result out of range'],
  [EPROTO]: ['EPROTO', 'Protocol error'],
  [EBADMSG]: ['EBADMSG', 'Bad message'],
  [ENOTUNIQ]: ['ENOTUNIQ', 'Name not unique on network'],
  [EUSERS]: ['EUSERS', 'Too many users'],
  [EADDRINUSE]: ['EADDRINUSE', 'Address already in use'],
  [EADDRNOTAVAIL]: ['EADDRNOTAVAIL', 'Cannot assign requested address'],
  [ENETDOWN]: ['ENETDOWN', 'Network is down'],
  [ENETUNREACH]: ['ENETUNREACH', 'Network is unreachable'],
  [ENETRESET]: ['ENETRESET', 'Network dropped connection on reset'],
  [ECONNRESET]: ['ECONNRESET', 'Connection reset by peer'],
  [ESHUTDOWN]: ['ESHUTDOWN', 'Cannot send after transport endpoint shutdown'],
  [ETIMEDOUT]: ['ETIMEDOUT', 'Connection timed out'],
  [ECONNREFUSED]: ['ECONNREFUSED', 'Connection refused'],
  [EHOSTUNREACH]: ['EHOSTUNREACH', 'No route to host'],
  [EALREADY]: ['EALREADY', 'Operation already in progress'],
  [ESTALE]: ['ESTALE', 'Stale file handle'],
  [ECANCELED]: ['ECANCELED', 'Operation canceled'],
};

/** `EHOSTUNREACH` for 113 or -113; `errno 200` for an unknown one. */
export function errnoName(errno: number): string {
  return names[Math.abs(errno)]?.[0] ?? `errno ${Math.abs(errno)}`;
}

/** The C library's text for an errno, as `lnetctl` prints it. */
export function errnoText(errno: number): string {
  return names[Math.abs(errno)]?.[1] ?? `Unknown error ${Math.abs(errno)}`;
}
