/**
 * Milliseconds until the next try after so many in a row that failed: soon at first, five seconds at most, and not all
 * pages in step.
 */
export const pauseAfter = (failures, random = Math.random()) =>
  Math.min(1000 * 2 ** (failures - 1), 4000) * (0.5 + 0.75 * random);
