import type { Bodies } from './body.ts';
export const MATCH_BODIES: Bodies = {};
