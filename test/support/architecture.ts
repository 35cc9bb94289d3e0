/** The house: which folder may import what, and the checks that hold an import graph to it. */
import type { Edge, Graph } from './module-graph.ts'

/** Folders (`domain`), single files (`errors.ts`, `engine/status.ts`). A folder without the inner ones that have rules of their own. */
export interface Allowed {
  readonly values: readonly string[]
  /** Beyond the values, as `import type` only: contracts, which weigh nothing and tie nothing at run time. */
  readonly types?: readonly string[]
}

export interface House {
  readonly folders: Readonly<Record<string, Allowed>>
  /** Where each library is at home. */
  readonly libraries: Readonly<Record<string, Allowed>>
  /** Folders that run in Node only, and may use its own modules. */
  readonly node: readonly string[]
  /** Folders whose `index.ts` is a door of the package; `''` is the root. */
  readonly doors: readonly string[]
  /** Doors, and what their values must never reach. */
  readonly light: Readonly<Record<string, readonly string[]>>
  readonly maxLines: number
}

const base = ['errors.ts', 'domain']
/** The engine's surface: plain data and interfaces, which both its sides and both sides of the channel speak. */
const contracts = ['engine/engine.ts', 'engine/inside.ts', 'engine/status.ts', 'engine/trace.ts', 'sync/receipt.ts', 'sync/status.ts']

export const house: House = {
  folders: {
    'index.ts': { values: base },
    'errors.ts': { values: [] },
    'internal': { values: [] },
    'domain': { values: ['errors.ts', 'internal'] },
    'storage': { values: [...base, 'internal'] },
    'storage/memory': { values: [...base, 'internal', 'storage'] },
    'storage/indexeddb': { values: [...base, 'internal', 'storage'] },
    'storage/postgres': { values: [...base, 'internal', 'storage'] },
    'write': { values: [...base, 'internal', 'storage'], types: contracts },
    'read': { values: [...base, 'internal', 'storage'], types: contracts },
    'engine': { values: [...base, 'internal', 'storage', 'write', 'read'] },
    'sync/protocol.ts': { values: [] },
    'sync/requests.ts': { values: ['sync/protocol.ts'] },
    'sync/wire-value.ts': { values: ['internal'], types: ['sync/protocol.ts'] },
    'sync/status.ts': { values: [] },
    'sync/receipt.ts': { values: [] },
    'sync/synced-log.ts': { values: [], types: ['storage', 'sync/protocol.ts', 'sync/requests.ts'] },
    'sync': {
      values: [...base, 'internal', 'storage', 'write', 'sync/protocol.ts', 'sync/wire-value.ts', 'sync/inbox-model.ts'],
      types: [...contracts, 'sync/requests.ts', 'sync/synced-log.ts'],
    },
    'sync/inbox-model.ts': { values: ['domain', 'sync'], types: ['sync/receipt.ts'] },
    'channel': { values: [...base, 'internal'], types: contracts },
    // Whoever starts a worker without sync carries none of it.
    'worker': {
      values: [...base, 'internal', 'storage', 'storage/indexeddb', 'engine', 'channel'],
      types: ['sync', 'sync/status.ts', 'engine/inside.ts'],
    },
    'client': { values: [...base, 'internal', 'channel'], types: contracts },
    'dexie': { values: ['errors.ts', 'read/stored-rows.ts'] },
    'react': { values: ['errors.ts', 'internal', 'client'], types: ['domain', ...contracts] },
    'server': {
      values: [
        ...base,
        'internal',
        'storage',
        'storage/memory',
        'storage/postgres',
        'write',
        'engine',
        'sync/protocol.ts',
        'sync/requests.ts',
        'sync/wire-value.ts',
      ],
    },
    'server/command-line.ts': { values: [...base, 'server'] },
    'server/bin.ts': { values: ['errors.ts', 'server/command-line.ts'] },
    'testing': {
      values: [
        ...base,
        'internal',
        'storage',
        'storage/memory',
        'write',
        'read',
        'engine',
        'channel',
        'client',
        'worker',
        'testing/simulation',
        'server',
      ],
    },
    // The one place where all of it meets.
    'testing/simulation': {
      values: [...base, 'internal', 'storage', 'storage/memory', 'engine', 'client', 'worker', 'sync', 'server'],
      types: ['write', 'read', ...contracts, 'sync/synced-log.ts'],
    },
  },
  libraries: {
    'zod': { values: ['domain', 'sync/protocol.ts', 'sync/requests.ts', 'sync/inbox-model.ts'], types: ['sync'] },
    'dexie': { values: ['dexie'] },
    'rxjs': {
      values: ['read', 'engine', 'sync', 'client', 'server'],
      types: ['channel', 'worker', 'react', 'testing', 'sync/synced-log.ts'],
    },
    'comlink': { values: ['worker', 'client'], types: ['channel'] },
    'react': { values: ['react'] },
    'eventsource-parser': { values: ['sync'] },
    'pg': { values: ['storage/postgres'] },
    '@electric-sql/pglite': { values: ['storage/postgres'] },
    'hono': { values: ['server'] },
    '@hono/node-server': { values: ['server/command-line.ts'] },
  },
  node: ['storage/postgres', 'server/command-line.ts'],
  doors: ['', 'worker', 'client', 'sync', 'react', 'dexie', 'server', 'testing'],
  light: {
    'client/index.ts': ['zod', 'dexie'],
    'react/index.ts': ['zod', 'dexie'],
    'index.ts': ['dexie', 'rxjs'],
    'worker/index.ts': ['dexie', 'eventsource-parser'],
    'sync/index.ts': ['dexie', 'comlink'],
    'server/index.ts': ['dexie', 'comlink', '@hono/node-server'],
    'dexie/index.ts': ['zod', 'rxjs', 'comlink'],
  },
  maxLines: 400,
}

