import type { ProcessMemory } from "./proc.ts";

const MIB = 1024 * 1024;

/**
 * What a runner's process may have above an idle one and its version's limit: young generation, compiled code,
 * allocator caches, requests' bodies on their way, and garbage that V8 sees no need to collect yet.
 * Measured: Workers that keep nothing come to 137 MB ("hello") and 180 MB (1 MB bodies as ArrayBuffer) under load.
 */
const RESIDENT_SLACK_BYTES = 96 * MIB;
/** The allocator maps ahead of use: address space grows sooner than memory. */
const DATA_SLACK_BYTES = 128 * MIB;
/** Largest allocation whose failure is put down to the version. */
const LAST_ALLOCATION_BYTES = 64 * MIB;

/** Bounds of one runner, in bytes of its process. */
export interface MemoryBounds {
  /** Killed at the next look beyond this. */
  maxAnonymousBytes: number;
  /** `RLIMIT_DATA`: allocation fails beyond, in between two looks. */
  maxDataBytes: number;
  /** From here on a failed allocation is the version's own excess. */
  fullDataBytes: number;
}

/** Bounds for a version's limit, given what an idle runner has on this machine. */
export function memoryBounds(idle: ProcessMemory, memoryMb: number): MemoryBounds {
  const budget = memoryMb * MIB;
  return {
    maxAnonymousBytes: idle.anonymousBytes + budget + RESIDENT_SLACK_BYTES,
    maxDataBytes: idle.dataBytes + budget + DATA_SLACK_BYTES,
    fullDataBytes: idle.dataBytes + budget + DATA_SLACK_BYTES - LAST_ALLOCATION_BYTES,
  };
}

/** Whether what goes wrong in this process goes wrong for lack of memory. */
export function isFull(memory: ProcessMemory, bounds: MemoryBounds): boolean {
  return memory.anonymousBytes > bounds.maxAnonymousBytes || memory.dataBytes >= bounds.fullDataBytes;
}
