/**
 * What a README promises, as something that can be run.
 *
 * The convention: a `ts`, `tsx`, `html`, `css` or `json` block whose first line is a comment with a file name (`// src/main.ts`) is a
 * file of an app; a name that the app already has begins the next app. Other `ts` and `tsx` blocks are snippets of the app above:
 * each is a module of its own that may use whatever the app's files declare, and runs after them in the page. `// → text` at the end
 * of a statement says its value (or what `console.log` prints), with `…` for anything. `<!-- shows: text -->`, which a reader does
 * not see, says what the app's page shows. `sh` blocks hold commands that exist; `text` blocks are for the eye.
 */
import { posix } from 'node:path'
import { parseSync } from 'vite'

export interface Block {
  readonly language: string
  /** From the comment in its first line. */
  readonly file: string | undefined
  readonly code: string
  /** 1-based line of the README where the code begins. */
  readonly line: number
}

export interface App {
  readonly files: ReadonlyMap<string, Block>
  readonly snippets: readonly { readonly block: Block; readonly name: string; readonly code: string }[]
  /** Texts that a page must show, by the file that starts the page. */
  readonly shows: readonly { readonly page: string; readonly text: string; readonly line: number }[]
}

export interface Readme {
  readonly apps: readonly App[]
  readonly commands: readonly { readonly text: string; readonly line: number }[]
  /** What does not fit the convention. */
  readonly problems: readonly string[]
}

