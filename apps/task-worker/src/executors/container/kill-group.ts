/** Ends a program and what is left of its process group. In a file of its own: the process that starts programs has to stay small. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}
