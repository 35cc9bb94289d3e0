/** Tells everybody who waits that the server closes. (An AbortSignal warns where more than ten listen.) */
export class Closing {
  readonly #waiting = new Set<() => void>()
  #begun = false

  get begun(): boolean {
    return this.#begun
  }
  /** @param stop called once, when closing begins @returns takes it back */
  onBegun(stop: () => void): () => void {
    this.#waiting.add(stop)
    return () => void this.#waiting.delete(stop)
  }
  begin(): void {
    this.#begun = true
    for (const stop of this.#waiting) stop()
    this.#waiting.clear()
  }
}
