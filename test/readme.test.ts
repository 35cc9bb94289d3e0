/** Every code block of the README is type-checked, built and run against the package as it is published, in an empty Vite app. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { messageOf } from '../src/errors.ts'
import { launchChromium } from './browser/support/chromium.ts'
import { serve } from './browser/support/serve.ts'
import { bin, packPackage, root, run } from './support/build.mjs'
import { type App, layOut, readReadme, wrongCommands } from './support/readme.ts'

const commands = {
  scripts: Object.keys(manifest.scripts),
  known: [manifest.name, ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }), 'react-dom'],
}
const settings = {
  compilerOptions: {
    target: 'ES2023',
    module: 'ESNext',
    moduleResolution: 'bundler',
    lib: ['ES2023', 'DOM', 'DOM.Iterable'],
    types: ['vite/client'],
    jsx: 'react-jsx',
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    allowImportingTsExtensions: true,
    isolatedModules: true,
    noEmit: true,
  },
}

let folder: string
let chromium: BrowserContext

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'outpost-readme-'))
  const tools = ['vite', 'vitest', 'typescript', 'react', 'react-dom', '@types/react', '@types/react-dom', 'zod'] as const
  const versions = tools.map((name) => {
    const { version } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }
    return [name, version]
  })
  const dependencies = { ...Object.fromEntries(versions), [manifest.name]: `file:${packPackage()}` }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module', dependencies }))
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock'], folder)
  chromium = await launchChromium()
})
afterAll(async () => {
  await chromium?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Lays the app out, checks its types, builds it, opens its pages. @returns what went wrong */
async function problemsOf(app: App, name: string, patienceMs = 15_000): Promise<string[]> {
  const home = join(folder, name)
  const { files, pages } = layOut(app)
  for (const [path, text] of Object.entries({ ...files, 'tsconfig.json': JSON.stringify(settings) })) {
    mkdirSync(dirname(join(home, path)), { recursive: true })
    writeFileSync(join(home, path), text)
  }
  try {
    run(bin('tsc', folder), ['-p', '.'], home)
    if (Object.keys(files).some((path) => /\.test\.tsx?$/.test(path))) run(bin('vitest', folder), ['run'], home)
    if (pages.length === 0) return []
    run(bin('vite', folder), ['build', '--logLevel', 'error'], home)
  } catch (error) {
    return [messageOf(error)]
  }
  const problems = []
  for (const page of pages) {
    // Another port is another origin: no page finds what an earlier one has stored.
    const served = await serve(join(home, 'dist'), { respond: isFavicon })
    try {
      problems.push(...(await open(served.url, page, patienceMs)))
    } finally {
      await served.close()
    }
  }
  return problems
}

type Page = ReturnType<typeof layOut>['pages'][number]

/** Browsers ask for it unasked, and report as an error of the page that there is none. */
const isFavicon = (request: IncomingMessage, response: ServerResponse): boolean => {
  if (request.url === '/favicon.ico') response.writeHead(204).end()
  return request.url === '/favicon.ico'
}

async function open(url: string, { path, shows, isSnippets }: Page, patienceMs: number): Promise<string[]> {
  const page = await chromium.newPage()
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(`${path}: ${error.message}`))
  page.on('console', (message) => message.type() === 'error' && problems.push(`${path}: ${message.text()}`))
  const shown = async (): Promise<string> => (await page.locator('body').innerText()).replaceAll(/\s+/g, ' ')
  try {
    await page.goto(url + path)
    for (const text of shows)
      await page
        .waitForFunction((wanted) => document.body.innerText.replaceAll(/\s+/g, ' ').includes(wanted), text, { timeout: patienceMs })
        .catch(async () => problems.push(`${path} does not show "${text}" but "${await shown()}".`))
    if (isSnippets) {
      const found = await page.waitForFunction(() => document.body.dataset['problems'], undefined, { timeout: 60_000 })
      problems.push(...(JSON.parse((await found.jsonValue()) ?? '[]') as string[]))
    }
    return problems
  } catch (error) {
    return [...problems, `${path}: ${String(error)}`]
  } finally {
    await page.close()
  }
}

describe('the README', () => {
  const path = join(root, 'README.md')
  const readme = readReadme(existsSync(path) ? readFileSync(path, 'utf8') : '')

  test('is there and has a complete app, with blocks that something checks', () => {
    expect(readme.problems).toEqual([])
    expect(readme.apps.some(({ files }) => [...files.keys()].some((file) => /main\.tsx?$/.test(file)))).toBe(true)
  })
  test('names commands that exist', () => {
    expect(readme.commands.length).toBeGreaterThan(0)
    expect(wrongCommands(readme, commands)).toEqual([])
  })
  test.each(readme.apps.map((app, i) => ({ name: `app-${i + 1}`, title: [...app.files.keys()].join(', '), app })))(
    'has an app that compiles, builds and shows what it says: $name ($title)',
    async ({ app, name }) => {
      expect(await problemsOf(app, name)).toEqual([])
    },
  )
})

