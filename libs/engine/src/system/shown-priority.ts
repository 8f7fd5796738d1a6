/** The engine runs smaller priorities first; graph tasks are shown 10 as the most urgent. */
export function shownPriority(priority: number): number {
  return 11 - priority;
}
