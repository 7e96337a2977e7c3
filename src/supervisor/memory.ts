import type { ProcessMemory } from "./proc.ts";

const MIB = 1024 * 1024;

/**
 * What a runner's process may have above an idle one and its version's limit: young generation, compiled code,
 * allocator caches, requests' bodies on their way, and garbage that V8 sees no need to collect yet.
 * Measured: Workers that keep nothing come to 137 MB ("hello") and 180 MB (1 MB bodies as ArrayBuffer) under load.
 */
const RESIDENT_SLACK_BYTES = 96 * MIB;
/**
 * Above that, while another takes its place. A Worker that keeps nothing comes here when it answers with large buffers: the
 * runtime's copies are garbage of which V8 does not know the size, so it does not hurry (measured, workerd by itself with
 * 8 connections: 315 MB of 100 KB bodies, 1.4 GB of 1 MB).
 */
const HANDOVER_BYTES = 96 * MIB;
/** The allocator maps ahead of use: address space grows sooner than memory. */
const DATA_SLACK_BYTES = 128 * MIB;
/** Largest allocation whose failure is put down to the version. */
const LAST_ALLOCATION_BYTES = 64 * MIB;

/** Bounds of one runner, in bytes of its process. */
export interface MemoryBounds {
  /** Replaced beyond this, without harm to its requests. */
  renewAnonymousBytes: number;
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
  const renewAnonymousBytes = idle.anonymousBytes + budget + RESIDENT_SLACK_BYTES;
  const maxDataBytes = idle.dataBytes + budget + DATA_SLACK_BYTES + HANDOVER_BYTES;
  return {
    renewAnonymousBytes,
    maxAnonymousBytes: renewAnonymousBytes + HANDOVER_BYTES,
    maxDataBytes,
    fullDataBytes: maxDataBytes - LAST_ALLOCATION_BYTES,
  };
}

/** Whether what goes wrong in this process goes wrong for lack of memory. */
export function isFull(memory: ProcessMemory, bounds: MemoryBounds): boolean {
  return memory.anonymousBytes > bounds.maxAnonymousBytes || memory.dataBytes >= bounds.fullDataBytes;
}
