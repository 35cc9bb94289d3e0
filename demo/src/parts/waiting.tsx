/** Marks what rests on Commands that the server has not processed yet. */
export const Waiting = () => (
  <span className="badge waiting" title="On this device, and not confirmed by the server yet">
    Waiting
  </span>
)