/** The innermost entry of the table that a file belongs to. */
export function homeOf(file: string, folders: House['folders']): string | undefined {
  const parts = file.split('/')
  return parts.map((_, i) => parts.slice(0, parts.length - i).join('/')).find((path) => Object.hasOwn(folders, path))
}

const covers = (allowed: readonly string[], file: string, home: string | undefined): boolean =>
  allowed.includes(file) || (home !== undefined && allowed.includes(home))

/** Each import that points the wrong way, as a sentence. */
export function wrongDirections(graph: Graph, { folders, libraries, node }: House): string[] {
  return [...graph].flatMap(([file, { edges }]) => {
    const home = homeOf(file, folders)
    if (home === undefined) return [`${file} is in no folder of the house.`]
    return edges.flatMap((edge) =>
      edge.file === undefined ? strayLibrary(file, home, edge, { libraries, node }) : strayFile(file, home, edge, edge.file),
    )
  })

  function strayFile(file: string, home: string, edge: Edge, target: string): string[] {
    if (!graph.has(target)) return [`${file} imports ${edge.specifier}, which is no file (write it with its extension).`]
    const targetHome = homeOf(target, folders)
    const { values, types = [] } = folders[home] as Allowed
    if (targetHome === home || covers(values, target, targetHome)) return []
    if (!covers(types, target, targetHome)) return [`${file} imports ${target}: ${home} may not import ${targetHome ?? target}.`]
    return edge.kind === 'type' ? [] : [`${file} imports values of ${target}: ${home} may import its types only.`]
  }
}

function strayLibrary(file: string, home: string, edge: Edge, { libraries, node }: Pick<House, 'libraries' | 'node'>): string[] {
  if (edge.specifier.startsWith('node:')) {
    return node.includes(home) ? [] : [`${file} imports ${edge.specifier}: ${home} runs where there is no Node.`]
  }
  const name = /^(@[^/]+\/)?[^/]+/.exec(edge.specifier)?.[0] ?? edge.specifier
  const allowed = Object.hasOwn(libraries, name) ? libraries[name] : undefined
  if (!allowed) return [`${file} imports ${edge.specifier}, which is at home nowhere.`]
  if (allowed.values.includes(home)) return []
  if (!allowed.types?.includes(home)) return [`${file} imports ${name}, which is at home in ${allowed.values.join(', ')}.`]
  return edge.kind === 'type' ? [] : [`${file} imports values of ${name}: ${home} may import its types only.`]
}

const valuesOf = (graph: Graph, file: string): string[] =>
  (graph.get(file)?.edges ?? []).flatMap((edge) => (edge.kind === 'value' && edge.file !== undefined ? [edge.file] : []))

/** Each knot of files that need one another's values, as the way around it. */
export function cycles(graph: Graph): string[] {
  const done = new Set<string>()
  const found: string[] = []
  const visit = (file: string, way: readonly string[]): void => {
    const before = way.indexOf(file)
    if (before >= 0) found.push([...way.slice(before), file].join(' → '))
    if (before >= 0 || done.has(file)) return
    for (const next of valuesOf(graph, file)) visit(next, [...way, file])
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
  return found
}

/** `index.ts` files that are no door, doors without one, and imports of a door from inside. */
export function wrongDoors(graph: Graph, { doors }: House): string[] {
  const expected = doors.map((folder) => (folder === '' ? 'index.ts' : `${folder}/index.ts`))
  const present = [...graph.keys()].filter((file) => /(^|\/)index\.tsx?$/.test(file))
  return [
    ...present.filter((file) => !expected.includes(file)).map((file) => `${file} is no door: name the file after what it holds.`),
    ...expected.filter((file) => !present.includes(file)).map((file) => `The door ${file} is missing.`),
    ...[...graph].flatMap(([file, { edges }]) =>
      edges
        .filter((edge) => edge.file !== undefined && present.includes(edge.file))
        .map((edge) => `${file} imports the door ${edge.specifier}.`),
    ),
  ]
}

/** Each library that a light door's values reach although they must not, with the way to it. */
export function heavyDoors(graph: Graph, { light }: House): string[] {
  return Object.entries(light).flatMap(([door, forbidden]) => {
    const ways = new Map([[door, door]])
    for (const [file, way] of ways) for (const next of valuesOf(graph, file)) if (!ways.has(next)) ways.set(next, `${way} → ${next}`)
    return [...ways].flatMap(([file, way]) =>
      (graph.get(file)?.edges ?? [])
        .filter(
          ({ kind, specifier }) => kind === 'value' && forbidden.some((name) => specifier === name || specifier.startsWith(`${name}/`)),
        )
        .map(({ specifier }) => `${way} → ${specifier}: whoever loads ${door} would load ${specifier}.`),
    )
  })
}

/** Modules that cannot be loaded everywhere, because evaluating them reads what only some surroundings have. */
export const boundModules = (graph: Graph): string[] =>
  [...graph].flatMap(([file, { ambient }]) => ambient.map((name) => `${file} reads ${name} when it is loaded: read it in a function.`))

export const oversized = (graph: Graph, limit: number): string[] =>
  [...graph]
    .filter(([, { lines }]) => lines > limit)
    .map(([file, { lines }]) => `${file} has ${lines} lines, more than ${limit}: look for the second noun.`)
