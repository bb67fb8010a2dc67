// The negative errnos that helpers return to programs.

export const EPERM: i64 = -1;
export const ENOENT: i64 = -2;
export const E2BIG: i64 = -7;
export const EAGAIN: i64 = -11;
export const ENOMEM: i64 = -12;
export const EACCES: i64 = -13;
export const EFAULT: i64 = -14;
export const EBUSY: i64 = -16;
export const ENODEV: i64 = -19;
export const EINVAL: i64 = -22;
export const ERANGE: i64 = -34;
export const EPROTO: i64 = -71;
export const EOPNOTSUPP: i64 = -95;
export const EAFNOSUPPORT: i64 = -97;
export const EALREADY: i64 = -114;
export const ENOTSUPP: i64 = -524;
