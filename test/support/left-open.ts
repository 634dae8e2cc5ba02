/** What a test that failed before its own close left open: it must not keep the process alive. */
const open = new Set<() => Promise<void>>();

/** `close` may be called twice. */
export function closeInTheEnd(close: () => Promise<void>): void {
  open.add(close);
}

/** At the end of a file. */
export async function closeLeft(): Promise<void> {
  const left = [...open];
  open.clear();
  await Promise.all(left.map((close) => close()));
}
