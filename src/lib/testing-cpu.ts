/** Processor time that this thread takes for the work, in milliseconds: unlike the clock, the same on a busy machine. For tests only. */
export function cpuMsOf(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}
