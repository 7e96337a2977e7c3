import { describe, expect, test } from "vitest";
import { seccompFilter } from "./seccomp.ts";

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const refuse = (errno: number) => 0x00050000 + errno;

const X64 = 0xc000003e;
const ARM64 = 0xc00000b7;

/** Runs the program as the kernel would, for a call with this number and first argument. */
function verdict(program: Buffer, arch: number, number: number, argument = 0): number {
  const data = new Map([
    [0, number],
    [4, arch],
    [16, argument],
  ]);
  let loaded = 0;
  for (let at = 0; at < program.length; at += 8) {
    const code = program.readUInt16LE(at);
    const [ifTrue, ifFalse] = [program.readUInt8(at + 2), program.readUInt8(at + 3)];
    const value = program.readUInt32LE(at + 4);
    const jump = (condition: boolean) => {
      at += 8 * (condition ? ifTrue : ifFalse);
    };
    if (code === 0x06) return value;
    if (code === 0x20) loaded = data.get(value) ?? 0;
    else if (code === 0x15) jump(loaded === value);
    else if (code === 0x35) jump(loaded >= value);
    else if (code === 0x45) jump((loaded & value) !== 0);
    else throw new Error(`unknown instruction ${code}`);
  }
  throw new Error("the program does not return");
}

describe.each([
  ["x64", X64, { read: 0, openat: 257, futex: 202, ptrace: 101, mount: 165, bpf: 321, clone: 56, socket: 41 }],
  ["arm64", ARM64, { read: 63, openat: 56, futex: 98, ptrace: 117, mount: 40, bpf: 280, clone: 220, socket: 198 }],
] as const)("the filter for %s", (name, arch, calls) => {
  const program = seccompFilter(name) ?? Buffer.alloc(0);

  test("fits the kernel's bound of 4096 instructions", () => {
    expect(program.length % 8).toBe(0);
    expect(program.length / 8).toBeLessThan(4096);
  });

  test.each(["read", "openat", "futex"] as const)("allows %s", (call) => {
    expect(verdict(program, arch, calls[call])).toBe(ALLOW);
  });

  test.each(["ptrace", "mount", "bpf"] as const)("refuses %s", (call) => {
    expect(verdict(program, arch, calls[call])).toBe(refuse(1));
  });

  test("allows threads, refuses namespaces, and hides the call whose flags it cannot see", () => {
    const thread = 0x3d0f00;
    expect(verdict(program, arch, calls.clone, thread)).toBe(ALLOW);
    expect(verdict(program, arch, calls.clone, 0x10000000)).toBe(refuse(1));
    expect(verdict(program, arch, calls.clone, thread | 0x40000000)).toBe(refuse(1));
    expect(verdict(program, arch, 435)).toBe(refuse(38));
  });

  test("allows local and internet sockets only", () => {
    for (const family of [1, 2, 10, 16]) expect(verdict(program, arch, calls.socket, family)).toBe(ALLOW);
    for (const family of [17, 38, 40]) expect(verdict(program, arch, calls.socket, family)).toBe(refuse(97));
  });

  test("kills on calls of another architecture", () => {
    expect(verdict(program, arch === X64 ? ARM64 : X64, calls.read)).toBe(KILL);
    expect(verdict(program, 0x40000003, calls.read)).toBe(KILL);
  });
});

test("kills on x32 calls, which share the architecture of x86-64", () => {
  expect(verdict(seccompFilter("x64") ?? Buffer.alloc(0), X64, 0x40000000 + 101)).toBe(KILL);
});

test("there is none for a processor whose numbers are not known", () => {
  expect(seccompFilter("riscv64")).toBeUndefined();
});