describe('the way a README is checked', () => {
  const block = (language: string, ...lines: readonly string[]): string => ['```' + language, ...lines, '```', ''].join('\n')
  const domain = block(
    'ts',
    '// domain.ts',
    `import { domain } from 'outpost'`,
    `export const shop = domain('shop', { aggregates: [], readModels: [] })`,
  )
  const main = block(
    'ts',
    '// main.ts',
    `import { shop } from './domain.ts'`,
    `const app = { count: 3, name: shop.name }`,
    `document.querySelector('#app')!.textContent = \`\${app.count} on hand\``,
  )
  const problemsIn = async (markdown: string, name: string, patienceMs?: number): Promise<string[]> => {
    const { apps, problems } = readReadme(markdown)
    return [...problems, ...(await Promise.all(apps.map((app, i) => problemsOf(app, `${name}-${i}`, patienceMs)))).flat()]
  }

  test('takes blocks with a file name as the files of an app, and a name given again as the next app', () => {
    const { apps } = readReadme([domain, main, '<!-- shows: 3 on hand -->', domain].join('\n'))
    expect(apps.map(({ files }) => [...files.keys()])).toEqual([['domain.ts', 'main.ts'], ['domain.ts']])
    expect(apps[0]?.shows).toMatchObject([{ page: 'main.ts', text: '3 on hand' }])
  })
  test('is content with a README whose app, snippets and values are right', async () => {
    const snippet = block(
      'ts',
      `const { count } = app`,
      `console.log(count) // → 3`,
      `app // → { count: 3, name: … }`,
      `shop.name // → shop`,
    )
    expect(await problemsIn([domain, main, '<!-- shows: 3 on hand -->', snippet].join('\n'), 'right')).toEqual([])
  })
  test('finds a page that shows something else', async () => {
    expect(await problemsIn([domain, main, '<!-- shows: 4 on hand -->'].join('\n'), 'page', 3_000)).toEqual([
      'index.html does not show "4 on hand" but "3 on hand".',
    ])
  })
  test('finds a wrong type in a file and in a snippet', async () => {
    const shows = '<!-- shows: 3 on hand -->'
    expect(await problemsIn([domain.replace(`'shop'`, '1'), main, shows].join('\n'), 'type')).toMatchObject([
      expect.stringContaining('domain.ts(3,'),
    ])
    const snippet = block('ts', 'app.cuont')
    expect(await problemsIn([domain, main, shows, snippet].join('\n'), 'snippet')).toMatchObject([expect.stringContaining('cuont')])
  })
  test('finds a value that is another, a snippet that throws and a page that logs an error', async () => {
    const snippets = [block('ts', 'const n = app.count // → 4'), block('ts', `throw new Error('no')`), block('ts', `console.error('odd')`)]
    const found = await problemsIn([domain, main, '<!-- shows: 3 on hand -->', ...snippets].join('\n'), 'values')
    expect(found).toHaveLength(3)
    expect(found.join('\n')).toMatch(/odd[^]*says "4", but it is "3"[^]*throws Error: no/)
  })
  test('finds a file that no page loads and that throws when it is loaded', async () => {
    const broken = block(
      'ts',
      '// rules.ts',
      `import { OutpostError } from 'outpost'`,
      `throw new OutpostError('invalid-domain', 'no rules')`,
    )
    expect(await problemsIn(broken, 'file')).toEqual(['The file at line 2 throws OutpostError: no rules'])
  })
  test('finds a test that fails', async () => {
    const failing = block('ts', '// shop.test.ts', `import { expect, test } from 'vitest'`, `test('a', () => expect(1).toBe(2))`)
    expect(await problemsIn(failing, 'test')).toMatchObject([expect.stringContaining('expected 1 to be 2')])
    const bare = block('ts', '// bare.test.ts', `if (1 < 2) throw new Error('one is less')`)
    expect(await problemsIn(bare, 'bare')).toMatchObject([expect.stringContaining('one is less')])
  })
  test('wants every block checked, every block ended, and every page described', () => {
    expect(readReadme(block('rust', 'fn main() {}')).problems).toEqual(['Line 2: a block of "rust" is checked by nothing.'])
    expect(readReadme('```ts\nconst a = 1').problems).toEqual(['Line 1: the block does not end.'])
    expect(readReadme(main).problems).toEqual(['Line 2: nothing says what the page of main.ts shows.'])
    expect(readReadme('<!-- shows: 1 -->').problems).toHaveLength(1)
  })
  test('knows the commands of the package', () => {
    const text = block(
      'sh',
      'npm install outpost zod',
      'npm ci && npm run demo   # then open it',
      'npm test',
      'PORT=8080 npm run demo',
      '# a remark',
    )
    expect(wrongCommands(readReadme(text), commands)).toEqual([])
    const wrong = block('sh', 'npm run demmo', 'npm install outposts', 'curl example.org')
    expect(wrongCommands(readReadme(wrong), commands)).toHaveLength(3)
  })
})
