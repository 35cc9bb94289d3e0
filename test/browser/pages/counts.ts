/** Counts kept in a worker, which its page asks for past the SDK. */

/** In the worker. */
export function answerCount(channelName: string, count: () => number): void {
  const channel = new BroadcastChannel(channelName)
  channel.addEventListener('message', ({ data }) => {
    if (data === 'how many?') channel.postMessage(count())
  })
}

/** On the page. */
export async function askCount(channelName: string): Promise<number> {
  const channel = new BroadcastChannel(channelName)
  try {
    return await new Promise<number>((resolve) => {
      channel.addEventListener('message', ({ data }) => typeof data === 'number' && resolve(data))
      channel.postMessage('how many?')
    })
  } finally {
    channel.close()
  }
}
