/** Those who wait until rows show a position. */
export class PositionWaiters {
  #waiting: { readonly position: number; readonly resolve: () => void }[] = []

  wait(position: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ position, resolve }))
  }

  /** Wakes those who wait for this position, or for less. */
  wake(position: number): void {
    const waiting = this.#waiting
    this.#waiting = waiting.filter((each) => each.position > position)
    for (const each of waiting) if (each.position <= position) each.resolve()
  }

  wakeAll(): void {
    this.wake(Infinity)
  }
}
