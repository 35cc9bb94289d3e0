/** The import graph of a folder of TypeScript, as the parser sees it: types and values apart. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { parseSync } from 'vite'

export interface Edge {
  /** As written. */
  readonly specifier: string
  /** Path of the imported file below the folder, or undefined for a library. */
  readonly file: string | undefined
  /** `value` where anything of it is there at run time. */
  readonly kind: 'value' | 'type'
}

export interface Module {
  readonly edges: readonly Edge[]
  readonly lines: number
  /** Names of the surroundings (`window`, `process` …) that are read while the module is evaluated. */
  readonly ambient: readonly string[]
  /** Names of the values that it exports itself or hands on by name. */
  readonly exports: readonly string[]
}

/** By path below the folder, with `/`. */
export type Graph = ReadonlyMap<string, Module>

interface Node {
  readonly type: string
  readonly [key: string]: unknown
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'

const childrenOf = (node: Node): Node[] => Object.values(node).flat().filter(isNode)

function* everyNode(node: Node): Generator<Node> {
  yield node
  for (const child of childrenOf(node)) yield* everyNode(child)
}

/** @param files source text by path */
export function graphOf(files: Readonly<Record<string, string>>): Graph {
  return new Map(Object.entries(files).map(([path, text]) => [path, moduleOf(path, text)]))
}

/** The graph of every `.ts` and `.tsx` file below a folder. */
export function readGraph(folder: string): Graph {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => /\.tsx?$/.test(path) && !path.startsWith('dist/'))
    .sort()
  return graphOf(Object.fromEntries(paths.map((path) => [path, readFileSync(join(folder, path), 'utf8')])))
}

export function moduleOf(path: string, text: string): Module {
  const { program, errors } = parseSync(path, text)
  if (errors[0]) throw new Error(`${path} does not parse: ${errors[0].message}`)
  const root = program as unknown as Node
  const nodes = [...everyNode(root)]
  return {
    edges: nodes.flatMap((node) => edgeOf(path, node) ?? []),
    lines: text.trimEnd().split('\n').length,
    ambient: ambientNames(root),
    exports: nodes.flatMap(exportedValues),
  }
}

/** The variable that holds the name of a module which the user of a program gives: the one import that nobody can write out. */
const NAMED_BY_USER = 'namedByUser'

function edgeOf(path: string, node: Node): Edge | undefined {
  if (!/^(Import(Declaration|Expression)|Export(All|Named)Declaration|TSImportType)$/.test(node.type)) return undefined
  if (!isNode(node['source'])) return undefined
  const specifier = node['source']['value']
  if (typeof specifier !== 'string') {
    if (node['source']['name'] === NAMED_BY_USER) return undefined
    throw new Error(`${path} imports a computed name, which nothing can check: write it out.`)
  }
  const file = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined
  return { specifier, file, kind: isTypeOnly(node) ? 'type' : 'value' }
}

function isTypeOnly(node: Node): boolean {
  if (node.type === 'TSImportType' || node['importKind'] === 'type' || node['exportKind'] === 'type') return true
  const specifiers = (node['specifiers'] ?? []) as readonly Node[]
  return specifiers.length > 0 && specifiers.every((one) => one['importKind'] === 'type' || one['exportKind'] === 'type')
}

function exportedValues(node: Node): string[] {
  if (node.type === 'ExportDefaultDeclaration') return ['default']
  if (node.type !== 'ExportNamedDeclaration' || node['exportKind'] === 'type') return []
  const handedOn = ((node['specifiers'] ?? []) as readonly Node[])
    .filter((one) => one['exportKind'] !== 'type')
    .map((one) => (one['exported'] as Node)['name'] as string)
  const declared = node['declaration'] as Node | null
  if (!declared || declared.type.startsWith('TS')) return handedOn
  const ids =
    declared.type === 'VariableDeclaration' ? (declared['declarations'] as readonly Node[]).map((one) => one['id']) : [declared['id']]
  return [...handedOn, ...ids.filter(isNode).map((id) => id['name'] as string)]
}

const surroundings = new Set([
  'window',
  'document',
  'process',
  'self',
  'navigator',
  'location',
  'history',
  'localStorage',
  'sessionStorage',
  'indexedDB',
  'Buffer',
])

/** What evaluating the module reads at once. Bodies of functions run later; `typeof name` harms nowhere. */
function ambientNames(program: Node): string[] {
  const found = new Set<string>()
  const visit = (node: Node): void => {
    if (node.type === 'Identifier' && surroundings.has(node['name'] as string)) found.add(node['name'] as string)
    for (const child of evaluatedAtOnce(node)) visit(child)
  }
  visit(program)
  const own = new Set([...everyNode(program)].filter(({ type }) => type === 'VariableDeclarator').map(({ id }) => (id as Node)['name']))
  return [...found].filter((name) => !own.has(name))
}

function evaluatedAtOnce(node: Node): readonly Node[] {
  const all = (...keys: readonly string[]): Node[] => keys.flatMap((key) => node[key]).filter(isNode)
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'Identifier':
      return []
    case 'CallExpression': {
      const callee = all('callee').map((called) => (called.type === 'ParenthesizedExpression' ? (called['expression'] as Node) : called))
      const isCalledInPlace = callee.some(({ type }) => type.endsWith('FunctionExpression'))
      return [...(isCalledInPlace ? callee.flatMap(({ body }) => body as Node) : callee), ...all('arguments')]
    }
    case 'UnaryExpression':
      return node['operator'] === 'typeof' ? [] : all('argument')
    case 'MemberExpression':
      return node['computed'] === true ? all('object', 'property') : all('object')
    case 'Property':
    case 'MethodDefinition':
      return node['computed'] === true ? all('key', 'value') : all('value')
    case 'PropertyDefinition':
      return [...(node['computed'] === true ? all('key') : []), ...(node['static'] === true ? all('value') : [])]
    case 'ExportNamedDeclaration':
      return all('declaration')
    case 'VariableDeclarator':
      return all('init')
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSNonNullExpression':
    case 'TSTypeAssertion':
      return all('expression')
    default:
      return node.type.startsWith('TS') ? [] : childrenOf(node)
  }
}
