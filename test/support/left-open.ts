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

/** What the files of a shared process use one after the other, and what closes it. */
const kept = new Set<() => Promise<void>>();
let isShared = false;

/** From here on the process is one that several files share. */
export function shareProcess(): void {
  isShared = true;
}

/** Whether something may be kept for the next file; then it is closed at the end of the process. */
export function keepForNextFile(close: () => Promise<void>): boolean {
  if (isShared) kept.add(close);
  return isShared;
}

/** At the end of the process, which would wait for a timer of PGlite's otherwise. */
export async function closeKept(): Promise<void> {
  await Promise.all([...kept].map((close) => close().catch(() => undefined)));
}
