/** For fuzz tests: whole numbers uniform below a limit, the same for the same seed. */
export function seededRandom(seed: number): (limit: number) => number {
  let value = seed >>> 0;
  return (limit) => {
    value = (value + 0x6d2b79f5) >>> 0;
    const mixed = Math.imul(value ^ (value >>> 15), value | 1);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
