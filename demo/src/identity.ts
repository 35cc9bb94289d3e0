/**
 * Who is at this browser, for all its tabs: the actor of the Commands given here, and whose book is open. A name is all that is
 * asked: a book that lies on this device alone is as safe as the device.
 */
export interface Identity {
  readonly name: string
  readonly signedIn: boolean
}

const key = 'stockroom.name'

/** Whoever has not signed in. */
const guest = 'storekeeper'
const longest = 40

/** Why nobody can sign in under this name; undefined where one can. */
export function problemOfName(name: string): string | undefined {
  if (name === '') return 'Say a name.'
  if (name.length > longest) return `A name has at most ${longest} letters.`
  if (name === guest) return `“${guest}” is whoever has not signed in. Take another name.`
  // Half of a surrogate pair, which no database can be named after.
  return /\p{Surrogate}/u.test(name) ? 'This name has half a letter in it. Type it anew.' : undefined
}

function storedName(): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null // Where the page may store nothing, nobody is signed in; the book says what is missing.
  }
}

export function readIdentity(): Identity {
  const name = storedName()
  return name === null || problemOfName(name) !== undefined ? { name: guest, signedIn: false } : { name, signedIn: true }
}

/** Opens the start page anew, with the book of whoever is signed in now. */
const openAnew = (): void => location.assign(`${location.pathname}${location.search}`)

/** @param name one that has no problem */
export function signIn(name: string): void {
  localStorage.setItem(key, name)
  openAnew()
}

/** What the book holds stays on the device. */
export function signOut(): void {
  localStorage.removeItem(key)
  openAnew()
}

/** Who signs in or out in one tab does so in all: a tab that is left open must not show another person's book. */
export function followOtherTabs({ name }: Identity): void {
  const look = (): void => {
    if (readIdentity().name !== name) openAnew()
  }
  addEventListener('storage', ({ key: changed }) => {
    if (changed === key || changed === null) look()
  })
  // A page that was kept while one went back and forth has heard of nothing.
  addEventListener('pageshow', look)
}
