export const TCP_CASES = [];