const fileComment = /^(?:\/\/|\/\*|<!--|#)\s*([\w./-]+\.\w+)\s*(?:\*\/|-->)?\s*$/
/** Files that start a page: `main.ts`, `src/main.tsx` … */
const isMain = (file: string): boolean => /(^|\/)main[\w-]*\.tsx?$/.test(file)

/** Every fenced block and every `shows` remark, in order. */
function* parts(markdown: string): Generator<{ block: Block } | { shows: string; line: number } | { problem: string }> {
  const lines = markdown.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const text = lines[i] as string
    const shows = /^\s*<!--\s*shows:\s*(.*?)\s*-->\s*$/.exec(text)?.[1]
    if (shows !== undefined) yield { shows, line: i + 1 }
    const fence = /^(\s*)(`{3,}|~{3,})\s*(\S*)/.exec(text)
    if (!fence) continue
    const [, indent = '', ticks = '', language = ''] = fence
    const start = i + 1
    while (++i < lines.length && !(lines[i] as string).trimStart().startsWith(ticks));
    if (i === lines.length) {
      yield { problem: `Line ${start}: the block does not end.` }
      return
    }
    const code = lines.slice(start, i).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
    yield { block: { language, file: fileComment.exec(code[0] ?? '')?.[1], code: code.join('\n'), line: start + 1 } }
  }
}

export function readReadme(markdown: string): Readme {
  const apps: { files: Map<string, Block>; snippets: { block: Block; name: string; code: string }[]; shows: App['shows'][number][] }[] = []
  const commands: { text: string; line: number }[] = []
  const problems: string[] = []
  const newApp = () => apps[apps.push({ files: new Map(), snippets: [], shows: [] }) - 1] as (typeof apps)[number]

  for (const part of parts(markdown)) {
    const app = apps.at(-1)
    if ('problem' in part) problems.push(part.problem)
    else if ('shows' in part) {
      const page = [...(app?.files.keys() ?? [])].findLast(isMain)
      if (!app || page === undefined) problems.push(`Line ${part.line}: there is no main file above that could show "${part.shows}".`)
      else app.shows.push({ page, text: part.shows, line: part.line })
    } else place(part.block, app)
  }
  for (const { files, shows } of apps)
    for (const [file, { line }] of files)
      if (isMain(file) && !shows.some(({ page }) => page === file))
        problems.push(`Line ${line}: nothing says what the page of ${file} shows.`)
  return { apps, commands, problems }

  function place(block: Block, app: (typeof apps)[number] | undefined): void {
    const { language, file, code, line } = block
    if (/^(ts|tsx|js|html|css|json)$/.test(language) && file !== undefined)
      (!app || app.files.has(file) ? newApp() : app).files.set(file, block)
    else if (/^tsx?$/.test(language)) {
      const { snippets, files } = app ?? newApp()
      const name = `snippet-${line}.${language}`
      snippets.push({ block, name, code: snippetModule(block, files) })
    } else if (language === 'sh')
      code.split('\n').forEach((text, i) => {
        if (text.trim() !== '' && !text.trimStart().startsWith('#')) commands.push({ text: text.trim(), line: line + i })
      })
    else if (language === 'json') JSON.parse(code)
    else if (language !== 'text') problems.push(`Line ${line}: a block of "${language}" is checked by nothing.`)
  }
}

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

function statementsOf(file: string, code: string): readonly Node[] {
  const { program, errors } = parseSync(file, code)
  if (errors[0]) throw new Error(`${file} does not parse: ${errors[0].message}`)
  return program.body as unknown as readonly Node[]
}

/** Names that a module declares at its top, imports apart; destructuring included. */
function declaredBy(statement: Node): string[] {
  const inner = (statement['declaration'] as Node | null | undefined) ?? statement
  const bound = (pattern: Node | null): string[] => {
    if (!pattern) return []
    if (pattern.type === 'Identifier') return [pattern['name'] as string]
    const under = [pattern['properties'], pattern['elements'], pattern['value'], pattern['argument'], pattern['left']].flat()
    return under.flatMap((one) => bound((one ?? null) as Node | null))
  }
  if (inner.type === 'VariableDeclaration') return (inner['declarations'] as readonly Node[]).flatMap(({ id }) => bound(id as Node))
  return /^(Function|Class)Declaration$/.test(inner.type) ? bound(inner['id'] as Node | null) : []
}

const importedBy = (statement: Node): string[] =>
  statement.type === 'ImportDeclaration'
    ? (statement['specifiers'] as readonly Node[]).map(({ local }) => (local as Node)['name'] as string)
    : []

/** A file as the app gets it: what it declares without exporting can be used by snippets too. */
export function fileModule({ file = '', code }: Block): string {
  if (!/\.tsx?$/.test(file) || file.endsWith('.d.ts')) return code
  // A file of bare `given … then` is a test for any runner; here it needs one.
  if (/\.test\.tsx?$/.test(file))
    return /from 'vitest'/.test(code) ? code : `import { test } from 'vitest'\n${code}\ntest('holds', () => {})\n`
  const kept = statementsOf(file, code)
    .filter(({ type }) => !type.startsWith('Export'))
    .flatMap(declaredBy)
  return kept.length === 0 ? code : `${code}\nexport { ${kept.join(', ')} }\n`
}

/** A snippet as a module: what it uses of the app's files is imported, what it says about values is compared. */
function snippetModule(block: Block, files: ReadonlyMap<string, Block>): string {
  const { code, line, language } = block
  const statements = statementsOf(`README line ${line}.${language}`, code)
  const own = new Set(statements.flatMap((statement) => [...declaredBy(statement), ...importedBy(statement)]))
  const imports: string[] = []
  for (const [path, { code: text }] of [...files].reverse()) {
    if (!/\.tsx?$/.test(path) || /\.(worker|test)\./.test(path)) continue
    const used = statementsOf(path, text)
      .flatMap(declaredBy)
      .filter((name) => !own.has(name) && new RegExp(`(?<![\\w$.])${name.replaceAll('$', '\\$')}(?![\\w$])`).test(code))
    for (const name of used) own.add(name)
    if (used.length > 0) imports.push(`import { ${used.join(', ')} } from './${path}'`)
  }
  let text = code
  for (const statement of [...statements].reverse()) {
    const said = /^[;\s]*\/\/ → (.*)/.exec(code.slice(statement.end).split('\n')[0] ?? '')?.[1]
    if (said === undefined) continue
    const at = line + code.slice(0, statement.end).split('\n').length - 1
    const wanted = `${JSON.stringify(said.trim())}, ${at}`
    text = text.slice(0, statement.start) + compared(statement, code, wanted) + text.slice(statement.end)
  }
  return `${[...imports, `import { heard, listen, says } from './says.ts'`].join('; ')}\nvoid [heard, listen, says]\n${text}\nexport {}\n`
}

function compared(statement: Node, code: string, wanted: string): string {
  const source = code.slice(statement.start, statement.end)
  if (source.includes('console.log(')) return `;listen(); ${source}\n;says(heard(), ${wanted});`
  if (statement.type === 'VariableDeclaration') return `${source}; says([${declaredBy(statement).join(', ')}], ${wanted})`
  if (statement.type !== 'ExpressionStatement') throw new Error(`Only an expression or a declaration has a value to state: ${source}`)
  const expression = statement['expression'] as Node
  return `;says([${code.slice(expression.start, expression.end)}], ${wanted});`
}

/** The module that snippets compare with: collects what differs, prints values as Node does, on one line. */
export const saysModule = `
export const problems: string[] = []
const print = (value: unknown): string => {
  if (typeof value === 'string') return \`'\${value}'\`
  if (typeof value === 'bigint') return \`\${value}n\`
  if (Array.isArray(value)) return value.length === 0 ? '[]' : \`[ \${value.map(print).join(', ')} ]\`
  if (value instanceof Error) return \`\${value.name}: \${value.message}\`
  if (typeof value !== 'object' || value === null) return String(value)
  const entries = Object.entries(value).map(([key, one]) => \`\${/^[a-z_$][\\w$]*$/i.test(key) ? key : \`'\${key}'\`}: \${print(one)}\`)
  return entries.length === 0 ? '{}' : \`{ \${entries.join(', ')} }\`
}
const log = console.log
let printed: unknown[] = []
export function listen(): void {
  printed = []
  console.log = (...values: unknown[]) => void printed.push(...values)
}
export function heard(): readonly unknown[] {
  console.log = log
  return printed
}
export function says(values: readonly unknown[], wanted: string, line: number): void {
  const got = values.map((value) => (typeof value === 'string' ? value : print(value))).join(' ')
  const pattern = wanted.split('…').map((part) => part.trim().replace(/[.*+?^$\{}()|[\\]\\\\]/g, '\\\\$&')).join('[^]*')
  const plain = (text: string) => text.replaceAll("'", '').replaceAll(/\\s+/g, '')
  if (!new RegExp(\`^\${plain(pattern)}$\`).test(plain(got))) problems.push(\`Line \${line} says "\${wanted}", but it is "\${got}".\`)
}
`

/** Files that a page can load and that do nothing but declare. */
const isModule = (file: string): boolean => /\.tsx?$/.test(file) && !isMain(file) && !/\.(worker|test|d|config)\.ts/.test(file)

/**
 * The page that loads every module of an app, also those that no main file needs, and runs its snippets, one after another. What went
 * wrong is in `document.body.dataset.problems` afterwards.
 */
export function snippetsModule({ files, snippets }: App): string {
  const modules = [...files].filter(([file]) => isModule(file)).map(([file, { line }]) => ({ file, what: `The file at line ${line}` }))
  const all = [...modules, ...snippets.map(({ name, block }) => ({ file: name, what: `The snippet at line ${block.line}` }))]
  const runs = all.map(
    ({ file, what }) => `try { await import('./${file}') } catch (error) { problems.push(\`${what} throws \${error}\`) }`,
  )
  return `import { problems } from './says.ts'\n${runs.join('\n')}\ndocument.body.dataset['problems'] = JSON.stringify(problems)\nexport {}\n`
}

/** The page of Vite's own template, for a script. */
export const pageOf = (script: string): string =>
  `<!doctype html>
<html lang="en">
  <head><meta charset="UTF-8" /><meta name="viewport" content="width=device-width, initial-scale=1.0" /><title>App</title></head>
  <body>
    <div id="${script.endsWith('x') ? 'root' : 'app'}"></div>
    <script type="module" src="/${script}"></script>
  </body>
</html>
`

const viteConfig = (pages: readonly string[]): string =>
  `export default { build: { rolldownOptions: { input: ${JSON.stringify(pages)} } } }\n`

/** An app's files on disk, by path, and its pages: what to open, which texts it shows. */
export function layOut(app: App): {
  readonly files: Readonly<Record<string, string>>
  readonly pages: readonly { readonly path: string; readonly shows: readonly string[]; readonly isSnippets: boolean }[]
} {
  const files: Record<string, string> = {}
  for (const [path, block] of app.files) files[path] = fileModule(block)
  const mains = [...app.files.keys()].filter(isMain)
  const pages = mains.map((main, i) => {
    const path = i === 0 ? 'index.html' : `${posix.basename(main).replace(/\.tsx?$/, '')}-${i + 1}.html`
    files[path] ??= pageOf(main)
    return { path, shows: app.shows.filter(({ page }) => page === main).map(({ text }) => text), isSnippets: false }
  })
  const hasSnippets = app.snippets.length > 0 || [...app.files.keys()].some(isModule)
  const all = [...pages.map(({ path }) => path), ...(hasSnippets ? ['snippets.html'] : [])]
  if (all.join() !== 'index.html' && !Object.hasOwn(files, 'vite.config.ts')) files['vite.config.js'] = viteConfig(all)
  if (!hasSnippets) return { files, pages }
  for (const { name, code } of app.snippets) files[name] = code
  files['says.ts'] = saysModule
  files['snippets.ts'] = snippetsModule(app)
  files['snippets.html'] = (files['index.html'] ?? pageOf('snippets.ts')).replace(/(<script type="module" src=")[^"]*/, '$1/snippets.ts')
  return { files, pages: [...pages, { path: 'snippets.html', shows: [], isSnippets: true }] }
}

/** Each command that does not exist, as a sentence. */
export function wrongCommands(
  { commands }: Readme,
  { scripts, known }: { readonly scripts: readonly string[]; readonly known: readonly string[] },
): string[] {
  const isRight = (command: string): boolean => {
    const [tool, verb, ...rest] = command.replace(/^\w+=\S+\s+/, '').split(/\s+/)
    if (tool === 'git') return verb === 'clone'
    if (tool === 'cd') return true
    if (tool !== 'npm') return false
    if (verb === 'ci' || verb === 'create') return true
    if (verb === 'test') return scripts.includes('test')
    if (verb === 'run') return scripts.includes(rest[0] ?? '')
    return /^(install|i|add)$/.test(verb ?? '') && rest.filter((name) => !name.startsWith('-')).every((name) => known.includes(name))
  }
  return commands.flatMap(({ text, line }) =>
    text
      .replace(/\s+#.*$/, '')
      .split(/\s*&&\s*/)
      .filter((command) => !isRight(command))
      .map((command) => `Line ${line}: \`${command}\` is no command of this package.`),
  )
}
