/**
 * Draws the icons in `public/`: `node demo/draw-icons.mjs "$(node test/support/find-chromium.mjs)"`. What it draws is kept in
 * the repository, so that a build needs no browser.
 */
import { writeFile } from 'node:fs/promises'
import { chromium } from 'playwright-core'

const [, , executablePath] = process.argv
if (executablePath === undefined) throw new Error('Say where a Chromium is: node demo/draw-icons.mjs /usr/bin/chromium')

const green = '#1d6b59'
const paper = '#fffdf8'

/**
 * Three lines of a book, on green.
 *
 * @param {{ radius: number, scale: number }} form in a square of 32; platforms that cut a shape of their own out of the square
 *   leave its inner 80 %
 */
const drawing = ({ radius, scale }) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="${radius}" fill="${green}"/>` +
  `<g transform="translate(16 16) scale(${scale}) translate(-16 -16)"><path d="M8 22h16M8 16h16M8 10h10" fill="none" ` +
  `stroke="${paper}" stroke-width="3" stroke-linecap="round"/></g></svg>\n`

const rounded = drawing({ radius: 8, scale: 1 })
const square = drawing({ radius: 0, scale: 0.85 })

const icons = [
  { name: 'icon-192.png', size: 192, svg: rounded },
  { name: 'icon-512.png', size: 512, svg: rounded },
  { name: 'icon-maskable-512.png', size: 512, svg: square },
  { name: 'apple-touch-icon.png', size: 180, svg: square },
]

const folder = new URL('./public/', import.meta.url)
await writeFile(new URL('icon.svg', folder), rounded)
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
try {
  for (const { name, size, svg } of icons) {
    const page = await browser.newPage({ viewport: { width: size, height: size } })
    await page.setContent(`<style>body { margin: 0 } svg { display: block; width: ${size}px }</style>${svg}`)
    await writeFile(new URL(name, folder), await page.screenshot({ omitBackground: true }))
    await page.close()
  }
} finally {
  await browser.close()
}
