/**
 * Keys as bytes that PostgreSQL orders as `compareKeys` does, and equal exactly where the keys are. Text is no good for that: it
 * can hold neither NUL nor half a surrogate pair, and sorts by code point.
 *
 *     number  10 · its 64 bits, so turned that they sort
 *     Date    20 · as a number
 *     string  30 · text · 00
 *     array   40 · each part · 00
 *
 * Text is written a UTF-16 code unit at a time, each as UTF-8 writes a code point (CESU-8): it sorts by code unit, and ASCII stays
 * readable. A NUL in it is written 00 FF: all that may follow the end of a string is less than FF.
 */
import { OutpostError } from '../../errors.ts'
import { isKey } from '../key.ts'
import type { Key } from '../storage.ts'

const NUMBER = 0x10
const DATE = 0x20
const STRING = 0x30
const ARRAY = 0x40
const END = 0x00
const ESCAPED = 0xff

/** @throws `storage-failed` where it is no key */
export function keyBytes(key: unknown): Uint8Array {
  if (!isKey(key)) throw new OutpostError('storage-failed', `${String(key)} is no key: use numbers, strings, Dates and arrays of them.`)
  const bytes: number[] = []
  writeKey(key, bytes)
  return Uint8Array.from(bytes)
}

function writeKey(key: Key, into: number[]): void {
  if (typeof key === 'number') into.push(NUMBER, ...sortableNumber(key))
  else if (key instanceof Date) into.push(DATE, ...sortableNumber(key.getTime()))
  else if (typeof key === 'string') {
    into.push(STRING)
    for (const byte of textBytes(key)) {
      into.push(byte)
      if (byte === END) into.push(ESCAPED)
    }
    into.push(END)
  } else {
    into.push(ARRAY)
    for (const part of key) writeKey(part, into)
    into.push(END)
  }
}

/** Positive numbers with the sign bit set, negative ones with every bit turned: then they sort as unsigned integers. */
function sortableNumber(number: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, number === 0 ? 0 : number)
  const bits = view.getBigUint64(0)
  view.setBigUint64(0, bits >> 63n === 0n ? bits | (1n << 63n) : ~bits)
  return new Uint8Array(view.buffer)
}

/** Bytes of a text, for whatever it begins with the beginning of its own; see above. The inverse of {@link textOf}. */
export function textBytes(text: string): Uint8Array {
  if (!/[\ud800-\udfff]/.test(text)) return new TextEncoder().encode(text)
  const bytes: number[] = []
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) bytes.push(unit)
    else if (unit < 0x800) bytes.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f))
    else bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f))
  }
  return Uint8Array.from(bytes)
}

/** The inverse of {@link textBytes}. */
export function textOf(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length;) {
    const first = bytes[i++] as number
    const next = (): number => (bytes[i++] as number) & 0x3f
    text += String.fromCharCode(
      first < 0x80 ? first : first < 0xe0 ? ((first & 0x1f) << 6) | next() : ((first & 0x0f) << 12) | (next() << 6) | next(),
    )
  }
  return text
}

/** Bytes as a text that is equal exactly where they are, for a Map. */
export const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** The first bytes after all texts that begin with this one: no text holds FF. */
export const afterTextsBeginning = (prefix: string): Uint8Array => Uint8Array.from([...textBytes(prefix), 0xff])
