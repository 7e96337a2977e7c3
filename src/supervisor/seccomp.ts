/**
 * The system call filter of runners: a classic BPF program that the kernel runs on each call.
 * A deny list, because the runtime (V8, an allocator, an event loop) changes what it needs with each release,
 * and what is dangerous in the kernel does not.
 */

/** Numbers of denied calls: `name: [x86-64, arm64]`. Source: the kernel's `unistd` headers. `-1`: not there. */
const denied = {
  // Other processes.
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  process_madvise: [440, 440],
  pidfd_getfd: [438, 438],
  kcmp: [312, 272],
  move_pages: [279, 239],
  migrate_pages: [256, 238],
  // Namespaces and mounts.
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  setns: [308, 268],
  unshare: [272, 97],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  fanotify_init: [300, 262],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  // Large and often broken parts of the kernel.
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  memfd_secret: [447, 447],
  modify_ldt: [154, -1],
  lookup_dcookie: [212, 18],
  // The machine itself.
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  swapon: [167, 224],
  swapoff: [168, 225],
  reboot: [169, 142],
  acct: [163, 89],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  clock_adjtime: [305, 266],
  adjtimex: [159, 171],
  sethostname: [170, 161],
  setdomainname: [171, 162],
  syslog: [103, 116],
  iopl: [172, -1],
  ioperm: [173, -1],
  vhangup: [153, 58],
} as const satisfies Record<string, readonly [number, number]>;

interface Machine {
  column: 0 | 1;
  /** `AUDIT_ARCH_…` of `linux/audit.h`. */
  auditArch: number;
  clone: number;
  clone3: number;
  socket: number;
}

const machines: Partial<Record<string, Machine>> = {
  x64: { column: 0, auditArch: 0xc000003e, clone: 56, clone3: 435, socket: 41 },
  arm64: { column: 1, auditArch: 0xc00000b7, clone: 220, clone3: 435, socket: 198 },
};

/** Bit of the x32 calls, which would go past a list of x86-64 numbers. */
const X32_BIT = 0x40000000;
/** `CLONE_NEWTIME` aside, which is not a flag of clone(2): NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const NEW_NAMESPACES = 0x7e020000;
const ALLOWED_FAMILIES = { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16 };
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const errno = (number: number) => 0x00050000 | number;

// Offsets in `struct seccomp_data`.
const NUMBER = 0;
const ARCH = 4;
const ARGUMENT_0 = 16;

/** The filter for a processor architecture as Node names it, or undefined for one that we have no numbers of. */
export function seccompFilter(arch: string): Buffer | undefined {
  const machine = machines[arch];
  if (!machine) return undefined;
  const numbers = Object.values(denied)
    .map((row) => row[machine.column])
    .filter((number) => number >= 0);
  return Buffer.concat([
    ...load(ARCH),
    ...unless("equal", machine.auditArch, answer(KILL_PROCESS)),
    ...load(NUMBER),
    ...(arch === "x64" ? when("greater-or-equal", X32_BIT, answer(KILL_PROCESS)) : []),
    ...numbers.flatMap((number) => when("equal", number, answer(errno(EPERM)))),
    // Its flags are in memory, out of a filter's sight. The C library falls back to clone.
    ...when("equal", machine.clone3, answer(errno(ENOSYS))),
    ...when("equal", machine.clone, [
      ...load(ARGUMENT_0),
      ...when("bits", NEW_NAMESPACES, answer(errno(EPERM))),
      ...answer(ALLOW),
    ]),
    ...when("equal", machine.socket, [
      ...load(ARGUMENT_0),
      ...Object.values(ALLOWED_FAMILIES).flatMap((family) => when("equal", family, answer(ALLOW))),
      ...answer(errno(EAFNOSUPPORT)),
    ]),
    ...answer(ALLOW),
  ]);
}

// Instructions, `linux/bpf_common.h`. Each is a 16-bit code, two jump distances and a 32-bit value.
const LOAD_WORD = 0x20;
const RETURN = 0x06;
const JUMP_IF = { equal: 0x15, "greater-or-equal": 0x35, bits: 0x45 };
type Test = keyof typeof JUMP_IF;

function instruction(code: number, value: number, ifTrue = 0, ifFalse = 0): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(ifTrue, 2);
  bytes.writeUInt8(ifFalse, 3);
  bytes.writeUInt32LE(value >>> 0, 4);
  return bytes;
}

/** Takes a word of the call's data for the tests that follow. */
const load = (offset: number) => [instruction(LOAD_WORD, offset)];
const answer = (result: number) => [instruction(RETURN, result)];
/** Does `steps` only if the word passes the test. */
const when = (test: Test, value: number, steps: Buffer[]) => [
  instruction(JUMP_IF[test], value, 0, steps.length),
  ...steps,
];
/** Does `steps` only if the word does not pass the test. */
const unless = (test: Test, value: number, steps: Buffer[]) => [
  instruction(JUMP_IF[test], value, steps.length, 0),
  ...steps,
];
