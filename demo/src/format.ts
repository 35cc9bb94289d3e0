/** Numbers and instants as words. The texts are English, so the formats are too. */
const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 })
const signed = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0, signDisplay: 'exceptZero' })
const day = new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long' })
const shortDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const preciseTime = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

export const formatNumber = (value: number): string => whole.format(value)
export const formatChange = (value: number): string => signed.format(value).replace('-', '−')
export const formatDay = (at: number): string => day.format(at)
export const formatShortDay = (at: number): string => shortDay.format(at)
export const formatTime = (at: number): string => time.format(at)
export const formatPreciseTime = (at: number): string => preciseTime.format(at)

/** The time alone where it was today. */
export const formatInstant = (at: number, now = Date.now()): string =>
  new Date(at).toDateString() === new Date(now).toDateString() ? preciseTime.format(at) : `${shortDay.format(at)}, ${time.format(at)}`

/** `1 order`, `2 orders` */
export const count = (value: number, one: string, many = `${one}s`): string => `${formatNumber(value)} ${value === 1 ? one : many}`

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let [value, unit] = [bytes, 0]
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1]
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ''}`
}

export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 1) return 'less than a second'
  if (seconds < 60) return count(seconds, 'second')
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** Order ids in groups, as one reads them out. */
export const formatOrderId = (orderId: string): string => {
  const [id = '', occurrence] = orderId.split('-')
  const short = /^[0-9A-Z]{16}$/.test(id) ? `${id.slice(0, 4)} ${id.slice(4, 8)}` : orderId
  return occurrence !== undefined && short !== orderId ? `${short}·${occurrence}` : short
}

/** The first letters of an id that nobody reads out. */
export const shortId = (id: string): string => (id.length > 14 ? `${id.slice(0, 8)}…` : id)
