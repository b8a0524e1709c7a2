export const MEMORY_CASES = [];
